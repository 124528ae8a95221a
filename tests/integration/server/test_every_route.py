"""Rows 23 and 28 for every address there is: route x role x scope, from one table (`tests/support/routes.py`)."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from itertools import count
from typing import Any

import pytest
from flask import url_for
from flask.testing import FlaskClient
from werkzeug.routing import Rule

from server.db.models import User
from server.domain.access import Role
from server.places import service as places
from tests.support.forms import csrf
from tests.support.routes import (
    ADMIN,
    DEVICE,
    LEADER,
    OFFICER,
    PEOPLE,
    RESIDENT,
    ROUTES,
    SITE_ADMIN,
    STRANGER,
    Objects,
    Route,
    objects_of,
)
from tests.support.village import NOW, SITE, Village

ROLES = {OFFICER: Role.OFFICER, LEADER: Role.LEADER, RESIDENT: Role.RESIDENT, ADMIN: Role.ADMIN}
COVERING = ("village-a", "nhon-loc", "gia-lai")
"""Scopes that hold village A."""
FOREIGN = ("village-b", "xa-khac", "tinh-khac")
"""Scopes of the same ranks that do not."""
MORE_PLACES = """\
  - {id: tinh-khac, kind: province, name: Tỉnh khác}
  - {id: xa-khac, kind: commune, name: Xã khác, parent: gia-lai}
  - {id: thon-khac, kind: village, name: Thôn khác, parent: xa-khac}
  - {id: xa-xa, kind: commune, name: Xã xa, parent: tinh-khac}
  - {id: thon-xa, kind: village, name: Thôn xa, parent: xa-xa}
