"""Keep work to be done, notifications, holds, and what was deleted and why"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('audit_base',
    sa.Column('id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('sequence', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('hash', sa.LargeBinary(length=32), nullable=False),
    sa.Column('seal', sa.LargeBinary(length=32), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_audit_base'))
    )
    op.create_table('deletions',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('what', sa.String(length=24), nullable=False),
    sa.Column('subject', sa.String(length=140), nullable=False),
    sa.Column('village_id', sa.String(length=63), nullable=True),
    sa.Column('incident_id', sa.Uuid(), nullable=True),
    sa.Column('rows', sa.Integer(), nullable=False),
    sa.Column('size_bytes', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.CheckConstraint("reason <> ''", name=op.f('ck_deletions_reason')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_deletions'))
    )
    op.create_index(op.f('ix_deletions_at'), 'deletions', ['at'], unique=False)
    op.create_index(op.f('ix_deletions_incident_id_what'), 'deletions', ['incident_id', 'what'], unique=False)
    op.create_index(op.f('ix_deletions_what_at'), 'deletions', ['what', 'at'], unique=False)
    op.create_table('jobs',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('name', sa.String(length=60), nullable=False),
    sa.Column('unique_key', sa.String(length=120), nullable=True),
    sa.Column('arguments', sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), 'postgresql'), nullable=False),
    sa.Column('due_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('leased_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('leased_by', sa.String(length=80), nullable=False),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('last_error', sa.String(length=500), nullable=False),
    sa.Column('last_done_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_jobs')),
    sa.UniqueConstraint('unique_key', name=op.f('uq_jobs_unique_key'))
    )
    op.create_index(op.f('ix_jobs_due_at'), 'jobs', ['due_at'], unique=False)
    op.create_table('notification_outbox',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('incident_id', sa.Uuid(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_notification_outbox'))
    )
    op.create_table('notification_channels',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('kind', sa.String(length=24), nullable=False),
    sa.Column('address', sa.String(length=1000), nullable=False),
    sa.Column('min_severity', sa.String(length=24), nullable=False),
    sa.Column('kinds', sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), 'postgresql'), nullable=False),
    sa.Column('places', sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), 'postgresql'), nullable=False),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('confirmed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('code_hash', sa.LargeBinary(length=32), nullable=True),
    sa.Column('code_expires_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('code_attempts', sa.Integer(), nullable=False),
    sa.Column('last_sent_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('last_error', sa.String(length=300), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_notification_channels_user_id_users'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_notification_channels')),
    sa.UniqueConstraint('user_id', 'kind', 'address', name=op.f('uq_notification_channels_user_id_kind_address'))
    )
    op.create_index(op.f('ix_notification_channels_user_id'), 'notification_channels', ['user_id'], unique=False)
    op.create_table('legal_holds',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('incident_id', sa.Uuid(), nullable=False),
    sa.Column('reason', sa.String(length=500), nullable=False),
    sa.Column('placed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('placed_by', sa.String(length=80), nullable=False),
    sa.Column('placed_by_name', sa.String(length=120), nullable=False),
    sa.Column('released_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('released_by_name', sa.String(length=120), nullable=False),
    sa.Column('release_reason', sa.String(length=500), nullable=False),
    sa.ForeignKeyConstraint(['incident_id'], ['incidents.id'], name=op.f('fk_legal_holds_incident_id_incidents')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_legal_holds'))
    )
    op.create_index(op.f('ix_legal_holds_incident_id'), 'legal_holds', ['incident_id'], unique=False)
    op.create_table('notifications',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('incident_id', sa.Uuid(), nullable=False),
    sa.Column('channel_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('state', sa.String(length=24), nullable=False),
    sa.Column('severity', sa.String(length=24), nullable=False),
    sa.Column('planned_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('next_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('leased_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('message_id', sa.Uuid(), nullable=True),
    sa.Column('sent_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('decision', sa.String(length=200), nullable=False),
    sa.Column('last_error', sa.String(length=300), nullable=False),
    sa.ForeignKeyConstraint(['channel_id'], ['notification_channels.id'], name=op.f('fk_notifications_channel_id_notification_channels'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['incident_id'], ['incidents.id'], name=op.f('fk_notifications_incident_id_incidents')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_notifications')),
    sa.UniqueConstraint('incident_id', 'channel_id', name=op.f('uq_notifications_incident_id_channel_id'))
    )
    op.create_index(op.f('ix_notifications_channel_id_sent_at'), 'notifications', ['channel_id', 'sent_at'], unique=False)
    op.create_index('ix_notifications_due', 'notifications', ['next_at'], unique=False, sqlite_where=sa.text('next_at IS NOT NULL'), postgresql_where=sa.text('next_at IS NOT NULL'))
    op.create_index(op.f('ix_notifications_state_planned_at'), 'notifications', ['state', 'planned_at'], unique=False)
    op.add_column("evidence_files", sa.Column("purged_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_evidence_files_to_purge", "evidence_files", ["removed_at"], sqlite_where=sa.text("removed_at IS NOT NULL AND purged_at IS NULL"), postgresql_where=sa.text("removed_at IS NOT NULL AND purged_at IS NULL"))


def downgrade() -> None:
    op.drop_index("ix_evidence_files_to_purge", table_name="evidence_files")
    op.drop_column("evidence_files", "purged_at")
    op.drop_index(op.f('ix_notifications_state_planned_at'), table_name='notifications')
    op.drop_index('ix_notifications_due', table_name='notifications', sqlite_where=sa.text('next_at IS NOT NULL'), postgresql_where=sa.text('next_at IS NOT NULL'))
    op.drop_index(op.f('ix_notifications_channel_id_sent_at'), table_name='notifications')
    op.drop_table('notifications')
    op.drop_index(op.f('ix_legal_holds_incident_id'), table_name='legal_holds')
    op.drop_table('legal_holds')
    op.drop_index(op.f('ix_notification_channels_user_id'), table_name='notification_channels')
    op.drop_table('notification_channels')
    op.drop_table('notification_outbox')
    op.drop_index(op.f('ix_jobs_due_at'), table_name='jobs')
    op.drop_table('jobs')
    op.drop_index(op.f('ix_deletions_what_at'), table_name='deletions')
    op.drop_index(op.f('ix_deletions_incident_id_what'), table_name='deletions')
    op.drop_index(op.f('ix_deletions_at'), table_name='deletions')
    op.drop_table('deletions')
    op.drop_table('audit_base')
