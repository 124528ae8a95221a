"""Live looks: who may, for how long, what others see of it, and what boxes are told without being called."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from contract.event import CameraHealth
from edge.look.messages import Glance, Purpose, Shown
from edge.look.relay import LookListener, LookSender, look_at
from edge.outbox import ServerLink
from edge.outbox.link import NotSigned
from server.db.look_models import Look
from server.db.models import AuditEntry, User
from server.jobs.registry import REGISTRY
from server.look import service
from server.look.relay import FRESH_S, MemoryRelay, Picture, RedisRelay, Relay, SharedRelay
from tests.edge_fakes import FakeClock
from tests.support.forms import csrf
from tests.support.identity import make_identity
from tests.support.media import jpeg, jpeg_claiming
from tests.support.redis import RunningRedis, find_server
from tests.support.village import NOW, Village, event, listening

CAMERA = "cam-village-a"
FIRST_MS = int(NOW.timestamp() * 1000)


@pytest.fixture(autouse=True)
def _cameras(request: pytest.FixtureRequest) -> None:
    if "village" in request.fixturenames:
        village: Village = request.getfixturevalue("village")
        village.post([event(village="village-a")])
        village.post([event(village="village-b")], device="box-b")


def press(village: Village, browser: FlaskClient, what: str = "", camera: str = CAMERA, **more: str) -> TestResponse:
    form = {"csrf_token": csrf(village, browser), **more}
    return browser.post(f"/cameras/{camera}/look{what}", data=form)


def show(
    village: Village, content: bytes, *, at: int = FIRST_MS, camera: str = CAMERA, box: str = "box-a"
) -> TestResponse:
    with village.app.test_client() as client:
        return client.put(f"/api/v1/cameras/{camera}/look?at={at}", data=content, headers=village.signed(box))


def frame(browser: FlaskClient, after: str = "", camera: str = CAMERA) -> TestResponse:
    return browser.get(f"/cameras/{camera}/look/frame.jpg" + (f"?after={after}" if after else ""))


def audited(village: Village) -> list[tuple[str, str, str, dict[str, object]]]:
    with village.parts.database.read() as session:
        rows = session.scalars(
            select(AuditEntry).where(AuditEntry.action.like("camera.look%")).order_by(AuditEntry.sequence)
        )
        return [(row.action, row.actor, row.subject, json.loads(row.detail)) for row in rows]


def user(village: Village, name: str) -> str:
    return f"user:{village.user_ids[name]}"


def end_job(village: Village) -> None:
    REGISTRY["look.end"].run(village.parts, {})


def test_an_officer_looks_for_a_minute_and_once_more(village: Village) -> None:
    officer = village.browser("officer_a")
    assert press(village, officer, why="  tin báo\nở cổng ").status_code == 303
    assert press(village, officer).status_code == 303  # pressed twice: the same look
    assert show(village, jpeg(1)).headers["Langan-Look-Left-S"] == "60.0"
    seen = frame(officer, "0")
    assert (seen.status_code, seen.data) == (200, jpeg(1))
    assert seen.headers["Cache-Control"] == "no-store"
    assert seen.headers["Langan-Look-Left-S"] == "60.0"
    assert frame(officer, seen.headers["Langan-Look-At"]).status_code == 204
    show(village, jpeg(2), at=FIRST_MS + 500)
    assert frame(officer, seen.headers["Langan-Look-At"]).data == jpeg(2)
    village.clock.advance(seconds=50)
    assert press(village, officer, "/extend").status_code == 303
    assert press(village, officer, "/extend").status_code == 409
    village.clock.advance(seconds=69)
    assert show(village, jpeg(3), at=FIRST_MS + 600).headers["Langan-Look-Left-S"] == "1.0"
    village.clock.advance(seconds=2)
    assert show(village, jpeg(3), at=FIRST_MS + 700).headers["Langan-Look-Left-S"] == "0.0"
    assert frame(officer, "0").status_code == 403
    end_job(village)
    end_job(village)
    subject = f"camera:{CAMERA}"
    who = user(village, "officer_a")
    assert audited(village) == [
        ("camera.look", who, subject, {"why": "tin báo ở cổng", "seconds": 60}),
        ("camera.look_extend", who, subject, {"seconds": 60}),
        ("camera.look_end", "system", subject, {"how": "over", "who": who, "seconds": 120}),
    ]


def test_stopping_ends_it_at_once_and_the_picture_is_gone(village: Village) -> None:
    officer = village.browser("officer_a")
    press(village, officer)
    show(village, jpeg(1))
    village.clock.advance(seconds=7)
    assert press(village, officer, "/stop").status_code == 303
    assert press(village, officer, "/stop").status_code == 303
    assert frame(officer, "0").status_code == 403
    assert show(village, jpeg(2), at=FIRST_MS + 1).headers["Langan-Look-Left-S"] == "0.0"
    assert village.parts.frames.get(CAMERA) is None
    assert [(action, detail.get("how"), detail["seconds"]) for action, _, _, detail in audited(village)] == [
        ("camera.look", None, 60),
        ("camera.look_end", "stopped", 7),
    ]


def test_threat_43_nobody_sees_a_live_picture_without_a_look_of_their_own_in_their_place(village: Village) -> None:
    press(village, village.browser("officer_a"))
    show(village, jpeg(1))
    for name, status in (
        ("officer_a2", 403),  # of the place, but has not begun: nobody looks unnamed
        ("admin", 403),
        ("officer_b", 404),
        ("admin_b", 404),
        ("resident_a", 403),
        (None, 401),
    ):
        browser = village.browser(name)
        answer = frame(browser, "0")
        assert answer.status_code == status, name
        assert b"\xff\xd8\xff" not in answer.data
        if name in {"officer_b", "resident_a"}:
            assert press(village, browser).status_code in {403, 404}
            assert browser.get(f"/cameras/{CAMERA}/look").status_code in {403, 404}
    with village.parts.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Look)) == 1


def test_threat_43_a_right_that_is_taken_away_ends_the_look_with_the_next_picture(village: Village) -> None:
    officer = village.browser("officer_a")
    press(village, officer)
    show(village, jpeg(1))
    assert frame(officer, "0").status_code == 200
    with village.parts.database.write() as session:
        session.get_one(User, village.user_ids["officer_a"]).place_id = "village-b"
    assert frame(officer, "0").status_code == 404


def test_several_officers_share_one_relay_and_see_each_other(village: Village) -> None:
    first, second = village.browser("officer_a"), village.browser("officer_commune")
    press(village, first, why="kiểm tra")
    press(village, second)
    show(village, jpeg(1))
    assert frame(first, "0").data == frame(second, "0").data == jpeg(1)
    assert [wish.camera_id for wish in village.parts.looks.now("box-a").looks] == [CAMERA]
    page = second.get(f"/cameras/{CAMERA}/look").get_data(as_text=True)
    assert "officer_a" in page
    assert "kiểm tra" in page
    assert "officer_a" in village.browser("admin").get("/cameras").get_data(as_text=True)
    press(village, first, "/stop")
    assert village.parts.looks.now("box-a").looks != ()  # the second one still looks
    press(village, second, "/stop")
    assert village.parts.looks.now("box-a") == service.NOTHING


def test_there_is_a_limit_of_looks_at_once_and_in_ten_minutes(village: Village) -> None:
    officer = village.browser("officer_a")
    for number in range(5):
        village.post([event(camera=f"more-{number}")])
    for number in range(4):
        assert press(village, officer, camera=f"more-{number}").status_code == 303
    refused = press(village, officer, camera="more-4")
    assert refused.status_code == 429
    assert "Retry-After" in refused.headers
    for _ in range(2):
        village.clock.advance(seconds=61)
        for number in range(4):
            assert press(village, officer, camera=f"more-{number}").status_code == 303
    village.clock.advance(seconds=61)
    assert press(village, officer).status_code == 429
    assert press(village, village.browser("officer_a2")).status_code == 303
    village.clock.advance(minutes=10)
    assert press(village, officer).status_code == 303


@pytest.mark.parametrize("content", [b"", b"GIF89a", jpeg_claiming(50_000, 50_000), jpeg(1, side=650), jpeg(1) + b"x"])
def test_threat_34_pictures_of_a_look_are_checked_before_they_are_passed_on(village: Village, content: bytes) -> None:
    press(village, village.browser("officer_a"))
    assert show(village, content).status_code in {413, 422}
    assert village.parts.frames.get(CAMERA) is None


def test_threat_43_pictures_come_from_the_cameras_own_box_live_and_newest_first(village: Village) -> None:
    officer = village.browser("officer_a")
    with village.app.test_client() as client:  # signed before anybody looked
        target = f"/api/v1/cameras/{CAMERA}/look?at={FIRST_MS}"
        early = village.sign("box-a", _environ(village, target, jpeg(9)))
        village.clock.advance(seconds=30)
        press(village, officer)
        assert show(village, jpeg(1), box="box-b").status_code == 404
        assert client.open(early).status_code == 204  # played back: taken by nobody
    assert frame(officer, "0").status_code == 204
    show(village, jpeg(2), at=FIRST_MS + 1000)
    show(village, jpeg(1), at=FIRST_MS + 500)  # overtaken on its way
    assert frame(officer, "0").data == jpeg(2)


def _environ(village: Village, target: str, body: bytes) -> dict[str, object]:
    from flask.testing import EnvironBuilder

    builder = EnvironBuilder(village.app, target, method="PUT", data=body, headers=village.signed("box-a"))
    return builder.get_environ()


def test_a_held_question_is_answered_as_soon_as_somebody_looks(village: Village) -> None:
    board = village.parts.looks
    with ThreadPoolExecutor(2) as pool:
        waiting = pool.submit(board.wait, "box-a", "0", 30.0)
        other = pool.submit(board.wait, "box-b", "0", 2.0)
        time.sleep(0.2)
        assert not waiting.done()
        press(village, village.browser("officer_a"))
        told = waiting.result(10)
        assert [(wish.camera_id, wish.left_s) for wish in told.looks] == [(CAMERA, 60.0)]
        assert other.result(20) == service.NOTHING  # another box learns nothing of it, and its time was up
    assert board.wait("box-a", told.version, 0.0) == told


def test_more_questions_than_places_are_asked_to_come_again(village: Village) -> None:
    board, places = village.parts.looks, village.parts.settings.held_looks
    with ThreadPoolExecutor(places) as pool:
        held = [pool.submit(board.wait, f"box-{number}", "0", 30.0) for number in range(places)]
        deadline = time.monotonic() + 10
        while board._places._value:
            assert time.monotonic() < deadline, "every place should be taken"
            time.sleep(0.01)
        assert board.wait("box-a", "0", 5.0).ask_again_s > 0
        village.parts.hub.closing = True  # the server is to end: held questions must not keep it
        for question in held:
            assert question.result(10) == service.NOTHING


class Box:
    """The edge's own side, with workers that are this test."""

    def __init__(self, village: Village, url: str, *, server_key: bool = True) -> None:
        identity = make_identity("box-a", server=village.parts.server_key) if server_key else make_identity("box-a")
        self.link = ServerLink(url, identity, now=village.clock.utc)
        self.clock = FakeClock(NOW)
        self.asked: list[Glance] = []
        self.health = {CAMERA: CameraHealth.OK}
        self.sender = LookSender(self.link, self.clock, health=lambda: self.health, ask=self.asked.append)
        self.listener = LookListener(self.link, self.clock, ask=self.asked.append, want_still=self.sender.want_still)

    def wishes(self) -> list[tuple[str, Purpose, float]]:
        told = [(item.camera_id, item.purpose, item.for_s) for item in self.asked]
        self.asked.clear()
        return told


