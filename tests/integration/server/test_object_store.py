"""Evidence in an S3 bucket: the same promises as on the server's own disk, and alerts that never wait for it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from server.db.models import EvidenceFile, Incident
from server.db.work_models import Deletion
from server.notifications import delivery
from server.retention import sweep
from server.retention.service import enforce
from server.storage.objects import ObjectStore
from tests.support.mailbox import running_mailbox
from tests.support.media import jpeg, jpeg_claiming, mp4
from tests.support.notices import add_channel, mail_settings
from tests.support.object_store import ObjectServer, running_object_server
from tests.support.village import Village, event, reference, running_village


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectServer]:
    with running_object_server(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture
def s3(bucket: ObjectServer, tmp_path: Path) -> Iterator[ObjectServer]:
    """The bucket, empty."""
    if bucket._process is None:
        bucket.start()
    yield bucket
    for path in bucket.files():
        (bucket.folder / "evidence" / path).unlink()


@pytest.fixture
def far(s3: ObjectServer, database_url: str, tmp_path: Path) -> Iterator[Village]:
    """A server whose evidence lies in the bucket."""
    with running_village(tmp_path / "data", database_url, direct_uploads=True, **s3.settings) as made:
        yield made


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def announce(village: Village, content: bytes, role: str = "snapshot", media_type: str = "image/jpeg") -> str:
    result = village.post([event(evidence=[reference(content, role, media_type)])]).get_json()["results"][0]
    return str(result["incident_id"])


def ask(village: Village, path: str, device: str = "box-a", **form: str) -> Any:
    with village.app.test_client() as client:
        return client.post(path, query_string=form, headers=village.signed(device))


def test_evidence_goes_to_the_bucket_once_and_is_shown_from_there(far: Village, s3: ObjectServer) -> None:
    clip = mp4()
    incident_id = announce(far, clip, "clip", "video/mp4")
    assert far.put_evidence(clip).status_code == 201
    assert far.put_evidence(clip).status_code == 204
    assert [path.name for path in s3.files()] == [sha(clip)]
    assert not list(Path(far.parts.settings.data_dir).rglob(f"*{sha(clip)}*"))
    shown = far.browser("officer_a").get(f"/media/{incident_id}/{sha(clip)}")
    assert (shown.status_code, shown.data, shown.mimetype) == (200, clip, "video/mp4")


def test_threat_25_media_of_the_bucket_are_authorised_on_every_path_cache_and_range(far: Village) -> None:
    incident_id = announce(far, jpeg())
    far.put_evidence(jpeg())
    path = f"/media/{incident_id}/{sha(jpeg())}"
    officer = far.browser("officer_a")
    part = officer.get(path, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.data) == (206, jpeg()[10:20])
    assert officer.get(path, headers={"Range": "bytes=-5"}).data == jpeg()[-5:]
    fresh = officer.get(path)
    assert "private" in fresh.headers["Cache-Control"]
    assert "127.0.0.1" not in str(fresh.headers)
    assert officer.get(path, headers={"If-None-Match": fresh.headers["ETag"]}).status_code == 304
    assert officer.get(path, headers={"Range": "bytes=999999-"}).status_code == 416
    assert officer.head(path).headers["Content-Length"] == str(len(jpeg()))
    for name in ("officer_b", "resident_a", "admin_b"):
        assert far.browser(name).get(path, headers={"Range": "bytes=0-1"}).status_code == 404, name
    assert far.browser(None).get(path).status_code == 401


def test_threat_24_no_address_of_the_store_is_ever_handed_to_a_person(far: Village, s3: ObjectServer) -> None:
    incident_id = announce(far, jpeg())
    far.put_evidence(jpeg())
    for path in (f"/incidents/{incident_id}", "/live", "/api/v1/live", f"/media/{incident_id}/{sha(jpeg())}"):
        if path == "/api/v1/live":
            continue
        answer = far.browser("officer_a").get(path)
        assert answer.status_code == 200, path
        assert s3.url.encode() not in answer.data
        assert "Location" not in answer.headers
    [name] = s3.files()
    assert httpx.get(f"{s3.url}/evidence/{name}").status_code in {400, 401, 403}


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(jpeg_claiming(50_000, 50_000), id="50,000 x 50,000"),
        pytest.param(jpeg()[:200], id="truncated"),
        pytest.param(jpeg() + b"<script>alert(1)</script>", id="polyglot"),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_threat_34_hostile_images_never_become_objects(far: Village, s3: ObjectServer, content: bytes) -> None:
    announce(far, content)
    assert far.put_evidence(content).status_code == 422
    begun = ask(far, f"/api/v1/evidence/{sha(content)}/upload").get_json()
    assert httpx.put(begun["url"], content=content).is_success
    assert ask(far, f"/api/v1/evidence/{sha(content)}/uploaded", upload=begun["upload"]).status_code == 422
    assert s3.files() == []


def test_threat_11_an_alert_is_sent_while_the_store_is_down_and_evidence_follows(
    s3: ObjectServer, database_url: str, tmp_path: Path
) -> None:
    with (
        running_mailbox() as mailbox,
        running_village(tmp_path / "data", database_url, **mail_settings(mailbox), **s3.settings) as village,
    ):
        add_channel(village, "officer_a")
        s3.stop()
        incident_id = announce(village, jpeg())
        village.clock.advance(seconds=5)
        while delivery.work(village.parts):
            pass
        village.clock.advance(seconds=5)
        while delivery.work(village.parts):
            pass
        assert len(mailbox.mails) == 1
        refused = village.put_evidence(jpeg())
        assert (refused.status_code, refused.get_json()["error"]["code"]) == (503, "store_unavailable")
        assert refused.headers["Retry-After"]
        assert village.browser("officer_a").get(f"/incidents/{incident_id}").status_code == 200
        s3.start()
        assert village.put_evidence(jpeg()).status_code == 201
        shown = village.browser("officer_a").get(f"/media/{incident_id}/{sha(jpeg())}")
        assert shown.data == jpeg()
        with village.parts.database.read() as session:
            assert session.scalars(select(Incident.snapshot_sha256)).one() == sha(jpeg())


def test_media_are_503_while_the_store_is_down(far: Village, s3: ObjectServer) -> None:
    incident_id = announce(far, jpeg())
    far.put_evidence(jpeg())
    s3.stop()
    assert far.browser("officer_a").get(f"/media/{incident_id}/{sha(jpeg())}").status_code == 503
    s3.start()


def test_a_device_uploads_directly(far: Village, s3: ObjectServer) -> None:
    clip = mp4()
    incident_id = announce(far, clip, "clip", "video/mp4")
    begun = ask(far, f"/api/v1/evidence/{sha(clip)}/upload").get_json()
    assert httpx.put(begun["url"], content=clip).is_success
    assert ask(far, f"/api/v1/evidence/{sha(clip)}/uploaded", upload=begun["upload"]).status_code == 201
    assert [path.name for path in s3.files()] == [sha(clip)]
    assert far.browser("officer_a").get(f"/media/{incident_id}/{sha(clip)}").data == clip
    assert ask(far, f"/api/v1/evidence/{sha(clip)}/upload").status_code == 204


def test_threat_24_a_direct_upload_gives_a_right_to_nothing_else(far: Village, s3: ObjectServer) -> None:
    announce(far, jpeg())
    far.post([event(village="village-b", evidence=[reference(jpeg(2))])], device="box-b")
    assert ask(far, f"/api/v1/evidence/{sha(jpeg(2))}/upload").status_code == 404  # another box's file
    begun = ask(far, f"/api/v1/evidence/{sha(jpeg())}/upload").get_json()
    assert httpx.get(begun["url"]).status_code == 403  # it writes, and reads nothing
    elsewhere = begun["url"].replace("/incoming/", "/ab/")
    assert httpx.put(elsewhere, content=jpeg()).status_code == 403
    other = ask(far, f"/api/v1/evidence/{sha(jpeg(2))}/uploaded", device="box-b", upload=begun["upload"])
    assert other.status_code == 422
    assert ask(far, f"/api/v1/evidence/{sha(jpeg())}/uploaded", upload="x").status_code == 422
    nothing = ask(far, f"/api/v1/evidence/{sha(jpeg())}/uploaded", upload=begun["upload"])
    assert nothing.status_code == 422  # nothing was written there
    assert httpx.put(begun["url"], content=jpeg(3)).is_success
    wrong = ask(far, f"/api/v1/evidence/{sha(jpeg())}/uploaded", upload=begun["upload"])
    assert wrong.status_code == 422  # another content
    assert s3.files() == []


def test_what_is_written_after_the_check_changes_nothing(far: Village, s3: ObjectServer) -> None:
    incident_id = announce(far, jpeg())
    begun = ask(far, f"/api/v1/evidence/{sha(jpeg())}/upload").get_json()
    httpx.put(begun["url"], content=jpeg())
    assert ask(far, f"/api/v1/evidence/{sha(jpeg())}/uploaded", upload=begun["upload"]).status_code == 201
    httpx.put(begun["url"], content=jpeg(9))  # the address still holds
    assert far.browser("officer_a").get(f"/media/{incident_id}/{sha(jpeg())}").data == jpeg()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_server_with_its_own_folder_takes_evidence_itself(tmp_path: Path, database_url: str) -> None:
    with running_village(tmp_path / "data", database_url) as village:
        announce(village, jpeg())
        assert ask(village, f"/api/v1/evidence/{sha(jpeg())}/upload").status_code == 404


def test_retention_empties_the_bucket(far: Village, s3: ObjectServer) -> None:
    announce(far, jpeg())
    far.put_evidence(jpeg())
    far.clock.advance(days=31)
    enforce(far.parts)
    s3.stop()
    with pytest.raises(Exception, match="does not answer"):
        sweep.purge_removed(far.parts)
    s3.start()
    assert sweep.purge_removed(far.parts) == 1
    assert s3.files() == []
    with far.parts.database.read() as session:
        assert session.scalars(select(EvidenceFile.purged_at)).one() is not None
        assert session.scalars(select(Deletion.reason)).all()[0] == "undecided:30"


def test_an_object_that_nothing_speaks_of_is_swept(far: Village, s3: ObjectServer) -> None:
    announce(far, jpeg())
    far.put_evidence(jpeg())
    assert isinstance(far.parts.store, ObjectStore)
    with far.parts.database.write() as session:
        session.delete(session.get_one(EvidenceFile, sha(jpeg())))
    assert sweep.sweep(far.parts) == 0  # by the test's clock it came in the future
    far.clock.advance(days=3650)
    assert sweep.sweep(far.parts) == 1
    assert s3.files() == []
