"""Makers of scenes, tracks and observations: a rule is tested by a list of observations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from contract.camera_config import CameraConfig
from contract.event import EventState
from contract.rules import RULES as CONTRACTS
from contract.site_config import SiteConfig
from edge.rules import Rule, build_offline_rule, build_rules
from edge.scene import Scene
from edge.types import Observation, RuleEvent, SignalState, Track, TrackId

ASPECT = 16 / 9
NOON = datetime(2026, 3, 2, 5, 0, tzinfo=UTC)
"""A Monday, 12:00 in Việt Nam."""
NIGHT = datetime(2026, 3, 2, 16, 0, tzinfo=UTC)
"""The same Monday, 23:00."""
STREAM_START_S = 1000.0

WHOLE = [[0, 0], [1, 0], [1, 1], [0, 1]]
LEFT = [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]
RIGHT = [[0.5, 0], [1, 0], [1, 1], [0.5, 1]]
CALIBRATION = {"image": [[0, 0], [1, 0], [1, 1], [0, 1]], "ground_m": [[0, 0], [40, 0], [40, 20], [0, 20]]}
"""Seen from straight above: 40 m wide, 20 m deep."""


def make_site(**extra: Any) -> SiteConfig:
    """A site with one village; `extra` are further keys of site.yaml."""
    return SiteConfig.model_validate(
        {
            "site": {"name": "Xã thử"},
            "places": [
                {"id": "xa", "kind": "commune", "name": "Xã thử"},
                {"id": "thon", "kind": "village", "name": "Thôn thử", "parent": "xa"},
            ],
            **extra,
        }
    )


def make_camera(rules: Iterable[Mapping[str, Any]] = (), camera_id: str = "cam", **extra: Any) -> CameraConfig:
    """A camera with the zones `trai` and `phai` (halves) and `het` (all), lanes that run to the right; and `extra`."""
    direction = [[0.1, 0.5], [0.9, 0.5]]
    return CameraConfig.model_validate(
        {
            "camera": {"id": camera_id, "name": "Máy thử", "village": "thon"},
            "inputs": [{"path": "clip.mp4"}],
            "zones": {
                "trai": {"name": "Trái", "kind": "lane", "coordinates": LEFT, "direction": direction},
                "phai": {"name": "Phải", "kind": "lane", "coordinates": RIGHT, "direction": direction},
                "het": {"name": "Hết", "kind": "lane", "coordinates": WHOLE, "direction": direction},
            },
            **extra,
            "rules": tuple(CONTRACTS[str(rule["kind"])].params.model_validate(rule) for rule in rules),
        }
    )


def make_rule(
    kind: str, *, camera: Mapping[str, Any] | None = None, site: Mapping[str, Any] | None = None, **params: Any
) -> Rule:
    """The one rule of a camera."""
    config = make_camera([{"kind": kind, **params}], **(camera or {}))
    scene = Scene.from_config(config, make_site(**(site or {})))
    silence = build_offline_rule(config, scene)
    rules = [*build_rules(config, scene), *([silence] if silence is not None else [])]
    (rule,) = (rule for rule in rules if rule.kind == kind)
    return rule


def person(track_id: int, x: float, y: float, height: float = 0.2, **extra: Any) -> Track:
    """A person who stands at a ground point."""
    return box(track_id, "person", x, y, width=0.4 * height / ASPECT, height=height, **extra)


def vehicle(track_id: int, x: float, y: float, class_name: str = "car", **extra: Any) -> Track:
    """A vehicle seen from the side, 0.24 picture heights long and 0.12 high, that stands at a ground point."""
    return box(track_id, class_name, x, y, width=0.24 / ASPECT, height=0.12, **extra)


def box(
    track_id: int,
    class_name: str,
    x: float,
    y: float,
    *,
    width: float,
    height: float,
    confidence: float = 0.8,
    detected: bool = True,
) -> Track:
    """A track by the bottom centre of its box."""
    return Track(
        track_id=TrackId(track_id),
        class_name=class_name,
        confidence=confidence,
        xyxy=(x - width / 2, y - height, x + width / 2, y),
        first_seen_s=0.0,
        last_seen_s=0.0,
        detected=detected,
    )


def crowd(count: int, x: float = 0.3, y: float = 0.6, first_id: int = 1) -> list[Track]:
    """People in rows of five, half a person's height apart."""
    return [person(first_id + i, x + 0.1 / ASPECT * (i % 5), y + 0.05 * (i // 5)) for i in range(count)]


def observation(
    at_s: float,
    tracks: Iterable[Track],
    *,
    start: datetime = NOON,
    camera_id: str = "cam",
    detected: bool = True,
    signals: Mapping[str, SignalState] | None = None,
) -> Observation:
    """What the rules see `at_s` seconds after the start."""
    return Observation(
        camera_id=camera_id,
        monotonic_s=STREAM_START_S + at_s,
        utc=start + timedelta(seconds=at_s),
        aspect=ASPECT,
        tracks=tuple(tracks),
        detected=detected,
        signals=signals or {},
    )


def watch(
    tracks_at: Callable[[float], Iterable[Track]],
    seconds: float,
    *,
    fps: float = 5.0,
    from_s: float = 0.0,
    **extra: Any,
) -> Iterator[Observation]:
    """Observations from `from_s` on, `fps` a second, with the tracks that a function gives for each time."""
    for index in range(round(seconds * fps) + 1):
        at_s = from_s + index / fps
        yield observation(at_s, tracks_at(at_s), **extra)


def run(rule: Rule, *parts: Iterable[Observation], finish: bool = True) -> list[RuleEvent]:
    """Show a rule observations, and end it."""
    events = [event for part in parts for seen in part for event in rule.observe(seen)]
    return events + (rule.finish(None) if finish else [])


def states(events: Iterable[RuleEvent]) -> list[str]:
    """What happened, without updates."""
    return [event.state.value for event in events if event.state is not EventState.UPDATE]


def raised_at_s(events: Iterable[RuleEvent]) -> list[float]:
    """Seconds after the start at which events were raised."""
    return [event.observed_s - STREAM_START_S for event in events if event.state is EventState.START]
