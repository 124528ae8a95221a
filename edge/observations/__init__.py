"""What the rules saw, kept for a while without pictures: it tells what a changed configuration would have said."""

from __future__ import annotations
