"""Find the files that are in use among years of those that went"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_IN_USE = sa.text("removed_at IS NULL")


def upgrade() -> None:
    op.create_index(
        "ix_evidence_files_in_use",
        "evidence_files",
        ["stored_at", "sha256"],
        sqlite_where=_IN_USE,
        postgresql_where=_IN_USE,
    )


def downgrade() -> None:
    op.drop_index("ix_evidence_files_in_use", "evidence_files")
