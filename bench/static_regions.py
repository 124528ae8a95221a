"""Measures the new static regions: false ones an hour on real clips, and how many left objects are found.

    python -m bench.static_regions [--clips ../shared/clips] [--draw FOLDER] [--only clips|blind|made] [NAME ...]

Clips: the whole edge path runs over the clip of each fixed camera with `littering` and `abandoned_object` (no zones,
a tenth of their times, so that a clip of a minute says something). Nothing is left behind in these clips: every region
that is no hole is false. Blind: the same clips before a detector that finds nobody: whoever stands still there
may become a region and must not. Made: bags of some sizes and contrasts are laid onto real frames beside somebody who
is followed, and looked for.
Ends with one JSON line.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import process_time

import cv2
import numpy as np
from numpy.typing import NDArray

from contract.camera_config import CameraConfig
from contract.config_loader import LoadedCamera
from contract.event import Event, EventState
from contract.site_config import SiteConfig
from edge.background.static_regions import LOOK_EVERY_S, StaticRegions
from edge.picture import ArrayPicture
from edge.pipeline import CameraPipeline
from edge.replay import replay
from edge.types import Frame, StaticRegion, Track, TrackId

START = datetime(2026, 1, 5, 3, 0, tzinfo=UTC)
FIXED = ("vtest.avi", "atharva_cctv.mp4", "rfmanz_night.mp4", "nasr_parking.mp4", "intel_one-by-one-person.mp4",
         "yas_people.mp4", "adam_demo_traffic.mp4", "sajad_vdo2.mp4", "sanskar_traffic.mp4")  # fmt: skip
SIZES_PX = (8, 12, 16, 24, 48)
"""Of 1,920 across."""
CONTRASTS = (15, 30, 60)
"""Grey levels between the bag's mean and the ground's."""
BASES = ("vtest.avi", "rfmanz_night.mp4", "intel_one-by-one-person.mp4")
Image = NDArray[np.uint8]


class Looker:
    """Remembers every region, and draws it. Implements `edge.replay.Watcher`."""

    def __init__(self, draw: Path | None, name: str) -> None:
        self.regions: dict[int, StaticRegion] = {}
        self.seconds = 0.0
        self._first_s: float | None = None
        self._draw, self._name = draw, name

    def watch(self, frame: Frame, pipeline: CameraPipeline, events: Sequence[Event]) -> None:  # noqa: ARG002 - the port's signature
        """Take a frame's regions."""
        self._first_s = frame.monotonic_s if self._first_s is None else self._first_s
        self.seconds = frame.monotonic_s - self._first_s
        observation = pipeline.last_moment[0]
        for region in observation.static_regions if observation is not None else ():
            if region.region_id not in self.regions and self._draw is not None and observation is not None:
                boxes = [track.xyxy for track in observation.tracks]
                _save(self._draw / f"{self._name}-{region.region_id}.jpg", frame.image, region, boxes)
            self.regions[region.region_id] = region


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=list(FIXED))
    parser.add_argument("--clips", type=Path, default=Path("../shared/clips"))
    parser.add_argument("--draw", type=Path)
    parser.add_argument("--only", choices=("clips", "blind", "made"), help="one part of it")
    options = parser.parse_args()
    if options.draw is not None:
        options.draw.mkdir(parents=True, exist_ok=True)
    told: dict[str, object] = {}
    false = holes = alerts = 0
    hours = 0.0
    for name in options.names if options.only in (None, "clips") else ():
        looker, raised = watch_clip(options.clips / name, options.draw)
        found = [region for region in looker.regions.values() if not region.is_hole]
        told[name] = {
            "seconds": round(looker.seconds, 1),
            "false_regions": len(found),
            "holes": len(looker.regions) - len(found),
            "alerts": raised,
        }
        print(f"{name:<32} {told[name]}", flush=True)
        false, holes, alerts = false + len(found), holes + len(looker.regions) - len(found), alerts + len(raised)
        hours += looker.seconds / 3600.0
    total = {
        "hours": round(hours, 3),
        "false_regions_per_hour": round(false / max(hours, 1e-9), 1),
        "holes_per_hour": round(holes / max(hours, 1e-9), 1),
        "false_alerts_per_hour": round(alerts / max(hours, 1e-9), 1),
    }
    cv2.setNumThreads(1)
    unseen = {}
    for name in options.names if options.only in (None, "blind") else ():
        unseen[name] = _blind(options.clips / name)
        print(f"{name:<32} blind {unseen[name]}", flush=True)
    bases = [options.clips / name for name in BASES if name in options.names and options.only in (None, "made")]
    print(json.dumps({"clips": told, "total": total, "blind": unseen, **(found_shares(bases) if bases else {})}))


