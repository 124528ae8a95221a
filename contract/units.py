"""The only unit conversions. Everything inside is SI; km/h stands in law limits and on pages only."""

from __future__ import annotations

KMH_PER_MPS = 3.6


def kmh_to_mps(speed_kmh: float) -> float:
    """Kilometres an hour to metres a second."""
    return speed_kmh / KMH_PER_MPS


def mps_to_kmh(speed_mps: float) -> float:
    """Metres a second to kilometres an hour."""
    return speed_mps * KMH_PER_MPS
