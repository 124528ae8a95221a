"""What a camera shows now, for calibration: kept in memory only, with the privacy masks burned in."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from itertools import islice

from contract.config_loader import load_config_dir
from edge.capture.source_url import expand_secrets, parse_source
from edge.capture.video_source import SourceSettings, VideoSource
from edge.clock import SystemClock
from edge.errors import ModelError
from edge.models.pictures import Picture
from edge.settings import read_secrets


def camera_pictures(options: argparse.Namespace, count: int) -> Iterator[Picture]:
    """Pictures of the camera's `detect` input, some time apart.

    Args:
        options: `config`, `camera`, `media`, `env_file` and `every_s` of the command line.
        count: How many; fewer when a clip that acts as a camera ends.

    Raises:
        ModelError: No valid camera has this id.
        SourceError: The camera cannot be read.
    """
    if not 0.04 <= options.every_s <= 600:
        raise ModelError(f"--every-s {options.every_s:g}: give 0.04 to 600 seconds")
    loaded = load_config_dir(options.config)
    camera = loaded.cameras.get(options.camera)
    if camera is None:
        known = ", ".join(sorted(loaded.cameras)) or "none that is valid"
        mistakes = [str(error) for error in loaded.errors]
        raise ModelError("\n".join([f"--camera {options.camera}: no such camera; known: {known}", *mistakes]))
    searched = camera.config.input_for("detect")
    secrets = read_secrets(os.environ, options.env_file)
    address = parse_source(expand_secrets(searched.path, secrets), options.media or options.config / "media")
    settings = SourceSettings(
        fps=1 / options.every_s,
        transport=searched.transport,
        verify_tls=searched.tls == "verify",
        privacy_masks=camera.config.privacy.masks,
    )
    source = VideoSource(options.camera, address, SystemClock(), settings)
    return _taken(source, count)


def _taken(source: VideoSource, count: int) -> Iterator[Picture]:
    try:
        for frame in islice(source.frames(), count):
            yield frame.image
    finally:
        source.close()
