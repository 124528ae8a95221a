"""The camera that the benchmarks of the edge copy: an ordinary street camera with two rules and evidence."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.edge_content import Content
from edge.bench.box import Plan
from edge.bench.phases import make_phases

SITE = """\
site: {name: Xã Nhơn Lộc, timezone: Asia/Ho_Chi_Minh}
places:
  - {id: gia-lai, kind: province, name: Gia Lai}
  - {id: nhon-loc, kind: commune, name: Xã Nhơn Lộc, parent: gia-lai}
  - {id: trang-long, kind: village, name: Thôn Tráng Long, parent: nhon-loc}
"""
# Both rules fire about once whenever people come: every camera raises some hundred events an hour, far more than a
# real one should, each with two snapshots and a clip of 10 s.
CAMERA = """\
camera: {id: pho, name: Phố, village: trang-long}
inputs: [{path: pho.mp4, loop: true}]
detect: {fps: 5}
objects:
  track: [person, bicycle, motorcycle]
  filters: {person: {min_score: 0.45}}
zones:
  pho: {name: Phố, coordinates: [[0, 0], [1, 0], [1, 1], [0, 1]]}
rules:
  - {kind: intrusion, zones: [pho], objects: [person], min_duration_s: 1, clear_after_s: 3}
  - {kind: crowding, zones: [pho], min_people: 3, min_duration_s: 2, clear_after_s: 3, after_hours: null}
evidence: {pre_s: 5, post_s: 5}
"""


def edge_plan(kind: str, content: Content, folder: Path, cpus: Sequence[int]) -> Plan:
    """What is run for one kind of content.

    Args:
        kind: Of `bench.edge_content.KINDS`.
        content: Of `make_content`.
        folder: Copies of the clip are kept below it.
        cpus: Cores for the edge.
    """
    return Plan(SITE, CAMERA, make_phases(content.paths[kind], folder / f"phases-{kind}"), cpus)
