"""Let officers see who looks at an incident, hand over to the next shift, and find cameras on a map"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('incident_viewers',
    sa.Column('incident_id', sa.Uuid(), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(length=120), nullable=False),
    sa.Column('seen_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(
        ['user_id'], ['users.id'], name=op.f('fk_incident_viewers_user_id_users'), ondelete='CASCADE'
    ),
    sa.PrimaryKeyConstraint('incident_id', 'user_id', name=op.f('pk_incident_viewers'))
    )
    op.create_index(op.f('ix_incident_viewers_seen_at'), 'incident_viewers', ['seen_at'])
    op.create_table('shift_notes',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('place_id', sa.String(length=63), nullable=False),
    sa.Column('begins_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ends_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('written_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('author_id', sa.Integer(), nullable=False),
    sa.Column('author_name', sa.String(length=120), nullable=False),
    sa.Column('to_id', sa.Integer(), nullable=True),
    sa.Column('to_name', sa.String(length=120), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('open_incidents', sa.JSON().with_variant(postgresql.JSONB(), 'postgresql'), nullable=False),
    sa.Column('open_count', sa.Integer(), nullable=False),
    sa.Column('confirmed_by_id', sa.Integer(), nullable=True),
    sa.Column('confirmed_by_name', sa.String(length=120), nullable=True),
    sa.Column('confirmed_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['author_id'], ['users.id'], name=op.f('fk_shift_notes_author_id_users')),
    sa.ForeignKeyConstraint(['confirmed_by_id'], ['users.id'], name=op.f('fk_shift_notes_confirmed_by_id_users')),
    sa.ForeignKeyConstraint(['place_id'], ['places.id'], name=op.f('fk_shift_notes_place_id_places')),
    sa.ForeignKeyConstraint(['to_id'], ['users.id'], name=op.f('fk_shift_notes_to_id_users')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_shift_notes'))
    )
    op.create_index(op.f('ix_shift_notes_place_id_written_at'), 'shift_notes', ['place_id', 'written_at'])
    op.add_column('cameras', sa.Column('latitude', sa.Double(), nullable=True))
    op.add_column('cameras', sa.Column('longitude', sa.Double(), nullable=True))


def downgrade() -> None:
    op.drop_column('cameras', 'longitude')
    op.drop_column('cameras', 'latitude')
    op.drop_table('shift_notes')
    op.drop_table('incident_viewers')
