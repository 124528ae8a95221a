"""CPU time of cutting an evidence clip by copying packets, beside that of encoding the same pictures.

    python -m bench.edge_clip_cost

Both on one thread, taking turns; the figure is the ratio of the medians. Decoding, which an encoder needs before it
can begin, is not counted against it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from bench.edge_content import FPS, make_content
from edge.capture.packet_ring import PTS_PER_S, PacketCut, PacketRing, StoredPacket, StreamInfo
from edge.evidence.clip import cut_clip

CLIP_S = 10.0


def clip_cost(path: Path, *, rounds: int = 3, clip_s: float = CLIP_S) -> dict[str, Any]:
    """CPU seconds of both, and the share.

    Args:
        path: A clip longer than `clip_s`.
        rounds: Of cutting and encoding.
        clip_s: Length of the evidence clip.
    """
    ring = _ring(path, clip_s)
    cut = ring.cut(0.0, clip_s)
    assert cut is not None
    cut_s, encode_s = [], []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(rounds):
            began_s = time.process_time()
            cut_clip(cut, Path(folder) / "cut.mp4")
            cut_s.append(time.process_time() - began_s)
            encode_s.append(_encode(cut, path, Path(folder) / "encoded.mp4"))
    return {
        "pictures": len(cut.packets),
        "cut_cpu_s": round(statistics.median(cut_s), 4),
        "encode_cpu_s": round(statistics.median(encode_s), 4),
        "share": round(statistics.median(cut_s) / statistics.median(encode_s), 5),
    }


def _ring(path: Path, clip_s: float) -> PacketRing:
    ring = PacketRing(clip_s + 10.0)
    with av.open(str(path)) as source:
        stream = source.streams.video[0]
        context = stream.codec_context
        ring.restart(StreamInfo(context.name, context.width, context.height, context.extradata))
        for packet in source.demux(stream):
            if packet.size and packet.pts is not None:
                time_s = float(packet.pts * (stream.time_base or 0))
                if time_s > clip_s:
                    break
                ring.append(StoredPacket(bytes(packet), round(time_s * PTS_PER_S), time_s, packet.is_keyframe))
    return ring


def _encode(cut: PacketCut, path: Path, target: Path) -> float:
    """Encode as many pictures with x264 veryfast; CPU seconds without decoding."""
    spent_s = 0.0
    with av.open(str(path)) as source, av.open(str(target), "w", format="mp4") as output:
        stream = output.add_stream("libx264", rate=FPS, options={"preset": "veryfast"})
        shown = source.streams.video[0]
        stream.width, stream.height, stream.pix_fmt = shown.width, shown.height, "yuv420p"
        stream.codec_context.thread_count = 1
        for index, frame in enumerate(source.decode(shown)):
            if index == len(cut.packets):
                break
            frame.pts, frame.time_base = index, Fraction(1, FPS)
            frame.pict_type = av.video.frame.PictureType.NONE  # the encoder chooses its own keyframes
            began_s = time.process_time()
            output.mux(stream.encode(frame))
            spent_s += time.process_time() - began_s
        began_s = time.process_time()
        output.mux(stream.encode(None))
        return spent_s + time.process_time() - began_s


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print(json.dumps(clip_cost(make_content().paths["busy"], rounds=options.rounds)))


if __name__ == "__main__":
    main()
