"""A frame's way from the camera to the rules.

    frame --> motion gate --search--> detect --> filter --> track --> parts --+--> observation --> rules --> recorder
                   `------quiet-----> tracks held ----------------------------'

Privacy masks are burned in before a frame comes here. A gated frame still reaches the rules, marked as not searched, so
that times of stay go on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter, thread_time
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from contract.camera_config import CameraConfig
from contract.event import EventState
from contract.plates import PlateReading
from edge.attention import Attention
from edge.ports import Rule, Tracker
from edge.recorder import Moment, Recorder
from edge.scene import Scene
from edge.sightings import Sightings
from edge.types import Detections, Frame, Observation, Part, RuleEvent, SignalState, StaticRegion, Track, ViewReading

log = logging.getLogger(__name__)


class Gate(Protocol):
    """Decides whether a frame is worth a search."""

    def should_search(self, frame: Frame, tracks: Sequence[Track], *, waiting: bool = False) -> bool: ...

    def may_rest(self, monotonic_s: float, tracks: Sequence[Track], *, waiting: bool = False) -> bool: ...

    def woken(self, monotonic_s: float) -> None: ...

    def reset(self) -> None: ...


class ObservationKeeper(Protocol):
    """Stores what the rules saw: `edge.observations.log`."""

    def add(self, observation: Observation) -> None: ...

    def finish(self) -> None: ...


class Signals(Protocol):
    """Tells what the camera's traffic lights show: `edge.signals.reader.SignalReader`."""

    def read(self, frame: Frame) -> Mapping[str, SignalState]: ...


class Plates(Protocol):
    """Reads the number plates of vehicles that an event is about: `edge.plates.watch`."""

    def look(self, frame: Frame, tracks: Sequence[Track]) -> None:
        """Keep good pictures of the vehicles, in memory."""
        ...

    def read(self, event: RuleEvent) -> PlateReading | None:
        """The plate of the vehicle that an event is about, where the event is such a one."""
        ...

    def forget(self) -> None:
        """Drop every picture."""
        ...


class View(Protocol):
    """Compares the picture with the view that the camera should have: `edge.health.view`."""

    def look(self, frame: Frame) -> ViewReading | None: ...

    @property
    def before(self) -> NDArray[np.uint8] | None: ...


class Background(Protocol):
    """Finds places that changed for good: `edge.background.static_regions`."""

    def look(
        self, frame: Frame, tracks: Sequence[Track], view: ViewReading | None = None
    ) -> tuple[StaticRegion, ...]: ...

    def interrupted(self) -> None: ...

    def reset(self) -> None: ...


@dataclass(slots=True)
class PipelineCounts:
    """What a pipeline has done, and the seconds that its stages took."""

    frames: int = 0
    gated: int = 0
    searched: int = 0
    gate_s: float = 0.0
    detect_s: float = 0.0
    track_s: float = 0.0
    decide_s: float = 0.0
    """Rules and evidence."""
    gate_cpu_s: float = 0.0
    """The same, but only what this thread's CPU did: waiting for the detector costs nothing."""
    detect_cpu_s: float = 0.0
    track_cpu_s: float = 0.0
    decide_cpu_s: float = 0.0


