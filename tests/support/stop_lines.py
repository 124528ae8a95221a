"""What the tests of `red_light` and `stop_line` share: one line and one light across the middle of the picture.

Seen from straight above, 40 m of road over the picture's width; vehicles drive to the right, over the line at x = 0.5.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from edge.types import Observation, SignalState, Track
from tests.support.scenes import CALIBRATION, box, make_rule, observation

RED, YELLOW, GREEN, UNKNOWN = SignalState.RED, SignalState.YELLOW, SignalState.GREEN, SignalState.UNKNOWN
ROAD_M = 40.0
HALF_LENGTH_M = 0.95
"""Of a motorbike: its front is so far before its box's middle."""


def line_camera(into: str, **sections: Any) -> dict[str, Any]:
    """The sections of a camera with a line into a zone and a light, without metres."""
    line = {"name": "Vạch dừng", "coordinates": [[0.5, 0.2], [0.5, 0.9]], "into": into}
    light = {"kind": "plan", "phases": [["red", 30], ["green", 30]]}
    return {"lines": {"vach": line}, "signals": {"den": light}, **sections}


def with_metres(camera: dict[str, Any]) -> dict[str, Any]:
    """The same camera, calibrated."""
    return {**camera, "calibration": CALIBRATION}


def line_rule(kind: str, camera: dict[str, Any], **extra: Any) -> Any:
    """A rule about the line and the light."""
    return make_rule(**{"kind": kind, "line": "vach", "signal": "den", **extra}, camera=camera)


def motorbike_at(past_m: float, y: float = 0.5, track_id: int = 1) -> list[Track]:
    """A motorbike whose front is so far past the line, while it is whole in the picture."""
    x = 0.5 + (past_m - HALF_LENGTH_M) / ROAD_M
    return [box(track_id, "motorcycle", x, y, width=0.05, height=0.08)] if 0.04 < x < 0.96 else []


def seen(
    tracks_at: Callable[[float], Iterable[Track]],
    signal_at: Callable[[float], SignalState],
    seconds: float,
    *,
    fps: float = 5.0,
    **extra: Any,
) -> Iterator[Observation]:
    """What the camera sees, and what the light shows, from second 0 on."""
    for index in range(round(seconds * fps) + 1):
        at_s = index / fps
        yield observation(at_s, tracks_at(at_s), signals={"den": signal_at(at_s)}, **extra)


def red_from(second: float, *, yellow_s: float = 3.0) -> Callable[[float], SignalState]:
    """Green, then yellow, red from a second on."""
    return lambda at_s: RED if at_s >= second else YELLOW if at_s >= second - yellow_s else GREEN


def red_until(second: float) -> Callable[[float], SignalState]:
    """Red, green from a second on."""
    return lambda at_s: RED if at_s < second else GREEN
