"""Keep sums for reports, the cameras' history, letterheads and who wants reports by mail"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

# What of an incident reports show. The job of the reports counts a marked day of a village anew; only the database
# itself sees every change, whoever makes it (see docs/design/reports.md).
_SHOWN = (
    "village_id", "kind", "state", "severity", "first_at", "received_at", "acknowledged_at", "decided_at",
    "merged_into_id",
)
_CHANGED = " OR ".join(f"NEW.{name} IS DISTINCT FROM OLD.{name}" for name in _SHOWN)
_MOVED = "NEW.village_id IS DISTINCT FROM OLD.village_id OR NEW.first_at IS DISTINCT FROM OLD.first_at"
_MARK_NEW = "INSERT INTO report_marks (village_id, at) VALUES (NEW.village_id, NEW.first_at)"
_MARK_OLD = "INSERT INTO report_marks (village_id, at) VALUES (OLD.village_id, OLD.first_at)"
_FIRST_STATES = """
INSERT INTO camera_states (camera_id, since, state)
SELECT id, health_at, CASE health WHEN 'ok' THEN 'up' WHEN 'ended' THEN 'off' WHEN 'disabled' THEN 'off' ELSE 'down' END
FROM cameras WHERE health IS NOT NULL AND health_at IS NOT NULL
"""


def upgrade() -> None:
    op.create_table('report_marks',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('village_id', sa.String(length=63), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('erased', sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), 'postgresql'), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_report_marks')),
    sqlite_autoincrement=True
    )
    op.create_table('report_state',
    sa.Column('name', sa.String(length=40), nullable=False),
    sa.Column('value', sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), 'postgresql'), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_report_state'))
    )
    op.create_table('report_letterheads',
    sa.Column('place_id', sa.String(length=63), nullable=False),
    sa.Column('superior', sa.String(length=160), nullable=False),
    sa.Column('agency', sa.String(length=160), nullable=False),
    sa.Column('sign', sa.String(length=40), nullable=False),
    sa.Column('town', sa.String(length=80), nullable=False),
    sa.Column('authority', sa.String(length=160), nullable=False),
    sa.Column('office', sa.String(length=160), nullable=False),
    sa.Column('signer', sa.String(length=120), nullable=False),
    sa.Column('recipients', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['place_id'], ['places.id'], name=op.f('fk_report_letterheads_place_id_places')),
    sa.PrimaryKeyConstraint('place_id', name=op.f('pk_report_letterheads'))
    )
    op.create_table('report_rollups',
    sa.Column('place_id', sa.String(length=63), nullable=False),
    sa.Column('grain', sa.String(length=5), nullable=False),
    sa.Column('start', sa.Date(), nullable=False),
    sa.Column('incidents', sa.Integer(), nullable=False),
    sa.Column('open', sa.Integer(), nullable=False),
    sa.Column('resolved', sa.Integer(), nullable=False),
    sa.Column('false_alarms', sa.Integer(), nullable=False),
    sa.Column('expired', sa.Integer(), nullable=False),
    sa.Column('about_cameras', sa.Integer(), nullable=False),
    sa.Column('camera_up_s', sa.BigInteger(), nullable=False),
    sa.Column('camera_down_s', sa.BigInteger(), nullable=False),
    sa.Column('camera_silent_s', sa.BigInteger(), nullable=False),
    sa.Column('tally', sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), 'postgresql'), nullable=False),
    sa.Column('erased', sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), 'postgresql'), nullable=True),
    sa.CheckConstraint("grain IN ('day', 'month')", name=op.f('ck_report_rollups_grain')),
    sa.ForeignKeyConstraint(['place_id'], ['places.id'], name=op.f('fk_report_rollups_place_id_places')),
    sa.PrimaryKeyConstraint('place_id', 'grain', 'start', name=op.f('pk_report_rollups'))
    )
    op.create_table('camera_days',
    sa.Column('camera_id', sa.String(length=63), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('village_id', sa.String(length=63), nullable=False),
    sa.Column('up_s', sa.Integer(), nullable=False),
    sa.Column('down_s', sa.Integer(), nullable=False),
    sa.Column('silent_s', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['camera_id'], ['cameras.id'], name=op.f('fk_camera_days_camera_id_cameras')),
    sa.ForeignKeyConstraint(['village_id'], ['places.id'], name=op.f('fk_camera_days_village_id_places')),
    sa.PrimaryKeyConstraint('camera_id', 'day', name=op.f('pk_camera_days'))
    )
    op.create_index(op.f('ix_camera_days_village_id_day'), 'camera_days', ['village_id', 'day'], unique=False)
    op.create_table('camera_rules',
    sa.Column('camera_id', sa.String(length=63), nullable=False),
    sa.Column('config_number', sa.Integer(), nullable=False),
    sa.Column('rules', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['camera_id'], ['cameras.id'], name=op.f('fk_camera_rules_camera_id_cameras')),
    sa.PrimaryKeyConstraint('camera_id', name=op.f('pk_camera_rules'))
    )
    op.create_table('camera_states',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('camera_id', sa.String(length=63), nullable=False),
    sa.Column('since', sa.DateTime(timezone=True), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.ForeignKeyConstraint(['camera_id'], ['cameras.id'], name=op.f('fk_camera_states_camera_id_cameras')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_camera_states'))
    )
    op.create_index(op.f('ix_camera_states_camera_id_since'), 'camera_states', ['camera_id', 'since'], unique=False)
    op.create_table('report_subscriptions',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('channel_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('place_id', sa.String(length=63), nullable=True),
    sa.Column('every', sa.String(length=8), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('told_until', sa.Date(), nullable=False),
    sa.Column('next_try_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('last_sent_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('last_error', sa.String(length=300), nullable=False),
    sa.CheckConstraint("every IN ('day', 'week', 'month')", name=op.f('ck_report_subscriptions_every')),
    sa.ForeignKeyConstraint(['channel_id'], ['notification_channels.id'], name=op.f('fk_report_subscriptions_channel_id_notification_channels'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['place_id'], ['places.id'], name=op.f('fk_report_subscriptions_place_id_places')),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_report_subscriptions_user_id_users'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_report_subscriptions')),
    sa.UniqueConstraint('user_id', 'channel_id', 'place_id', 'every', name=op.f('uq_report_subscriptions_user_id_channel_id_place_id_every'))
    )
    op.create_index(op.f('ix_report_subscriptions_channel_id'), 'report_subscriptions', ['channel_id'], unique=False)
    op.create_index(op.f('ix_report_subscriptions_user_id'), 'report_subscriptions', ['user_id'], unique=False)
    op.execute(_FIRST_STATES)
    if op.get_bind().dialect.name == "postgresql":
        _postgresql_triggers()
    else:
        _sqlite_triggers()


def _postgresql_triggers() -> None:
    op.execute(f"""
        CREATE FUNCTION report_mark() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP <> 'INSERT' AND (TG_OP = 'DELETE' OR {_MOVED}) THEN {_MARK_OLD}; END IF;
            IF TG_OP <> 'DELETE' THEN {_MARK_NEW}; END IF;
            RETURN NULL;
        END $$""")
    op.execute("""
        CREATE TRIGGER report_mark_come_or_gone AFTER INSERT OR DELETE ON incidents
        FOR EACH ROW EXECUTE FUNCTION report_mark()""")
    op.execute(f"""
        CREATE TRIGGER report_mark_changed AFTER UPDATE OF {", ".join(_SHOWN)} ON incidents
        FOR EACH ROW WHEN ({_CHANGED}) EXECUTE FUNCTION report_mark()""")


def _sqlite_triggers() -> None:
    op.execute(f"CREATE TRIGGER report_mark_come AFTER INSERT ON incidents BEGIN {_MARK_NEW}; END")
    op.execute(f"CREATE TRIGGER report_mark_gone AFTER DELETE ON incidents BEGIN {_MARK_OLD}; END")
    op.execute(f"""
        CREATE TRIGGER report_mark_changed AFTER UPDATE OF {", ".join(_SHOWN)} ON incidents
        WHEN {_CHANGED.replace("IS DISTINCT FROM", "IS NOT")} BEGIN {_MARK_NEW}; END""")
    op.execute(f"""
        CREATE TRIGGER report_mark_moved AFTER UPDATE OF village_id, first_at ON incidents
        WHEN {_MOVED.replace("IS DISTINCT FROM", "IS NOT")} BEGIN {_MARK_OLD}; END""")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for name in ("come_or_gone", "changed"):
            op.execute(f"DROP TRIGGER report_mark_{name} ON incidents")
        op.execute("DROP FUNCTION report_mark()")
    else:
        for name in ("come", "gone", "changed", "moved"):
            op.execute(f"DROP TRIGGER report_mark_{name}")
    op.drop_index(op.f('ix_report_subscriptions_user_id'), table_name='report_subscriptions')
    op.drop_index(op.f('ix_report_subscriptions_channel_id'), table_name='report_subscriptions')
    op.drop_table('report_subscriptions')
    op.drop_index(op.f('ix_camera_states_camera_id_since'), table_name='camera_states')
    op.drop_table('camera_states')
    op.drop_table('camera_rules')
    op.drop_index(op.f('ix_camera_days_village_id_day'), table_name='camera_days')
    op.drop_table('camera_days')
    op.drop_table('report_rollups')
    op.drop_table('report_letterheads')
    op.drop_table('report_state')
    op.drop_table('report_marks')
