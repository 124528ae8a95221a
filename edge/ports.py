"""What the pipeline needs from the world. Adapters implement these; `edge.bootstrap` puts them together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

from contract.camera_config import CameraConfig
from contract.event import Event, EventResult
from edge.types import Detections, Frame, Observation, RuleEvent, Track


class Clock(Protocol):
    """Time, injected so that tests need not wait."""

    def monotonic_s(self) -> float: ...

    def utc(self) -> datetime: ...

    def sleep(self, seconds: float) -> None: ...


class FrameSource(Protocol):
    """An opened camera or clip."""

    def frames(self) -> Iterator[Frame]:
        """Yield frames until the source ends.

        Raises:
            edge.errors.SourceError: The source failed; `permanent` tells whether to try again.
        """
        ...

    def close(self) -> None:
        """Free the source; `frames` then ends. May be called from another thread."""
        ...


class Detector(Protocol):
    """Finds objects in one picture or in several at once."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """Every class the model knows."""
        ...

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        """One `Detections` for each frame, in order, in pixels of that frame."""
        ...


class Searcher(Protocol):
    """Searches the frames of one camera."""

    def detect(self, frame: Frame) -> Detections | None:
        """Wait until a frame is searched; None: it was given up for a newer one, or because the detector is away."""
        ...

    @property
    def failing(self) -> bool:
        """No frame could be searched for a while; may be asked by another thread."""
        ...

    def figures(self) -> Mapping[str, float]:
        """Numbers by the names of `edge.metrics.CAMERA_FIGURES`; may be asked by another thread."""
        ...


class DetectorSource(Protocol):
    """The detectors that cameras name."""

    def worker_for(self, camera: CameraConfig) -> Searcher:
        """Who searches a camera's frames.

        Raises:
            edge.errors.ModelError: The model cannot be loaded, or does not know what the camera has to look for.
        """
        ...

    def parts_worker_for(self, camera: CameraConfig) -> Searcher | None:
        """Who searches a camera's frames for parts of objects; None where its own model does, or nobody asks for any.

        Raises:
            edge.errors.ModelError: As `worker_for`.
        """
        ...

    def plates_worker_for(self, camera: CameraConfig) -> Searcher | None:
        """Who searches pictures of a camera's vehicles for number plates; None where they are not read.

        Raises:
            edge.errors.ModelError: As `worker_for`.
        """
        ...

    def stop_loading(self) -> None:
        """Whoever waits for a model gives up with a `ModelError`, as the process stops; searches go on till `close`.

        May be called from any thread.
        """
        ...

    def close(self) -> None:
        """No more searches."""
        ...


class Tracker(Protocol):
    """Follows objects of one camera."""

    @property
    def waiting(self) -> bool:
        """Something was found once: a second look soon tells whether it is there."""
        ...

    def update(self, detections: Detections, frame: Frame) -> list[Track]:
        """Advance to the frame's time (real seconds, never frame counts) and match its detections."""
        ...

    def hold(self, monotonic_s: float) -> list[Track]:
        """The tracks at a time at which no detector ran (a gated frame): positions held, `detected=False`."""
        ...

    def reset(self) -> None:
        """Forget every track, but never reuse an id."""
        ...


class Rule(Protocol):
    """Pure code that turns the observations of one camera into events."""

    kind: str

    def observe(self, observation: Observation) -> list[RuleEvent]:
        """Take one observation, in order of time."""
        ...

    def finish(self, observation: Observation | None) -> list[RuleEvent]:
        """End every open event at the last observation: the camera stops looking."""
        ...


class Outbox(Protocol):
    """Events and media that the server has not confirmed yet. Survives a power cut."""

    def put(self, event: Event, media: Sequence[tuple[str, Path]]) -> None:
        """Store an event and its new media files (`(sha256, path)`) in one transaction."""
        ...

    def pending_events(self, limit: int) -> list[Event]: ...

    def settle(self, results: Sequence[EventResult]) -> None:
        """Delete what the server confirmed or refused for good."""
        ...
