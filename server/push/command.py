"""`langan-server push rotate`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import Any

from server.push import keys
from server.services import Services
from server.settings import Settings


def add(commands: Any, ready: Callable[[Settings], Services]) -> None:
    """Add the command.

    Args:
        commands: The parser's.
        ready: Makes a server's parts on a migrated database.
    """

    def rotate(settings: Settings, _options: argparse.Namespace) -> int:
        parts = ready(settings)
        with parts.database.write() as session:
            gone = keys.rotate(session, parts.clock, parts.sealer)
        sys.stdout.write(f"The key of push notices is another one: {gone} browsers have to be turned on again.\n")
        return 0

    push = commands.add_parser("push", help="notices on phones").add_subparsers(required=True, metavar="COMMAND")
    made = push.add_parser("rotate", help="make another key; every browser has to be turned on again")
    made.set_defaults(command=rotate)
