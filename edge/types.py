"""The values that travel through the edge: frames, detections, tracks, observations, rule events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NewType, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from contract.event import EventState
from contract.geometry import Point
from contract.rules import RuleFacts

TrackId = NewType("TrackId", int)
"""Counts up from 1 within one camera; never shared between cameras."""


class Picture(Protocol):
    """What a camera saw at one moment. Converted only when somebody looks: most pictures of a quiet scene are not.

    Every array is the picture's own and may be handed out again: callers do not write into it.
    """

    @property
    def resolution_wh(self) -> tuple[int, int]:
        """Width and height in pixels."""
        ...

    def bgr(self) -> NDArray[np.uint8]:
        """(H, W, 3) uint8, BGR, the whole picture."""
        ...

    def luma(self) -> NDArray[np.uint8]:
        """(H, W) uint8, brightness: free where the camera's codec carries it."""
        ...

    def resized(self, width: int, height: int) -> NDArray[np.uint8]:
        """(height, width, 3) uint8, BGR: what a model looks at."""
        ...


@runtime_checkable
class Croppable(Protocol):
    """A picture of which a part can be had for less than the whole."""

    def crop(self, left: int, top: int, right: int, bottom: int) -> NDArray[np.uint8]:
        """(bottom - top, right - left, 3) uint8, BGR: a part inside the picture, in pixels. Not to be written into."""
        ...


@runtime_checkable
class Scalable(Protocol):
    """A picture that can be had in another size without a trace: nothing of it is kept for who looks next."""

    def scaled(self, width: int, height: int) -> NDArray[np.uint8]:
        """(height, width, 3) uint8, BGR. Any thread."""
        ...


@dataclass(frozen=True, slots=True)
class Frame:
    """One decoded picture of a camera."""

    camera_id: str
    picture: Picture
    monotonic_s: float
    """Stream time on the monotonic clock: what durations are measured with."""
    utc: datetime
    sequence: int
    """Counts the frames that the source gave, dropped ones included."""

    @property
    def image(self) -> NDArray[np.uint8]:
        """(H, W, 3) uint8, BGR; not to be written into."""
        return self.picture.bgr()

    @property
    def resolution_wh(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.picture.resolution_wh


@dataclass(frozen=True, slots=True)
class Detections:
    """Parallel arrays of what a detector found in one frame.

    Attributes:
        xyxy: (N, 4) float32, pixels of the frame, inside the picture.
        confidence: (N,) float32 in [0, 1].
        class_name: N class names, as in COCO.

    Raises:
        ValueError: The arrays' lengths or shapes disagree.
    """

    xyxy: NDArray[np.float32]
    confidence: NDArray[np.float32]
    class_name: tuple[str, ...]

    def __post_init__(self) -> None:
        count = len(self.class_name)
        if self.xyxy.shape != (count, 4):
            raise ValueError(f"xyxy: expected shape ({count}, 4), got {self.xyxy.shape}")
        if self.confidence.shape != (count,):
            raise ValueError(f"confidence: expected shape ({count},), got {self.confidence.shape}")

    def __len__(self) -> int:
        return len(self.class_name)

    @classmethod
    def empty(cls) -> Detections:
        """No detection."""
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), ())


@dataclass(frozen=True, slots=True)
class Sighting:
    """A detection of the past."""

    monotonic_s: float
    xyxy: tuple[float, float, float, float]
    """Normalised [0, 1]."""


