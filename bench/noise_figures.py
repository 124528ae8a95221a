"""Collects samples of a detector's errors and makes figures of them: see `bench.measure_noise`."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.noise_fit import LAGS_S, Series, fit_decay, miss_correlation, normal_scores, rank_correlation
from bench.noise_tracks import MATCH_IOU, TrueObject, covered, cut_off, edges_of, pairs_of, rows_a_pixel
from bench.worlds.noise import EDGE_QUANTILES, SCORE_QUANTILES
from contract.rules.base import OBJECT_CLASSES
from edge.classes import lookalike_group
from edge.detection.nms import iou_matrix
from edge.types import Detections

Array = NDArray[np.float64]

ROWS = (0.0, 12.0, 16.0, 24.0, 32.0, 48.0, 64.0, 96.0, 144.0, 1000.0)
"""Borders of the sizes: a box's height in rows of the model's input."""
MOVED = 0.5
"""People who never moved by this share of their height may be posts that the second model takes for people."""
CLEAR = 0.15
"""Share of a box that may be hidden while it still counts as open."""
LEAST = 40
"""Fewer samples of a size say nothing."""
VISIBLE = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0001)
APART_IOU = 0.3
"""A detection that overlaps less with anything that the second model half sees is false."""
LEAST_HIDDEN = 100
"""Hidden people who are followed all the same are few, and the easy ones."""
SPOT_LEAST, SPOT_S = 5, 3.0
"""A place with this many false detections over this time is a thing that looks like something."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One object in one picture."""

    series: str
    time_s: float
    rows: float
    visible: float
    score: float | None
    edges: tuple[float, ...] | None
    """Left, top, right, bottom: found minus true, in widths and heights of the true box."""
    true_name: str
    found_name: str


@dataclass(slots=True)
class Collected:
    """Everything that was seen."""

    samples: dict[str, list[Sample]] = field(default_factory=lambda: defaultdict(list))
    """By group of look-alike classes."""
    stills: dict[str, list[tuple[float, bool]]] = field(default_factory=lambda: defaultdict(list))
    """By group: (rows, was found) of people's labels."""
    labelled: list[tuple[float, tuple[float, ...] | None]] = field(default_factory=list)
    false: list[dict[str, Any]] = field(default_factory=list)
    doubles: dict[str, list[tuple[float, tuple[float, ...]]]] = field(default_factory=lambda: defaultdict(list))
    """By group: score and edges of second detections of an object."""
    found: Counter[str] = field(default_factory=Counter)
    pictures: int = 0
    clips: int = 0
    spots: list[dict[str, Any]] = field(default_factory=list)
    """Places that look like something: share of the clip's pictures, median score, name."""
    loose_s: list[float] = field(default_factory=list)
    """How long each other place was taken for something."""

    def add_still(self, size: tuple[int, int], truth: Mapping[str, NDArray[np.float32]], found: Detections) -> None:
        """A labelled still: whether each labelled vehicle was found."""
        for name, boxes in truth.items():
            group = lookalike_group(name)
            pairs = dict(pairs_of(boxes.astype(np.float64), [group] * len(boxes), found))
            for row, box in enumerate(boxes.tolist()):
                if box[3] > box[1]:
                    self.stills[group].append(((box[3] - box[1]) * rows_a_pixel(size), row in pairs))

    def add_labelled(self, size: tuple[int, int], boxes: NDArray[np.float32], found: Detections) -> None:
        """A picture in which people labelled people: a check of the second model's judgement."""
        pairs = dict(pairs_of(boxes.astype(np.float64), ["person"] * len(boxes), found))
        for row, box in enumerate(boxes.astype(np.float64)):
            edges = edges_of(found.xyxy[pairs[row]], box) if row in pairs else None
            self.labelled.append(((box[3] - box[1]) * rows_a_pixel(size), edges))

    def report(self) -> dict[str, Any]:
        """What the labels say beside it."""
        edges = np.array([edges for _, edges in self.labelled if edges is not None])
        return {
            "vtest_labels": len(self.labelled),
            "vtest_missed": round(1.0 - len(edges) / max(1, len(self.labelled)), 3),
            "vtest_edge_bias": np.median(edges, axis=0).round(3).tolist(),
            "vtest_edge_spread": _spread(edges).round(3).tolist(),
            "samples": {group: len(items) for group, items in self.samples.items()},
        }


