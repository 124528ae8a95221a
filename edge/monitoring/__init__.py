"""How the edge is, told to machines: `/metrics` and `/healthz` over HTTP, and systemd."""

from edge.monitoring.http import Address
from edge.monitoring.watch import Watch

__all__ = ["Address", "Watch"]
