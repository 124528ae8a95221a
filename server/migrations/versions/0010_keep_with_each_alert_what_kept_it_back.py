"""Keep with each alert what was decided about it, and what kept it back"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_TABLES = ("alerts", "alert_outbox")


def upgrade() -> None:
    for table in _TABLES:
        op.add_column(table, sa.Column("decision", sa.String(24), nullable=True))
        op.add_column(table, sa.Column("silence_id", sa.Integer(), nullable=True))
        op.add_column(table, sa.Column("inhibited_by_id", sa.Uuid(), nullable=True))


def downgrade() -> None:
    for table in _TABLES:
        for name in ("decision", "silence_id", "inhibited_by_id"):
            op.drop_column(table, name)
