"""The edge's own connection writes evidence straight to an S3 server, and through ours where that does not go."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from edge.outbox.direct import DirectUploads
from edge.outbox.link import ServerLink
from edge.outbox.store import PendingMedia
from tests.support.media import jpeg
from tests.support.object_store import ObjectServer, running_object_server
from tests.support.village import Village, event, listening, reference, running_village


@pytest.fixture
def s3(tmp_path: Path) -> Iterator[ObjectServer]:
    with running_object_server(tmp_path / "s3") as server:
        yield server


def pending(village: Village, folder: Path, seed: int) -> PendingMedia:
    """A picture that its event has announced."""
    content = jpeg(seed)
    village.post([event(30 * seed, evidence=[reference(content)])])
    path = folder / f"{seed}.jpg"
    path.write_bytes(content)
    return PendingMedia(hashlib.sha256(content).hexdigest(), path, "image/jpeg", len(content))


def test_files_go_straight_to_the_store_once_the_server_offers_it(s3: ObjectServer, tmp_path: Path) -> None:
    with running_village(tmp_path / "data", direct_uploads=True, **s3.settings) as village, listening(village) as url:
        direct = DirectUploads(is_private=False)
        with ServerLink(url, village.identities["box-a"], now=village.clock.utc, direct=direct) as link:
            for seed in (1, 2, 3):
                link.put_evidence(pending(village, tmp_path, seed))
        assert direct.done == 2
        assert sorted(path.name for path in s3.files()) == sorted(
            hashlib.sha256(jpeg(seed)).hexdigest() for seed in (1, 2, 3)
        )


def test_a_store_that_the_box_does_not_reach_costs_one_try_an_hour(s3: ObjectServer, tmp_path: Path) -> None:
    tries: list[str] = []
    now = [0.0]

    def unreachable(request: httpx.Request) -> httpx.Response:
        tries.append(request.url.path)
        raise httpx.ConnectError("no way there")

    with running_village(tmp_path / "data", direct_uploads=True, **s3.settings) as village, listening(village) as url:
        direct = DirectUploads(is_private=False, monotonic=lambda: now[0], transport=httpx.MockTransport(unreachable))
        with ServerLink(url, village.identities["box-a"], now=village.clock.utc, direct=direct) as link:
            for seed in (1, 2, 3, 4):
                link.put_evidence(pending(village, tmp_path, seed))
            assert len(tries) == 1
            now[0] += 3601
            link.put_evidence(pending(village, tmp_path, 5))
            assert len(tries) == 2
        assert direct.done == 0
        assert len(s3.files()) == 5


def test_an_address_without_tls_is_not_used_by_who_has_tls(s3: ObjectServer, tmp_path: Path) -> None:
    with running_village(tmp_path / "data", direct_uploads=True, **s3.settings) as village, listening(village) as url:
        direct = DirectUploads(is_private=True)
        with ServerLink(url, village.identities["box-a"], now=village.clock.utc, direct=direct) as link:
            for seed in (1, 2):
                link.put_evidence(pending(village, tmp_path, seed))
        assert direct.done == 0
        assert len(s3.files()) == 2


def test_a_server_with_its_own_folder_offers_nothing(tmp_path: Path) -> None:
    with running_village(tmp_path / "data") as village, listening(village) as url:
        direct = DirectUploads(is_private=False)
        with ServerLink(url, village.identities["box-a"], now=village.clock.utc, direct=direct) as link:
            for seed in (1, 2):
                link.put_evidence(pending(village, tmp_path, seed))
        assert not direct.is_worth_a_try
        assert direct.done == 0
