"""QR codes as pictures that a page carries itself: nothing is asked for, and no script runs."""

from __future__ import annotations

import segno


def qr_code(text: str) -> str:
    """A `data:` address of an SVG, black on white (phones read nothing else well), with its quiet zone."""
    picture: str = segno.make(text, error="m").svg_data_uri(scale=5, border=4, light="#fff", dark="#000")
    return picture