def watch_clip(clip: Path, draw: Path | None) -> tuple[Looker, list[str]]:
    """Run the edge over a clip; return its regions and the kinds of the alerts."""
    camera = CameraConfig.model_validate(
        {
            "camera": {"id": "bench", "name": "Bench", "village": "thon"},
            "inputs": [{"path": "clip.mp4"}],
            "rules": [
                {"kind": "littering", "min_stay_s": 8.0, "away_s": 4.0},
                {"kind": "abandoned_object", "min_stay_s": 12.0},
            ],
            "evidence": {"snapshot": False, "clip": False},
        }
    )
    site = SiteConfig.model_validate(
        {
            "site": {"name": "Bench"},
            "places": [
                {"id": "xa", "kind": "commune", "name": "Xa"},
                {"id": "thon", "kind": "village", "name": "Thon", "parent": "xa"},
            ],
        }
    )
    looker, raised = Looker(draw, clip.stem), []
    loaded = LoadedCamera(camera, "", Path("bench.yaml"), "bench")
    replay(loaded, site, clip, START, lambda event: raised.append(event) if event.state is EventState.START else None,
           watcher=looker)  # fmt: skip
    return looker, [event.kind for event in raised]


def _blind(clip: Path) -> int:
    """How many regions that are no hole there are in a clip whose people nobody follows."""
    background, ids = StaticRegions(), set[int]()
    for index, (at_s, image) in enumerate(_frames(clip, 300.0)):
        regions = background.look(Frame("bench", ArrayPicture(image), at_s, START, index), ())
        ids |= {region.region_id for region in regions if not region.is_hole}
    return len(ids)


def found_shares(clips: list[Path]) -> dict[str, object]:
    """Share of the laid bags that become regions, by size and by contrast, and milliseconds a look."""
    hits: dict[tuple[int, int], list[bool]] = {}
    cpu_s, looks = 0.0, 0
    for clip in clips:
        frames = list(_frames(clip, 45.0))
        for size in SIZES_PX:
            for contrast in CONTRASTS:
                found, spent_s = _lay(frames, size, contrast)
                cpu_s, looks = cpu_s + spent_s, looks + len(frames)
                hits.setdefault((size, contrast), []).extend(found)
    table = {f"{size}px_{contrast}": round(float(np.mean(found)), 2) for (size, contrast), found in hits.items()}
    return {"found": table, "bags": sum(map(len, hits.values())), "cpu_ms_a_look": round(1e3 * cpu_s / looks, 2)}


def _frames(clip: Path, seconds: float) -> Iterator[tuple[float, Image]]:
    """Two pictures a second, as long as the clip is."""
    video = cv2.VideoCapture(str(clip))
    fps, index, next_s = video.get(cv2.CAP_PROP_FPS) or 25.0, 0, 0.0
    while video.grab() and index / fps <= seconds:
        if index / fps >= next_s:
            image = np.asarray(video.retrieve()[1], np.uint8)
            yield (
                index / fps,
                np.asarray(cv2.resize(image, (960, round(960 * image.shape[0] / image.shape[1]))), np.uint8),
            )
            next_s += LOOK_EVERY_S
        index += 1
    video.release()


