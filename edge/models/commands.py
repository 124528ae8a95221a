"""`langan-edge models ...`: what may stand after it, and what it prints."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.errors import ModelError

if TYPE_CHECKING:
    from edge.detection.model_entry import ModelEntry
    from edge.models.download import Progress
    from edge.models.pictures import Picture
    from edge.models.site import SiteModels

DEFAULT_PICTURES = 300
LOW_AGREEMENT = 0.9
_MB = 1_000_000


def add_commands(commands: Any) -> None:  # Any: argparse has no public name for it
    """Add `models` and its actions to what `add_subparsers` gave."""
    models = commands.add_parser(
        "models",
        help="list, fetch, export, quantise and time models",
        description="The models that a camera file may name (detect: {model: ID}): those that come with Làng An, "
        "and the site's own in CONFIG/models/manifest.yaml (or in the folder LANGAN_MODELS_DIR).",
    )
    actions = models.add_subparsers(required=True, metavar="ACTION")

    show = _action(actions, "list", _list, "every model: size, licence, accuracy, speed, whether its files are right")
    show.add_argument("--json", action="store_true", help="one JSON line for each model")

    get = _action(actions, "get", _get, "fetch a model's files over https; goes on where it was interrupted")
    get.add_argument("id", metavar="ID")

    export = _action(actions, "export", _export, "write a model in another format, and list it")
    export.add_argument("id", metavar="ID", help="weights in .pt (needs ultralytics), or .onnx (to openvino)")
    export.add_argument(
        "--format", required=True, choices=("openvino", "onnx"), help="openvino runs without ultralytics"
    )
    export.add_argument("--imgsz", type=_size, metavar="WxH", help="the input's size in pixels, such as 640x384 or 640")
    _add_new_id(export, "ID-FORMAT")

    quantise = _action(
        actions, "quantize", _quantise, "make an INT8 model, calibrated on this site's own pictures, and compare it"
    )
    quantise.add_argument("id", metavar="ID", help="a full-precision model of kind nanodet or yolo")
    pictures = quantise.add_mutually_exclusive_group(required=True)
    pictures.add_argument("--images", type=Path, metavar="DIR", help="images and clips, at any depth")
    pictures.add_argument("--clip", type=Path, metavar="FILE", help="a recorded video")
    pictures.add_argument("--camera", metavar="ID", help="what this camera shows now; no picture is stored")
    quantise.add_argument(
        "--pictures", type=_count, default=DEFAULT_PICTURES, metavar="N", help="take so many (%(default)s)"
    )
    quantise.add_argument(
        "--every-s", type=float, default=2.0, metavar="S", help="--camera: seconds between two pictures (%(default)s)"
    )
    quantise.add_argument("--env-file", type=Path, help="--camera: file of LANGAN_NAME=value lines: its password")
    quantise.add_argument("--media", type=Path, help="--camera: folder below which clips that act as cameras lie")
    _add_new_id(quantise, "ID-int8")

    bench = _action(actions, "bench", _bench, "time a model for one picture; prints one JSON line")
    bench.add_argument("id", metavar="ID")
    bench.add_argument("--threads", type=_count, nargs="+", metavar="N", help="CPU threads (1 and all)")
    bench.add_argument(
        "--images", type=Path, metavar="DIR", help="images and clips to search (grey noise of 1920x1080)"
    )
    bench.add_argument("--runs", type=_count, default=100, metavar="N", help="searches to time (%(default)s)")
    bench.add_argument("--write", action="store_true", help="keep the figures in the site's manifest")


def _action(actions: Any, name: str, act: Any, what: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(name, help=what, description=what)
    parser.add_argument(
        "--config", type=Path, metavar="DIR", help="the site's folder, with site.yaml: its own models are in DIR/models"
    )
    parser.set_defaults(act=act)
    return parser


def _add_new_id(parser: argparse.ArgumentParser, default: str) -> None:
    parser.add_argument("--as", dest="new_id", metavar="NEW_ID", help=f"what the new model is called ({default})")
    parser.add_argument("--replace", action="store_true", help="take the place of a model of this site with that id")


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition("x")
    if not width.isdecimal() or not (height or width).isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no size in pixels: write one such as 640x384, or 640")
    return int(width), int(height or width)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 on")
    return int(text)


def _site(options: argparse.Namespace) -> SiteModels:
    from edge.models.site import SiteModels

    if options.config is not None and not options.config.is_dir():
        raise ModelError(f"{options.config}: no such folder: give the one that has site.yaml")
    return SiteModels(options.config)


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _list(options: argparse.Namespace) -> int:
    from edge.models.listing import describe, table

    entries = _site(options).manifest().entries
    if options.json:
        for entry in entries:
            print(json.dumps(describe(entry), ensure_ascii=False))
    else:
        for line in table(entries):
            print(line)
    return 0


def _get(options: argparse.Namespace) -> int:
    from edge.models.fetching import fetch

    entry = _site(options).manifest().get(options.id)
    fetched = fetch(entry, _progress_for)
    for path in fetched:
        print(path)
    checked = "its SHA-256 is right" if all(file.sha256 for file in entry.files) else "the manifest has no hash of it"
    _tell(f"{entry.id}: {'fetched' if fetched else 'is there'}; {checked}")
    return 0


def _progress_for(name: str) -> Progress:
    """One line that changes on a terminal; elsewhere one line for each tenth."""
    terminal = sys.stderr.isatty()
    shown_at, tenth = 0.0, -1

    def progress(done: int, total: int | None) -> None:
        nonlocal shown_at, tenth
        whole = f" of {total / _MB:.1f} MB ({100 * done // total} %)" if total else " MB"
        line = f"{name}: {done / _MB:.1f}{whole}"
        finished = total is not None and done >= total
        if terminal:
            now = time.monotonic()
            if finished or now - shown_at > 0.2:
                shown_at = now
                print(f"\r{line}\x1b[K", end="\n" if finished else "", file=sys.stderr, flush=True)
        elif total and 10 * done // total > tenth:
            tenth = 10 * done // total
            _tell(line)

    return progress


def _export(options: argparse.Namespace) -> int:
    from edge.models.making import export

    site = _site(options)
    made = export(
        site,
        options.id,
        options.format,
        input_wh=options.imgsz,
        new_id=options.new_id,
        replace_entry=options.replace,
    )
    print(made.files[0].path)
    _say_how_to_use(made)
    if options.format == "onnx":
        _tell("it runs in ultralytics with onnxruntime; export it to openvino to run it without either")
    return 0


def _say_how_to_use(made: ModelEntry) -> None:
    _tell(f"{made.id}: listed in the site's manifest; name it in a camera's file: detect: {{model: {made.id}}}")


def _quantise(options: argparse.Namespace) -> int:
    from edge.models.making import GOOD_PICTURES, quantise
    from edge.models.pictures import sequences

    site = _site(options)
    _ = site.folder  # told before the minutes of measuring
    pictures: Iterable[Iterator[Picture]]
    if options.camera is not None:
        from edge.models.camera_pictures import camera_pictures

        if options.config is None:
            raise ModelError("--camera needs --config, the folder with its file")
        pictures = [camera_pictures(options, options.pictures)]
        about = f"camera {options.camera}"
    else:
        source = options.images or options.clip
        pictures = sequences([source], options.pictures)
        about = source.name
    _tell(f"{options.id}: taking up to {options.pictures} pictures, then quantising: minutes")
    done = quantise(
        site,
        options.id,
        pictures,
        about=about,
        new_id=options.new_id,
        replace_entry=options.replace,
        threads=len(os.sched_getaffinity(0)),
    )
    compared = done.agreement
    figures = {
        "model": done.entry.id,
        "calibrated_with": done.calibrated_with,
        "held_out": compared.pictures,
        "boxes_before": compared.boxes_before,
        "boxes_after": compared.boxes_after,
        "matched": compared.matched,
        "agreement": None if compared.share is None else round(compared.share, 3),
        "mean_iou": round(compared.mean_iou, 3),
        "mean_score_change": round(compared.mean_score_change, 3),
        "median_ms_before": round(done.median_ms_before, 1),
        "median_ms_after": round(done.median_ms_after, 1),
    }
    print(json.dumps(figures))
    if done.calibrated_with < GOOD_PICTURES:
        _tell(f"only {done.calibrated_with} pictures: {GOOD_PICTURES} or more, by day and by night, are better")
    if compared.share is None:
        _tell("neither model found anything in the held-out pictures: nothing is known of the new one's accuracy")
    elif compared.share < LOW_AGREEMENT:
        _tell(f"the two differ much (agreement {compared.share:.2f}): look at its finds before you use it")
    _say_how_to_use(done.entry)
    return 0


def _bench(options: argparse.Namespace) -> int:
    from itertools import chain, islice

    from edge.detection.load import load_detector
    from edge.detection.model_entry import Speed
    from edge.models.pictures import sequences
    from edge.models.timing import noise_picture, processor_name, time_detector

    site = _site(options)
    manifest = site.manifest()
    entry = manifest.get(options.id)
    if options.write:
        _ = site.folder  # told before the minutes of measuring
    pictures = [noise_picture()]
    if options.images is not None:
        pictures = list(islice(chain.from_iterable(sequences([options.images], 20)), 20))
    height, width = pictures[0].shape[:2]
    cores = len(os.sched_getaffinity(0))
    speeds = []
    for threads in options.threads or sorted({1, cores}):
        timing = time_detector(load_detector(entry.id, manifest, threads=threads), pictures, options.runs)
        speeds.append(
            Speed(
                threads,
                round(timing.median_ms, 1),
                round(timing.p95_ms, 1),
                f"{processor_name()}, {'noise' if options.images is None else options.images.name} of {width}x{height}",
                "langan-edge models bench",
            )
        )
    figures = {
        "model": entry.id,
        "processor": processor_name(),
        "cores": cores,
        "pictures": "noise" if options.images is None else len(pictures),
        "picture_wh": [width, height],
        "runs": options.runs,
        "threads": {str(speed.threads): {"median_ms": speed.median_ms, "p95_ms": speed.p95_ms} for speed in speeds},
    }
    print(json.dumps(figures))
    if options.write:
        _tell(f"written into {site.set_speed(entry.id, speeds)}")
    return 0
