"""Which classes a detector takes for each other: a track keeps its object, whatever the detector calls it today."""

from __future__ import annotations

_LOOKALIKES = (("bicycle", "motorcycle"), ("car", "bus", "truck"))
_GROUP = {name: group[0] for group in _LOOKALIKES for name in group}


def lookalike_group(class_name: str) -> str:
    """Name of the group in which a class may be confused with others; its own name if with none."""
    return _GROUP.get(class_name, class_name)


def lookalikes(class_name: str) -> tuple[str, ...]:
    """Every class of its group, itself included."""
    return next((group for group in _LOOKALIKES if class_name in group), (class_name,))
