"""The command `langan-edge`. Each subcommand imports what it needs, so that `validate` answers at once.

Exit status: 0 well; 1 the configuration, the clip or the machine is not as it must be; 2 wrong usage.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from contract.rules.base import Language
from edge import __version__
from edge.bench.command import add_capacity_options, bench_cameras
from edge.detection.manifest import models_of
from edge.enrol_command import add_options as add_enrol_options
from edge.errors import ConfigurationError, EdgeError, SourceNotFound
from edge.find_cameras import add_commands as add_camera_commands
from edge.models.commands import add_commands as add_models_commands
from edge.settings import OLD_TOKEN_NAME, OLD_TOKEN_WORDS, EdgeSettings, SettingsError, read_secrets
from edge.what_if_command import Unclear, add_options, is_what_if
from edge.what_if_command import run as run_what_if

if TYPE_CHECKING:
    from contract.config_loader import LoadedCamera
    from contract.event import Event
    from contract.site_config import SiteConfig

FAILED = 1
WRONG_USAGE = 2
DEFAULT_START = "2026-01-01T12:00:00+07:00"
"""Noon at the place: rules for the night stay quiet unless asked for."""
DEFAULT_EVIDENCE_MB = 4000


class UsageError(Exception):
    """What was typed cannot be meant; the message says what can."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a subcommand; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        with models_of(getattr(options, "config", None)):
            return int(options.act(options))
    except (UsageError, Unclear) as error:
        print(f"langan-edge: {error}", file=sys.stderr)
        return WRONG_USAGE
    except BrokenPipeError:  # the reader of our output (head, jq) has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except (EdgeError, OSError, ValueError) as error:
        if options.verbose and not isinstance(error, EdgeError):
            raise
        language = getattr(options, "language", _system_language())
        told = error.in_language(language) if isinstance(error, EdgeError) else str(error)
        print(f"langan-edge: {told}", file=sys.stderr)
        return WRONG_USAGE if isinstance(error, (SettingsError, SourceNotFound)) else FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="langan-edge", description="Watches a village's cameras (Làng An, edge).")
    parser.add_argument("--version", action="version", version=f"langan-edge {__version__}")
    parser.add_argument("--verbose", "-v", action="store_true", help="log details")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    run = _command(
        commands,
        "run",
        "watch the cameras of a configuration folder until stopped",
        "Ctrl-C or SIGTERM stops it, SIGHUP reads the configuration again.",
    )
    _add_config(run)
    _add_data(run)
    run.add_argument("--media", type=Path, help="folder below which clips that act as cameras lie (CONFIG/media)")
    run.add_argument("--env-file", type=Path, help="file of LANGAN_NAME=value lines: passwords of cameras")
    run.add_argument(
        "--evidence-mb",
        type=int,
        default=DEFAULT_EVIDENCE_MB,
        metavar="MB",
        help="room for evidence, outbox and all else below --data (%(default)s)",
    )
    run.add_argument(
        "--http",
        metavar="HOST:PORT",
        help="where /healthz and /metrics are served, or off (127.0.0.1:9476, and nowhere if that is taken)",
    )
    run.add_argument(
        "--workers",
        type=int,
        metavar="N",
        help="worker processes that share the cameras (one for each processor core, and never more than cameras)",
    )
    run.set_defaults(act=_run)

    enrol = _command(
        commands,
        "enrol",
        "let this box into a server with the one-time code of its admin",
        "Makes a key in the data folder, which never leaves it. Restart a running edge afterwards.",
    )
    _add_data(enrol)
    add_enrol_options(enrol)

    validate = _command(
        commands,
        "validate",
        "check a configuration folder; one line for each mistake",
        "Models and their files are checked, too; no camera is opened. Exit status 1: there are mistakes.",
    )
    validate.add_argument("config", type=Path, metavar="CONFIG_DIR")
    validate.add_argument(
        "--language", choices=("vi", "en"), default=_system_language(), help="of messages (%(default)s)"
    )
    validate.set_defaults(act=_validate)

    _add_outbox(_command(commands, "outbox", "see what the server refused, and send it again (stop the edge first)"))

    replay = _command(
        commands,
        "replay",
        "run a recorded clip through a camera's rules and print its events",
        "Nothing is sent. With --against: what --config would have told otherwise than OLD, over clips or over what "
        "`run` has stored.",
    )
    _add_clip(replay, several=True)
    add_options(replay)
    replay.add_argument(
        "--json", action="store_true", help="one line of Event v1 for each revision; with --against one JSON object"
    )
    replay.add_argument("--evidence", type=Path, metavar="DIR", help="keep snapshots and clips there")
    replay.add_argument("--annotate", type=Path, metavar="OUT.mp4", help="write a video with tracks, zones and events")
    replay.set_defaults(act=_replay)

    add_camera_commands(commands, _system_language())
    add_models_commands(commands)

    bench = _command(
        commands, "bench", "time each stage over a clip, or find how many cameras the machine holds; prints JSON"
    )
    _add_clip(bench)
    add_capacity_options(bench)
    bench.set_defaults(act=_bench)
    return parser


