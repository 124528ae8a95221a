"""What a report says, and the arithmetic of it: shares, changes, response times, how well cameras watched. Pure."""

from __future__ import annotations

from server.domain.periods import Period

__all__ = ["Period"]