@pytest.fixture
def served(village: Village) -> Iterator[str]:
    with listening(village) as url:
        yield url


def test_the_edge_shows_what_is_wished_and_stops_when_nobody_looks(village: Village, served: str) -> None:
    box, officer = Box(village, served), village.browser("officer_a")
    press(village, officer)
    box.listener.step()
    assert box.wishes() == [(CAMERA, Purpose.LOOK, 60.0)]
    box.sender.take(Shown(CAMERA, Purpose.LOOK, village.clock.utc(), jpeg(1)))
    box.sender.take(Shown(CAMERA, Purpose.LOOK, village.clock.utc(), jpeg(2)))
    box.sender.step()
    assert frame(officer, "0").data == jpeg(2), "only the newest is sent"
    assert box.wishes() == [(CAMERA, Purpose.STILL, 30.0)]  # the still that is due anyway
    assert box.sender.step() > 0
    threading.Timer(0.3, lambda: press(village, officer, "/stop")).start()
    box.listener.step()  # held until then
    assert box.wishes() == [(CAMERA, Purpose.LOOK, 0.0)]
    box.sender.take(Shown(CAMERA, Purpose.LOOK, village.clock.utc(), jpeg(3)))
    box.sender.step()
    assert box.wishes() == [(CAMERA, Purpose.LOOK, 0.0)], "a picture that nobody wants ends it, too"


