"""`illegal_parking`: a vehicle stands in a zone where it must not. See docs/rules/illegal_parking.md.

Every track has a `_Stand`: the place where it was when it last moved. Time counts while the vehicle is there. A vehicle
that is lost leaves its stand behind for `relink_s`: a track that is *born* there and of a like class takes it over once
it has stood there for a while itself, one that drives there does not. So it is where a vehicle "drives off" because a
van that hid it took its track along.

    1 stands -------- lost ........ 3 stands ---    1 and 3 are one stay; 2 is born at the place too,
                            2 - - >                 but only passes: it takes nothing over and proves nothing
"""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import attrgetter

from contract.event import EventState
from contract.geometry import Point, distance, isotropic
from contract.rules.illegal_parking import IllegalParkingFacts, IllegalParkingParams
from edge.classes import lookalike_group
from edge.rules.base import Box, Moment, Pace, RunningMean, TimedRule, box_diagonal, iou, is_cut_off
from edge.scene import Scene
from edge.types import Observation, RuleEvent, SignalState, Track, TrackId

AWAY_S = 2.0
"""A vehicle seen elsewhere for this long drove: a shorter excursion is a wrong box."""
STOOD_S = 5.0
"""Who kept to a place for this long stands there: who passes at a walking pace is gone by then. Only such a stand is
continued, and only by such a track. A vehicle that stood for so long and drove off leaves its stand behind too: perhaps
only its track drove off, with another vehicle that hid it. It is looked for also among those that appeared this shortly
before."""
SAME_PLACE = 0.2
"""A vehicle found again touches the ground, on average, within so much of its box's diagonal of where it did. The next
in a row, which moves up when the first drives off, stops short of there or beyond."""
BORN_THERE = 0.2
"""... and so was it when it was found: one that moves up there was first seen where it stood before."""
SAME_VEHICLE_IOU = 0.5
"""Standing boxes that overlap by this much are of one vehicle that the detector named twice."""


@dataclass(slots=True, eq=False)
class _Stand:
    """A place at which a vehicle stands."""

    number: int
    """Counts the stands of the rule."""
    first: Track
    """The track as it was when the stand began: its box is what moving is measured against."""
    track_id: TrackId
    """The track that the vehicle has now."""
    aspect: float
    here: Moment
    """When the vehicle was last seen at this place."""
    came: Moment
    """When its first track was first seen here."""
    started: Moment
    """Since when its stay counts."""
    box: Box
    """The last box seen here, normalised."""
    born: bool = True
    """Its first track appeared here; False: it drove here."""
    seen: bool = True
    """The track is in the picture now, here or (for a short time) elsewhere."""
    away: bool = False
    """The track was seen elsewhere last."""
    left: bool = False
    """The vehicle was seen driving off; its stand is kept for `clear_after_s`."""
    proven: bool = False
    """It kept to its place for `STOOD_S`."""
    zone_id: str | None = None
    counted_s: float = 0.0
    queued_s: float = 0.0
    """Both run on while the vehicle is not seen; `stay_s` and `queue_s` are what they were when it last was."""
    stay_s: float = 0.0
    queue_s: float = 0.0
    ground_x: RunningMean = field(default_factory=RunningMean)
    ground_y: RunningMean = field(default_factory=RunningMean)
    cut_off: RunningMean = field(default_factory=RunningMean)
    """How often the picture's left or right edge cut its box: the middle of what is left is not where it stands."""
    score: RunningMean = field(default_factory=RunningMean)
    track_ids: dict[TrackId, None] = field(default_factory=dict)
    pace: Pace | None = None
    """None before the event was raised."""
    centre: Point = field(init=False)
    """Of the first box, in picture heights ..."""
    diagonal: float = field(init=False)
    """... and that box's."""

    def __post_init__(self) -> None:
        self.centre, self.diagonal = _centre(self.first, self.aspect), box_diagonal(self.first, self.aspect)

    @property
    def ground(self) -> Point:
        """Mean ground point: steady where a single box is not."""
        return (self.ground_x.value, self.ground_y.value)

    def moved(self, track: Track) -> float:
        """How far a track is from this place, as a share of the larger box's diagonal."""
        apart = distance(self.centre, _centre(track, self.aspect))
        return apart / max(self.diagonal, box_diagonal(track, self.aspect))

    def keeps(self, track: Track, within: float) -> bool:
        """Tell whether a track has not moved from here by more than such a share."""
        x1, y1, x2, y2 = track.xyxy
        x, y = self.centre
        off_x, off_y, reach = (x1 + x2) / 2.0 * self.aspect - x, (y1 + y2) / 2.0 - y, 0.7 * within * self.diagonal
        # A square inside of the circle: what has hardly moved, as most have, is not measured.
        return (-reach <= off_x <= reach and -reach <= off_y <= reach) or self.moved(track) <= within

    def beside(self, other: _Stand, aspect: float) -> float:
        """How far another stand's ground point is from this one's, as a share of the smaller box's diagonal."""
        apart = distance(isotropic(self.ground, aspect), isotropic(other.ground, aspect))
        return apart / min(box_diagonal(self.first, aspect), box_diagonal(other.first, aspect))

    def see(self, track: Track, now: Moment) -> None:
        """The vehicle is here."""
        self.track_id = track.track_id
        self.track_ids[track.track_id] = None
        self.here, self.box = now, track.xyxy
        self.proven = self.proven or now.watched_s - self.came.watched_s >= STOOD_S
        self.seen, self.away, self.left = True, False, False
        self.stay_s, self.queue_s = self.counted_s, self.queued_s
        if track.detected or self.ground_x.count == 0:
            x, y = track.ground
            self.ground_x.add(x)
            self.ground_y.add(y)
            self.cut_off.add(is_cut_off(track.xyxy))
            self.score.add(track.confidence)


