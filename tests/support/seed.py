"""Fills a running server through its own API: real events with real evidence, as an edge box would send them."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import av
import cv2
import httpx
import numpy as np
import numpy.typing as npt

from contract.config_loader import config_version
from contract.device_api import WhatIfReport
from contract.event import (
    CameraHealth,
    CameraStatus,
    Event,
    EventBatch,
    EventBatchResult,
    EventResult,
    EventState,
    EvidenceRef,
    EvidenceRole,
    HealthReason,
    Heartbeat,
    TrackPath,
)
from contract.ids import uuid7
from contract.rules import RULES
from edge.evidence.snapshot import draw_snapshot
from edge.identity import DeviceIdentity
from tests.support.facts import FACTS
from tests.support.identity import SignedAuth

MEDIA = Path(__file__).parents[2] / "configs" / "demo" / "media"
CLIP_S = 6.0

PATHS = (
    TrackPath(
        track_id=7,
        object_class="person",
        points=((0.22, 0.86), (0.31, 0.78), (0.42, 0.73), (0.55, 0.66), (0.61, 0.58)),
        offsets_s=(0.0, 3.0, 6.5, 10.0, 14.0),
    ),
    TrackPath(
        track_id=9, object_class="person", points=((0.78, 0.6), (0.7, 0.68), (0.6, 0.72)), offsets_s=(2.0, 6.0, 11.0)
    ),
)
"""Where two went."""
CAPTION = ("Thôn Tráng Long · 21:07:14", "Nghi vấn do máy ghi nhận")

CAMERAS = {"cong_cho": "Cổng chợ", "duong_lang": "Đường làng", "cong_truong": "Cổng trường"}


def camera_yaml(camera_id: str, *, village: str = "trang-long", fps: float = 5) -> str:
    """A valid camera file."""
    return f"""\
camera:
  id: {camera_id}
  name: {CAMERAS.get(camera_id, camera_id)}
  village: {village}
  purpose: Giữ trật tự lòng đường
inputs:
  - path: rtsp://{{LANGAN_CAM_USER}}:{{LANGAN_CAM_PASSWORD}}@192.168.1.20:554/sub
detect: {{fps: {fps}}}
zones:
  long_duong:
    name: Lòng đường
    kind: lane
    coordinates: [[0.1, 0.4], [0.9, 0.4], [0.9, 0.95], [0.1, 0.95]]
    direction: [[0.5, 0.95], [0.5, 0.4]]
rules:
  - {{kind: crowding, zones: [long_duong], min_people: 10}}
  - {{kind: intrusion, zones: [long_duong], schedule: ["22:00-05:00"]}}
  - {{kind: wrong_way, zones: [long_duong]}}
  - {{kind: illegal_parking, zones: [long_duong], max_stay_s: 300}}
"""


@dataclass(frozen=True, slots=True)
class EvidenceFile:
    """One file of evidence, as it is uploaded."""

    role: EvidenceRole
    media_type: str
    content: bytes

    @property
    def sha256(self) -> str:
        """Its address."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def reference(self) -> EvidenceRef:
        """How an event names it."""
        return EvidenceRef.model_validate(
            {
                "role": self.role,
                "sha256": self.sha256,
                "media_type": self.media_type,
                "size_bytes": len(self.content),
                "codec": "h264" if self.role is EvidenceRole.CLIP else None,
            }
        )


