"""The live feed: resumed without a gap, under the rights of the moment, with slow clients dropped."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import delete, func, select

from server.alerts import service as alerts
from server.auth import service as auth
from server.db.models import Alert, Incident
from server.domain.access import Role
from server.domain.incident import IncidentAction
from server.incidents import service as incidents
from tests.support.live import LiveClient, live
from tests.support.village import Village, event, listening, running_village


@pytest.fixture
def url(village: Village) -> Iterator[str]:
    with listening(village) as address:
        yield address


def spots(alerts: list[dict[str, str]]) -> list[str]:
    return [alert["spot"] for alert in alerts]


def post(village: Village, number: int, village_id: str = "village-a") -> None:
    device = "box-a" if village_id == "village-a" else "box-b"
    body = event(number % 100, spot=f"spot-{number}", village=village_id)
    assert village.post([body], device=device).status_code == 200


def test_an_alert_carries_the_card(village: Village, url: str) -> None:
    with live(url, village.session_token("officer_a")) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        post(village, 1)
        stream.wait_for("alert", lambda seen: seen.alerts)
    alert = stream.alerts[0]
    assert (alert["kind"], alert["state"], alert["village"], alert["event_count"]) == ("crowding", "new", "Thôn A", 1)
    assert (alert["change"], alert["version"], alert["commune"]) == ("opened", 1, "Xã Nhơn Lộc")


def test_threat_13_a_cut_stream_resumes_without_a_gap(village: Village, url: str) -> None:
    token = village.session_token("officer_a")
    with live(url, token) as stream:
        post(village, 1)
        stream.wait_for("alert", lambda seen: seen.alerts)
    for number in (2, 3):
        post(village, number)
    with live(url, token, last_event_id=stream.last_id) as resumed:
        resumed.wait_for("missed alerts", lambda seen: len(seen.alerts) >= 2)
        post(village, 4)
        resumed.wait_for("new alert", lambda seen: len(seen.alerts) >= 3)
    assert spots(resumed.alerts) == ["spot-2", "spot-3", "spot-4"]
    ids = [int(item[0]) for item in resumed.messages if item[1] == "alert"]
    assert ids == sorted(set(ids))


def set_back(village: Village) -> None:
    """As after a restore: the newest number is gone."""
    with village.parts.database.write() as session:
        newest = session.scalar(select(func.max(Alert.sequence)))
        session.execute(delete(Alert).where(Alert.sequence == newest))


def test_threat_13_a_page_from_before_a_restore_is_told_and_follows_from_now(village: Village, url: str) -> None:
    token = village.session_token("officer_a")
    for number in (1, 2):
        post(village, number)
    village.settle()
    with live(url, token, last_event_id="0") as open_page:
        open_page.wait_for("both", lambda seen: len(seen.alerts) == 2)
        set_back(village)
        open_page.wait_for("word of it", lambda seen: "anew" in names(seen))
    with live(url, token, last_event_id="1000") as stream:
        stream.wait_for("word of it", lambda seen: "anew" in names(seen))
        assert int(stream.last_id) < 1000
        post(village, 3)
        stream.wait_for("what is new", lambda seen: seen.alerts)
    assert spots(stream.alerts) == ["spot-3"]
    assert names(stream).count("anew") == 1


def names(stream: LiveClient) -> list[str]:
    return [name for _, name, _ in stream.messages]


def test_the_newest_number_outlives_the_feeds_old_rows(village: Village) -> None:
    post(village, 1)
    post(village, 2)
    village.settle()
    with village.parts.database.write() as session:
        alerts.forget_old(session, village.clock.utc() + 2 * alerts.KEPT_FOR)
        assert list(session.scalars(select(Alert.sequence))) == [alerts.latest_sequence(session)] != [0]


def test_threat_13_without_a_position_the_stream_starts_now(village: Village, url: str) -> None:
    post(village, 1)
    village.settle()  # on PostgreSQL it gets its number a moment after the commit
    with live(url, village.session_token("officer_a")) as stream:
        post(village, 2)
        stream.wait_for("alert", lambda seen: seen.alerts)
    assert spots(stream.alerts) == ["spot-2"]


def test_threat_23_the_stream_tells_only_of_the_own_scope(village: Village, url: str) -> None:
    with live(url, village.session_token("officer_a")) as stream, live(url, village.session_token("admin")) as all_:
        post(village, 1, "village-b")
        post(village, 2)
        stream.wait_for("alert", lambda seen: seen.alerts)
        all_.wait_for("alerts", lambda seen: len(seen.alerts) == 2)
    assert spots(stream.alerts) == ["spot-2"]
    with live(url, village.session_token("officer_a"), last_event_id="0") as again:
        again.wait_for("alert", lambda seen: seen.alerts)
    assert spots(again.alerts) == ["spot-2"]


@pytest.mark.parametrize("change", ["role", "switched off", "signed out", "moved"])
def test_threat_26_losing_the_role_ends_the_open_stream_before_the_next_alert(
    village: Village, url: str, change: str
) -> None:
    token = village.session_token("officer_a")
    user_id = village.user_ids["officer_a"]
    with live(url, token) as stream:
        with village.parts.database.write() as session:
            if change == "signed out":
                auth.close_session(session, token)
            else:
                auth.change_access(
                    session,
                    village.clock,
                    user_id,
                    role=Role.RESIDENT if change == "role" else Role.OFFICER,
                    place_id="village-b" if change == "moved" else "village-a",
                    active=change != "switched off",
                )
        post(village, 1)
        stream.wait_for("end", lambda seen: seen.ended)
        assert stream.alerts == []
        assert stream.messages[-1][1] == "end"


@pytest.mark.parametrize(("name", "status"), [("resident_a", 403), (None, 401)])
def test_the_stream_is_for_those_who_watch(village: Village, name: str | None, status: int) -> None:
    assert village.browser(name).get("/api/v1/live").status_code == status


def test_a_stream_position_that_is_no_number_is_refused(village: Village) -> None:
    browser = village.browser("officer_a")
    for position in ("x", "-1", "1e3", "9" * 40, "٣"):
        assert browser.get("/api/v1/live", query_string={"last_event_id": position}).status_code == 422


def test_more_streams_than_the_server_can_hold_are_told_to_come_back(database_url: str, tmp_path: Path) -> None:
    with running_village(tmp_path / "data", database_url, max_streams=1) as village, listening(village) as url:
        token = village.session_token("officer_a")
        with live(url, token) as first:
            with live(url, token) as second:
                assert second.status == 503
                assert second.headers["retry-after"]
            post(village, 1)
            first.wait_for("alert", lambda seen: seen.alerts)


def test_threat_07_an_alert_is_committed_with_its_event_and_sent_to_whoever_comes_later(village: Village) -> None:
    post(village, 1)
    village.settle()
    with village.parts.database.read() as session:
        alert = session.scalars(select(Alert)).one()
        assert alert.incident_id == session.scalars(select(Incident)).one().id


def test_an_alert_of_another_process_is_noticed(database_url: str, tmp_path: Path) -> None:
    with running_village(tmp_path / "data", database_url) as village, listening(village) as url:
        from server import create_services

        other = create_services(village.parts.settings, village.clock)
        with live(url, village.session_token("officer_a")) as stream:
            post(village, 1)
            stream.wait_for("alert", lambda seen: seen.alerts)
            incident_id = stream.alerts[0]["id"]
            with other.database.write() as session:
                incident = session.scalars(select(Incident)).one()
                officer = village.principal("officer_a")
                incidents.act(session, village.clock, officer, incident.id, IncidentAction.ACKNOWLEDGE, version=1)
            stream.wait_for("state", lambda seen: len(seen.alerts) == 2)
        other.database.close()
    assert (stream.alerts[1]["id"], stream.alerts[1]["state"]) == (incident_id, "acknowledged")


def test_feed_numbers_rise_in_commit_order_under_many_writers(village: Village, url: str) -> None:
    """A reader that follows the feed while eight writers commit must see every number it may see, in order."""

    def post_six(first: int) -> None:
        for number in range(first, first + 6):
            post(village, number)

    with live(url, village.session_token("admin")) as stream:
        threads = [threading.Thread(target=post_six, args=(number * 100,)) for number in range(1, 9)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        stream.wait_for("every alert", lambda seen: len(set(spots(seen.alerts))) == 48)
    ids = [int(item[0]) for item in stream.messages if item[1] == "alert"]
    assert ids == sorted(ids)
