"""`langan-server user`."""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Callable
from typing import Any

from server.auth import passwords
from server.auth import service as auth
from server.domain.access import USER_ROLES, Role
from server.services import Services
from server.settings import Settings


def add(commands: Any, ready: Callable[[Settings], Services]) -> None:
    """Add the commands.

    Args:
        commands: The parser's.
        ready: Makes a server's parts on a migrated database.
    """

    def add_user(settings: Settings, options: argparse.Namespace) -> int:
        parts = ready(settings)
        generated = ""
        if options.password_stdin:
            password = sys.stdin.readline().rstrip("\r\n")
        elif options.password_prompt:
            password = getpass.getpass("Password: ")
        else:
            password = generated = passwords.generate()
        with parts.database.write() as session:
            user = auth.create_user(
                session,
                parts.clock,
                username=options.username,
                password=password,
                role=Role(options.role),
                place_id=options.place,
                display_name=options.name,
                language=options.language,
            )
        if options.quiet and generated:
            print(generated)
        elif not options.quiet:
            print(f"Added {user.role.value} {user.username} (number {user.id}).")
            if generated:
                print(f"Password, shown only now: {generated}")
        return 0

    def list_users(settings: Settings, _options: argparse.Namespace) -> int:
        with ready(settings).database.read() as session:
            for user in auth.list_users(session):
                state = "" if user.active else "  (switched off)"
                print(f"{user.id:5}  {user.username:24} {user.role.value:9} {user.place_id or '(whole site)'}{state}")
        return 0

    user = commands.add_parser("user", help="accounts").add_subparsers(required=True, metavar="COMMAND")
    add = user.add_parser("add", help="add an account; prints a generated password unless one is given")
    add.add_argument("username")
    add.add_argument("--role", required=True, choices=[role.value for role in USER_ROLES])
    add.add_argument("--place", help="id of a village, commune or province; an admin without one has the whole site")
    add.add_argument("--name", default="", help="display name")
    add.add_argument("--language", choices=["vi", "en"])
    secret = add.add_mutually_exclusive_group()
    secret.add_argument("--password-stdin", action="store_true", help="read the password from the first line of stdin")
    secret.add_argument("--password-prompt", action="store_true", help="ask for the password")
    add.add_argument("--quiet", action="store_true", help="print a generated password alone")
    add.set_defaults(command=add_user)
    listing = user.add_parser("list", help="list accounts")
    listing.set_defaults(command=list_users)
