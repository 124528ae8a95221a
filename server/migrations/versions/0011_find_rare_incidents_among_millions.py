"""Find the incidents of a rare kind or state among millions"""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_INDEXES = (
    ("kind", "first_at", "id"),
    ("village_id", "state", "first_at", "id"),
    ("village_id", "kind", "first_at", "id"),
)


def upgrade() -> None:
    for columns in _INDEXES:
        op.create_index(op.f(f"ix_incidents_{'_'.join(columns)}"), "incidents", list(columns))


def downgrade() -> None:
    for columns in _INDEXES:
        op.drop_index(op.f(f"ix_incidents_{'_'.join(columns)}"), "incidents")
