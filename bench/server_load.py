"""Posts as fast as the server takes them: the parts `single`, `batch`, `duplicates` and `workers` of
`bench/server_all.py`. Requests are signed before the clock starts; what is compared takes turns within one run."""

from __future__ import annotations

import http.client
import itertools
import json
import os
import re
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from bench import server_echo
from bench.server_site import ROOT, Process, Request, Site, new_event, send, server, signed, site

BATCH: Final = 50
CONNECTIONS: Final = 4
SENDERS: Final = 16
"""Of single events at once."""
PACKAGE: Final = "prometheus-alertmanager"
UNPACKED: Final = ROOT / "artifacts" / "bench" / PACKAGE
ALERTS: Final = "/api/v2/alerts"
CONFIG: Final = """\
route: {receiver: nobody, group_by: [alertname, village, spot], group_wait: 5m, group_interval: 5m}
receivers: [{name: nobody}]
"""


@dataclass
class Numbers:
    """Gives out events that were never there."""

    base: datetime = field(default_factory=lambda: datetime.now(UTC) - timedelta(hours=3))
    counter: Iterator[int] = field(default_factory=itertools.count)

    def events(self, count: int) -> list[dict[str, Any]]:
        """So many new ones."""
        return [new_event(next(self.counter), self.base) for _ in range(count)]

    def batches(self, count: int) -> list[list[dict[str, Any]]]:
        """So many batches, each of one village."""
        return [self.events(BATCH) for _ in range(count)]


def single(
    database: str, cpus: Sequence[int], *, rounds: int, posts: int, say: Callable[[str], None]
) -> dict[str, Any]:
    """One event a request, in turns with the echoes: one request at a time, and from 16 senders at once.

    One at a time the ratio is of medians of latency, and the server waits for the disk once a request. At once it is of
    requests a second, and those that wait for the disk together wait once.
    """
    took_s: dict[str, list[float]] = {"server": [], server_echo.BARE: [], server_echo.SIGNED: []}
    rates: dict[str, list[float]] = {name: [] for name in took_s}
    used_ms: dict[tuple[str, int], list[float]] = {(name, senders): [] for name in took_s for senders in (1, SENDERS)}
    with site(database) as where, server(where, cpus=cpus) as real, _echo(where, cpus) as echo:
        numbers = Numbers()
        for number in range(rounds + 1):
            for (name, senders), used in used_ms.items():
                target = real if name == "server" else echo
                path = {} if name == "server" else {"path": name}
                requests = [signed(where.identity, [event], **path) for event in numbers.events(posts)]
                used_s = target.processor_s()
                if senders == 1:
                    answers, each_s = _one_by_one(target.port, requests)
                else:
                    answers, all_s = _at_once(target.port, requests, senders)
                if number:  # the first round warms everything up
                    used.append(1000 * (target.processor_s() - used_s) / posts)
                    if senders == 1:
                        took_s[name] += each_s
                    else:
                        rates[name].append(posts / all_s)
                assert all(status == 200 for status, _ in answers), answers[0]
                if name == "server":
                    assert _statuses(answers) == {"created"}, _statuses(answers)
    ms = {name: 1000 * statistics.median(values) for name, values in took_s.items()}
    rate = {name: statistics.median(values) for name, values in rates.items()}
    cpu = {key: statistics.median(values) for key, values in used_ms.items()}
    result = {
        "single_over_echo": ms[server_echo.BARE] / ms["server"],
        "single_over_verifying_echo": ms[server_echo.SIGNED] / ms["server"],
        "single_16_over_echo": rate["server"] / rate[server_echo.BARE],
        "single_16_over_verifying_echo": rate["server"] / rate[server_echo.SIGNED],
        "single_16_per_s": rate["server"],
    }
    for label, name in (("single", "server"), ("echo", server_echo.BARE), ("verifying_echo", server_echo.SIGNED)):
        result |= {
            f"{label}_ms": ms[name],
            f"{label}_cpu_ms": cpu[name, 1],
            f"{label}_16_cpu_ms": cpu[name, SENDERS],
        }
    say(
        f"one durable POST takes {ms['server']:.1f} ms, a bare echo {ms[server_echo.BARE]:.1f}, one that checks "
        f"the signature {ms[server_echo.SIGNED]:.1f}"
    )
    say(f"{SENDERS} senders: {', '.join(f'{value:.0f}' for value in rate.values())} a second")
    say(f"CPU, one by one and at once: {', '.join(f'{value:.2f}' for value in cpu.values())} ms")
    return result


