"""Alembic's environment: runs inside the transaction that `server.migrations.upgrade` opened."""

from __future__ import annotations

from typing import Literal

from alembic import context

import server.db.account_models
import server.db.change_models
import server.db.device_models
import server.db.duty_models
import server.db.feed_models
import server.db.feedback_models
import server.db.look_models
import server.db.models
import server.db.push_models
import server.db.report_models
import server.db.what_if_models
import server.db.work_models  # noqa: F401 (fills the metadata)
from server.db.types import Base, UtcDateTime


def _render(kind: str, value: object, _context: object) -> str | Literal[False]:
    """Migrations name plain types: ours may change."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(value, UtcDateTime) else False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    render_item=_render,
    transactional_ddl=True,
)
context.run_migrations()
