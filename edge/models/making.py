"""New models from those that are there: exported to another format, or quantised on the site's own pictures."""

from __future__ import annotations

import re
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from edge.detection.load import load_model
from edge.detection.manifest import Manifest, ModelEntry, ModelFile, ModelKind
from edge.detection.model import Boxes, Model
from edge.detection.model_entry import Accuracy
from edge.errors import ModelError
from edge.models.agreement import Agreement, agreement
from edge.models.pictures import Picture, model_input, split
from edge.models.site import SiteModels, id_taken

DEFAULT_INPUT_WH = (640, 640)
"""What ultralytics trains with."""
STRIDE = 32
MIN_PICTURES = 10
"""Fewer say nothing about the ranges of activations."""
GOOD_PICTURES = 200
"""From here on more change little (nncf's own default is 300)."""
_BUILT = "built by langan-edge models"
"""How the source of what is made here begins: nothing else is ever deleted."""
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")

ExportFormat = Literal["openvino", "onnx"]


@dataclass(frozen=True, slots=True)
class Quantised:
    """A quantised model, and how it compares."""

    entry: ModelEntry
    calibrated_with: int
    agreement: Agreement
    median_ms_before: float
    median_ms_after: float


def export(
    site: SiteModels,
    model_id: str,
    export_format: ExportFormat,
    *,
    input_wh: tuple[int, int] | None = None,
    new_id: str | None = None,
    replace_entry: bool = False,
) -> ModelEntry:
    """Write a model in another format into the site's folder, and list it.

    Raises:
        ModelError: It cannot be exported; nothing is left behind then.
    """
    entry = site.manifest().get(model_id)
    entry.verify()
    if not entry.files:
        raise ModelError(f"{entry.id}: runs on a Triton server: export the weights that were given to it")
    source = entry.files[0].path
    _check_size(input_wh)
    if source.suffix not in {".pt", ".onnx"} or (source.suffix == ".onnx" and export_format == "onnx"):
        shape = "OpenVINO's" if source.suffix == ".xml" or source.is_dir() else "this"
        raise ModelError(
            f"{entry.id}: {source} is in {shape} format already: export from .pt, or from .onnx to openvino"
        )
    size = input_wh or entry.input_wh
    new_id = new_id or f"{entry.id}-{export_format}" + (f"-{size[0]}x{size[1]}" if input_wh and size else "")
    with _new_folder(site, new_id, replace=replace_entry) as folder:
        if source.suffix == ".pt":
            from edge.detection.ultralytics_export import export_weights

            written = export_weights(source, export_format, size or DEFAULT_INPUT_WH, folder)
        else:
            from edge.detection.convert import onnx_to_openvino

            written = onnx_to_openvino(source, folder / f"{source.stem}.xml", size)
        made = replace(
            entry,
            id=new_id,
            aliases=(),
            kind=ModelKind.YOLO if export_format == "openvino" else ModelKind.ULTRALYTICS,
            files=tuple(ModelFile(path, None) for path in written),
            input_wh=size,
            batch=1,
            source=f"{_BUILT} export {entry.id} --format {export_format}",
            accuracy=(),
            speed=(),
        )
        if made.kind is ModelKind.YOLO:
            _load(made)  # what a camera could not use is not listed
        return _list(site, made, folder, replace_entry=replace_entry)


