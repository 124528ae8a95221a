"""Camera-like 1080p25 streams made of real footage: what the benchmarks of the edge look at.

    python -m bench.edge_content                # makes what is missing, below artifacts/bench/, and says what it is
    python -m bench.edge_content --looks DIR    # also writes a picture of each, to look at

Three streams show one and the same place:

    quiet   nobody: the place with everybody taken out (the median of many pictures), light that drifts, sensor noise
    mixed   20 % of the time people as filmed, the rest quiet; it changes over at any picture, not at a keyframe
    busy    people all the time; the footage begins again when it is over

Encoded as cameras do: H.264 High, 4 Mb/s with a buffer of a second, one slice, no B-frames, a keyframe about every 2 s.
The distance of keyframes varies from 1.6 to 2.4 s, so that copies which begin elsewhere (`edge.bench.phases`) do not
have their keyframes, and with them the costly packets, at the same instants.

The footage is `yas_people.mp4` (1080p, a shopping street) where the folder `../shared/clips` is; it may not be given
away, so elsewhere it is the demo's own `vtest.mp4`, enlarged.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / "artifacts" / "bench"
KINDS = ("quiet", "mixed", "busy")
WIDTH, HEIGHT, FPS = 1920, 1080, 25
BITRATE = 4_000_000

Yuv = NDArray[np.uint8]
"""(HEIGHT * 3 / 2, WIDTH): the planes of yuv420p, one below the other."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a stream is made of; the file's name carries a digest of it."""

    clip: str
    kind: str
    seconds: float = 40.0
    moving_s: float = 8.0
    """Of a mixed stream: 20 % of the time."""
    noise: float = 3.0
    """Standard deviation of the brightness noise, in grey levels; of colours half."""
    drift: float = 0.03
    """Share by which the light swells and fades over the stream."""
    version: int = 1


@dataclass(frozen=True, slots=True)
class Content:
    """The three streams, and what they show."""

    clip: str
    is_own: bool
    """Made of the project's own clip."""
    paths: dict[str, Path]


def source_clip() -> tuple[Path, bool]:
    """The footage, and whether it is the project's own."""
    shared = ROOT.parent / "shared" / "clips" / "yas_people.mp4"
    own = ROOT / "configs" / "demo" / "media" / "vtest.mp4"
    return (shared, False) if shared.exists() else (own, True)


def make_content(folder: Path = CACHE, *, seconds: float = 40.0) -> Content:
    """Make the streams that are missing.

    Args:
        folder: Kept between runs; about 20 MB a stream of 40 s.
        seconds: Length of each; a fifth of the mixed one moves.
    """
    clip, is_own = source_clip()
    folder.mkdir(parents=True, exist_ok=True)
    paths = {}
    for kind in KINDS:
        recipe = Recipe(clip=clip.name, kind=kind, seconds=seconds, moving_s=seconds / 5)
        digest = hashlib.sha256(json.dumps(asdict(recipe), sort_keys=True).encode()).hexdigest()[:8]
        paths[kind] = folder / f"{clip.stem}-{kind}-{digest}.mp4"
        if not paths[kind].exists():
            _encode(recipe, clip, paths[kind])
    return Content(clip.name, is_own, paths)


def _encode(recipe: Recipe, clip: Path, path: Path) -> None:
    print(f"making {path.name} of {clip.name} ({recipe.seconds:.0f} s, once)", flush=True)
    random_source = random.Random(recipe.kind)
    noise = _Noise(recipe.noise)
    unfinished = path.with_suffix(".part")
    with av.open(str(unfinished), "w", format="mp4") as output:
        stream = output.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = WIDTH, HEIGHT, "yuv420p", BITRATE
        stream.codec_context.thread_count = 1  # one slice a picture
        stream.options = {
            "preset": "veryfast", "tune": "zerolatency", "profile": "high", "g": "250", "forced-idr": "1",
            "sc_threshold": "0", "maxrate": str(BITRATE), "bufsize": str(BITRATE),
        }  # fmt: skip
        next_key = 0
        for index, picture in enumerate(_pictures(recipe, clip)):
            light = 1.0 + recipe.drift * math.sin(2.0 * math.pi * index / (recipe.seconds * FPS))
            frame = VideoFrame.from_ndarray(noise.added(picture, light), "yuv420p")
            frame.pts, frame.time_base = index, Fraction(1, FPS)
            if index == next_key:
                frame.pict_type = av.video.frame.PictureType.I
                next_key += random_source.randint(40, 60)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    unfinished.rename(path)