class IllegalParkingRule(TimedRule[IllegalParkingParams]):
    """One event for each vehicle."""

    kind = "illegal_parking"

    def __init__(self, params: IllegalParkingParams, scene: Scene, name: str) -> None:
        """See `TimedRule`.

        Raises:
            ValueError: A zone, schedule or signal does not exist.
        """
        super().__init__(params, scene, name)
        if params.signal is not None:
            scene.check_signal(params.signal)
        self._stands: list[_Stand] = []
        self._owners: dict[TrackId, _Stand] = {}
        """The stands of the tracks of this observation; a stand that is handed over takes its heir's track at once."""
        self._count = 0
        self._queue_until_s = -1.0
        """Watched second until which standing is a queue."""

    def _decide(self, observation: Observation, now: Moment) -> list[RuleEvent]:
        tracks = {track.track_id: track for track in self._tracks(observation, self._params.fixtures)}
        self._count_time(observation, now)
        events = [] if self._in_force(now) else self._pause(now)
        for stand in list(self._stands):
            stand.seen = not stand.left and stand.track_id in tracks
            if stand.away and not stand.seen and not stand.left:  # its track ended on its way
                self._leave(stand)
        self._owners = {stand.track_id: stand for stand in self._stands if stand.seen}
        for track in tracks.values():
            self._place(track, self._owners.get(track.track_id), observation.aspect, now)
        self._join(observation.aspect, now)
        in_force = self._in_force(now)
        now_s, relink_s, clear_s = now.watched_s, self._params.relink_s, self._params.clear_after_s
        for stand in list(self._stands):
            if not stand.seen and now_s - stand.here.watched_s <= (clear_s if stand.left else relink_s):
                continue  # it is waited for, as most are
            event = self._judge(stand, now, in_force=in_force)
            if event is not None:
                events.append(event)
        return events

    def _count_time(self, observation: Observation, now: Moment) -> None:
        """Add the time since the last observation to every stay, or to the queue at a red signal."""
        signal = self._params.signal
        if signal is not None and observation.signals.get(signal) is SignalState.RED:
            self._queue_until_s = now.watched_s + self._params.queue_clear_s
        queueing = now.watched_s <= self._queue_until_s
        step_s = self._step_s
        for stand in self._stands:
            if queueing:
                stand.queued_s += step_s
            else:
                stand.counted_s += step_s

    def _pause(self, now: Moment) -> list[RuleEvent]:
        """Out of the schedule: events end and no time counts, but what stands where is remembered."""
        events = self._end_open()
        self._stands = [stand for stand in self._stands if not stand.left]
        for stand in self._stands:
            stand.counted_s = stand.queued_s = stand.stay_s = stand.queue_s = 0.0
            stand.started, stand.pace = now, None
        return events

    def _place(self, track: Track, stand: _Stand | None, aspect: float, now: Moment) -> None:
        """Find the stand of a track, or give it a new one."""
        if stand is not None and stand.keeps(track, self._params.move_boxes):
            stand.see(track, now)
            return
        earlier = self._earlier(track, stand)
        if earlier is not None:
            if stand is not None:
                self._stands.remove(stand)
            earlier.see(track, now)
            return
        if stand is not None:
            stand.away = True
            if now.watched_s - stand.here.watched_s <= AWAY_S:
                return
            self._leave(stand)
        self._count += 1
        born = stand is None
        new = _Stand(
            self._count, track, track.track_id, aspect, here=now, came=now, started=now, box=track.xyxy, born=born
        )
        new.see(track, now)
        self._stands.append(new)

    def _leave(self, stand: _Stand) -> None:
        """The track of a stand drove off: with its vehicle, unless that appears there as a new track."""
        if stand.pace is None and not stand.proven:
            self._stands.remove(stand)
        stand.left, stand.seen = True, False

    def _join(self, aspect: float, now: Moment) -> None:
        """Let each stand whose vehicle is not seen go on with the vehicle that was found there and has stood since."""
        for stand in [stand for stand in self._stands if stand.proven and not stand.seen]:
            heirs = [
                other
                for other in self._stands
                if other.proven and self._may_be(stand, other) and stand.beside(other, aspect) <= SAME_PLACE
            ]
            if heirs:
                self._hand_over(stand, min(heirs, key=lambda other: stand.moved(other.first)), now)

    def _may_be(self, stand: _Stand, other: _Stand) -> bool:
        """Tell whether a track that appeared near a stand, about when its vehicle was lost, may be that vehicle."""
        after_s = other.came.watched_s - stand.here.watched_s
        return (
            (other is not stand and other.seen and not other.away and other.born and other.pace is None)
            and -STOOD_S <= after_s <= self._patience_s(stand)
            and _alike(stand, other.first)
            and _apart(stand.ground, other.first.ground, other.aspect)
            <= BORN_THERE * box_diagonal(other.first, other.aspect)
            and stand.moved(other.first) <= self._params.move_boxes
        )

    def _patience_s(self, stand: _Stand) -> float:
        return self._params.clear_after_s if stand.left else self._params.relink_s

    def _hand_over(self, stand: _Stand, heir: _Stand, now: Moment) -> None:
        """A stand goes on with the track of another, which ends."""
        self._stands.remove(heir)
        self._owners[heir.track_id] = stand
        stand.track_ids.update(heir.track_ids)
        stand.track_id, stand.box, stand.here = heir.track_id, heir.box, now
        stand.seen, stand.away, stand.left = True, False, False
        stand.stay_s, stand.queue_s = stand.counted_s, stand.queued_s

    def _earlier(self, track: Track, stand: _Stand | None) -> _Stand | None:
        """The stand that a track comes back to."""
        if stand is not None and stand.pace is not None:
            return None
        fitting = [
            other
            for other in self._stands
            if (other.left or (stand is None and not other.seen))
            and track.track_id in other.track_ids
            and other.moved(track) <= self._params.move_boxes
        ]
        return min(fitting, key=lambda other: other.moved(track), default=None)

    def _judge(self, stand: _Stand, now: Moment, *, in_force: bool) -> RuleEvent | None:
        unseen_s = now.watched_s - stand.here.watched_s
        if not stand.seen and unseen_s > self._patience_s(stand):
            if any(not other.proven and self._may_be(stand, other) for other in self._stands):
                return None  # somebody was found there in time, and has yet to prove that it stands
            self._stands.remove(stand)
            return None if stand.pace is None else self._say(EventState.END, stand)
        if not in_force or not stand.seen or unseen_s > 0.0:
            return None
        if stand.pace is not None:
            return self._say(EventState.UPDATE, stand) if stand.pace.take(now.watched_s, 0, stand.stay_s) else None
        inside = stand.cut_off.value <= 0.5
        stand.zone_id = next(iter(self._own_zones(stand.ground)), None) if inside else None
        if stand.zone_id is None:  # its time counts from when it stands in a zone
            stand.counted_s = stand.queued_s = stand.stay_s = stand.queue_s = 0.0
            stand.started = now
        elif stand.stay_s >= self._params.max_stay_s and not self._told_already(stand, now):
            stand.pace = Pace(now.watched_s, 0, stand.stay_s)
            return self._say(EventState.START, stand)
        return None

    def _told_already(self, stand: _Stand, now: Moment) -> bool:
        """Tell whether another event is about this vehicle; if that event's track is lost, it goes on with this one."""
        for other in self._stands:
            if other is stand or other.pace is None or other.left or iou(other.box, stand.box) < SAME_VEHICLE_IOU:
                continue
            if not other.seen:
                self._hand_over(other, stand, now)
            return True
        return False

    def _end_open(self) -> list[RuleEvent]:
        raised = [stand for stand in self._stands if stand.pace is not None]
        return [self._say(EventState.END, stand) for stand in sorted(raised, key=attrgetter("number"))]

    def _end_all(self) -> list[RuleEvent]:
        events = self._end_open()
        self._stands.clear()
        self._queue_until_s = -1.0
        return events

    def _say(self, state: EventState, stand: _Stand) -> RuleEvent:
        return self._event(
            state,
            f"vehicle-{stand.number}",
            zone=stand.zone_id,
            started=stand.started,
            observed=stand.here,
            confidence=stand.score.value,
            facts=IllegalParkingFacts(
                object_class=stand.first.class_name,
                stay_s=stand.stay_s,
                queued_s=stand.queue_s,
                max_stay_s=self._params.max_stay_s,
            ),
            track_ids=stand.track_ids,
        )


def _apart(one: Point, other: Point, aspect: float) -> float:
    """Picture heights between two normalised points."""
    return distance(isotropic(one, aspect), isotropic(other, aspect))


def _alike(stand: _Stand, track: Track) -> bool:
    return lookalike_group(stand.first.class_name) == lookalike_group(track.class_name)


def _centre(track: Track, aspect: float) -> Point:
    """Centre of a track's box in picture heights."""
    x1, y1, x2, y2 = track.xyxy
    return ((x1 + x2) / 2.0 * aspect, (y1 + y2) / 2.0)