def quantise(
    site: SiteModels,
    model_id: str,
    sequences: Iterable[Iterable[Picture]],
    *,
    about: str,
    new_id: str | None = None,
    replace_entry: bool = False,
    threads: int = 2,
) -> Quantised:
    """Write an INT8 model, calibrated on pictures, into the site's folder, and list it with what it is worth.

    Args:
        site: Where the model is and where the new one goes.
        model_id: A full-precision model of kind `nanodet` or `yolo`.
        sequences: Pictures; the last fifth of each sequence is kept from the calibration, to compare with.
        about: What the pictures are, for the manifest.
        new_id: Default: the old one with `-int8`.
        replace_entry: Take the place of a model of this id.
        threads: CPU threads for the comparison.

    Raises:
        ModelError: It cannot be quantised, or there are too few pictures; nothing is left behind then.
    """
    from edge.detection.convert import check_quantisable
    from edge.detection.convert import quantise as quantise_graph

    entry = site.manifest().get(model_id)
    if entry.kind is ModelKind.ULTRALYTICS:
        raise ModelError(
            f"{entry.id}: kind ultralytics: export it first (langan-edge models export {entry.id} --format openvino) "
            "and quantise the result"
        )
    entry.verify()
    check_quantisable(entry.files[0].path)
    new_id = new_id or f"{entry.id}-int8"
    with _new_folder(site, new_id, replace=replace_entry) as folder:
        before = load_model(entry.id, Manifest((entry,)), threads=threads)
        calibration: list[Picture] = []
        held_out: list[Picture] = []
        for pictures in sequences:
            first, last = split([model_input(picture, before.input_wh) for picture in pictures])
            calibration += first
            held_out += last
        if len(calibration) < MIN_PICTURES or not held_out:
            raise ModelError(
                f"{len(calibration) + len(held_out)} pictures are too few: give at least {MIN_PICTURES * 3 // 2}, "
                f"better {GOOD_PICTURES} or more, by day and by night"
            )
        source_xml = entry.files[0].path
        target_xml = folder / f"{source_xml.stem}_int8.xml"
        quantise_graph(entry.kind, source_xml, calibration, target_xml)
        written = [target_xml, target_xml.with_suffix(".bin")]
        beside = source_xml.with_name("metadata.yaml")
        if entry.kind is ModelKind.YOLO and beside.exists():
            shutil.copyfile(beside, folder / beside.name)
            written.append(folder / beside.name)
        made = replace(
            entry,
            id=new_id,
            aliases=(),
            files=tuple(ModelFile(path, None) for path in written),
            input_wh=before.input_wh,
            source=f"{_BUILT} quantize {entry.id} with {len(calibration)} pictures ({about})",
            speed=(),
        )
        after = _load(made, threads)
        found_before, ms_before = _search(before, held_out)
        found_after, ms_after = _search(after, held_out)
        compared = agreement(found_before, found_after)
        if compared.share is not None:
            figure = Accuracy(
                f"agreement with {entry.id}",
                round(compared.share, 3),
                f"{len(held_out)} held-out pictures ({about})",
                "langan-edge models quantize",
            )
            made = replace(made, accuracy=(figure,))
        else:
            made = replace(made, accuracy=())
        listed = _list(site, made, folder, replace_entry=replace_entry)
    return Quantised(listed, len(calibration), compared, ms_before, ms_after)


def _search(model: Model, inputs: Sequence[Picture]) -> tuple[list[Boxes], float]:
    """What a model finds, and the median of its times in ms."""
    model.infer(inputs[:1])  # the first inference also allocates
    found, times = [], []
    for picture in inputs:
        started = time.perf_counter()
        found += model.infer([picture])
        times.append(time.perf_counter() - started)
    return found, sorted(times)[len(times) // 2] * 1000


def _load(entry: ModelEntry, threads: int = 1) -> Model:
    return load_model(entry.id, Manifest((entry,)), threads=threads)


def _check_size(input_wh: tuple[int, int] | None) -> None:
    if input_wh is not None and any(side % STRIDE or not STRIDE <= side <= 4096 for side in input_wh):
        raise ModelError(
            f"--imgsz {input_wh[0]}x{input_wh[1]}: sides are multiples of {STRIDE} up to 4096: "
            "write one such as 640x384"
        )


@contextmanager
def _new_folder(site: SiteModels, new_id: str, *, replace: bool) -> Iterator[Path]:
    """A folder to write a model into; gone when that fails."""
    if not _ID.fullmatch(new_id):
        raise ModelError(f"--as {new_id}: an id has letters, digits, '-', '_' and '.': choose another")
    if not replace and site.owns(new_id):
        raise id_taken(new_id)
    made = (entry for entry in site.manifest().entries if entry.source.startswith(_BUILT))
    if (site.folder / new_id).exists() and new_id not in (entry.id for entry in made):
        raise ModelError(
            f"{site.folder / new_id}: holds files that these commands did not make: choose another id with --as, or "
            "put them elsewhere"
        )
    try:
        site.folder.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{new_id}.", dir=site.folder))
        folder.chmod(0o755)
    except OSError as error:
        raise ModelError(
            f"{site.folder}: cannot be written ({error.strerror}): correct the folder's owner or mode"
        ) from error
    try:
        yield folder
    except OSError as error:
        raise ModelError(f"{folder}: cannot be written ({error.strerror}): make room, or correct its mode") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _list(site: SiteModels, entry: ModelEntry, folder: Path, *, replace_entry: bool) -> ModelEntry:
    """Give the new folder its name, and write the entry."""
    final = site.folder / entry.id
    if replace_entry and final.exists():
        shutil.rmtree(final)
    folder.rename(final)
    named = replace(entry, files=tuple(ModelFile(final / file.path.name, None) for file in entry.files))
    site.add(named, replace=replace_entry)
    return site.manifest().get(entry.id)
