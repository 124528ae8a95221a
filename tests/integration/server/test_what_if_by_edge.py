"""What a changed configuration would have told: asked from a camera's page, tried by an edge's own runner."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from contract.camera_config import ObservationsConfig
from contract.config_loader import LoadedCamera, config_version, load_camera
from contract.device_api import RunningConfig, RunningConfigs
from contract.event import Heartbeat
from edge.observations.log import FOLDER, ObservationLog
from edge.outbox.link import Rejected, ServerLink
from edge.what_if_jobs import WhatIfRunner, tell_running
from server.cameras.what_if import ANSWER_WITHIN
from server.db.what_if_models import CameraRun, WhatIf
from server.db.work_models import Deletion
from server.retention.service import enforce
from tests.edge_fakes import FakeClock
from tests.support.forms import form_of
from tests.support.scenes import crowd, observation, person
from tests.support.village import NOW, SITE, Village, listening

CAMERA = """\
# Sân đình / The yard.
camera: {id: san_dinh, name: Sân đình, village: village-a}
inputs: [{path: rtsp://192.0.2.1/none}]
objects: {track: [person]}
zones:
  san: {name: Sân, coordinates: [[0, 0], [1, 0], [1, 1], [0, 1]]}
rules: [{kind: crowding, zones: [san], min_people: 12, min_duration_s: 10, clear_after_s: 5}]
"""
EASIER = CAMERA.replace("min_people: 12", "min_people: 6")


@dataclass
class Box:
    """The parts of an edge that have to do with trying configurations."""

    village: Village
    link: ServerLink
    runner: WhatIfRunner
    data: Path

    def beat(self) -> int:
        """A heartbeat: the runner learns what is wanted."""
        beat = Heartbeat(sent_at=NOW, software_version="1", outbox_events=0, outbox_media=0)
        wishes = self.link.heartbeat(beat).what_ifs
        self.runner.want(wishes)
        return len(wishes)

    def say_what_runs(self, version: str = "", refused: str = "") -> None:
        tell_running(
            self.link, RunningConfigs(cameras=(RunningConfig(camera_id="san_dinh", version=version, refused=refused),))
        )

    def store_a_day(self) -> None:
        """Eight people for forty seconds, among others."""
        log = ObservationLog("san_dinh", self.data / FOLDER, ObservationsConfig(store=True))
        for index in range(5 * 120):
            log.add(observation(index / 5, crowd(8) if 100 < index < 300 else [person(99, 0.1, 0.9)]))
        log.finish()

    def ask(self, text: str = EASIER, user: str = "admin") -> Any:
        browser, form = form_of(self.village, user)
        return browser.post("/admin/cameras/san_dinh/what-if", data={**form, "yaml": text, "based_on": "1"})

    def page(self, address: str, user: str = "admin") -> str:
        answer = self.village.browser(user).get(address)
        assert answer.status_code == 200
        return str(answer.get_data(as_text=True))


def loaded(text: str) -> LoadedCamera:
    config = load_camera(text, "san_dinh.yaml").config
    assert config is not None
    return LoadedCamera(config, text, Path("san_dinh.yaml"), config_version(text))


@pytest.fixture
def box(village: Village, tmp_path: Path) -> Iterator[Box]:
    data, site = tmp_path / "edge", tmp_path / "site.yaml"
    data.mkdir()
    site.write_text(SITE, "utf-8")
    with listening(village) as url, ServerLink(url, village.identities["box-a"]) as link:
        link.put_camera_config("san_dinh", CAMERA)
        in_force = {"san_dinh": loaded(CAMERA)}
        runner = WhatIfRunner(link, FakeClock(), data_dir=data, site_file=site, in_force=in_force.get)
        yield Box(village, link, runner, data)
        runner.stop()


def test_an_admin_learns_which_alerts_a_change_would_have_added(box: Box) -> None:
    box.store_a_day()
    box.say_what_runs(config_version(CAMERA))
    asked = box.ask()
    assert asked.status_code == 303
    assert "Đang chờ thiết bị nhận việc" in box.page(asked.location)
    assert box.beat() == 1
    box.runner.step()
    assert box.beat() == 0
    page = box.page(asked.location)
    assert "Cảnh báo sẽ có thêm: 1 · Cảnh báo sẽ mất đi: 0" in page
    assert "Tụ tập đông người" in page
    assert "600 lượt quan sát" in page
    assert not list(box.data.glob("what-if-*"))
    file = box.village.browser("admin").get(f"{asked.location}/camera.yaml")
    assert file.get_data(as_text=True) == EASIER
    saved = form_of(box.village, "admin")
    answer = saved[0].post("/admin/cameras/san_dinh", data={**saved[1], "yaml": EASIER, "based_on": "1"})
    assert answer.status_code == 303


def test_a_box_without_observations_says_so(box: Box) -> None:
    box.say_what_runs(config_version(CAMERA))
    asked = box.ask()
    box.beat()
    box.runner.step()
    assert "chưa lưu dữ liệu nào" in box.page(asked.location)


def test_a_box_that_never_said_what_it_runs_is_not_asked_and_the_page_gives_the_command(box: Box) -> None:
    asked = box.ask()
    assert box.beat() == 0
    page = box.page(asked.location)
    assert "langan-edge replay --config new --against" in page
    assert "Hãy chạy lệnh dưới đây trên thiết bị" in page


def test_nobody_waits_for_ever(box: Box) -> None:
    box.say_what_runs(config_version(CAMERA))
    asked = box.ask()
    box.village.clock.advance(seconds=ANSWER_WITHIN.total_seconds() + 1)
    assert "không trả lời trong 15 phút" in box.page(asked.location)
    with box.village.parts.database.read() as session:
        assert session.scalar(select(WhatIf.state)) == "asked"


def test_a_wrong_text_is_refused_by_line_and_not_asked(box: Box) -> None:
    refused = box.ask(CAMERA.replace("zones: [san]", "zones: [khong_co]"))
    assert refused.status_code == 422
    assert "khong_co" in refused.get_data(as_text=True)
    with box.village.parts.database.read() as session:
        assert session.scalar(select(WhatIf.id)) is None


def test_another_device_and_another_villages_admin_get_nothing(box: Box) -> None:
    box.say_what_runs(config_version(CAMERA))
    asked = box.ask()
    what_if_id = asked.location.rpartition("/")[2]
    with listening(box.village) as url, ServerLink(url, box.village.identities["box-b"]) as other:
        beat = Heartbeat(sent_at=NOW, software_version="1", outbox_events=0, outbox_media=0)
        assert other.heartbeat(beat).what_ifs == ()
        stranger = WhatIfRunner(other, FakeClock(), data_dir=box.data, site_file=box.data, in_force=lambda _id: None)
        with pytest.raises(Rejected):
            stranger._fetch(what_if_id)
        tell_running(other, RunningConfigs(cameras=(RunningConfig(camera_id="san_dinh", version="abc"),)))
    assert box.village.browser("admin_b").get(asked.location).status_code == 404
    assert box.ask(user="admin_b").status_code == 404
    with box.village.parts.database.read() as session:
        assert session.get_one(CameraRun, "san_dinh").version == config_version(CAMERA)


def test_the_page_says_which_version_runs_which_waits_and_why_one_was_refused(box: Box) -> None:
    address = "/admin/cameras/san_dinh"
    box.say_what_runs(config_version(CAMERA))
    assert "Thiết bị đang chạy" in box.page(address)
    browser, form = form_of(box.village, "admin")
    assert browser.post(address, data={**form, "yaml": EASIER, "based_on": "1"}).status_code == 303
    assert "Bản 2 đang chờ thiết bị lấy về." in box.page(address)
    box.say_what_runs(config_version(CAMERA), "the server's version was refused, the last good one stays: line 3")
    page = box.page(address)
    assert "Thiết bị không nhận bản mới nhất." in page
    assert "Bản tốt trước đó vẫn đang chạy." in page
    assert "line 3" in page


def test_what_was_tried_goes_with_its_period_answered_or_not(box: Box) -> None:
    box.say_what_runs(config_version(CAMERA))
    box.store_a_day()
    answered = box.ask().location
    box.beat()
    box.runner.step()
    box.village.clock.advance(days=6)
    assert enforce(box.village.parts).counts["what_if"] == 0
    waiting = box.ask().location
    assert "Cảnh báo sẽ có thêm: 1" in box.page(answered)
    box.village.clock.advance(days=2)
    assert enforce(box.village.parts, dry_run=True).counts["what_if"] == 1
    assert enforce(box.village.parts).counts["what_if"] == 1
    assert box.village.browser("admin").get(answered).status_code == 404
    assert "thiết bị" in box.page(waiting)
    box.village.clock.advance(days=6)
    assert enforce(box.village.parts).counts["what_if"] == 1
    assert box.village.browser("admin").get(waiting).status_code == 404
    with box.village.parts.database.read() as session:
        lines = session.scalars(select(Deletion).where(Deletion.what == "what_if")).all()
    assert [(line.rows, line.reason) for line in lines] == [(1, "age:7"), (1, "age:7")]
