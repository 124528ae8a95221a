"""Both languages are complete: nothing missing, nothing fuzzy, nothing left over, and the same values in each."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import fields
from itertools import chain
from pathlib import Path

import pytest

from contract.event import CameraHealth, CopyFailure, HealthReason
from contract.rules import RULES
from contract.rules.abandoned_object import EndedBy
from contract.rules.base import OBJECT_CLASSES
from contract.rules.camera_tampered import Tampering
from server import i18n
from server.account import DONE
from server.auth.service import Method
from server.domain.access import USER_ROLES
from server.domain.copies import CopyState
from server.domain.feedback import About
from server.domain.grouping import Severity
from server.domain.grouping_hints import HintReason
from server.domain.incident import OFFICER_ACTIONS, IncidentAction, IncidentState
from server.domain.notices import Channel, NoticeState
from server.domain.periods import PeriodKind
from server.domain.silencing import AlertOutcome
from server.notifications.channels import Refusal
from server.reports.letterheads import Head
from server.reports.subscriptions import Every
from server.reports.tables import TABLES
from server.retention.policy import REASONS, What
from server.retention.views import periods
from server.work_settings import WorkSettings

SERVER = Path(i18n.__file__).parent
_CALL = re.compile(r"""\b(?:_|gettext|say)\(\s*["']([a-z0-9_]+(?:\.[a-z0-9_]+)+)["']\s*(?!~)[,)]""")
_PLURAL_CALL = re.compile(r"""\bngettext\(\s*["']([a-z0-9_.]+)["'],\s*["']([a-z0-9_.]+)["']""")
_AUDITED = re.compile(
    r"""["']((?:camera|clip|device|event|session|user)\.[a-z_]+|feedback\.(?:answer|decline)|shift\.(?:hand_over|confirm)|report\.(?:letterhead|subscribe|unsubscribe)|places\.sync|retention\.run|incident\.(?:hide_picture|hold|release_hold)|site\.[a-z]+_[a-z]+)["']"""
)
_LITERAL = re.compile(r"""["'`]([a-z0-9_]+(?:\.[a-z0-9_]+)+)["'`]""")
_VALUE = re.compile(r"%\((\w+)\)s|\{(\w+)\}")


def _sources() -> str:
    frontend = SERVER / "frontend"
    python = (file for file in SERVER.rglob("*.py") if frontend not in file.parents)
    files = chain((SERVER / "templates").rglob("*.html"), python, (frontend / "src").rglob("*.ts"))
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


def _ids_from_registries() -> set[str]:
    ids: set[str] = set()
    for kind, contract in RULES.items():
        ids |= {f"kind.{kind}", f"kind.{kind}.help", f"summary.{kind}"}
        ids |= {f"fact.{kind}.{fact}" for fact in contract.facts.model_fields}
    ids |= {f"state.{state}" for state in IncidentState}
    ids |= {f"severity.{severity}" for severity in Severity}
    ids |= {f"role.{role}" for role in USER_ROLES}
    ids |= {f"health.{health}" for health in (*CameraHealth, "silent", "unknown")}
    ids |= {f"health.{health}.help" for health in (*CameraHealth, "silent", "unknown")} - {
        "health.starting.help",
    }
    ids |= {f"evidence.copy.failed.{failure}" for failure in CopyFailure}
    ids |= {f"evidence.copy.{state}" for state in CopyState if state is not CopyState.FAILED}
    ids |= {f"reason.{reason}" for reason in HealthReason if reason}
    ids |= {f"object.{name}" for name in OBJECT_CLASSES}
    ids |= {f"tampering.{name}" for name in Tampering}
    ids |= {f"signal.{colour}" for colour in ("red", "yellow")}
    ids |= {f"ended_by.{name}" for name in EndedBy}
    ids |= {f"action.{action}" for action in OFFICER_ACTIONS}
    ids |= {f"step.{action}" for action in IncidentAction}
    ids |= {f"log.outcome.{state}" for state in ("new", "acknowledged", "resolved", "expired")}
    ids |= {f"live.{state}" for state in ("connected", "connecting", "reconnecting", "offline", "denied", "busy")}
    ids |= {f"audit.{action}" for action in _AUDITED.findall(_sources())}
    ids |= {f"audit.incident.{action}" for action in IncidentAction}
    kept_back = [outcome for outcome in AlertOutcome if outcome is not AlertOutcome.ALERT]
    ids |= {f"alert.{outcome}{part}" for outcome in kept_back for part in ("", ".why")}
    ids |= {"audit.silence.create", "audit.silence.end"}
    ids |= {f"group.hint.{reason}" for reason in HintReason}
    ids |= {f"silence.phase.{phase}" for phase in ("active", "waiting", "coming", "over")}
    ids |= {f"method.{method}" for method in Method}
    ids |= {f"security.done.{done}" for done in DONE}
    ids |= {f"notices.channel.{channel}" for channel in Channel} | {f"notices.{refusal}" for refusal in Refusal}
    ids |= {f"delivery.state.{state}" for state in NoticeState}
    ids |= {f"retention.keep.{period.name}" for period in periods(WorkSettings())}
    ids |= {f"feedback.about.{about}" for about in About}
    ids |= {f"retention.what.{what}" for what in What} | {f"retention.why.{reason}" for reason in REASONS}
    ids |= {f"report.{table}.title" for table in TABLES} | {f"report.kind.{kind}" for kind in PeriodKind}
    ids |= {f"report.every.{every}" for every in Every} | {f"letterhead.{item.name}" for item in fields(Head)}
    for code in (403, 404, 409, 413, 422, 429, 500, 503):
        ids |= {f"error.{code}.title", f"error.{code}.text"}
    return ids


def _catalogue(locale: str) -> dict[str, tuple[str, ...]]:
    strings: dict[str, tuple[str, ...]] = {}
    for message in i18n.read_catalogue(locale):
        if message.id:
            one = message.id if isinstance(message.id, str) else message.id[0]
            strings[one] = (message.string,) if isinstance(message.string, str) else tuple(message.string or ())
    return strings


@pytest.mark.parametrize("locale", i18n.LOCALES)
def test_every_string_of_the_pages_is_in_the_catalogue(locale: str) -> None:
    sources = _sources()
    used = set(_CALL.findall(sources)) | {one for one, _ in _PLURAL_CALL.findall(sources)} | _ids_from_registries()
    assert used - _catalogue(locale).keys() == set()


@pytest.mark.parametrize("locale", i18n.LOCALES)
def test_no_string_is_left_over(locale: str) -> None:
    mentioned = set(_LITERAL.findall(_sources())) | _ids_from_registries()
    assert _catalogue(locale).keys() - mentioned == set()


@pytest.mark.parametrize("locale", i18n.LOCALES)
def test_no_string_is_empty_or_fuzzy(locale: str) -> None:
    catalogue = i18n.read_catalogue(locale)
    assert [message.id for message in catalogue if message.id and message.fuzzy] == []
    assert [key for key, texts in _catalogue(locale).items() if not all(text.strip() for text in texts)] == []
    assert list(catalogue.obsolete) == []


def test_both_languages_have_the_same_strings_with_the_same_values() -> None:
    vietnamese, english = _catalogue("vi"), _catalogue("en")
    assert vietnamese.keys() == english.keys()
    for key, texts in vietnamese.items():
        values = [set(_VALUE.findall(text)) for text in (*texts, *english[key])]
        assert all(value == values[0] for value in values), key


def test_a_sentence_uses_only_facts_of_its_kind() -> None:
    for kind, contract in RULES.items():
        values = {name for name, _ in _VALUE.findall(_catalogue("vi")[f"summary.{kind}"][0])}
        assert values <= contract.facts.model_fields.keys(), kind


@pytest.mark.parametrize(("locale", "forms"), [("vi", 1), ("en", 2)])
def test_plurals_have_as_many_forms_as_the_language(locale: str, forms: int) -> None:
    plurals = [message for message in i18n.read_catalogue(locale) if isinstance(message.id, tuple)]
    assert plurals
    assert all(len(message.string or ()) == forms for message in plurals)


def test_vietnamese_is_written_with_its_marks() -> None:
    text = " ".join(chain.from_iterable(_catalogue("vi").values()))
    marked = sum(unicodedata.normalize("NFD", letter) != letter or letter in "đĐ" for letter in text)
    assert marked / len(text) > 0.15