def batch(
    database: str, cpus: Sequence[int], *, rounds: int, batches: int, say: Callable[[str], None]
) -> dict[str, Any]:
    """Batches of 50 new events, over four connections, in turns with Alertmanager and the same events."""
    workers = 1 if database == "sqlite" else 2
    rates: dict[str, list[float]] = {"server": [], "alertmanager": []}
    used_s = 0.0
    with ExitStack() as stack:
        where = stack.enter_context(site(database))
        real = stack.enter_context(server(where, workers=workers, cpus=cpus))
        other: Process | None = None
        try:
            other = stack.enter_context(_alertmanager(cpus))
        except (LeftOutError, RuntimeError) as error:
            say(f"Alertmanager: left out: {error}")
        numbers = Numbers()
        for number in range(rounds + 1):
            events = numbers.batches(batches if number else CONNECTIONS)
            requests = [signed(where.identity, items) for items in events]
            before_s = real.processor_s()
            answers, took_s = _at_once(real.port, requests)
            _check(answers, "created")
            if number:
                used_s += real.processor_s() - before_s
                rates["server"].append(len(events) * BATCH / took_s)
            if other is not None:
                answers, took_s = _at_once(other.port, [_alerts(items) for items in events])
                assert {status for status, _ in answers} == {200}, answers[0]
                if number:
                    rates["alertmanager"].append(len(events) * BATCH / took_s)
    ours = statistics.median(rates["server"])
    result: dict[str, Any] = {
        "batch_events_per_s": ours,
        "batch_cpu_ms_per_event": 1000 * used_s / (rounds * batches * BATCH),
        "alertmanager_alerts_per_s": None,
        "batch_over_alertmanager": None,
    }
    if rates["alertmanager"]:
        result["alertmanager_alerts_per_s"] = statistics.median(rates["alertmanager"])
        result["batch_over_alertmanager"] = ours / result["alertmanager_alerts_per_s"]
    say(
        f"{ours:.0f} events/s in batches of {BATCH} ({workers} worker(s), {result['batch_cpu_ms_per_event']:.3f} ms of "
        f"CPU each); Alertmanager {result['alertmanager_alerts_per_s'] or 0:.0f} alerts/s"
    )
    return result


def duplicates(
    database: str, cpus: Sequence[int], *, rounds: int, batches: int, say: Callable[[str], None]
) -> dict[str, Any]:
    """The same batches a second time, signed anew, in turns with new ones."""
    rates: dict[str, list[float]] = {"created": [], "duplicate": []}
    with site(database) as where, server(where, workers=1 if database == "sqlite" else 2, cpus=cpus) as real:
        numbers = Numbers()
        for number in range(rounds + 1):
            events = numbers.batches(batches if number else CONNECTIONS)
            for name, values in rates.items():
                requests = [signed(where.identity, items) for items in events]
                answers, took_s = _at_once(real.port, requests)
                _check(answers, name)
                if number:
                    values.append(len(events) * BATCH / took_s)
    fresh, again = (statistics.median(values) for values in rates.values())
    say(f"{fresh:.0f} new events/s, {again:.0f} duplicates/s")
    return {"duplicates_over_fresh": again / fresh, "duplicates_per_s": again, "fresh_per_s": fresh}


def workers(cpus: Sequence[int], *, rounds: int, batches: int, say: Callable[[str], None]) -> dict[str, Any]:
    """One and two worker processes on PostgreSQL, in turns, each with a database of its own."""
    rates: dict[int, list[float]] = {1: [], 2: []}
    with ExitStack() as stack:
        sites = {count: stack.enter_context(site("postgresql")) for count in rates}
        servers = {
            count: stack.enter_context(server(where, workers=count, cpus=cpus)) for count, where in sites.items()
        }
        numbers = Numbers()
        for number in range(rounds + 1):
            for count in rates if number % 2 else reversed(rates):
                events = numbers.batches(batches if number else 2 * CONNECTIONS)
                requests = [signed(sites[count].identity, items) for items in events]
                answers, took_s = _at_once(servers[count].port, requests)
                _check(answers, "created")
                if number:
                    rates[count].append(len(events) * BATCH / took_s)
    one, two = (statistics.median(values) for values in rates.values())
    say(f"{one:.0f} events/s with one worker on PostgreSQL, {two:.0f} with two")
    return {"two_workers_over_one": two / one, "one_worker_events_per_s": one, "two_workers_events_per_s": two}


@contextmanager
def _echo(where: Site, cpus: Sequence[int]) -> Iterator[Process]:
    key = where.identity.private_key.public_key().public_bytes_raw().hex()
    log = where.settings.data_dir / "echo.log"
    with Process(("bench.server_echo", "{port}", key), where.environment, log, cpus=cpus) as running:
        yield running


