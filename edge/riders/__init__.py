"""Who sits on which motorbike, from tracks alone. Pure: rules use it, a list of observations tests it."""

from __future__ import annotations

from edge.riders.heads import Head, HeadBook
from edge.riders.rides import Ride, RideBook, Rider
from edge.riders.seat import is_whole

__all__ = ["Head", "HeadBook", "Ride", "RideBook", "Rider", "is_whole"]