def _pictures(recipe: Recipe, clip: Path) -> Iterator[Yuv]:
    """Pictures without noise."""
    count = round(recipe.seconds * FPS)
    # In the middle, so that a stream which begins elsewhere still holds it in one piece.
    first = round((recipe.seconds - recipe.moving_s) / 2 * FPS) + 7
    moving = {
        "quiet": range(0),
        "mixed": range(first, first + round(recipe.moving_s * FPS)),
        "busy": range(count),
    }[recipe.kind]
    empty = _empty_place(clip)
    footage = _footage(clip)
    for index in range(count):
        yield next(footage) if index in moving else empty


def _footage(clip: Path) -> Iterator[Yuv]:
    """The clip's pictures at FPS, again and again."""
    while True:
        shown = 0
        with av.open(str(clip)) as source:
            rate = float(source.streams.video[0].average_rate or FPS)
            for index, frame in enumerate(source.decode(video=0)):
                while shown / FPS < (index + 1) / rate:
                    yield _fitted(frame)
                    shown += 1


def _fitted(frame: VideoFrame) -> Yuv:
    """The picture at WIDTH x HEIGHT; what is too high for 16:9 loses its top and bottom."""
    kept = min(frame.height, round(frame.width * HEIGHT / WIDTH))
    image = np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)[(frame.height - kept) // 2 :][:kept]
    if image.shape[:2] != (HEIGHT, WIDTH):
        image = np.asarray(cv2.resize(image, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC), np.uint8)
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420), np.uint8)


def _empty_place(clip: Path) -> Yuv:
    """The place without anybody: of each pixel the median over the clip."""
    every = 15
    with av.open(str(clip)) as source:
        found = [_fitted(frame) for index, frame in enumerate(source.decode(video=0)) if index % every == 0]
    kept = found[:: max(1, len(found) // 25)]
    rows = [np.median(np.stack([item[row] for item in kept]), axis=0) for row in range(kept[0].shape[0])]
    return np.stack(rows).astype(np.uint8)


class _Noise:
    """A sensor's noise: fields made once, and laid over each picture at another place."""

    _ROOM = 64

    def __init__(self, sigma: float) -> None:
        source = np.random.default_rng(1)
        shape = (HEIGHT * 3 // 2 + self._ROOM, WIDTH + self._ROOM)
        self._fields = [source.normal(0.0, sigma, shape).astype(np.float32) for _ in range(4)]
        self._places = random.Random(2)

    def added(self, picture: Yuv, light: float) -> Yuv:
        """A picture with noise, its brightness times `light`."""
        field = self._places.choice(self._fields)
        y, x = self._places.randrange(self._ROOM), self._places.randrange(self._ROOM)
        laid = field[y : y + picture.shape[0], x : x + WIDTH]
        noisy = np.empty_like(picture)
        noisy[:HEIGHT] = np.clip(picture[:HEIGHT] * np.float32(light) + laid[:HEIGHT], 16, 235)
        noisy[HEIGHT:] = np.clip(picture[HEIGHT:] + np.float32(0.5) * laid[HEIGHT:], 16, 240)
        return noisy


def main() -> None:
    """Make the streams and tell about them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--looks", type=Path, metavar="DIR", help="write pictures of each stream there")
    options = parser.parse_args()
    content = make_content()
    for kind, path in content.paths.items():
        with av.open(str(path)) as source:
            packets = [packet for packet in source.demux(video=0) if packet.size]
            keys = sum(packet.is_keyframe for packet in packets)
            bits = 8 * sum(packet.size for packet in packets)
        rate = bits * FPS / len(packets) / 1e6
        print(f"{kind}: {path.name}, {len(packets)} pictures, {keys} keyframes, {rate:.2f} Mb/s")
        if options.looks is not None:
            _write_looks(path, kind, options.looks)


def _write_looks(path: Path, kind: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with av.open(str(path)) as source:
        shown = [frame for index, frame in enumerate(source.decode(video=0)) if index % 160 == 80][:6]
    small = [cv2.resize(frame.to_ndarray(format="bgr24"), (640, 360)) for frame in shown]
    rows = [np.hstack(small[start : start + 3]) for start in range(0, len(small) // 3 * 3, 3)]
    cv2.imwrite(str(folder / f"{kind}.png"), np.vstack(rows))


if __name__ == "__main__":
    main()
