"""Know who has an incident, how long people took, what was done by hand, and what kept its alerts back"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
_MERGED = "merged_into_id IS NOT NULL"
_ABOUT_CAMERA_OPEN = "state <> 'end' AND kind IN ('camera_offline', 'camera_tampered')"
_INCIDENT_COLUMNS = (
    "reach_at",
    "school_hours",
    "acknowledged_at",
    "dispatched_at",
    "closed_at",
    "by_hand",
    "alert_decision",
    "silence_id",
    "inhibited_by_id",
)


def upgrade() -> None:
    op.add_column("incidents", sa.Column("reach_at", _TIME, nullable=True))
    op.add_column("incidents", sa.Column("school_hours", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("incidents", sa.Column("acknowledged_at", _TIME, nullable=True))
    op.add_column("incidents", sa.Column("dispatched_at", _TIME, nullable=True))
    op.add_column("incidents", sa.Column("closed_at", _TIME, nullable=True))
    if op.get_bind().dialect.name == "sqlite":  # where a constraint cannot be added, only a column with one
        op.execute("ALTER TABLE incidents ADD COLUMN assigned_to_id INTEGER REFERENCES users (id)")
    else:
        op.add_column("incidents", sa.Column("assigned_to_id", sa.Integer(), nullable=True))
        name = op.f("fk_incidents_assigned_to_id_users")
        op.create_foreign_key(name, "incidents", "users", ["assigned_to_id"], ["id"])
    op.add_column("incidents", sa.Column("by_hand", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("incidents", sa.Column("alert_decision", sa.String(24), server_default="alert", nullable=False))
    op.add_column("incidents", sa.Column("silence_id", sa.Integer(), nullable=True))
    op.add_column("incidents", sa.Column("inhibited_by_id", sa.Uuid(), nullable=True))
    op.create_index(op.f("ix_incidents_first_at_id"), "incidents", ["first_at", "id"])
    op.create_index(op.f("ix_incidents_state_first_at"), "incidents", ["state", "first_at"])
    op.create_index(
        op.f("ix_incidents_merged_into_id"),
        "incidents",
        ["merged_into_id"],
        sqlite_where=sa.text(_MERGED),
        postgresql_where=sa.text(_MERGED),
    )
    op.add_column("incident_steps", sa.Column("version", sa.Integer(), nullable=True))
    op.add_column("incident_steps", sa.Column("other_id", sa.Uuid(), nullable=True))
    op.add_column("incident_steps", sa.Column("silence_id", sa.Integer(), nullable=True))
    op.add_column("events", sa.Column("came_from_id", sa.Uuid(), nullable=True))
    op.create_index(
        "ix_events_about_camera",
        "events",
        ["village_id"],
        sqlite_where=sa.text(_ABOUT_CAMERA_OPEN),
        postgresql_where=sa.text(_ABOUT_CAMERA_OPEN),
    )
    op.add_column("cameras", sa.Column("near", _JSON, nullable=True))
    op.create_table(
        "silences",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("is_maintenance", sa.Boolean(), nullable=False),
        sa.Column("place_id", sa.String(63), nullable=False),
        sa.Column("kinds", _JSON, nullable=False),
        sa.Column("camera_ids", _JSON, nullable=False),
        sa.Column("spots", _JSON, nullable=False),
        sa.Column("up_to", sa.String(24), nullable=True),
        sa.Column("starts_at", _TIME, nullable=False),
        sa.Column("ends_at", _TIME, nullable=False),
        sa.Column("weekdays", _JSON, nullable=True),
        sa.Column("from_minute", sa.Integer(), nullable=True),
        sa.Column("to_minute", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("author", sa.String(80), nullable=False),
        sa.Column("author_name", sa.String(120), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=True),
        sa.Column("ended_by_name", sa.String(120), nullable=True),
        sa.ForeignKeyConstraint(["place_id"], ["places.id"], name=op.f("fk_silences_place_id_places")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_silences")),
    )
    op.create_index(op.f("ix_silences_ends_at"), "silences", ["ends_at"])


def downgrade() -> None:
    op.drop_table("silences")
    op.drop_column("cameras", "near")
    op.drop_index("ix_events_about_camera", "events")
    op.drop_column("events", "came_from_id")
    for name in ("version", "other_id", "silence_id"):
        op.drop_column("incident_steps", name)
    for name in ("first_at_id", "state_first_at", "merged_into_id"):
        op.drop_index(op.f(f"ix_incidents_{name}"), "incidents")
    for name in _INCIDENT_COLUMNS:
        op.drop_column("incidents", name)
    if op.get_bind().dialect.name == "sqlite":
        with op.batch_alter_table("incidents") as table:
            table.drop_column("assigned_to_id")
    else:
        op.drop_column("incidents", "assigned_to_id")
