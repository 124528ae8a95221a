"""The edge's maker of playable copies against the real server, over real sockets, on both databases."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import pytest

from contract.event import Heartbeat
from edge import copies as edge_copies
from edge.copies import CopyMaker
from edge.evidence.playable import main as make_playable
from edge.evidence.store import EvidenceFolder, StoredFile
from edge.outbox import MediaSender, ServerLink, SqliteOutbox
from server.storage import service as storage
from server.storage.copies import statuses
from tests.edge_fakes import FakeClock
from tests.integration.server.test_clip_copies import ask, state_shown
from tests.support.clips import make_clip
from tests.support.village import NOW, Village, event, listening, reference


@pytest.fixture(scope="session")
def hevc(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A clip as a camera of H.265 leaves it."""
    path = make_clip(tmp_path_factory.mktemp("hevc") / "clip.mp4", codec="libx265", frames=60, fps=30, gop=30)
    return path.read_bytes()


@dataclass
class Box:
    """The parts of an edge that have to do with copies."""

    village: Village
    link: ServerLink
    store: SqliteOutbox
    folder: EvidenceFolder
    copies: CopyMaker
    media: MediaSender

    def beat(self) -> int:
        """A heartbeat: the maker learns what is wanted."""
        wishes = self.link.heartbeat(
            Heartbeat(sent_at=NOW, software_version="1", outbox_events=0, outbox_media=0)
        ).copies
        self.copies.want(wishes)
        return len(wishes)

    def take(self, clip: bytes) -> tuple[str, StoredFile]:
        """An event with a clip, kept here and sent; gives the incident's id and the file here."""
        named = reference(clip, "clip", "video/mp4") | {"codec": "hevc"}
        incident = self.village.post([event(evidence=[named])]).get_json()["results"][0]["incident_id"]
        stored = self.folder.add_bytes(clip, ".mp4")
        assert self.village.put_evidence(clip).status_code == 201
        self.folder.mark_uploaded(stored.sha256)
        return incident, stored


@pytest.fixture
def box(village: Village, tmp_path: Path) -> Iterator[Box]:
    with listening(village) as url, ServerLink(url, village.identities["box-a"]) as link:
        clock = FakeClock()
        store = SqliteOutbox(tmp_path / "edge" / "outbox.sqlite", clock)
        folder = EvidenceFolder(tmp_path / "edge" / "evidence", 50_000_000, tmp_path / "edge")
        copies = CopyMaker(link, clock, store=store, folder=folder)
        media = MediaSender(store, link, clock, forget=lambda item: folder.mark_uploaded(item.sha256))
        yield Box(village, link, store, folder, copies, media)
        copies.stop()
        store.close()


def shown_copy(box: Box, incident: str) -> bytes:
    """The copy as an officer's browser gets it from the page's own address."""
    browser = box.village.browser("officer_a")
    page = browser.get(f"/incidents/{incident}").get_data(as_text=True)
    address = page.partition("data-copy")[2].partition('src="')[2].partition('"')[0]
    answer = browser.get(address)
    assert answer.status_code == 200
    return bytes(answer.data)


@pytest.mark.parametrize("is_here", [True, False], ids=["clip still at the edge", "clip fetched back"])
def test_a_copy_is_made_on_wish_and_sent(box: Box, hevc: bytes, tmp_path: Path, is_here: bool) -> None:
    incident, stored = box.take(hevc)
    assert box.beat() == 0
    ask(box.village, incident, clip=stored.sha256)
    if not is_here:
        assert box.folder.free(1) > 0
        assert not stored.path.exists()
    assert box.beat() == 1
    assert box.copies.step() == 0.0
    assert state_shown(box.village, incident) == "made"
    assert box.beat() == 1
    assert box.copies.step() > 0, "it is not made twice while it waits for its upload"
    assert box.media.step() == 0.0
    assert state_shown(box.village, incident) == "ready"
    assert box.beat() == 0
    got = tmp_path / "got.mp4"
    got.write_bytes(shown_copy(box, incident))
    with av.open(str(got)) as container:
        stream = container.streams.video[0]
        pictures = list(container.decode(stream))
    assert stream.codec.name == "h264"
    assert len(pictures) in range(29, 32), "15 pictures a second of 2 s"
    boxes = top_level_boxes(got.read_bytes())
    assert boxes.index("moov") < boxes.index("mdat")
    assert "moof" not in boxes
    assert list((box.folder._root / "tmp").iterdir()) == []


