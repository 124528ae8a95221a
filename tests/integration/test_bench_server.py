"""The benchmarks of the server run, and the one of kills sees what it looks for. What they say of speed is no test."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, select, update

from bench import server_all, server_kills, server_volume
from bench.server_kills import Told, compare
from bench.server_site import Site, site
from server import create_services
from server.db.models import EventRevision, Incident
from server.domain.access import Principal, Role
from server.ingest.service import ingest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.timeout(600)
def test_bench_server_ends_with_one_line_of_what_was_measured(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bench.server_all", "--quick", "--database", "sqlite", "--kills", "2"]
    parts = ["--only", "single", "--only", "duplicates", "--only", "kills", "--log", str(tmp_path / "kills.jsonl")]
    done = subprocess.run([*command, *parts], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    last = json.loads(done.stdout.splitlines()[-1])
    assert last.keys() >= set(server_all.PROMISED)
    assert {name for name in server_all.PROMISED if last[name] is None} == set(server_all.PROMISED) - {
        "single_over_echo", "duplicates_over_fresh", "lost", "different_from_oracle",
    }  # fmt: skip
    assert last["single_over_echo"] == pytest.approx(last["echo_ms"] / last["single_ms"], rel=0.05)
    assert (last["kills"], last["lost"], last["doubled"], last["different_from_oracle"]) == (2, 0, 0, 0)
    assert last["acknowledged"] > 0
    (leg,) = (json.loads(line) for line in (tmp_path / "kills.jsonl").read_text("utf-8").splitlines())
    assert (leg["seed"], leg["kills"]) == (1000, 2)
    assert leg["all_processes_at_once"] >= 1
    assert leg["never_acknowledged"] == leg["refused"] == 0


def test_finished_legs_of_the_kills_are_counted_and_not_run_again(tmp_path: Path) -> None:
    leg = {
        "database": "sqlite", "seed": 7000, "kills": 5, "acknowledged": 90, "lost": 1, "doubled": 0, "incidents": 4,
        "different_from_oracle": 0, "never_acknowledged": 0, "refused": 0,
    }  # fmt: skip
    log = tmp_path / "kills.jsonl"
    log.write_text(json.dumps(leg) + "\n", encoding="utf-8")
    sums = server_kills.all_legs("sqlite", 5, 7, log=log)
    assert (sums["kills"], sums["acknowledged"], sums["lost"], sums["bad_legs"]) == (5, 90, 1, 1)


@pytest.mark.timeout(600)
def test_a_years_volume_is_made_and_every_question_asked(tmp_path: Path) -> None:
    arguments = ["--events", "2000", "--rounds", "2", "--database", "sqlite", "--folder", str(tmp_path / "volume")]
    detail = tmp_path / "detail.json"
    options = server_volume.parser().parse_args([*arguments, "--detail", str(detail)])
    figures = server_volume.both(options)
    assert figures["list_p95_ms"] > 0
    assert figures["yearly_report_s"] > 0
    each = json.loads(detail.read_text("utf-8"))["sqlite"]
    assert each["rows"]["events"] == 2000
    assert each["rows"]["event_revisions"] == each["rows"]["evidence_files"] == 4000
    assert 500 < each["rows"]["incidents"] < 1500
    assert sum(question.startswith("http ") for question in each["ms"]) >= 8
    assert list(tmp_path.glob("volume/*")) == []  # nothing of it stays


@pytest.fixture
def told(tmp_path: Path) -> tuple[Told, Site]:
    """A server that took everything, and what was told to it."""
    told = Told(random.Random(3), datetime.now(UTC).replace(microsecond=0) - timedelta(hours=12))
    while len(told.bodies) < 60:
        told.more()
    with site("sqlite", tmp_path) as where:
        parts = create_services(where.settings)
        device = Principal(Role.DEVICE, "box", "box", "xa")
        ingest(parts.database, parts.clock, where.settings.zone, device, list(told.bodies.values()))
        parts.database.close()
    told.acknowledged |= told.bodies.keys()
    return told, where


def test_the_comparison_after_kills_finds_nothing_where_nothing_is_wrong(told: tuple[Told, Site]) -> None:
    found = compare(*told)
    assert found["acknowledged"] == found["revisions"] >= 60
    assert found["incidents"] > 5
    assert (found["lost"], found["doubled"], found["different_from_oracle"]) == (0, 0, 0)


def test_the_comparison_after_kills_finds_a_lost_revision_and_one_that_was_new_twice(told: tuple[Told, Site]) -> None:
    what, where = told
    gone, twice = list(what.bodies)[3:5]
    what.created[twice] = 2
    parts = create_services(where.settings)
    with parts.database.write() as session:
        row = next(row for row in session.scalars(select(EventRevision)) if (str(row.event_id), row.revision) == gone)
        session.execute(
            delete(EventRevision).where(EventRevision.event_id == row.event_id, EventRevision.revision == row.revision)
        )
    parts.database.close()
    found = compare(what, where)
    assert (found["lost"], found["different_from_oracle"]) == (2, 0)
    assert set(found["first_lost"]) == {gone, twice}


def test_the_comparison_after_kills_finds_an_incident_that_differs(told: tuple[Told, Site]) -> None:
    what, where = told
    parts = create_services(where.settings)
    with parts.database.write() as session:
        incident = session.scalars(select(Incident).where(Incident.merged_into_id.is_(None))).first()
        assert incident is not None
        session.execute(
            update(Incident).where(Incident.id == incident.id).values(open_event_count=incident.open_event_count + 1)
        )
    parts.database.close()
    found = compare(what, where)
    assert (found["lost"], found["different_from_oracle"]) == (0, 1)
    assert found["first_different"][0]["key"] == incident.key
