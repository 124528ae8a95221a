"""`configs/cameras/<id>.yaml`: one camera, its inputs, scene, rules and evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Self, Union, get_args

from pydantic import Field, model_validator

from contract.base import ContractModel, Name, Slug
from contract.geometry import Coordinate, NormalisedPoint
from contract.messages import Text
from contract.rules import RULES, RuleParams

if TYPE_CHECKING:
    AnyRuleParams = RuleParams
else:
    # The registry decides which kinds exist; `kind` tells pydantic which of them an entry is.
    _union = Union[tuple(item.params for item in RULES.values())]  # noqa: UP007 - built from a list, X | Y cannot be
    AnyRuleParams = Annotated[_union, Field(discriminator="kind")]

SIGNAL_KEY_PATTERN = r"^[^.\x00-\x1f\x7f]{1,60}(\.[^.\x00-\x1f\x7f]{1,60}){0,7}$"

Polygon = Annotated[tuple[NormalisedPoint, ...], Field(min_length=3, max_length=64)]
ObjectClass = Literal["person", "bicycle", "motorcycle", "car", "bus", "truck"]


class CameraIdentity(ContractModel):
    """Which camera this is and where it belongs."""

    id: Slug
    """How events and pages name the camera; never change it once events exist."""
    name: Name
    """As officers call it."""
    village: Slug
    """The village (a place of site.yaml) whose officers and residents see its incidents."""
    purpose: Annotated[str, Field(max_length=300)] = ""
    """Why this camera looks here: shown on the notice sign and the transparency page."""
    enabled: bool = True
    """false: the camera is not read."""
    spot: Slug | None = None
    """Cameras that share a spot share incidents; None means the camera's own id."""
    near: Annotated[tuple[Slug, ...], Field(max_length=32)] = ()
    """Cameras close by that look at other spots: what several of them see at once is offered to officers as one
    incident. One of two neighbours saying it is enough."""
    location: tuple[Annotated[float, Field(ge=-90, le=90)], Annotated[float, Field(ge=-180, le=180)]] | None = None
    """Where it hangs: latitude, longitude in degrees (WGS 84). None: officers find it in a list, not on the plan."""


class InputConfig(ContractModel):
    """One stream of the camera."""

    path: Annotated[str, Field(min_length=1, max_length=1000)]
    """rtsp://, rtsps://, http://, https:// (a playlist ends in .m3u8), /dev/video0 to /dev/video99, or a file below the
    media folder; `{LANGAN_...}` from the environment."""
    roles: Annotated[tuple[Literal["detect", "record"], ...], Field(min_length=1)] = ("detect", "record")
    """`detect`: searched for objects (the sub-stream, if there is one); `record`: evidence clips are cut from it."""
    transport: Literal["tcp", "udp"] = "tcp"
    """How RTSP carries media."""
    tls: Literal["any", "verify"] = "any"
    """rtsps and https: `any` accepts whatever certificate the camera shows, as nearly all cameras sign their own;
    `verify` refuses one that this machine does not trust, or that is not made out to the address."""
    decode: Literal["cpu", "auto", "vaapi", "nvdec", "v4l2m2m"] = "cpu"
    """What decodes `detect`; anything but `cpu` is tried when the stream opens, and falls back to `cpu`."""
    frozen_after_s: Annotated[float, Field(ge=0, le=3600)] = 60.0
    """A picture that is the same to the last bit for so long is frozen and the camera is connected anew; 0: never."""
    loop: bool = False
    """Play a file again and again at its own speed, as a camera would: for demonstrations."""


class DetectConfig(ContractModel):
    """How often and with which model of models/manifest.yaml the camera's picture is searched."""

    fps: Annotated[float, Field(gt=0, le=30)] = 5.0
    """Frames a second that are searched; 5 follows people and village traffic."""
    model: Slug = "default"
    """An id of models/manifest.yaml."""
    parts_model: Slug | None = None
    """A second model, for rules about parts of objects (helmets): searches a frame only while a motorbike is tracked.
    None: `model` knows them."""
    regions: Literal["off", "motion"] = "off"
    """`motion`: beside the whole picture, one part of it in which something small moves is searched at full resolution:
    finds more small vehicles far away, for two searches instead of one. Needs the motion gate."""


class ObjectFilter(ContractModel):
    """What a detection of a class must be like to count."""

    min_score: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Lowest score of the detector; 0 leaves it to the model's own threshold."""
    min_area: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of the picture."""
    max_area: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of the picture."""
    max_ratio: Annotated[float, Field(gt=0, le=100)] = 100.0
    """Width divided by height, in pixels."""
    min_ratio: Annotated[float, Field(ge=0, le=100)] = 0.0
    """Width divided by height, in pixels."""


class ObjectsConfig(ContractModel):
    """Classes to track, and filters for them."""

    track: Annotated[tuple[ObjectClass, ...], Field(min_length=1)] = get_args(ObjectClass)
    """Classes that are followed."""
    filters: dict[ObjectClass, ObjectFilter] = {}
    """What a detection of a class must be like to count, by class."""


