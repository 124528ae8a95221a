"""Names and meanings of every number that the edge tells of itself: for `/metrics`, logs and `bench`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Figure:
    """One number.

    Attributes:
        kind: `counter` only rises while a process lives; `gauge` is how it is now.
        help: What it counts, and the unit.
    """

    kind: Literal["counter", "gauge"]
    help: str


CAMERA_FIGURES: dict[str, Figure] = {
    "packets": Figure("counter", "compressed packets received of the searched stream"),
    "packets_bad": Figure("counter", "packets that were corrupt or could not be decoded"),
    "packets_skipped": Figure("counter", "packets that were not decoded, as nobody needed their pictures"),
    "pictures_decoded": Figure("counter", "pictures decoded"),
    "pictures_bad": Figure("counter", "pictures decoded with holes, and left out"),
    "frames_given": Figure("counter", "frames handed to the pipeline at detect.fps"),
    "frame_late_s": Figure("gauge", "seconds from when a frame was taken until the rules had seen it, of the latest"),
    "frames_dropped": Figure("counter", "frames that made room for newer ones before the pipeline took them"),
    "frames_gated": Figure("counter", "frames that the motion gate spared a search"),
    "frames_searched": Figure("counter", "frames that the detector searched"),
    "searches_dropped": Figure("counter", "searches that were due and given up because the detector was busy"),
    "searches_motion": Figure("counter", "searches because something moved"),
    "searches_track": Figure("counter", "searches because somebody who is followed moved, was new or was not found"),
    "searches_recheck": Figure("counter", "searches because it was time to look again"),
    "searches_warmup": Figure("counter", "searches because the scene or its light was new"),
    "frames_doubtful": Figure("counter", "frames in which only rain, snow or what always flickers was seen"),
    "light_changes": Figure("counter", "times the light of the whole scene changed"),
    "motion_noise": Figure("gauge", "grey levels by which a still picture trembles"),
    "motion_flecks": Figure("gauge", "single changes in a frame, as of rain and snow"),
    "reconnects": Figure("counter", "times the source was opened again"),
    "decode_idle": Figure("gauge", "1 while only keyframes are decoded"),
    "wakes": Figure("counter", "times a resting camera went back to every picture"),
    "false_wakes": Figure("counter", "wakes after which nothing was found, so that it rested again at once"),
    "catch_ups": Figure("counter", "times reading fell behind the camera and went on at a later keyframe"),
    "decode_cpu_s": Figure("counter", "CPU seconds of reading and decoding"),
    "gate_cpu_s": Figure("counter", "CPU seconds of the motion gate"),
    "detect_cpu_s": Figure("counter", "CPU seconds of preparing searches and reading their answers"),
    "track_cpu_s": Figure("counter", "CPU seconds of tracking"),
    "decide_cpu_s": Figure("counter", "CPU seconds of rules and evidence"),
    "events_started": Figure("counter", "events that its rules began"),
    "clips_written": Figure("counter", "clips of its events that were written"),
    "clips_missed": Figure("counter", "clips that could not be cut or written"),
    "ring_bytes": Figure("gauge", "bytes of compressed video kept in memory for clips"),
    "observations_bytes": Figure("gauge", "bytes of stored observations"),
    "observations_lost": Figure("counter", "observations that could not be stored: the disk was full or slow"),
}
"""By camera."""

WORKER_FIGURES: dict[str, Figure] = {
    "models_loaded": Figure("gauge", "models that the inference process has loaded"),
    "cameras_connected": Figure("gauge", "cameras that the inference process serves"),
    "queue_depth": Figure("gauge", "pictures that wait for a search"),
    "search_batches": Figure("counter", "calls of a model"),
    "searches_done": Figure("counter", "pictures searched"),
    "searches_superseded": Figure("counter", "pictures dropped for a newer one of their camera"),
    "searches_failed": Figure("counter", "pictures at which the model failed"),
    "search_usual_s": Figure("gauge", "median seconds of the last calls of the busiest model"),
}
"""By child process: numbers of its own, such as the depth of an inference process's queue."""
