"""`langan-server quarantine`: events that came with an impossible clock."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from server.ingest import quarantine
from server.ingest.quarantine import AT_ONCE, Correction
from server.services import Services
from server.settings import Settings


def add(commands: Any, ready: Callable[[Settings], Services]) -> None:
    """Add the commands.

    Args:
        commands: The parser's.
        ready: Makes a server's parts on a migrated database.
    """

    def show(settings: Settings, options: argparse.Namespace) -> int:
        with ready(settings).database.read() as session:
            found = quarantine.listed(session, options.device, options.limit)
            in_all = quarantine.counted(session)
        for item in found:
            offset = "?" if item.clock_offset_s is None else f"{item.clock_offset_s:+.0f}"
            times = (item.started_at, item.received_at)
            told, came = (f"{at.astimezone(settings.zone):%Y-%m-%d %H:%M:%S}" for at in times)
            print(
                f"{item.event_id}  {item.device_id}  {item.camera_id}  {item.kind}  began {told}  came {came}"
                f"  clock now {offset} s  {item.reason}"
            )
        print(f"{len(found)} of {in_all} events in quarantine.")
        return 0

    def release(settings: Settings, options: argparse.Namespace) -> int:
        parts, done = ready(settings), 0
        correction = Correction(None if options.as_received else timedelta(seconds=options.shift or 0))
        for ids in _chosen(parts, options):
            with parts.database.write() as session:
                placed = quarantine.release(session, parts.clock, settings.zone, ids, correction)
            for event_id, incident_id in placed.items():
                print(f"{event_id}  incident {incident_id}")
            done += len(placed)
        print(f"Released {done} events.")
        return 0

    def discard(settings: Settings, options: argparse.Namespace) -> int:
        parts, done = ready(settings), 0
        for ids in _chosen(parts, options):
            with parts.database.write() as session:
                done += quarantine.discard(session, parts.clock, ids, options.why)
        print(f"Discarded {done} events.")
        return 0

    about = "events that came with an impossible clock"
    made = commands.add_parser("quarantine", help=about).add_subparsers(required=True, metavar="COMMAND")
    listing = made.add_parser("list", help="list them, those that came first in front")
    listing.add_argument("--device", help="only of this box")
    listing.add_argument("--limit", type=int, default=100, help="at most so many (100)")
    listing.set_defaults(command=show)
    let_in = made.add_parser("release", help="let them into incidents")
    _add_choice(let_in)
    times = let_in.add_mutually_exclusive_group(required=True)
    times.add_argument("--as-told", action="store_true", help="their times are right")
    times.add_argument(
        "--as-received", action="store_true", help="what was seen last was seen when it came: for events sent at once"
    )
    times.add_argument(
        "--shift", type=float, metavar="SECONDS", help="added to their times: --shift=-3600 for a clock an hour ahead"
    )
    let_in.set_defaults(command=release)
    away = made.add_parser("discard", help="delete them")
    _add_choice(away)
    away.add_argument("--why", required=True, help="for the audit log")
    away.set_defaults(command=discard)


def _add_choice(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("event", nargs="*", type=UUID, help="ids, as `list` prints them")
    parser.add_argument("--device", help="all of this box instead")


def _chosen(parts: Services, options: argparse.Namespace) -> Iterator[Sequence[UUID]]:
    """The events of each transaction."""
    if bool(options.event) == bool(options.device):
        raise ValueError("name events, or --device BOX for all of one box")
    ids = list(dict.fromkeys(options.event))
    if options.device:
        with parts.database.read() as session:
            ids = [item.event_id for item in quarantine.listed(session, options.device)]
    for start in range(0, len(ids), AT_ONCE):
        yield ids[start : start + AT_ONCE]
