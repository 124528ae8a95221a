"""The registry of rule kinds. Adding a rule adds one line here (see CONTRIBUTING.md)."""

from __future__ import annotations

from contract.rules import (
    abandoned_object,
    camera_offline,
    camera_tampered,
    crowding,
    forbidden_turn,
    illegal_parking,
    intrusion,
    jaywalking,
    lane_misuse,
    littering,
    loitering,
    no_helmet,
    overloaded_motorbike,
    pavement_driving,
    red_light,
    speeding,
    stop_line,
    street_market,
    wrong_way,
)
from contract.rules.base import RuleContract, RuleFacts, RuleParams

RULES: dict[str, RuleContract] = {
    contract.kind: contract
    for contract in (
        abandoned_object.CONTRACT,
        camera_offline.CONTRACT,
        camera_tampered.CONTRACT,
        crowding.CONTRACT,
        forbidden_turn.CONTRACT,
        illegal_parking.CONTRACT,
        intrusion.CONTRACT,
        jaywalking.CONTRACT,
        lane_misuse.CONTRACT,
        littering.CONTRACT,
        loitering.CONTRACT,
        no_helmet.CONTRACT,
        overloaded_motorbike.CONTRACT,
        pavement_driving.CONTRACT,
        red_light.CONTRACT,
        speeding.CONTRACT,
        stop_line.CONTRACT,
        street_market.CONTRACT,
        wrong_way.CONTRACT,
    )
}
"""Every rule kind by name, in alphabetical order."""

__all__ = ["RULES", "RuleContract", "RuleFacts", "RuleParams"]
