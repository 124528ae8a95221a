"""What every rule's parameters and facts have in common, and how a rule announces itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints, field_validator

from contract.base import ContractModel, Slug

TIME_RANGE_PATTERN = r"^([01]\d|2[0-3]):[0-5]\d-(([01]\d|2[0-3]):[0-5]\d|24:00)$"
TimeRange = Annotated[str, StringConstraints(pattern=TIME_RANGE_PATTERN)]
"""`HH:MM-HH:MM` in the site's time zone; an end before the start runs over midnight (22:00-05:00)."""

ScheduleRef = Slug | tuple[TimeRange, ...]
"""The name of a schedule in site.yaml, or time ranges that hold every day."""

Seconds = Annotated[float, Field(gt=0, le=7 * 24 * 3600)]
Metres = Annotated[float, Field(gt=0, le=1000)]

PERSON_CLASSES = ("person",)
VEHICLE_CLASSES = ("bicycle", "motorcycle", "car", "bus", "truck")
MOTOR_VEHICLE_CLASSES = ("motorcycle", "car", "bus", "truck")
OBJECT_CLASSES = (*PERSON_CLASSES, *VEHICLE_CLASSES)
"""The classes that rules decide over; names as in COCO."""
PART_CLASSES = ("helmet", "no_helmet")
"""What a model may find on an object (a rider's head); never tracked by itself."""


class RuleParams(ContractModel):
    """One entry under `rules:` in a camera file. A rule adds its own numbers; each default cites docs/rules."""

    kind: str
    """Which rule this is."""
    zones: tuple[Slug, ...] = ()
    """Zones the rule watches. Empty means the whole picture, where the rule allows that."""
    objects: tuple[str, ...] = ()
    """Classes the rule looks at; empty means the rule's own default (`Params.default_objects`)."""
    schedule: ScheduleRef | None = None
    """When the rule is in force; None means always."""

    default_objects: ClassVar[tuple[str, ...]] = ()

    @property
    def object_classes(self) -> frozenset[str]:
        """The classes the rule looks at, defaults resolved."""
        return frozenset(self.objects or self.default_objects)


class AlongParams(RuleParams):
    """What rules about travel along a zone have in common: how long and how far before it counts."""

    min_duration_s: Seconds
    """How long a vehicle must travel along the zone ..."""
    min_distance_m: Metres
    """... and how far, where the camera has a homography."""
    min_distance_boxes: Annotated[float, Field(gt=0, le=20)]
    """Without a homography: distance in lengths of the vehicle's own box."""
    clear_after_s: Seconds = 5.0
    """The event ends when the vehicle has been out of the zone for this long."""


class AtLineParams(RuleParams):
    """What rules about a stop line have in common: `zones` are the lanes that the signal is for; empty: all are."""

    line: Slug
    """The stop line; its `into` is the junction."""
    signal: Slug
    """The traffic light."""
    clear_after_s: Seconds
    """The event ends when it has been over for so long."""


class RuleFacts(ContractModel):
    """The numbers that decided, as an event carries them: to a thousandth of their unit, finer says nothing."""

    @field_validator("*", mode="after")
    @classmethod
    def _round(cls, value: object) -> object:
        return round(value, 3) if isinstance(value, float) else value


class AlongFacts(RuleFacts):
    """How a vehicle travelled along a zone."""

    object_class: str
    duration_s: Annotated[float, Field(ge=0)]
    distance_m: Annotated[float, Field(ge=0)] | None = None
    """Along the zone; None without a homography."""
    distance_boxes: Annotated[float, Field(ge=0)]
    calibration_error_m: Annotated[float, Field(ge=0)] | None = None
    """RMS error of the homography's points; None (unknown) without one, and with four points, which always fit."""


Language = Literal["vi", "en"]

CLASS_WORDS: dict[Language, dict[str, str]] = {
    "vi": {
        "person": "người",
        "bicycle": "xe đạp",
        "motorcycle": "xe máy",
        "car": "ô tô",
        "bus": "xe khách",
        "truck": "xe tải",
    },
    "en": {name: name for name in OBJECT_CLASSES},
}
"""What captions call the classes."""


@dataclass(frozen=True, slots=True)
class RuleContract:
    """A rule kind: its name, what an admin may write, what an event carries, and what the scene must offer."""

    kind: str
    params: type[RuleParams]
    facts: type[RuleFacts]
    caption: dict[Language, str]
    """One line for a snapshot: a format string over the facts, with `object_class` and `words` in words."""
    requires_zone: bool = False
    """At least one zone must be named."""
    requires_zone_direction: bool = False
    """Every named zone must be a lane with a direction."""
    requires_zone_axis: bool = False
    """Every named zone must have a direction or be clearly longer than wide."""
    requires_line_side: bool = False
    """The named `line` must say which side is the far one: `into`."""
    requires_homography: bool = False
    """The camera must have a `calibration`: the rule decides in metres or metres a second."""
    requires_classes: tuple[str, ...] = ()
    """Classes that the camera must track beside those of `objects`."""
    requires_part_classes: tuple[str, ...] = ()
    """Part classes that the camera's model must know."""
    needs_static_regions: bool = False
    """The camera looks for new static regions while such a rule is configured."""
    clip_back_s: float | None = None
    """Its events are told long after what they are about: the clip shows their beginning, while that is still recorded,
    instead of the moment of the report. So many seconds more are kept for that; 0: only what is kept anyway."""
    about_camera: bool = False
    """It watches the camera itself: in force for every camera without being written, and without zones or classes."""
    words: Mapping[Language, Mapping[str, str]] = field(default_factory=dict)
    """What captions call the values of the kind's own facts."""

    def describe(self, facts: RuleFacts, language: Language) -> str:
        """What happened, in one line in the site's language."""
        words = {**CLASS_WORDS[language], **self.words.get(language, {})}
        values = {
            name: words.get(value, value) if isinstance(value, str) else value
            for name, value in facts.model_dump().items()
        }
        return self.caption[language].format(**values)
