"""Makes the demo's two clips again: `configs/demo/media/vtest.mp4` and `street.mp4`.

    python -m tools.make_demo_media --vtest /usr/share/doc/opencv-doc/examples/data/vtest.avi

`vtest.mp4` is a copy of the clip of Debian's package opencv-doc, `street.mp4` is drawn by `tools/render_street.py`.
Both are H.264 as an ordinary camera sends it: yuv420p, no B-frames, a key frame every 2 s, index at the front.
One encoder thread, so that the same versions of PyAV and OpenCV give the same bytes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path

import av
import numpy as np
from av.video.frame import PictureType
from numpy.typing import NDArray

from tools import render_street

MEDIA_DIR = Path(__file__).resolve().parents[1] / "configs" / "demo" / "media"
KEYFRAME_INTERVAL_S = 2


def encode_h264(frames: Iterable[av.VideoFrame], target: Path, fps: int, crf: int) -> None:
    """Write frames as H.264 in MP4.

    Args:
        frames: Pictures of one size, in any pixel format.
        target: The file to write; an older one is replaced.
        fps: Whole frames a second; picture n is shown at n / fps.
        crf: x264's constant quality: higher is smaller and worse.

    Raises:
        ValueError: There are no frames.
        av.FFmpegError: The file cannot be written.
    """
    pictures = iter(frames)
    first = next(pictures, None)
    if first is None:
        raise ValueError(f"{target.name}: no frames to encode")
    options = {"movflags": "+faststart", "fflags": "+bitexact"}
    with av.open(str(target), "w", format="mp4", options=options) as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.width, stream.height, stream.pix_fmt = first.width, first.height, "yuv420p"
        stream.gop_size = KEYFRAME_INTERVAL_S * fps
        stream.codec_context.thread_count = 1
        stream.codec_context.options = {
            "preset": "slow",
            "crf": str(crf),
            "profile": "main",
            "x264-params": "bframes=0:scenecut=0:threads=1",
        }
        for index, picture in enumerate(chain([first], pictures)):
            planar = picture.reformat(format="yuv420p")
            planar.pts, planar.time_base = index, Fraction(1, fps)
            planar.pict_type = PictureType.NONE  # a key frame of the source must not force one here
            container.mux(stream.encode(planar))
        container.mux(stream.encode(None))


def decode(clip: Path) -> Iterator[av.VideoFrame]:
    """Yield every picture of a clip.

    Raises:
        av.FFmpegError: The clip is missing or no video.
    """
    with av.open(str(clip)) as container:
        yield from container.decode(video=0)


def _bgr_frames(images: Iterable[NDArray[np.uint8]]) -> Iterator[av.VideoFrame]:
    for image in images:
        yield av.VideoFrame.from_ndarray(image, format="bgr24")


def main() -> int:
    """Make what is asked for and print the sizes."""
    parser = argparse.ArgumentParser(description="Make the demo's clips again.")
    parser.add_argument(
        "--vtest", type=Path, help="vtest.avi of Debian's opencv-doc; left out: only the street is made"
    )
    parser.add_argument("--no-street", action="store_true", help="leave street.mp4 as it is")
    parser.add_argument("--out", type=Path, default=MEDIA_DIR, help="folder of the clips")
    arguments = parser.parse_args()
    if arguments.vtest is not None and not arguments.vtest.is_file():
        print(f"{arguments.vtest}: no such file; `apt-get install opencv-doc` brings it", file=sys.stderr)
        return 1
    arguments.out.mkdir(parents=True, exist_ok=True)
    made: list[Path] = []
    if arguments.vtest is not None:
        made.append(arguments.out / "vtest.mp4")
        encode_h264(decode(arguments.vtest), made[-1], fps=10, crf=28)
    if not arguments.no_street:
        made.append(arguments.out / "street.mp4")
        encode_h264(_bgr_frames(render_street.frames()), made[-1], fps=render_street.FPS, crf=24)
    for path in made:
        print(f"{path}: {path.stat().st_size / 1e6:.2f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
