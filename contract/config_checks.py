"""What a single key cannot tell: references between keys, files and schedules. Second step of the loader."""

from __future__ import annotations

import re
from collections.abc import Iterable
from zoneinfo import ZoneInfo

from contract.camera_config import CameraConfig, HttpSignalConfig, LampSignalConfig
from contract.geometry import point_in_polygon
from contract.issues import Report
from contract.messages import Text, one_of
from contract.rules import RULES, RuleParams
from contract.rules.base import OBJECT_CLASSES
from contract.scene_checks import check_scene
from contract.site_config import MAX_SPAN_DAYS, PLACE_PARENTS, SiteConfig
from contract.way_checks import check_ways
from contract.yaml_tree import Path

_PLACES = {"province": Text("province"), "commune": Text("commune"), "village": Text("village")}
_STREAM = re.compile(r"^(rtsp|rtsps|http|https)://", re.IGNORECASE)
_HTTP = re.compile(r"^https?://[^/?#]", re.IGNORECASE)
_MIN_LAMP = 0.003
"""Share of the picture: a smaller box holds no pixel of a small stream."""
_DEVICE = re.compile(r"/dev/video[0-9]{1,2}")
_ANY_SCHEME = re.compile(r"^[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_USER_INFO = re.compile(r"^[a-z]+://([^/@]*)@", re.IGNORECASE)
_PLACEHOLDER = re.compile(r"\{LANGAN_[A-Z0-9_]+\}")


def check_site(site: SiteConfig, report: Report) -> None:
    """Check places, time zone and schedules of a site."""
    try:
        ZoneInfo(site.site.timezone)
    except (KeyError, ValueError, OSError):
        report(
            ("site", "timezone"),
            Text("unknown time zone {zone!r}", zone=site.site.timezone),
            Text("use a name such as Asia/Ho_Chi_Minh"),
        )
    kinds = {}
    for index, place in enumerate(site.places):
        path: Path = ("places", index)
        if place.id in kinds:
            report(
                (*path, "id"),
                Text("the place {place!r} stands here twice", place=place.id),
                Text("give each place its own id"),
            )
        kinds[place.id] = place.kind
    for index, place in enumerate(site.places):
        wanted = PLACE_PARENTS[place.kind]
        if place.parent is None:
            if place.kind == "village" and wanted:
                report(
                    ("places", index),
                    Text("the village {place!r} has no parent", place=place.id),
                    Text("add `parent:`, the id of its commune"),
                )
        elif place.parent not in kinds:
            report(("places", index, "parent"), Text("unknown place {place!r}", place=place.parent), one_of(kinds))
        elif kinds[place.parent] != wanted:
            report(
                ("places", index, "parent"),
                Text(
                    "a {kind} cannot lie in a {parent}", kind=_PLACES[place.kind], parent=_PLACES[kinds[place.parent]]
                ),
                Text("name a {kind}", kind=_PLACES[wanted]) if wanted else Text("remove `parent:`"),
            )
    _check_schedules(site, report)
    _check_hours(site, report)


def _check_named_days(site: SiteConfig, report: Report) -> None:
    for name, items in site.days.items():
        if name == "holidays":
            report(("days", name), Text("holidays are written by themselves"), Text("move them to `holidays:`"))
        for index, item in enumerate(items):
            if isinstance(item, tuple) and not 0 <= (item[1] - item[0]).days < MAX_SPAN_DAYS:
                report(
                    ("days", name, index),
                    Text("the days end before they begin, or more than a year later"),
                    Text("write [first, last]"),
                )
    for name, schedule in site.schedules.items():
        for key, days in (("days", tuple(schedule.days)), ("except", schedule.left_out)):
            for day in days:
                if day not in site.named_days:
                    report(("schedules", name, key), Text("unknown days {name!r}", name=day), one_of(site.named_days))
        for day, ranges in schedule.days.items():
            _check_ranges(ranges, ("schedules", name, "days", day), report)


def _check_schedules(site: SiteConfig, report: Report) -> None:
    _check_named_days(site, report)
    for name, schedule in site.schedules.items():
        fields = schedule.model_dump(exclude={"except_", "dates", "days"})
        on_days = any(ranges and site.named_days.get(day) for day, ranges in schedule.days.items())
        if not any(fields.values()) and not any(schedule.dates.values()) and not on_days:
            report(
                ("schedules", name), Text("the schedule is never in force"), Text("add time ranges, such as every_day")
            )
        for day, ranges in fields.items():
            _check_ranges(ranges, ("schedules", name, day), report)
        for date, ranges in schedule.dates.items():
            _check_ranges(ranges, ("schedules", name, "dates", date.isoformat()), report)


def _check_hours(site: SiteConfig, report: Report) -> None:
    for key in ("after", "school"):
        _check_schedule(getattr(site.hours, key), ("hours", key), site, report)


def check_camera(camera: CameraConfig, site: SiteConfig | None, camera_id: str | None, report: Report) -> None:
    """Check the references of a camera file; places, schedules and its id only when site and id are known."""
    if camera_id is not None and camera.camera.id != camera_id:
        what = Text("the id is {found!r}, not {wanted!r}", found=camera.camera.id, wanted=camera_id)
        report(("camera", "id"), what, Text("never change a camera's id"))
    if camera.camera.id in camera.camera.near:
        report(("camera", "near"), Text("a camera is not near itself"), Text("name other cameras"))
    if site is not None:
        places = {place.id: place.kind for place in site.places}
        village = camera.camera.village
        villages = [place for place, kind in places.items() if kind == "village"]
        if village not in villages:
            if village in places:
                what = Text("the place {place!r} is not a village", place=village)
            else:
                what = Text("the place {place!r} is not in site.yaml", place=village)
            report(("camera", "village"), what, one_of(villages))
    _check_inputs(camera, report)
    if camera.detect.regions == "motion" and not camera.motion.enabled:
        report(
            ("detect", "regions"),
            Text("the motion gate, which tells where to look, is off"),
            Text("write regions: off, or switch the motion gate on"),
        )
    check_scene(camera, report)
    for name, signal in camera.signals.items():
        if isinstance(signal, LampSignalConfig):
            _check_lamp(camera, signal, ("signals", name, "box"), report)
        elif isinstance(signal, HttpSignalConfig):
            _check_http_signal(signal, ("signals", name), report)
    for index, rule in enumerate(camera.rules):
        path: Path = ("rules", index)
        _check_rule(camera, rule, path, site, report)
        if rule in camera.rules[:index] and not RULES[rule.kind].about_camera:
            report(path, Text("the rule {rule} stands here twice", rule=rule.kind), Text("keep one of the two"))


def _check_inputs(camera: CameraConfig, report: Report) -> None:
    seen: set[str] = set()
    for index, item in enumerate(camera.inputs):
        path: Path = ("inputs", index, "path")
        _check_address(item.path, path, report)
        if not _STREAM.match(item.path) and _ANY_SCHEME.match(item.path):
            report(
                path,
                Text("this kind of source is not allowed"),
                Text("use rtsp://, rtsps://, http://, https:// or a file name"),
            )
        if any(ord(character) < 32 for character in item.path):
            report(path, Text("control characters in the path"), Text("remove them"))
        is_live = bool(_STREAM.match(item.path) or _DEVICE.fullmatch(item.path))
        if not is_live and (item.path.startswith(("/", "\\")) or ".." in re.split(r"[/\\]", item.path)):
            report(
                path,
                Text("a file outside the media folder"),
                Text("copy it into the media folder and name it relative to that"),
            )
        if item.loop and is_live:
            report(("inputs", index, "loop"), Text("a live stream cannot loop"), Text("remove `loop:`"))
        for role in item.roles:
            if role in seen:
                report(
                    ("inputs", index, "roles"),
                    Text("the role {role!r} is taken twice", role=role),
                    Text("give each role to one input"),
                )
            seen.add(role)
    if "detect" not in seen:
        report(
            ("inputs",),
            Text("no input has the role detect"),
            Text("add `roles: [detect]` to the stream that is searched"),
        )


def _check_address(text: str, path: Path, report: Report) -> None:
    """Refuse placeholders that are none, and secrets that stand in the file."""
    leftover = _PLACEHOLDER.sub("", text)
    if "{" in leftover or "}" in leftover:
        report(
            path, Text("a brace that is no placeholder"), Text("write placeholders as {{LANGAN_NAME}}, capitals only")
        )
    user_info = _USER_INFO.match(text)
    if user_info and _PLACEHOLDER.sub("", user_info.group(1)) not in ("", ":"):
        report(
            path,
            Text("a user name or password stands in the file"),
            Text("write {{LANGAN_CAM_USER}}:{{LANGAN_CAM_PASSWORD}} and set both in the secrets file"),
        )


def _check_lamp(camera: CameraConfig, lamp: LampSignalConfig, path: Path, report: Report) -> None:
    left, top, right, bottom = lamp.box
    if right - left < _MIN_LAMP or bottom - top < _MIN_LAMP:
        report(path, Text("the box has no area"), Text("write [left, top, right, bottom], each less than 1"))
    elif any(point_in_polygon(((left + right) / 2, (top + bottom) / 2), mask) for mask in camera.privacy.masks):
        report(path, Text("the box lies under a privacy mask"), Text("move it, or make the mask smaller"))


def _check_http_signal(signal: HttpSignalConfig, path: Path, report: Report) -> None:
    place: Path = (*path, "url")
    _check_address(signal.url, place, report)
    if not _HTTP.match(signal.url) or any(ord(character) <= 32 for character in signal.url):
        report(place, Text("is not the address of a signal"), Text("write http:// or https:// and the host, no spaces"))
    if signal.stale_after_s <= signal.every_s:
        report(
            (*path, "stale_after_s"),
            Text("must be longer than every_s"),
            Text("make it longer: every answer would be too old before the next one comes"),
        )
    said = [word.casefold() for words in signal.words.values() for word in words]
    if len(set(said)) < len(said):
        report(
            (*path, "words"),
            Text("one word stands for two colours"),
            Text("give each word to one colour"),
        )


def _check_rule(camera: CameraConfig, rule: RuleParams, path: Path, site: SiteConfig | None, report: Report) -> None:
    contract = RULES[rule.kind]
    if contract.requires_zone and not rule.zones:
        report(
            path,
            Text("{rule} needs at least one zone", rule=rule.kind),
            Text("add `zones:`; {choice}", choice=one_of(camera.zones)),
        )
    for index, zone_id in enumerate(rule.zones):
        where: Path = (*path, "zones", index)
        zone = camera.zones.get(zone_id)
        if zone_id in rule.zones[:index]:
            report(where, Text("{name!r} stands here twice", name=zone_id), Text("keep one of the two"))
        if zone is None:
            report(where, Text("unknown zone {zone!r}", zone=zone_id), one_of(camera.zones))
        elif contract.requires_zone_direction and zone.direction is None:
            report(
                where,
                Text("{rule} needs the direction of {zone!r}", rule=rule.kind, zone=zone_id),
                Text("add `direction: [[x, y], [x, y]]` (from, to) to zones.{zone}", zone=zone_id),
            )
    if contract.about_camera:
        _check_camera_rule(camera, rule, path, report)
    else:
        _check_objects(camera, rule, path, report)
    _check_schedule(rule.schedule, (*path, "schedule"), site, report)
    after_hours = getattr(rule, "after_hours", None)
    if after_hours is not None:
        _check_schedule(after_hours.schedule, (*path, "after_hours", "schedule"), site, report)
    _check_line_of(camera, rule, path, report)
    check_ways(camera, rule, path, report)
    signal = getattr(rule, "signal", None)
    if signal is not None and signal not in camera.signals:
        report((*path, "signal"), Text("unknown signal {name!r}", name=signal), one_of(camera.signals))
    if contract.requires_homography and camera.calibration is None:
        report(
            path,
            Text("{rule} decides in metres, and the camera has no calibration", rule=rule.kind),
            Text("add `calibration:` with four or more points of the picture and their places on the ground"),
        )
    raise_angle, clear_angle = getattr(rule, "min_angle_deg", None), getattr(rule, "clear_angle_deg", None)
    if raise_angle is not None and clear_angle is not None and clear_angle >= raise_angle:
        report(
            (*path, "clear_angle_deg"),
            Text("must be smaller than min_angle_deg"),
            Text("leave a gap, so that it cannot flicker"),
        )
    _check_order(rule, path, report)


_ASCENDING = (("min_size_m", "max_size_m"), ("owner_within_m", "away_m"))
"""Pairs of keys of rules, the smaller first."""


def _check_order(rule: RuleParams, path: Path, report: Report) -> None:
    for lower, upper in _ASCENDING:
        values = getattr(rule, lower, None), getattr(rule, upper, None)
        if values[0] is not None and values[1] is not None and values[0] >= values[1]:
            report((*path, lower), Text("must be smaller than {name}", name=upper), Text("change one of the two"))


def _check_line_of(camera: CameraConfig, rule: RuleParams, path: Path, report: Report) -> None:
    name = getattr(rule, "line", None)
    if name is None:
        return
    line = camera.lines.get(name)
    if line is None:
        report((*path, "line"), Text("unknown line {name!r}", name=name), one_of(camera.lines))
    elif RULES[rule.kind].requires_line_side and line.into is None:
        report(
            (*path, "line"),
            Text("{rule} needs to know which side of {line!r} is the far one", rule=rule.kind, line=name),
            Text("add `into:`, a zone beyond it, to lines.{line}", line=name),
        )


def _check_objects(camera: CameraConfig, rule: RuleParams, path: Path, report: Report) -> None:
    for index, name in enumerate(rule.objects):
        if name in rule.objects[:index]:
            report(
                (*path, "objects", index), Text("{name!r} stands here twice", name=name), Text("keep one of the two")
            )
        if name not in OBJECT_CLASSES:
            report((*path, "objects", index), Text("unknown class {name!r}", name=name), one_of(OBJECT_CLASSES))
        elif name not in camera.objects.track:
            report(
                (*path, "objects", index),
                Text("the class {name!r} is not tracked", name=name),
                Text("add it to objects.track"),
            )
    for name in RULES[rule.kind].requires_classes:
        if name not in camera.objects.track:
            report(
                path,
                Text("{rule} looks for {name!r} too, which is not tracked", rule=rule.kind, name=name),
                Text("add it to objects.track"),
            )
    if not rule.objects and not rule.object_classes & set(camera.objects.track):
        wanted = ", ".join(sorted(rule.object_classes))
        report(
            path,
            Text("{rule} watches {names}, and none of them is tracked", rule=rule.kind, names=wanted),
            Text("add one to objects.track"),
        )


def _check_camera_rule(camera: CameraConfig, rule: RuleParams, path: Path, report: Report) -> None:
    for key in ("zones", "objects"):
        if getattr(rule, key):
            report((*path, key), Text("{rule} is about the camera itself", rule=rule.kind), Text("remove this key"))
    if next(item for item in camera.rules if item.kind == rule.kind) is not rule:
        report(path, Text("the rule {rule} stands here twice", rule=rule.kind), Text("keep one of the two"))


def _check_schedule(
    schedule: str | tuple[str, ...] | None, path: Path, site: SiteConfig | None, report: Report
) -> None:
    if isinstance(schedule, str):
        if site is not None and schedule not in site.schedules:
            report(path, Text("unknown schedule {name!r}", name=schedule), one_of(site.schedules))
    elif schedule is not None:
        if not schedule:
            report(path, Text("the schedule is never in force"), Text("add time ranges, or remove this key"))
        _check_ranges(schedule, path, report)


def _check_ranges(ranges: Iterable[str], path: Path, report: Report) -> None:
    for index, text in enumerate(ranges):
        start, _, end = text.partition("-")
        if start == end:
            report(
                (*path, index),
                Text("the range {range} is empty", range=text),
                Text("write 00:00-24:00 for the whole day"),
            )
