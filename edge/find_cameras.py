"""`langan-edge discover`, `snapshot` and `probe`: from a box in a cupboard to a camera file."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args
from urllib.parse import urlsplit

from contract.messages import Text
from contract.rules.base import Language
from edge.errors import EdgeError, SourceError, SourceNotFound
from edge.settings import read_secrets

if TYPE_CHECKING:
    from edge.capture.probe import StreamReport
    from edge.capture.source_url import SourceAddress
    from edge.onvif.client import DeviceInformation, StreamProfile
    from edge.onvif.discovery import FoundDevice
    from edge.types import Frame

USER_NAME = "LANGAN_CAM_USER"
PASSWORD_NAME = "LANGAN_CAM_PASSWORD"  # noqa: S105 - a name
CLOCK_LIMIT_S = 60.0
"""A camera whose clock is off by more stamps wrong times into its picture."""
MAX_SECONDS = 600.0
_ASKED_AT_ONCE = 16
_JPEG_QUALITY = 92


def add_commands(commands: Any, language: Language) -> None:  # Any: argparse has no public name for it
    """Add the three subcommands.

    Args:
        commands: What `add_subparsers` gave.
        language: Default of `--language`.
    """
    discover = commands.add_parser(
        "discover",
        help="find the ONVIF cameras of this network and their streams",
        description="Asks this network for ONVIF cameras and prints their streams, with `inputs:` for a camera file. "
        "ONVIF must be switched on in the cameras; their account is read from the environment or --env-file.",
    )
    discover.add_argument(
        "--host",
        action="append",
        default=[],
        metavar="ADDRESS",
        help="ask this camera only, also behind a router; may be repeated",
    )
    discover.add_argument(
        "--interface",
        action="append",
        default=[],
        metavar="IP",
        help="search only from this address of the box; may be repeated",
    )
    discover.add_argument(
        "--timeout", type=_seconds, default=4.0, metavar="S", help="wait so long for answers (%(default)s s)"
    )
    discover.add_argument("--user", help=f"the cameras' account; default: {USER_NAME}. The password: {PASSWORD_NAME}")
    discover.add_argument("--json", action="store_true", help="one JSON line for each camera")
    _add_common(discover, language)
    discover.set_defaults(act=_discover)

    snapshot = commands.add_parser(
        "snapshot",
        help="save one picture of a camera",
        description="Saves one picture of a stream; of a configured camera with its privacy masks, to draw zones on.",
    )
    _add_source(snapshot, language)
    snapshot.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("snapshot.jpg"),
        metavar="FILE.jpg",
        help="a .jpg or .png (%(default)s)",
    )
    snapshot.set_defaults(act=_snapshot)

    probe = commands.add_parser(
        "probe",
        help="measure a stream: codec, size, fps, keyframes, clock; and what to change",
        description="Reads a stream for some seconds, says what it is, and what to change at the camera.",
    )
    _add_source(probe, language)
    probe.add_argument("--seconds", type=_seconds, default=8.0, metavar="S", help="measure for so long (%(default)s s)")
    probe.add_argument("--json", action="store_true", help="the report as JSON")
    probe.set_defaults(act=_probe)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.0 < seconds <= MAX_SECONDS:
        raise argparse.ArgumentTypeError(f"{text!r}: give seconds, more than 0 and up to {MAX_SECONDS:.0f}")
    return seconds


def _add_common(parser: argparse.ArgumentParser, language: Language) -> None:
    parser.add_argument("--env-file", type=Path, help="file of LANGAN_NAME=value lines with the cameras' account")
    parser.add_argument("--language", choices=get_args(Language), default=language, help="of messages (%(default)s)")


def _add_source(parser: argparse.ArgumentParser, language: Language) -> None:
    parser.add_argument(
        "source",
        metavar="URL|CAMERA_ID",
        help="rtsp://{LANGAN_CAM_USER}:{LANGAN_CAM_PASSWORD}@192.168.1.20/... in quotes, a file, or with --config a "
        "camera's id",
    )
    parser.add_argument("--config", type=Path, metavar="DIR", help="site.yaml and cameras/*.yaml")
    parser.add_argument("--role", choices=("detect", "record"), default="detect", help="which input (%(default)s)")
    parser.add_argument("--media", type=Path, help="folder below which files lie (CONFIG/media, or here)")
    parser.add_argument("--transport", choices=("tcp", "udp"), help="how RTSP carries media (tcp)")
    parser.add_argument("--tls", choices=("any", "verify"), help="which certificates are trusted (any)")
    _add_common(parser, language)


@dataclass(slots=True)
class _Camera:
    """What is known of one camera of the network."""

    device: FoundDevice
    information: DeviceInformation | None = None
    profiles: Sequence[StreamProfile] = ()
    trouble: str = ""
    streams: tuple[StreamProfile, StreamProfile] | None = None
    """Searched, recorded."""
    hints: list[Text] = field(default_factory=list)


def _discover(options: argparse.Namespace) -> int:
    from edge.capture.source_url import redact_url
    from edge.onvif.discovery import FoundDevice, discover

    secrets = read_secrets(os.environ, options.env_file)
    user, password = options.user or secrets.get(USER_NAME, ""), secrets.get(PASSWORD_NAME, "")
    if options.host:
        devices = [FoundDevice(_host_of(host), redact_url(_service_url(host))) for host in options.host]
    else:
        devices = discover(options.timeout, options.interface)
    if not devices:
        text = Text(
            "no ONVIF camera answered: switch ONVIF on in the cameras, check that they are in this network, or name "
            "one with --host ADDRESS"
        )
        print(text.in_language(options.language), file=sys.stderr)
        return 1
    with ThreadPoolExecutor(max_workers=min(_ASKED_AT_ONCE, len(devices))) as pool:  # one that hangs keeps none waiting
        cameras = list(pool.map(lambda device: _ask(device, user, password), devices))
    for number, camera in enumerate(cameras, start=1):
        if options.json:
            print(json.dumps(_as_json(camera, options.language), ensure_ascii=False))
        else:
            print("\n".join(_as_lines(camera, number, options.language)) + "\n")
    return 1 if all(camera.trouble for camera in cameras) else 0


def _host_of(host: str) -> str:
    try:
        return urlsplit(host if "://" in host else f"//{host}").hostname or host
    except ValueError:  # the client will say so
        return host


def _service_url(host: str) -> str:
    return host if "://" in host else f"http://{host}/onvif/device_service"


def _ask(device: FoundDevice, user: str, password: str) -> _Camera:
    from edge.onvif.client import OnvifClient, choose

    camera = _Camera(device)
    try:
        with OnvifClient(device.service_url, user, password) as client:
            camera.information = client.information()
            camera.profiles = client.profiles()
        camera.streams = choose(camera.profiles)
    except SourceError as error:
        camera.trouble = str(error)
    camera.hints = _hints(camera)
    return camera


def _hints(camera: _Camera) -> list[Text]:
    hints: list[Text] = []
    offset_s = camera.information.clock_offset_s if camera.information else None
    if offset_s is not None and abs(offset_s) > CLOCK_LIMIT_S:
        hints.append(
            Text("its clock is off by {seconds:.0f} s: switch NTP on in the camera's settings", seconds=offset_s)
        )
    if camera.streams is not None and camera.streams[0] == camera.streams[1]:
        hints.append(Text("it offers one stream only: switch the sub-stream on, it saves most of the decoding"))
    if camera.streams is not None and camera.streams[1].encoding.upper() == "H265":
        hints.append(Text("the codec is H.265: set the camera to H.264, then every browser plays the clips"))
    return hints


def _as_json(camera: _Camera, language: Language) -> dict[str, object]:
    chosen = camera.streams
    return {
        **dataclasses.asdict(camera.device),
        "information": dataclasses.asdict(camera.information) if camera.information else None,
        "profiles": [dataclasses.asdict(profile) for profile in camera.profiles],
        "detect": chosen[0].token if chosen else None,
        "record": chosen[1].token if chosen else None,
        "trouble": camera.trouble,
        "hints": [hint.in_language(language) for hint in camera.hints],
    }


def _as_lines(camera: _Camera, number: int, language: Language) -> Iterable[str]:
    device, told = camera.device, camera.information
    name = " ".join(
        part for part in ((told.manufacturer, told.model) if told else (device.name, device.hardware)) if part
    )
    yield f"{number}. {device.address}  {name or device.name or device.service_url}"
    if camera.trouble:
        yield f"   ! {camera.trouble}"
    for profile in camera.profiles:
        size = f"{profile.width}x{profile.height}" if profile.pixels else "?"
        rate = f"{profile.fps:.0f}/s" if profile.fps else "?/s"
        yield f"   {profile.name or profile.token:<20} {profile.encoding or '?':<5} {size:<10} {rate:<6} {profile.url}"
    for hint in camera.hints:
        yield f"   ! {hint.in_language(language)}"
    if camera.streams is None:
        return
    detect, record = camera.streams
    yield f"   # configs/cameras/cam_{device.address.replace('.', '_').replace(':', '_')}.yaml"
    yield "   inputs:"
    roles = [(detect, "detect"), (record, "record")] if detect != record else [(detect, "detect, record")]
    for profile, role in roles:
        yield f"     - path: {with_placeholders(profile.url)}"
        yield f"       roles: [{role}]"


def with_placeholders(url: str) -> str:
    """A stream's address with the names of its credentials, ready for a camera file."""
    parts = urlsplit(url)
    return parts._replace(netloc=f"{{{USER_NAME}}}:{{{PASSWORD_NAME}}}@{parts.netloc}").geturl()


