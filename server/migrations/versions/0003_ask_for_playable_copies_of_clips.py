"""Ask for playable copies of clips, and know which evidence will not come"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("evidence_references", sa.Column("gone_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "clip_copies",
        sa.Column("clip_sha256", sa.String(length=64), nullable=False),
        sa.Column("device_id", sa.String(length=63), nullable=False),
        sa.Column("size_bytes", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("failure", sa.String(length=20), nullable=False),
        sa.Column("copy_sha256", sa.String(length=64), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_by", sa.String(length=80), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["device_id"], ["devices.id"], name=op.f("fk_clip_copies_device_id_devices")),
        sa.PrimaryKeyConstraint("clip_sha256", name=op.f("pk_clip_copies")),
    )
    op.create_index(op.f("ix_clip_copies_copy_sha256"), "clip_copies", ["copy_sha256"], unique=False)
    op.create_index(op.f("ix_clip_copies_device_id_state"), "clip_copies", ["device_id", "state"], unique=False)


def downgrade() -> None:
    op.drop_table("clip_copies")
    op.drop_column("evidence_references", "gone_at")
