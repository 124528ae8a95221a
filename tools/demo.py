"""`make demo`: the server, the edge and a demonstration site, started and stopped together.

With `--seconds N` it runs without a browser and ends with one JSON line: events and incidents that the server holds,
alerts that an officer's live page was sent, and the seconds from the start to the first of them. It exits 1 when no
incident came. `DEMO_SOURCE` in the environment (`make demo SOURCE=...`) is the user's own camera; it is not an option,
because a command line shows its password to everybody on the machine.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple
from urllib.request import urlopen

from tools.demo_site import DemoError, DemoSite, bundled_site, own_camera_site
from tools.demo_watch import AlertWatch

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
SERVER_START_S = 120.0
STOP_S = 20.0
READABLE = "abcdefghjkmnpqrstuvwxyz23456789"
"""No l, 1, o, 0, i: a password that is read from a terminal and typed on a phone."""


@dataclass(frozen=True, slots=True)
class Account:
    """A freshly made account."""

    username: str
    role: str
    label: str
    start_page: str
    password: str


class Part(NamedTuple):
    """A process of the demonstration."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path


def main() -> int:
    """Run the demonstration; returns the exit status."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--folder", type=Path, default=ROOT / ".demo", help="made anew for the database and logs")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--seconds", type=float, help="run headless for so long and end with one JSON line")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return run(arguments.folder.resolve(), arguments.port, arguments.seconds, os.environ.get("DEMO_SOURCE", ""))
    except DemoError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0


def _interrupt(_signum: int, _frame: object) -> None:
    raise KeyboardInterrupt


def run(folder: Path, port: int, seconds: float | None, source: str) -> int:
    """Start everything, wait, and stop everything again."""
    started = time.monotonic()
    with closing(make_anew(folder)):
        return _run(folder, free_port(port), seconds, source, started)


def _run(folder: Path, port: int, seconds: float | None, source: str, started: float) -> int:
    url = f"http://127.0.0.1:{port}"
    site = own_camera_site(source, folder, url) if source else bundled_site(ROOT / "configs" / "demo", folder, url)
    environment = {
        **os.environ,
        "LANGAN_DATA_DIR": str(folder / "server"),
        "LANGAN_PUBLIC_URL": url,
        "LANGAN_PUBLIC_DELAY_S": "0",
    }
    accounts, code = prepare_server(environment, site)
    parts: list[Part] = []
    watch = None
    try:
        parts.append(start(folder, "server", [BIN / "langan-server", "run", "--port", str(port)], environment))
        wait_until_healthy(url, parts)
        if seconds is not None:
            watch = AlertWatch(url, accounts[0].username, accounts[0].password, started)
            threading.Thread(target=watch.run, name="alert-watch", daemon=True).start()
        edge: list[str | Path] = [
            BIN / "langan-edge",
            "run",
            "--config",
            site.config,
            "--data",
            folder / "edge",
            "--media",
            site.media,
        ]
        run_to_end("langan-edge", {**os.environ}, "enrol", url, "-", "--data", str(folder / "edge"), stdin=code)
        parts.append(start(folder, "edge", edge, {**os.environ, **site.secrets}))
        announce(url, accounts, site)
        print(f"  Logs: {folder / 'server.log'}, {folder / 'edge.log'}")
        print(f"  Running for {seconds:g} s." if seconds else "  Ctrl-C stops it.", flush=True)
        watch_over(parts, seconds)
    except KeyboardInterrupt:
        if seconds is not None:
            raise
        print("\nStopping ...", flush=True)
    finally:
        stop(parts)
    if seconds is None:
        return 0
    return report(environment, watch)


def make_anew(folder: Path) -> IO[str]:
    """Empty the folder of an earlier demonstration; a folder that holds anything else is left alone.

    Returns:
        An open file: while it is open, no other demonstration takes the folder.

    Raises:
        DemoError: Something else lies there, or a demonstration that runs still uses it.
    """
    marker = folder / "made-by-make-demo"
    if folder.exists():
        if any(folder.iterdir()) and not marker.exists():
            raise DemoError(f"{folder} holds something else: choose another --folder")
        if marker.exists():
            with marker.open("a") as of_another:
                _lock(of_another, folder)
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    held = marker.open("w")
    _lock(held, folder)
    return held


def _lock(marker: IO[str], folder: Path) -> None:
    try:
        fcntl.flock(marker, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise DemoError(f"a demonstration runs in {folder}: stop it first, or choose another --folder") from None


def free_port(wanted: int) -> int:
    """The wanted port, or any free one when something else listens there."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                print(f"demo: port {wanted} is taken, using another one", file=sys.stderr)
                continue
            return int(probe.getsockname()[1])
    raise DemoError("no free port on 127.0.0.1")