class MotionConfig(ContractModel):
    """The motion gate: a quiet scene costs decoding only."""

    enabled: bool = True
    """false: every frame at `detect.fps` is searched."""
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


class LensConfig(ContractModel):
    """Radial distortion of the lens, as OpenCV's calibration gives it; without it the lens counts as straight."""

    fx: Annotated[float, Field(gt=0.05, le=20)]
    """Focal length in pixels divided by the picture's width."""
    fy: Annotated[float, Field(gt=0.05, le=20)]
    """Focal length in pixels divided by the picture's height."""
    cx: Coordinate = 0.5
    """Where the lens' axis meets the picture, as a share of its width."""
    cy: Coordinate = 0.5
    """The same as a share of its height."""
    k1: Annotated[float, Field(ge=-5, le=5)]
    """First radial coefficient; below 0 for the barrel of a wide lens."""
    k2: Annotated[float, Field(ge=-20, le=20)] = 0.0
    """Second radial coefficient."""
    k3: Annotated[float, Field(ge=-50, le=50)] = 0.0
    """Third radial coefficient."""


class CalibrationConfig(ContractModel):
    """Four or more image points and their ground coordinates in metres: the homography of the ground plane."""

    image: Annotated[tuple[NormalisedPoint, ...], Field(min_length=4, max_length=64)]
    """Points of the picture."""
    ground_m: Annotated[tuple[tuple[float, float], ...], Field(min_length=4, max_length=64)]
    """The same points on the ground, in metres, in the same order; any origin and axes."""
    point_error_m: Annotated[float, Field(gt=0, le=5)] = 0.2
    """How far a point may be off, measuring and pointing together (standard deviation in metres): decides how sure a
    speed is. More than four points correct it by how well they fit."""
    lens: LensConfig | None = None
    """Only for lenses that bend straight lines visibly."""

    @model_validator(mode="after")
    def _points_pair_up(self) -> Self:
        if len(self.image) != len(self.ground_m):
            counts = {"image": len(self.image), "ground": len(self.ground_m)}
            raise ValueError(Text("image has {image} points and ground_m {ground}", **counts))
        return self


class ZoneConfig(ContractModel):
    """A named polygon of the picture. An object is in it when its ground contact (bottom centre of its box) is."""

    name: Name
    """As people call it; drawn on snapshots."""
    kind: Literal["area", "carriageway", "lane", "pavement", "crossing", "junction"] = "area"
    """What the zone is on the ground."""
    coordinates: Polygon
    """Corners in order around it, three or more; the edges must not cross."""
    direction: tuple[NormalisedPoint, NormalisedPoint] | None = None
    """From, to: which way a lane runs; for other zones, along which way they lie."""
    allowed: tuple[ObjectClass, ...] = ()
    """For which classes a lane is (`lane_misuse`); empty: for all."""


class LineConfig(ContractModel):
    """A named line of the picture."""

    name: Name
    """As people call it."""
    kind: Literal["stop_line", "count_line"] = "stop_line"
    """What the line is for."""
    coordinates: tuple[NormalisedPoint, NormalisedPoint]
    """Its two ends."""
    into: Slug | None = None
    """The zone on the line's far side."""


SignalColour = Literal["red", "yellow", "green"]


class PlanSignalConfig(ContractModel):
    """A traffic light with a fixed plan of phases."""

    kind: Literal["plan"]
    """`plan`: a fixed sequence of phases."""
    phases: Annotated[
        tuple[tuple[SignalColour, Annotated[float, Field(gt=0, le=600)]], ...], Field(min_length=2, max_length=32)
    ]
    """`[colour, seconds]` in order, repeated."""
    offset_s: float = 0.0
    """Where in the plan midnight (site time) falls."""


class LampSignalConfig(ContractModel):
    """A traffic light that the camera sees: its colour is read from the picture."""

    kind: Literal["lamp"]
    """`lamp`: a box around the lights."""
    box: tuple[Coordinate, Coordinate, Coordinate, Coordinate]
    """`[left, top, right, bottom]` around the housing with all its lights and nothing else."""
    order: Literal["vertical", "horizontal"] | None = None
    """`vertical`: red on top, green at the bottom; `horizontal`: red on the left. A light's place then tells its colour
    where glare has washed that out. Leave it out where the box holds a single light."""


