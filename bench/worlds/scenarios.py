"""Every world that the benchmark runs, by name, and how many of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec

from bench.worlds import junction, people, people_market, people_street, people_things, street
from bench.worlds.world import World

HOUR_S = 3600.0
ORDINARY_HOURS = 150
"""Of each kind of ordinary hours. If nothing is false in 60, 0.05 an hour is the 95 % bound; in 150, 0.02."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A way to make worlds.

    Attributes:
        build: Makes the world of a seed.
        worlds: How many a full run has.
        needs: The simulator without which it cannot be built: a package's name.
        ordinary: Its worlds are everyday hours (`World.ordinary`), run at all noise levels but at one frame rate.
        apart: Its camera hangs as the guide advises against: counted in a table of its own.
    """

    build: Callable[[int], World]
    worlds: int
    needs: str = "sumo"
    ordinary: bool = False
    apart: bool = False

    @property
    def is_possible(self) -> bool:
        """Tell whether its simulator is installed."""
        return find_spec(self.needs) is not None


def _traffic(build: Callable[..., World], worlds: int, duration_s: float = 900.0, **more: bool) -> Scenario:
    return Scenario(partial(build, duration_s=duration_s, **more), worlds)


def _hours(build: Callable[..., World]) -> Scenario:
    return Scenario(partial(build, duration_s=HOUR_S), ORDINARY_HOURS, ordinary=True)


def _people(build: Callable[[int], World], worlds: int, *, ordinary: bool = False) -> Scenario:
    return Scenario(build, worlds, needs="jupedsim", ordinary=ordinary)


SCENARIOS: dict[str, Scenario] = {
    "street-speeds": _traffic(street.speeds, 3),
    "street-wrong-way": _traffic(street.wrong_way, 3),
    "street-wrong-way-disturbed": _traffic(street.wrong_way, 1, disturbed=True),
    "street-parking": _traffic(street.parking, 5),
    "street-parking-disturbed": _traffic(street.parking, 2, disturbed=True),
    "street-pavement": _traffic(street.pavement, 3),
    "street-lanes": _traffic(street.lanes, 3),
    "street-lanes-stopping": _traffic(street.lanes_stopping, 3),
    "junction-red-light": _traffic(junction.red_light, 5),
    "junction-red-light-behind": _traffic(junction.red_light_behind, 3),
    "junction-stop-line": _traffic(junction.stop_line, 5),
    "junction-left-turns": _traffic(junction.left_turns, 5),
    "junction-u-turns": _traffic(junction.u_turns, 5),
    "street-badly-placed": replace(_traffic(street.badly_placed, 2), apart=True),
    "people-crowds": _people(people.crowds, 12),
    "people-crowds-disturbed": _people(people.disturbed_crowds, 3),
    "people-crowds-night": _people(people.night_crowds, 8),
    "people-crowds-hovering": _people(people.hovering_crowds, 4),
    "people-crowds-short": _people(people.short_crowds, 4),
    "people-stream": _people(people.streams, 4),
    "people-stream-dense": _people(partial(people.streams, per_s=1.0), 2),
    "people-loitering": _people(people.loiterers, 8),
    "people-night-visits": _people(people.night_visits, 8),
    "people-crossings": _people(people_street.crossings, 5),
    "people-littering": _people(people_things.littering, 6),
    "people-forgotten": _people(people_things.forgotten, 8),
    "people-market": _people(people_market.market, 6),
    "people-no-market": _people(people_market.no_market, 3),
    "people-jam": _people(people_market.jam, 4),
    "people-ordinary-evening": _people(people.ordinary_evening, ORDINARY_HOURS, ordinary=True),
    "people-ordinary-night": _people(people.ordinary_night, ORDINARY_HOURS, ordinary=True),
    "people-ordinary-road": _people(people_street.ordinary_road, ORDINARY_HOURS, ordinary=True),
    "people-ordinary-square": _people(people_things.ordinary_square, ORDINARY_HOURS, ordinary=True),
    "street-ordinary": _hours(street.ordinary),
    "street-ordinary-fast": _hours(street.ordinary_fast),
    "junction-ordinary": _hours(junction.ordinary),
    "junction-ordinary-turns": _hours(junction.ordinary_turns),
}