def _command(commands: Any, name: str, what: str, more: str = "") -> argparse.ArgumentParser:
    """A subcommand whose own help begins with what the list of commands says of it."""
    description = f"{what[0].upper()}{what[1:]}. {more}".strip()
    parser: argparse.ArgumentParser = commands.add_parser(name, help=what, description=description)
    return parser


def _system_language() -> Language:
    """Vietnamese where the system speaks it, in the order in which POSIX asks."""
    asked = (os.environ.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    return "vi" if next(filter(None, asked), "").startswith("vi") else "en"


def _add_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, required=True, metavar="DIR", help="site.yaml and cameras/*.yaml")


def _add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data",
        type=Path,
        default=Path("var/edge"),
        metavar="DIR",
        help="folder for outbox and evidence (%(default)s)",
    )


def _add_outbox(outbox: argparse.ArgumentParser) -> None:
    actions = outbox.add_subparsers(required=True, metavar="ACTION", dest="action")
    for name, what in (
        ("list", "one line for each refused event and file, with the server's reason"),
        ("retry", "send refused events again at the next start, after the mistake was mended"),
        ("export", "one JSON line for each refused event"),
    ):
        action = _command(actions, name, what)
        _add_data(action)
        if name == "retry":
            action.add_argument("--camera", metavar="ID", help="only this camera's events")
    outbox.set_defaults(act=_outbox)


def _add_clip(parser: argparse.ArgumentParser, *, several: bool = False) -> None:
    _add_config(parser)
    parser.add_argument("--camera", required=not several, metavar="ID", help="whose zones and rules")
    parser.add_argument(
        "--start",
        default=DEFAULT_START,
        metavar="ISO-8601",
        help="when the first frame was taken; without an offset, in the site's time zone (%(default)s)",
    )
    parser.add_argument(
        "clip",
        type=Path,
        nargs="*" if several else None,
        metavar="CLIP",
        help="a video file; it takes the place of the camera's inputs",
    )


def _run(options: argparse.Namespace) -> int:
    from edge.logs import configure_logging

    settings = EdgeSettings(
        config_dir=options.config,
        data_dir=options.data,
        media_dir=options.media or options.config / "media",
        secrets=read_secrets(os.environ, options.env_file),
    )
    configure_logging(settings.secret_values, logging.DEBUG if options.verbose else logging.INFO)
    if OLD_TOKEN_NAME in settings.secrets:
        logging.getLogger(__name__).warning(OLD_TOKEN_WORDS, options.data)
    if options.evidence_mb <= 0:
        raise UsageError(f"--evidence-mb {options.evidence_mb}: give a number above 0")
    if options.workers is not None and options.workers <= 0:
        raise UsageError(f"--workers {options.workers}: give a number above 0")
    from edge.monitoring.http import Address
    from edge.monitoring.watch import DEFAULT_ADDRESS
    from edge.process import EdgeProcess

    try:
        address = None if options.http == "off" else Address.parse(options.http) if options.http else DEFAULT_ADDRESS
    except ValueError as error:
        raise UsageError(f"--http {error}") from error
    EdgeProcess(settings, options.evidence_mb * 1_000_000, options.workers, address).run()
    return 0


def _validate(options: argparse.Namespace) -> int:
    from contract.config_loader import load_config_dir
    from contract.messages import Text
    from edge.config_check import calibration_notes, check_loaded
    from edge.size_check import size_notes

    loaded = load_config_dir(options.config)
    errors = [*loaded.errors, *check_loaded(loaded)]
    for error in errors:
        print(error.in_language(options.language))
    if errors:
        return FAILED
    for note in (*calibration_notes(loaded), *size_notes(loaded)):
        print(note.in_language(options.language), file=sys.stderr)
    rules = sum(len(item.config.rules) for item in loaded.cameras.values())
    well = Text("well (cameras: {cameras}, rules: {rules})", cameras=len(loaded.cameras), rules=rules)
    print(f"{options.config}: {well.in_language(options.language)}", file=sys.stderr)
    return 0


def _outbox(options: argparse.Namespace) -> int:
    from edge.outbox import refused

    lines = {
        "list": lambda: refused.list_refused(options.data),
        "retry": lambda: refused.retry_refused(options.data, options.camera),
        "export": lambda: refused.export_refused(options.data),
    }[options.action]()
    for line in lines:
        print(line)
    return 0


