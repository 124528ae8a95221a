"""Know why a camera is not well"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("cameras", sa.Column("health_reason", sa.String(length=20), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("cameras", "health_reason")
