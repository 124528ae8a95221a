"""The chain of audit rows: what was changed, cut off or forged is noticed, and the first bad row is named."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import delete, select, text, update

from server.audit import anchors
from server.audit import service as audit
from server.audit.queries import export
from server.db.models import AuditEntry, AuditHead
from server.domain.incident import IncidentAction
from server.http import JsonLines
from tests.integration.server.test_access_threats import act, an_incident
from tests.support.village import Village, event, running_village


@pytest.mark.parametrize("tampering", ["edit", "delete", "delete last", "forge", "clear"])
def test_threat_40_the_first_bad_audit_row_is_named(village: Village, tampering: str) -> None:
    incident_id = an_incident(village)
    act(village, "officer_a", incident_id, IncidentAction.ACKNOWLEDGE)
    act(village, "officer_a", incident_id, IncidentAction.RESOLVE, version=2)
    parts = village.parts
    with parts.database.read() as session:
        report = parts.chain.verify(session)
        rows = report.rows
        assert report.fault is None
        assert rows >= 5
    with parts.database.engine.begin() as connection:
        if tampering == "edit":
            connection.execute(update(AuditEntry).where(AuditEntry.sequence == 2).values(actor_name="somebody"))
        elif tampering == "delete":
            connection.execute(delete(AuditEntry).where(AuditEntry.sequence == 2))
        elif tampering == "delete last":
            connection.execute(delete(AuditEntry).where(AuditEntry.sequence == rows))
        elif tampering == "forge":
            connection.execute(text("UPDATE audit_log SET sequence = sequence + 1 WHERE sequence = " + str(rows)))
        else:
            connection.execute(delete(AuditEntry))
    with parts.database.read() as session:
        fault = parts.chain.verify(session).fault
    assert fault is not None
    assert fault.sequence == {"edit": 2, "delete": 2, "delete last": rows, "forge": rows, "clear": 1}[tampering]


def test_a_row_that_is_written_while_the_log_is_walked_is_no_fault(
    village: Village, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write() -> None:
        with village.parts.database.write() as session:
            audit.record(session, at=village.clock.utc(), actor=None, action="test", subject="test:1")

    write()
    chain = village.parts.chain
    hash_of, late = chain._hash, threading.Event()

    def writing_once(previous: bytes, entry: AuditEntry) -> bytes:
        if not late.is_set():
            late.set()
            write()
        return hash_of(previous, entry)

    monkeypatch.setattr(chain, "_hash", writing_once)
    with village.parts.database.snapshot() as session:
        assert chain.verify(session).fault is None
    assert late.is_set()


def test_audit_rows_of_many_writers_make_one_chain(village: Village) -> None:
    def write(number: int) -> None:
        for _ in range(5):
            with village.parts.database.write() as session:
                audit.record(session, at=village.clock.utc(), actor=None, action="test", subject=f"test:{number}")

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with village.parts.database.read() as session:
        report = village.parts.chain.verify(session)
    assert report.fault is None
    assert report.rows >= 30


def test_threat_40_rows_cut_off_with_the_head_set_back_are_noticed(village: Village) -> None:
    village.post([event(village="village-b")])  # refused, which is audited
    database = village.parts.database
    with database.read() as session:
        assert village.parts.chain.verify(session).fault is None
        last = session.scalars(select(AuditEntry).order_by(AuditEntry.sequence.desc())).all()[:2]
    with database.engine.begin() as connection:
        connection.execute(delete(AuditEntry).where(AuditEntry.sequence == last[0].sequence))
        connection.execute(update(AuditHead).values(sequence=last[1].sequence, hash=last[1].hash))
    with database.read() as session:
        assert village.parts.chain.verify(session).fault is not None


def test_threat_40_the_command_names_the_first_bad_row_of_a_tampered_copy(tmp_path: Path) -> None:
    with running_village(tmp_path / "data"):
        pass
    shutil.copytree(tmp_path / "data", tmp_path / "copy")
    with sqlite3.connect(tmp_path / "copy" / "langan.sqlite") as connection:
        connection.execute("UPDATE audit_log SET detail = '{}' WHERE sequence = 2")
    connection.close()
    said = {}
    for folder in ("data", "copy"):
        done = subprocess.run(
            [sys.executable, "-m", "server.cli", "audit", "verify"],
            env={"LANGAN_DATA_DIR": str(tmp_path / folder), "PATH": ""},
            cwd=Path(__file__).parents[3],
            capture_output=True,
            text=True,
            check=False,
        )
        said[folder] = (done.returncode, done.stdout + done.stderr)
    assert said["data"][0] == 0
    assert said["copy"][0] == 1
    assert "row 2 was changed" in said["copy"][1]


# Anchors: where the log once stood, told outside of the database


def command(folder: Path, *arguments: str) -> tuple[int, str]:
    """Run `langan-server audit ...` on a data folder; gives exit status and what it said."""
    done = subprocess.run(
        [sys.executable, "-m", "server.cli", "audit", *arguments],
        env={"LANGAN_DATA_DIR": str(folder), "PATH": ""},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def write_rows(village: Village, number: int, action: str = "test") -> None:
    for at in range(number):
        with village.parts.database.write() as session:
            audit.record(session, at=village.clock.utc(), actor=None, action=action, subject=f"test:{at}")


def test_threat_40_an_anchor_shows_rows_cut_off_by_whoever_holds_the_key(village: Village, tmp_path: Path) -> None:
    """The head is set back with the right seal, as an old copy of the whole database has it: the chain is whole."""
    write_rows(village, 5)
    parts = village.parts
    kept = anchors.anchor_head(parts.database, village.clock, tmp_path)
    with parts.database.read() as session:
        previous = session.get_one(AuditEntry, kept.sequence - 2)
    with parts.database.engine.begin() as connection:
        connection.execute(delete(AuditEntry).where(AuditEntry.sequence > previous.sequence))
        sealed = parts.chain._seal(previous.sequence, previous.hash)
        connection.execute(update(AuditHead).values(sequence=previous.sequence, hash=sealed))
    with parts.database.read() as session:
        assert parts.chain.verify(session).fault is None, "without an anchor nothing shows"
        fault = anchors.check(session, anchors.kept_anchors(tmp_path))
    assert fault is not None
    assert fault.sequence == kept.sequence
    write_rows(village, 4, "forged")  # and written on, past the anchored row
    with parts.database.read() as session:
        assert parts.chain.verify(session).fault is None
        fault = anchors.check(session, [anchors.Anchor.read(str(kept), village.clock.utc())])
    assert fault is not None
    assert fault.sequence == kept.sequence
    assert "another one now" in fault.reason


def test_threat_40_an_anchor_holds_while_the_log_grows_and_when_old_rows_are_over(
    village: Village, tmp_path: Path
) -> None:
    parts = village.parts
    write_rows(village, 3)
    first = anchors.anchor_head(parts.database, village.clock, tmp_path)
    village.clock.advance(days=1)
    write_rows(village, 3)
    with parts.database.write() as session:
        assert parts.chain.forget_before(session, village.clock.utc()) == first.sequence
    second = anchors.anchor_head(parts.database, village.clock, tmp_path)
    with parts.database.read() as session:
        assert parts.chain.verify(session).fault is None
        assert anchors.check(session, [first, second, *anchors.kept_anchors(tmp_path)]) is None


def test_threat_40_an_emptied_log_is_noticed_by_the_command(tmp_path: Path) -> None:
    with running_village(tmp_path / "data"):
        pass
    code, said = command(tmp_path / "data", "head")
    assert code == 0
    number, _, digest = said.splitlines()[0].partition(":")
    assert command(tmp_path / "data", "verify", "--anchor", f"{number}:{digest}")[0] == 0
    with sqlite3.connect(tmp_path / "data" / "langan.sqlite") as connection:
        connection.execute("DELETE FROM audit_log")
        connection.execute("DELETE FROM audit_head")
    connection.close()
    code, said = command(tmp_path / "data", "verify")
    assert code == 1
    assert f"broken at row {number}" in said
    (tmp_path / "data" / anchors.FILE).unlink()
    assert command(tmp_path / "data", "verify")[0] == 0, "a log without a row and without an anchor is whole"
    assert command(tmp_path / "data", "verify", "--anchor", f"{number}:{digest}")[0] == 1
    code, said = command(tmp_path / "data", "verify", "--anchor", "12:x")
    assert (code, "is no anchor" in said) == (2, True)


def test_the_head_is_told_in_a_log_line(village: Village, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    told = anchors.anchor_head(village.parts.database, village.clock, tmp_path)
    lines = [json.loads(JsonLines().format(record)) for record in caplog.records]
    assert (told.sequence, told.hash) in [
        (line.get("sequence"), line.get("hash")) for line in lines if line["event"] == "audit_head"
    ]


def test_the_log_is_exported_whole_and_in_order(village: Village) -> None:
    write_rows(village, 4)
    with village.parts.database.read() as session:
        lines = [json.loads(line) for line in export(session)]
        later = [json.loads(line) for line in export(session, lines[-2]["sequence"])]
    assert [line["sequence"] for line in lines] == list(range(1, len(lines) + 1))
    assert later == lines[-1:]
    assert lines[-1]["subject"] == "test:3"
    assert len(lines[-1]["hash"]) == 64


# The page


def page(village: Village, query: str = "") -> str:
    answer = village.browser("admin").get(f"/admin/audit{query}")
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def numbers(text: str) -> list[int]:
    """The rows that a page shows."""
    return [int(number) for number in re.findall(r'<td data-label="#" class="number">(\d+)</td>', text)]


def test_the_page_filters_and_turns_pages_by_key(village: Village) -> None:
    write_rows(village, 60)
    village.clock.advance(days=2)
    write_rows(village, 2, "later")
    newest = numbers(page(village))
    assert len(newest) == 50
    assert newest == sorted(newest, reverse=True)
    older = re.search(r'href="(/admin/audit\?[^"]*before=\d+)"', page(village, "?action=test"))
    assert older is not None
    assert "action=test" in older[1]
    rest = numbers(page(village, older[1].replace("&amp;", "&").removeprefix("/admin/audit")))
    assert len(rest) == 10
    assert max(rest) < min(numbers(page(village, "?action=test")))
    assert len(numbers(page(village, "?action=later"))) == 2
    assert re.search(r'<option value="later" selected>', page(village, "?action=later"))
    assert len(numbers(page(village, "?who=system&subject=test:1"))) == 2
    assert len(numbers(page(village, "?since=2026-03-04"))) == 2
    assert len(numbers(page(village, "?until=2026-03-01"))) == 0
    assert numbers(page(village, "?until=2026-03-02"))[0] == newest[2]


@pytest.mark.parametrize(
    "query",
    [
        "?before=-1",
        "?before=99999999999999999999999",
        "?before=x",
        "?since=0001-01-01&until=9999-12-31",
        "?since=2026-99-99",
        "?who=%00",
        "?who=" + "user:" + "9" * 5000,
        "?subject=%25%25%25%27%3B--",
        "?action=%F0%9F%92%A9",
        "?action=" + "a" * 5000,
    ],
)
def test_threat_38_absurd_filters_of_the_log_are_answered(village: Village, query: str) -> None:
    assert village.browser("admin").get(f"/admin/audit{query}").status_code in {200, 422}
