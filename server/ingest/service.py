"""Takes batches of events: checked one by one, idempotent, in one transaction.

The server's requests go through one `Intake`, which lets them share transactions; `ingest` is for one caller alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from server.clock import Clock
from server.db.engine import Database
from server.domain.access import Principal
from server.ingest.batch import MAX_AGE, MAX_AHEAD
from server.ingest.bodies import Taken, Verdict, read_body
from server.ingest.intake import Intake
from server.ingest.items import Delivery
from server.ingest.pictures import show_picture

__all__ = ["MAX_AGE", "MAX_AHEAD", "Delivery", "Intake", "Taken", "Verdict", "ingest", "read_body", "show_picture"]


def ingest(
    database: Database,
    clock: Clock,
    zone: ZoneInfo,
    device: Principal,
    bodies: Sequence[dict[str, Any]],
    *,
    clock_offset: timedelta = timedelta(0),
    request_id: str = "",
) -> tuple[Taken, ...]:
    """Store a batch and group it into incidents. When this returns, everything it says is on disk.

    Args:
        database: Where to.
        clock: The time.
        zone: The site's time zone.
        device: The device that sent the batch.
        bodies: Events as they came; each is validated by itself.
        clock_offset: The device's clock minus ours, as it is now.
        request_id: For the audit log.

    Returns:
        One for each body, in order.

    Raises:
        Unavailable: Nothing of the batch was stored; send it again.
    """
    delivery = Delivery(device, tuple(map(read_body, bodies)), clock_offset, request_id)
    return Intake(database, clock, zone).take(delivery)
