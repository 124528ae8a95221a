"""Watches every camera for silence, from the main process: whatever stops a camera's frames, it does not stop this.

It sees a camera that never answered, a worker that died or hangs, and a pipeline that has given a camera up. It is
asked with what the workers report each second; a box that is off altogether is the server's to notice.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from contract.camera_config import EvidenceConfig
from contract.config_loader import LoadedCamera
from contract.event import CameraHealth, CameraStatus, Event
from contract.rules.camera_offline import CameraOfflineFacts
from contract.site_config import SiteConfig
from edge.no_evidence import NoEvidence
from edge.ports import Clock
from edge.recorder import EventSink, IdMaker, Recorder
from edge.rules import CameraOfflineRule, build_offline_rule
from edge.scene import Scene

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
_KIND = CameraOfflineRule.kind
_KEY = f"{_KIND}:silence"
_NOT_WATCHED = (CameraHealth.ENDED, CameraHealth.DISABLED)
_NO_EVIDENCE = EvidenceConfig(snapshot=False, clip=False)


def _is_watched(loaded: LoadedCamera) -> bool:
    return loaded.config.camera.enabled and any(rule.kind == _KIND for rule in loaded.config.camera_rules)


@dataclass(slots=True)
class _Watched:
    """One camera."""

    version: str
    rule: CameraOfflineRule
    recorder: Recorder
    last_frame_at: datetime | None = None
    """As reported last."""


class OfflineWatch:
    """Raises and ends `camera_offline` for every camera. One thread uses it.

    Args:
        sink: Takes the events.
        clock: Time.
        new_id: Chooses event ids.
    """

    def __init__(self, sink: EventSink, clock: Clock, new_id: IdMaker) -> None:
        self._sink = sink
        self._clock = clock
        self._new_id = new_id
        self._watched: dict[str, _Watched] = {}
        self._left_open: dict[str, Event] = {}
        self._looked_s = float("-inf")

    def adopt(self, open_events: Iterable[Event], cameras: Mapping[str, LoadedCamera]) -> list[Event]:
        """Take over the silences that a killed process left open: an outage that outlives the edge is one event.

        Returns:
            The events that are not taken over.
        """
        others = []
        for event in open_events:
            loaded = cameras.get(event.camera_id)
            watched = loaded is not None and _is_watched(loaded)
            if event.kind == _KIND and watched and event.camera_id not in self._left_open:
                self._left_open[event.camera_id] = event
            else:
                others.append(event)
        return others

    def look(
        self, site: SiteConfig, cameras: Mapping[str, LoadedCamera], statuses: Callable[[], Sequence[CameraStatus]]
    ) -> None:
        """Tell what follows from the cameras' reports; done at most once a second.

        Args:
            site: The site, for schedules.
            cameras: What is in force.
            statuses: Asked how every camera is.
        """
        now_s, now = self._clock.monotonic_s(), self._clock.utc()
        if 0.0 <= now_s - self._looked_s < LOOK_EVERY_S - 0.05:
            return
        self._looked_s = now_s
        reports = {status.camera_id: status for status in statuses() if status.health not in _NOT_WATCHED}
        for camera_id in self._watched.keys() - (reports.keys() & cameras.keys()):
            self._end(self._watched.pop(camera_id))
        for camera_id, status in reports.items():
            item = self._watched_camera(camera_id, cameras, site, now_s)
            if item is None:
                continue
            came = status.last_frame_at is not None and status.last_frame_at != item.last_frame_at
            item.last_frame_at = status.last_frame_at
            for event in item.rule.look(now_s, now, status.last_frame_at if came else None):
                item.recorder.record(0, event, None)

    def finish(self) -> None:
        """The edge stops: end every event. A camera that is silent at the next start is told of again."""
        for item in self._watched.values():
            self._end(item)
        self._watched.clear()

    def _watched_camera(
        self, camera_id: str, cameras: Mapping[str, LoadedCamera], site: SiteConfig, now_s: float
    ) -> _Watched | None:
        loaded = cameras.get(camera_id)
        known = self._watched.get(camera_id)
        if loaded is None:
            return None
        if known is not None and known.version == loaded.version:
            return known
        rule = build_offline_rule(loaded.config, Scene.from_config(loaded.config, site))
        if rule is None:
            if known is not None:
                self._end(self._watched.pop(camera_id))
            return None
        # A changed camera is opened anew: it has its grace again, but an open outage goes on.
        left_open = self._left_open.pop(camera_id, None) if known is None else known.recorder.latest(0, _KEY)
        config = loaded.config.model_copy(update={"evidence": _NO_EVIDENCE})
        recorder = Recorder(config, loaded.version, self._sink, NoEvidence(), self._new_id)
        item = self._watched[camera_id] = _Watched(loaded.version, rule, recorder)
        if known is not None:
            item.last_frame_at = known.last_frame_at
        if left_open is not None and isinstance(left_open.facts, CameraOfflineFacts):
            recorder.adopt(0, _KEY, left_open)
            rule.resume(left_open.facts, left_open.started_at, now_s)
            log.info("outage_goes_on camera=%s event_id=%s", camera_id, left_open.event_id)
        return item

    @staticmethod
    def _end(item: _Watched) -> None:
        for event in item.rule.finish(None):
            item.recorder.record(0, event, None)
