"""Rule events -> revisions of Event v1, with evidence.

    rule says     start ........ update ....... end
                    |               |            |
    revision        0               1            2            3
    evidence     snapshots      snapshots    snapshots    snapshots + clip
                                                              ^ once post_s has passed

The clip comes in a revision of its own: an `update` while the event lasts, or another `end` with the same `ended_at`.
Nothing waits for it, so a crash before it loses the clip and never the event. Each revision carries all evidence known
so far: the latest one tells the whole event.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from contract.camera_config import CameraConfig
from contract.event import Event, EventState, EvidenceRef, TrackPath
from contract.plates import PlateReading
from contract.rules import RULES
from edge.errors import EdgeError
from edge.sightings import Sightings
from edge.track_history import TrackHistory
from edge.types import Detections, Frame, Observation, RuleEvent

log = logging.getLogger(__name__)

MAX_PATHS = 32
MAX_OPEN_CLIPS = 64
MAX_CLIPS_IN_WRITING = 8
"""Each keeps its packets in memory. A box that writes clips more slowly than they come goes without some."""
CLIP_PATIENCE_S = 10.0
"""How long after `post_s` the recorded stream may lag behind before the clip is cut from what there is."""

CLIP_STOP_S = 8.0
"""How long a camera that stops waits for clips that are being written."""

EvidenceFile = tuple[EvidenceRef, Path]
ClipJob = Callable[[], EvidenceFile]
"""Writes a clip whose packets are already cut out; may take seconds where it must be encoded."""
ClipRunner = Callable[[ClipJob], "Future[EvidenceFile]"]
"""Runs such a job, somewhere else when live: a clip of one camera must not hold up another's frames."""
IdMaker = Callable[[datetime, str], UUID]
"""`(started_at, content)` to a UUIDv7: random when live, a digest of `content` in replays."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What one frame looked like: the rules' view, and the picture that evidence is drawn on."""

    frame: Frame
    observation: Observation
    detections: Detections
    """Of the last search, unfiltered: whoever may be in the picture is redacted."""
    sightings: Sightings | None = None
    """What the searches before leave open. None: only what was searched itself can be redacted in part."""
    view_before: NDArray[np.uint8] | None = None
    """(h, w, 3) uint8, BGR: the camera's view when it was well."""


class EvidenceMaker(Protocol):
    """Makes files that show an event. A failure is an EdgeError or an OSError; the event then goes without."""

    def snapshots(self, moment: Moment, event: RuleEvent, paths: Sequence[TrackPath]) -> list[EvidenceFile]:
        """A picture with what the rule saw, and its redacted copy."""
        ...

    def recorded_until_s(self) -> float | None:
        """Monotonic time up to which a clip can be cut; None: nothing is recorded."""
        ...

    def clip(self, start_s: float, end_s: float) -> ClipJob | None:
        """Cut this time out of what was recorded, at once; None when there is nothing of it."""
        ...


class EventSink(Protocol):
    """Where revisions go: an outbox, or a replay's printer."""

    def put(self, event: Event, media: Sequence[tuple[str, Path]]) -> None: ...


@dataclass(slots=True, eq=False)
class _Open:
    """An event that has not ended, or whose clip is still to come."""

    latest: Event
    clip_start_s: float
    clip_end_s: float
    clip_wanted: bool
    clip_job: Future[EvidenceFile] | None = None


def run_now(job: ClipJob) -> Future[EvidenceFile]:
    """Run a clip's job at once: replays keep the order of their revisions."""
    done: Future[EvidenceFile] = Future()
    try:
        done.set_result(job())
    except (EdgeError, OSError) as error:
        done.set_exception(error)
    return done