def _load_camera(options: argparse.Namespace) -> tuple[LoadedCamera, SiteConfig]:
    from contract.config_loader import load_config_dir

    loaded = load_config_dir(options.config)
    camera = loaded.cameras.get(options.camera)
    if camera is None or loaded.site is None:
        if loaded.errors:
            raise ConfigurationError(loaded.errors)
        raise UsageError(f"--camera {options.camera}: no such camera; known: {', '.join(sorted(loaded.cameras))}")
    for error in loaded.errors:
        print(f"warning: {error.in_language(_system_language())}", file=sys.stderr)
    return camera, loaded.site


def _start(options: argparse.Namespace, site: SiteConfig) -> datetime:
    from zoneinfo import ZoneInfo

    try:
        start = datetime.fromisoformat(options.start)
    except ValueError:
        raise UsageError(
            f"--start {options.start}: not an ISO 8601 time: write it like 2026-03-01T18:30:00+07:00"
        ) from None
    return start if start.tzinfo is not None else start.replace(tzinfo=ZoneInfo(site.site.timezone))


def _replay(options: argparse.Namespace) -> int:
    from edge.logs import configure_logging

    configure_logging(level=logging.INFO if options.verbose else logging.ERROR)
    show_of = (lambda _site: _print_json) if options.json else _make_table
    if is_what_if(options):
        return run_what_if(options, lambda site: _start(options, site), show_of)
    if options.camera is None or len(options.clip) != 1:
        raise UsageError("replay: give --camera ID and one CLIP, or --against OLD and one or more, or --observations")
    [clip] = options.clip
    camera, site = _load_camera(options)
    start = _start(options, site)
    from edge.annotate import AnnotatedVideo
    from edge.replay import replay

    show = show_of(site)
    with ExitStack() as stack:
        watcher = None
        if options.annotate is not None:
            watcher = stack.enter_context(AnnotatedVideo(options.annotate, camera.config))
        report = replay(camera, site, clip, start, show, evidence_dir=options.evidence, watcher=watcher)
    print(
        f"{clip}: {report.clip_s:.1f} s of video in {report.wall_s:.1f} s, {report.counts.frames} frames, "
        f"{report.counts.searched} searched",
        file=sys.stderr,
    )
    return 0


def _print_json(event: Event) -> None:
    print(event.model_dump_json(), flush=True)


def _make_table(site: SiteConfig) -> Callable[[Event], None]:
    from zoneinfo import ZoneInfo

    zone = ZoneInfo(site.site.timezone)
    print(f"{'observed':<12} {'state':<7} {'kind':<16} {'zone':<16} {'conf.':>5}  facts")

    def show(event: Event) -> None:
        known = event.facts.model_dump(exclude_none=True).items()
        facts = ", ".join(
            f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}" for name, value in known
        )
        observed = f"{event.observed_at.astimezone(zone):%H:%M:%S.%f}"[:-3]
        place = event.zone or "-"
        print(
            f"{observed:<12} {event.state:<7} {event.kind:<16} {place:<16} {event.confidence:>5.2f}  {facts}",
            flush=True,
        )

    return show


def _bench(options: argparse.Namespace) -> int:
    from edge.logs import configure_logging

    configure_logging(level=logging.INFO if options.verbose else logging.ERROR)
    camera, site = _load_camera(options)
    if options.cameras:
        return bench_cameras(options, (options.config / "site.yaml").read_text("utf-8"), camera.text)
    start = _start(options, site)
    from edge.replay import replay

    report = replay(camera, site, options.clip, start, lambda _event: None)
    counts = report.counts
    stages = {
        "decode": (report.decode_s, counts.frames),
        "gate": (counts.gate_s, counts.frames),
        "detect": (counts.detect_s, counts.searched),
        "track": (counts.track_s, counts.frames),
        "rules_and_evidence": (counts.decide_s, counts.frames),
    }
    figures = {
        "clip_s": round(report.clip_s, 3),
        "wall_s": round(report.wall_s, 3),
        "times_real_time": round(report.clip_s / report.wall_s, 2),
        "frames": counts.frames,
        "searched": counts.searched,
        "gated": counts.gated,
        "fps": round(counts.frames / report.wall_s, 1),
        "stages": {
            name: {"ms_per_frame": round(1000 * total_s / max(1, done), 3), "fps": round(done / max(total_s, 1e-9), 1)}
            for name, (total_s, done) in stages.items()
        },
    }
    print(json.dumps(figures, indent=1))
    return 0


def exit_with_status() -> NoReturn:
    """Entry point of `python -m edge.cli`."""
    sys.exit(main())


if __name__ == "__main__":
    exit_with_status()