@dataclass(frozen=True, slots=True)
class Track:
    """One object followed through frames, as the rules see it now."""

    track_id: TrackId
    class_name: str
    confidence: float
    xyxy: tuple[float, float, float, float]
    """Normalised [0, 1], as configuration and wire."""
    first_seen_s: float
    last_seen_s: float
    """Monotonic seconds of the first and the last real detection."""
    detected: bool = True
    """False: not detected in this frame (gated, or a short miss); the box is the last or a predicted one."""
    found: tuple[float, float, float, float] | None = None
    """The detector's own box in this frame, as `xyxy`, which is smoothed over time and lags behind what sets off; None
    where it was not detected."""
    before: tuple[Sighting, ...] = ()
    """Its detections before it was known to be somebody, in order of time: told once, when it is reported first."""

    @property
    def ground(self) -> Point:
        """Ground contact: bottom centre of the box, normalised."""
        x1, _, x2, y2 = self.xyxy
        return ((x1 + x2) / 2.0, y2)

    @property
    def width(self) -> float:
        """Share of the picture's width."""
        return self.xyxy[2] - self.xyxy[0]

    @property
    def height(self) -> float:
        """Share of the picture's height."""
        return self.xyxy[3] - self.xyxy[1]


class SignalState(StrEnum):
    """What a traffic light shows. Unknown is not red."""

    RED = "red"
    YELLOW = "yellow"
    GREEN = "green"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ViewReading:
    """A camera's picture against the view that it should have."""

    detail: float
    """Mean difference between neighbouring points of the small picture, in grey levels."""
    detail_reference: float
    sharpness: float
    """Fine detail divided by coarse detail."""
    sharpness_reference: float
    match: float
    """Share of the picture's blocks with fixed edges in which these are found in their place."""
    match_reference: float
    layout: float
    """Correlation of light and dark over the picture with the reference's, in [-1, 1]."""
    in_place: float = 1.0
    """Correlation of all edges with the reference's where they belong."""
    elsewhere: float = 0.0
    """The best one anywhere else: above `in_place` where the camera was turned."""


@dataclass(frozen=True, slots=True)
class Part:
    """A detection that is nothing to follow by itself, but tells of an object that is: a helmet, a bare head."""

    class_name: str
    """One of `contract.rules.base.PART_CLASSES`."""
    confidence: float
    xyxy: tuple[float, float, float, float]
    """Normalised [0, 1]."""


@dataclass(frozen=True, slots=True)
class StaticRegion:
    """A place of the picture that changed for good, whatever it is: found without a detector's classes."""

    region_id: int
    """Counts up from 1 within one camera; one region keeps its id while it lasts."""
    xyxy: tuple[float, float, float, float]
    """Normalised [0, 1]."""
    area: float
    """Share of the picture that changed: at most the box's."""
    appeared_s: float
    """Monotonic seconds at which the change was first seen: what owners are looked for at."""
    last_seen_s: float
    """Monotonic seconds at which it was last sure to be there."""
    is_hole: bool = False
    """True: something that belonged to the background was taken away, and nothing was put there."""

    @property
    def ground(self) -> Point:
        """Ground contact: bottom centre of the box, normalised."""
        x1, _, x2, y2 = self.xyxy
        return ((x1 + x2) / 2.0, y2)


@dataclass(frozen=True, slots=True)
class Observation:
    """Everything the rules see of one frame. The fixed scene is given to a rule when it is built."""

    camera_id: str
    monotonic_s: float
    utc: datetime
    aspect: float
    """Width of the picture divided by its height."""
    tracks: tuple[Track, ...]
    detected: bool = True
    """False: the motion gate found nothing new and no detector ran; tracks are those of the last search."""
    signals: Mapping[str, SignalState] = field(default_factory=dict)
    view: ViewReading | None = None
    """About once a second; None between, and as long as the view is not known."""
    static_regions: tuple[StaticRegion, ...] = ()
    """All that there are now; empty where no rule of the camera asks for them."""
    parts: tuple[Part, ...] = ()
    """Of this frame's search; empty where the model knows none."""


@dataclass(frozen=True, slots=True)
class RuleEvent:
    """What a rule says: the start, an update or the end of something. Ids and evidence are added outside."""

    kind: str
    key: str
    """Tells a rule's simultaneous events apart (a zone, a track); stable from start to end."""
    state: EventState
    zone: str | None
    started_s: float
    started_utc: datetime
    observed_s: float
    observed_utc: datetime
    confidence: float
    facts: RuleFacts
    track_ids: tuple[TrackId, ...] = ()
    """Whom it is about: their paths and boxes become evidence."""
