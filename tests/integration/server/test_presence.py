"""Who has an incident open: told on its page and on the wall's cards, to officers of the place and nobody else."""

from __future__ import annotations

from uuid import UUID

from flask.testing import FlaskClient

from tests.support.forms import csrf
from tests.support.village import Village, event


def incident_of(village: Village, name: str = "village-a", device: str = "box-a") -> str:
    answer = village.post([event(village=name)], device).get_json()
    return str(UUID(answer["results"][0]["incident_id"]))


def look(village: Village, browser: FlaskClient, incident: str, **more: str) -> list[str]:
    answer = browser.post(f"/incidents/{incident}/seen", data={"csrf_token": csrf(village, browser), **more})
    assert answer.status_code == 200
    return list(answer.get_json()["others"])


def viewers(browser: FlaskClient) -> dict[str, list[str]]:
    return dict(browser.get("/live/viewers").get_json()["viewers"])


def test_the_wall_says_who_else_has_an_incident_open(village: Village) -> None:
    incident, other = incident_of(village), incident_of(village, "village-b", "box-b")
    first, second, far = (village.browser(name) for name in ("officer_a", "officer_a2", "officer_b"))
    commune = village.browser("officer_commune")
    assert viewers(first) == {}
    look(village, second, incident)
    assert viewers(first) == {incident: ["officer_a2"]}
    assert viewers(second) == {}, "their own page is not somebody else's"
    assert viewers(far) == {}, "another village"
    assert viewers(commune) == {incident: ["officer_a2"]}
    look(village, commune, incident)
    look(village, far, other)
    assert viewers(first) == {incident: ["officer_a2", "officer_commune"]}
    assert viewers(commune) == {incident: ["officer_a2"], other: ["officer_b"]}
    for page in (first.get("/live"), first.get("/live/cards"), first.get(f"/live/cards?id={incident}")):
        assert "officer_a2, officer_commune" in page.get_data(as_text=True)
    assert "officer_a2" not in second.get("/live").get_data(as_text=True).split('id="wall"')[1].split("</article>")[0]
    look(village, second, incident, leaving="1")
    assert viewers(first) == {incident: ["officer_commune"]}


def test_what_was_not_said_again_is_over(village: Village) -> None:
    incident = incident_of(village)
    first, second = village.browser("officer_a"), village.browser("officer_a2")
    look(village, second, incident)
    village.clock.advance(seconds=24)
    assert viewers(first) == {incident: ["officer_a2"]}
    village.clock.advance(seconds=2)
    assert viewers(first) == {}
    assert "officer_a2" not in first.get(f"/live/cards?id={incident}").get_data(as_text=True)
