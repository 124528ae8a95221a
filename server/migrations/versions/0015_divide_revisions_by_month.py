# ruff: noqa: S608 (names and times of this file)
"""Divide the revisions of events by month, on PostgreSQL

The table that is there becomes the partition of all older ids as it is: nothing is copied, one scan proves its bounds.
Writers wait for that scan (their devices send again); programs of before go on with the same table name and columns.
The foreign key to `events` goes: a month's revisions stay, emptied, until their partition is dropped as a whole.
"""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_AHEAD = 3
_DEVICES = "CONSTRAINT fk_event_revisions_device_id_devices FOREIGN KEY (device_id) REFERENCES devices (id)"
_KEY = "PRIMARY KEY (event_id, revision)"


def upgrade() -> None:
    bind = op.get_bind()
    if bind.dialect.name != "postgresql":
        return
    # Before any other lock: whoever writes revisions has read them first, and lets go of everything at its end.
    op.execute("LOCK TABLE event_revisions IN ACCESS EXCLUSIVE MODE")
    is_used = bind.scalar(sa.text("SELECT EXISTS (SELECT FROM event_revisions)"))
    now = datetime.now(UTC)
    this = now.year * 12 + now.month - 1
    first = this + 1 if is_used else this
    op.execute("ALTER TABLE event_revisions DROP CONSTRAINT fk_event_revisions_event_id_events")
    op.execute("ALTER TABLE event_revisions RENAME CONSTRAINT pk_event_revisions TO pk_event_revisions_before")
    op.execute("ALTER TABLE event_revisions RENAME TO event_revisions_before")
    op.execute(
        f"CREATE TABLE event_revisions (LIKE event_revisions_before INCLUDING DEFAULTS,"
        f" CONSTRAINT pk_event_revisions {_KEY}, {_DEVICES}) PARTITION BY RANGE (event_id)"
    )
    op.execute("CREATE TABLE event_revisions_other PARTITION OF event_revisions DEFAULT")
    op.execute(
        f"WITH moved AS (DELETE FROM event_revisions_before WHERE event_id >= '{_first_id(first)}' RETURNING *)"
        " INSERT INTO event_revisions_other SELECT * FROM moved"
    )
    op.execute(
        "ALTER TABLE event_revisions ATTACH PARTITION event_revisions_before"
        f" FOR VALUES FROM (MINVALUE) TO ('{_first_id(first)}')"
    )
    for month in range(first, this + _AHEAD + 1):
        name, lower, upper = _name(month), _first_id(month), _first_id(month + 1)
        op.execute(f"CREATE TABLE {name} (LIKE event_revisions INCLUDING DEFAULTS INCLUDING INDEXES)")
        op.execute(
            f"WITH moved AS (DELETE FROM event_revisions_other WHERE event_id >= '{lower}' AND event_id < '{upper}'"
            f" RETURNING *) INSERT INTO {name} SELECT * FROM moved"
        )
        op.execute(f"ALTER TABLE event_revisions ATTACH PARTITION {name} FOR VALUES FROM ('{lower}') TO ('{upper}')")


def downgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute("ALTER TABLE event_revisions RENAME CONSTRAINT pk_event_revisions TO pk_event_revisions_divided")
    op.execute("ALTER TABLE event_revisions RENAME TO event_revisions_divided")
    events = "CONSTRAINT fk_event_revisions_event_id_events FOREIGN KEY (event_id) REFERENCES events (event_id)"
    op.execute(
        "CREATE TABLE event_revisions (LIKE event_revisions_divided INCLUDING DEFAULTS,"
        f" CONSTRAINT pk_event_revisions {_KEY}, {_DEVICES}, {events})"
    )
    op.execute(
        "INSERT INTO event_revisions SELECT r.* FROM event_revisions_divided r"
        " WHERE EXISTS (SELECT FROM events e WHERE e.event_id = r.event_id)"
    )
    op.execute("DROP TABLE event_revisions_divided")


def _first_id(month: int) -> str:
    """The smallest UUIDv7 of a month, counted from the year 0."""
    at = datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC)
    digits = f"{int(at.timestamp() * 1000) << 80:032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _name(month: int) -> str:
    return f"event_revisions_{month // 12:04}_{month % 12 + 1:02}"
