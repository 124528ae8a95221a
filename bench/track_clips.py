"""How whole the tracks on the labelled real clips are: `python -m bench.track_clips [NAME ...]`.

Runs detector, filter, motion gate and tracker as `langan-edge replay` does, without rules. Printed for each clip: how
many tracks there were (fewer is better for the same clip: broken tracks count twice), in how many places they were
seen, and in how many they were only predicted. Ends with one JSON line. Needs `../shared/clips`; NAME is a label file
of `tests/replay/labels`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence

from contract.config_loader import load_config_dir
from edge.capture.source_url import SourceAddress, SourceKind
from edge.capture.video_source import SourceSettings, VideoSource
from edge.clock import SystemClock
from edge.detection.load import load_detector
from edge.detection.manifest import load_manifest
from edge.gate import CameraGate
from edge.tracking import ByteTracker, filter_detections
from edge.types import Track
from tests.replay.scoring import CONFIG_DIR, LABELS_DIR, START, LabelledClip, load_labels


def _measure(clip: LabelledClip) -> dict[str, int]:
    camera = load_config_dir(CONFIG_DIR).cameras[clip.camera].config
    detector = load_detector(camera.detect.model, load_manifest(), threads=2)
    settings = SourceSettings(fps=camera.detect.fps, replay_start=START, privacy_masks=camera.privacy.masks)
    address = SourceAddress(SourceKind.FILE, str(clip.path), str(clip.path))
    gate, tracker = CameraGate(camera.motion), ByteTracker()
    tracks: Sequence[Track] = ()
    ids: set[int] = set()
    seen = predicted = 0
    for frame in VideoSource(clip.camera, address, SystemClock(), settings, None).frames():
        if not gate.should_search(frame, tracks):
            tracks = tracker.hold(frame.monotonic_s)
            continue
        (found,) = detector.detect([frame])
        tracks = tracker.update(filter_detections(found, camera.objects, frame.resolution_wh), frame)
        ids.update(track.track_id for track in tracks)
        seen += sum(track.detected for track in tracks)
        predicted += sum(not track.detected for track in tracks)
    return {"tracks": len(ids), "seen": seen, "predicted": predicted}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Count tracks on the labelled clips.")
    parser.add_argument("names", nargs="*")
    names = parser.parse_args().names or sorted(path.stem for path in LABELS_DIR.glob("*.yaml"))
    figures = {}
    for name in names:
        figures[name] = _measure(load_labels(LABELS_DIR / f"{name}.yaml"))
        print(name, figures[name], flush=True)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