def gather(
    into: Collected,
    clip: str,
    size: tuple[int, int],
    times: Sequence[float],
    found: Sequence[Detections],
    objects: Sequence[TrueObject],
    other: Sequence[Detections],
) -> None:
    """Compare one clip's detections with its true objects.

    Args:
        into: Takes the samples.
        clip: Its name.
        size: Of its pictures.
        times: Seconds of the pictures.
        found: By the embedded model.
        objects: Who is there.
        other: What the second model half sees, too.
    """
    false: list[tuple[float, str, float, Array]] = []
    for time_s, detections, half_seen in zip(times, found, other, strict=True):
        here = [(i, o) for i, o in enumerate(objects) if o.times[0] <= time_s <= o.times[-1]]
        boxes = np.array([o.xyxy[int(np.searchsorted(o.times, time_s))] for _, o in here]).reshape(-1, 4)
        groups = [o.group for _, o in here]
        pairs = dict(pairs_of(boxes, groups, detections))
        for row, (number, item) in enumerate(here):
            is_sure = item.group != "person" or item.moved >= MOVED
            if is_sure and not cut_off(boxes[row], *size):
                series = f"{clip}:{number}"
                sample = _sample(series, time_s, boxes, row, item, detections, pairs.get(row), size)
                into.samples[item.group].append(sample)
        into.pictures += 1
        false += _extra(into, time_s, boxes, groups, detections, half_seen, set(pairs.values()))
    into.clips += 1
    _add_false(into, false, times, size)


def figures(collected: Collected) -> dict[str, Any]:
    """Everything that `bench.worlds.noise` draws from."""
    return {
        "groups": {group: _group(collected, group) for group in ("person", "bicycle", "car")},
        "false": _false(collected),
    }


def _group(collected: Collected, group: str) -> dict[str, Any]:
    samples = collected.samples[group]
    rows = np.array([s.rows for s in samples])
    size = np.digitize(rows, ROWS) - 1
    visible = np.array([s.visible for s in samples])
    is_open = visible >= 1.0 - CLEAR
    missed = np.array([s.score is None for s in samples])
    still_rows = np.array([r for r, _ in collected.stills[group]])
    still_missed = np.array([not hit for _, hit in collected.stills[group]], np.bool_)
    sizes: list[dict[str, Any]] = []
    share_of: dict[int, float] = {}
    scores_of_edges: dict[int, Array] = {}
    for number in range(len(ROWS) - 1):
        mine = np.flatnonzero((size == number) & is_open)
        stills = np.flatnonzero(np.digitize(still_rows, ROWS) - 1 == number)
        if len(mine) + len(stills) < LEAST:
            continue
        miss = float(np.concatenate((missed[mine], still_missed[stills])).mean())
        hits = [i for i in mine.tolist() if not missed[i]]
        entry: dict[str, Any] = {
            "rows": float(np.median(np.concatenate((rows[mine], still_rows[stills])))),
            "samples": len(mine),
            "stills": len(stills),
            "missed": miss,
        }
        if len(hits) >= LEAST:
            edges = np.array([samples[i].edges for i in hits])
            entry["scores"] = np.quantile([samples[i].score for i in hits], SCORE_QUANTILES).tolist()
            entry["edges"] = np.quantile(edges, EDGE_QUANTILES, axis=0).T.tolist()
            share_of[number] = float(missed[mine].mean())
            normal = np.column_stack([normal_scores(edges[:, side]) for side in range(4)])
            scores_of_edges |= dict(zip(hits, normal, strict=True))
        sizes.append(entry)
    expected = np.array([share_of.get(int(number), 0.5) for number in size])
    known = np.array([int(number) in share_of for number in size])
    at_camera, many = _at_each_camera(samples, size, missed, is_open)
    return {
        "sizes": sizes,
        "miss_in_time": _misses_in_time(samples, np.flatnonzero(is_open & many), missed, at_camera),
        "edges_in_time": _edges_in_time(samples, scores_of_edges),
        "edges_together": np.corrcoef(np.array(list(scores_of_edges.values())).T).tolist(),
        "found_when_hidden": _hidden(visible[known], missed[known], expected[known]),
        "names": _names(samples),
    }


