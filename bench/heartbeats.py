"""What a heartbeat costs the server: written whole each time as before, against "as before" written together.

Counts the statements and the processor time of the server's code for a fleet of boxes with eight cameras each, in turns
in one process, and ends with a JSON line. The clock is moved, not waited for: each round is 15 s.

    python -m bench.heartbeats [--boxes 60] [--rounds 8] [--database postgresql://...]
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import event

from contract.event import Heartbeat
from server import create_services, migrations
from server.cameras import heartbeats as taking
from server.cameras.heartbeats import Beat, Heartbeats
from server.devices import service as devices
from server.domain.access import Principal, Role
from server.domain.watching import TOLD_EVERY
from server.places import service as places
from server.services import Services
from server.settings import Settings
from server.storage import copies
from tests.support.village import SITE, MovableClock

CAMERAS = 8
EVERY_S = 15


class Fleet:
    """Boxes that send heartbeats to the server's code, without HTTP and signatures."""

    def __init__(self, parts: Services, clock: MovableClock, boxes: int) -> None:
        self._parts, self._clock = parts, clock
        self._boxes = [f"box-{number}" for number in range(boxes)]
        with parts.database.write() as session:
            for box in self._boxes:
                devices.create_device(session, clock, device_id=box, place_id="village-a")
        self._nonce = 0
        self.statements: Counter[str] = Counter()
        event.listen(parts.database.engine, "before_cursor_execute", self._count)

    def _count(self, _c: object, _cursor: object, statement: str, *_: object) -> None:
        self.statements[statement.split(maxsplit=1)[0].upper()] += 1

    def round(self, heartbeats: Heartbeats) -> float:
        """One heartbeat of each box, spread over 15 s; gives the seconds of processor time."""
        began = time.process_time()
        for box in self._boxes:
            self._clock.advance(seconds=EVERY_S / len(self._boxes))
            heartbeats.take(self._parts.database, self._beat(box), copies.wishes_for)
        return time.process_time() - began

    def _beat(self, box: str) -> Beat:
        now = self._clock.utc()
        self._nonce += 1
        nonce = f"nonce-{self._nonce}"
        cameras: list[dict[str, Any]] = [
            {"camera_id": f"{box}-{number}", "health": "ok", "fps_in": 5.0 + self._nonce % 7 / 10}
            for number in range(CAMERAS)
        ]
        heartbeat = Heartbeat.model_validate(
            {"sent_at": now, "software_version": "1", "outbox_events": 0, "outbox_media": 0, "cameras": cameras}
        )
        device = Principal(Role.DEVICE, box, box, "village-a")
        return Beat(device, heartbeat, now, now, lambda session: devices.use_once(session, box, nonce, now))


def main() -> None:
    """Print the table and the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--boxes", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--database", default="", help="an empty PostgreSQL; SQLite in a temporary folder otherwise")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="langan-beats-") as folder:
        clock = MovableClock()
        settings = Settings.model_validate({"data_dir": Path(folder), "database_url": options.database})
        parts = create_services(settings.prepared(), clock)
        migrations.upgrade(parts.database)
        with parts.database.write() as session:
            places.sync(session, clock, SITE, "site.yaml")
        print(json.dumps(measure(parts, clock, options.boxes, options.rounds)))
        parts.database.close()


def measure(parts: Services, clock: MovableClock, boxes: int, rounds: int) -> dict[str, float | str]:
    """Both ways in turns; gives what each costs for one heartbeat."""
    fleet = Fleet(parts, clock, boxes)
    together, told_every = Heartbeats(), TOLD_EVERY
    fleet.round(together)  # rows are made
    spent: dict[str, float] = {}
    counted: dict[str, Counter[str]] = {}
    for _ in range(rounds):
        for name, every in (("whole", timedelta(0)), ("together", told_every)):
            taking.TOLD_EVERY = every  # type: ignore[attr-defined]
            # Four rounds are a minute: the fourth of "together" is written whole.
            for _ in range(4):
                fleet.statements.clear()
                spent[name] = spent.get(name, 0.0) + fleet.round(together)
                counted.setdefault(name, Counter()).update(fleet.statements)
    taking.TOLD_EVERY = told_every  # type: ignore[attr-defined]
    beats = boxes * rounds * 4
    found: dict[str, float | str] = {"database": parts.database.dialect, "boxes": boxes, "cameras_each": CAMERAS}
    print(f"{'':10} {'statements':>11} {'that write':>11} {'CPU ms':>8}   for each heartbeat")
    for name, statements in counted.items():
        writing = sum(number for word, number in statements.items() if word in {"INSERT", "UPDATE", "DELETE"})
        numbers = (statements.total() / beats, writing / beats, spent[name] / beats * 1000)
        print(f"{name:10} {numbers[0]:11.2f} {numbers[1]:11.2f} {numbers[2]:8.2f}")
        for word, number in zip(("statements", "writing", "cpu_ms"), numbers, strict=True):
            found[f"{name}_{word}"] = round(number, 2)
    return found


if __name__ == "__main__":
    main()
