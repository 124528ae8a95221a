"""Whether a frame is worth a search: the motion gate and its policy, as one camera uses them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from contract.camera_config import CameraConfig, MotionConfig
from edge.motion.gate_policy import Followed, GatePolicy, Reason
from edge.motion.habits import Box
from edge.motion.motion_gate import MotionGate, MotionResult
from edge.types import Frame, Track, TrackId

STILL_S = 3.0
"""A track that has kept its place for this long stands still; a younger one does not yet."""
STILL_WITHIN = 0.3
"""Its centre stayed within this share of its box's longer side: people sway, boxes tremble."""
WOKEN_S = 3.0
"""When the source itself went back to every picture, the camera is watched so long before it may rest again."""
LEAST_RECHECK_S, MOST_RECHECK_S = 2.0, 5.0


def still_recheck_s(camera: CameraConfig) -> float:
    """How often a camera's standing objects are looked at again.

    Twice within the shortest time after which a rule takes an absence for an end: one miss of the detector between two
    looks then ends nothing.
    """
    default_s = 2.0 * MOST_RECHECK_S
    clear_s = min((float(getattr(rule, "clear_after_s", default_s)) for rule in camera.rules), default=default_s)
    return min(MOST_RECHECK_S, max(LEAST_RECHECK_S, clear_s / 2.0))


@dataclass(slots=True)
class _Place:
    """Where a track has been since when."""

    x: float
    y: float
    since_s: float


class CameraGate:
    """Implements `edge.pipeline.Gate`. With `motion: {enabled: false}` every frame is searched, and nothing rests.

    Args:
        config: Of the camera.
        recheck_s: How often standing objects are looked at again, in seconds.
    """

    def __init__(self, config: MotionConfig, recheck_s: float = 2.5) -> None:
        self._config = config
        self._recheck_s = recheck_s
        self._searches = dict.fromkeys(Reason, 0)
        self._regions: tuple[Box, ...] = ()
        self._motion = MotionGate(config)
        self.reset()

    def should_search(self, frame: Frame, tracks: Sequence[Track], *, waiting: bool = False) -> bool:
        """Tell whether to search this frame. Frames must come in order of time.

        Args:
            frame: The frame.
            tracks: Those of the frame before.
            waiting: The tracker found something once, and needs a second look.
        """
        if not self._config.enabled:
            return True
        now_s = frame.monotonic_s
        width, height = frame.resolution_wh
        self._follow(tracks, now_s, width / height)
        followed = [track.xyxy for track in tracks if not self._stands(track, now_s)]
        standing = [track.xyxy for track in tracks if self._stands(track, now_s)]
        motion = self._motion.update(frame, followed, standing)
        self._regions = motion.regions
        reason = self._policy.decide(
            now_s,
            self._state(tracks, now_s, waiting=waiting),
            moving=motion.moving,
            warmup=motion.settling,
            doubtful=motion.doubtful,
            doubtful_on_track=motion.doubtful and _on_any(motion, standing),
        )
        if reason is None:
            return False
        self._searches[reason] += 1
        self._searched_s = now_s
        return True

    @property
    def regions(self) -> tuple[Box, ...]:
        """Where something moves in the frame that `should_search` judged last, the largest first; normalised."""
        return self._regions

    def may_rest(self, monotonic_s: float, tracks: Sequence[Track], *, waiting: bool = False) -> bool:
        """Tell whether keyframes are enough for now: nothing changes, and whoever is followed stands still.

        Args:
            monotonic_s: Time of the frame that `should_search` judged last.
            tracks: Those of this frame.
            waiting: As there.
        """
        if not self._config.enabled:
            return False
        return self._policy.may_rest(monotonic_s, self._state(tracks, monotonic_s, waiting=waiting))

    def woken(self, monotonic_s: float) -> None:
        """The source saw a change in the compressed stream: look at every frame for a moment."""
        self._policy.stay_awake(monotonic_s, WOKEN_S)

    def reset(self) -> None:
        """Forget the scene, and never the counts."""
        self._motion.reset()
        self._policy = GatePolicy(still_recheck_s=self._recheck_s)
        self._places: dict[TrackId, _Place] = {}
        self._regions = ()
        self._searched_s = float("-inf")

    def figures(self) -> dict[str, float]:
        """By the names of `edge.metrics`. May be asked from another thread."""
        counts = self._motion.counts
        return {
            **{f"searches_{reason}": float(count) for reason, count in self._searches.items()},
            "frames_doubtful": float(counts.doubtful),
            "light_changes": float(counts.light_changes),
            "motion_noise": self._motion.noise,
            "motion_flecks": self._motion.flecks,
        }

    def _follow(self, tracks: Sequence[Track], now_s: float, aspect: float) -> None:
        """Remember since when each track is about where it is now."""
        places: dict[TrackId, _Place] = {}
        for track in tracks:
            x1, y1, x2, y2 = track.xyxy
            x, y, longer = (x1 + x2) / 2.0 * aspect, (y1 + y2) / 2.0, max(track.width * aspect, track.height)
            place = self._places.get(track.track_id)
            if place is None or max(abs(x - place.x), abs(y - place.y)) > STILL_WITHIN * longer:
                place = _Place(x, y, now_s)
            places[track.track_id] = place
        self._places = places

    def _stands(self, track: Track, now_s: float) -> bool:
        """Tell whether a track is old enough, keeps its place, and was found by the last search."""
        place = self._places.get(track.track_id)
        if place is None or now_s - place.since_s < STILL_S:
            return False
        return track.last_seen_s >= self._searched_s

    def _state(self, tracks: Sequence[Track], now_s: float, *, waiting: bool) -> Followed:
        restless = waiting or not all(self._stands(track, now_s) for track in tracks)
        return Followed(any=bool(tracks), restless=restless)


def _on_any(motion: MotionResult, boxes: Sequence[Box]) -> bool:
    """Tell whether a region overlaps a box."""
    return any(
        region[0] < box[2] and box[0] < region[2] and region[1] < box[3] and box[1] < region[3]
        for region in motion.regions
        for box in boxes
    )
