"""Event v1: a rule fired on one camera. Sent as revisions: a start, updates while it lasts, an end.

`(event_id, revision)` is the idempotency key of ingest: the same key with the same body changes nothing, the same key
with another body is refused (409).

An event refuses keys that it does not have: it is evidence, and a key may say how the others are to be read. What else
goes between edge and server passes over them (`WireModel`).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BeforeValidator, Field, SerializeAsAny, field_validator, model_validator

from contract.base import ContractModel, Sha256, Slug, UtcDatetime, WireModel
from contract.geometry import NormalisedPoint
from contract.plates import PLATE_KINDS, PlateReading
from contract.rules import RULES, RuleFacts

MAX_PATH_POINTS = 64
"""A path is thinned to this many points: enough to draw, small enough to send."""


class EventState(StrEnum):
    """Where in its life an event is."""

    START = "start"
    UPDATE = "update"
    END = "end"


class EvidenceRole(StrEnum):
    """What a piece of evidence shows, which also decides who may see it."""

    SNAPSHOT = "snapshot"
    SNAPSHOT_REDACTED = "snapshot_redacted"
    CLIP = "clip"
    CLIP_PLAYABLE = "clip_playable"
    """An H.264 copy of a clip that browsers cannot play, made because somebody asked."""


class EvidenceRef(ContractModel):
    """A reference to a file that travels separately, addressed by its content."""

    role: EvidenceRole
    sha256: Sha256
    media_type: Literal["image/jpeg", "video/mp4"]
    size_bytes: Annotated[int, Field(gt=0, le=200_000_000)]
    codec: Literal["h264", "hevc"] | None = None
    """Of a clip: browsers play h264 everywhere and hevc only on some devices."""


class TrackPath(ContractModel):
    """Where one object went while the rule watched it: ground points (bottom centre of the box)."""

    track_id: Annotated[int, Field(ge=0)]
    object_class: str
    points: Annotated[tuple[NormalisedPoint, ...], Field(min_length=1, max_length=MAX_PATH_POINTS)]
    offsets_s: Annotated[tuple[float, ...], Field(min_length=1, max_length=MAX_PATH_POINTS)]
    """Seconds from the event's `started_at`, one for each point; negative before it."""


class Event(ContractModel):
    """Event v1, the envelope of every rule. See docs/reference/http-api.md."""

    version: Literal[1] = 1
    event_id: UUID
    """UUIDv7 chosen by the edge; the same through all revisions of the event."""
    revision: Annotated[int, Field(ge=0, le=1_000_000)]
    """0 at the start, then counted up by one."""
    kind: str
    camera_id: Slug
    village: Slug
    spot: Slug
    """The place that groups events into incidents: the camera's `spot`, or its id."""
    zone: Slug | None = None
    state: EventState
    started_at: UtcDatetime
    observed_at: UtcDatetime
    """When what this revision says was seen."""
    ended_at: UtcDatetime | None = None
    confidence: Annotated[float, Field(ge=0, le=1)]
    facts: SerializeAsAny[RuleFacts]
    paths: Annotated[tuple[TrackPath, ...], Field(max_length=32)] = ()
    evidence: Annotated[tuple[EvidenceRef, ...], Field(max_length=8)] = ()
    plate: PlateReading | None = None
    """Of the vehicle that it is about; only for `PLATE_KINDS`, and only where the camera's file asks for it."""
    config_version: Annotated[str, Field(max_length=64)] = ""
    """The camera configuration that decided (the first 12 characters of its sha256)."""

    @model_validator(mode="before")
    @classmethod
    def _facts_by_kind(cls, data: Any) -> Any:
        """Read `facts` with the model of the event's kind."""
        if not isinstance(data, dict):
            return data
        contract = RULES.get(str(data.get("kind")))
        if contract is None:
            raise ValueError(f"kind: unknown rule kind {data.get('kind')!r}; known: {', '.join(RULES)}")
        facts = data.get("facts")
        if isinstance(facts, dict):
            return {**data, "facts": contract.facts.model_validate(facts)}
        if isinstance(facts, RuleFacts) and not isinstance(facts, contract.facts):
            raise ValueError(  # noqa: TRY004 - pydantic turns only a ValueError into a validation error
                f"facts: {type(facts).__name__} does not belong to kind {contract.kind!r}"
            )
        return data

    @field_validator("event_id")
    @classmethod
    def _is_version_7(cls, value: UUID) -> UUID:
        if value.version != 7:
            raise ValueError("must be a UUID version 7")
        return value

    @model_validator(mode="after")
    def _plate_is_a_vehicles(self) -> Self:
        if self.plate is not None and self.kind not in PLATE_KINDS:
            raise ValueError(f"plate: {self.kind!r} is not about a vehicle against traffic law")
        return self

    @model_validator(mode="after")
    def _times_agree(self) -> Self:
        if (self.ended_at is not None) != (self.state is EventState.END):
            raise ValueError("ended_at must be given at the end, and only there")
        if (self.revision == 0) != (self.state is EventState.START):
            raise ValueError("revision 0 is the start, and only it")
        if self.observed_at < self.started_at or (self.ended_at is not None and self.ended_at < self.started_at):
            raise ValueError("observed_at and ended_at must not lie before started_at")
        return self


