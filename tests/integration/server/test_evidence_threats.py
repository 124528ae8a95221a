"""Evidence: full disks, hostile names, bombs, polyglots, playlists, access by every path."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, text

from server.db.models import EvidenceFile, Incident
from server.maintenance import maintain
from tests.support.disk import small_disk_at
from tests.support.media import jpeg, jpeg_claiming, mp4
from tests.support.village import Village, event, reference, running_village


def announce(village: Village, content: bytes, role: str = "snapshot", media_type: str = "image/jpeg") -> str:
    """Post an event that names a file; gives the incident's id."""
    result = village.post([event(evidence=[reference(content, role, media_type)])]).get_json()["results"][0]
    incident_id: str = result["incident_id"]
    return incident_id


def stored_files(folder: Path) -> list[Path]:
    return [path for path in (folder / "data" / "evidence").rglob("*") if path.is_file()]


def test_evidence_arrives_once_and_is_shown(village: Village) -> None:
    incident_id = announce(village, jpeg())
    assert village.put_evidence(jpeg()).status_code == 201
    assert village.put_evidence(jpeg()).status_code == 204
    shown = village.browser("officer_a").get(f"/media/{incident_id}/{hashlib.sha256(jpeg()).hexdigest()}")
    assert (shown.status_code, shown.data, shown.mimetype) == (200, jpeg(), "image/jpeg")
    with village.parts.database.read() as session:
        assert session.scalars(select(Incident)).one().snapshot_sha256 == hashlib.sha256(jpeg()).hexdigest()


def test_evidence_that_no_event_of_the_device_names_is_404(village: Village) -> None:
    assert village.put_evidence(jpeg()).status_code == 404
    announce(village, jpeg())
    assert village.put_evidence(jpeg(), device="box-b").status_code == 404


