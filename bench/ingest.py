"""Events a second that the server takes, grouped into incidents and committed: prints JSON lines.

    python -m bench.ingest [--events 5000] [--batch 100] [--database postgresql://...]

Every event is new and of one of 12 keys. "service" calls the ingest service; "http" posts to a real
`langan-server run`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from contract.ids import uuid7
from server import create_services, migrations
from server.auth import service as auth
from server.domain.access import Principal, Role
from server.ingest.service import ingest
from server.places import service as places
from server.services import Services
from server.settings import Settings

SITE = """\
site: {name: Bench}
places:
  - {id: province, kind: province, name: Province}
  - {id: commune, kind: commune, name: Commune, parent: province}
  - {id: village, kind: village, name: Village, parent: commune}
"""
KEYS = 12


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
        token = _prepare(parts)
        device = Principal(Role.DEVICE, "box", "box", "village")

        def by_service(bodies: list[dict[str, Any]]) -> None:
            ingest(parts.database, parts.clock, settings.zone, device, bodies)

        _report("service", parts, options, by_service)
        with _Server(settings) as url, httpx.Client(headers={"Authorization": f"Bearer {token}"}, timeout=60) as client:

            def by_http(bodies: list[dict[str, Any]]) -> None:
                client.post(f"{url}/api/v1/events", json={"events": bodies}).raise_for_status()

            _report("http", parts, options, by_http)
        parts.database.close()


def _prepare(parts: Services) -> str:
    migrations.upgrade(parts.database)
    with parts.database.write() as session:
        places.sync(session, parts.clock, SITE, "site.yaml")
    with parts.database.write() as session:
        return auth.create_device(session, parts.clock, device_id="box", place_id="village")


def _report(
    name: str, parts: Services, options: argparse.Namespace, send: Callable[[list[dict[str, Any]]], None]
) -> None:
    bodies = [_event(number, name) for number in range(options.events)]
    began_s = time.perf_counter()
    for start in range(0, len(bodies), options.batch):
        send(bodies[start : start + options.batch])
    took_s = time.perf_counter() - began_s
    figures = {
        "path": name,
        "database": parts.database.dialect,
        "events": options.events,
        "batch": options.batch,
        "events_per_s": round(options.events / took_s),
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

    def __enter__(self) -> str:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "server.cli", "run", "--port", "0"],
            env=self._environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        if self._process.stdout is None:
            raise RuntimeError("no output of the server to read")
        return self._process.stdout.readline().strip().rpartition(" ")[2]

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(30)


if __name__ == "__main__":
    main()