class Recorder:
    """Turns one camera's rule events into revisions, in order. Not thread-safe: a pipeline owns it.

    Args:
        camera: Whose events.
        config_version: Of the configuration that decides.
        sink: Takes every revision together with its new media.
        evidence: Makes snapshots and clips.
        new_id: Chooses event ids.
        run_clip: Writes clips.
    """

    def __init__(
        self,
        camera: CameraConfig,
        config_version: str,
        sink: EventSink,
        evidence: EvidenceMaker,
        new_id: IdMaker,
        run_clip: ClipRunner = run_now,
    ) -> None:
        self._camera = camera
        self._config_version = config_version
        self._sink = sink
        self._evidence = evidence
        self._new_id = new_id
        self._run_clip = run_clip
        self._started = 0
        self._counts: Counter[str] = Counter()
        self._open: dict[tuple[int, str], _Open] = {}
        self._ended: list[_Open] = []
        """Ended before their clip was ready."""
        self.history = TrackHistory()

    @property
    def open_events(self) -> int:
        """Events that have started and not ended."""
        return len(self._open)

    def figures(self) -> dict[str, float]:
        """By the names of `edge.metrics`; may be asked by another thread."""
        return {name: self._counts[name] for name in ("events_started", "clips_written", "clips_missed")}

    def adopt(self, rule_index: int, key: str, latest: Event) -> None:
        """Go on with an event that somebody else began: the next word on it is its next revision."""
        self._open[(rule_index, key)] = _Open(latest, 0.0, 0.0, clip_wanted=False)

    def latest(self, rule_index: int, key: str) -> Event | None:
        """The last revision of an event that has not ended."""
        known = self._open.get((rule_index, key))
        return None if known is None else known.latest

    def record(self, rule_index: int, rule_event: RuleEvent, moment: Moment | None) -> None:
        """Write what a rule said as the next revision of its event.

        Args:
            rule_index: Which of the camera's rules; with the rule event's key it tells which event is meant.
            rule_event: What it said.
            moment: The frame at which it said so; None when the camera stops looking, and only ends come.
        """
        key = (rule_index, rule_event.key)
        known = self._open.get(key)
        if known is None and rule_event.state is not EventState.START:
            log.error(
                "rule_event_without_start camera=%s kind=%s key=%r state=%s",
                self._camera.camera.id, rule_event.kind, rule_event.key, rule_event.state,
            )  # fmt: skip
            return
        if known is None:
            self._start(key, rule_event, moment)
        elif rule_event.state is EventState.END:
            self._put(known, self._revision(rule_event, known.latest, EventState.END), [])
            del self._open[key]
            if known.clip_wanted or known.clip_job is not None:
                self._ended.append(known)
        else:
            self._put(known, self._revision(rule_event, known.latest, EventState.UPDATE), [])

    def tell_plate(self, rule_index: int, key: str, plate: PlateReading) -> None:
        """Add the vehicle's number plate to an event that has not ended, if it is surer than what is known."""
        known = self._open.get((rule_index, key))
        if known is None:
            return
        before = known.latest.plate
        if before is None or plate.confidence > before.confidence:
            self._put(known, _next_revision(known.latest, state=EventState.UPDATE, plate=plate), [])

    def cut_due_clips(self, now_s: float) -> None:
        """Cut each clip whose post-roll has been recorded by now, and tell those that are written."""
        recorded_s = self._evidence.recorded_until_s()
        for item in self._waiting_for_clip():
            if self._clips_in_writing() >= MAX_CLIPS_IN_WRITING:
                break
            late = now_s >= item.clip_end_s + CLIP_PATIENCE_S
            if late or (now_s >= item.clip_end_s and recorded_s is not None and recorded_s >= item.clip_end_s):
                self._cut_clip(item)
        self._tell_written_clips()

    def cut_all_clips(self) -> None:
        """Cut every clip now, from what has been recorded: the stream ended."""
        for item in self._waiting_for_clip():
            self._cut_clip(item)
        self._tell_written_clips()

    def finish_clips(self) -> None:
        """Cut every clip now and wait until they are written: the camera stops."""
        self.cut_all_clips()
        jobs = [item.clip_job for item in (*self._ended, *self._open.values()) if item.clip_job is not None]
        wait(jobs, CLIP_STOP_S)
        self._tell_written_clips()
        self._ended.clear()  # a clip that is not written by now is given up; its event was told long ago

    def _waiting_for_clip(self) -> list[_Open]:
        return [item for item in (*self._ended, *self._open.values()) if item.clip_wanted]

    def _clips_in_writing(self) -> int:
        jobs = (item.clip_job for item in (*self._ended, *self._open.values()))
        return sum(job is not None and not job.done() for job in jobs)

    def _start(self, key: tuple[int, str], rule_event: RuleEvent, moment: Moment | None) -> None:
        files = self._snapshots(rule_event, moment) if moment is not None and self._camera.evidence.snapshot else []
        event = self._first_revision(key, rule_event, tuple(ref for ref, _ in files))
        item = _Open(
            latest=event,
            clip_start_s=rule_event.observed_s - self._camera.evidence.pre_s,
            clip_end_s=rule_event.observed_s + self._camera.evidence.post_s,
            clip_wanted=self._camera.evidence.clip and len(self._waiting_for_clip()) < MAX_OPEN_CLIPS,
        )
        self._open[key] = item
        self._counts["events_started"] += 1
        self._put(item, event, files)
        if item.clip_wanted and RULES[event.kind].clip_back_s is not None:
            self._cut_beginning(item, rule_event)

    def _first_revision(self, key: tuple[int, str], rule_event: RuleEvent, evidence: tuple[EvidenceRef, ...]) -> Event:
        identity = self._camera.camera
        content = "|".join(
            [identity.id, self._config_version, str(self._started), str(key[0]), rule_event.kind, key[1]]
        )
        self._started += 1
        return Event(
            event_id=self._new_id(rule_event.started_utc, content),
            revision=0,
            kind=rule_event.kind,
            camera_id=identity.id,
            village=identity.village,
            spot=self._camera.spot,
            zone=rule_event.zone,
            state=EventState.START,
            started_at=rule_event.started_utc,
            observed_at=max(rule_event.observed_utc, rule_event.started_utc),
            confidence=rule_event.confidence,
            facts=rule_event.facts,
            paths=self._paths(rule_event),
            evidence=evidence,
            config_version=self._config_version,
        )

    def _revision(self, rule_event: RuleEvent, latest: Event, state: EventState) -> Event:
        # The clock of the world may be set back while an event lasts; an event never ends before it began.
        observed_at = max(rule_event.observed_utc, latest.started_at)
        return _next_revision(
            latest,
            state=state,
            zone=rule_event.zone,
            observed_at=observed_at,
            ended_at=observed_at if state is EventState.END else None,
            confidence=rule_event.confidence,
            facts=rule_event.facts,
            paths=self._paths(rule_event) or latest.paths,
        )

    def _paths(self, rule_event: RuleEvent) -> tuple[TrackPath, ...]:
        found = (self.history.path(track_id, rule_event.started_s) for track_id in rule_event.track_ids[:MAX_PATHS])
        return tuple(path for path in found if path is not None)

    def _put(self, item: _Open, event: Event, files: Sequence[EvidenceFile]) -> None:
        item.latest = event
        try:
            self._sink.put(event, [(ref.sha256, path) for ref, path in files])
        except EdgeError as error:  # the camera goes on: its next events may find room again
            log.critical(
                "event_lost camera=%s event_id=%s revision=%d kind=%s cause=%r",
                event.camera_id, event.event_id, event.revision, event.kind, str(error),
            )  # fmt: skip
            return
        log.info(
            "event camera=%s kind=%s zone=%s state=%s event_id=%s revision=%d evidence=%d",
            event.camera_id, event.kind, event.zone, event.state, event.event_id, event.revision, len(event.evidence),
        )  # fmt: skip

    def _snapshots(self, rule_event: RuleEvent, moment: Moment) -> list[EvidenceFile]:
        try:
            files = self._evidence.snapshots(moment, rule_event, self._paths(rule_event))
        except (EdgeError, OSError) as error:
            self._log_failure("snapshot", rule_event.kind, error)
            return []
        return files

    def _cut_clip(self, item: _Open) -> None:
        """Try once: a clip that cannot be cut now will not be there later either."""
        item.clip_wanted = False
        job = self._evidence.clip(item.clip_start_s, item.clip_end_s)
        if job is not None:
            item.clip_job = self._run_clip(job)
            return
        self._counts["clips_missed"] += 1
        log.warning("no_clip camera=%s event_id=%s cause='not recorded'", self._camera.camera.id, item.latest.event_id)
        if item in self._ended:
            self._ended.remove(item)

    def _cut_beginning(self, item: _Open, rule_event: RuleEvent) -> None:
        """Cut the clip around the event's start; if that is recorded no more, the one around the report comes later."""
        if self._clips_in_writing() < MAX_CLIPS_IN_WRITING:
            evidence, started_s = self._camera.evidence, rule_event.started_s
            job = self._evidence.clip(started_s - evidence.pre_s, started_s + evidence.post_s)
            if job is not None:
                item.clip_wanted = False
                item.clip_job = self._run_clip(job)

    def _tell_written_clips(self) -> None:
        for item in (*self._ended, *self._open.values()):
            if item.clip_job is not None and item.clip_job.done():
                self._tell_clip(item, item.clip_job)
                item.clip_job = None
                if item in self._ended:
                    self._ended.remove(item)

    def _tell_clip(self, item: _Open, job: Future[EvidenceFile]) -> None:
        if job.cancelled():  # the process stops
            return
        error = job.exception()
        self._counts["clips_written" if error is None else "clips_missed"] += 1
        if error is not None:  # whatever it is: a clip is never worth the camera's pipeline
            self._log_failure("clip", item.latest.kind, error)
            return
        file, latest = job.result(), item.latest
        state = EventState.END if latest.state is EventState.END else EventState.UPDATE
        self._put(item, _next_revision(latest, state=state, evidence=(*latest.evidence, file[0])), [file])

    def _log_failure(self, what: str, kind: str, error: BaseException) -> None:
        is_defect = not isinstance(error, (EdgeError, OSError))
        log.error(
            "evidence_failed camera=%s kind=%s what=%s cause=%r",
            self._camera.camera.id, kind, what, str(error), exc_info=error if is_defect else None,
        )  # fmt: skip


def _next_revision(latest: Event, **changes: object) -> Event:
    """The same event one revision on, checked against the contract."""
    return Event.model_validate({**dict(latest), "revision": latest.revision + 1, **changes})


def end_orphans(orphans: Iterable[Event], sink: EventSink) -> int:
    """End what a killed process left open, at the moment it was last seen; return how many events that were.

    Args:
        orphans: The last revision of each.
        sink: Takes their ends.

    Raises:
        DiskFull: As `EventSink.put`.
    """
    count = 0
    for event in orphans:
        sink.put(_next_revision(event, state=EventState.END, ended_at=event.observed_at), [])
        log.warning("orphan_ended camera=%s kind=%s event_id=%s", event.camera_id, event.kind, event.event_id)
        count += 1
    return count
