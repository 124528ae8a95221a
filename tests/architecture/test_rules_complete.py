"""A rule kind is whole or the build fails: contract, code, registry, test, page, and strings in both languages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from contract.rules import RULES as CONTRACTS
from edge.rules import RULES

ROOT = Path(__file__).parents[2]
KINDS = sorted(CONTRACTS)
SHARED = {"along", "at_line", "journey_rule", "left_object_rule"}
"""Modules of `edge.rules` that several rules use."""


def test_contract_and_edge_know_the_same_kinds() -> None:
    assert sorted(RULES) == KINDS
    assert [rule.kind for _, rule in sorted(RULES.items())] == KINDS


def test_no_rule_file_is_left_unregistered() -> None:
    for folder in ("contract", "edge"):
        modules = {path.stem for path in (ROOT / folder / "rules").glob("*.py")} - {"__init__", "base"}
        assert modules - SHARED == set(KINDS), folder


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_has_its_files(kind: str) -> None:
    wanted = (
        f"contract/rules/{kind}.py",
        f"edge/rules/{kind}.py",
        f"tests/unit/rules/test_{kind}.py",
        f"docs/rules/{kind}.md",
    )
    assert [path for path in wanted if not (ROOT / path).is_file()] == []
    assert RULES[kind].__module__ == f"edge.rules.{kind}"


@pytest.mark.parametrize("kind", KINDS)
def test_its_page_names_every_parameter_and_every_fact(kind: str) -> None:
    page = (ROOT / f"docs/rules/{kind}.md").read_text(encoding="utf-8")
    parts = re.split(r"^## ", page, flags=re.MULTILINE)
    sections = {
        part.partition("\n")[0].strip(): set(re.findall(r"^\| `(\w+)` \|", part, re.MULTILINE)) for part in parts
    }
    contract = CONTRACTS[kind]
    refused = {"zones", "objects"} if contract.about_camera else set()
    assert sections["Parameters"] == set(contract.params.model_fields) - {"kind"} - refused
    assert sections["Facts"] == set(contract.facts.model_fields)
    assert {"How it decides", "Limits"} <= set(sections)


def test_the_overview_lists_every_kind() -> None:
    overview = (ROOT / "docs/rules/README.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| \[`(\w+)`\]\(\1\.md\)", overview, re.MULTILINE) == KINDS


@pytest.mark.parametrize("locale", ["vi", "en"])
@pytest.mark.parametrize("kind", KINDS)
def test_it_speaks_both_languages(kind: str, locale: str) -> None:
    with (ROOT / f"server/translations/{locale}/LC_MESSAGES/rules.po").open("rb") as file:
        strings = {message.id: message.string for message in read_po(file, locale=locale) if not message.fuzzy}
    wanted = [f"kind.{kind}", f"kind.{kind}.help"]
    wanted += [f"fact.{kind}.{fact}" for fact in CONTRACTS[kind].facts.model_fields]
    assert [name for name in wanted if not strings.get(name)] == []
