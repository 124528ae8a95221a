"""Which packets are copied into a clip without being decoded, and that no broken one is."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable
from pathlib import Path

import av
import av.error
import pytest

from edge.capture.packet_ring import PacketCut
from edge.evidence import clip as clip_module
from edge.evidence.clip import _size_if_sound, cut_clip
from tests.integration.test_clip import decoded, recorded
from tests.support.clips import make_clip


def _another_head(data: bytes) -> bytes:
    chance = random.Random(len(data))
    return data[:4] + bytes(chance.randrange(256) for _ in range(20)) + data[24:]


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _data: b"",
    "a head alone": lambda data: data[:10],
    "first half": lambda data: data[: len(data) // 2],
    "second half": lambda data: data[len(data) // 2 :],
    "zeros": lambda data: bytes(len(data)),
    "ones": lambda data: b"\xff" * len(data),
    "another head": _another_head,
    "no picture": lambda _data: b"\x00\x00\x00\x01\x65\xff\xff",
}
SOURCES = [
    ("libx264", "mp4", 0),
    ("libx264", "ts", 0),
    ("libx264", "mp4", 2),
    ("libx265", "mp4", 0),
    ("libx265", "ts", 0),
]


@pytest.fixture(scope="module", params=SOURCES, ids=lambda source: "-".join(map(str, source)))
def cut(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> PacketCut:
    codec, suffix, b_frames = request.param
    path = tmp_path_factory.mktemp("clip") / f"clip.{suffix}"
    return recorded(make_clip(path, codec=codec, frames=30, b_frames=b_frames), 0, 3)


def test_sound_packets_are_copied_without_being_decoded(
    cut: PacketCut, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clip_module, "_pictures", lambda *_: pytest.fail("the whole clip was decoded"))
    unsized = dataclasses.replace(cut, stream=dataclasses.replace(cut.stream, width=0, height=0))
    info = cut_clip(unsized, tmp_path / "cut.mp4")
    assert decoded(info.path)[1][0].shape == (240, 320, 3)


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
@pytest.mark.parametrize("which", [7, 10, 29], ids=["within", "a keyframe", "the last"])
def test_no_packet_that_a_decoder_refuses_is_copied(
    cut: PacketCut, damage: Callable[[bytes], bytes], which: int, tmp_path: Path
) -> None:
    packets = list(cut.packets)
    packets[which] = dataclasses.replace(packets[which], data=damage(packets[which].data))
    path = cut_clip(dataclasses.replace(cut, packets=tuple(packets)), tmp_path / "cut.mp4").path
    with av.open(str(path)) as container:
        shown = sum(1 for _ in container.decode(video=0))  # raises where a packet is refused
    assert shown >= 15


def test_pictures_that_begin_with_no_keyframe_are_looked_at_closer(cut: PacketCut) -> None:
    assert _size_if_sound(cut) == (320, 240)
    assert _size_if_sound(dataclasses.replace(cut, packets=cut.packets[3:])) is None
