"""`langan-edge replay --against` and `--observations`: options, loading, and how differences are told."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from contract.messages import Text
from contract.rules import RULES
from contract.rules.base import Language

if TYPE_CHECKING:
    from contract.event import Event
    from contract.site_config import SiteConfig
    from edge.what_if import Comparison, Configured


class Unclear(Exception):
    """What was typed cannot be meant; the message says what can."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """What `replay` takes beside a clip."""
    parser.add_argument(
        "--against", type=Path, metavar="OLD", help="tell which events --config adds, drops and changes against this"
    )
    parser.add_argument(
        "--observations",
        type=Path,
        metavar="DIR",
        help="use what `run` stored below its --data instead of clips (a camera's `observations: {store: true}`)",
    )


def is_what_if(options: argparse.Namespace) -> bool:
    """Whether this is no plain replay of one clip."""
    return options.against is not None or options.observations is not None


def run(
    options: argparse.Namespace,
    start_of: Callable[[SiteConfig], datetime],
    show_of: Callable[[SiteConfig], Callable[[Event], None]],
) -> int:
    """Compare two configurations, or print what one says of stored observations.

    Args:
        options: Of the command line.
        start_of: When the first frame of a clip was taken.
        show_of: Prints one event in a site's language and time.

    Raises:
        Unclear: Options that do not go together.
        EdgeError: A configuration, a clip or the stored observations cannot be used.
    """
    for name in ("annotate", "evidence"):
        if getattr(options, name) is not None:
            raise Unclear(f"--{name}: only with one clip, without --against and --observations: leave it out")
    if options.observations is not None and options.clip:
        raise Unclear("--observations takes the place of clips: give one or the other")
    if options.observations is None and not options.clip:
        raise Unclear("no clip: give one or more, or --observations DIR")
    if options.against is None:
        return _print_stored(options, show_of)
    results = list(_compared(options, start_of))
    site = _folder(options.config).site
    language: Language = site.site.language
    if options.json:
        print(json.dumps({"comparisons": [_as_json(item, language) for item in results]}, ensure_ascii=False))
    else:
        for item in results:
            for line in as_table(item, language, ZoneInfo(site.site.timezone)):
                print(line)
    return 0


def _compared(options: argparse.Namespace, start_of: Callable[[SiteConfig], datetime]) -> Iterator[Comparison]:
    from edge.what_if import what_if_clip, what_if_stored

    new_folder, old_folder = _folder(options.config), _folder(options.against)
    if options.observations is None:
        camera_id = _camera(options, sorted(new_folder.cameras.keys() & old_folder.cameras.keys()))
        new, old = new_folder.get(camera_id), old_folder.get(camera_id)
        for clip in options.clip:
            yield what_if_clip(clip, start_of(new_folder.site), new, old)
        return
    from edge.observations.reader import stored_cameras

    stored = stored_cameras(options.observations)
    chosen = [options.camera] if options.camera else sorted(stored.keys() & new_folder.cameras.keys())
    if not chosen or chosen[0] not in stored:
        raise Unclear(f"--camera {options.camera or ''}: stored observations are of: {', '.join(sorted(stored))}")
    for camera_id in chosen:
        yield what_if_stored(stored[camera_id], new_folder.get(camera_id), old_folder.get(camera_id))


def _print_stored(options: argparse.Namespace, show_of: Callable[[SiteConfig], Callable[[Event], None]]) -> int:
    from edge.observations.reader import Damage, read_blocks, stored_cameras
    from edge.what_if import Judge, feed

    folder, stored = _folder(options.config), stored_cameras(options.observations)
    camera_id = _camera(options, sorted(stored.keys() & folder.cameras.keys()))
    if camera_id not in stored:
        raise Unclear(f"--camera {camera_id}: stored observations are of: {', '.join(sorted(stored))}")
    configured = folder.get(camera_id)
    judge, damage = Judge(configured.loaded, configured.site), Damage()
    for block in read_blocks(stored[camera_id], damage):
        feed(block, [judge], lambda _observation: None)
    judge.begin_anew()
    show = show_of(configured.site)
    for event in judge.revisions:
        show(event)
    if damage.bytes_skipped:
        print(f"{damage.bytes_skipped} bytes were torn by a power cut and left out", file=sys.stderr)
    return 0


class _Folder:
    """A configuration folder whose site is valid."""

    def __init__(self, path: Path) -> None:
        from contract.config_loader import load_config_dir
        from edge.errors import ConfigurationError

        loaded = load_config_dir(path)
        if loaded.site is None:
            raise ConfigurationError(loaded.errors)
        self.path, self.site, self.cameras, self._errors = path, loaded.site, loaded.cameras, loaded.errors

    def get(self, camera_id: str) -> Configured:
        """A camera of the folder."""
        from edge.errors import ConfigurationError
        from edge.what_if import Configured

        camera = self.cameras.get(camera_id)
        if camera is None:
            if self._errors:
                raise ConfigurationError(self._errors)
            raise Unclear(f"--camera {camera_id}: {self.path} has: {', '.join(sorted(self.cameras)) or 'no camera'}")
        return Configured(camera, self.site)


def _folder(path: Path) -> _Folder:
    return _Folder(path)


def _camera(options: argparse.Namespace, known: list[str]) -> str:
    if options.camera is not None:
        return str(options.camera)
    if len(known) == 1:
        return known[0]
    raise Unclear(f"--camera is missing: say whose zones and rules; known: {', '.join(known) or 'none'}")


def as_table(item: Comparison, language: Language, timezone: ZoneInfo) -> Iterator[str]:
    """A comparison for people: counts by rule, then one line for each difference."""
    yield item.subject
    if item.first is not None and item.last is not None:
        span = {"first": _time(item.first, timezone), "last": _time(item.last, timezone)}
        yield "  " + Text("{first} to {last}, {count} observations", count=item.observations, **span).in_language(
            language
        )
    heads = (Text("rule"), Text("same"), Text("changed"), Text("only new"), Text("only old"))
    counts = {
        "same": Counter(event.kind for event in item.same),
        "changed": Counter(old.kind for old, _ in item.changed),
        "appear": Counter(event.kind for event in item.appear),
        "vanish": Counter(event.kind for event in item.vanish),
    }
    words = [head.in_language(language) for head in heads]
    yield f"  {words[0]:<22}" + "".join(f"{word:>12}" for word in words[1:])
    for kind in sorted({kind for counter in counts.values() for kind in counter}):
        yield f"  {kind:<22}" + "".join(f"{counter[kind]:>12}" for counter in counts.values())
    for event in item.appear:
        yield "  + " + _line(event, language, timezone)
    for event in item.vanish:
        yield "  - " + _line(event, language, timezone)
    for old, new in item.changed:
        yield "  ~ " + _line(old, language, timezone)
        yield "    " + _line(new, language, timezone)
    if not (item.appear or item.vanish or item.changed):
        yield "  " + Text("no event differs").in_language(language)
    for note in item.notes:
        yield "  ! " + note.in_language(language)


def _line(event: Event, language: Language, timezone: ZoneInfo) -> str:
    ended = event.ended_at or event.observed_at
    said = RULES[event.kind].describe(event.facts, language)
    return f"{_time(event.started_at, timezone)} - {ended.astimezone(timezone):%H:%M:%S}  {event.zone or '-'}  {said}"


def _time(moment: datetime, timezone: ZoneInfo) -> str:
    return f"{moment.astimezone(timezone):%d-%m-%Y %H:%M:%S}"


def _as_json(item: Comparison, language: Language) -> dict[str, Any]:
    def plain(event: Event) -> dict[str, Any]:
        told: dict[str, Any] = event.model_dump(mode="json", exclude={"evidence"})
        return told

    return {
        "subject": item.subject,
        "first": item.first.isoformat() if item.first else None,
        "last": item.last.isoformat() if item.last else None,
        "observations": item.observations,
        "same": [plain(event) for event in item.same],
        "changed": [{"old": plain(old), "new": plain(new)} for old, new in item.changed],
        "appear": [plain(event) for event in item.appear],
        "vanish": [plain(event) for event in item.vanish],
        "notes": [note.in_language(language) for note in item.notes],
    }