@dataclass(frozen=True, slots=True)
class _Source:
    """A stream that a command was pointed at."""

    camera_id: str
    address: SourceAddress
    transport: Any
    verify_tls: bool
    masks: Sequence[Sequence[tuple[float, float]]] = ()


def _source(options: argparse.Namespace) -> _Source:
    from edge.capture.source_url import expand_secrets, parse_source

    secrets = read_secrets(os.environ, options.env_file)
    if options.config is None:
        media = options.media or Path.cwd()
        text = options.source
        # A file of this shell is named from here; in a camera file it is named from the media folder.
        if "://" not in text and not text.startswith("/dev/"):
            path = Path(text).resolve()
            media, text = (options.media, text) if options.media else (path.parent, path.name)
        address = parse_source(expand_secrets(text, secrets), media)
        return _Source("camera", address, options.transport or "tcp", options.tls == "verify")
    return _configured(options, secrets)


def _configured(options: argparse.Namespace, secrets: Mapping[str, str]) -> _Source:
    from contract.config_loader import load_config_dir
    from edge.capture.source_url import expand_secrets, parse_source

    loaded = load_config_dir(options.config)
    camera = loaded.cameras.get(options.source)
    if camera is None:
        known = ", ".join(sorted(loaded.cameras)) or "none is valid: run langan-edge validate"
        raise SourceNotFound(
            f"{options.config}: no valid camera {options.source!r}: use one of: {known}", permanent=True
        )
    config = camera.config
    given = config.input_for(options.role)
    media = options.media or options.config / "media"
    address = parse_source(expand_secrets(given.path, secrets), media)
    verify_tls = (options.tls or given.tls) == "verify"
    return _Source(config.camera.id, address, options.transport or given.transport, verify_tls, config.privacy.masks)