def _one_by_one(port: int, requests: Sequence[Request]) -> tuple[list[tuple[int, bytes]], list[float]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    answers, took_s = [], []
    for request in requests:
        began_s = time.perf_counter()
        answers.append(send(connection, request))
        took_s.append(time.perf_counter() - began_s)
    connection.close()
    return answers, took_s


def _at_once(
    port: int, requests: Sequence[Request], connections: int = CONNECTIONS
) -> tuple[list[tuple[int, bytes]], float]:
    """Send over a few connections; a village's batches stay in order, as its box sends them."""
    answers: list[tuple[int, bytes]] = []

    def run(mine: Sequence[Request]) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        for request in mine:
            answers.append(send(connection, request))  # noqa: PERF401 - what has come counts when a later one fails
        connection.close()

    threads = [threading.Thread(target=run, args=(requests[first::connections],)) for first in range(connections)]
    began_s = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took_s = time.perf_counter() - began_s
    if len(answers) != len(requests):
        raise RuntimeError(f"{len(requests) - len(answers)} of {len(requests)} requests got no answer")
    return answers, took_s


def _check(answers: Sequence[tuple[int, bytes]], wanted: str) -> None:
    assert {status for status, _ in answers} == {200}, answers[0]
    assert _statuses(answers) == {wanted}, _statuses(answers)


def _statuses(answers: Sequence[tuple[int, bytes]]) -> set[str]:
    return {result["status"] for _, content in answers for result in json.loads(content)["results"]}


class LeftOutError(Exception):
    """Why there is no Alertmanager to compare with."""


@contextmanager
def _alertmanager(cpus: Sequence[int]) -> Iterator[Process]:
    """Debian's: the installed one, or one that is fetched and only unpacked. Its paths are fixed: it gets a root."""
    found = shutil.which(PACKAGE)
    root = Path("/") if found is not None else _unpacked()
    command = (found,) if found is not None else ("unshare", "--map-root-user", f"--root={root}", f"/usr/bin/{PACKAGE}")
    (root / "tmp").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="langan-bench-", dir=root / "tmp") as name:
        folder, inside = Path(name), f"/{Path(name).relative_to(root)}"
        (folder / "alertmanager.yml").write_text(CONFIG, encoding="utf-8")
        arguments = (
            f"--config.file={inside}/alertmanager.yml", f"--storage.path={inside}/data",
            "--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address=",
        )  # fmt: skip
        environment = dict(os.environ) | {"GOMAXPROCS": str(len(cpus))}
        with Process(arguments, environment, folder / "log", cpus=cpus, program=command, ready="/-/ready") as running:
            yield running


def _unpacked() -> Path:
    """A folder with the package's files and the libraries that its program wants.

    Raises:
        LeftOutError: It cannot be fetched here.
    """
    program = UNPACKED / "usr" / "bin" / PACKAGE
    if missing := [tool for tool in ("apt-get", "dpkg", "unshare", "ldd") if shutil.which(tool) is None]:
        raise LeftOutError(f"no {missing[0]} here to fetch it with: install {PACKAGE}")
    if not program.exists():
        with tempfile.TemporaryDirectory() as folder:
            command = ["apt-get", "download", PACKAGE]
            fetched = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
            files = list(Path(folder).glob("*.deb"))
            if fetched.returncode != 0 or not files:
                raise LeftOutError(f"{' '.join(command)} failed: {fetched.stderr.strip()[-200:]}")
            UNPACKED.mkdir(parents=True, exist_ok=True)
            subprocess.run(["dpkg", "-x", str(files[0]), str(UNPACKED)], check=True)
    libraries = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=True).stdout
    for library in re.findall(r"(/\S+) \(0x", libraries):
        copy = UNPACKED / library.lstrip("/")
        if not copy.exists():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(library, copy)
    return UNPACKED


def _alerts(events: Sequence[dict[str, Any]]) -> Request:
    """The same events as Alertmanager takes them: each is an alert of its own, as each is an event of its own here."""
    alerts = [
        {
            "labels": {
                "alertname": event["kind"], "village": event["village"], "spot": event["spot"],
                "camera": event["camera_id"], "event_id": event["event_id"],
            },
            "annotations": {name: str(value) for name, value in event["facts"].items()},
            "startsAt": event["started_at"],
        }
        for event in events
    ]  # fmt: skip
    return Request(ALERTS, json.dumps(alerts).encode(), {"Content-Type": "application/json"})
