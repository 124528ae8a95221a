"""What is drawn over a snapshot: the zone as the camera's configuration had it then, and where everybody went."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from contract.camera_config import CameraConfig
from contract.config_loader import load_camera
from contract.snapshot import PictureSize, read_picture_size
from server import i18n
from server.db.models import Camera, CameraConfigVersion
from server.domain.views import EventItem, IncidentDetail
from server.storage.store import EvidenceStore
from server.storage.thumbnails import HEAD_BYTES

COLOURS: Final = 4
"""Paths of several tracks are told apart by so many colours; each also has its number."""


@dataclass(frozen=True, slots=True)
class Outline:
    """A zone (closed) or a line, in pixels of the picture: `x,y x,y ...`."""

    name: str
    points: str
    is_closed: bool


@dataclass(frozen=True, slots=True)
class Way:
    """Where one object went, in pixels of the picture."""

    number: int
    what: str
    """The object in words: "Người"."""
    points: str
    start: tuple[int, int]
    end: tuple[int, int]
    colour: int
    took: str
    """How long, in words."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What lies over the snapshot of an incident."""

    size: PictureSize
    outlines: tuple[Outline, ...]
    ways: tuple[Way, ...]

    @property
    def is_empty(self) -> bool:
        """Nothing is known to draw."""
        return not self.outlines and not self.ways


def scene_of(session: Session, store: EvidenceStore, detail: IncidentDetail) -> Scene | None:
    """What to draw over an incident's snapshot; None where it does not say where its picture ends.

    Raises:
        StoreUnavailable: The store does not answer.
    """
    event, size = _shown(store, detail)
    if event is None or size is None:
        return None
    config = config_of(session, event)
    return Scene(size, _outlines(config, event.zone, size), _ways(event.paths, size))


def config_of(session: Session, event: EventItem) -> CameraConfig | None:
    """The camera's configuration that decided an event; the one in force where the event names none that is known."""
    texts = select(CameraConfigVersion.yaml).where(CameraConfigVersion.camera_id == event.camera_id)
    named = texts.where(CameraConfigVersion.sha256.startswith(event.config_version, autoescape=True))
    in_force = texts.join(Camera, Camera.id == CameraConfigVersion.camera_id).where(
        CameraConfigVersion.number == Camera.config_number
    )
    newest = CameraConfigVersion.number.desc()
    text = session.scalar(named.order_by(newest).limit(1)) if event.config_version else None
    text = session.scalar(in_force) if text is None else text
    return None if text is None else load_camera(text, f"{event.camera_id}.yaml").config


def _shown(store: EvidenceStore, detail: IncidentDetail) -> tuple[EventItem | None, PictureSize | None]:
    """The event whose snapshot the page shows, and the size of the picture in it."""
    for event in reversed(detail.events):
        for item in event.evidence:
            if item.sha256 == detail.card.snapshot_sha256 and item.available:
                try:
                    reader = store.open(item.sha256, item.size_bytes)
                except FileNotFoundError:
                    return None, None
                try:
                    return event, read_picture_size(reader.read(HEAD_BYTES))
                finally:
                    reader.close()
    return None, None


def _outlines(config: CameraConfig | None, zone: str | None, size: PictureSize) -> tuple[Outline, ...]:
    if config is None or zone is None:
        return ()
    if zone in config.zones:
        return (Outline(config.zones[zone].name, _points(config.zones[zone].coordinates, size), is_closed=True),)
    if zone in config.lines:
        return (Outline(config.lines[zone].name, _points(config.lines[zone].coordinates, size), is_closed=False),)
    return ()


def _ways(paths: Sequence[dict[str, Any]], size: PictureSize) -> tuple[Way, ...]:
    ways = []
    for number, path in enumerate(paths, 1):
        points = [(float(x), float(y)) for x, y in path["points"]]
        seconds = float(path["offsets_s"][-1]) - float(path["offsets_s"][0])
        ways.append(
            Way(
                number=number,
                what=i18n.gettext(f"object.{path['object_class']}"),
                points=_points(points, size),
                start=_pixel(points[0], size),
                end=_pixel(points[-1], size),
                colour=(number - 1) % COLOURS,
                took=i18n.format_duration(seconds),
            )
        )
    return tuple(ways)


def _points(points: Sequence[tuple[float, float]], size: PictureSize) -> str:
    return " ".join(f"{x},{y}" for x, y in (_pixel(point, size) for point in points))


def _pixel(point: tuple[float, float], size: PictureSize) -> tuple[int, int]:
    return round(point[0] * size.width), round(point[1] * size.height)
