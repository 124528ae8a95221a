"""What the rules saw is stored without a loss, bounded, and survives torn files; replayed, it tells the same."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contract.camera_config import ObservationsConfig
from contract.config_loader import LoadedCamera
from contract.event import Event
from contract.ids import uuid7_from_content
from edge.bootstrap import make_keeper, make_pipeline
from edge.errors import EdgeError
from edge.observations.codec import Block, BlockDamaged, decode, encode
from edge.observations.log import FOLDER, SUFFIX, ObservationLog
from edge.observations.reader import Damage, read_blocks, stored_cameras
from edge.picture import ArrayPicture
from edge.types import (
    Detections,
    Frame,
    Observation,
    Part,
    Sighting,
    SignalState,
    StaticRegion,
    Track,
    TrackId,
    ViewReading,
)
from edge.what_if import NO_EVIDENCE, Judge, feed
from tests.support.scenes import NOON, STREAM_START_S, make_camera, make_site, observation, person

KEEP = ObservationsConfig(store=True)


def many(seconds: float, seed: int = 1, tracks: int = 8) -> Iterator[Observation]:
    """Observations with everything that one can carry."""
    rng = random.Random(seed)
    for index in range(round(seconds * 5)):
        at_s = index / 5 + rng.random() * 0.01
        now_s = STREAM_START_S + at_s
        found = tuple(
            Track(
                TrackId(number),
                rng.choice(("person", "car")),
                rng.random(),
                tuple(round(rng.random() * 65536) / 65536 for _ in range(4)),  # type: ignore[arg-type]
                STREAM_START_S + number,
                now_s if rng.random() < 0.7 else now_s - 0.4,
                rng.random() < 0.7,
                tuple(round(rng.random() * 65536) / 65536 for _ in range(4)) if rng.random() < 0.6 else None,  # type: ignore[arg-type]
                tuple(
                    Sighting(now_s - 0.2 * ago, (0.1, 0.2, 0.3 + 0.01 * number, 0.4))
                    for ago in range(rng.randrange(4), 0, -1)
                )
                if rng.random() < 0.2
                else (),
            )
            for number in range(1, rng.randrange(tracks) + 1)
        )
        yield Observation(
            "cam",
            now_s,
            NOON + timedelta(seconds=at_s),
            16 / 9,
            found,
            detected=rng.random() < 0.5,
            signals={"den": rng.choice(list(SignalState))},
            view=ViewReading(*(rng.random() for _ in range(8))) if index % 5 == 0 else None,
            static_regions=(StaticRegion(3, (0.1, 0.2, 0.3, 0.4), 0.01, 2.5, now_s),) if index % 3 else (),
            parts=(Part("no_helmet", 0.7, (0.1, 0.2, 0.3, 0.4)),) if index % 4 == 0 else (),
        )


def test_what_is_stored_comes_back_to_the_last_bit() -> None:
    block = Block("cam", True, tuple(many(20)))
    data = b"x" + encode(block)
    assert decode(data, 1) == (block, len(data))


@pytest.mark.parametrize("part", [Observation, Track, Sighting, StaticRegion, Part, ViewReading])
def test_nothing_that_rules_see_is_left_out(part: type[Any]) -> None:
    """A field that is new must be stored, too, and be made to differ in `many`."""
    known = {
        Observation: "camera_id monotonic_s utc aspect tracks detected signals view static_regions parts",
        Track: "track_id class_name confidence xyxy first_seen_s last_seen_s detected found before",
        Sighting: "monotonic_s xyxy",
        StaticRegion: "region_id xyxy area appeared_s last_seen_s is_hole",
        Part: "class_name confidence xyxy",
        ViewReading: " ".join(field.name for field in fields(ViewReading)),  # every field, by its name
    }
    assert [field.name for field in fields(part)] == known[part].split()


def test_boxes_finer_than_the_trackers_steps_come_back_too() -> None:
    odd = (1 / 3, math.pi / 4, -0.1, 7.0)
    seen = [observation(at_s, [replace(person(1, 0.5, 0.5), xyxy=odd)]) for at_s in (0.0, 0.2)]
    (back, _) = decode(encode(Block("cam", False, tuple(seen))))
    assert [item.tracks[0].xyxy for item in back.observations] == [odd, odd]


def test_numbers_that_are_none_come_back_as_such() -> None:
    wrong = replace(person(1, 0.5, 0.5), xyxy=(math.nan, 0.0, math.inf, 1.0))
    (back, _) = decode(encode(Block("cam", False, (observation(0, [wrong]),))))
    x1, y1, x2, y2 = back.observations[0].tracks[0].xyxy
    assert math.isnan(x1)
    assert (y1, x2, y2) == (0.0, math.inf, 1.0)


@pytest.mark.parametrize("at", [0, 5, 9, 30, -1])
def test_a_changed_byte_is_noticed(at: int) -> None:
    data = bytearray(encode(Block("cam", True, tuple(many(2)))))
    data[at] ^= 0x41
    with pytest.raises(BlockDamaged):
        decode(bytes(data))


def stored(folder: Path) -> tuple[list[Block], Damage]:
    damage = Damage()
    return list(read_blocks(folder / "cam", damage)), damage


def test_a_log_keeps_minutes_in_order_and_says_where_the_rules_began_anew(tmp_path: Path) -> None:
    log, seen = ObservationLog("cam", tmp_path, KEEP), list(many(150))
    for item in seen[:500]:
        log.add(item)
    log.finish()
    for item in seen[500:]:
        log.add(item)
    log.finish()
    blocks, damage = stored(tmp_path)
    assert [item for block in blocks for item in block.observations] == seen
    assert [block.fresh for block in blocks] == [True, False, True]
    assert damage.bytes_skipped == 0
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "cam").iterdir()} == {0o600}
    assert log.figures()["observations_lost"] == 0


def test_a_torn_block_is_left_out_and_what_follows_is_read(tmp_path: Path) -> None:
    blocks = [Block("cam", False, tuple(many(3, seed))) for seed in range(3)]
    pieces = [encode(block) for block in blocks]
    (tmp_path / "cam").mkdir()
    (tmp_path / "cam" / f"20260302T050000Z{SUFFIX}").write_bytes(
        pieces[0] + pieces[1][: len(pieces[1]) // 2] + pieces[2] + pieces[1][:10]
    )
    found, damage = stored(tmp_path)
    assert found == [blocks[0], blocks[2]]
    assert damage.bytes_skipped == len(pieces[1]) // 2 + 10


def write_hours(tmp_path: Path, config: ObservationsConfig, hours: int) -> None:
    log = ObservationLog("cam", tmp_path, config)
    for hour in range(hours):
        for item in many(5, seed=hour):
            shift = timedelta(hours=hour)
            log.add(replace(item, monotonic_s=item.monotonic_s + shift.total_seconds(), utc=item.utc + shift))
        log.finish()


def test_what_is_older_than_its_hours_goes(tmp_path: Path) -> None:
    write_hours(tmp_path, ObservationsConfig(store=True, keep_h=3), 10)
    times = [block.observations[0].utc for block in stored(tmp_path)[0]]
    kept = times[-1] - times[0]
    assert times[-1] >= NOON + timedelta(hours=9)
    assert timedelta(hours=2.9) <= kept <= timedelta(hours=5), "a file goes as a whole, and holds an hour"


def test_the_oldest_goes_when_the_megabytes_are_used_up(tmp_path: Path) -> None:
    config = ObservationsConfig(store=True, keep_h=300, max_mb=1)
    log = ObservationLog("cam", tmp_path, config)
    for minute in range(30):
        for item in many(20, seed=minute, tracks=60):
            shift = timedelta(minutes=minute)
            log.add(replace(item, monotonic_s=item.monotonic_s + shift.total_seconds(), utc=item.utc + shift))
        log.finish()
    files = sorted((tmp_path / "cam").iterdir())
    assert sum(path.stat().st_size for path in files) <= 1_000_000
    assert len(files) > 1, "one file would go as a whole"
    latest = stored(tmp_path)[0][-1].observations[-1].utc
    assert latest > NOON + timedelta(minutes=29)
    assert log.figures()["observations_bytes"] <= 1_000_000


def test_a_folder_that_cannot_be_written_costs_minutes_and_never_the_camera(tmp_path: Path) -> None:
    (tmp_path / "cam").write_text("a file where the folder should be")
    log, seen = ObservationLog("cam", tmp_path, KEEP), list(many(5))
    for item in seen:
        log.add(item)
    log.finish()
    assert log.figures()["observations_lost"] == len(seen)


def test_a_camera_that_does_not_ask_stores_nothing_and_forgets(tmp_path: Path) -> None:
    write_hours(tmp_path / FOLDER, KEEP, 2)
    asking = make_camera(observations={"store": True})
    assert make_keeper(asking, tmp_path) is not None
    assert stored_cameras(tmp_path) == {"cam": tmp_path / FOLDER / "cam"}
    assert make_keeper(make_camera(), tmp_path) is None
    with pytest.raises(EdgeError, match="no stored observations"):
        stored_cameras(tmp_path)


class _Events:
    def __init__(self) -> None:
        self.told: list[Event] = []

    def put(self, event: Event, media: object) -> None:
        assert not media
        self.told.append(event)


class _NoPictures:
    def snapshots(self, *_: object) -> list[object]:
        return []

    def recorded_until_s(self) -> None:
        return None

    def clip(self, *_: object) -> None:
        return None


def found_at(index: int, rng: np.random.Generator) -> Detections | None:
    """People who gather, a car that stands, one that goes the wrong way; now and then the detector is away."""
    if index % 17 == 0:
        return None
    at_s = index / 5
    boxes = [(100 + 30 * i + rng.normal(0, 1), 200 + rng.normal(0, 1), 0, 0) for i in range(7 if at_s % 40 < 25 else 2)]
    rows = [(x, y, x + 25, y + 70) for x, y, _, _ in boxes]
    names = ["person"] * len(rows)
    rows.append((420 + rng.normal(0, 0.5), 220, 500, 270 + rng.normal(0, 0.5)))
    rows.append((560 - 40 * (at_s % 14), 100, 640 - 40 * (at_s % 14), 150))
    names += ["car", "car"]
    keep = [number for number in range(len(rows)) if rng.random() > 0.1]
    return Detections(
        np.array([rows[number] for number in keep], np.float32).reshape(-1, 4),
        rng.uniform(0.5, 0.95, len(keep)).astype(np.float32),
        tuple(names[number] for number in keep),
    )


def test_stored_observations_tell_what_the_rules_told_live(tmp_path: Path) -> None:
    rules: list[dict[str, object]] = [
        {"kind": "crowding", "zones": ["trai"], "min_people": 5, "min_duration_s": 5, "clear_after_s": 3},
        {"kind": "intrusion", "zones": ["trai"]},
        {"kind": "illegal_parking", "zones": ["het"], "max_stay_s": 8, "signal": "den", "queue_clear_s": 5},
        {"kind": "wrong_way", "zones": ["het"]},
    ]
    signals = {"den": {"kind": "plan", "phases": [["red", 10], ["green", 30]]}}
    camera = make_camera(rules, signals=signals, motion={"enabled": False}, observations={"store": True})
    camera = camera.model_copy(update={"evidence": NO_EVIDENCE})
    loaded, site, live = LoadedCamera(camera, "", Path("cam.yaml"), "v"), make_site(), _Events()
    log, rng = ObservationLog("cam", tmp_path, KEEP), np.random.default_rng(3)
    scene = np.random.default_rng(1).integers(0, 255, (360, 640, 3), np.uint8)
    at = [0]
    pipeline = make_pipeline(
        loaded,
        site,
        detect=lambda _frame: found_at(at[0], rng),
        evidence=_NoPictures(),  # type: ignore[arg-type]
        sink=live,
        new_id=uuid7_from_content,
        keeper=log,
    )
    for index in range(5 * 150):
        at[0] = index
        at_s = index / 5 + (40.0 if index > 400 else 0.0) + 0.001 * (index % 7)
        if index == 600:
            pipeline.finish()
        picture = scene if not 650 < index < 720 else np.zeros_like(scene)
        pipeline.process(Frame("cam", ArrayPicture(picture), 50.0 + at_s, NOON + timedelta(seconds=at_s), index))
    pipeline.finish()
    judge, damage = Judge(loaded, site), Damage()
    for block in read_blocks(tmp_path / "cam", damage):
        feed(block, [judge], lambda _observation: None)
    judge.begin_anew()
    assert {event.kind for event in live.told} >= {"crowding", "intrusion", "illegal_parking", "wrong_way"}
    assert [without_ids(event) for event in judge.revisions] == [without_ids(event) for event in live.told]


def without_ids(event: Event) -> dict[str, object]:
    return event.model_dump(exclude={"event_id"})


def test_a_block_begins_where_the_clock_ran_backwards(tmp_path: Path) -> None:
    log = ObservationLog("cam", tmp_path, KEEP)
    for at_s in (10.0, 10.2, 3.0, 3.2):
        log.add(observation(at_s, [person(1, 0.5, 0.5)], start=datetime(2026, 1, 1, tzinfo=UTC)))
    log.finish()
    assert [len(block.observations) for block in stored(tmp_path)[0]] == [2, 2]
