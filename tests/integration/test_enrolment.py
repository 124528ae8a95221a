"""`langan-edge enrol` at a real server, and what an edge believes of whom."""

from __future__ import annotations

import json
import logging
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from contract.config_loader import config_version
from contract.event import Heartbeat
from edge.cli import main
from edge.config_store import ConfigStore
from edge.enrol import PENDING, EnrolmentFailed, enrol
from edge.identity import FILE_NAME, DeviceIdentity, IdentityError
from edge.outbox import ServerLink, SqliteOutbox
from edge.outbox.link import NotSigned
from edge.reporter import Reporter
from server.devices.signatures import ServerKey
from tests.edge_fakes import FakeClock
from tests.edge_server import IDENTITY, EdgeServer
from tests.integration.test_reporter import CAMERA, SITE
from tests.support.identity import SERVER_KEY, make_identity
from tests.support.server import RunningServer

NOW = datetime.now(UTC)
BEAT = Heartbeat(sent_at=NOW, software_version="1", outbox_events=0, outbox_media=0)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with RunningServer(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture
def house() -> Iterator[EdgeServer]:
    with EdgeServer() as house:
        yield house


# The command, at a real server


def test_a_box_enrols_with_a_code_from_standard_input_and_keeps_its_key_to_itself(
    server: RunningServer, tmp_path: Path
) -> None:
    code = server.enrolment_code("hop-1", "trang-long")
    command = [sys.executable, "-m", "edge.cli", "enrol", server.url, "-", "--data", str(tmp_path / "data")]
    done = subprocess.run(command, input=code, capture_output=True, text=True, check=True, umask=0)
    assert "This box is hop-1" in done.stdout
    assert "Thôn Tráng Long" in done.stdout
    path = tmp_path / "data" / FILE_NAME
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "data").iterdir()] == [FILE_NAME]
    private = json.loads(path.read_text("utf-8"))["private_key"]
    assert private not in done.stdout + done.stderr + server.log()
    assert code not in server.log()
    identity = DeviceIdentity.read(tmp_path / "data")
    assert identity is not None
    assert private not in repr(identity)
    with ServerLink(server.url, identity) as link:
        link.heartbeat(BEAT)
    assert identity.server_key == server.enrol("hop-1b", "trang-long", tmp_path / "b").server_key


def test_a_used_or_wrong_code_is_told_with_its_remedy_and_the_old_identity_stays(
    server: RunningServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = server.enrolment_code("hop-2", "trang-long")
    first, _ = enrol(server.url, code, tmp_path)
    assert main(["enrol", server.url, code, "--data", str(tmp_path)]) == 1
    assert "Ask an admin for a new code" in capsys.readouterr().err
    kept = DeviceIdentity.read(tmp_path)
    assert kept is not None
    assert kept.private_key.private_bytes_raw() == first.private_key.private_bytes_raw()
    with ServerLink(server.url, kept) as link:
        link.heartbeat(BEAT)


def test_a_lost_answer_is_asked_for_again_with_the_same_key(
    server: RunningServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = server.enrolment_code("hop-3", "trang-long")
    real = httpx.Client.send

    def lose(client: httpx.Client, request: httpx.Request) -> httpx.Response:
        real(client, request)
        raise httpx.ReadError("the line was cut")

    monkeypatch.setattr(httpx.Client, "send", lose)
    with pytest.raises(EnrolmentFailed, match="is the server running"):
        enrol(server.url, code, tmp_path)
    assert stat.S_IMODE((tmp_path / PENDING).stat().st_mode) == 0o600
    monkeypatch.setattr(httpx.Client, "send", real)
    _, result = enrol(server.url, code, tmp_path)
    assert result.device_id == "hop-3"
    assert not (tmp_path / PENDING).exists()


def test_a_box_whose_clock_is_years_off_can_enrol(server: RunningServer, tmp_path: Path) -> None:
    code = server.enrolment_code("hop-4", "trang-long")
    long_ago = datetime(2001, 1, 1, tzinfo=UTC)
    identity, _ = enrol(server.url, code, tmp_path, now=lambda: long_ago)
    with ServerLink(server.url, identity, now=lambda: long_ago) as link:
        link.heartbeat(BEAT)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "ftp://127.0.0.1", "langan"])
def test_an_address_without_a_server_is_told(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], server: RunningServer
) -> None:
    assert main(["enrol", url, "ABCD-EFGH", "--data", str(tmp_path)]) == 1
    assert url in capsys.readouterr().err
    assert main(["enrol", f"{server.url}/nowhere", "ABCD-EFGH", "--data", str(tmp_path)]) == 1
    assert "address" in capsys.readouterr().err


