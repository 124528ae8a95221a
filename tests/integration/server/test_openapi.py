"""The description of the devices' API: valid OpenAPI 3.1, complete, and true of real requests and answers."""

from __future__ import annotations

import json
import re
from typing import Any

import jsonschema
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from werkzeug.test import TestResponse

from contract.rules import RULES
from server.cameras import what_if
from server.ingest.openapi import document
from tests.integration.server.test_enrolment_threats import ask, new_code
from tests.support.clips import make_clip
from tests.support.identity import signed_headers
from tests.support.media import jpeg
from tests.support.routes import NOBODYS
from tests.support.seed import camera_yaml
from tests.support.village import Village, event, reference

SPEC = document()


def operation_of(method: str, path: str) -> tuple[str, dict[str, Any]]:
    """The described path that an address is of, and its method."""
    names = sorted(SPEC["paths"], key=lambda name: "{" in name)
    for name in names:
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", name), path):
            operation: dict[str, Any] = SPEC["paths"][name][method.lower()]
            return name, operation
    raise AssertionError(f"{path} is not described")


def check(schema: dict[str, Any], value: Any) -> None:
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", "components": SPEC["components"], **schema}
    jsonschema.Draft202012Validator(whole, format_checker=jsonschema.FormatChecker()).validate(value)


class Client:
    """Asks as box-a, and holds each request and answer against the description."""

    def __init__(self, village: Village) -> None:
        self.village = village
        self.seen: set[tuple[str, str, int]] = set()

    def __call__(self, method: str, path: str, status: int, *, sign: bool = True, **sent: Any) -> TestResponse:
        headers = self.village.signed("box-a") if sign else {}
        headers |= sent.pop("headers", {})
        body = sent.get("json")
        with self.village.app.test_client() as client:
            answer = client.open(path, method=method, headers=headers, **sent)
        assert answer.status_code == status, answer.get_data(as_text=True)
        self.check(method, path, answer, body)
        return answer

    def check(self, method: str, path: str, answer: TestResponse, body: Any = None) -> None:
        name, operation = operation_of(method, path.partition("?")[0])
        self.seen.add((name, method.lower(), answer.status_code))
        if body is not None and answer.status_code < 400:
            check(operation["requestBody"]["content"]["application/json"]["schema"], body)
        described = operation["responses"][str(answer.status_code)]
        content = described.get("content", {})
        if not content:
            assert answer.get_data() == b""
            return
        assert answer.mimetype in content
        schema = content[answer.mimetype].get("schema")
        if schema is not None:
            check(schema, answer.get_json())


def test_it_is_valid_and_served_to_anybody(embedded_village: Village) -> None:
    answer = embedded_village.browser(None).get("/api/v1/openapi.json")
    served = answer.get_json()
    assert served["openapi"].startswith("3.1.")
    assert list(OpenAPIV31SpecValidator(served).iter_errors()) == []
    assert served == json.loads(json.dumps(SPEC))


def test_every_route_is_described_and_none_too_many(embedded_village: Village) -> None:
    routes = set()
    for rule in embedded_village.app.url_map.iter_rules():
        if rule.endpoint.startswith("api."):
            path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
            routes |= {(path, method.lower()) for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}}
    described = {
        (path, method) for path, item in SPEC["paths"].items() for method in item.keys() - {"parameters", "summary"}
    }
    assert described == routes