def top_level_boxes(data: bytes) -> list[str]:
    position, found = 0, []
    while position < len(data):
        size = int.from_bytes(data[position : position + 4], "big")
        found.append(data[position + 4 : position + 8].decode())
        position += size
    return found


def test_a_box_that_was_cut_off_makes_the_copy_again_and_sends_one(box: Box, hevc: bytes) -> None:
    incident, stored = box.take(hevc)
    ask(box.village, incident, clip=stored.sha256)
    box.beat()
    box.copies.step()
    again = CopyMaker(box.link, FakeClock(), store=box.store, folder=box.folder)
    again.want(box.link.heartbeat(Heartbeat(sent_at=NOW, software_version="1", outbox_events=0, outbox_media=0)).copies)
    again.step()
    again.stop()
    while box.store.pending_media(1):
        box.media.step()
    assert state_shown(box.village, incident) == "ready"
    assert box.store.refused_media() == []


def test_a_clip_that_is_gone_on_both_sides_is_told(box: Box, hevc: bytes) -> None:
    incident, stored = box.take(hevc)
    ask(box.village, incident, clip=stored.sha256)
    box.folder.free(1)
    storage.make_room(box.village.parts.database, box.village.parts.store, box.village.clock, 0)
    assert box.beat() == 1
    box.copies.step()
    with box.village.parts.database.read() as session:
        assert statuses(session, [stored.sha256])[stored.sha256].failure == "gone"
    assert box.beat() == 0


@pytest.mark.parametrize("what", ["unreadable", "too_slow", "no_room"])
def test_what_stands_in_the_way_is_told(
    box: Box, hevc: bytes, what: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    clip = hevc
    if what == "unreadable":  # an MP4 with its index, but without any picture
        at = hevc.index(b"mdat")
        size = int.from_bytes(hevc[at - 4 : at], "big")
        clip = hevc[: at + 4] + bytes(size - 8) + hevc[at - 4 + size :]
    incident, stored = box.take(clip)
    ask(box.village, incident, clip=stored.sha256)
    if what == "too_slow":
        box.copies = CopyMaker(box.link, FakeClock(), store=box.store, folder=box.folder, limit_s=0.0)
    if what == "no_room":
        monkeypatch.setattr(box.folder, "_budget", len(hevc) + 100)
    box.beat()
    box.copies.step()
    assert state_shown(box.village, incident) == "failed"
    assert box.store.counts() == (0, 0)
    with box.village.parts.database.read() as session:
        assert statuses(session, [stored.sha256])[stored.sha256].failure == what
    assert box.beat() == 0


def test_a_file_that_was_given_up_for_room_is_told_to_the_server(box: Box, hevc: bytes) -> None:
    from contract.event import Event, EventResult

    named = reference(hevc, "clip", "video/mp4") | {"codec": "hevc"}
    body = event(evidence=[named])
    incident = box.village.post([body]).get_json()["results"][0]["incident_id"]
    stored = box.folder.add_bytes(hevc, ".mp4")
    box.store.put(Event.model_validate(body), [(stored.sha256, stored.path)])
    box.store.settle([EventResult(event_id=body["event_id"], revision=0, status="created")])
    box.folder.free(1)
    assert box.media.step() == 0.0
    assert box.store.counts() == (0, 0)
    page = box.village.browser("officer_a").get(f"/incidents/{incident}?lang=en").get_data(as_text=True)
    assert "No clip any more: it was given up to make room." in page


def test_the_child_works_at_the_lowest_priority_and_leaves_with_its_parent(hevc: bytes, tmp_path: Path) -> None:
    import subprocess
    import sys

    pipe_clip = tmp_path / "clip.mp4"
    os.mkfifo(pipe_clip)  # it waits for somebody to write: time to look at it
    command = [sys.executable, "-m", "edge.evidence.playable", str(pipe_clip), str(tmp_path / "copy.mp4")]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        for _ in range(600):
            if int(Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[16]) == 19:
                break
            try:
                child.wait(0.1)
            except subprocess.TimeoutExpired:
                continue
            pytest.fail("it ended before it had begun")
        else:
            pytest.fail("never at the lowest priority")
        assert child.stdin is not None
        child.stdin.close()  # what happens when the parent is killed
        assert child.wait(60) != 0
    finally:
        child.kill()
        child.wait()
    assert make_playable([]) == 3
    assert edge_copies.LIMIT_S >= 60
