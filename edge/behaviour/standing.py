"""Who stands: tracks that keep to one place, whatever happens to their numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from contract.geometry import Point, distance, isotropic
from edge.types import Track, TrackId

MOVED = 0.5
"""Who is farther from their place than this share of their box's diagonal has moved ..."""
AWAY_S = 3.0
"""... if that lasts: a box that trembles or merges is no step."""
RELINK_S = 30.0
"""A track that begins where another was lost so shortly before goes on as it."""
SEEN_SHARE = 1.0 / 3.0
"""Of a stay, so much must have been seen: who comes out from behind a lorry after others does not stand there."""
SEATED_SHARE = 1.0 / 3.0
"""Who was seen in a rider's place this often rides: a detector misses motorbikes now and then."""


@dataclass(slots=True)
class Stand:
    """One place, and who keeps to it."""

    track: Track
    """As seen there last."""
    stood_s: float = 0.0
    """Watched seconds since they came, or since the camera looks."""
    seen_s: float = 0.0
    """Of these, those in which they were seen there."""
    unseen_s: float = 0.0
    """Since they were there last."""
    place: Point = (0.0, 0.0)
    reach: float = 0.0
    """Both in picture heights."""
    looks: int = 0
    seated: int = 0

    def look(self, *, seated: bool) -> None:
        """Note whether they are in a rider's place on a two-wheeler now."""
        self.looks += 1
        self.seated += seated

    @property
    def rides(self) -> bool:
        """They wait on a two-wheeler, and do not stand."""
        return self.seated > 0 and self.seated >= SEATED_SHARE * self.looks


class Standing:
    """The places of one camera's tracks."""

    def __init__(self) -> None:
        """Start with nobody."""
        self._stands: dict[TrackId, Stand] = {}

    def forget(self) -> None:
        """Begin anew."""
        self._stands.clear()

    def observe(self, tracks: Iterable[Track], step_s: float, aspect: float) -> None:
        """Take the tracks of this moment, `step_s` watched seconds after the last."""
        present = {track.track_id: track for track in tracks}
        for known in self._stands.values():
            known.stood_s += step_s
            known.unseen_s += step_s
        for track_id, track in present.items():
            stand = self._stands.get(track_id)
            centre = _centre(track, aspect)
            if stand is None:
                earlier = self._earlier(track, present, centre)
                self._stands[track_id] = _new(track, centre, aspect) if earlier is None else earlier
            elif distance(centre, stand.place) <= stand.reach:
                stand.track, stand.unseen_s = track, 0.0
                stand.seen_s += step_s
            elif stand.unseen_s > AWAY_S:
                self._stands[track_id] = _new(track, centre, aspect)
        for track_id in [key for key, stand in self._stands.items() if stand.unseen_s > RELINK_S]:
            del self._stands[track_id]

    def those(self, least_s: float) -> list[Stand]:
        """Who has kept to a place for so long, and was there a moment ago."""
        return [
            stand
            for stand in self._stands.values()
            if stand.stood_s >= least_s
            and stand.unseen_s <= RELINK_S / 2
            and stand.seen_s >= SEEN_SHARE * stand.stood_s
        ]

    def _earlier(self, track: Track, present: dict[TrackId, Track], centre: Point) -> Stand | None:
        """The stand of a lost track at this place, which goes on under the new number."""
        for track_id, stand in self._stands.items():
            is_person = (track.class_name == "person") == (stand.track.class_name == "person")
            if track_id not in present and is_person and distance(centre, stand.place) <= stand.reach:
                del self._stands[track_id]
                stand.track, stand.unseen_s = track, 0.0
                return stand
        return None


def _new(track: Track, centre: Point, aspect: float) -> Stand:
    diagonal = distance((0.0, 0.0), isotropic((track.width, track.height), aspect))
    return Stand(track, place=centre, reach=MOVED * diagonal)


def _centre(track: Track, aspect: float) -> Point:
    """The middle of the box's lower edge is hidden more often than its centre."""
    x1, y1, x2, y2 = track.xyxy
    return isotropic(((x1 + x2) / 2.0, (y1 + y2) / 2.0), aspect)