class HttpSignalConfig(ContractModel):
    """A traffic light whose controller tells its state over HTTP, as JSON."""

    kind: Literal["http"]
    """`http`: asked again and again."""
    url: Annotated[str, Field(min_length=1, max_length=1000)]
    """http:// or https://, in your own network; `{LANGAN_...}` from the environment."""
    key: Annotated[str, Field(pattern=SIGNAL_KEY_PATTERN)] = "state"
    """Where in the JSON object the state stands; inner objects by dots: `signal.1.colour`."""
    words: dict[SignalColour, Annotated[tuple[Annotated[str, Field(max_length=100)], ...], Field(max_length=16)]] = {}
    """What the controller calls the colours, where it does not say red, yellow and green; capitals do not matter."""
    every_s: Annotated[float, Field(ge=0.2, le=10)] = 0.5
    """Pause between two questions."""
    stale_after_s: Annotated[float, Field(gt=0, le=60)] = 3.0
    """An answer older than this says nothing any more: the state is unknown, and unknown is not red."""
    tls: Literal["any", "verify"] = "verify"
    """https: `verify` refuses a certificate that this machine does not trust; `any` takes whatever is shown."""


AnySignalConfig = Annotated[PlanSignalConfig | LampSignalConfig | HttpSignalConfig, Field(discriminator="kind")]
SIGNAL_KINDS = ("plan", "lamp", "http")


class PlatesConfig(ContractModel):
    """Number plates of vehicles that an event of a traffic rule is about; residents never see them."""

    enabled: bool = False
    """true: read them. Whether your law and your purpose allow it is yours to settle first (docs/guide/privacy.md)."""
    model: Slug | None = None
    """An id of models/manifest.yaml: a model that finds plates; whatever it finds is taken for one."""

    @model_validator(mode="after")
    def _has_model(self) -> Self:
        if self.enabled and self.model is None:
            raise ValueError(Text("number plates need a model that finds them: name it under plates.model"))
        return self


class EvidenceConfig(ContractModel):
    """What is kept of an event."""

    pre_s: Annotated[float, Field(ge=0, le=60)] = 5.0
    """Seconds of clip before the event."""
    post_s: Annotated[float, Field(ge=0, le=60)] = 5.0
    """Seconds of clip after the event's start."""
    snapshot: bool = True
    """Keep a picture with what the rule saw drawn on it, and a redacted copy for residents."""
    clip: bool = True
    """Keep a short video, cut from the recorded stream without encoding it again."""


class ObservationsConfig(ContractModel):
    """What is kept, without pictures, of what the rules saw: `langan-edge replay --observations` asks it what a changed
    configuration would have said."""

    store: bool = False
    """true: keep boxes, classes and times of everything that was followed. Off unless somebody wants to try changes:
    it holds the ways of people who did nothing."""
    keep_h: Annotated[float, Field(gt=0, le=24 * 14)] = 24.0
    """Hours after which they are deleted ..."""
    max_mb: Annotated[float, Field(ge=1, le=10000)] = 100.0
    """... or before, the oldest first, when they take more megabytes than this; part of `--evidence-mb`."""


class CameraConfig(ContractModel):
    """The whole of a camera file."""

    preset: Slug | None = None
    """A preset of configs/presets that this file builds on; what it says holds unless this file says otherwise."""
    camera: CameraIdentity
    """Which camera this is."""
    inputs: Annotated[tuple[InputConfig, ...], Field(min_length=1, max_length=4)]
    detect: DetectConfig = DetectConfig()
    objects: ObjectsConfig = ObjectsConfig()
    motion: MotionConfig = MotionConfig()
    privacy: PrivacyConfig = PrivacyConfig()
    calibration: CalibrationConfig | None = None
    """Without it nothing is told in metres or metres a second."""
    zones: dict[Slug, ZoneConfig] = {}
    """Polygons by id; rules name them."""
    lines: dict[Slug, LineConfig] = {}
    """Lines by id; rules name them."""
    signals: dict[Slug, AnySignalConfig] = {}
    """Traffic lights by id; rules name them."""
    rules: tuple[AnyRuleParams, ...] = ()
    """What is decided; each entry has a `kind` and the keys of that kind below. `camera_offline` and `camera_tampered`
    are in force without an entry."""
    evidence: EvidenceConfig = EvidenceConfig()
    observations: ObservationsConfig = ObservationsConfig()
    plates: PlatesConfig = PlatesConfig()

    @property
    def spot(self) -> str:
        """The place that groups this camera's events."""
        return self.camera.spot or self.camera.id

    @property
    def camera_rules(self) -> tuple[RuleParams, ...]:
        """The rules about the camera itself that are in force, written or not."""
        written = {rule.kind: rule for rule in self.rules if RULES[rule.kind].about_camera}
        every = (
            written.get(kind) or contract.params.model_validate({"kind": kind})
            for kind, contract in RULES.items()
            if contract.about_camera
        )
        return tuple(rule for rule in every if getattr(rule, "enabled", True))

    @property
    def part_classes(self) -> tuple[str, ...]:
        """The parts of objects that the camera's rules are about."""
        return tuple(sorted({name for rule in self.rules for name in RULES[rule.kind].requires_part_classes}))

    def input_for(self, role: Literal["detect", "record"]) -> InputConfig:
        """The input with a role. A camera with one stream uses it for both."""
        return next((item for item in self.inputs if role in item.roles), self.inputs[0])
