"""The chain of audit rows: what was changed, cut off or forged is noticed, and the first bad row is named."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import delete, select, text, update

from server.audit import service as audit
from server.db.models import AuditEntry, AuditHead
from server.domain.incident import IncidentAction
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
