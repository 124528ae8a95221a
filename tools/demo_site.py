"""The site that `make demo` shows: the bundled one, or one made around the user's own camera."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from ruamel.yaml import YAML

VILLAGE = "thon-demo"
PROVINCE = "tinh-demo"


class DemoError(Exception):
    """The demonstration cannot go on; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class DemoSite:
    """A configuration folder and what the launcher must know about it."""

    config: Path
    media: Path
    village: str
    description: str
    secrets: dict[str, str] = field(default_factory=dict)
    """Environment for the edge: credentials stay out of files and of command lines."""


def bundled_site(source: Path, folder: Path, url: str) -> DemoSite:
    """Copy the demo's configuration (an admin may edit it) and point it at the server's address."""
    config = folder / "config"
    shutil.copytree(source, config, ignore=shutil.ignore_patterns("media"))
    yaml = YAML()
    site = yaml.load(config / "site.yaml")
    site["server"] = {"url": url}
    with (config / "site.yaml").open("w", encoding="utf-8") as file:
        yaml.dump(site, file)
    places = {place["kind"]: place["id"] for place in reversed(site["places"])}
    description = "a real clip of a square, and a rendered street"
    return DemoSite(config, source / "media", places["village"], description)


def own_camera_site(source: str, folder: Path, url: str) -> DemoSite:
    """Make a site around one camera of the user's own: people and vehicles anywhere in its picture."""
    config = folder / "config"
    (config / "cameras").mkdir(parents=True)
    path, media, secrets = _split_source(source, folder)
    yaml = YAML()
    site = {
        "site": {"name": "Làng An", "timezone": "Asia/Ho_Chi_Minh", "language": "vi"},
        "places": [
            {"id": PROVINCE, "kind": "province", "name": "Tỉnh thử nghiệm"},
            {"id": "xa-demo", "kind": "commune", "name": "Xã thử nghiệm", "parent": PROVINCE},
            {"id": VILLAGE, "kind": "village", "name": "Thôn thử nghiệm", "parent": "xa-demo"},
        ],
        "server": {"url": url},
    }
    everywhere = [[0, 0], [1, 0], [1, 1], [0, 1]]
    camera = {
        "camera": {"id": "camera_cua_toi", "name": "Camera của tôi", "village": VILLAGE, "purpose": "Chạy thử"},
        "inputs": [{"path": path, "roles": ["detect", "record"], **({} if "://" in path else {"loop": True})}],
        "zones": {"toan_canh": {"name": "Toàn cảnh", "coordinates": everywhere}},
        "rules": [
            {"kind": "intrusion", "zones": ["toan_canh"]},
            {"kind": "crowding", "zones": ["toan_canh"], "min_people": 4, "min_duration_s": 10, "after_hours": None},
            {"kind": "illegal_parking", "zones": ["toan_canh"], "max_stay_s": 60},
        ],
    }
    for name, content in (("site.yaml", site), ("cameras/camera_cua_toi.yaml", camera)):
        with (config / name).open("w", encoding="utf-8") as file:
            yaml.dump(content, file)
    return DemoSite(config, media, VILLAGE, "your own camera", secrets)


def _split_source(source: str, folder: Path) -> tuple[str, Path, dict[str, str]]:
    """Path for the camera file, media folder, and credentials taken out of the address."""
    if "://" not in source:
        file = Path(source).expanduser().resolve()
        if not file.is_file():
            raise DemoError(f"SOURCE: no such file: {file}: give a video file, or an address such as rtsp://host/path")
        return file.name, file.parent, {}
    parts = urlsplit(source)
    if parts.username is None:
        return source, folder, {}
    host = parts.netloc.rpartition("@")[2]
    secrets = {"LANGAN_CAM_USER": unquote(parts.username), "LANGAN_CAM_PASSWORD": unquote(parts.password or "")}
    address = urlunsplit(parts._replace(netloc=f"{{LANGAN_CAM_USER}}:{{LANGAN_CAM_PASSWORD}}@{host}"))
    return address, folder, secrets