def _at_each_camera(
    samples: list[Sample], size: NDArray[np.intp], missed: NDArray[np.bool_], usable: NDArray[np.bool_]
) -> tuple[Array, NDArray[np.bool_]]:
    """Share of misses of each sample's size in its own clip, and where there are enough samples to tell it.

    What is alike in time is told against this: cameras differ, but that is not what an object keeps.
    """
    clips = np.array([sample.series.rpartition(":")[0] for sample in samples])
    shares, many = np.full(len(samples), 0.5), np.zeros(len(samples), np.bool_)
    for clip in set(clips.tolist()):
        for number in range(len(ROWS) - 1):
            mine = (clips == clip) & (size == number) & usable
            if mine.sum() >= LEAST:
                shares[mine], many[mine] = missed[mine].mean(), True
    return shares, many


def _misses_in_time(
    samples: list[Sample], usable: NDArray[np.intp], missed: NDArray[np.bool_], expected: Array
) -> dict[str, Any]:
    series = _series(samples, {i: float(missed[i]) for i in usable.tolist()}, expected)
    measured = {lag: miss_correlation(series, lag) for lag in LAGS_S}
    known = {lag: value for lag, value in measured.items() if value is not None}
    return {**fit_decay(known), "correlation": {str(lag): value for lag, value in known.items()}}


def _edges_in_time(samples: list[Sample], normal: Mapping[int, Array]) -> dict[str, Any]:
    known: dict[float, float] = {}
    nothing = np.zeros(len(samples))
    sides = [_series(samples, {i: float(v[side]) for i, v in normal.items()}, nothing) for side in range(4)]
    for lag in LAGS_S:
        values = [value for side in sides if (value := rank_correlation(side, lag)) is not None]
        if values:
            known[lag] = float(np.mean(values))
    return {**fit_decay(known), "correlation": {str(lag): value for lag, value in known.items()}}


def _series(samples: list[Sample], values: Mapping[int, float], expected: Array) -> list[Series]:
    rows: dict[str, list[int]] = defaultdict(list)
    for index in sorted(values, key=lambda i: samples[i].time_s):
        rows[samples[index].series].append(index)
    return [
        Series(
            np.array([samples[i].time_s for i in indices]),
            np.array([values[i] for i in indices]),
            expected[indices],
        )
        for indices in rows.values()
    ]


def _hidden(visible: Array, missed: NDArray[np.bool_], expected: Array) -> list[dict[str, float]]:
    """How much less often an object is found of which only a part shows, against an open one of its size."""
    result = []
    for low, high in pairwise(VISIBLE):
        mine = (visible >= low) & (visible < high)
        if mine.sum() >= LEAST_HIDDEN:
            usual = float((1.0 - expected[mine]).sum())
            factor = min(1.0, float((~missed[mine]).sum()) / max(1e-9, usual))
            result.append({"visible": float(visible[mine].mean()), "found": factor, "samples": int(mine.sum())})
    return result


def _names(samples: list[Sample]) -> dict[str, dict[str, float]]:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for sample in samples:
        if sample.score is not None:
            counts[sample.true_name][sample.found_name] += 1
    return {
        true: {name: count / found.total() for name, count in found.most_common()}
        for true, found in sorted(counts.items())
        if found.total() >= LEAST
    }