def test_evidence_with_another_hash_is_422_and_leaves_nothing(village: Village, tmp_path: Path) -> None:
    announce(village, jpeg())
    other = jpeg()[:-2] + b"\x00\x00"
    response = village.put_evidence(other, sha256=hashlib.sha256(jpeg()).hexdigest())
    assert response.status_code == 422
    assert stored_files(tmp_path) == []
    assert village.put_evidence(jpeg()).status_code == 201


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MiB."""
    with small_disk_at(tmp_path / "small", "4m") as folder:
        yield folder


def test_threat_08_disk_full_is_503_and_recovers(small_disk: Path) -> None:
    with running_village(small_disk) as village:
        content = jpeg(side=600)
        first, second = event(0, evidence=[reference(content)]), event(30)
        assert village.post([first]).status_code == 200
        filler = small_disk / "filler"
        room = shutil.disk_usage(small_disk).free
        filler.write_bytes(b"x" * (room - room % 4096))
        refused = village.put_evidence(content)
        assert (refused.status_code, refused.get_json()["error"]["code"]) == (503, "disk_full")
        assert refused.headers["Retry-After"]
        posted = village.post([second])
        assert (posted.status_code, posted.get_json()["error"]["code"]) == (503, "disk_full")
        with village.parts.database.read() as session:
            assert session.scalars(select(Incident)).one().event_count == 1
        filler.unlink()
        assert village.post([second]).get_json()["results"][0]["status"] == "created"
        assert village.put_evidence(content).status_code == 201


def test_threat_08_oldest_media_go_before_an_event_does(small_disk: Path) -> None:
    with running_village(small_disk) as village:
        content = jpeg(side=600)
        village.post([event(0, evidence=[reference(content)])])
        assert village.put_evidence(content).status_code == 201
        room = shutil.disk_usage(small_disk).free
        (small_disk / "filler").write_bytes(b"x" * (room - room % 4096))
        body = event(30)
        assert village.post([body]).status_code == 503
        assert village.post([body]).get_json()["results"][0]["status"] == "created"
        with village.parts.database.read() as session:
            assert session.scalars(select(EvidenceFile)).one().removed_at is not None


def test_threat_08_a_full_database_is_503_with_nothing_stored(tmp_path: Path) -> None:
    with running_village(tmp_path / "data") as village:
        with village.parts.database.engine.connect() as connection:
            pages = connection.execute(text("PRAGMA page_count")).scalar_one()
        village.parts.database.engine.dispose()
        from sqlalchemy import event as sqlalchemy_event

        def limit(connection: object, _record: object) -> None:
            connection.execute(f"PRAGMA max_page_count={pages}")  # type: ignore[attr-defined]  # a DBAPI connection

        sqlalchemy_event.listen(village.parts.database.engine, "connect", limit)
        bodies = [event(n, spot=f"spot-{n}", camera="cam") for n in range(200)]
        assert village.post(bodies).status_code == 503
        with village.parts.database.read() as session:
            assert session.scalars(select(Incident)).all() == []
        sqlalchemy_event.remove(village.parts.database.engine, "connect", limit)
        village.parts.database.engine.dispose()
        assert village.post(bodies).status_code == 200


def test_threat_08_the_oldest_evidence_goes_when_its_room_is_used_up(database_url: str, tmp_path: Path) -> None:
    with running_village(tmp_path / "data", database_url, media_limit_bytes=len(jpeg(1)) + len(jpeg(2))) as village:
        for seed in (1, 2, 3):
            announce(village, jpeg(seed))
            assert village.put_evidence(jpeg(seed)).status_code == 201
            village.clock.advance(seconds=1)
        maintain(village.parts)
        with village.parts.database.read() as session:
            kept = set(session.scalars(select(EvidenceFile.sha256).where(EvidenceFile.removed_at.is_(None))))
        assert hashlib.sha256(jpeg(3)).hexdigest() in kept
        assert hashlib.sha256(jpeg(1)).hexdigest() not in kept
        assert {path.name for path in stored_files(tmp_path)} == kept


def test_threat_25_media_are_authorised_on_every_path_cache_and_range(village: Village) -> None:
    incident_id = announce(village, jpeg())
    village.put_evidence(jpeg())
    sha256 = hashlib.sha256(jpeg()).hexdigest()
    path = f"/media/{incident_id}/{sha256}"
    officer = village.browser("officer_a")
    part = officer.get(path, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.data) == (206, jpeg()[10:20])
    fresh = officer.get(path)
    assert "private" in fresh.headers["Cache-Control"]
    assert fresh.headers["X-Content-Type-Options"] == "nosniff"
    assert officer.get(path, headers={"If-None-Match": fresh.headers["ETag"]}).status_code == 304
    assert officer.get(path, headers={"Range": "bytes=999999-"}).status_code == 416
    for name in ("officer_b", "resident_a", "resident_b", "admin_b"):
        other = village.browser(name)
        for headers in ({}, {"Range": "bytes=0-1"}, {"If-None-Match": fresh.headers["ETag"]}):
            assert other.get(path, headers=headers).status_code == 404, name
    stranger = village.browser(None)
    assert stranger.get(path).status_code == 401
    for static in (f"/static/{sha256}", f"/static/../data/evidence/{sha256}", f"/evidence/{sha256}"):
        assert officer.get(static).status_code == 404


def test_threat_25_a_resident_sees_the_redacted_picture_of_a_public_incident_only(village: Village) -> None:
    from server.domain.incident import IncidentAction
    from server.incidents import service as incidents

    raw, redacted, clip = jpeg(1), jpeg(2), mp4()
    evidence = [
        reference(raw),
        reference(redacted, "snapshot_redacted"),
        reference(clip, "clip", "video/mp4"),
    ]
    village.post([event(evidence=evidence)])
    for content in (raw, redacted, clip):
        assert village.put_evidence(content).status_code == 201
    with village.parts.database.read() as session:
        incident = session.scalars(select(Incident)).one()

    def status(name: str, content: bytes) -> int:
        path = f"/media/{incident.id}/{hashlib.sha256(content).hexdigest()}"
        return village.browser(name).get(path).status_code

    assert [status("resident_a", item) for item in (raw, redacted, clip)] == [404, 200, 404]
    assert [status("resident_b", item) for item in (raw, redacted, clip)] == [404, 404, 404]
    assert [status("officer_a", item) for item in (raw, redacted, clip)] == [200, 200, 200]
    with village.parts.database.write() as session:
        incidents.act(
            session,
            village.clock,
            village.principal("officer_a"),
            incident.id,
            IncidentAction.FALSE_ALARM,
            version=1,
            note="cái bóng",
        )
    assert status("resident_a", redacted) == 404


@pytest.mark.parametrize(
    "name",
    ["..%2f..%2fetc%2fpasswd", "%00", "a" * 64, "A" * 64, "é" * 64, "0" * 5000, "..", "%2e%2e%2f" * 10],
)
def test_threat_33_client_names_are_never_used(embedded_village: Village, tmp_path: Path, name: str) -> None:
    announce(embedded_village, jpeg())
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    client = embedded_village.app.test_client()
    response = client.put(f"/api/v1/evidence/{name}", data=jpeg(), headers=embedded_village.signed("box-a"))
    assert response.status_code in {401, 404, 405, 422, 308}
    after = {path for path in tmp_path.rglob("*") if path.is_file()}
    assert {path for path in after - before if "evidence" in path.parts} == set()


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(jpeg_claiming(50_000, 50_000), id="50,000 x 50,000"),
        pytest.param(jpeg_claiming(8_000, 5_000), id="40 million pixels"),
        pytest.param(jpeg_claiming(0, 10), id="no width"),
        pytest.param(jpeg()[:200], id="truncated"),
        pytest.param(jpeg() + b"<script>alert(1)</script>", id="polyglot"),
        pytest.param(b"\xff\xd8\xff\xd9", id="empty"),
        pytest.param(b"\xff\xd8\xff" + b"\xff" * 4000 + b"\xff\xd9", id="fill bytes"),
        pytest.param(b"GIF89a" + bytes(100), id="gif"),
        pytest.param(b"<svg xmlns='http://www.w3.org/2000/svg'/>", id="svg"),
    ],
)
def test_threat_34_hostile_images_are_refused(embedded_village: Village, tmp_path: Path, content: bytes) -> None:
    announce(embedded_village, content)
    response = embedded_village.put_evidence(content)
    assert response.status_code == 422
    assert response.get_json()["error"]["remedy"]
    assert stored_files(tmp_path) == []


PLAYLIST = b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(PLAYLIST, id="m3u8"),
        pytest.param(b"ffconcat version 1.0\nfile /etc/passwd\n", id="concat"),
        pytest.param(mp4() + PLAYLIST, id="mp4 with a playlist behind"),
        pytest.param(mp4()[:-50], id="truncated"),
        pytest.param(b"\x00\x00\x00\x10ftypevil\x00\x00\x00\x00", id="unknown brand"),
        pytest.param(b"\x00\x00\x00\x10ftypisom\x00\x00\x00\x00", id="no movie"),
        pytest.param(jpeg(), id="a picture said to be a clip"),
    ],
)
def test_threat_35_a_clip_that_is_no_clip_is_refused(embedded_village: Village, tmp_path: Path, content: bytes) -> None:
    announce(embedded_village, content, "clip", "video/mp4")
    assert embedded_village.put_evidence(content).status_code == 422
    assert stored_files(tmp_path) == []


def test_a_real_clip_is_taken(embedded_village: Village) -> None:
    announce(embedded_village, mp4(), "clip", "video/mp4")
    assert embedded_village.put_evidence(mp4()).status_code == 201


def test_threat_37_evidence_over_its_limit_is_413(database_url: str, tmp_path: Path) -> None:
    with running_village(tmp_path / "data", database_url, max_image_bytes=2048, max_clip_bytes=4096) as village:
        large = jpeg(side=200)
        assert len(large) > 4096
        announce(village, large)
        assert village.put_evidence(large).status_code == 413
        small = reference(jpeg(2)) | {"sha256": hashlib.sha256(large).hexdigest(), "size_bytes": 100}
        village.post([event(60, camera="cam-2", evidence=[small])])
        assert village.put_evidence(large).status_code == 413
        assert stored_files(tmp_path) == []