class CameraPipeline:
    """One camera's frames become observations, and its rules' words become events. One thread uses it.

    Args:
        camera: The configuration.
        scene: Resolved from it.
        make_rules: Fresh rules, without memory.
        gate: Decides which frames are searched.
        detect: Searches a frame; None when the detector stops.
        keep: Drops detections that the configuration does not want.
        tracker: Follows what is left.
        recorder: Writes events.
        find_parts: What a searched frame shows of parts of its objects, given what was found in it and the tracks.
        on_search: Called for each searched frame.
        attention: Told after each frame whether keyframes are enough for now.
        view: Looks whether somebody tampers with the camera; None: nobody wants to know.
        background: Finds new static regions; None: no rule of the camera asks for them.
        signals: Reads the traffic lights; None: only those with a fixed plan are known.
        keeper: Stores every observation; None: they are not stored.
        plates: Reads number plates; None: they are not read.
    """

    def __init__(
        self,
        *,
        camera: CameraConfig,
        scene: Scene,
        make_rules: Callable[[], Sequence[Rule]],
        gate: Gate,
        detect: Callable[[Frame], Detections | None],
        keep: Callable[[Detections, tuple[int, int]], Detections],
        tracker: Tracker,
        recorder: Recorder,
        find_parts: Callable[[Frame, Detections, Sequence[Track]], Sequence[Part]] = lambda _frame, _found, _tracks: (),
        on_search: Callable[[], None] = lambda: None,
        attention: Attention | None = None,
        view: View | None = None,
        background: Background | None = None,
        signals: Signals | None = None,
        keeper: ObservationKeeper | None = None,
        plates: Plates | None = None,
    ) -> None:
        self.counts = PipelineCounts()
        self._camera_id = camera.camera.id
        self._scene = scene
        self._make_rules = make_rules
        self._rules = make_rules()
        self._gate = gate
        self._detect = detect
        self._keep = keep
        self._tracker = tracker
        self._recorder = recorder
        self._find_parts = find_parts
        self._on_search = on_search
        self._attention = attention
        self._view = view
        self._background = background
        self._signals = signals
        self._keeper = keeper
        self._plates = plates
        self._rests = False
        self._tracks: Sequence[Track] = ()
        self._detections = Detections.empty()
        self._sightings = Sightings()
        self._observation: Observation | None = None

    @property
    def last_moment(self) -> tuple[Observation | None, Detections]:
        """The latest observation, and the detections of the last search: for drawing."""
        return self._observation, self._detections

    def figures(self) -> Mapping[str, float]:
        """By the names of `edge.metrics`; may be asked by another thread."""
        counts = self.counts
        return {
            "frames_gated": counts.gated,
            "frames_searched": counts.searched,
            "gate_cpu_s": counts.gate_cpu_s,
            "detect_cpu_s": counts.detect_cpu_s,
            "track_cpu_s": counts.track_cpu_s,
            "decide_cpu_s": counts.decide_cpu_s,
            **self._recorder.figures(),
        }

    def process(self, frame: Frame) -> None:
        """Take the next frame, in order of time."""
        self.counts.frames += 1
        started, started_cpu = perf_counter(), thread_time()
        if self._rests and self._attention is not None and not self._attention.idle:
            self._gate.woken(frame.monotonic_s)
        wanted = self._gate.should_search(frame, self._tracks, waiting=self._tracker.waiting)
        gated, gated_cpu = perf_counter(), thread_time()
        self.counts.gate_s += gated - started
        self.counts.gate_cpu_s += gated_cpu - started_cpu
        detections = self._detect(frame) if wanted else None
        searched, searched_cpu = perf_counter(), thread_time()
        self.counts.detect_s += searched - gated
        self.counts.detect_cpu_s += searched_cpu - gated_cpu
        if detections is None:
            self.counts.gated += not wanted
            if wanted:
                self._sightings.missed(frame.monotonic_s)
            self._tracks = self._tracker.hold(frame.monotonic_s)
        else:
            self.counts.searched += 1
            self._on_search()
            self._detections = detections
            self._sightings.searched(frame.monotonic_s, detections)
            self._tracks = self._tracker.update(self._keep(detections, frame.resolution_wh), frame)
        tracked, tracked_cpu = perf_counter(), thread_time()
        self.counts.track_s += tracked - searched
        self.counts.track_cpu_s += tracked_cpu - searched_cpu
        if self._plates is not None:
            self._plates.look(frame, self._tracks)
        parts = () if detections is None else self._find_parts(frame, detections, self._tracks)
        parted, parted_cpu = perf_counter(), thread_time()
        self.counts.detect_s += parted - tracked
        self.counts.detect_cpu_s += parted_cpu - tracked_cpu
        self._rest_if(self._gate.may_rest(frame.monotonic_s, self._tracks, waiting=self._tracker.waiting))
        self._decide(frame, parts, was_searched=detections is not None)
        self.counts.decide_s += perf_counter() - parted
        self.counts.decide_cpu_s += thread_time() - parted_cpu

    def _rest_if(self, rests: bool) -> None:
        self._rests = rests
        if self._attention is not None:
            self._attention.set_idle(rests)

    def _decide(self, frame: Frame, parts: Sequence[Part], *, was_searched: bool) -> None:
        width, height = frame.resolution_wh
        view = self._view.look(frame) if self._view is not None else None
        observation = Observation(
            camera_id=self._camera_id,
            monotonic_s=frame.monotonic_s,
            utc=frame.utc,
            aspect=width / height,
            tracks=tuple(self._tracks),
            detected=was_searched,
            signals=self._signals.read(frame) if self._signals is not None else self._scene.signals_at(frame.utc),
            view=view,
            static_regions=self._background.look(frame, self._tracks, view) if self._background is not None else (),
            parts=tuple(parts),
        )
        self._observation = observation
        self._recorder.history.observe(observation)
        moment = Moment(
            frame, observation, self._detections, self._sightings, self._view.before if self._view is not None else None
        )
        for index, rule in enumerate(self._rules):
            for rule_event in rule.observe(observation):
                if rule_event.state is EventState.END:  # its last revision carries what is known
                    self._read_plate(index, rule_event)
                self._recorder.record(index, rule_event, moment)
                if rule_event.state is EventState.START:  # an alert does not wait for it
                    self._read_plate(index, rule_event)
        self._recorder.cut_due_clips(frame.monotonic_s)
        if self._keeper is not None:
            self._keeper.add(observation)

    def _read_plate(self, index: int, rule_event: RuleEvent) -> None:
        plate = self._plates.read(rule_event) if self._plates is not None else None
        if plate is not None:
            self._recorder.tell_plate(index, rule_event.key, plate)

    def idle(self, now_s: float) -> None:
        """No frame came for a while: cut the clips that are due."""
        self._recorder.cut_due_clips(now_s)

    def stream_ended(self) -> None:
        """The connection was lost: clips are cut now, because none spans two connections. Events go on."""
        self._rest_if(False)
        if self._background is not None:
            self._background.interrupted()
        self._recorder.cut_all_clips()

    def finish(self) -> None:
        """The camera stops looking: end every event, cut every clip, forget every track. May begin again afterwards."""
        for index, rule in enumerate(self._rules):
            for rule_event in rule.finish(self._observation):
                self._recorder.record(index, rule_event, None)
        self._recorder.finish_clips()
        if self._keeper is not None:
            self._keeper.finish()
        self._rules = self._make_rules()
        self._tracker.reset()
        self._gate.reset()
        if self._background is not None:
            self._background.reset()
        if self._plates is not None:
            self._plates.forget()
        self._rest_if(False)
        self._tracks = ()
        self._detections = Detections.empty()
        self._sightings.forget()
        self._observation = None
