"""An edge and a server of different releases: keys of a later one are passed over, either way; events refuse them."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from contract.base import UnknownKeys, WireModel
from contract.device_api import Enrolment, LookWishes, RunningConfig, RunningConfigs
from contract.event import CameraHealth, CameraStatus, HealthReason, Heartbeat
from edge.enrol import EnrolmentFailed, enrol
from edge.outbox.link import ServerLink
from edge.outbox.store import PendingEvent
from edge.what_if_jobs import tell_running
from server.db.models import Camera, Device
from server.db.what_if_models import CameraRun
from tests.integration.server.test_enrolment_threats import new_code
from tests.integration.server.test_server_monitoring import numbers
from tests.support.village import NOW, Village, event, listening

CAMERA = "camera: {id: san_dinh, name: Sân đình, village: village-a}\ninputs: [{path: rtsp://192.0.2.1/none}]\n"


def of_a_later_release(value: Any) -> Any:
    """The same with a key more in each object, as somebody else's later release may say it."""
    if isinstance(value, dict):
        return {**{key: of_a_later_release(item) for key, item in value.items()}, "since_v2": {"or": [1]}}
    return [of_a_later_release(item) for item in value] if isinstance(value, list) else value


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let edge and server both say what the other one does not know."""
    as_it_is = WireModel.model_dump_json

    def dump(model: WireModel, **options: Any) -> str:
        return json.dumps(of_a_later_release(json.loads(as_it_is(model, **options))))

    monkeypatch.setattr(WireModel, "model_dump_json", dump)


def test_all_that_edge_and_server_say_may_have_keys_of_a_later_release(
    village: Village, tmp_path: Path, later: None
) -> None:
    code = new_code(village)
    with listening(village) as url:
        identity, told = enrol(url, code, tmp_path, now=village.clock.utc)
        assert told.villages == ("village-a",)
        with pytest.raises(EnrolmentFailed, match="not valid"):
            enrol(url, "WRONG-ONE", tmp_path, now=village.clock.utc)
        with ServerLink(url, identity, now=village.clock.utc) as link:
            assert link.put_camera_config("san_dinh", CAMERA)
            configs = link.camera_configs("")
            assert configs is not None
            assert [camera.yaml for camera in configs.cameras] == [CAMERA]
            link.heartbeat(
                Heartbeat(
                    sent_at=NOW,
                    software_version="later",
                    outbox_events=3,
                    outbox_media=0,
                    cameras=(CameraStatus(camera_id="san_dinh", health=CameraHealth.OK),),
                )
            )
            tell_running(link, RunningConfigs(cameras=(RunningConfig(camera_id="san_dinh", version="abc"),)))
            body = event(camera_id="san_dinh")
            (result,) = link.post_events([PendingEvent(body["event_id"], 0, json.dumps(body))])
            assert result.status == "created"
            wishes = LookWishes.model_validate_json(link.request("GET", "/api/v1/look?seen=").content)
            assert wishes.looks == ()
    with village.parts.database.read() as session:
        device = session.get_one(Device, "box-c")
        assert (device.software_version, device.outbox_events) == ("later", 3)
        assert session.get_one(Camera, "san_dinh").health == "ok"
        assert session.scalars(select(CameraRun.version)).all() == ["abc"]
    found = numbers(village)
    assert found["langan_server_unknown_keys_total", (("body", "Heartbeat"),)] == 2  # its own, and its cameras'
    assert found["langan_server_unknown_keys_total", (("body", "Enrolment"),)] >= 1


def test_a_reason_of_a_later_release_counts_as_none_and_its_message_is_shown(village: Village) -> None:
    status = {"camera_id": "cam-1", "health": "reconnecting", "reason": "lens_cap", "message": "ống kính bị đậy"}
    beat = {"sent_at": NOW.isoformat(), "software_version": "2", "outbox_events": 0, "outbox_media": 0}
    with village.app.test_client() as client:
        answer = client.post("/api/v1/heartbeat", json=beat | {"cameras": [status]}, headers=village.signed("box-a"))
        assert answer.status_code == 204
        wrong = beat | {"cameras": [status | {"health": "well"}]}
        refused = client.post("/api/v1/heartbeat", json=wrong, headers=village.signed("box-a"))
    assert refused.status_code == 422
    assert "cameras.0.health" in refused.get_json()["error"]["message"]
    with village.parts.database.read() as session:
        camera = session.get_one(Camera, "cam-1")
        assert (camera.health_reason, camera.health_message) == (HealthReason.NONE.value, "ống kính bị đậy")


def test_an_event_with_a_key_that_is_not_known_is_refused_by_itself_and_named(village: Village) -> None:
    strange, known = event(withheld=True), event(60, spot="other")
    results = village.post([strange, known]).get_json()["results"]
    assert [result["status"] for result in results] == ["refused", "created"]
    assert "withheld" in results[0]["detail"]


def test_keys_that_are_noted_are_few_and_short() -> None:
    noted = UnknownKeys()
    sent = {f"{number}{'x' * 1000}": number for number in range(1000)}
    Enrolment.model_validate({"code": "a", "public_key": "A" * 43 + "="} | sent, context=noted)
    assert len(noted.found) == UnknownKeys.MOST
    assert max(map(len, noted.found)) <= len("Enrolment.") + 40


def test_the_same_key_twice_is_refused_still(village: Village) -> None:
    body = '{"cameras": [], "cameras": []}'
    with village.app.test_client() as client:
        answer = client.put(
            "/api/v1/cameras/running", data=body, content_type="application/json", headers=village.signed("box-a")
        )
    assert answer.status_code == 422


@pytest.mark.parametrize("facts", ['{"x": NaN}', '{"x": "\\u0000"}', '{"x": "\\ud800"}'])
def test_facts_that_no_database_keeps_are_refused(village: Village, facts: str) -> None:
    one = f'{{"kind": "intrusion", "started_at": "{datetime.isoformat(NOW)}", "facts": {facts}}}'
    body = f'{{"state": "done", "appear": [{one}]}}'
    address = "/api/v1/what-if/01890000-0000-7000-8000-000000000000"
    with village.app.test_client() as client:
        answer = client.put(address, data=body, content_type="application/json", headers=village.signed("box-a"))
    assert answer.status_code == 422
