"""What the camera editor's script says and offers: its words, rules for a zone, presets."""

from __future__ import annotations

from functools import cache
from typing import Final

from pydantic import ValidationError

from contract.presets import preset_folder, preset_names
from contract.rules import RULES
from server import i18n

STRINGS: Final = (
    "editor.add_rule",
    "editor.all",
    "editor.by_word",
    "editor.calibrated",
    "editor.choose_rule",
    "editor.chosen",
    "editor.close",
    "editor.completions",
    "editor.corner",
    "editor.crossing",
    "editor.cursor",
    "editor.diagnostics",
    "editor.direction_from",
    "editor.direction_to",
    "editor.draw_direction",
    "editor.find",
    "editor.how_calibration",
    "editor.how_direction",
    "editor.how_lamp",
    "editor.how_line",
    "editor.how_motion",
    "editor.how_privacy",
    "editor.how_zone",
    "editor.into",
    "editor.into_none",
    "editor.keep_metres",
    "editor.kept",
    "editor.kind",
    "editor.kind_area",
    "editor.kind_carriageway",
    "editor.kind_count_line",
    "editor.kind_crossing",
    "editor.kind_junction",
    "editor.kind_lane",
    "editor.kind_pavement",
    "editor.kind_stop_line",
    "editor.leave",
    "editor.line",
    "editor.made",
    "editor.match_case",
    "editor.may_finish",
    "editor.measure",
    "editor.metres_across",
    "editor.metres_away",
    "editor.name",
    "editor.new_calibration",
    "editor.new_direction",
    "editor.new_lamp",
    "editor.new_line",
    "editor.new_motion",
    "editor.new_privacy",
    "editor.new_zone",
    "editor.next",
    "editor.no_rule_here",
    "editor.point_keys",
    "editor.points_so_far",
    "editor.preset_used",
    "editor.previous",
    "editor.redraw_direction",
    "editor.refused",
    "editor.regexp",
    "editor.remove",
    "editor.removed",
    "editor.replace",
    "editor.replace_all",
    "editor.rule",
    "editor.rule_added",
    "editor.rules_here",
    "editor.tool_calibration",
    "editor.tool_lamp",
    "editor.tool_motion",
    "editor.tool_privacy",
    "editor.too_few",
    "editor.turn_direction",
    "editor.undrawn",
    "editor.unreachable",
)


def rule_names() -> dict[str, str]:
    """Rules that a zone alone is enough for, by kind, with their names in the reader's language."""
    return {kind: i18n.gettext(f"kind.{kind}") for kind in _rules_of_a_zone()}


@cache
def _rules_of_a_zone() -> tuple[str, ...]:
    kinds = []
    for kind, contract in RULES.items():
        if contract.about_camera:
            continue
        try:
            contract.params.model_validate({"kind": kind, "zones": ("a",)})
        except ValidationError:
            continue  # it needs a line, a signal or a number that nobody can guess
        kinds.append(kind)
    return tuple(kinds)


def presets() -> list[tuple[str, str, str]]:
    """Name, words and text of every preset; the words are the reader's half of the file's first comment."""
    found = []
    for name in preset_names():
        text = (preset_folder() / f"{name}.yaml").read_text("utf-8")
        comments = [line.removeprefix("# ") for line in text.splitlines() if line.startswith("#")]
        language = i18n.current_locale()
        words = comments[0 if language == "vi" or len(comments) < 2 else 1] if comments else name
        found.append((name, words, text))
    return found
