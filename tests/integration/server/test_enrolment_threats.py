"""One-time codes: good once, for ten minutes, for one key; guesses are few; everything is written down."""

from __future__ import annotations

import base64
import json
import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from contract.device_api import Enrolment, EnrolmentResult
from edge.identity import DeviceIdentity
from server.db.device_models import DeviceKey, EnrolmentCode
from server.db.models import AuditEntry, Device
from server.devices import codes
from server.devices import service as devices
from tests.support.identity import make_identity, signed_headers
from tests.support.village import Village, event

PATH = "/api/v1/enrolment"


def new_code(village: Village, device: str = "box-c", place: str | None = "village-a") -> str:
    secret = village.parts.settings.secret_key.get_secret_value()
    with village.parts.database.write() as session:
        return codes.create(session, village.clock, secret, device, place_id=place).code


def ask(
    village: Village, code: str, key: str = "a new box", *, signed_by: str | None = None, **environ: Any
) -> TestResponse:
    """Enrol as `langan-edge enrol` does, with a key that is made from a name."""
    box = key_of(key)
    public = b64(box)
    body = Enrolment(code=code, public_key=public).model_dump_json().encode()
    headers = signed_headers(key_of(signed_by or key), "POST", PATH, body, now=village.clock.utc())
    headers["Content-Type"] = "application/json"
    with village.app.test_client() as client:
        return client.post(PATH, data=body, headers=headers, environ_overrides=environ)


def key_of(name: str) -> DeviceIdentity:
    """A device that is about to enrol."""
    made = make_identity(name)
    return DeviceIdentity("new", made.server_url, made.private_key, made.server_key)


def b64(box: DeviceIdentity) -> str:
    return base64.b64encode(box.private_key.public_key().public_bytes_raw()).decode()


def log_of(village: Village) -> list[tuple[str, str, str]]:
    with village.parts.database.read() as session:
        return [
            (entry.action, entry.subject, entry.detail)
            for entry in session.scalars(select(AuditEntry).order_by(AuditEntry.sequence))
        ]


def test_a_device_is_told_who_it_is_and_may_send_at_once(village: Village) -> None:
    answer = ask(village, new_code(village))
    result = EnrolmentResult.model_validate(answer.get_json())
    assert (result.device_id, result.place, result.place_name) == ("box-c", "village-a", "Thôn A")
    assert (result.villages, result.cameras) == (("village-a",), ())
    assert result.server_key == village.parts.server_key.public_key
    village.identities["box-c"] = make_identity("a new box")
    object.__setattr__(village.identities["box-c"], "device_id", "box-c")
    assert village.post([event(camera="cam-c")], device="box-c").status_code == 200
    actions = [action for action, subject, _ in log_of(village) if subject == "device:box-c"]
    assert set(actions) >= {"device.create", "device.code", "device.enrol"}


def test_a_commune_s_device_is_told_its_villages_and_cameras(village: Village) -> None:
    village.post([event(camera="cam-1")])
    result = EnrolmentResult.model_validate(ask(village, new_code(village, "box-a", None)).get_json())
    assert result.cameras == ("cam-1",)
    commune = EnrolmentResult.model_validate(ask(village, new_code(village, "hop-xa", "nhon-loc")).get_json())
    assert commune.villages == ("village-a", "village-b")


@pytest.mark.parametrize("typed", [str.lower, lambda code: code.replace("-", ""), lambda code: f" {code} "])
def test_a_code_may_be_typed_as_people_type(embedded_village: Village, typed: Any) -> None:
    assert ask(embedded_village, typed(new_code(embedded_village))).status_code == 200


