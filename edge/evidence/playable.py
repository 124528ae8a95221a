"""A copy of a clip that every browser plays: H.264, as small as clips that must be encoded anyway.

    python -m edge.evidence.playable CLIP.mp4 COPY.mp4

Runs in a process of its own, at the lowest priority and with one thread: the cameras come first. It ends when its
parent does. Whatever was blackened in the clip is so in the copy: its pictures are the clip's.

Exit status: 0 well; 1 the clip cannot be read; 2 there is no room; 3 wrong usage.
"""

from __future__ import annotations

import errno
import os
import sys
import threading
from pathlib import Path

import av
import av.error
from av.video.reformatter import VideoReformatter

from edge.capture.packet_ring import PTS_PER_S
from edge.capture.picture import PrivacyMasks
from edge.evidence.clip import MAX_RATE, ClipEncoder
from edge.evidence.copy_status import NO_ROOM, UNREADABLE, WRONG_USAGE

MAX_SECONDS = 600.0
"""Of video: longer clips are not ours."""
_READ_OPTIONS = {"protocol_whitelist": "file", "enable_drefs": "0"}
"""The file may have been fetched: it opens nothing else."""


def make_playable(clip: Path, copy: Path) -> int:
    """Encode a clip anew; returns how many pictures the copy has.

    Args:
        clip: An MP4.
        copy: Where to write; overwritten.

    Raises:
        av.error.FFmpegError: It cannot be read or written.
        ValueError: There is no picture in it.
    """
    written: ClipEncoder | None = None
    masks, shrink = PrivacyMasks(()), VideoReformatter()
    pictures, first_s, last_s = 0, 0.0, 0.0
    with (
        av.open(str(clip), format="mp4", options=_READ_OPTIONS) as source,
        av.open(str(copy), "w", format="mp4", options={"movflags": "+faststart"}) as output,
    ):
        stream = source.streams.video[0]
        stream.codec_context.thread_count = 1
        for frame in source.decode(stream):
            time_s = frame.time if frame.time is not None else last_s + 1 / MAX_RATE
            if written is None:
                written, first_s = ClipEncoder(output, frame), time_s
            elif time_s - last_s < 0.9 / MAX_RATE:
                continue
            if time_s - first_s > MAX_SECONDS:
                break
            last_s = time_s
            written.write(frame, round((time_s - first_s) * PTS_PER_S), masks, shrink)
            pictures += 1
        if written is None:
            raise ValueError("no picture of the clip can be decoded")
        written.finish()
    return pictures


def main(arguments: list[str]) -> int:
    """Make one copy; returns the exit status."""
    if len(arguments) != 2:
        sys.stderr.write("usage: python -m edge.evidence.playable CLIP.mp4 COPY.mp4\n")
        return WRONG_USAGE
    os.nice(19)
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    try:
        make_playable(Path(arguments[0]), Path(arguments[1]))
    except (av.error.FFmpegError, ValueError, IndexError) as error:
        sys.stderr.write(f"{arguments[0]}: {error}\n")
        return NO_ROOM if getattr(error, "errno", None) in {errno.ENOSPC, errno.EDQUOT} else UNREADABLE
    return 0


def _leave_with_parent() -> None:
    """Whoever started us holds the other end of our input; it closes when they end, however they do."""
    while os.read(sys.stdin.fileno(), 1):
        pass
    os._exit(UNREADABLE)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
