"""Traffic lights whose state follows from the time of day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Self

from contract.camera_config import PlanSignalConfig
from edge.types import SignalState


@dataclass(frozen=True, slots=True)
class PlanSignal:
    """A fixed plan of phases, counted from midnight in the site's time zone and repeated.

    The plan starts afresh at each midnight, as controllers that keep to the clock do; where its length does not divide
    the day, the last phase before midnight is cut short.
    """

    phases: tuple[tuple[SignalState, float], ...]
    """State and length in seconds, in order."""
    offset_s: float
    """Where in the plan midnight falls."""
    timezone: tzinfo

    @classmethod
    def from_config(cls, config: PlanSignalConfig, timezone: tzinfo) -> Self:
        """Resolve a `kind: plan` signal."""
        phases = tuple((SignalState(colour), seconds) for colour, seconds in config.phases)
        return cls(phases, config.offset_s, timezone)

    def state_at(self, utc: datetime) -> SignalState:
        """What the light shows at an aware time.

        Raises:
            ValueError: The time is naive.
        """
        if utc.tzinfo is None:
            raise ValueError("a signal plan needs an aware time")
        local = utc.astimezone(self.timezone)
        since_midnight_s = local.hour * 3600 + local.minute * 60 + local.second + local.microsecond / 1e6
        position_s = (since_midnight_s + self.offset_s) % sum(seconds for _, seconds in self.phases)
        for state, seconds in self.phases:
            if position_s < seconds:
                return state
            position_s -= seconds
        return self.phases[-1][0]  # rounding left a sliver after the last phase
