"""What a changed configuration would have said: two rule sets over the same observations, and how their events differ.

    clip --> detector, tracker (once) --> observations --> rules of OLD --> events --.
    DATA/observations ----------------------^        `---> rules of NEW --> events --+--> same, changed, appear, vanish

Where the configurations search pictures differently, a clip is searched twice; stored observations cannot be searched
again, and the difference is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from uuid import UUID

from contract.camera_config import CameraConfig, EvidenceConfig, PlanSignalConfig
from contract.config_loader import LoadedCamera
from contract.event import Event
from contract.ids import uuid7_from_content
from contract.messages import Text
from contract.rules import RULES
from contract.site_config import SiteConfig
from edge.no_evidence import NoEvidence
from edge.observations.codec import Block
from edge.observations.reader import Damage, read_blocks
from edge.recorder import Recorder
from edge.replay import replay
from edge.rules import build_rules
from edge.scene import Scene
from edge.types import Observation

NO_EVIDENCE = EvidenceConfig(snapshot=False, clip=False)


class _LastRevisions:
    """Implements `edge.recorder.EventSink`: the latest word on each event, in the order in which they began."""

    def __init__(self) -> None:
        self.events: dict[UUID, Event] = {}
        self.revisions: list[Event] = []

    def put(self, event: Event, media: Sequence[tuple[str, Path]]) -> None:  # noqa: ARG002 - there are none
        self.events[event.event_id] = event
        self.revisions.append(event)


class Judge:
    """The rules of one configuration, fed with observations instead of pictures.

    Args:
        loaded: The camera.
        site: Its site.

    Raises:
        ValueError: The configuration asks for what the scene lacks.
    """

    def __init__(self, loaded: LoadedCamera, site: SiteConfig) -> None:
        self._camera = loaded.config.model_copy(update={"evidence": NO_EVIDENCE})
        self._scene = Scene.from_config(self._camera, site)
        self._sink = _LastRevisions()
        self._recorder = Recorder(self._camera, loaded.version, self._sink, NoEvidence(), uuid7_from_content)
        self._rules = build_rules(self._camera, self._scene)
        self._latest: Observation | None = None

    @property
    def events(self) -> list[Event]:
        """The last revision of each event so far."""
        return list(self._sink.events.values())

    @property
    def revisions(self) -> list[Event]:
        """Everything that was said, in order."""
        return self._sink.revisions

    def observe(self, observation: Observation) -> None:
        """Take the next observation."""
        planned = self._scene.signals_at(observation.utc)
        if any(observation.signals.get(name) is not state for name, state in planned.items()):
            observation = replace(observation, signals={**observation.signals, **planned})
        self._latest = observation
        self._recorder.history.observe(observation)
        for index, rule in enumerate(self._rules):
            for rule_event in rule.observe(observation):
                self._recorder.record(index, rule_event, None)

    def begin_anew(self) -> None:
        """End every event: the camera stopped looking here."""
        for index, rule in enumerate(self._rules):
            for rule_event in rule.finish(self._latest):
                self._recorder.record(index, rule_event, None)
        self._rules = build_rules(self._camera, self._scene)
        self._latest = None


@dataclass(frozen=True, slots=True)
class Configured:
    """A camera as one configuration folder has it."""

    loaded: LoadedCamera
    site: SiteConfig


@dataclass(slots=True)
class Comparison:
    """How the events of two configurations differ; each event by its last revision."""

    subject: str
    """A camera's id, or a clip."""
    same: list[Event] = field(default_factory=list)
    changed: list[tuple[Event, Event]] = field(default_factory=list)
    """(old, new): the same thing, told otherwise."""
    appear: list[Event] = field(default_factory=list)
    vanish: list[Event] = field(default_factory=list)
    notes: list[Text] = field(default_factory=list)
    first: datetime | None = None
    last: datetime | None = None
    observations: int = 0

    def watched(self, observation: Observation) -> None:
        """Count an observation."""
        self.first = observation.utc if self.first is None else min(self.first, observation.utc)
        self.last = observation.utc if self.last is None else max(self.last, observation.utc)
        self.observations += 1


def what_if_stored(folder: Path, new: Configured, old: Configured) -> Comparison:
    """Compare two configurations of a camera over its stored observations.

    Raises:
        EdgeError: The observations cannot be read.
        ValueError: A configuration asks for what the scene lacks.
    """
    camera_id = new.loaded.config.camera.id
    result, damage = Comparison(camera_id), Damage()
    judges = (Judge(old.loaded, old.site), Judge(new.loaded, new.site))
    for block in read_blocks(folder, damage):
        if block.camera_id == camera_id:
            feed(block, judges, result.watched)
    for judge in judges:
        judge.begin_anew()
    compare_events(judges[0].events, judges[1].events, result)
    differing = sorted(name for name, value in _searching(old).items() if value != _searching(new)[name])
    if differing:
        keys = ", ".join(differing)
        result.notes.append(Text("not judged: {keys} differ, and what was stored is not searched again", keys=keys))
    if damage.bytes_skipped:
        result.notes.append(Text("{count} bytes were torn by a power cut and left out", count=damage.bytes_skipped))
    return result


