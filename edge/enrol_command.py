"""The words of `langan-edge enrol`; what it does is `edge.enrol`, which only this command loads."""

from __future__ import annotations

import argparse
import sys


def add_options(parser: argparse.ArgumentParser) -> None:
    """Give the subcommand its arguments."""
    parser.add_argument("url", metavar="URL", help="of the server, such as https://langan.example.vn")
    parser.add_argument(
        "code", metavar="CODE", help="the admin's code, such as ABCD-EF23; - reads it from standard input"
    )
    parser.set_defaults(act=_run)


def _run(options: argparse.Namespace) -> int:
    from edge.enrol import enrol
    from edge.identity import fingerprint

    code = sys.stdin.readline() if options.code == "-" else options.code
    identity, result = enrol(options.url, code, options.data)
    cameras = ", ".join(result.cameras) or "none yet: those of the configuration folder become its own"
    print(f"This box is {result.device_id} ({result.name}) of {result.place_name}; cameras: {cameras}.")
    print(f"Key fingerprint of the server: {fingerprint(identity.server_key)}")
    print(f"Key fingerprint of this box: {fingerprint(identity.private_key.public_key())}")
    return 0
