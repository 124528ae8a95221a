"""A camera's configuration is a row of versions."""

from __future__ import annotations

from typing import Any

import pytest

from server.cameras import service as cameras
from server.db.models import Camera
from server.errors import Conflict, InvalidInput
from tests.integration.server.test_access_threats import camera_yaml
from tests.support.village import Village


def test_camera_configurations_are_versions_and_an_admins_word_wins(village: Village) -> None:
    client = village.app.test_client()

    def put(text_: str, camera_id: str = "cam-1", device: str = "box-a") -> Any:
        path = f"/api/v1/cameras/{camera_id}/config"
        return client.put(path, data=text_.encode(), headers=village.signed(device))

    assert put(camera_yaml()).get_json() == {"camera_id": "cam-1", "version": 1, "author": "device:box-a"}
    assert put(camera_yaml()).get_json()["version"] == 1
    assert put(camera_yaml(name="Chợ mới")).get_json()["version"] == 2
    first = client.get("/api/v1/cameras/config", headers=village.signed("box-a"))
    headers = village.signed("box-a") | {"If-None-Match": first.headers["ETag"]}
    assert client.get("/api/v1/cameras/config", headers=headers).status_code == 304
    admin = village.principal("admin")
    with village.parts.database.write() as session:
        cameras.save(session, village.clock, admin, "cam-1", camera_yaml(name="Của quản trị"), based_on=2)
    assert put(camera_yaml()).get_json() == {"camera_id": "cam-1", "version": 3, "author": f"user:{admin.id}"}
    changed = client.get("/api/v1/cameras/config", headers=headers)
    assert changed.status_code == 200
    assert "Của quản trị" in changed.get_json()["cameras"][0]["yaml"]
    with pytest.raises(InvalidInput) as wrong, village.parts.database.write() as session:
        cameras.save(session, village.clock, admin, "cam-1", camera_yaml() + "nonsense: 1\n", based_on=3)
    assert wrong.value.issues[0]["line"] == 8
    with pytest.raises(Conflict), village.parts.database.write() as session:
        cameras.save(session, village.clock, admin, "cam-1", camera_yaml(), based_on=1)
    with village.parts.database.write() as session:
        version = cameras.rollback(session, village.clock, admin, "cam-1", 1, based_on=3)
        assert (version.number, version.rollback_of, version.yaml) == (4, 1, camera_yaml())
    with village.parts.database.read() as session:
        assert session.get_one(Camera, "cam-1").name == "Cổng chợ"
    assert put(camera_yaml(), device="box-b").status_code == 403
    assert put(camera_yaml("cam-2", village="village-b"), camera_id="cam-2").status_code == 403
    assert client.get("/api/v1/cameras/config", headers=village.signed("box-b")).get_json()["cameras"] == []