def what_if_clip(clip: Path, start: datetime, new: Configured, old: Configured) -> Comparison:
    """Compare two configurations over a clip; it is searched once where both search alike.

    Raises:
        SourceError: The clip cannot be read.
        ModelError: The detector cannot be loaded.
        ValueError: A configuration asks for what the scene lacks.
    """
    result = Comparison(str(clip))
    judges = (Judge(old.loaded, old.site), Judge(new.loaded, new.site))
    once = _searching(old) == _searching(new)
    seen = search_clip(clip, start, new)
    for observation in seen:
        judges[1].observe(observation)
        result.watched(observation)
    for observation in seen if once else search_clip(clip, start, old):
        judges[0].observe(observation)
    for judge in judges:
        judge.begin_anew()
    compare_events(judges[0].events, judges[1].events, result)
    if not once:
        result.notes.append(Text("the two search pictures differently: the clip was searched twice"))
    return result


def feed(block: Block, judges: Iterable[Judge], watched: Callable[[Observation], None]) -> None:
    """Give a block to rules, as they saw it live."""
    for judge in judges:
        if block.fresh:
            judge.begin_anew()
        for observation in block.observations:
            judge.observe(observation)
    for observation in block.observations:
        watched(observation)


def compare_events(old: Sequence[Event], new: Sequence[Event], into: Comparison) -> None:
    """Pair events of the same kind and zone that overlap in time; those about the same tracks first."""
    pairs = sorted(
        (
            (-_shared_tracks(was, is_), -overlap_s, i, j)
            for i, was in enumerate(old)
            for j, is_ in enumerate(new)
            if (was.kind, was.zone) == (is_.kind, is_.zone) and (overlap_s := _overlap_s(was, is_)) >= 0.0
        ),
    )
    partner: dict[int, int] = {}
    taken: set[int] = set()
    for _, _, i, j in pairs:
        if i not in partner and j not in taken:
            partner[i] = j
            taken.add(j)
    for i, was in enumerate(old):
        if i not in partner:
            into.vanish.append(was)
        elif _told(was) == _told(new[partner[i]]):
            into.same.append(was)
        else:
            into.changed.append((was, new[partner[i]]))
    into.appear += [is_ for j, is_ in enumerate(new) if j not in taken]


def _told(event: Event) -> tuple[object, ...]:
    """What an event says, without the names that each run gives it."""
    return (event.started_at, event.ended_at, event.confidence, event.facts)


def _overlap_s(a: Event, b: Event) -> float:
    """Seconds in common; below 0: apart."""
    ends = min(a.ended_at or a.observed_at, b.ended_at or b.observed_at)
    return (ends - max(a.started_at, b.started_at)).total_seconds()


def _shared_tracks(a: Event, b: Event) -> int:
    return len({path.track_id for path in a.paths} & {path.track_id for path in b.paths})


class _Collected:
    """Implements `edge.pipeline.ObservationKeeper` in memory."""

    def __init__(self) -> None:
        self.observations: list[Observation] = []

    def add(self, observation: Observation) -> None:
        self.observations.append(observation)

    def finish(self) -> None:
        """A clip ends once."""


def search_clip(clip: Path, start: datetime, configured: Configured) -> list[Observation]:
    """What the rules of a camera see of a clip. Errors as `what_if_clip`."""
    camera = configured.loaded.config.model_copy(update={"evidence": NO_EVIDENCE})
    keeper = _Collected()
    replay(replace(configured.loaded, config=camera), configured.site, clip, start, lambda _event: None, keeper=keeper)
    return keeper.observations


def _searching(configured: Configured) -> dict[str, object]:
    """What decides on observations before any rule does, by the words that a note uses for it."""
    camera: CameraConfig = configured.loaded.config
    return {
        "detect": camera.detect,
        "objects": camera.objects,
        "motion": camera.motion,
        "privacy": camera.privacy,
        "signals": {name: item for name, item in camera.signals.items() if not isinstance(item, PlanSignalConfig)},
        "static regions": any(RULES[rule.kind].needs_static_regions for rule in camera.rules),
        "parts": sorted(part for rule in camera.rules for part in RULES[rule.kind].requires_part_classes),
        "view": [rule for rule in camera.camera_rules if rule.kind == "camera_tampered"],
    }
