"""Events a second that the server takes, grouped into incidents and committed: prints JSON lines.

    python -m bench.ingest [--events 5000] [--batch 100] [--database postgresql://...]

Every event is new and of one of 12 keys. "service" calls the ingest service; "http" posts signed batches to a real
`langan-server run`, whose processor time is told, too; "signature" checks signatures of such batches and nothing else.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Self

import httpx
import psutil

from contract.device_api import content_digest
from contract.ids import uuid7
from edge.identity import DeviceIdentity
from server import create_services, migrations
from server.db.device_models import DeviceKey
from server.devices import service as devices
from server.devices.signatures import Message, check, key_id_of
from server.domain.access import Principal, Role
from server.ingest.service import ingest
from server.places import service as places
from server.services import Services
from server.settings import Settings
from tests.support.identity import SignedAuth, make_identity, signed_headers

SITE = """\
site: {name: Bench}
places:
  - {id: province, kind: province, name: Province}
  - {id: commune, kind: commune, name: Commune, parent: province}
  - {id: village, kind: village, name: Village, parent: commune}
"""
KEYS = 12
_checked_s: list[float] = []


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--events", type=int, default=5000)
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--database", default="", help="an empty database; SQLite in a temporary folder by default")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder), database_url=options.database).prepared()
        parts = create_services(settings)
        identity = _prepare(parts)
        device = Principal(Role.DEVICE, "box", "box", "village")

        def by_service(bodies: list[dict[str, Any]]) -> None:
            ingest(parts.database, parts.clock, settings.zone, device, bodies)

        _report("service", parts, options, by_service)
        with _Server(settings) as server, httpx.Client(auth=SignedAuth(identity), timeout=60) as client:

            def by_http(bodies: list[dict[str, Any]]) -> None:
                client.post(f"{server.url}/api/v1/events", json={"events": bodies}).raise_for_status()

            _report("http", parts, options, by_http, server.processor_s)
        _report("signature", parts, options, partial(_check_signature, identity), lambda: sum(_checked_s))
        parts.database.close()


def _prepare(parts: Services) -> DeviceIdentity:
    migrations.upgrade(parts.database)
    with parts.database.write() as session:
        places.sync(session, parts.clock, SITE, "site.yaml")
    identity = make_identity("box", server=parts.server_key)
    with parts.database.write() as session:
        devices.create_device(session, parts.clock, device_id="box", place_id="village")
        key = identity.private_key.public_key().public_bytes_raw()
        session.add(DeviceKey(device_id="box", public_key=key, enrolled_at=parts.clock.utc()))
    return identity


def _check_signature(identity: DeviceIdentity, bodies: list[dict[str, Any]]) -> None:
    """What the server does for the signature of a batch; signing it is not counted."""
    body = json.dumps({"events": bodies}).encode()
    headers = signed_headers(identity, "POST", "/api/v1/events", body)
    began_s = time.thread_time()
    message = Message("POST", "http://device/api/v1/events", headers)
    signature = check(message, key_id_of(message), identity.private_key.public_key().public_bytes_raw())
    assert signature.content_digest == content_digest(hashlib.sha256(body).digest())
    _checked_s.append(time.thread_time() - began_s)


def _report(
    name: str,
    parts: Services,
    options: argparse.Namespace,
    send: Callable[[list[dict[str, Any]]], None],
    processor_s: Callable[[], float] = time.process_time,
) -> None:
    bodies = [_event(number, name) for number in range(options.events)]
    used_s, began_s = processor_s(), time.perf_counter()
    for start in range(0, len(bodies), options.batch):
        send(bodies[start : start + options.batch])
    took_s = time.perf_counter() - began_s
    figures = {
        "path": name,
        "database": parts.database.dialect,
        "events": options.events,
        "batch": options.batch,
        "events_per_s": round(options.events / took_s),
        "cpu_ms_per_batch": round(1000 * (processor_s() - used_s) * options.batch / options.events, 3),
    }
    print(json.dumps(figures), flush=True)


def _event(number: int, name: str) -> dict[str, Any]:
    at = datetime.now(UTC) - timedelta(minutes=30) + timedelta(milliseconds=50 * number)
    return {
        "event_id": str(uuid7(at)),
        "revision": 0,
        "kind": "intrusion",
        "camera_id": "cam",
        "village": "village",
        "spot": f"{name}-{number % KEYS}",
        "state": "start",
        "started_at": at.isoformat(),
        "observed_at": at.isoformat(),
        "confidence": 0.8,
        "facts": {"object_class": "person", "stay_s": 3.0, "peak_count": 1},
    }


class _Server:
    """The real command on a free port."""

    def __init__(self, settings: Settings) -> None:
        self._environment = {
            **os.environ,
            "LANGAN_DATA_DIR": str(settings.data_dir),
            "LANGAN_DATABASE_URL": settings.database_url,
            "LANGAN_LOG_LEVEL": "WARNING",
        }

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "server.cli", "run", "--port", "0"],
            env=self._environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        if self._process.stdout is None:
            raise RuntimeError("no output of the server to read")
        self.url = self._process.stdout.readline().strip().rpartition(" ")[2]
        return self

    def processor_s(self) -> float:
        """Processor seconds that the server has used so far."""
        process = psutil.Process(self._process.pid)
        used = [one.cpu_times() for one in (process, *process.children(recursive=True))]
        return float(sum(one.user + one.system for one in used))

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(30)


if __name__ == "__main__":
    main()
