# ruff: noqa: S608 (names of this file)
"""Count the changes of places, silences, devices and of whose a camera is

Triggers count: no writer can forget it, not even one of a release before. Whoever makes one of these tables anew
(SQLite's batch mode does) makes its triggers anew, too: `tests/integration/server/test_standing.py` asks for them.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_WATCHED = {
    # table: (counter, columns whose change counts; none: all)
    "places": ("site", ""),
    "site_documents": ("site", ""),
    "silences": ("silences", ""),
    "devices": ("devices", " OF id, name, place_id, revoked_at"),
    "device_keys": ("devices", ""),
    "cameras": ("cameras", " OF id, device_id, village_id"),
}


def upgrade() -> None:
    table = op.create_table(
        "change_counters",
        sa.Column("name", sa.String(length=16), nullable=False),
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_change_counters")),
    )
    op.bulk_insert(table, [{"name": name, "number": 0} for name in ("site", "silences", "devices", "cameras")])
    if op.get_bind().dialect.name == "postgresql":
        op.execute("""
            CREATE FUNCTION count_change() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                UPDATE change_counters SET number = number + 1 WHERE name = TG_ARGV[0];
                RETURN NULL;
            END $$""")
        for watched, (counter, columns) in _WATCHED.items():
            op.execute(
                f"CREATE TRIGGER count_change AFTER INSERT OR UPDATE{columns} OR DELETE OR TRUNCATE ON {watched}"
                f" FOR EACH STATEMENT EXECUTE FUNCTION count_change('{counter}')"
            )
        return
    for watched, (counter, columns) in _WATCHED.items():
        for action in ("INSERT", f"UPDATE{columns}", "DELETE"):
            op.execute(
                f"CREATE TRIGGER count_change_{watched}_{action.split()[0].lower()} AFTER {action} ON {watched}"
                f" BEGIN UPDATE change_counters SET number = number + 1 WHERE name = '{counter}'; END"
            )


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION count_change() CASCADE")
    else:
        for watched in _WATCHED:
            for action in ("insert", "update", "delete"):
                op.execute(f"DROP TRIGGER count_change_{watched}_{action}")
    op.drop_table("change_counters")
