"""Whether tracker and rules say the same as those of another commit, to the last digit.

    python -m bench.rules_same                       # what they say now: one line for each source
    python -m bench.rules_same --against HEAD~3      # the same with that commit's code; ends with 1 where they differ
    python -m bench.rules_same --clips --against HEAD~3   # real clips too, where ../shared/clips is: some minutes

Sources, each with the tracker's own tracks: made streets (`bench.rules_speed`) with 25 to 80 objects at 1 to 10
searches a second, with and without metres, with frames that were not searched, gaps, clocks that run back, pictures
that change their shape and boxes that are none; the day at the kerb (`tests/replay/standing.py`); with `--clips` every
labelled clip, as its camera's file has it and in the made street. All but the clips' own are shown to every rule of the
registry, over all zones. What is said is put in words with all digits, and digested by kind.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import numpy as np

from bench.observations import clip, kerb
from bench.rules_speed import HEIGHT, SITE, START, WIDTH, Traffic, street
from contract.camera_config import CameraConfig
from contract.config_loader import load_config_dir
from contract.site_config import SiteConfig
from edge.picture import ArrayPicture
from edge.rules import build_rules
from edge.scene import Scene
from edge.tracking import ByteTracker
from edge.types import Detections, Frame, Observation, SignalState, StaticRegion, Track, ViewReading
from tests.replay.scoring import CLIPS, CONFIG_DIR, LABELS_DIR, load_labels

ROOT = Path(__file__).resolve().parents[1]
FRAMES = 700
KERB_HOURS = 0.15


@dataclass(frozen=True, slots=True)
class Made:
    """A made street."""

    name: str
    objects: int
    fps: float
    metres: bool = True
    trouble: bool = False


STREETS = (
    Made("dense", 50, 5.0),
    Made("thin", 25, 5.0, metres=False),
    Made("packed", 80, 10.0, trouble=True),
    Made("slow", 40, 1.0, trouble=True),
    Made("flat", 60, 5.0, metres=False, trouble=True),
)


def made(source: Made) -> Iterator[Observation]:
    """The observations of a made street."""
    rng = np.random.default_rng(source.objects)
    traffic, tracker, at_s = Traffic(source.objects), ByteTracker(), 1000.0
    height, width = HEIGHT, WIDTH
    images = [rng.integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8) for _ in range(3)]
    view = ViewReading(5.0, 5.0, 0.4, 0.4, 0.9, 0.9, 0.9)
    ahead = max(1, round(5.0 / source.fps))
    for index in range(FRAMES):
        for _ in range(ahead):
            detections, parts = traffic.look()
        at_s += 1.0 / source.fps
        searched = True
        if source.trouble:
            chance = rng.random()
            searched = chance > 0.15
            at_s += 45.0 if chance > 0.995 else 4.0 if chance > 0.98 else 700.0 if index == 500 else 0.0
            at_s -= 3.0 if index == 350 else 0.0
            if index == 250:
                height, images = 900, [np.full((900, WIDTH, 3), 90, np.uint8)]
        utc = START + timedelta(seconds=at_s - 1000.0)
        picture = ArrayPicture(images[index // 40 % len(images)])
        frame = Frame("cam", picture, at_s, utc, index)
        if searched:
            tracks = tuple(tracker.update(_shaken(detections, rng) if source.trouble else detections, frame))
        else:
            tracks = tuple(tracker.hold(at_s))
        if source.trouble and index % 97 == 0:
            tracks = tracks + _impossible(tracks)
        regions = tuple(
            StaticRegion(number + 1, (0.1 + 0.18 * number, 0.6, 0.13 + 0.18 * number, 0.64), 0.001, at_s - 30.0, at_s)
            for number in range(index // 120 % 5)
        )
        yield Observation(
            "cam", at_s, utc, width / height, tracks,
            detected=searched,
            signals={"den": SignalState.RED if index % 225 < 100 else SignalState.GREEN},
            view=view if index % 5 == 0 else None,
            static_regions=regions,
            parts=parts if searched else (),
        )  # fmt: skip


def _shaken(detections: Detections, rng: np.random.Generator) -> Detections:
    """With boxes that stay, jump, are named twice, are called otherwise, and are none."""
    boxes, scores, names = detections.xyxy.copy(), detections.confidence.copy(), list(detections.class_name)
    if rng.random() < 0.1 and len(names) > 4:
        boxes[0, 2] = boxes[0, 0]
        boxes[1] = np.nan
        boxes[2] += 60.0
        boxes[3], names[3], scores[3] = boxes[4], names[4], scores[4] * np.float32(0.9)
    for index in np.flatnonzero(rng.random(len(names)) < 0.03).tolist():
        names[index] = {"car": "truck", "truck": "bus", "motorcycle": "bicycle"}.get(names[index], names[index])
    scores[rng.random(len(names)) < 0.2] *= np.float32(0.5)
    return Detections(boxes, scores, tuple(names))


def _impossible(tracks: tuple[Track, ...]) -> tuple[Track, ...]:
    if len(tracks) < 2:
        return ()
    nan = float("nan")
    return (
        replace(tracks[0], track_id=type(tracks[0].track_id)(900_001), xyxy=(nan, nan, nan, nan)),
        replace(tracks[1], track_id=type(tracks[1].track_id)(900_002), xyxy=(0.5, 0.5, 0.5, 0.5)),
    )


def every_rule(*, metres: bool) -> CameraConfig:
    """Every rule over all zones; with limits that are reached in minutes."""
    camera = street()
    zones = dict(camera.zones)
    for name in ("z1", "z3"):  # some traffic must go the wrong way
        arrow = zones[name].direction
        assert arrow is not None
        zones[name] = zones[name].model_copy(update={"direction": arrow[::-1]})
    short: dict[str, dict[str, object]] = {
        "illegal_parking": {"max_stay_s": 20.0, "relink_s": 20.0},
        "loitering": {"max_stay_s": 20.0},
        "street_market": {"min_duration_s": 20.0},
        "crowding": {"min_people": 3, "min_duration_s": 5.0, "after_hours": None},
    }
    rules = tuple(
        rule.model_copy(update={key: value for key, value in short.get(rule.kind, {}).items() if hasattr(rule, key)})
        for rule in camera.rules
        if metres or rule.kind != "speeding"  # it decides in metres
    )
    return camera.model_copy(update={"rules": rules, "zones": zones, **({} if metres else {"calibration": None})})


def say(camera: CameraConfig, site: SiteConfig, observations: Iterable[Observation]) -> dict[str, str]:
    """Digest and number of what each rule says, and of the tracks."""
    scene = Scene.from_config(camera, site)
    rules = build_rules(camera, scene)
    said = {f"{index}-{rule.kind}": (hashlib.sha256(), [0]) for index, rule in enumerate(rules)}
    tracks, count, latest = hashlib.sha256(), 0, None
    for observation in observations:
        latest = observation
        count += len(observation.tracks)
        tracks.update(repr(observation.tracks).encode())
        for (digest, told), rule in zip(said.values(), rules, strict=True):
            for event in rule.observe(observation):
                digest.update(repr(event).encode())
                told[0] += 1
    for (digest, told), rule in zip(said.values(), rules, strict=True):
        for event in rule.finish(latest):
            digest.update(repr(event).encode())
            told[0] += 1
        digest.update(repr(sorted(rule.rejected.items())).encode())
    found = {name: f"{digest.hexdigest()[:16]} {told[0]} events" for name, (digest, told) in said.items()}
    return {"tracks": f"{tracks.hexdigest()[:16]} {count} boxes", **found}


def everything(*, with_clips: bool) -> dict[str, dict[str, str]]:
    """What is said of every source."""
    found = {}
    for source in STREETS:
        found[source.name] = say(every_rule(metres=source.metres), SITE, made(source))
    found["kerb"] = say(every_rule(metres=True), SITE, kerb(KERB_HOURS))
    if with_clips:
        folder = load_config_dir(CONFIG_DIR)
        assert folder.site is not None
        for labels in sorted(LABELS_DIR.glob("*.yaml")):
            labelled = load_labels(labels)
            seen = clip(labels.stem)
            found[labels.stem] = say(folder.cameras[labelled.camera].config, folder.site, seen)
            # The same people and vehicles under every rule, as if they were in the made street.
            moved = [replace(observation, camera_id="cam") for observation in seen]
            found[f"{labels.stem}, every rule"] = say(every_rule(metres=True), SITE, moved)
    return found


def said_by(revision: str, arguments: list[str]) -> dict[str, dict[str, str]]:
    """The same by the code of another commit, with this file."""
    packed = subprocess.run(["git", "archive", revision], cwd=ROOT, check=True, capture_output=True).stdout
    with tempfile.TemporaryDirectory(prefix="langan-same-") as name:
        folder = Path(name) / "code"
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            archive.extractall(folder, filter="data")
        (folder / "bench" / Path(__file__).name).write_text(Path(__file__).read_text("utf-8"), "utf-8")
        if CLIPS.exists():
            (Path(name) / "shared").symlink_to(CLIPS.parent)
        command = [sys.executable, "-m", "bench.rules_same", *arguments]
        told = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout
    found: dict[str, dict[str, str]] = json.loads(told.splitlines()[-1])
    return found


def main() -> int:
    """Say it, and compare."""
    parser = argparse.ArgumentParser(description="Compare what tracker and rules say with another commit's.")
    parser.add_argument("--against", metavar="REVISION", help="a commit of this repository")
    parser.add_argument("--clips", action="store_true", help="real clips too")
    options = parser.parse_args()
    found = everything(with_clips=options.clips)
    if options.against is None:
        for source, said in found.items():
            print(f"{source}: {', '.join(f'{name} {told}' for name, told in said.items())}")
        print(json.dumps(found))
        return 0
    other = said_by(options.against, ["--clips"] if options.clips else [])
    differing = [
        f"{source}: {name}: {told}, was {other.get(source, {}).get(name)}"
        for source, said in found.items()
        for name, told in said.items()
        if other.get(source, {}).get(name) != told
    ]
    events = sum(int(told.split()[1]) for said in found.values() for told in said.values() if told.endswith("events"))
    print(*differing, sep="\n")
    print(
        json.dumps({"against": options.against, "sources": len(found), "events": events, "differing": len(differing)})
    )
    return 1 if differing else 0


if __name__ == "__main__":
    raise SystemExit(main())
