"""People on foot, driven by JuPedSim: each has somewhere to go, and walks round whoever stands or comes towards them.

A walker's legs say where to and how long to stay there; JuPedSim (collision-free speed model, Tordeux et al. 2016) says
how they get there. Where they really were, delays and detours included, is the truth.
"""

from __future__ import annotations

import importlib.metadata
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from bench.worlds.camera import Place
from bench.worlds.store import remembered
from bench.worlds.world import SIZES_M, Trajectory

if TYPE_CHECKING:
    import jupedsim as jps

VERSION = 1
"""Of how walkers decide: a higher one makes results that were kept before unknown."""
STEP_S = 0.05
"""Of the simulation: the model is of first order and stable at this step."""
EVERY = 2
"""Steps between two decisions of a walker; places are kept as often."""
ARRIVED_M = 0.3
STUCK_S, STUCK_M = 5.0, 1.5
"""Who has come this near and gets no further stays where they are."""
FIDGET_S = (6.0, 25.0)
FIDGET_M = 0.35
"""Who stands takes a small step now and then."""
RADIUS_M = 0.2
GIVE_UP_S = 60.0
"""Who does not reach a place within this time beyond the walk's own goes on to the next."""


@dataclass(frozen=True, slots=True)
class Leg:
    """Go to a place and stay there."""

    to_m: Place
    stay_s: float = 0.0
    speed: float | None = None
    """Metres a second; None: the walker's own."""


@dataclass(slots=True)
class Walker:
    """Somebody on foot: appears, walks the legs, and is gone after the last."""

    name: str
    start_s: float
    place_m: Place
    legs: list[Leg]
    speed: float = 1.25
    size_m: tuple[float, float, float] = SIZES_M["person"]


@dataclass(slots=True)
class _State:
    walker: Walker
    agent: int
    leg: int = 0
    arrived_s: float | None = None
    since_s: float = 0.0
    near_s: float | None = None
    fidget_s: float = 0.0
    target: Place = (0.0, 0.0)
    places: list[tuple[float, float, float]] = field(default_factory=list)


def walk(walkers: Sequence[Walker], area_m: Sequence[Place], duration_s: float, seed: int) -> tuple[Trajectory, ...]:
    """Let people walk, or remember how they did (`store`).

    Args:
        walkers: Who, with unique names; places inside the area.
        area_m: Corners of where they can be.
        duration_s: The world's time.
        seed: Of small steps and of the order in which people appear.

    Returns:
        One trajectory for each who appeared.
    """
    version = importlib.metadata.version("jupedsim")
    told = ("walk", VERSION, version, list(walkers), list(area_m), duration_s, seed)
    return tuple(remembered(told, lambda: _walk(walkers, area_m, duration_s, seed)))


def _walk(walkers: Sequence[Walker], area_m: Sequence[Place], duration_s: float, seed: int) -> tuple[Trajectory, ...]:
    import jupedsim as jps  # the worlds can be listed without it

    rng = np.random.default_rng(seed)
    simulation = jps.Simulation(model=jps.CollisionFreeSpeedModelV2(), geometry=list(area_m), dt=STEP_S)
    steering = simulation.add_direct_steering_stage()
    journey = simulation.add_journey(jps.JourneyDescription([steering]))
    waiting = sorted(walkers, key=lambda walker: walker.start_s)
    states: dict[int, _State] = {}
    done: list[_State] = []
    for tick in range(int(duration_s / (STEP_S * EVERY)) + 1):
        now_s = tick * STEP_S * EVERY
        late: list[Walker] = []
        while waiting and waiting[0].start_s <= now_s:
            walker = waiting.pop(0)
            agent = _appear(simulation, walker, journey, steering, rng)
            if agent is None:
                late.append(walker)
            else:
                states[agent] = _State(walker, agent, since_s=now_s, target=walker.legs[0].to_m)
        waiting = late + waiting
        for agent in simulation.agents():
            state = states[agent.id]
            x, y = agent.position
            state.places.append((now_s, x, y))
            if _decide(state, (x, y), now_s, rng):
                agent.target = state.target
                agent.model.desired_speed = _speed(state)
            else:
                simulation.mark_agent_for_removal(agent.id)
                done.append(states.pop(agent.id))
        simulation.iterate(EVERY)
    return tuple(_trajectory(state) for state in [*done, *states.values()] if len(state.places) >= 2)


def _appear(
    simulation: jps.Simulation, walker: Walker, journey: int, steering: int, rng: np.random.Generator
) -> int | None:
    """Put a walker at the start, or a step beside it; None while the place is taken."""
    import jupedsim as jps

    x, y = walker.place_m + rng.normal(0.0, 0.05, 2)
    if list(simulation.agents_in_range((float(x), float(y)), 2.5 * RADIUS_M)):
        return None
    agent: int = simulation.add_agent(
        jps.CollisionFreeSpeedModelV2AgentParameters(
            position=(float(x), float(y)),
            desired_speed=walker.speed,
            radius=RADIUS_M,
            time_gap=0.8,
            journey_id=journey,
            stage_id=steering,
        )
    )
    return agent


def _decide(state: _State, place: Place, now_s: float, rng: np.random.Generator) -> bool:
    """What a walker does next; False: they are gone."""
    legs = state.walker.legs
    leg = legs[state.leg]
    away = math.dist(place, leg.to_m)
    if state.arrived_s is None:
        usual_s = math.dist(state.walker.place_m, leg.to_m) / max(0.3, state.walker.speed)
        if away < STUCK_M and state.near_s is None:
            state.near_s = now_s
        is_stuck = state.near_s is not None and now_s - state.near_s > STUCK_S
        if away <= ARRIVED_M or is_stuck or now_s - state.since_s > usual_s + GIVE_UP_S:
            state.arrived_s, state.fidget_s = now_s, now_s + float(rng.uniform(*FIDGET_S))
            state.target = place
        return True
    if now_s - state.arrived_s < leg.stay_s:
        if now_s >= state.fidget_s:
            state.fidget_s = now_s + float(rng.uniform(*FIDGET_S))
            step = rng.normal(0.0, FIDGET_M / 2.0, 2)
            state.target = (place[0] + float(step[0]), place[1] + float(step[1]))
        return True
    if state.leg + 1 == len(legs):
        return False
    state.leg += 1
    state.arrived_s = state.near_s = None
    state.since_s, state.target = now_s, legs[state.leg].to_m
    return True


def _speed(state: _State) -> float:
    if state.arrived_s is not None:
        return 0.3 if state.walker.legs[state.leg].stay_s else state.walker.speed
    return state.walker.legs[state.leg].speed or state.walker.speed


def _trajectory(state: _State) -> Trajectory:
    moments = np.array(state.places)
    steps = np.gradient(moments[:, 1:], axis=0)
    heading = np.arctan2(steps[:, 1], steps[:, 0])
    moving = np.hypot(*steps.T) > 0.02
    # Who stands keeps looking where they looked.
    last = np.maximum.accumulate(np.where(moving, np.arange(len(moments)), 0))
    return Trajectory(
        state.walker.name, "person", state.walker.size_m, moments[:, 0], moments[:, 1:], np.unwrap(heading[last])
    )