def _lay(frames: list[tuple[float, Image]], size: int, contrast: int) -> tuple[list[bool], float]:
    """Lay six bags down at a third of the clip; say which are found, and the seconds of processor time for looking."""
    height, width = frames[0][1].shape[:2]
    side = max(2, round(size / 2))
    rng = np.random.default_rng(size * 1000 + contrast)
    places = [(0.12 + 0.15 * i, float(rng.uniform(0.45, 0.9))) for i in range(6)]
    still = np.median(np.stack([image for _, image in frames[:: max(1, len(frames) // 9)]]), axis=0)
    bags = [_bag(side, still, round(x * width), round(y * height), contrast, rng) for x, y in places]
    background, found = StaticRegions(), [False] * len(bags)
    followed = [_passer(number, x, y) for number, (x, y) in enumerate(places)]
    spent_s = 0.0
    laid_s = frames[len(frames) // 3][0]
    for index, (at_s, image) in enumerate(frames):
        shown = image.copy()
        if at_s >= laid_s:
            for alpha, colours, (top, left) in bags:
                part = shown[top : top + alpha.shape[0], left : left + alpha.shape[1]]
                part[:] = (part + alpha * (colours - part)).astype(np.uint8)
        began = process_time()
        tracks = followed if laid_s - 2.0 <= at_s < laid_s + 1.0 else []
        regions = background.look(Frame("bench", ArrayPicture(shown), at_s, START, index), tracks)
        spent_s += process_time() - began
        for number, (alpha, _, (top, left)) in enumerate(bags):
            x, y = (left + alpha.shape[1] / 2) / width, (top + alpha.shape[0] / 2) / height
            found[number] |= any(
                r.xyxy[0] <= x <= r.xyxy[2] and r.xyxy[1] <= y <= r.xyxy[3] and not r.is_hole for r in regions
            )
    return found, spent_s


def _passer(number: int, x: float, y: float) -> Track:
    """Somebody who is followed and stands beside a place."""
    return Track(TrackId(number + 1), "person", 0.8, (x + 0.02, y - 0.2, x + 0.06, y + 0.01), 0.0, 0.0)


def _bag(
    side: int, still: NDArray[np.float64], x: int, y: int, contrast: int, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32], tuple[int, int]]:
    """A textured ellipse whose mean differs from the ground's by the contrast: its alpha, colours and corner."""
    top, left = y - side // 2, x - side // 2
    ground = still[top : top + side, left : left + side].reshape(-1, 3).mean(axis=0)
    sign = -1.0 if ground.mean() > 110 else 1.0
    tint = np.array([0.75, 1.0, 1.25]) if rng.random() < 0.5 else np.array([1.1, 1.0, 0.9])
    colours = (ground + sign * contrast) * tint + rng.normal(0, 6, (side + 2, side + 2, 1))
    alpha = np.zeros((side + 2, side + 2), np.float32)
    cv2.ellipse(alpha, ((side + 1) // 2, (side + 1) // 2), (max(1, side // 2), max(1, side // 2)), 0, 0, 360, 1.0, -1)
    soft = np.asarray(cv2.GaussianBlur(alpha, (3, 3), 0), np.float32)[..., None]
    return soft, np.clip(colours, 0, 255).astype(np.float32), (top, left)


def _save(path: Path, image: Image, region: StaticRegion, tracks: list[tuple[float, float, float, float]]) -> None:
    """A picture with the region (red; a hole is blue) and the tracks (green)."""
    canvas = image.copy()
    scale = np.array([canvas.shape[1], canvas.shape[0]] * 2)
    for box, colour in [*((box, (80, 220, 80)) for box in tracks),
                        (region.xyxy, (255, 80, 80) if region.is_hole else (60, 60, 255))]:  # fmt: skip
        x1, y1, x2, y2 = (np.asarray(box) * scale).round().astype(int).tolist()
        cv2.rectangle(canvas, (x1, y1), (x2, y2), colour, 2)
    cv2.imwrite(str(path), cv2.resize(canvas, (960, round(960 * canvas.shape[0] / canvas.shape[1]))))


if __name__ == "__main__":
    main()
