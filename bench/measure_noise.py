"""Measures the embedded detector's mistakes on real clips, for `bench.worlds`: `python -m bench.measure_noise`.

What is true is told by people where there are labels (`vtest_boxes.txt`; `gt_vn`: whether vehicles of a Vietnamese
junction are found, by size), elsewhere by the long, smoothed tracks of YOLO11n at 1152 x 768 (`bench.noise_tracks`),
which sees more than the embedded model but shares its blind spots: what neither finds is in no figure. Needs
`../shared/clips`, `../shared/gt_vn` and `../shared/weights`; some six minutes. Only figures are written, no picture.
"""

from __future__ import annotations

import argparse
import json
import pickle
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from bench.detectors import people_of_vtest, vietnamese_junction
from bench.noise_figures import Collected, figures, gather
from bench.noise_tracks import follow
from edge.detection.load import load_detector
from edge.detection.manifest import Manifest, load_manifest
from edge.detection.model_entry import ModelEntry, ModelFile, ModelKind
from edge.detection.search import ModelDetector
from edge.picture import ArrayPicture
from edge.types import Detections, Frame

SHARED = Path(__file__).resolve().parents[2] / "shared"
OUT = Path(__file__).resolve().parent / "worlds" / "detector_noise.json"
REFERENCE_WH = (1152, 768)
"""Four times the pixels of the embedded model's input: a judge must see more."""
REFERENCE_SCORE = 0.1
"""Of the second model: what it half sees is no false detection of the first."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A fixed camera's clip, and which of its pictures are looked at."""

    file: str
    every: int
    skip_s: tuple[float, float] = (0.0, 0.0)
    """Left out: the second model is no judge of this time."""


CLIPS = (
    Clip("vtest.avi", 1),
    Clip("yas_people.mp4", 3),
    Clip("atharva_cctv.mp4", 2),
    Clip("intel_one-by-one-person.mp4", 4),
    Clip("adam_demo_traffic.mp4", 2),
    Clip("sajad_vdo2.mp4", 2),
    Clip("sanskar_video6.mp4", 2),
    Clip("rfmanz_night.mp4", 30, (50.0, 76.0)),
)


def main() -> None:
    """Measure, print what was measured, write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=SHARED, help="folder of the clips (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=OUT, help="default: %(default)s")
    parser.add_argument("--keep", type=Path, help="folder that remembers what the models found")
    options = parser.parse_args()
    manifest = load_manifest()
    detector = load_detector("default", manifest, threads=1)
    reference = reference_detector(options.shared)
    collected = Collected()
    clips = []
    for clip in CLIPS:
        searched = _search(clip, options.shared, detector, reference, options.keep)
        print(f"{clip.file}: {len(searched.times)} pictures", flush=True)
        gather(
            collected, clip.file, searched.size, searched.times, searched.found, follow_all(searched), searched.other
        )
        clips.append({"file": clip.file, "pictures": len(searched.times)})
    stills = list(vietnamese_junction(options.shared / "gt_vn"))
    for item in stills:
        collected.add_still(item.frame.resolution_wh, item.truth, detector.detect([item.frame])[0])
    people = list(people_of_vtest(options.shared / "clips"))
    for item in people:
        collected.add_labelled(item.frame.resolution_wh, item.truth["person"], detector.detect([item.frame])[0])
    result = {
        "about": {
            "model": manifest.get("default").id,
            "measured": date.today().isoformat(),  # noqa: DTZ011 - the day on the measuring machine's wall
            "by": "python -m bench.measure_noise",
            "clips": clips,
            "stills": len(stills),
            "labelled_pictures": len(people),
        },
        **figures(collected),
    }
    options.out.write_text(json.dumps(_short(result), indent=1) + "\n", encoding="utf-8")
    print(json.dumps(collected.report()))


@dataclass(frozen=True, slots=True)
class Searched:
    """What both models found in a clip."""

    size: tuple[int, int]
    times: list[float]
    found: list[Detections]
    other: list[Detections]


def follow_all(searched: Searched) -> Any:
    """The true objects of a clip."""
    return follow(searched.times, searched.other)


def _search(clip: Clip, shared: Path, detector: ModelDetector, reference: ModelDetector, keep: Path | None) -> Searched:
    remembered = keep / f"{clip.file}-{clip.every}.pickle" if keep else None
    if remembered is not None and remembered.exists():
        loaded: Searched = pickle.loads(remembered.read_bytes())  # noqa: S301 - written by the lines below
        return loaded
    times: list[float] = []
    found: list[Detections] = []
    other: list[Detections] = []
    size = (0, 0)
    for time_s, image in _pictures(clip, shared / "clips" / clip.file):
        frame = Frame("bench", ArrayPicture(image), time_s, datetime.now(UTC), len(times))
        size = frame.resolution_wh
        times.append(time_s)
        found.append(detector.detect([frame])[0])
        other.append(reference.detect([frame])[0])
    searched = Searched(size, times, found, other)
    if remembered is not None:
        remembered.parent.mkdir(parents=True, exist_ok=True)
        remembered.write_bytes(pickle.dumps(searched))
    return searched


def _pictures(clip: Clip, path: Path) -> Iterator[tuple[float, NDArray[np.uint8]]]:
    with av.open(str(path)) as container:
        rate = float(container.streams.video[0].average_rate or 25)
        for index, picture in enumerate(container.decode(video=0)):
            time_s = index / rate
            if index % clip.every == 0 and not clip.skip_s[0] < time_s < clip.skip_s[1]:
                yield time_s, np.asarray(picture.to_ndarray(format="bgr24"), dtype=np.uint8)


def reference_detector(shared: Path) -> ModelDetector:
    """A stronger detector than the product's, where its weights are: `shared` is the folder above them."""
    file = ModelFile(shared / "weights" / "yolo11n_int8_openvino_model" / "yolo11n.xml", None)
    entry = ModelEntry("yolo11n", ModelKind.YOLO, (file,), input_wh=REFERENCE_WH, score_threshold=REFERENCE_SCORE)
    return load_detector("yolo11n", Manifest((entry,)), threads=1)


def _short(value: Any) -> Any:
    """Numbers to four digits: more says nothing."""
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {name: _short(item) for name, item in value.items()}
    return [_short(item) for item in value] if isinstance(value, Sequence) and not isinstance(value, str) else value


if __name__ == "__main__":
    main()