def test_the_edge_sends_a_still_soon_after_start_every_ten_minutes_and_when_asked(
    village: Village, served: str
) -> None:
    box, officer = Box(village, served), village.browser("officer_a")
    box.health["not-well"] = CameraHealth.RECONNECTING
    box.sender.step()
    assert box.wishes() == [(CAMERA, Purpose.STILL, 30.0)]
    box.sender.take(Shown(CAMERA, Purpose.STILL, village.clock.utc(), jpeg(1)))
    box.sender.step()
    assert officer.get(f"/cameras/{CAMERA}/still.jpg").data == jpeg(1)
    box.clock.advance(290)
    box.sender.step()
    assert box.wishes() == []
    officer.post(f"/cameras/{CAMERA}/still", data={"csrf_token": csrf(village, officer)})
    box.listener.step()
    box.sender.step()
    assert box.wishes() == [(CAMERA, Purpose.STILL, 30.0)]
    box.sender.take(Shown(CAMERA, Purpose.STILL, village.clock.utc(), jpeg(2)))
    box.sender.step()
    box.wishes()
    box.clock.advance(601)
    box.sender.step()
    assert box.wishes() == [(CAMERA, Purpose.STILL, 30.0)]
    box.clock.advance(31)  # none came: the camera had no picture
    box.sender.step()
    assert box.wishes() == [(CAMERA, Purpose.STILL, 30.0)]