class EdgeBox:
    """A device of the running server.

    Args:
        url: The server's.
        identity: The device.
        village: Where its cameras are.
    """

    def __init__(self, url: str, identity: DeviceIdentity, village: str) -> None:
        # A new connection for each request: the server may end an idle one just while it is used again.
        limits = httpx.Limits(max_keepalive_connections=0)
        self._client = httpx.Client(base_url=url, auth=SignedAuth(identity), timeout=30, limits=limits)
        self._village = village
        self._versions: dict[str, str] = {}

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def configure(self, camera_id: str, text: str | None = None) -> None:
        """Register a camera with its file."""
        text = text or camera_yaml(camera_id, village=self._village)
        response = self._client.put(
            f"/api/v1/cameras/{camera_id}/config", content=text, headers={"Content-Type": "application/yaml"}
        )
        response.raise_for_status()
        self._versions[camera_id] = config_version(text)

    def report(
        self, kind: str, camera_id: str, at: datetime, *, lasts_s: float | None = None, second: float | None = 5.0
    ) -> EventResult:
        """Send an event with its evidence.

        Args:
            kind: Rule kind.
            camera_id: Which camera saw it.
            at: When it began.
            lasts_s: It ended after this; None while it goes on.
            second: Where in the clip the pictures are taken; None for an event without evidence.
        """
        files = (
            []
            if second is None
            else evidence("vtest.mp4" if kind in {"crowding", "intrusion"} else "street.mp4", second)
        )
        start = Event.model_validate(
            {
                "event_id": uuid7(at),
                "revision": 0,
                "kind": kind,
                "camera_id": camera_id,
                "village": self._village,
                "spot": camera_id,
                "zone": "long_duong",
                "state": EventState.START,
                "started_at": at,
                "observed_at": at + timedelta(seconds=1),
                "confidence": 0.81,
                "facts": RULES[kind].facts.model_validate(FACTS[kind]),
                "paths": () if RULES[kind].about_camera else PATHS,
                "evidence": [file.reference for file in files],
                "config_version": self._versions.get(camera_id, ""),
            }
        )
        events = [start]
        if lasts_s is not None:
            ended_at = at + timedelta(seconds=lasts_s)
            events.append(
                start.model_copy(
                    update={"revision": 1, "state": EventState.END, "observed_at": ended_at, "ended_at": ended_at}
                )
            )
        result = self.post(events)[0]
        for file in files:
            self.upload(file)
        return result

    def post(self, events: list[Event]) -> tuple[EventResult, ...]:
        """Post a batch; the server's word on each."""
        batch = EventBatch(events=tuple(event.model_dump(mode="json") for event in events))
        response = self._client.post("/api/v1/events", json=batch.model_dump(mode="json"))
        response.raise_for_status()
        return EventBatchResult.model_validate_json(response.content).results

    def upload(self, file: EvidenceFile) -> None:
        """Upload one file."""
        response = self._client.put(
            f"/api/v1/evidence/{file.sha256}", content=file.content, headers={"Content-Type": file.media_type}
        )
        response.raise_for_status()

    def still(self, camera_id: str, picture: bytes, at_ms: int) -> None:
        """Send a camera's newest still."""
        response = self._client.put(
            f"/api/v1/cameras/{camera_id}/still?at={at_ms}", content=picture, headers={"Content-Type": "image/jpeg"}
        )
        response.raise_for_status()

    def answer(self, what_if_id: str, report: WhatIfReport) -> None:
        """Tell what a text that an admin tries would have told."""
        response = self._client.put(
            f"/api/v1/what-if/{what_if_id}",
            content=report.model_dump_json(),
            headers={"Content-Type": "application/json"},
        )
        response.raise_for_status()

    def heartbeat(self, health: dict[str, tuple[CameraHealth, str, HealthReason]]) -> None:
        """Tell how each camera does."""
        now = datetime.now(UTC)
        cameras = tuple(
            CameraStatus(
                camera_id=camera_id,
                health=state,
                message=message,
                reason=reason,
                fps_in=25.0 if state is CameraHealth.OK else 0.0,
                fps_detected=5.0 if state is CameraHealth.OK else 0.0,
                last_frame_at=now if state is CameraHealth.OK else None,
            )
            for camera_id, (state, message, reason) in health.items()
        )
        body = Heartbeat(sent_at=now, software_version="0.1.0", outbox_events=0, outbox_media=2, cameras=cameras)
        response = self._client.post(
            "/api/v1/heartbeat", content=body.model_dump_json(), headers={"Content-Type": "application/json"}
        )
        response.raise_for_status()


