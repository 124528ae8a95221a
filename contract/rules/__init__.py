"""The registry of rule kinds. Adding a rule adds one line here (see CONTRIBUTING.md)."""

from __future__ import annotations

from contract.rules import (
    camera_offline,
    camera_tampered,
    crowding,
    illegal_parking,
    intrusion,
    no_helmet,
    overloaded_motorbike,
    wrong_way,
)
from contract.rules.base import RuleContract, RuleFacts, RuleParams

RULES: dict[str, RuleContract] = {
    contract.kind: contract
    for contract in (
        camera_offline.CONTRACT,
        camera_tampered.CONTRACT,
        crowding.CONTRACT,
        illegal_parking.CONTRACT,
        intrusion.CONTRACT,
        no_helmet.CONTRACT,
        overloaded_motorbike.CONTRACT,
        wrong_way.CONTRACT,
    )
}
"""Every rule kind by name, in alphabetical order."""

__all__ = ["RULES", "RuleContract", "RuleFacts", "RuleParams"]