"""
MEDIA_OF_RESIDENTS = 404
"""A resident or leader opens redacted pictures only; the one in the table is not."""


class Walk:
    """A village with everybody in it, and a way to ask as anybody for anything."""

    def __init__(self, village: Village) -> None:
        self.village = village
        self._addresses = count(
            1
        )  # each request comes from elsewhere: the limits of an address have tests of their own
        with village.parts.database.write() as session:
            places.sync(session, village.clock, SITE + MORE_PLACES, "site.yaml")
            for role, kind in ROLES.items():
                for scope in (*COVERING, *FOREIGN):
                    user = User(
                        username=f"{role}-{scope}",
                        display_name=f"{role} of {scope}",
                        password_hash="!",
                        role=kind,
                        place_id=scope,
                        active=True,
                        created_at=NOW,
                        password_changed_at=NOW,
                    )
                    session.add(user)
                    session.flush()
                    village.user_ids[user.username] = user.id
        village.user_ids[SITE_ADMIN] = village.user_ids["admin"]
        self.own, self.other = objects_of(village, "a"), objects_of(village, "b")

    def routes(self) -> Iterator[tuple[Rule, str, Route]]:
        """Every address with its method and its line of the table."""
        for rule in self.village.app.url_map.iter_rules():
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                yield rule, method, ROUTES[f"{method} {rule.endpoint}"]

    def ask(self, rule: Rule, method: str, who: str, objects: Objects, **headers: str) -> tuple[int, str]:
        """Ask as somebody, with the hidden field of their forms; gives status and text."""
        name = None if who in {STRANGER, DEVICE} else who
        browser = self.village.browser(name)
        form = dict(ROUTES[f"{method} {rule.endpoint}"].form)
        data = {"csrf_token": self._form(browser, name), **form} if method != "GET" and who != DEVICE else None
        if who == DEVICE:
            headers |= self.village.signed("box-a")
        return self._send(browser, rule, method, objects, data, headers)

    def send_without_token(self, rule: Rule, method: str, who: str, **headers: str) -> int:
        """Ask as another site's page would: with the browser's cookies, without its hidden field."""
        return self._send(self.village.browser(who), rule, method, self.own, {}, headers)[0]

    def _send(
        self,
        browser: FlaskClient,
        rule: Rule,
        method: str,
        objects: Objects,
        data: dict[str, str] | None,
        headers: dict[str, str],
    ) -> tuple[int, str]:
        streams = ROUTES[f"{method} {rule.endpoint}"].streams
        response = browser.open(
            self._path(rule, objects),
            method=method,
            data=data,
            headers=headers,
            buffered=not streams,
            environ_base={"REMOTE_ADDR": str(ip_address(0x0A000000 + next(self._addresses)))},
        )
        try:
            is_text = not streams and (response.mimetype or "").startswith(("text/", "application/json"))
            return response.status_code, response.get_data(as_text=True) if is_text else ""
        finally:
            response.close()

    def _path(self, rule: Rule, objects: Objects) -> str:
        with self.village.app.test_request_context():
            return url_for(rule.endpoint, **{name: objects.values[name] for name in rule.arguments})

    def _form(self, browser: FlaskClient, name: str | None) -> str:
        if name is None:
            browser.get("/login")
        return csrf(self.village, browser, "langan_visitor" if name is None else "langan_session")


@pytest.fixture
def walk(village: Village) -> Walk:
    return Walk(village)


def people(role: str, scopes: tuple[str, ...]) -> list[str]:
    """The accounts of a role with these scopes."""
    return [f"{role}-{scope}" for scope in scopes]


def named(role: str) -> str:
    """The account that stands for a role in village A."""
    return SITE_ADMIN if role == SITE_ADMIN else f"{role}-village-a"


def test_every_route_is_in_the_table_and_every_line_has_a_route(embedded_village: Village) -> None:
    there = {
        f"{method} {rule.endpoint}"
        for rule in embedded_village.app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert there - ROUTES.keys() == set(), "say in tests/support/routes.py who may ask for these"
    assert ROUTES.keys() - there == set(), "these are gone: take their lines out of tests/support/routes.py"


def test_threat_23_only_the_roles_of_the_table_get_in(walk: Walk) -> None:
    wrong: list[tuple[object, ...]] = []
    for rule, method, route in walk.routes():
        for role in sorted({*PEOPLE, STRANGER} - route.who):
            who = STRANGER if role == STRANGER else named(role)
            due = 401 if role == STRANGER or DEVICE in route.who else 403
            status, _ = walk.ask(rule, method, who, walk.own)
            if status != due:
                wrong.append((rule.rule, method, who, status, f"{due} was due"))
        if DEVICE not in route.who and STRANGER not in route.who:
            status, _ = walk.ask(rule, method, DEVICE, walk.own)
            if status not in {401, 403, 404}:  # 403: it has no hidden field of a form
                wrong.append((rule.rule, method, DEVICE, status, "401 was due"))
    assert not wrong, _lines(wrong)


def test_threat_23_another_places_object_is_refused_to_every_role_of_every_rank(walk: Walk) -> None:
    wrong: list[tuple[object, ...]] = []
    asked = 0
    for rule, method, route in walk.routes():
        if route.foreign is None:
            assert not set(rule.arguments) & {"incident_id", "user_id"} or DEVICE in route.who, rule.rule
            continue
        for role in sorted(route.who & ROLES.keys()):
            for who in people(role, FOREIGN):
                asked += 1
                status, text = walk.ask(rule, method, who, walk.own)
                if status != route.foreign or any(mark in text for mark in _told(walk, rule)):
                    wrong.append((rule.rule, method, who, status, f"{route.foreign} was due"))
    assert not wrong, _lines(wrong)
    assert asked > 40


def test_threat_23_no_list_names_what_lies_in_another_place(walk: Walk) -> None:
    found: list[tuple[object, ...]] = []
    asked = 0
    for rule, method, route in walk.routes():
        if method != "GET" or rule.arguments or route.streams:
            continue
        for role in sorted(route.who & ROLES.keys()):
            for who in people(role, FOREIGN):
                asked += 1
                _, text = walk.ask(rule, method, who, walk.own)
                found += [(rule.rule, who, name) for name, mark in walk.own.marks.items() if mark in text]
    assert not found, _lines(found)
    assert asked > 60


def test_what_is_in_ones_own_place_opens_to_every_rank(walk: Walk) -> None:
    """The other side of the refusals above: they would be worth nothing if everything were refused."""
    wrong: list[tuple[object, ...]] = []
    devices_first = sorted(walk.routes(), key=lambda item: DEVICE not in item[2].who)
    for rule, method, route in devices_first:
        everybody = [who for role in sorted(route.who & ROLES.keys()) for who in people(role, COVERING)]
        others = [name for name in (SITE_ADMIN, STRANGER, DEVICE) if name in route.who]
        for who in (*everybody, *others):
            status, _ = walk.ask(rule, method, who, walk.own)
            if status not in route.own:
                wrong.append((rule.rule, method, who, status, f"one of {sorted(route.own)} was due"))
    assert not wrong, _lines(wrong)


def test_lists_name_what_lies_in_ones_own_place(walk: Walk) -> None:
    """The other side of `no_list_names`: the marks are what pages really say."""
    pages = {
        "police.live": "incident",
        "admin.cameras": "camera",
        "devices.devices": "device",
        "users.users": "account",
    }
    for rule, method, _ in walk.routes():
        if method == "GET" and rule.endpoint in pages:
            role = OFFICER if rule.endpoint == "police.live" else ADMIN
            for who in people(role, COVERING):
                _, text = walk.ask(rule, method, who, walk.own)
                assert walk.own.marks[pages[rule.endpoint]] in text, (rule.rule, who)


def test_threat_28_no_change_is_taken_from_another_sites_page(walk: Walk) -> None:
    """Every address that changes something, as who may: no hidden field, another origin, another site's request."""
    wrong: list[tuple[object, ...]] = []
    asked = 0
    for rule, method, route in walk.routes():
        if method == "GET" or DEVICE in route.who or rule.endpoint.startswith("api."):
            continue  # the devices' API takes no cookie
        who = SITE_ADMIN if SITE_ADMIN in route.who else named(min(route.who & ROLES.keys()))
        tries: list[tuple[str, int]] = [("no hidden field", walk.send_without_token(rule, method, who))]
        for name, value in (("Origin", "https://evil.example"), ("Sec-Fetch-Site", "cross-site")):
            tries.append((name, walk.ask(rule, method, who, walk.own, **{name: value})[0]))
        asked += 1
        for trial, status in tries:
            is_sign_in = rule.endpoint == "pages.sign_in" and trial == "no hidden field"  # shows its form anew
            if status != (303 if is_sign_in else 403):
                wrong.append((rule.rule, method, trial, status))
    assert not wrong, _lines(wrong)
    assert asked > 25


def _lines(found: list[tuple[object, ...]]) -> str:
    return "\n" + "\n".join(" ".join(str(part) for part in line) for line in found)


def _told(walk: Walk, rule: Rule) -> list[str]:
    """What a refusal may not say: everything of the place that is not in the address itself."""
    told: dict[str, Any] = {"incident_id": "incident", "camera_id": "camera", "device_id": "device"}
    in_address = {told[name] for name in rule.arguments if name in told}
    return [mark for name, mark in walk.own.marks.items() if name not in in_address]
