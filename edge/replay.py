"""`langan-edge replay`: the whole edge path over a recorded clip, as fast as it can, with the clip's own timestamps."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import perf_counter
from typing import Protocol
from uuid import UUID

from contract.config_loader import LoadedCamera
from contract.event import Event
from contract.ids import uuid7_from_content
from contract.site_config import SiteConfig
from edge.bootstrap import make_evidence, make_pipeline, make_ring
from edge.capture.source_url import SourceAddress, SourceKind
from edge.capture.video_source import SourceSettings, VideoSource
from edge.clock import SystemClock
from edge.detection.load import load_detector, require_classes
from edge.detection.loaded import inference_threads
from edge.detection.manifest import load_manifest
from edge.errors import SourceNotFound
from edge.evidence.store import EvidenceFolder
from edge.parts import needed_classes, parts_model_of
from edge.pipeline import CameraPipeline, ObservationKeeper, PipelineCounts
from edge.types import Detections, Frame

UNLIMITED_BYTES = 1 << 60
_CHUNK = 1 << 20


class Watcher(Protocol):
    """Sees each frame after the pipeline did: draws a video of it."""

    def watch(self, frame: Frame, pipeline: CameraPipeline, events: Sequence[Event]) -> None: ...


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """What a replay did and how long it took."""

    counts: PipelineCounts
    wall_s: float
    decode_s: float
    """Reading, decoding and converting."""
    clip_s: float
    """From the first to the last frame."""


class _Sink:
    """Hands each revision on as it comes."""

    def __init__(self, on_event: Callable[[Event], None]) -> None:
        self._on_event = on_event
        self.open: dict[UUID, Event] = {}

    def put(self, event: Event, media: Sequence[tuple[str, Path]]) -> None:  # noqa: ARG002 - files stay in the folder
        if event.ended_at is None:
            self.open[event.event_id] = event
        else:
            self.open.pop(event.event_id, None)
        self._on_event(event)


def replay(
    loaded: LoadedCamera,
    site: SiteConfig,
    clip: Path,
    start: datetime,
    on_event: Callable[[Event], None],
    *,
    evidence_dir: Path | None = None,
    watcher: Watcher | None = None,
    keeper: ObservationKeeper | None = None,
) -> ReplayReport:
    """Run a clip through a camera's pipeline.

    The same clip, configuration and start give the same events, ids included.

    Args:
        loaded: The camera; the clip takes the place of its inputs.
        site: Its site.
        clip: A video file.
        start: Aware time of the first frame.
        on_event: Called with each revision, in order.
        evidence_dir: Where snapshots and clips go; None: none are kept, but events still refer to them.
        watcher: Sees every searched or gated frame.
        keeper: Gets every observation.

    Raises:
        SourceError: The clip cannot be read.
        ModelError: The detector cannot be loaded.
        ValueError: The configuration asks for what the scene lacks.
    """
    camera = loaded.config
    if not clip.is_file():
        raise SourceNotFound(f"{clip}: no such file: give the path of a recorded clip", permanent=True)
    with ExitStack() as stack:
        folder_path = evidence_dir or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="langan-replay-")))
        folder = EvidenceFolder(folder_path, UNLIMITED_BYTES)
        ring = make_ring(camera)
        sink = _Sink(on_event)
        parts_model = parts_model_of(camera)
        pipeline = make_pipeline(
            loaded,
            site,
            detect=_make_detect(camera.detect.model, needed_classes(camera)),
            detect_parts=None if parts_model is None else _make_detect(parts_model, camera.part_classes),
            evidence=make_evidence(camera, site, folder, ring),
            sink=sink,
            new_id=_id_maker(clip),
            keeper=keeper,
        )
        settings = SourceSettings(fps=camera.detect.fps, replay_start=start, privacy_masks=camera.privacy.masks)
        address = SourceAddress(SourceKind.FILE, str(clip.resolve()), str(clip))
        source = VideoSource(camera.camera.id, address, SystemClock(), settings, ring)
        return _play(source, pipeline, sink, watcher)


def _play(source: VideoSource, pipeline: CameraPipeline, sink: _Sink, watcher: Watcher | None) -> ReplayReport:
    started_s = perf_counter()
    decode_s = clip_s = 0.0
    frames = source.frames()
    first_s: float | None = None
    while True:
        before_s = perf_counter()
        frame = next(frames, None)
        decode_s += perf_counter() - before_s
        if frame is None:
            break
        first_s = frame.monotonic_s if first_s is None else first_s
        clip_s = frame.monotonic_s - first_s
        pipeline.process(frame)
        if watcher is not None:
            watcher.watch(frame, pipeline, list(sink.open.values()))
    counts = pipeline.counts
    pipeline.finish()
    return ReplayReport(counts, perf_counter() - started_s, decode_s, clip_s)


def _make_detect(model_id: str, needed: Sequence[str]) -> Callable[[Frame], Detections]:
    detector = load_detector(model_id, load_manifest(), threads=inference_threads())
    require_classes(model_id, detector.class_names, needed)
    return lambda frame: detector.detect([frame])[0]


def _id_maker(clip: Path) -> Callable[[datetime, str], UUID]:
    """Ids that depend on the clip's bytes too: two clips replayed with one start never share an id."""
    digest = hashlib.sha256()
    with clip.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    name = digest.hexdigest()
    return lambda at, content: uuid7_from_content(at, f"{name}|{content}")
