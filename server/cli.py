"""`langan-server`: run, migrate, user, device, quarantine, places, stats, audit."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from contract.yaml_tree import SITE_FILE
from server import create_services, migrations
from server.audit import anchors
from server.audit.queries import export
from server.auth import command as users
from server.auth import first_admin
from server.db.engine import Database, unbounded
from server.devices import command as devices
from server.errors import ServerError, Unavailable
from server.http import set_up_logging
from server.ingest import command as quarantine
from server.places import service as places
from server.push import command as push
from server.services import Services
from server.settings import Settings
from server.stats import count_rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; gives the exit code."""
    options = _parser().parse_args(arguments)
    try:
        settings = Settings.from_environment().prepared()
    except ValidationError as error:
        for item in error.errors():
            name = "_".join(("LANGAN", *(str(part).upper() for part in item["loc"])))
            print(f"{name}: {item['msg']}: correct the environment variable", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"LANGAN_DATA_DIR: {error}: choose a folder that this user may write", file=sys.stderr)
        return 2
    set_up_logging(settings.log_level, settings.log_format)
    try:
        with nullcontext() if options.command in (_run, _stream) else unbounded():
            code: int = options.command(settings, options)
    except ServerError as error:
        print(error.message, file=sys.stderr)
        if error.remedy:
            print(f"Remedy: {error.remedy}", file=sys.stderr)
        return 1
    except ValueError as error:
        print(str(error), file=sys.stderr)
        return 2
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="langan-server", description="The server of Làng An. Settings: LANGAN_* variables."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_processes(commands)

    retention = commands.add_parser(
        "retention", help="delete now what is over its period; each night it is done anyway"
    )
    retention.add_argument("--dry-run", action="store_true", help="only say what would be deleted")
    retention.set_defaults(command=_retention)

    setup = commands.add_parser("setup-link", help="print a link for the first admin, good once and for an hour")
    setup.set_defaults(command=_setup_link)

    migrate = commands.add_parser("migrate", help="bring the database to the newest revision")
    migrate.set_defaults(command=_migrate)

    users.add(commands, _ready)
    devices.add(commands, _ready)
    quarantine.add(commands, _ready)

    place = commands.add_parser("places", help="places").add_subparsers(required=True, metavar="COMMAND")
    sync = place.add_parser("sync", help="take over the places of a site.yaml")
    sync.add_argument("file", type=Path)
    sync.set_defaults(command=_sync_places)

    reports = commands.add_parser("reports", help="reports").add_subparsers(required=True, metavar="COMMAND")
    rebuild = reports.add_parser("rebuild", help="count the sums behind reports anew, from the incidents")
    rebuild.set_defaults(command=_rebuild_reports)

    push.add(commands, _ready)

    stats = commands.add_parser("stats", help="what the server holds, as one JSON line")
    stats.set_defaults(command=_show_stats)

    _add_audit(commands.add_parser("audit", help="audit log").add_subparsers(required=True, metavar="COMMAND"))
    return parser


def _add_audit(audit: Any) -> None:
    verify = audit.add_parser("verify", help="check the chain; names the first bad row")
    verify.add_argument(
        "--anchor",
        action="append",
        default=[],
        metavar="NUMBER:HASH",
        help="as a report, a log line or `audit head` told it; may be repeated",
    )
    verify.set_defaults(command=_verify_audit)
    head = audit.add_parser("head", help="print where the log stands, and write it down outside of the database")
    head.set_defaults(command=_audit_head)
    export = audit.add_parser("export", help="write the log as lines of JSON to standard output")
    export.add_argument("--since", type=int, default=0, metavar="NUMBER", help="only rows after this one")
    export.set_defaults(command=_export_audit)


def _add_processes(commands: Any) -> None:
    """What serves until it is told to stop."""
    run = commands.add_parser("run", help="serve; on the embedded database, migrate first")
    run.add_argument("--host", help="address to listen on (default: of LANGAN_BIND, 127.0.0.1)")
    run.add_argument("--port", type=int, help="port to listen on; 0 takes a free one (default: of LANGAN_BIND, 8000)")
    run.add_argument("--workers", type=int, default=1, help="processes; more than 1 only with PostgreSQL")
    run.set_defaults(command=_run)

    stream = commands.add_parser("stream", help="serve the live feed alone, to thousands of pages")
    stream.add_argument("--host", help="address to listen on (default: of LANGAN_STREAM_BIND, 127.0.0.1)")
    stream.add_argument("--port", type=int, help="port; 0 takes a free one (default: of LANGAN_STREAM_BIND, 8001)")
    stream.set_defaults(command=_stream)

    relay = commands.add_parser("relay", help="number the live feed (PostgreSQL); web processes do it, too")
    relay.set_defaults(command=_relay)

    worker = commands.add_parser(
        "worker", help="do jobs and send notifications, and nothing else (LANGAN_JOBS=separate)"
    )
    worker.set_defaults(command=_worker)


def _run(settings: Settings, options: argparse.Namespace) -> int:
    from server.run import serve, share_metrics

    bind = _address(settings.bind, options)
    if options.workers < 1 or (options.workers > 1 and settings.is_embedded):
        raise ValueError("--workers: the embedded database takes one process: use 1, or PostgreSQL")
    if settings.is_embedded:
        _upgrade(settings)
    share_metrics(options.workers)
    create_services(settings).store.forget_unfinished()
    serve(settings, bind, options.workers, _first_admin_code(settings))
    return 0


