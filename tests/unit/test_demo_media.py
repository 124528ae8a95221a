"""The demo's clips and the camera files that the project ships."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import av
import numpy as np
import pytest

from contract.config_loader import load_config_dir
from contract.geometry import point_in_polygon
from tools import render_street
from tools.street_meshes import SEDAN, Mesh, box, car, ellipsoid, motorbike, normals, truck, wheel
from tools.street_scenery import CAMERA, HEIGHT, SUPERSAMPLE, WIDTH

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
MEDIA = CONFIGS / "demo" / "media"


@pytest.mark.parametrize("folder", [CONFIGS, CONFIGS / "demo"])
def test_shipped_sites_are_valid(folder: Path) -> None:
    loaded = load_config_dir(folder)
    assert loaded.errors == ()
    assert loaded.cameras


def test_demo_cameras_play_clips_that_exist() -> None:
    cameras = load_config_dir(CONFIGS / "demo").cameras.values()
    assert {(MEDIA / item.path).is_file() for camera in cameras for item in camera.config.inputs} == {True}


@pytest.mark.parametrize("name", ["vtest.mp4", "street.mp4"])
def test_clips_are_sent_as_a_camera_sends(name: str) -> None:
    with av.open(str(MEDIA / name)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert not stream.codec_context.has_b_frames
        times_s = [float(p.pts * p.time_base) for p in container.demux(stream) if p.is_keyframe and p.pts is not None]
    assert np.diff(times_s) == pytest.approx(2.0)


def test_clips_stay_small() -> None:
    assert sum(path.stat().st_size for path in MEDIA.iterdir()) <= 12_000_000


@pytest.mark.parametrize("mesh", [box((-1, -1, 0), (1, 2, 1), (0, 0, 0)), ellipsoid((0, 0, 1), (1, 2, 0.5), (0, 0, 0))])
def test_facets_of_convex_bodies_face_outwards(mesh: Mesh) -> None:
    centre = mesh.corners.mean(axis=1)
    assert ((centre - centre.mean(axis=0)) * normals(mesh.corners)).sum(axis=1).min() > 0


def test_vehicles_stand_on_the_road_in_real_sizes() -> None:
    lengths_m = {}
    for name, mesh in {
        "car": car(SEDAN, (0, 0, 200)),
        "truck": truck((0, 0, 0), (0, 0, 0)),
        "motorbike": motorbike((0, 0, 0), (0, 0, 0), (0, 0, 0)),
        "wheel": wheel((0, 0, 0.3), 0.3, 0.2),
    }.items():
        points = mesh.corners.reshape(-1, 3)
        assert points[:, 2].min() == pytest.approx(0.0, abs=0.05)
        lengths_m[name] = float(np.ptp(points[:, 1]))
    assert lengths_m == pytest.approx({"car": 4.4, "truck": 5.75, "motorbike": 1.9, "wheel": 0.6}, abs=0.1)


def test_no_vehicle_drives_through_another() -> None:
    vehicles = render_street.traffic()
    for time_s in np.arange(0, render_street.DURATION_S, 0.2):
        poses = [pose for pose in (vehicle.pose(float(time_s)) for vehicle in vehicles) if pose is not None]
        for a, b in combinations(poses, 2):
            assert abs(a.x - b.x) > 1.2 or abs(a.y - b.y) > 3.0, f"{time_s:.1f} s: {a} and {b}"


def test_a_car_stands_in_the_no_parking_zone_from_10_s_to_the_end() -> None:
    parker = next(v for v in render_street.traffic() if isinstance(v, render_street.Parker))
    poses = {parker.pose(time_s) for time_s in np.arange(10.0, render_street.DURATION_S, 0.5)}
    assert poses == {render_street.Pose(render_street.KERB_X, render_street.KERB_Y, 0.0)}
    before = parker.pose(9.0)
    assert before is not None
    assert before.y < render_street.KERB_Y


def test_one_vehicle_alone_comes_against_its_lane_and_inside_the_demo_zone() -> None:
    trips = [vehicle for vehicle in render_street.traffic() if isinstance(vehicle, render_street.Trip)]
    wrong = [trip for trip in trips if trip.away != (trip.lane_x > 0)]
    assert [trip.enters_at_s for trip in wrong] == [render_street.WRONG_WAY_AT_S]
    zone = load_config_dir(CONFIGS / "demo").cameras["duong_lang"].config.zones["lan_di"]
    pixels, _ = CAMERA.project(np.array([[render_street.AWAY_LANE_X, y, 0.0] for y in (12.0, 30.0, 60.0)]))
    shares = pixels / (np.array([WIDTH, HEIGHT]) * SUPERSAMPLE)
    assert all(point_in_polygon((float(x), float(y)), zone.coordinates) for x, y in shares)
