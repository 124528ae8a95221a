"""Decoders of this machine's hardware: tried when a stream opens, and the CPU where there is none."""

from __future__ import annotations

from typing import Literal, cast

import av
import av.error
from av.codec.hwaccel import HWAccel
from av.video.codeccontext import VideoCodecContext

Decode = Literal["cpu", "auto", "vaapi", "nvdec", "v4l2m2m"]

_DEVICES = {"vaapi": "vaapi", "nvdec": "cuda"}
"""FFmpeg's names of the devices."""
_AUTO: tuple[Decode, ...] = ("nvdec", "vaapi", "v4l2m2m")


def open_decoder(cpu: VideoCodecContext, wanted: Decode) -> tuple[VideoCodecContext, str]:
    """Choose what decodes a stream.

    Args:
        cpu: The stream's own context, not opened yet.
        wanted: From the camera's file.

    Returns:
        A context, and which it is: `cpu`, `vaapi`, `nvdec` or `v4l2m2m`. `cpu` where the wanted one cannot be had.
    """
    for kind in _AUTO if wanted == "auto" else (wanted,):
        if kind != "cpu" and (context := _open(cpu, kind)) is not None:
            return context, kind
    return cpu, "cpu"


def _open(cpu: VideoCodecContext, kind: Decode) -> VideoCodecContext | None:
    """A context that decodes by hardware; None where driver, device, codec or FFmpeg's build lacks."""
    try:
        if kind == "v4l2m2m":
            context = av.CodecContext.create(f"{cpu.name}_v4l2m2m", "r")
        else:
            # The device is opened now: a stream that opens only to fail at its first picture would never come back.
            accelerator = HWAccel(_DEVICES[kind], allow_software_fallback=True)
            accelerator.create(av.Codec(cpu.name, "r"))
            context = av.CodecContext.create(cpu.name, "r", hwaccel=accelerator)
        context = cast("VideoCodecContext", context)
        context.extradata = cpu.extradata
        if cpu.width and cpu.height:
            context.width, context.height = cpu.width, cpu.height
        context.thread_count = 1
        context.options = dict(cpu.options)
        context.open(strict=False)
    except (av.error.FFmpegError, OSError, ValueError, NotImplementedError, RuntimeError):
        return None
    return context