class EventResult(WireModel):
    """The server's word on one event of a batch; the edge deletes an event only after `permanent` or success."""

    event_id: UUID
    revision: int
    status: Literal["created", "duplicate", "quarantined", "conflict", "refused"]
    incident_id: str | None = None
    detail: str | None = None


class EventBatch(WireModel):
    """Body of `POST /api/v1/events`. Each event is validated by itself: one bad event does not hold up the rest."""

    events: Annotated[tuple[dict[str, Any], ...], Field(min_length=1, max_length=256)]


class EventBatchResult(WireModel):
    """Answer to a batch: one result for each event, in order."""

    results: tuple[EventResult, ...]


class CameraHealth(StrEnum):
    """What the edge knows of a camera now."""

    STARTING = "starting"
    OK = "ok"
    RECONNECTING = "reconnecting"
    REFUSED = "refused"
    """Wrong credentials or not allowed: trying faster would lock the account."""
    ENDED = "ended"
    """A file that was played to its end."""
    DISABLED = "disabled"


class HealthReason(StrEnum):
    """Why a camera is not well, where that is known: pages explain it in the reader's language."""

    NONE = ""
    NOT_FOUND = "not_found"
    """No such file, stream or host."""
    REFUSED = "refused"
    """Wrong credentials, or not allowed."""
    UNREADABLE = "unreadable"
    """It answers, but not with a video that can be read."""
    STALLED = "stalled"
    """No picture came in time."""
    CONFIGURATION = "configuration"
    """Its box cannot run the configuration: a password is not set, or the model is missing."""
    DEFECT = "defect"
    """A defect of our own stopped it."""


def _known_reason(value: object) -> object:
    """A later release knows more reasons."""
    return value if not isinstance(value, str) or value in set(HealthReason) else HealthReason.NONE


class CameraStatus(WireModel):
    """Health of one camera in a heartbeat."""

    camera_id: Slug
    health: CameraHealth
    message: Annotated[str, Field(max_length=500)] = ""
    """For the admin: what is wrong and the remedy. Never a credential."""
    reason: Annotated[HealthReason, BeforeValidator(_known_reason)] = HealthReason.NONE
    """One that is not known here counts as none: `message` tells it."""
    fps_in: Annotated[float, Field(ge=0)] = 0.0
    fps_detected: Annotated[float, Field(ge=0)] = 0.0
    last_frame_at: UtcDatetime | None = None


class Heartbeat(WireModel):
    """Body of `POST /api/v1/heartbeat`, sent every 15 s."""

    sent_at: UtcDatetime
    software_version: Annotated[str, Field(max_length=40)]
    outbox_events: Annotated[int, Field(ge=0)]
    outbox_media: Annotated[int, Field(ge=0)]
    cameras: Annotated[tuple[CameraStatus, ...], Field(max_length=256)] = ()


class CopyWish(WireModel):
    """Somebody wants a copy, playable in every browser, of a clip that the edge has sent."""

    sha256: Sha256
    """Of the clip."""
    size_bytes: Annotated[int, Field(gt=0, le=200_000_000)]


class HeartbeatResult(WireModel):
    """Answer to a heartbeat where there is something to do; 204 where there is not."""

    copies: Annotated[tuple[CopyWish, ...], Field(max_length=64)] = ()
    what_ifs: Annotated[tuple[UUID, ...], Field(max_length=16)] = ()
    """Changed configurations to try over stored observations: `GET /api/v1/what-if/ID`."""


class CopyFailure(StrEnum):
    """Why there is no playable copy: pages explain it in the reader's language."""

    GONE = "gone"
    """Neither the edge nor the server has the clip any more."""
    UNREADABLE = "unreadable"
    """No picture of the clip can be decoded."""
    TOO_SLOW = "too_slow"
    """The box did not finish in the time it may take."""
    NO_ROOM = "no_room"
    """There was no room for it, at the edge or at the server."""


class CopyReport(WireModel):
    """Body of `PUT /api/v1/copies/SHA256`: how far the copy of a clip is."""

    state: Literal["making", "made", "failed"]
    failure: CopyFailure | None = None
    evidence: EvidenceRef | None = None
    """The copy, which is uploaded as any evidence after this was taken."""

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if (self.state == "failed") != (self.failure is not None):
            raise ValueError("failure must be given with failed, and only there")
        if (self.state == "made") != (self.evidence is not None):
            raise ValueError("evidence must be given with made, and only there")
        if self.evidence is not None and (
            self.evidence.role is not EvidenceRole.CLIP_PLAYABLE
            or self.evidence.media_type != "video/mp4"
            or self.evidence.codec != "h264"
        ):
            raise ValueError("evidence must be an h264 video/mp4 in the role clip_playable")
        return self