def test_threat_21_a_code_is_good_once_but_a_lost_answer_may_be_asked_for_again(village: Village) -> None:
    code = new_code(village)
    first = ask(village, code)
    assert ask(village, code, "another box").status_code == 401
    assert ask(village, code).get_json() == first.get_json()
    with village.parts.database.read() as session:
        (key,) = session.scalars(select(DeviceKey.public_key).where(DeviceKey.device_id == "box-c"))
    assert key == key_of("a new box").private_key.public_key().public_bytes_raw()
    refusals = [entry for entry in log_of(village) if entry[0] == "device.refuse_code"]
    assert [subject for _, subject, _ in refusals] == ["device:box-c"]


def test_threat_21_a_code_ends_after_ten_minutes_and_with_the_next_one(village: Village) -> None:
    code = new_code(village)
    village.clock.advance(minutes=10)
    assert ask(village, code).status_code == 401
    older, newer = new_code(village, place=None), new_code(village, place=None)
    assert ask(village, older).status_code == 401
    assert ask(village, newer).status_code == 200


def test_threat_21_revoking_ends_the_codes_of_a_device(village: Village) -> None:
    unused, used = new_code(village, "box-a", None), new_code(village, "box-b", None)
    assert ask(village, used).status_code == 200
    with village.parts.database.write() as session:
        for device in ("box-a", "box-b"):
            devices.revoke_device(session, village.clock, device)
    assert [ask(village, code).status_code for code in (unused, used)] == [401, 401]
    with village.parts.database.read() as session:
        assert session.get_one(Device, "box-b").revoked_at is not None


def test_threat_21_ten_wrong_codes_in_ten_minutes_and_no_more(village: Village) -> None:
    code = new_code(village)
    for number in range(codes.MAX_GUESSES):
        assert ask(village, f"WRNG-{number:04}").status_code == 401
    answer = ask(village, code)
    assert answer.status_code == 429, "though the code is right"
    assert int(answer.headers["Retry-After"]) == 600
    assert ask(village, code, REMOTE_ADDR="203.0.113.9").status_code == 200, "elsewhere nobody guessed"
    village.clock.advance(minutes=10, seconds=1)
    assert ask(village, new_code(village, place=None)).status_code == 200
    refusals = [json.loads(detail) for action, _, detail in log_of(village) if action == "device.refuse_code"]
    assert len(refusals) == codes.MAX_GUESSES
    assert refusals[0] == {"from": "127.0.0.1", "why": "no such code"}


def test_threat_21_eight_boxes_with_one_code_and_one_is_let_in(village: Village) -> None:
    code = new_code(village)
    barrier, statuses = threading.Barrier(8), []

    def enrol(number: int) -> None:
        barrier.wait()
        statuses.append(ask(village, code, f"box {number}").status_code)

    threads = [threading.Thread(target=enrol, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] + [401] * 7


def test_threat_21_nobody_enrols_with_a_key_that_is_not_theirs(village: Village) -> None:
    code = new_code(village)
    assert ask(village, code, signed_by="somebody else").status_code == 401
    assert ask(village, code).status_code == 200, "the code was not used up"


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b'{"code": "x"}', b'{"code": "x", "public_key": "AAAA"}', b'{"code": "' + b"x" * 5000 + b'"}'],
)
def test_what_is_no_enrolment_is_told_what_is_wrong(embedded_village: Village, body: bytes) -> None:
    with embedded_village.app.test_client() as client:
        answer = client.post(PATH, data=body, content_type="application/json")
    assert answer.status_code in {413, 422}
    assert answer.get_json()["error"]["remedy"]


def test_threat_39_a_code_is_in_neither_database_nor_log(tmp_path: Path, embedded_village: Village) -> None:
    code = new_code(embedded_village)
    assert ask(embedded_village, code).status_code == 200
    plain = code.replace("-", "").encode()
    with embedded_village.parts.database.read() as session:
        (row,) = session.scalars(select(EnrolmentCode)).all()
    assert plain not in row.code_hash
    embedded_village.parts.database.close()
    for path in (tmp_path / "data").glob("langan.sqlite*"):
        content = path.read_bytes()
        assert plain not in content
        assert code.encode() not in content
