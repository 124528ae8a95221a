"""A camera's place in memory that two processes share: one model input.

The memory has no name in the system: the kernel frees it with the last process that has it mapped, so nothing is left
behind by a process that was killed.
"""

from __future__ import annotations

import fcntl
import mmap
import os

import numpy as np
from numpy.typing import NDArray

_CHANNELS = 3
MAX_SIDE = 4096


def make_slot(input_wh: tuple[int, int]) -> tuple[int, NDArray[np.uint8]]:
    """Make a slot.

    Returns:
        A file descriptor, which the caller closes, and the (height, width, 3) uint8 array.

    Raises:
        OSError: There is no memory.
    """
    handle = os.memfd_create("langan-slot", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        os.ftruncate(handle, _bytes(input_wh))
        # Its size is fixed for good: no camera can pull the memory away under the detector.
        fcntl.fcntl(handle, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
        return handle, _mapped(handle, input_wh)
    except OSError:
        os.close(handle)
        raise


def open_slot(handle: int, input_wh: tuple[int, int]) -> NDArray[np.uint8]:
    """Map a slot that another process made.

    Args:
        handle: File descriptor; stays the caller's.
        input_wh: The size that it must have.

    Raises:
        ValueError: It is no slot of this size.
        OSError: There is no memory.
    """
    if max(input_wh) > MAX_SIDE or min(input_wh) < 1 or os.fstat(handle).st_size != _bytes(input_wh):
        raise ValueError(f"slot: {os.fstat(handle).st_size} bytes are no model input of {input_wh}")
    if not fcntl.fcntl(handle, fcntl.F_GET_SEALS) & fcntl.F_SEAL_SHRINK:
        raise ValueError("slot: it could become smaller: a camera's must be sealed")
    return _mapped(handle, input_wh)


def _bytes(input_wh: tuple[int, int]) -> int:
    return input_wh[0] * input_wh[1] * _CHANNELS


def _mapped(handle: int, input_wh: tuple[int, int]) -> NDArray[np.uint8]:
    # Unmapped when the last array that looks into it is gone: never under a model that still reads.
    memory = mmap.mmap(handle, _bytes(input_wh))
    return np.frombuffer(memory, np.uint8).reshape(input_wh[1], input_wh[0], _CHANNELS)