def _extra(
    into: Collected,
    time_s: float,
    boxes: Array,
    groups: list[str],
    detections: Detections,
    half_seen: Detections,
    paired: set[int],
) -> list[tuple[float, str, float, Array]]:
    """Detections without an object of their own: doubles are counted, false ones returned."""
    false = []
    on_objects = iou_matrix(detections.xyxy, boxes.astype(np.float32))
    on_others = iou_matrix(detections.xyxy, half_seen.xyxy)
    for index, name in enumerate(detections.class_name):
        if name not in OBJECT_CLASSES:
            continue
        into.found[lookalike_group(name)] += 1
        if index in paired:
            continue
        same = np.where(np.array(groups) == lookalike_group(name), on_objects[index], 0.0)
        if same.max(initial=0.0) >= MATCH_IOU:
            edges = edges_of(detections.xyxy[index], boxes[int(same.argmax())])
            into.doubles[lookalike_group(name)].append((float(detections.confidence[index]), edges))
        elif max([*on_objects[index].tolist(), *on_others[index].tolist()], default=0.0) < APART_IOU:
            box = detections.xyxy[index].astype(np.float64)
            false.append((time_s, name, float(detections.confidence[index]), box))
    return false


def _add_false(
    into: Collected, false: list[tuple[float, str, float, Array]], times: Sequence[float], size: tuple[int, int]
) -> None:
    """Sort a clip's false detections by place."""
    places: list[list[tuple[float, str, float, Array]]] = []
    for item in false:
        best, place = max(
            ((float(iou_matrix(_row(item[3]), _row(p[-1][3]))[0, 0]), p) for p in places),
            key=lambda pair: pair[0],
            default=(0.0, []),
        )
        if best >= APART_IOU:
            place.append(item)
        else:
            places.append([item])
    for place in places:
        is_spot = len(place) >= SPOT_LEAST and place[-1][0] - place[0][0] >= SPOT_S
        if is_spot:
            score = float(np.median([item[2] for item in place]))
            into.spots.append({"name": place[0][1], "found": len(place) / len(times), "score": score})
        else:
            into.loose_s.append(place[-1][0] - place[0][0] + (times[-1] - times[0]) / len(times))
        for _, name, score, box in place:
            width, height = (box[2:] - box[:2]).tolist()
            into.false.append(
                {
                    "name": name,
                    "score": score,
                    "rows": height * rows_a_pixel(size),
                    "ratio": width / height,
                    "spot": is_spot,
                }
            )


def _false(collected: Collected) -> dict[str, Any]:
    loose = [item for item in collected.false if not item["spot"]]
    names = Counter(str(item["name"]) for item in loose)
    return {
        "pictures": collected.pictures,
        "loose_a_picture": len(loose) / collected.pictures,
        "names": {name: count / len(loose) for name, count in names.most_common()},
        "rows": np.quantile([item["rows"] for item in loose], EDGE_QUANTILES).tolist(),
        "ratio": np.quantile([item["ratio"] for item in loose], EDGE_QUANTILES).tolist(),
        "scores": np.quantile([item["score"] for item in loose], SCORE_QUANTILES).tolist(),
        "spots_a_clip": len(collected.spots) / collected.clips,
        "loose_s": float(np.mean(collected.loose_s)),
        "spots": collected.spots,
        "doubles": {
            group: _doubles(items, collected.found[group]) for group, items in sorted(collected.doubles.items())
        },
    }


def _doubles(items: list[tuple[float, tuple[float, ...]]], found: int) -> dict[str, Any]:
    return {
        "a_detection": len(items) / found,
        "scores": np.quantile([score for score, _ in items], SCORE_QUANTILES).tolist(),
        "edges": np.quantile(np.array([edges for _, edges in items]), EDGE_QUANTILES, axis=0).T.tolist(),
    }


def _sample(
    series: str,
    time_s: float,
    boxes: Array,
    row: int,
    item: TrueObject,
    found: Detections,
    index: int | None,
    size: tuple[int, int],
) -> Sample:
    box = boxes[row]
    return Sample(
        series,
        time_s,
        float(box[3] - box[1]) * rows_a_pixel(size),
        1.0 - covered(boxes, row),
        None if index is None else float(found.confidence[index]),
        None if index is None else edges_of(found.xyxy[index], box),
        item.class_name,
        "" if index is None else found.class_name[index],
    )


def _row(box: Array) -> NDArray[np.float32]:
    return box.astype(np.float32)[None]


def _spread(edges: Array) -> Array:
    """Standard deviation by the middle half, which a few wrong matches do not touch."""
    low, high = np.quantile(edges, (0.25, 0.75), axis=0)
    return np.asarray((high - low) / 1.349)
