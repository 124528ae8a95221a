"""Every address of the server, and who may ask for it: one table, walked by `test_every_route.py`.

A new route needs a line here, or that test fails. A line is `"METHOD endpoint": Route(who, ...)`. Addresses with an
incident, a camera, a device or an account in them are asked for with one's own and with another place's; `objects_of`
makes both.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from server.residents import feedback
from server.residents.feedback import Words
from server.shifts import service as shifts
from server.shifts.service import NoteDraft
from server.silences import service as silences
from server.silences.service import SilenceDraft
from tests.support.media import jpeg
from tests.support.village import Village, event, reference

OFFICER, LEADER, RESIDENT, ADMIN, SITE_ADMIN = "officer", "leader", "resident", "admin", "site admin"
DEVICE, STRANGER = "device", "stranger"
PEOPLE = frozenset({OFFICER, LEADER, RESIDENT, ADMIN, SITE_ADMIN})
"""`admin` has a place; `site admin` has the whole site."""
ADMINS = frozenset({ADMIN, SITE_ADMIN})
WATCHERS = frozenset({OFFICER}) | ADMINS
OVERSEERS = WATCHERS | {LEADER}
EVERYBODY = PEOPLE | {STRANGER}
DEVICES = frozenset({DEVICE})
NOBODYS = "00000000-0000-7000-8000-000000000000"
"""The number of no incident and no event."""


@dataclass(frozen=True, slots=True)
class Route:
    """What an address promises."""

    who: frozenset[str]
    """Who may ask. Others are answered 401 (strangers, and devices on pages, people on the devices' API) or 403."""
    foreign: int | None = None
    """What those who may ask are answered about another place's object; None: no object in the address."""
    own: frozenset[int] = frozenset({200, 204, 302, 303, 422})
    """What is answered about one's own, to an empty request or to `form`."""
    streams: bool = False
    """The answer has no end."""
    form: tuple[tuple[str, str], ...] = ()
    """What is sent, where an empty form is refused before anybody looks whose object it is."""


def page(who: frozenset[str], *, foreign: int | None = None, own: set[int] | None = None) -> Route:
    """A page or form."""
    return Route(who, foreign, frozenset(own) if own else frozenset({200, 303, 422}))


def of_device(*, own: set[int]) -> Route:
    """A device's address: what is not of its own cameras is 403 or 404 with a right body; see the ingest tests."""
    return Route(DEVICES, None, frozenset(own))


ROUTES: dict[str, Route] = {
    # Before anybody is known
    "GET static": page(EVERYBODY, own={200}),
    "GET pages.start": page(EVERYBODY, own={302}),
    "GET pages.login": page(EVERYBODY, own={200, 302}),
    "POST pages.sign_in": page(EVERYBODY, own={401}),
    "POST pages.logout": page(EVERYBODY, own={303}),
    "GET pwa.manifest": page(EVERYBODY, own={200}),
    "GET pwa.worker": page(EVERYBODY, own={200}),
    "GET pwa.offline": page(EVERYBODY, own={200}),
    "POST pages.language": page(EVERYBODY, own={422}),
    "GET sign_in.second_factor": page(EVERYBODY, own={302}),
    "POST sign_in.check_second_factor": page(EVERYBODY, own={401}),
    "POST sign_in.passkey_options": page(EVERYBODY, own={200}),
    "POST sign_in.check_passkey": page(EVERYBODY, own={401}),
    "GET sign_in.oidc": page(EVERYBODY, own={404}),
    "GET sign_in.oidc_callback": page(EVERYBODY, own={404}),
    "GET sign_in.setup": page(EVERYBODY, own={404}),
    "POST sign_in.make_first_admin": page(EVERYBODY, own={401}),
    "GET api.healthz": page(EVERYBODY, own={200}),
    "GET monitoring.readyz": page(EVERYBODY, own={200, 503}),
    "GET monitoring.metrics": page(EVERYBODY, own={200, 403}),
    "GET api.openapi": page(EVERYBODY, own={200}),
    "POST api.post_enrolment": page(EVERYBODY, own={415, 422}),
    # Everybody's own account
    "GET account.security": page(PEOPLE),
    "GET account.password": page(PEOPLE),
    "POST account.change_password": page(PEOPLE, own={422}),
    "GET account.confirm": page(PEOPLE),
    "POST account.check_confirmation": page(PEOPLE, own={422}),
    "GET account.totp": page(PEOPLE, own={404}),
    "POST account.begin_totp": page(PEOPLE, own={303}),
    "POST account.confirm_totp": page(PEOPLE, own={422}),
    "POST account.remove_totp": page(PEOPLE, own={303}),
    "POST account.recovery": page(PEOPLE, own={422}),
    "POST account.passkey_options": page(PEOPLE, own={200}),
    "POST account.add_passkey": page(PEOPLE, own={422}),
    "POST account.remove_passkey": page(PEOPLE, own={404}),
    "POST account.end_sessions": page(PEOPLE, own={303}),
    # Officers
    "GET police.live": page(WATCHERS),
    "GET police.cards": page(WATCHERS),
    "GET police.viewers": page(WATCHERS, own={200}),
    "GET police.incident": page(WATCHERS, foreign=404),
    "POST police.act": Route(WATCHERS, 404, frozenset({303, 409}), form=(("action", "acknowledge"), ("version", "1"))),
    "POST police.seen": page(WATCHERS, foreign=404, own={200}),
    "POST police.ask_copy": page(WATCHERS, foreign=404, own={404}),
    "POST grouping.assign": page(WATCHERS, foreign=404, own={303, 409}),
    "POST grouping.merge": Route(WATCHERS, 404, frozenset({404}), form=(("other", f"{NOBODYS}:1"), ("reason", "x"))),
    "POST grouping.unmerge": Route(WATCHERS, 404, frozenset({404, 409}), form=(("other", NOBODYS), ("reason", "x"))),
    "POST grouping.split": Route(WATCHERS, 404, frozenset({404, 409}), form=(("event", NOBODYS), ("reason", "x"))),
    "POST grouping.silence": Route(WATCHERS, 404, frozenset({303}), form=(("hours", "1"), ("reason", "x"))),
    "GET map.plan": page(WATCHERS),
    "GET map.tiles": page(WATCHERS, own={404}),
    "GET shifts.page": page(WATCHERS),
    "POST shifts.hand_over": page(WATCHERS, own={404, 422}),
    "POST shifts.confirm": page(WATCHERS, foreign=404, own={303, 403, 409}),
    "GET silences.page": page(WATCHERS),
    "POST silences.create": page(WATCHERS, own={422}),
    "POST silences.create_maintenance": page(ADMINS, own={422}),
    "POST silences.end": page(WATCHERS, foreign=404, own={303, 409}),
    "GET live.live": Route(WATCHERS, streams=True),
    "GET live.media": page(PEOPLE, foreign=404, own={200, 404}),
    "GET look.cameras": page(WATCHERS),
    "GET look.look": page(WATCHERS, foreign=404),
    "POST look.begin": page(WATCHERS, foreign=404, own={303}),
    "POST look.extend": page(WATCHERS, foreign=404, own={303, 404, 409}),
    "POST look.stop": page(WATCHERS, foreign=404, own={303}),
    "GET look.frame": page(WATCHERS, foreign=404, own={200, 302, 403}),
    "GET look.still": page(WATCHERS, foreign=404, own={200}),
    "POST look.ask_still": page(WATCHERS, foreign=404, own={303}),
    "POST retention.place_hold": page(WATCHERS, foreign=404),
    "POST retention.release_hold": page(WATCHERS, foreign=404, own={303, 404, 409, 422}),
    "GET notices.settings": page(WATCHERS),
    "GET push.site_key": page(WATCHERS, own={200}),
    "POST push.subscribe": page(WATCHERS, own={422}),
    "POST notices.add_channel": page(WATCHERS, own={422}),
    "POST notices.change_channel": page(WATCHERS, foreign=404, own={404}),
    "POST notices.confirm_channel": page(WATCHERS, own={422}),
    "POST notices.send_code": page(WATCHERS, foreign=404, own={404}),
    "POST notices.remove_channel": page(WATCHERS, foreign=404, own={404}),
    "POST notices.show_secret": page(WATCHERS, foreign=404, own={404}),
    # Leaders
    "GET reports.page": page(OVERSEERS),
    "GET reports.file": page(OVERSEERS, own={200}),
    "GET reports.letterhead": page(frozenset({LEADER}) | ADMINS),
    "POST reports.save_letterhead": page(frozenset({LEADER}) | ADMINS, own={404}),
    "GET reports.mail": page(OVERSEERS),
    "POST reports.subscribe": page(OVERSEERS, own={422}),
    "POST reports.unsubscribe": page(OVERSEERS, foreign=404, own={404}),
    "POST reports.add_address": page(OVERSEERS, own={422}),
    "POST reports.confirm_address": page(OVERSEERS, own={422}),
    "POST reports.send_code": page(OVERSEERS, foreign=404, own={404}),
    "POST reports.remove_address": page(OVERSEERS, foreign=404, own={404}),
    # Residents
    "GET residents.log": page(PEOPLE),
    "GET residents.numbers": page(PEOPLE),
    "GET residents.cameras": page(PEOPLE),
    "GET residents.sign": page(WATCHERS, foreign=404),
    "GET residents.read_sign": page(EVERYBODY, own={404}),
    "GET feedback.page": page(PEOPLE),
    "POST feedback.write": page(frozenset({RESIDENT, LEADER}), own={422}),
    "GET feedback.inbox": page(WATCHERS),
    "POST feedback.answer": Route(WATCHERS, 404, frozenset({303, 409}), form=(("answer", "x"),)),
    "POST feedback.hide_picture": page(WATCHERS, foreign=404),
    # Admins
    "GET admin.cameras": page(ADMINS),
    "GET admin.camera": page(ADMINS, foreign=404),
    "POST admin.save_camera": page(ADMINS, foreign=404),
    "POST admin.rollback_camera": page(ADMINS, foreign=404, own={404}),  # there is no version 0
    "GET admin.new_camera": page(ADMINS),
    "POST admin.create_camera": page(ADMINS, own={422}),
    "GET editor.schema": page(ADMINS, own={200}),
    "POST editor.check": page(ADMINS, own={422}),
    "POST editor.change": page(ADMINS, own={422}),
    "GET versions.compare": page(ADMINS, foreign=404, own={404}),  # there is one version only
    "POST admin.edit_camera": page(ADMINS, foreign=404),
    "POST what_if.ask": page(ADMINS, foreign=404, own={422}),
    "GET what_if.page": page(ADMINS, foreign=404, own={404}),  # nobody has asked
    "GET what_if.text_of": page(ADMINS, foreign=404, own={404}),
    "GET admin.audit_log": page(frozenset({SITE_ADMIN})),
    "GET devices.devices": page(ADMINS),
    "POST devices.add_device": page(ADMINS, own={422}),
    "POST devices.make_code": page(ADMINS, foreign=403),
    "POST devices.revoke": page(ADMINS, foreign=403),
    "GET retention.overview": page(ADMINS),
    "GET notices.delivery": page(ADMINS),
    "GET users.users": page(ADMINS),
    "POST users.add_user": page(ADMINS, own={422}),
    "POST users.change_user": page(ADMINS, foreign=404),
    "POST users.reset_password": page(ADMINS, foreign=404),
    "POST users.reset_factors": page(ADMINS, foreign=404),
    "POST users.require_second_factor": page(frozenset({SITE_ADMIN})),
    # Devices
    "POST api.post_events": of_device(own={422}),
    "PUT api.put_evidence": of_device(own={204}),
    "GET api.get_evidence": of_device(own={404}),
    "POST api.begin_upload": of_device(own={404}),  # the store is a folder of its own
    "POST api.finish_upload": of_device(own={404}),
    "POST api.post_evidence_gone": of_device(own={204, 404}),
    "PUT api.put_copy_report": of_device(own={404, 422}),
    "POST api.post_heartbeat": of_device(own={422}),
    "PUT api.put_camera_config": of_device(own={415, 422}),
    "GET api.get_camera_configs": of_device(own={200}),
    "PUT api.put_running": of_device(own={422}),
    "GET api.get_what_if": of_device(own={404}),
    "PUT api.put_what_if": of_device(own={422}),
    "PUT api.put_still": of_device(own={422}),
    "PUT api.put_look": of_device(own={422}),
    "GET api.get_look": of_device(own={200}),
}


@dataclass(frozen=True, slots=True)
class Objects:
    """What lies in one place, by the names of arguments in addresses."""

    values: dict[str, Any]
    marks: dict[str, str]
    """What a page would say of them: nobody of another place may read it."""


def _silence(village: Village, letter: str) -> int:
    parts, now = village.parts, village.clock.utc()
    draft = SilenceDraft(f"village-{letter}", now, now + timedelta(hours=1), "hội làng", kinds=("speeding",))
    officer = village.principal(f"officer_{letter}")
    with parts.database.write() as session:
        return silences.create(session, village.clock, parts.settings.zone, officer, draft).id


def _shift_note(village: Village, letter: str) -> int:
    parts, draft = village.parts, NoteDraft(f"village-{letter}", "cổng chợ còn đông")
    officer = village.principal(f"officer_{letter}")
    with parts.database.write() as session:
        zone, starts = parts.settings.zone, parts.settings.shifts
        return shifts.write(session, village.clock, zone, starts, officer, draft).id


def objects_of(village: Village, letter: str) -> Objects:
    """An incident with a picture, a camera, a device and an account of village `a` or `b`."""
    place, device, camera = f"village-{letter}", f"box-{letter}", f"cam-village-{letter}"
    picture = jpeg(ord(letter))
    body = event(village=place, evidence=[reference(picture)])
    incident = UUID(village.post([body], device=device).get_json()["results"][0]["incident_id"])
    assert village.put_evidence(picture, device=device).status_code in {201, 204}
    with village.app.test_client() as client:
        sent = client.put(f"/api/v1/cameras/{camera}/still?at=1", data=picture, headers=village.signed(device))
    assert sent.status_code == 204
    values = {
        "incident_id": incident,
        "sha256": hashlib.sha256(picture).hexdigest(),
        "camera_id": camera,
        "device_id": device,
        "what_if_id": NOBODYS,
        "user_id": village.user_ids[f"officer_{letter}"],
        "silence_id": _silence(village, letter),
        "feedback_id": _feedback(village, letter),
        "note_id": _shift_note(village, letter),
        "check": "0" * 10,
        "filename": "css/langan.css",
        "subscription_id": 999_999_999,
        "ending": "csv",
        "channel_id": 999_999_999,  # a channel is its owner's alone: everybody else's is 404, whatever the place
    }
    return Objects(
        values,
        {"incident": str(incident), "camera": camera, "device": device, "account": f"officer_{letter}"},
    )


def _feedback(village: Village, letter: str) -> int:
    words = Words(f"village-{letter}", "idea", "thêm đèn đường")
    parts = village.parts
    with parts.database.write() as session:
        return feedback.write(
            session, village.clock, parts.public_policy, village.principal(f"resident_{letter}"), words
        ).id
