"""Let alerts wait for their number in a table of their own"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "alert_outbox",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("village_id", sa.String(length=63), nullable=False),
        sa.Column("change", sa.String(length=24), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name=op.f("fk_alert_outbox_incident_id_incidents")),
        sa.ForeignKeyConstraint(["village_id"], ["places.id"], name=op.f("fk_alert_outbox_village_id_places")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_outbox")),
    )


def downgrade() -> None:
    op.drop_table("alert_outbox")