def prepare_server(environment: dict[str, str], site: DemoSite) -> tuple[list[Account], str]:
    """Make the database, the places, four accounts and a device; returns the accounts and the device's code."""
    server(environment, "migrate")
    server(environment, "places", "sync", str(site.config / "site.yaml"))
    accounts = [
        Account("can_bo", "officer", "Cán bộ trực / officer", "/live", new_password()),
        Account("nguoi_dan", "resident", "Người dân / resident", "/log", new_password()),
        Account("lanh_dao", "leader", "Lãnh đạo / leader", "/reports", new_password()),
        Account("quan_tri", "admin", "Quản trị / admin", "/admin/cameras", new_password()),
    ]
    for account in accounts:
        scope = [] if account.role == "admin" else ["--place", site.village]  # an admin without a place: the whole site
        server(
            environment,
            *("user", "add", account.username, "--role", account.role, *scope, "--password-stdin"),
            stdin=account.password,
        )
    code = server(environment, "device", "enrol", "demo", "--place", site.village, "--quiet")
    return accounts, code


def new_password() -> str:
    """Ten readable characters, about 50 bits."""
    return "".join(secrets.choice(READABLE) for _ in range(10))


def server(environment: dict[str, str], *arguments: str, stdin: str = "") -> str:
    """Run one `langan-server` command to its end and return what it printed."""
    return run_to_end("langan-server", environment, *arguments, stdin=stdin)


def run_to_end(command: str, environment: dict[str, str], *arguments: str, stdin: str = "") -> str:
    """Run a command and return what it printed; secrets go to its standard input, which nobody else sees."""
    done = subprocess.run(
        [BIN / command, *arguments],
        env=environment,
        input=stdin,
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    if done.returncode:
        raise DemoError(f"{command} {' '.join(arguments[:2])} failed:\n{done.stderr.strip()}")
    return done.stdout


def start(folder: Path, name: str, command: list[str | Path], environment: dict[str, str]) -> Part:
    """Start a process that a Ctrl-C in the terminal does not reach: we stop the edge before the server."""
    log_path = folder / f"{name}.log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [str(part) for part in command],
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            cwd=ROOT,
        )
    return Part(name, process, log_path)


def wait_until_healthy(url: str, parts: list[Part]) -> None:
    """Wait until the server answers on /healthz."""
    deadline = time.monotonic() + SERVER_START_S
    while time.monotonic() < deadline:
        check_alive(parts)
        try:
            with urlopen(f"{url}/healthz", timeout=2):  # noqa: S310 - our own loopback address
                return
        except OSError:
            time.sleep(0.1)
    raise DemoError(f"the server did not answer within {SERVER_START_S:.0f} s: see {parts[0].log}")


def check_alive(parts: list[Part]) -> None:
    """Raise when one of the parts has ended by itself."""
    for name, process, log in parts:
        if process.poll() is not None:
            tail = log.read_text("utf-8", "replace").splitlines()[-15:]
            lines = "\n  ".join(tail)
            raise DemoError(f"the {name} ended with status {process.returncode}; its last words:\n  {lines}")


def announce(url: str, accounts: list[Account], site: DemoSite) -> None:
    """Print where to look and who to be."""
    print(f"\n  Làng An: {url}   ({site.description})\n")
    for account in accounts:
        print(f"  {account.label:<24} {account.username:<12} {account.password:<14} {url}{account.start_page}")
    print()


def watch_over(parts: list[Part], seconds: float | None) -> None:
    """Wait for the time to pass (or for ever) while both parts live."""
    deadline = None if seconds is None else time.monotonic() + seconds
    while deadline is None or time.monotonic() < deadline:
        check_alive(parts)
        time.sleep(0.25)


def stop(parts: list[Part]) -> None:
    """Stop the edge first, so that its last events still find the server."""
    for name, process, _ in reversed(parts):
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                print(f"demo: the {name} did not stop within {STOP_S:.0f} s and was ended", file=sys.stderr)
                process.kill()
                process.wait()


def report(environment: dict[str, str], watch: AlertWatch | None) -> int:
    """Print the JSON line; exit status 1 when no incident came."""
    counts = json.loads(server(environment, "stats"))
    result = {
        "events": counts["events"],
        "incidents": counts["incidents"],
        "alerts_streamed": watch.alerts if watch else 0,
        "seconds_to_first_alert": watch.seconds_to_first if watch else None,
    }
    if watch is not None and watch.error:
        print(f"demo: the live feed failed: {watch.error}", file=sys.stderr)
    print(json.dumps(result))
    return 0 if counts["incidents"] else 1


if __name__ == "__main__":
    sys.exit(main())
