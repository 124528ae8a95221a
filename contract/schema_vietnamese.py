"""Vietnamese for the descriptions in the camera file's schema: what the editor shows at a key.

The key is the English description on one line; one that is missing here is shown in English.
"""

from __future__ import annotations

DESCRIPTIONS: dict[str, str] = {}
