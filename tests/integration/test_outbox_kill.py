"""Threat 42: an edge that is killed at any instant keeps every event it was told is stored, and none twice."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

from edge.outbox import SqliteOutbox
from tests.edge_fakes import FakeClock

KILLS = 30

WRITER = """
import sys
from pathlib import Path
from edge.clock import SystemClock
from edge.outbox import SqliteOutbox
from contract.event import EventResult
from tests.edge_fakes import make_event

path, run = Path(sys.argv[1]), sys.argv[2]
outbox = SqliteOutbox(path, SystemClock())
for i in range(1_000_000):
    event = make_event(f"{run}-{i // 3}", i % 3)
    outbox.put(event, [])
    print("put", event.event_id, event.revision, flush=True)
    if i % 7 == 6:  # the server's word on the oldest one
        oldest = outbox.pending_events(1)[0]
        print("settling", oldest.event_id, oldest.revision, flush=True)
        outbox.settle([EventResult(event_id=oldest.event_id, revision=oldest.revision, status="created")])
        print("settled", oldest.event_id, oldest.revision, flush=True)
"""

OPENER = """
import sys
from pathlib import Path
from edge.clock import SystemClock
from edge.outbox import SqliteOutbox

print("ready", flush=True)
SqliteOutbox(Path(sys.argv[1]), SystemClock())
"""


def test_killing_the_writer_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """What `put` returned for is there unless settled, in order; what was settled is gone."""
    path = tmp_path / "outbox.sqlite"
    rng = random.Random(20260301)
    put: list[str] = []
    settled: set[str] = set()
    unsure: set[str] = set()
    for run in range(KILLS):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(run)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as writer:
            assert writer.stdout is not None
            assert writer.stderr is not None
            lines = [writer.stdout.readline()]  # it works before it is killed
            time.sleep(rng.uniform(0.0, 0.12))
            writer.kill()
            lines += writer.stdout.readlines()
            problems = writer.stderr.read()
        assert not problems
        for line in lines:
            act, _, key = line.strip().partition(" ")
            if not line.endswith("\n"):
                unsure.add(key)
            elif act == "put":
                put.append(key)
            elif act == "settling":
                unsure.add(key)
            else:
                settled.add(key)
                unsure.discard(key)

    outbox = SqliteOutbox(path, FakeClock())
    found = [f"{event.event_id} {event.revision}" for event in outbox.pending_events(10_000_000)]
    outbox.close()
    assert len(put) > KILLS
    assert len(found) == len(set(found)), "an event is there twice"
    missing = [key for key in put if key not in settled and key not in found]
    assert set(missing) <= unsure, f"stored events are lost: {missing}"
    assert not settled & set(found), "a settled event is back"
    extra = set(found) - set(put)
    assert len(extra) <= KILLS, "at most the put that was cut short can be there without its word"
    known = [key for key in found if key not in extra]
    order = {key: i for i, key in enumerate(put)}
    assert known == sorted(known, key=order.__getitem__), "the order changed"
    assert not list(tmp_path.glob("*.corrupt-*")), "a kill corrupted the file"


def test_killing_in_the_middle_of_the_first_opening_leaves_a_usable_outbox(tmp_path: Path) -> None:
    rng = random.Random(7)
    for i in range(8):
        path = tmp_path / f"outbox{i}.sqlite"
        with subprocess.Popen([sys.executable, "-c", OPENER, str(path)], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            time.sleep(rng.uniform(0.0, 0.01))
            process.kill()
        outbox = SqliteOutbox(path, FakeClock())
        assert outbox.counts() == (0, 0)
        outbox.close()