def test_real_requests_and_answers_are_as_described(village: Village, tmp_path_factory: pytest.TempPathFactory) -> None:
    ask_as_box, picture = Client(village), jpeg()
    clip = make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", codec="libx265").read_bytes()
    refs = [reference(picture), reference(clip, "clip", "video/mp4") | {"codec": "hevc"}]
    body = event(evidence=refs)
    ask_as_box("POST", "/api/v1/events", 200, json={"events": [body]})
    ask_as_box("POST", "/api/v1/events", 409, json={"events": [body | {"confidence": 0.1}]})
    ask_as_box("POST", "/api/v1/events", 403, json={"events": [event(village="village-b")]})
    ask_as_box("POST", "/api/v1/events", 422, json={"events": [body | {"kind": "none"}]})
    ask_as_box("POST", "/api/v1/events", 422, json={"events": []})
    ask_as_box("POST", "/api/v1/events", 401, sign=False, json={"events": [body]})
    ask_as_box("POST", "/api/v1/events", 413, data=b"x" * (5 * 1024**2), content_type="application/json")
    picture_path, clip_path = (f"/api/v1/evidence/{ref['sha256']}" for ref in refs)
    ask_as_box("PUT", picture_path, 201, data=picture)
    ask_as_box("PUT", picture_path, 204, data=picture)
    ask_as_box("PUT", f"/api/v1/evidence/{reference(b'x')['sha256']}", 404, data=b"x")
    ask_as_box("POST", f"{picture_path}/upload", 404)
    ask_as_box("POST", f"{picture_path}/uploaded?upload=x", 404)
    ask_as_box("PUT", clip_path, 201, data=clip)
    ask_as_box("GET", clip_path, 404)
    ask_as_box("POST", f"{picture_path}/gone", 204)
    ask_as_box("POST", f"/api/v1/evidence/{'0' * 64}/gone", 404)
    beat = {"sent_at": village.clock.utc().isoformat(), "software_version": "1", "outbox_events": 0, "outbox_media": 0}
    ask_as_box("POST", "/api/v1/heartbeat", 204, json=beat)
    ask_as_box("POST", "/api/v1/heartbeat", 422, json=beat | {"outbox_events": -1})
    incident = village.browser("officer_a")
    assert incident.get("/live").status_code == 200
    ask_as_box("PUT", f"/api/v1/copies/{'0' * 64}", 404, json={"state": "making"})
    text = camera_yaml("cam-village-a", village="village-a")
    ask_as_box("PUT", "/api/v1/cameras/cam-village-a/config", 200, data=text.encode())
    ask_as_box("PUT", "/api/v1/cameras/cam-village-a/config", 422, data=b"camera: 7\n")
    elsewhere = camera_yaml("cam-9", village="village-b").encode()
    ask_as_box("PUT", "/api/v1/cameras/cam-9/config", 403, data=elsewhere)
    configs = ask_as_box("GET", "/api/v1/cameras/config", 200)
    ask_as_box("GET", "/api/v1/cameras/config", 304, headers={"If-None-Match": configs.headers["ETag"]})
    old = signed_headers(
        village.identities["box-a"], "GET", "/api/v1/cameras/config", now=village.clock.utc().replace(year=2020)
    )
    ask_as_box("GET", "/api/v1/cameras/config", 401, sign=False, headers=old)
    still = "/api/v1/cameras/cam-village-a/still"
    ask_as_box("PUT", f"{still}?at=1", 204, data=picture)
    ask_as_box("PUT", still, 422, data=picture)
    ask_as_box("PUT", "/api/v1/cameras/cam-9/still?at=1", 404, data=picture)
    shown = ask_as_box("PUT", "/api/v1/cameras/cam-village-a/look?at=1", 204, data=picture)
    assert shown.headers["Langan-Look-Left-S"] == "0.0"
    ask_as_box("PUT", "/api/v1/cameras/cam-9/look?at=1", 404, data=picture)
    ask_as_box("GET", "/api/v1/look", 200)
    runs = {"cameras": [{"camera_id": "cam-village-a", "version": "0123456789ab"}]}
    ask_as_box("PUT", "/api/v1/cameras/running", 204, json=runs)
    ask_as_box("PUT", "/api/v1/cameras/running", 422, json={"cameras": [{}]})
    with village.parts.database.write() as session:
        row = what_if.ask(session, village.clock, village.principal("admin"), "cam-village-a", text, based_on=1)
        asked = f"/api/v1/what-if/{row.id}"
    named = ask_as_box("POST", "/api/v1/heartbeat", 200, json=beat)
    assert [f"/api/v1/what-if/{what_if_id}" for what_if_id in named.get_json()["what_ifs"]] == [asked]
    ask_as_box("GET", asked, 200)
    ask_as_box("PUT", asked, 204, json={"state": "nothing_stored"})
    ask_as_box("PUT", asked, 422, json={"state": "perhaps"})
    ask_as_box("GET", f"/api/v1/what-if/{NOBODYS}", 404)
    ask_as_box("GET", "/healthz", 200, sign=False)
    ask_as_box("GET", "/api/v1/openapi.json", 200, sign=False)
    ask_as_box.check("POST", "/api/v1/enrolment", ask(village, new_code(village)))
    ask_as_box.check("POST", "/api/v1/enrolment", ask(village, "wrong"))
    described = {
        (path, method) for path, item in SPEC["paths"].items() for method in item.keys() - {"parameters", "summary"}
    }
    assert {(path, method) for path, method, _ in ask_as_box.seen} == described, "each was asked for"


@pytest.mark.parametrize("kind", RULES)
def test_the_facts_of_every_kind_are_described(kind: str) -> None:
    name = RULES[kind].facts.__name__
    branches = {
        item["if"]["properties"]["kind"]["const"]: item["then"]
        for item in SPEC["components"]["schemas"]["Event"]["allOf"]
    }
    assert branches[kind]["properties"]["facts"]["$ref"] == f"#/components/schemas/{name}"
    assert name in SPEC["components"]["schemas"]