def fill(box: EdgeBox, now: datetime) -> None:
    """An ordinary evening: three cameras, one incident of each kind, one that repeats, one that goes on."""
    for camera_id in CAMERAS:
        box.configure(camera_id)
    box.report("illegal_parking", "duong_lang", now - timedelta(hours=3), lasts_s=412, second=40.0)
    box.report("crowding", "cong_truong", now - timedelta(minutes=95), lasts_s=240, second=20.0)
    for minutes in (31, 28, 26):
        box.report("crowding", "cong_cho", now - timedelta(minutes=minutes), lasts_s=85, second=12.0)
    box.report("wrong_way", "duong_lang", now - timedelta(minutes=12), lasts_s=4.2, second=26.0)
    box.report("intrusion", "cong_truong", now - timedelta(minutes=4), lasts_s=14, second=33.0)
    box.report("crowding", "cong_cho", now - timedelta(seconds=70), second=5.0)
    tell_health(box)


def tell_health(box: EdgeBox) -> None:
    """A heartbeat: one camera well, one lost, one that refuses. It holds for a minute."""
    box.heartbeat(
        {
            "cong_cho": (CameraHealth.OK, "", HealthReason.NONE),
            "duong_lang": (
                CameraHealth.RECONNECTING,
                "192.168.1.21:554 refuses the connection: is the camera on?",
                HealthReason.NONE,
            ),
            "cong_truong": (
                CameraHealth.REFUSED,
                "wrong user name or password: correct LANGAN_CAM_PASSWORD",
                HealthReason.REFUSED,
            ),
        }
    )


@cache
def evidence(clip: str, second: float) -> list[EvidenceFile]:
    """Snapshot, redacted snapshot and clip of a bundled clip around a second."""
    picture = frame_at(MEDIA / clip, second)
    return [
        EvidenceFile(EvidenceRole.SNAPSHOT, "image/jpeg", draw_snapshot(picture, caption=CAPTION)),
        EvidenceFile(EvidenceRole.SNAPSHOT_REDACTED, "image/jpeg", jpeg(mosaic(picture))),
        EvidenceFile(EvidenceRole.CLIP, "video/mp4", cut(MEDIA / clip, second)),
    ]


def frame_at(path: Path, second: float) -> npt.NDArray[np.uint8]:
    """The first frame at or after a second, (H, W, 3) uint8 BGR."""
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            if frame.time is not None and frame.time >= second:
                return np.asarray(frame.to_ndarray(format="bgr24"), dtype=np.uint8)
    raise ValueError(f"{path.name} ends before {second} s")


def jpeg(picture: npt.NDArray[np.uint8]) -> bytes:
    """Encode a picture, (H, W, 3) uint8 BGR."""
    _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 85])
    return bytes(data)


def mosaic(picture: npt.NDArray[np.uint8], block: int = 12) -> npt.NDArray[np.uint8]:
    """The whole picture in coarse blocks: nobody can be told apart."""
    height, width = picture.shape[:2]
    small = cv2.resize(picture, (width // block, height // block), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST), dtype=np.uint8)


def cut(path: Path, second: float) -> bytes:
    """A few seconds of a clip from the keyframe before `second`, packets copied."""
    output = io.BytesIO()
    with av.open(str(path)) as source, av.open(output, "w", format="mp4") as target:
        stream = source.streams.video[0]
        copy = target.add_stream_from_template(stream)
        time_base = stream.time_base
        if time_base is None:
            raise ValueError(f"{path.name}: its video has no time base")
        source.seek(int(second / time_base), stream=stream)
        first: int | None = None
        for packet in source.demux(stream):
            if packet.dts is None or packet.pts is None:
                continue
            first = packet.dts if first is None else first
            if (packet.dts - first) * time_base > CLIP_S:
                break
            packet.pts, packet.dts, packet.stream = packet.pts - first, packet.dts - first, copy
            target.mux(packet)
    return output.getvalue()
