"""Let devices prove who they are with a key: keys, one-time codes, guesses at codes, used nonces"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "device_keys",
        sa.Column("device_id", sa.String(63), nullable=False),
        sa.Column("public_key", sa.LargeBinary(32), nullable=False),
        sa.Column("enrolled_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("device_id", name=op.f("pk_device_keys")),
        _of_device("device_keys"),
    )
    op.create_table(
        "enrolment_codes",
        sa.Column("code_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("device_id", sa.String(63), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_by_key", sa.LargeBinary(32), nullable=True),
        sa.PrimaryKeyConstraint("code_hash", name=op.f("pk_enrolment_codes")),
        _of_device("enrolment_codes"),
    )
    op.create_index(op.f("ix_enrolment_codes_device_id"), "enrolment_codes", ["device_id"])
    op.create_table(
        "enrolment_guesses",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enrolment_guesses")),
    )
    op.create_index(op.f("ix_enrolment_guesses_at"), "enrolment_guesses", ["at"])
    op.create_index(op.f("ix_enrolment_guesses_address_at"), "enrolment_guesses", ["address", "at"])
    op.create_table(
        "device_nonces",
        sa.Column("device_id", sa.String(63), nullable=False),
        sa.Column("nonce", sa.String(64), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("device_id", "nonce", name=op.f("pk_device_nonces")),
        _of_device("device_nonces"),
    )
    op.create_index(op.f("ix_device_nonces_device_id_expires_at"), "device_nonces", ["device_id", "expires_at"])


def downgrade() -> None:
    for table in ("device_nonces", "enrolment_guesses", "enrolment_codes", "device_keys"):
        op.drop_table(table)


def _of_device(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["device_id"], ["devices.id"], name=op.f(f"fk_{table}_device_id_devices"))
