"""When the detector runs: when something moves, and often enough besides that nobody who stands still is lost."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Why a frame is searched."""

    MOTION = "motion"
    """Something moves, or moved a moment ago."""
    RECHECK = "recheck"
    """It is time to look again at what stands, or whether anybody came unseen."""
    TRACK = "track"
    """Somebody who is followed moves, is new, or was not found."""
    WARMUP = "warmup"
    """The background is not known: the camera has just started, or the light changed."""


@dataclass(frozen=True, slots=True)
class Followed:
    """How the tracks of a camera are, as far as it matters here."""

    any: bool = False
    restless: bool = False
    """One moves, is new, was not found by the last search, or was found only once as yet."""


@dataclass(slots=True)
class GatePolicy:
    """Decides for one camera.

    Motion says where to look, not what is there: people who stand still are no motion, and the background takes them
    in. So tracks are confirmed again and again, and a quiet picture is searched now and then.

    Attributes:
        still_recheck_s: While every track stands still, the longest time between two searches.
        doubtful_recheck_s: The same while there are doubtful changes (rain, a swaying tree) ...
        standing_recheck_s: ... and where they lie on a track that stands still.
        idle_recheck_s: Without tracks and without motion, the longest time between two searches.
        afterglow_s: After motion the search goes on this long: what has just stopped must become a sure track.
        rest_after_s: After so long without any change the camera may rest. To wake costs the decoding of at most the
            packets since the last keyframe, usually up to 2 s of them, so waiting for longer never pays.
    """

    still_recheck_s: float = 2.5
    doubtful_recheck_s: float = 2.0
    standing_recheck_s: float = 1.0
    idle_recheck_s: float = 10.0
    afterglow_s: float = 1.0
    rest_after_s: float = 2.0
    _searched_s: float = float("-inf")
    _moved_s: float = float("-inf")
    _changed_s: float = float("-inf")
    _was_warmup: bool = False

    def decide(
        self,
        monotonic_s: float,
        followed: Followed,
        *,
        moving: bool,
        warmup: bool = False,
        doubtful: bool = False,
        doubtful_on_track: bool = False,
    ) -> Reason | None:
        """Tell why to search this frame, and remember that it will be; None: it is not worth it.

        Args:
            monotonic_s: The frame's time.
            followed: The tracks.
            moving: The motion gate's word on it.
            warmup: It says so only because it does not know the scene yet.
            doubtful: Something changes that is probably nobody.
            doubtful_on_track: It does where a track stands.
        """
        if moving:
            self._moved_s, self._was_warmup = monotonic_s, warmup
        if moving or doubtful:
            self._changed_s = monotonic_s
        reason = self._reason(monotonic_s, followed, doubtful=doubtful, doubtful_on_track=doubtful_on_track)
        if reason is not None:
            self._searched_s = monotonic_s
        return reason

    def _reason(self, now_s: float, followed: Followed, *, doubtful: bool, doubtful_on_track: bool) -> Reason | None:
        if now_s - self._moved_s <= self.afterglow_s:
            return Reason.WARMUP if self._was_warmup else Reason.MOTION
        if followed.restless:
            return Reason.TRACK
        longest_s = self.still_recheck_s if followed.any else self.idle_recheck_s
        if doubtful:
            longest_s = min(longest_s, self.standing_recheck_s if doubtful_on_track else self.doubtful_recheck_s)
        # A frame's time may miss the mark by a rounding: better a search too many.
        return Reason.RECHECK if now_s - self._searched_s >= longest_s - 0.05 else None

    def may_rest(self, monotonic_s: float, followed: Followed) -> bool:
        """Tell whether nothing has changed for a while and nobody is followed who does not stand still."""
        return not followed.restless and monotonic_s - self._changed_s > self.rest_after_s

    def stay_awake(self, monotonic_s: float, seconds: float) -> None:
        """Do not rest for so long: somebody else saw a change."""
        self._changed_s = max(self._changed_s, monotonic_s - self.rest_after_s + seconds)
