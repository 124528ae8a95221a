"""`langan-server device`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from server.devices import codes
from server.devices import service as devices
from server.services import Services
from server.settings import Settings


def add(commands: Any, ready: Callable[[Settings], Services]) -> None:
    """Add the commands.

    Args:
        commands: The parser's.
        ready: Makes a server's parts on a migrated database.
    """

    def enrol_device(settings: Settings, options: argparse.Namespace) -> int:
        parts = ready(settings)
        secret = settings.secret_key.get_secret_value()
        with parts.database.write() as session:
            fresh = codes.create(
                session, parts.clock, secret, options.device_id, place_id=options.place, name=options.name
            )
        if options.quiet:
            print(fresh.code)
        else:
            until = fresh.expires_at.astimezone(settings.zone)
            print(f"Code for {fresh.device_id}, shown only now and good once, until {until:%H:%M}: {fresh.code}")
            print(f"On the edge box: langan-edge enrol {settings.public_url or 'SERVER_URL'} {fresh.code}")
        return 0

    def list_devices(settings: Settings, _options: argparse.Namespace) -> int:
        with ready(settings).database.read() as session:
            keys = devices.fingerprints(session)
            for device in devices.list_devices(session):
                state = "revoked" if device.revoked_at else keys.get(device.id, "not enrolled")
                print(f"{device.id:24} {device.place_id:24} {state}")
        return 0

    def revoke_device(settings: Settings, options: argparse.Namespace) -> int:
        parts = ready(settings)
        with parts.database.write() as session:
            devices.revoke_device(session, parts.clock, options.device_id)
        print(f"Device {options.device_id} is refused from now on.")
        return 0

    device = commands.add_parser("device", help="edge boxes").add_subparsers(required=True, metavar="COMMAND")
    enrol = device.add_parser("enrol", help="make a one-time code with which an edge box enrols (10 minutes)")
    enrol.add_argument("device_id", help="a new one, or one that is to get a new key")
    enrol.add_argument("--place", help="of a new one: id of the village (or commune) that its cameras watch")
    enrol.add_argument("--name", default="", help="of a new one")
    enrol.add_argument("--quiet", action="store_true", help="print the code alone")
    enrol.set_defaults(command=enrol_device)
    listing = device.add_parser("list", help="list edge boxes")
    listing.set_defaults(command=list_devices)
    revoke = device.add_parser("revoke", help="refuse an edge box from now on")
    revoke.add_argument("device_id")
    revoke.set_defaults(command=revoke_device)
