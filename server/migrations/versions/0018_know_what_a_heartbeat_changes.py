"""Know what a heartbeat changes"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_COLUMNS = (
    ("beat_digest", sa.LargeBinary(length=32)),
    ("beat_written_at", sa.DateTime(timezone=True)),
    ("beat_signed_at", sa.DateTime(timezone=True)),
)


def upgrade() -> None:
    for name, kind in _COLUMNS:
        op.add_column("devices", sa.Column(name, kind, nullable=True))  # not in batch mode: the table has triggers


def downgrade() -> None:
    for name, _kind in reversed(_COLUMNS):
        op.drop_column("devices", name)
