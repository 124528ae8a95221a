"""`configs/cameras/<id>.yaml`: one camera, its inputs, scene, rules and evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Self, Union, get_args

from pydantic import Field, model_validator

from contract.base import ContractModel, Name, Slug
from contract.geometry import NormalisedPoint
from contract.rules import RULES, RuleParams

if TYPE_CHECKING:
    AnyRuleParams = RuleParams
else:
    # The registry decides which kinds exist; `kind` tells pydantic which of them an entry is.
    _union = Union[tuple(item.params for item in RULES.values())]  # noqa: UP007 - built from a list, X | Y cannot be
    AnyRuleParams = Annotated[_union, Field(discriminator="kind")]

Polygon = Annotated[tuple[NormalisedPoint, ...], Field(min_length=3, max_length=64)]
ObjectClass = Literal["person", "bicycle", "motorcycle", "car", "bus", "truck"]


class CameraIdentity(ContractModel):
    """Which camera this is and where it belongs."""

    id: Slug
    name: Name
    village: Slug
    purpose: Annotated[str, Field(max_length=300)] = ""
    """Why this camera looks here: shown on the notice sign and the transparency page."""
    enabled: bool = True
    spot: Slug | None = None
    """Cameras that share a spot share incidents; None means the camera's own id."""


class InputConfig(ContractModel):
    """One stream of the camera."""

    path: Annotated[str, Field(min_length=1, max_length=1000)]
    """rtsp://, rtsps://, http://, https://, or a file below the media folder; `{LANGAN_...}` from the environment."""
    roles: Annotated[tuple[Literal["detect", "record"], ...], Field(min_length=1)] = ("detect", "record")
    transport: Literal["tcp", "udp"] = "tcp"
    """How RTSP carries media."""
    loop: bool = False
    """Play a file again and again at its own speed, as a camera would: for demonstrations."""


class DetectConfig(ContractModel):
    """How often and with which model of models/manifest.yaml the camera's picture is searched."""

    fps: Annotated[float, Field(gt=0, le=30)] = 5.0
    model: Slug = "default"


class ObjectFilter(ContractModel):
    """What a detection of a class must be like to count."""

    min_score: Annotated[float, Field(ge=0, le=1)] = 0.0
    min_area: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of the picture."""
    max_area: Annotated[float, Field(gt=0, le=1)] = 1.0
    max_ratio: Annotated[float, Field(gt=0, le=100)] = 100.0
    """Width divided by height, in pixels."""
    min_ratio: Annotated[float, Field(ge=0, le=100)] = 0.0


class ObjectsConfig(ContractModel):
    """Classes to track, and filters for them."""

    track: Annotated[tuple[ObjectClass, ...], Field(min_length=1)] = get_args(ObjectClass)
    filters: dict[ObjectClass, ObjectFilter] = {}


class MotionConfig(ContractModel):
    """The motion gate: a quiet scene costs decoding only."""

    enabled: bool = True
    mask: tuple[Polygon, ...] = ()
    """Places whose motion says nothing: trees, a clock burned into the picture."""
    threshold: Annotated[int, Field(ge=1, le=255)] = 18
    """Grey levels by which a pixel must differ."""
    min_area: Annotated[float, Field(gt=0, le=1)] = 0.0008
    """Share of the picture that must change."""


class PrivacyConfig(ContractModel):
    """What must never be stored."""

    masks: tuple[Polygon, ...] = ()
    """Blackened before anything is detected, shown or stored."""


class CalibrationConfig(ContractModel):
    """Four or more image points and their ground coordinates in metres: the homography of the ground plane."""

    image: Annotated[tuple[NormalisedPoint, ...], Field(min_length=4, max_length=64)]
    ground_m: Annotated[tuple[tuple[float, float], ...], Field(min_length=4, max_length=64)]

    @model_validator(mode="after")
    def _points_pair_up(self) -> Self:
        if len(self.image) != len(self.ground_m):
            raise ValueError(f"image has {len(self.image)} points and ground_m {len(self.ground_m)}: give one for each")
        return self


class ZoneConfig(ContractModel):
    """A named polygon of the picture. An object is in it when its ground contact (bottom centre of its box) is."""

    name: Name
    kind: Literal["area", "carriageway", "lane", "pavement", "crossing", "junction"] = "area"
    coordinates: Polygon
    direction: tuple[NormalisedPoint, NormalisedPoint] | None = None
    """From, to: which way a lane runs."""


class LineConfig(ContractModel):
    """A named line of the picture."""

    name: Name
    kind: Literal["stop_line", "count_line"] = "stop_line"
    coordinates: tuple[NormalisedPoint, NormalisedPoint]
    into: Slug | None = None
    """The zone on the line's far side."""


class PlanSignalConfig(ContractModel):
    """A traffic light with a fixed plan of phases (lamps and HTTP come with the rules that need them)."""

    kind: Literal["plan"]
    phases: Annotated[
        tuple[tuple[Literal["red", "green", "yellow"], Annotated[float, Field(gt=0, le=600)]], ...], Field(min_length=2)
    ]
    """`[colour, seconds]` in order, repeated."""
    offset_s: float = 0.0
    """Where in the plan midnight (site time) falls."""


class EvidenceConfig(ContractModel):
    """What is kept of an event."""

    pre_s: Annotated[float, Field(ge=0, le=60)] = 5.0
    post_s: Annotated[float, Field(ge=0, le=60)] = 5.0
    snapshot: bool = True
    clip: bool = True


class CameraConfig(ContractModel):
    """The whole of a camera file."""

    camera: CameraIdentity
    inputs: Annotated[tuple[InputConfig, ...], Field(min_length=1, max_length=4)]
    detect: DetectConfig = DetectConfig()
    objects: ObjectsConfig = ObjectsConfig()
    motion: MotionConfig = MotionConfig()
    privacy: PrivacyConfig = PrivacyConfig()
    calibration: CalibrationConfig | None = None
    zones: dict[Slug, ZoneConfig] = {}
    lines: dict[Slug, LineConfig] = {}
    signals: dict[Slug, PlanSignalConfig] = {}
    rules: tuple[AnyRuleParams, ...] = ()
    evidence: EvidenceConfig = EvidenceConfig()

    @property
    def spot(self) -> str:
        """The place that groups this camera's events."""
        return self.camera.spot or self.camera.id

    def input_for(self, role: Literal["detect", "record"]) -> InputConfig:
        """The input with a role. A camera with one stream uses it for both."""
        return next((item for item in self.inputs if role in item.roles), self.inputs[0])
