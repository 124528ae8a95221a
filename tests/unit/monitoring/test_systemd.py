"""systemd's protocol over a real socket, and the unit by systemd's own check."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edge.monitoring.systemd import SystemdNotifier
from edge.monitoring.watch import PATIENCE_S, Watch
from tests.edge_fakes import FakeClock
from tests.unit.monitoring.test_monitoring import BOX, WELL

ROOT = Path(__file__).parents[3]


class Systemd:
    """The socket that a service manager listens on."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)
        self._socket.setblocking(False)

    def heard(self) -> list[str]:
        messages = []
        while True:
            try:
                messages.append(self._socket.recv(4096).decode())
            except BlockingIOError:
                return messages

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    made = Systemd(str(tmp_path / "notify"))
    yield made
    made.close()


def environment(tmp_path: Path, **more: str) -> dict[str, str]:
    return {"NOTIFY_SOCKET": str(tmp_path / "notify"), **more}


def test_the_life_of_a_service_is_told(systemd: Systemd, tmp_path: Path) -> None:
    clock, told = FakeClock(), SystemdNotifier(environment(tmp_path, WATCHDOG_USEC="40000000"))
    edge = [WELL]
    watch = Watch(lambda: edge[0], lambda: BOX, clock, told, None)
    assert systemd.heard() == [], "not ready before it watches"
    watch.begin()
    assert systemd.heard() == ["READY=1", "STATUS=2 of 2 cameras are well, 3 events wait"]
    clock.advance(9)
    watch.turn()
    assert systemd.heard() == []
    clock.advance(1)
    watch.turn()
    assert systemd.heard() == ["WATCHDOG=1"]
    watch.reloading()
    before_usec, told_usec = 0, systemd.heard()[0].removeprefix("RELOADING=1\nMONOTONIC_USEC=")
    assert int(told_usec) > before_usec
    watch.reloaded()
    assert systemd.heard() == ["READY=1"]
    edge[0] = replace(WELL, outbox_events=0)
    clock.advance(5)
    watch.turn()
    assert systemd.heard() == ["STATUS=2 of 2 cameras are well, 0 events wait"]
    watch.stopping()
    assert systemd.heard() == ["STOPPING=1"]


def test_the_watchdog_hears_nothing_while_no_process_watches_the_cameras(systemd: Systemd, tmp_path: Path) -> None:
    clock = FakeClock()
    dead = replace(WELL, workers=(replace(WELL.workers[0], pid=None),))
    edge = [dead]
    notifier = SystemdNotifier(environment(tmp_path, WATCHDOG_USEC="20000000", WATCHDOG_PID=str(os.getpid())))
    watch = Watch(lambda: edge[0], lambda: BOX, clock, notifier, None)
    watch.begin()

    def alive(seconds: int) -> int:
        systemd.heard()
        for _ in range(seconds):
            clock.advance(1)
            watch.turn()
        return systemd.heard().count("WATCHDOG=1")

    assert alive(int(PATIENCE_S)) == 6, "a worker that is started again takes a moment"
    assert alive(60) == 0
    edge[0] = WELL
    assert alive(20) >= 3


def test_a_manager_that_is_busy_hears_the_status_later_and_the_life_all_the_same(
    systemd: Systemd, tmp_path: Path
) -> None:
    told = SystemdNotifier(environment(tmp_path))
    for _ in range(2000):  # more than any system lets wait
        told.alive()
    told.status("2 of 2 cameras are well")
    waiting = systemd.heard()
    assert set(waiting) == {"WATCHDOG=1"}
    told.status("2 of 2 cameras are well")
    told.status("2 of 2 cameras are well")
    assert systemd.heard() == ["STATUS=2 of 2 cameras are well"], "once, when it could be heard"
    for _ in range(2000):
        told.alive()
    asked = threading.Thread(target=told.ready)
    asked.start()
    messages: list[str] = []
    while asked.is_alive():
        messages += systemd.heard()
    assert [*messages, *systemd.heard()][-1] == "READY=1"


def test_without_systemd_nothing_is_told_and_nothing_fails(tmp_path: Path) -> None:
    SystemdNotifier({}).ready()
    gone = SystemdNotifier(environment(tmp_path, WATCHDOG_USEC="1000000"))
    gone.ready()
    gone.alive()


@pytest.mark.parametrize("more", [{}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "x"}])
def test_no_watchdog_is_fed_that_did_not_ask(tmp_path: Path, more: dict[str, str]) -> None:
    assert SystemdNotifier(environment(tmp_path, **more)).watchdog_s is None
    other = SystemdNotifier(environment(tmp_path, WATCHDOG_USEC="20000000", WATCHDOG_PID="1"))
    assert other.watchdog_s is None, "it waits for another process"


def test_an_abstract_socket_is_reached(tmp_path: Path) -> None:
    name = f"langan-test-{os.getpid()}"
    listener = Systemd(f"\0{name}")
    SystemdNotifier({"NOTIFY_SOCKET": f"@{name}"}).ready()
    assert listener.heard() == ["READY=1"]
    listener.close()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_the_unit_is_well_formed_and_hardened(tmp_path: Path) -> None:
    unit = (ROOT / "deploy" / "systemd" / "langan-edge.service").read_text("utf-8")
    here = tmp_path / "langan-edge.service"
    here.write_text(unit.replace("/opt/langan/.venv/bin/langan-edge", "/bin/true"), "utf-8")
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(here)], capture_output=True, text=True, check=False, timeout=60
    )
    told = [line for line in checked.stderr.splitlines() if "langan-edge" in line]
    assert told == []
    for line in ("NoNewPrivileges=yes", "ProtectSystem=strict", "Restart=always", "WatchdogSec=60", "Type=notify"):
        assert line in unit.splitlines()
    # Before systemd 253 these would shut out cameras on USB and hardware decoders.
    assert not [
        line for line in unit.splitlines() if line.startswith(("ProtectClock", "PrivateDevices", "DeviceAllow"))
    ]