def test_threat_43_the_edge_shows_nothing_to_who_is_not_its_server(village: Village, served: str) -> None:
    box = Box(village, served, server_key=False)
    press(village, village.browser("officer_a"))
    with pytest.raises(NotSigned):
        box.listener.step()
    assert box.wishes() == []


def test_looks_are_forgotten_after_a_day_and_the_audit_log_is_not(village: Village) -> None:
    press(village, village.browser("officer_a"))
    village.clock.advance(minutes=2)
    end_job(village)
    village.clock.advance(days=2)
    end_job(village)
    with village.parts.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Look)) == 0
    assert len(audited(village)) == 2


def check_relay(one: Relay, other: Relay) -> None:
    """What every relay does, between two processes."""
    assert other.get("cong") is None
    one.put("cong", Picture(10, b"a"))
    one.put("cho", Picture(1, b"x"))
    assert other.get("cong") == Picture(10, b"a")
    other.put("cong", Picture(9, b"older"))
    assert one.get("cong") == Picture(10, b"a")
    other.put("cong", Picture(11, b"b" * 200_000))
    assert one.get("cong") == Picture(11, b"b" * 200_000)
    one.drop("cong")
    assert other.get("cong") is None
    assert other.get("cho") == Picture(1, b"x")
    time.sleep(FRESH_S + 0.5)
    assert one.get("cho") is None, "an old picture is not live"


def test_the_relays_of_one_machine(tmp_path: Path) -> None:
    memory = MemoryRelay()
    with ThreadPoolExecutor(2) as pool:
        shared = pool.submit(check_relay, SharedRelay(tmp_path / "look"), SharedRelay(tmp_path / "look"))
        check_relay(memory, memory)
        shared.result()
    assert list((tmp_path / "look").iterdir()) == []


def test_a_folder_of_somebody_else_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o755)
    (tmp_path / "link").symlink_to(tmp_path / "open")
    for name in ("open", "link"):
        with pytest.raises(PermissionError):
            SharedRelay(tmp_path / name)


@pytest.mark.redis
def test_the_relay_of_several_machines(tmp_path: Path) -> None:
    program = find_server()
    if program is None:
        pytest.skip("no Redis or Valkey here: install the package valkey-server or redis-server")
    server = RunningRedis(program, tmp_path)
    server.start()
    try:
        check_relay(RedisRelay(server.url), RedisRelay(server.url.replace("redis:", "valkey:")))
    finally:
        server.stop()


def test_a_relay_that_is_lost_shows_nothing_and_breaks_nothing() -> None:
    lost = RedisRelay("redis://127.0.0.1:1/0")
    lost.put("cong", Picture(1, b"a"))
    assert lost.get("cong") is None
    lost.drop("cong")
    assert look_at("cong", 0.0).for_s == 0.0