def _first_admin_code(settings: Settings) -> str | None:
    """A code for the first admin while there is none; its connection is closed before workers are forked."""
    parts = create_services(settings)
    try:
        if not migrations.standing(parts.database).is_usable:
            return None
        with parts.database.write() as session:
            return first_admin.new_code(session, parts.clock)
    except Unavailable:  # the server starts and waits for its database: `setup-link` prints one later
        return None
    finally:
        parts.database.close()


def _setup_link(settings: Settings, _options: argparse.Namespace) -> int:
    parts = _ready(settings)
    with parts.database.write() as session:
        code = first_admin.new_code(session, parts.clock)
    if code is None:
        print("There is an admin already: `langan-server user add NAME --role admin` adds another.", file=sys.stderr)
        return 1
    print(first_admin.link(settings.public_url or f"http://{settings.bind}", code))
    return 0


def _worker(settings: Settings, _options: argparse.Namespace) -> int:
    from server.jobs.worker import work_until_told

    if settings.is_embedded and settings.jobs == "embedded":
        raise ValueError("LANGAN_JOBS=embedded: `langan-server run` does the jobs; set LANGAN_JOBS=separate for both")
    work_until_told(_ready(settings))
    return 0


def _retention(settings: Settings, options: argparse.Namespace) -> int:
    from server.retention.service import enforce
    from server.retention.sweep import purge_removed

    parts = _ready(settings)
    report = enforce(parts, dry_run=options.dry_run)
    words = "would be deleted" if options.dry_run else "deleted"
    for what, number in sorted(report.counts.items()):
        print(f"{what:14} {number:9} {words}")
    print(f"{'bytes':14} {report.bytes:9} of evidence; {report.held} incidents are held")
    if not options.dry_run:
        purge_removed(parts)
    return 0


def _address(bind: str, options: argparse.Namespace) -> str:
    host, _, port = bind.rpartition(":")
    return f"{options.host or host or '127.0.0.1'}:{port if options.port is None else options.port}"


def _stream(settings: Settings, options: argparse.Namespace) -> int:
    try:
        from server.stream.run import serve
    except ModuleNotFoundError as error:
        raise ValueError(f"{error.name} is not installed: pip install 'langan[server,scale]'") from error

    _ready(settings).database.close()
    serve(settings, _address(settings.stream_bind, options))
    return 0


def _relay(settings: Settings, _options: argparse.Namespace) -> int:
    from server.alerts.relay import serve

    if settings.is_embedded:
        raise ValueError("the embedded database numbers its feed itself: a relay is for PostgreSQL")
    serve(_ready(settings).relay)
    return 0


def _migrate(settings: Settings, _options: argparse.Namespace) -> int:
    revision = _upgrade(settings)
    newer = "" if revision == migrations.head() else f", newer than this program's {migrations.head()}: left as it is"
    print(f"The database is at revision {revision}{newer}.")
    return 0


def _upgrade(settings: Settings) -> str:
    database = Database(settings.database_url)
    try:
        return migrations.upgrade(database)
    finally:
        database.close()


def _ready(settings: Settings) -> Services:
    """The parts of a server on a migrated database; one that a newer release has migrated will do."""
    parts = create_services(settings)
    if not migrations.standing(parts.database).is_usable:
        if not settings.is_embedded:
            raise ValueError("the database is not at the newest revision: run `langan-server migrate` first")
        migrations.upgrade(parts.database)
    return parts


def _sync_places(settings: Settings, options: argparse.Namespace) -> int:
    parts = _ready(settings)
    try:
        if options.file.stat().st_size > SITE_FILE.size:
            raise ValueError(f"{options.file}: over {SITE_FILE.size} bytes: this is no site.yaml")
        text = options.file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{options.file}: {error}: name a readable site.yaml in UTF-8") from error
    with parts.database.write() as session:
        config = places.sync(session, parts.clock, text, os.fspath(options.file))
    print(f"Took over {len(config.places)} places of {config.site.name}.")
    return 0


def _rebuild_reports(settings: Settings, _options: argparse.Namespace) -> int:
    from server.reports.rebuild import rebuild

    counted = rebuild(_ready(settings).database, settings.zone)
    print(f"Counted {counted} incidents.")
    return 0


def _show_stats(settings: Settings, _options: argparse.Namespace) -> int:
    with _ready(settings).database.read() as session:
        print(json.dumps(count_rows(session)))
    return 0


def _verify_audit(settings: Settings, options: argparse.Namespace) -> int:
    parts = _ready(settings)
    told = [anchors.Anchor.read(text, parts.clock.utc()) for text in options.anchor]
    told += anchors.kept_anchors(settings.data_dir)
    with parts.database.snapshot() as session:  # the server goes on writing meanwhile
        report = parts.chain.verify(session)
        fault = report.fault or anchors.check(session, told)
    if fault is None:
        print(f"The audit log is whole: {report.rows} rows, {len(told)} anchors.")
        return 0
    print(f"The audit log is broken at row {fault.sequence}: {fault.reason}", file=sys.stderr)
    return 1


def _audit_head(settings: Settings, _options: argparse.Namespace) -> int:
    parts = _ready(settings)
    print(anchors.anchor_head(parts.database, parts.clock, settings.data_dir))
    return 0


def _export_audit(settings: Settings, options: argparse.Namespace) -> int:
    with _ready(settings).database.read() as session:
        for line in export(session, options.since):
            print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