def test_a_damaged_identity_is_told_without_its_content(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text('{"device_id": "x", "private_key": "geheim"}', "utf-8")
    with pytest.raises(IdentityError, match="enrol again") as caught:
        DeviceIdentity.read(tmp_path)
    assert "geheim" not in str(caught.value)
    assert DeviceIdentity.read(tmp_path / "elsewhere") is None


def test_devices_are_listed_with_their_keys_and_revoked(server: RunningServer, tmp_path: Path) -> None:
    server.enrolment_code("hop-5", "trang-long")
    server.enrol("hop-6", "trang-long", tmp_path)
    server.command("device", "revoke", "hop-6")
    lines = {line.split()[0]: line for line in server.command("device", "list").splitlines()}
    assert "not enrolled" in lines["hop-5"]
    assert "revoked" in lines["hop-6"]


# Whose word counts


def unsigned(_headers: dict[str, str]) -> dict[str, str]:
    return {}


def test_threat_04_only_the_server_we_enrolled_at_tells_us_the_time(house: EdgeServer) -> None:
    house.clock = lambda: NOW + timedelta(days=2)
    house.sign = unsigned
    with ServerLink(house.url, IDENTITY) as link:
        with pytest.raises(NotSigned, match="not signed by the server at which this device enrolled"):
            link.heartbeat(BEAT)
        assert house.heartbeats == []
        house.sign = lambda headers: headers
        link.heartbeat(BEAT)
        assert len(house.heartbeats) == 1
        before = house.requests
        link.heartbeat(BEAT)
        assert house.requests == before + 1, "the time is remembered"


class Pulling:
    """A reporter with a configuration folder, and what it put in force."""

    def __init__(self, folder: Path, url: str, identity: DeviceIdentity = IDENTITY) -> None:
        (folder / "config" / "cameras").mkdir(parents=True)
        (folder / "config" / "site.yaml").write_text(SITE, "utf-8")
        (folder / "config" / "cameras" / "cong_cho.yaml").write_text(CAMERA, "utf-8")
        self.store = SqliteOutbox(folder / "outbox.sqlite", FakeClock())
        self.configs = ConfigStore(folder / "config", folder / "data")
        self.loaded = self.configs.load()
        self.link = ServerLink(url, identity)
        self.reporter = Reporter(
            self.link,
            FakeClock(),
            store=self.store,
            configs=self.configs,
            statuses=lambda: (),
            on_configs=lambda texts: setattr(self, "loaded", self.configs.take(texts, self.loaded)),
        )

    def in_force(self) -> str:
        return self.loaded.cameras["cong_cho"].version

    def close(self) -> None:
        self.link.close()
        self.store.close()


@pytest.mark.parametrize("fault", ["unsigned", "another server's", "an older answer", "altered on the way"])
def test_a_configuration_that_our_server_has_not_signed_is_left_and_the_last_good_one_stays(
    house: EdgeServer, tmp_path: Path, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    caplog.set_level(logging.INFO)
    box = Pulling(tmp_path, house.url)
    signed: list[dict[str, str]] = []
    house.sign = lambda headers: signed.append(headers) or headers  # type: ignore[func-returns-value]  # append gives None
    box.reporter.step()
    good, newer = box.in_force(), CAMERA.replace("Cổng", "Ngõ")
    assert good == config_version(CAMERA)
    house.pulled["cong_cho"] = newer
    other = ServerKey("of somebody else")
    faults = {
        "unsigned": unsigned,
        "another server's": lambda headers: headers,
        "an older answer": lambda _headers: signed[-1],
        "altered on the way": lambda headers: headers | {"Content-Digest": signed[0]["Content-Digest"]},
    }
    house.sign = faults[fault]
    if fault == "another server's":
        house.server_key = other
    for _ in range(3):
        box.reporter.step()
    assert box.in_force() == good
    assert caplog.text.count("config_not_signed") == 1, "told once, and heartbeats go on"
    assert len(house.heartbeats) == 4
    house.sign = lambda headers: headers
    house.server_key = SERVER_KEY
    box.reporter.step()
    assert box.in_force() == config_version(newer)
    box.close()


def test_the_key_that_a_device_pins_is_the_servers_whatever_process_it_is() -> None:
    assert make_identity(server=ServerKey("a")).server_key == make_identity(server=ServerKey("a")).server_key
    assert ServerKey("a").public_bytes != ServerKey("b").public_bytes
