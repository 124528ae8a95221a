"""Serves a prepared server's data and dies by SIGKILL at a named moment: `python -m tests.support.crashing_server`.

Settings come from the environment as usual. `LANGAN_TEST_DIE` says when: `before_commit` or `after_commit`;
empty is never.
"""

from __future__ import annotations

import os
import signal

from sqlalchemy.orm import Session
from werkzeug.serving import make_server

from server import create_app
from server.db.engine import numbers_at_commit
from server.services import EXTENSION, Services
from server.settings import Settings


def _die_when_an_event_is_stored(session: Session) -> None:
    if "alerts_waiting" in session.info or ("feed_written" in session.info and numbers_at_commit(session)):
        os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Serve on a free port, which is printed."""
    app = create_app(Settings.from_environment())
    parts: Services = app.extensions[EXTENSION]
    moment = os.environ.get("LANGAN_TEST_DIE", "")
    if moment == "before_commit":
        parts.database.before_commit.append(_die_when_an_event_is_stored)
    elif moment == "after_commit":
        parts.database.after_commit.insert(0, _die_when_an_event_is_stored)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