def _snapshot(options: argparse.Namespace) -> int:
    import cv2

    suffix = options.output.suffix.lower()
    if suffix not in {".jpg", ".jpeg", ".png"}:
        raise EdgeError(f"{options.output}: is no picture's name: name a .jpg or .png file")
    frame = _first_frame(_source(options))
    done, data = cv2.imencode(suffix, frame.image, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    if not done:
        raise EdgeError(f"{options.output}: the picture cannot be encoded")
    try:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_bytes(data.tobytes())
    except OSError as error:
        raise EdgeError(f"{options.output}: cannot be written ({error.strerror}): choose another place") from error
    width, height = frame.resolution_wh
    print(f"{options.output}: {width}x{height}")
    return 0


def _first_frame(source: _Source) -> Frame:
    from edge.capture.video_source import SourceSettings, VideoSource
    from edge.clock import SystemClock

    settings = SourceSettings(transport=source.transport, verify_tls=source.verify_tls, privacy_masks=source.masks)
    video = VideoSource(source.camera_id, source.address, SystemClock(), settings)
    frames = video.frames()
    try:
        frame = next(frames, None)
    finally:
        video.close()
        frames.close()  # type: ignore[attr-defined] # it is a generator
    if frame is None:
        raise SourceNotFound(f"{source.address}: gave no picture: restart the camera, check the path")
    return frame


def _probe(options: argparse.Namespace) -> int:
    from edge.capture.probe import probe

    source = _source(options)
    report = probe(source.address, seconds=options.seconds, transport=source.transport, verify_tls=source.verify_tls)
    if options.json:
        told = dataclasses.asdict(report)
        print(json.dumps({**told, "suggestions": [text.in_language(options.language) for text in report.suggestions]}))
    else:
        print("\n".join(_report_lines(source.address, report, options.language)))
    return 0


_WORDS: dict[str, dict[Language, str]] = {
    "codec": {"en": "codec", "vi": "mã hoá"},
    "size": {"en": "size", "vi": "kích thước"},
    "fps": {"en": "pictures a second", "vi": "số hình mỗi giây"},
    "keyframe": {"en": "keyframe every", "vi": "khung khoá mỗi"},
    "bitrate": {"en": "bit rate", "vi": "tốc độ bit"},
    "clock": {"en": "clock", "vi": "đồng hồ"},
    "broken": {"en": "broken pictures", "vi": "hình hỏng"},
    "opened": {"en": "opened in", "vi": "mở trong"},
    "steady": {"en": "steady", "vi": "đều"},
    "missing": {"en": "missing", "vi": "không có"},
    "jumps": {"en": "jumps", "vi": "nhảy"},
    "drifts": {"en": "drifts", "vi": "trôi"},
    "stated": {"en": "stated", "vi": "theo khai báo"},
}


def _report_lines(address: SourceAddress, report: StreamReport, language: Language) -> Iterable[str]:
    def word(key: str) -> str:
        return _WORDS[key][language]

    yield str(address)
    stated = f" ({word('stated')}: {report.stated_fps:.1f})" if report.stated_fps else ""
    rows = (
        ("codec", report.codec + (" + B" if report.b_frames else "")),
        ("size", f"{report.width}x{report.height}"),
        ("fps", f"{report.fps:.1f}{stated}"),
        ("keyframe", "?" if report.keyframe_s is None else f"{report.keyframe_s:.1f} s"),
        ("bitrate", f"{report.kbps:.0f} kbit/s"),
        ("clock", word(report.clock)),
        ("broken", f"{report.broken} / {report.packets}"),
        ("opened", f"{report.open_s:.1f} s"),
    )
    for key, value in rows:
        yield f"  {word(key):<18} {value}"
    for text in report.suggestions:
        yield f"  - {text.in_language(language)}"
