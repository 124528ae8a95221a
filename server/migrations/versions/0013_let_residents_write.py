"""Let residents write, be answered, and say whom they ask; keep a picture that was not covered from them"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('feedback',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('village_id', sa.String(length=63), nullable=False),
    sa.Column('author_id', sa.Integer(), nullable=True),
    sa.Column('about', sa.String(length=24), nullable=False),
    sa.Column('incident_id', sa.Uuid(), nullable=True),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('state', sa.String(length=24), nullable=False),
    sa.Column('answer', sa.Text(), nullable=False),
    sa.Column('public_text', sa.Text(), nullable=False),
    sa.Column('answered_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('answered_by_name', sa.String(length=120), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['author_id'], ['users.id'], name=op.f('fk_feedback_author_id_users'), ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['village_id'], ['places.id'], name=op.f('fk_feedback_village_id_places')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_feedback'))
    )
    op.create_index(op.f('ix_feedback_author_id'), 'feedback', ['author_id'])
    op.create_index(op.f('ix_feedback_created_at'), 'feedback', ['created_at'])
    op.create_index(op.f('ix_feedback_village_id_state_created_at'), 'feedback', ['village_id', 'state', 'created_at'])
    op.add_column('places', sa.Column('contact', sa.String(length=200), nullable=False, server_default=''))
    op.add_column('incidents', sa.Column('picture_hidden_at', sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column('incidents', 'picture_hidden_at')
    op.drop_column('places', 'contact')
    op.drop_table('feedback')
