"""Keep second factors, passkeys, identities of an OpenID provider, and how people signed in"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_OLD_ROLES = "role IN ('officer', 'resident', 'admin')"
_NEW_ROLES = "role IN ('officer', 'leader', 'resident', 'admin')"


def upgrade() -> None:
    _replace_role_check(_OLD_ROLES, _NEW_ROLES)
    op.add_column("users", sa.Column("has_second_factor", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("login_sessions", sa.Column("method", sa.String(16), nullable=False, server_default="password"))
    op.add_column("login_sessions", sa.Column("label", sa.String(80), nullable=False, server_default=""))
    op.add_column("login_sessions", sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(op.f("ix_audit_log_at"), "audit_log", ["at"])
    op.create_table(
        "one_time_tokens",
        sa.Column("token_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("purpose", sa.String(24), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("data", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_one_time_tokens")),
        _of_user("one_time_tokens"),
    )
    op.create_index(op.f("ix_one_time_tokens_user_id"), "one_time_tokens", ["user_id"])
    op.create_index(op.f("ix_one_time_tokens_expires_at"), "one_time_tokens", ["expires_at"])
    op.create_table(
        "totp_secrets",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_step", _big(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_totp_secrets")),
        _of_user("totp_secrets"),
    )
    op.create_table(
        "recovery_codes",
        sa.Column("id", _big(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery_codes")),
        _of_user("recovery_codes"),
    )
    op.create_index(op.f("ix_recovery_codes_user_id"), "recovery_codes", ["user_id"])
    op.create_table(
        "passkeys",
        sa.Column("credential_id", sa.LargeBinary(1023), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(2000), nullable=False),
        sa.Column("sign_count", _big(), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("credential_id", name=op.f("pk_passkeys")),
        _of_user("passkeys"),
    )
    op.create_index(op.f("ix_passkeys_user_id"), "passkeys", ["user_id"])
    op.create_table(
        "federated_identities",
        sa.Column("issuer", sa.String(300), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("issuer", "subject", name=op.f("pk_federated_identities")),
        sa.UniqueConstraint("user_id", name=op.f("uq_federated_identities_user_id")),
        _of_user("federated_identities"),
    )
    op.create_table(
        "second_factor_rules",
        sa.Column("role", sa.String(24), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("role", name=op.f("pk_second_factor_rules")),
    )


def downgrade() -> None:
    for table in (
        "second_factor_rules",
        "federated_identities",
        "passkeys",
        "recovery_codes",
        "totp_secrets",
        "one_time_tokens",
    ):
        op.drop_table(table)
    op.drop_index(op.f("ix_audit_log_at"), "audit_log")
    for column in ("confirmed_at", "label", "method"):
        op.drop_column("login_sessions", column)
    op.drop_column("users", "has_second_factor")
    _replace_role_check(_NEW_ROLES, _OLD_ROLES)


def _replace_role_check(old: str, new: str) -> None:
    """Let a user have another role.

    SQLite cannot change a constraint. Making the table anew would delete what refers to it (sessions) or fail on what
    does (incidents), so its text is replaced, as https://www.sqlite.org/lang_altertable.html#otheralter says.
    """
    if op.get_bind().dialect.name != "sqlite":
        op.drop_constraint(op.f("ck_users_role"), "users", type_="check")
        op.create_check_constraint(op.f("ck_users_role"), "users", new)
        return
    connection = op.get_bind()
    version = connection.exec_driver_sql("PRAGMA schema_version").scalar_one()
    connection.exec_driver_sql("PRAGMA writable_schema=ON")
    done = connection.execute(
        sa.text("UPDATE sqlite_master SET sql = replace(sql, :old, :new) WHERE type = 'table' AND name = 'users'"),
        {"old": old, "new": new},
    )
    if done.rowcount != 1:
        raise RuntimeError("the table users was not found")
    connection.exec_driver_sql(f"PRAGMA schema_version={version + 1}")
    connection.exec_driver_sql("PRAGMA writable_schema=OFF")


def _of_user(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["user_id"], ["users.id"], name=op.f(f"fk_{table}_user_id_users"), ondelete="CASCADE"
    )


def _big() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")
