"""Lets ultralytics write its own formats: the one thing that needs torch, once, on any machine.

Ultralytics is AGPL-3.0 and an optional extra; see `edge.detection.ultralytics_model`.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
from pathlib import Path
from typing import Literal

from edge.detection.ultralytics_model import UNUSABLE, load_weights
from edge.errors import ModelError

ExportFormat = Literal["openvino", "onnx"]


def export_weights(
    weights: Path, export_format: ExportFormat, input_wh: tuple[int, int], folder: Path
) -> tuple[Path, ...]:
    """Export `.pt` weights.

    Args:
        weights: The file; it is copied, and not written beside.
        export_format: OpenVINO or ONNX.
        input_wh: Width and height of the input in pixels, multiples of 32.
        folder: Where the result goes; it exists.

    Returns:
        What was written: the `.xml`, `.bin` and `metadata.yaml`, or the `.onnx`.

    Raises:
        ModelError: Ultralytics is not installed, cannot read the weights or cannot export them.
    """
    # Ultralytics writes beside the weights: a copy in the target folder keeps their own folder clean.
    copy = folder / weights.name
    shutil.copyfile(weights, copy)
    try:
        model = load_weights(copy, threads=1)
        # Its messages go to standard output, which belongs to the command line.
        with contextlib.redirect_stdout(sys.stderr):
            model.export(format=export_format, imgsz=[input_wh[1], input_wh[0]], device="cpu", verbose=False)
    except ModelError as error:
        raise ModelError(str(error).replace(str(copy), str(weights))) from error
    except (*UNUSABLE, SystemExit) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ModelError(
            f"{weights}: ultralytics cannot export these weights ({reason}): install what it misses, "
            "such as pip install onnx"
        ) from error
    finally:
        copy.unlink(missing_ok=True)
    if export_format == "onnx":
        return (copy.with_suffix(".onnx"),)
    made = folder / f"{copy.stem}_openvino_model"
    written = []
    for path in (made / f"{copy.stem}.xml", made / f"{copy.stem}.bin", made / "metadata.yaml"):
        path.replace(folder / path.name)
        written.append(folder / path.name)
    shutil.rmtree(made)
    return tuple(written)
