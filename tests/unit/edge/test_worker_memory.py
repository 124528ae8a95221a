"""What a worker process does with the memory of pictures."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

PICTURES = 40
DRAW = f"""
import resource, threading
from av.video.frame import VideoFrame
from edge.capture.picture import Darkroom, PrivacyMasks
from edge.workers.process import prepare

prepare((), 30)
picture, darkroom = VideoFrame(1920, 1080, "yuv420p"), Darkroom(PrivacyMasks(()))

def draw(times):
    for _ in range(times):
        small, large = darkroom.bgr(picture, 640, 360), darkroom.bgr(picture, 1920, 1080)

def in_a_thread(times):
    thread = threading.Thread(target=draw, args=(times,))
    thread.start()
    thread.join()

in_a_thread(10)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
in_a_thread({PICTURES})
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="only glibc can be told to keep memory")
def test_a_worker_draws_pictures_in_memory_that_it_has() -> None:
    """A picture of 1080p in colour has 1,519 pages of 4 kB: fresh memory costs a fault for each of them.

    Which of the two arenas a thread gets is chance, so a few pictures may be drawn in memory that is fresh for once.
    """
    told = subprocess.run([sys.executable, "-c", DRAW], capture_output=True, text=True, check=True)
    assert int(told.stdout) / PICTURES < 500
