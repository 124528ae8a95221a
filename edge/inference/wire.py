"""What a camera and the inference process say to each other: one packet of a local socket for each message."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass

import numpy as np

from edge.detection.model import Boxes

MAX_PACKET = 200_000
"""Less than Linux takes in one packet; a thousand boxes are 22 kB, a thousand class names some 30 kB."""
_NUMBER = struct.Struct("<cQ")
_SIZE = struct.Struct("<cII")
_BOX = np.dtype([("xyxy", "<f4", 4), ("confidence", "<f4"), ("class_id", "<u2")])


@dataclass(frozen=True, slots=True)
class Hello:
    """A camera begins: which model it wants, and what that must know."""

    camera_id: str
    model_id: str
    needed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Loading:
    """The camera's model is being loaded now: if the process dies, the model is to blame."""


@dataclass(frozen=True, slots=True)
class Ready:
    """The model is loaded."""

    class_names: tuple[str, ...]
    input_wh: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Refused:
    """The model cannot be had; the message names the remedy."""

    message: str


@dataclass(frozen=True, slots=True)
class Share:
    """The camera's slot comes with this packet, as a file descriptor."""

    input_wh: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Ask:
    """A new model input lies in the slot."""

    number: int


@dataclass(frozen=True, slots=True)
class Found:
    """The answer to `Ask`."""

    number: int
    boxes: Boxes


@dataclass(frozen=True, slots=True)
class Dropped:
    """`Ask` was overtaken by a newer one."""

    number: int


@dataclass(frozen=True, slots=True)
class Failed:
    """The model raised an error."""

    number: int
    message: str


Message = Hello | Loading | Ready | Refused | Share | Ask | Found | Dropped | Failed


def pack(message: Message) -> bytes:  # noqa: PLR0911 - one line for each kind
    """Write a message into a packet."""
    match message:
        case Hello():
            return _text(b"H", [message.camera_id, message.model_id, message.needed])
        case Loading():
            return b"L"
        case Ready():
            return _text(b"R", [message.class_names, message.input_wh])
        case Refused():
            return _text(b"X", message.message)
        case Share():
            return _SIZE.pack(b"S", *message.input_wh)
        case Ask():
            return _NUMBER.pack(b"A", message.number)
        case Dropped():
            return _NUMBER.pack(b"D", message.number)
        case Failed():
            return _NUMBER.pack(b"E", message.number) + message.message.encode()[:1000]
        case Found():
            boxes = message.boxes
            rows = np.empty(len(boxes), _BOX)
            rows["xyxy"], rows["confidence"], rows["class_id"] = boxes.xyxy, boxes.confidence, boxes.class_id
            return _NUMBER.pack(b"F", message.number) + rows.tobytes()


def unpack(packet: bytes) -> Message:
    """Read a packet.

    Raises:
        ValueError: It holds no message.
    """
    try:
        return _read(packet[:1], packet)
    except (struct.error, UnicodeDecodeError, TypeError, LookupError) as error:
        raise ValueError(f"no message of the inference process: {packet[:40]!r}") from error


def _read(kind: bytes, packet: bytes) -> Message:  # noqa: PLR0911 - one line for each kind
    match kind:
        case b"H":
            camera_id, model_id, needed = json.loads(packet[1:])
            return Hello(str(camera_id), str(model_id), tuple(str(name) for name in needed))
        case b"L":
            return Loading()
        case b"R":
            class_names, (width, height) = json.loads(packet[1:])
            return Ready(tuple(str(name) for name in class_names), (int(width), int(height)))
        case b"X":
            return Refused(str(json.loads(packet[1:])))
        case b"S":
            _, width, height = _SIZE.unpack(packet)
            return Share((width, height))
        case b"A":
            return Ask(_NUMBER.unpack(packet)[1])
        case b"D":
            return Dropped(_NUMBER.unpack(packet)[1])
        case b"E":
            return Failed(_NUMBER.unpack_from(packet)[1], packet[_NUMBER.size :].decode(errors="replace"))
        case b"F":
            rows = np.frombuffer(packet, _BOX, offset=_NUMBER.size)
            boxes = Boxes(
                np.ascontiguousarray(rows["xyxy"]),
                np.ascontiguousarray(rows["confidence"]),
                rows["class_id"].astype(np.intp),
            )
            return Found(_NUMBER.unpack_from(packet)[1], boxes)
    raise ValueError(f"no message of the inference process: {packet[:40]!r}")


def _text(kind: bytes, content: object) -> bytes:
    return kind + json.dumps(content).encode()
