"""Snapshots and clips of one camera, put into the evidence folder: implements `edge.recorder.EvidenceMaker`."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo

import cv2
import numpy as np
from numpy.typing import NDArray

from contract.camera_config import CameraConfig
from contract.event import EvidenceRef, EvidenceRole, TrackPath
from contract.geometry import Point
from contract.rules import RULES
from contract.rules.base import Language
from edge.capture.packet_ring import PacketCut, PacketRing
from edge.errors import EdgeError
from edge.evidence.clip import cut_clip
from edge.evidence.redact import redact
from edge.evidence.snapshot import draw_snapshot
from edge.evidence.store import StoredFile
from edge.recorder import ClipJob, EvidenceFile, Moment
from edge.types import RuleEvent

DRAWN_PATH_S = 12.0
_LEFT_AND_RIGHT: dict[Language, str] = {"vi": "Trái: trước đó · Phải: bây giờ", "en": "Left: before · Right: now"}
_SUSPECTED: dict[Language, str] = {"vi": "Nghi vấn", "en": "Suspected"}


class EvidenceStore(Protocol):
    """Where files go: the evidence folder, or a worker's way to it."""

    def add_bytes(self, data: bytes, suffix: str) -> StoredFile:
        """As `EvidenceFolder.add_bytes`."""
        ...

    def add_file(self, source: Path, suffix: str | None = None) -> StoredFile:
        """As `EvidenceFolder.add_file`."""
        ...

    def scratch(self, suffix: str) -> AbstractContextManager[Path]:
        """As `EvidenceFolder.scratch`."""
        ...


class CameraEvidence:
    """Makes the evidence of one camera.

    Args:
        camera: The configuration.
        timezone: In which captions tell the time.
        language: Of captions.
        folder: Where files go.
        ring: The recorded stream's last seconds; None: no clips.
        record_masks: Privacy masks, normalised, burned into clips.
    """

    def __init__(
        self,
        camera: CameraConfig,
        timezone: ZoneInfo,
        language: Language,
        folder: EvidenceStore,
        ring: PacketRing | None,
        record_masks: Sequence[Sequence[Point]] = (),
    ) -> None:
        self._camera = camera
        self._timezone = timezone
        self._language: Language = language
        self._folder = folder
        self._ring = ring
        self._record_masks = record_masks

    def snapshots(self, moment: Moment, event: RuleEvent, paths: Sequence[TrackPath]) -> list[EvidenceFile]:
        """A picture with what the rule saw, and the same with nobody recognisable.

        Raises:
            EdgeError: It cannot be drawn or stored.
        """
        if RULES[event.kind].about_camera:
            return self._before_and_after(moment, event)
        image = moment.frame.image
        caption = self._caption(moment, event)
        now_s = (moment.frame.utc - event.started_utc).total_seconds()
        recent = [_newer(path, now_s - DRAWN_PATH_S) for path in paths]
        zone = self._camera.zones.get(event.zone) if event.zone else None
        try:
            redacted = self._redacted(moment)
            jpegs = [
                draw_snapshot(
                    picture,
                    zones=[*([zone.coordinates] if zone else []), *_object_of(event)],
                    tracks=[track for track in moment.observation.tracks if track.track_id in event.track_ids],
                    paths=recent,
                    caption=caption,
                )
                for picture in (image, redacted)
            ]
        except (ValueError, cv2.error) as error:
            raise EdgeError(f"camera {self._camera.camera.id}: no snapshot: {error}") from error
        roles = (EvidenceRole.SNAPSHOT, EvidenceRole.SNAPSHOT_REDACTED)
        return [_file(role, self._folder.add_bytes(jpeg, ".jpg")) for role, jpeg in zip(roles, jpegs, strict=True)]

    def _before_and_after(self, moment: Moment, event: RuleEvent) -> list[EvidenceFile]:
        """The camera's view as it was, beside what it is now. No public copy: residents are not told of this."""
        after, before = moment.frame.image, moment.view_before
        caption = self._caption(moment, event)
        try:
            if before is not None:
                height, width = after.shape[:2]
                gap = np.full((height, max(2, width // 200), 3), 255, np.uint8)
                enlarged = cv2.resize(before, (width, height), interpolation=cv2.INTER_LINEAR)
                after = np.asarray(np.hstack((enlarged, gap, after)), np.uint8)
                caption.append(_LEFT_AND_RIGHT[self._language])
            jpeg = draw_snapshot(after, caption=caption)
        except (ValueError, cv2.error) as error:
            raise EdgeError(f"camera {self._camera.camera.id}: no snapshot: {error}") from error
        return [_file(EvidenceRole.SNAPSHOT, self._folder.add_bytes(jpeg, ".jpg"))]

    def _redacted(self, moment: Moment) -> NDArray[np.uint8]:
        """The picture with nobody recognisable, whether or not it was searched itself."""
        seen, now_s = moment.observation, moment.frame.monotonic_s
        return redact(
            moment.frame.image,
            moment.detections,
            seen.tracks,
            moment.sightings.suspects(now_s) if moment.sightings is not None else (),
            blind=not seen.detected and (moment.sightings is None or moment.sightings.is_blind(now_s)),
        )

    def recorded_until_s(self) -> float | None:
        """Monotonic time of the newest packet."""
        return self._ring.latest_s if self._ring is not None else None

    def clip(self, start_s: float, end_s: float) -> ClipJob | None:
        """Cut a time out of the ring; the job writes it.

        The job raises EdgeError when the clip cannot be written or stored, OSError when the disk cannot be.
        """
        cut = self._ring.cut(start_s, end_s) if self._ring is not None else None
        return None if cut is None else lambda: self._write(cut)

    def _write(self, cut: PacketCut) -> EvidenceFile:
        with self._folder.scratch(".mp4") as path:
            try:
                info = cut_clip(cut, path, self._record_masks)
            except ValueError as error:
                raise EdgeError(f"camera {self._camera.camera.id}: no clip: {error}") from error
            stored = self._folder.add_file(path)
        return _file(EvidenceRole.CLIP, stored, info.codec)

    def _caption(self, moment: Moment, event: RuleEvent) -> list[str]:
        local = moment.frame.utc.astimezone(self._timezone)
        zone = self._camera.zones.get(event.zone) if event.zone else None
        where = f" · {zone.name}" if zone else ""
        return [
            f"{self._camera.camera.name}{where} · {local:%H:%M:%S %d/%m/%Y}",
            f"{_SUSPECTED[self._language]} · {RULES[event.kind].describe(event.facts, self._language)}",
        ]


def _object_of(event: RuleEvent) -> list[list[Point]]:
    """The outline of a thing that is no track, if the event is about one."""
    box = getattr(event.facts, "object_box", None)
    if box is None:
        return []
    x1, y1, x2, y2 = box
    return [[(x1, y1), (x2, y1), (x2, y2), (x1, y2)]]


def _newer(path: TrackPath, since_s: float) -> list[Point]:
    """The stretch of a path that is not older: all of a long stay would cover the picture."""
    return [point for point, offset_s in zip(path.points, path.offsets_s, strict=True) if offset_s >= since_s]


def _file(role: EvidenceRole, stored: StoredFile, codec: str | None = None) -> EvidenceFile:
    ref = EvidenceRef.model_validate(
        {
            "role": role,
            "sha256": stored.sha256,
            "media_type": "image/jpeg" if codec is None else "video/mp4",
            "size_bytes": stored.size_bytes,
            "codec": codec,
        }
    )
    return ref, stored.path
