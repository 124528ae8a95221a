"""A minute of observations -> a few kilobytes, and back without a loss.

    block = magic, length, CRC-32, deflate( header as JSON | columns )

A value that did not change since the same track's last row costs one bit; boxes are stored as steps of 1/65536, which
is how the tracker rounds them. A column that holds anything finer is stored whole: what comes back is always equal.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime, timedelta
from itertools import count as count_from
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.types import Observation, Part, Sighting, SignalState, StaticRegion, Track, TrackId, ViewReading

MAGIC = b"LAO1"
_HEAD = struct.Struct("<4sII")
MAX_BLOCK_BYTES = 16_000_000
"""Beyond this a length is damage: a busy minute takes about 100 kB."""
BOX_STEPS = 65536.0
_LEVEL = 6
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SAME_BOX, _SAME_CONFIDENCE, _SAME_FIRST, _FIRST_NOW, _LAST_NOW, _SAME_LAST, _DETECTED, _FOUND = (
    1 << bit for bit in range(8)
)
_NOWHERE = (0.0, 0.0, 0.0, 0.0)
_VIEW_FIELDS = tuple(field.name for field in fields(ViewReading))


class BlockDamaged(ValueError):
    """The bytes are no block, or a torn one."""


@dataclass(frozen=True, slots=True)
class Block:
    """Observations that followed each other."""

    camera_id: str
    fresh: bool
    """The rules began anew before it: the camera was started, or had been away."""
    observations: tuple[Observation, ...]


def encode(block: Block) -> bytes:
    """Pack a block that holds at least one observation."""
    observations = block.observations
    classes: dict[str, int] = {}
    columns = _track_columns(observations, classes)
    times = np.array([item.monotonic_s for item in observations], np.float64).view(np.int64)
    columns["time"] = np.diff(times, prepend=np.int64(0))
    utc = np.array([(item.utc - _EPOCH) // _MICROSECOND for item in observations], np.int64)
    columns["utc"] = np.diff(utc, prepend=np.int64(0))
    columns["count"] = np.array([len(item.tracks) for item in observations], np.uint16)
    columns["searched"] = np.packbits([item.detected for item in observations])
    views = [item.view for item in observations if item.view is not None]
    columns["viewed"] = np.packbits([item.view is not None for item in observations])
    columns["view"] = np.array([[getattr(view, name) for name in _VIEW_FIELDS] for view in views], np.float64).ravel()
    header = {
        "camera": block.camera_id,
        "fresh": block.fresh,
        "count": len(observations),
        "classes": list(classes),
        "aspect": _changes([item.aspect for item in observations]),
        "signals": _changes([dict(item.signals) for item in observations]),
        "static": _changes([[asdict(region) for region in item.static_regions] for item in observations]),
        "parts": _changes([[asdict(part) for part in item.parts] for item in observations]),
        "before": _sightings(observations),
        "columns": [[name, str(column.dtype), len(column)] for name, column in columns.items()],
    }
    head = json.dumps(header, separators=(",", ":")).encode()
    planes = b"".join(_shuffle(column) for column in columns.values())
    packed = zlib.compress(len(head).to_bytes(4, "little") + head + planes, _LEVEL)
    return _HEAD.pack(MAGIC, len(packed), zlib.crc32(packed)) + packed


def decode(data: bytes, offset: int = 0) -> tuple[Block, int]:
    """Unpack the block at an offset; returns it with the offset behind it.

    Raises:
        BlockDamaged: There is no whole block.
    """
    if len(data) - offset < _HEAD.size:
        raise BlockDamaged("the block's head is cut off")
    magic, length, checksum = _HEAD.unpack_from(data, offset)
    start = offset + _HEAD.size
    packed = data[start : start + length]
    if magic != MAGIC or length > MAX_BLOCK_BYTES or len(packed) < length or zlib.crc32(packed) != checksum:
        raise BlockDamaged("the block is torn or overwritten")
    try:
        return _unpack(zlib.decompress(packed)), start + length
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, RuntimeError, zlib.error) as error:
        raise BlockDamaged(f"the block cannot be understood ({error})") from error


def _unpack(raw: bytes) -> Block:
    at = 4 + int.from_bytes(raw[:4], "little")
    header = json.loads(raw[4:at])
    columns: dict[str, NDArray[Any]] = {}
    for name, dtype, length in header["columns"]:
        size = np.dtype(dtype).itemsize * length
        columns[name] = _unshuffle(raw[at : at + size], np.dtype(dtype))
        at += size
    count = header["count"]
    times: list[float] = np.cumsum(columns["time"]).view(np.float64).tolist()
    utc: list[int] = np.cumsum(columns["utc"]).tolist()
    tracks = _tracks(columns, header["classes"], times, dict(header.get("before", ())))
    searched = np.unpackbits(columns["searched"], count=count).astype(bool).tolist()
    viewed = np.unpackbits(columns["viewed"], count=count).astype(bool).tolist()
    views = iter(columns["view"].reshape(-1, len(_VIEW_FIELDS)).tolist())
    aspects, signals = _unchanged(header["aspect"], count), _unchanged(header["signals"], count)
    static, parts = _unchanged(header["static"], count), _unchanged(header["parts"], count)
    observations = tuple(
        Observation(
            camera_id=header["camera"],
            monotonic_s=times[index],
            utc=_EPOCH + timedelta(microseconds=utc[index]),
            aspect=aspects[index],
            tracks=next(tracks),
            detected=searched[index],
            signals={name: SignalState(state) for name, state in signals[index].items()},
            view=ViewReading(*next(views)) if viewed[index] else None,
            static_regions=tuple(StaticRegion(**_tupled(item)) for item in static[index]),
            parts=tuple(Part(**_tupled(item)) for item in parts[index]),
        )
        for index in range(count)
    )
    return Block(header["camera"], bool(header["fresh"]), observations)


def _track_columns(observations: Sequence[Observation], classes: dict[str, int]) -> dict[str, NDArray[Any]]:
    """One row for each track of each observation, in order; what repeats is a flag."""
    ids: list[int] = []
    kinds: list[int] = []
    flags: list[int] = []
    boxes: list[tuple[float, float, float, float]] = []
    before_box: list[tuple[float, float, float, float]] = []
    values: dict[str, list[float]] = {"confidence": [], "first": [], "last": []}
    known: dict[int, Track] = {}
    for item in observations:
        for track in item.tracks:
            before = known.get(track.track_id)
            flag = (_DETECTED if track.detected else 0) | (_FOUND if track.found is not None else 0)
            if before is not None and before.xyxy == track.xyxy:
                flag |= _SAME_BOX
            else:
                boxes.append(track.xyxy)
                before_box.append(before.xyxy if before is not None else (0.0, 0.0, 0.0, 0.0))
            if before is not None and before.confidence == track.confidence:
                flag |= _SAME_CONFIDENCE
            else:
                values["confidence"].append(track.confidence)
            if before is not None and before.first_seen_s == track.first_seen_s:
                flag |= _SAME_FIRST
            elif track.first_seen_s == item.monotonic_s:
                flag |= _FIRST_NOW
            else:
                values["first"].append(track.first_seen_s)
            if track.last_seen_s == item.monotonic_s:
                flag |= _LAST_NOW
            elif before is not None and before.last_seen_s == track.last_seen_s:
                flag |= _SAME_LAST
            else:
                values["last"].append(track.last_seen_s)
            known[track.track_id] = track
            ids.append(track.track_id)
            kinds.append(classes.setdefault(track.class_name, len(classes)))
            flags.append(flag)
    columns: dict[str, NDArray[Any]] = {
        "id": np.diff(np.array(ids, np.int64), prepend=np.int64(0)),
        "class": np.array(kinds, np.uint16),
        "flag": np.array(flags, np.uint8),
        **{name: np.array(found, np.float64) for name, found in values.items()},
    }
    columns.update(_box_columns("box", boxes, before_box))
    founds = [(track.found, track.xyxy) for item in observations for track in item.tracks if track.found is not None]
    columns.update(_box_columns("found", [found for found, _ in founds], [near for _, near in founds]))
    return columns


def _box_columns(
    name: str, boxes: Sequence[tuple[float, float, float, float]], before: Sequence[tuple[float, float, float, float]]
) -> dict[str, NDArray[Any]]:
    found = np.array(boxes, np.float64).reshape(-1, 4)
    with np.errstate(invalid="ignore"):
        steps = np.concatenate((found, np.array(before, np.float64).reshape(-1, 4))) * BOX_STEPS
        whole = bool(np.all(np.isfinite(steps)) and np.all(steps == np.rint(steps)) and np.all(np.abs(steps) < 2**30))
    if not whole:  # not our tracker's boxes: keep every bit
        return {name: found.ravel()}
    delta = (steps[: len(found)] - steps[len(found) :]).astype(np.int32)
    return {f"{name}{side}": delta[:, side] for side in range(4)}


def _boxes(columns: dict[str, NDArray[Any]], name: str) -> tuple[Iterator[list[float]], bool]:
    """Boxes in order, and whether they are told as what they are off from another; none in an older block."""
    if f"{name}0" in columns:
        return iter((np.stack([columns[f"{name}{side}"] for side in range(4)], axis=1) / BOX_STEPS).tolist()), True
    return iter(columns.get(name, np.zeros(0)).reshape(-1, 4).tolist()), False


def _moved(by: Sequence[float], box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    return (box[0] + by[0], box[1] + by[1], box[2] + by[2], box[3] + by[3])


def _sightings(observations: Sequence[Observation]) -> list[tuple[int, list[tuple[float, ...]]]]:
    """The row of each track that tells where it was found before it was known, and those places: few tracks do."""
    tracks = (track for item in observations for track in item.tracks)
    return [
        (row, [(early.monotonic_s, *early.xyxy) for early in track.before])
        for row, track in enumerate(tracks)
        if track.before
    ]


def _tracks(
    columns: dict[str, NDArray[Any]],
    classes: list[str],
    times: list[float],
    sightings: dict[int, list[list[float]]],
) -> Iterator[tuple[Track, ...]]:
    ids = iter(np.cumsum(columns["id"]).tolist())
    kinds, flags = iter(columns["class"].tolist()), iter(columns["flag"].tolist())
    confidence, first, last = (iter(columns[name].tolist()) for name in ("confidence", "first", "last"))
    (boxes, is_delta), (founds, is_near) = _boxes(columns, "box"), _boxes(columns, "found")
    known: dict[int, Track] = {}
    rows = count_from(0)
    for now_s, count in zip(times, columns["count"].tolist(), strict=True):
        found = []
        for _ in range(count):
            track_id, flag = next(ids), next(flags)
            before = known.get(track_id)
            if flag & _SAME_BOX:
                assert before is not None  # noqa: S101 - written only for a track that had a row before
                box = before.xyxy
            else:
                told = next(boxes)
                box = _moved(told, before.xyxy if is_delta and before is not None else _NOWHERE)
            own = _moved(next(founds), box if is_near else _NOWHERE) if flag & _FOUND else None
            known[track_id] = track = Track(
                track_id=TrackId(track_id),
                class_name=classes[next(kinds)],
                confidence=_kept(before, "confidence") if flag & _SAME_CONFIDENCE else next(confidence),
                xyxy=box,
                first_seen_s=(
                    _kept(before, "first_seen_s")
                    if flag & _SAME_FIRST
                    else (now_s if flag & _FIRST_NOW else next(first))
                ),
                last_seen_s=now_s
                if flag & _LAST_NOW
                else (_kept(before, "last_seen_s") if flag & _SAME_LAST else next(last)),
                detected=bool(flag & _DETECTED),
                found=own,
                before=tuple(
                    Sighting(at_s, (x1, y1, x2, y2)) for at_s, x1, y1, x2, y2 in sightings.get(next(rows), ())
                ),
            )
            found.append(track)
        yield tuple(found)


def _kept(before: Track | None, name: str) -> float:
    value: float = getattr(before, name)
    return value


def _changes(values: Sequence[Any]) -> list[list[Any]]:
    """`[index, value]` wherever a value is not that of the index before."""
    return [[index, value] for index, value in enumerate(values) if index == 0 or value != values[index - 1]]


def _unchanged(changes: Sequence[Sequence[Any]], count: int) -> list[Any]:
    ends = [index for index, _ in changes[1:]] + [count]
    return [value for (start, value), end in zip(changes, ends, strict=True) for _ in range(start, end)]


def _tupled(fields_of: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in fields_of.items()}


def _shuffle(column: NDArray[Any]) -> bytes:
    """First bytes of all values, then second bytes, and so on: small numbers leave long runs of zeros."""
    width = column.dtype.itemsize
    return np.ascontiguousarray(column).view(np.uint8).reshape(-1, width).T.tobytes()


def _unshuffle(data: bytes, dtype: np.dtype[Any]) -> NDArray[Any]:
    planes = np.frombuffer(data, np.uint8).reshape(dtype.itemsize, -1)
    return np.ascontiguousarray(planes.T).reshape(-1).view(dtype)
