"""Reads the numbers that a running edge shows at `/metrics` (Prometheus text format 0.0.4)."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass

_TIMEOUT_S = 10.0
_SAMPLE = re.compile(r"^langan_(?P<name>\w+)\{(?P<labels>.*)\}\s+(?P<value>\S+)")
_LABEL = re.compile(r'(?P<name>\w+)="(?P<value>(?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, slots=True)
class Scrape:
    """One look.

    Attributes:
        cameras: By camera, by the names of `edge.metrics.CAMERA_FIGURES`.
        inference_pids: Of the processes that only search.
    """

    cameras: Mapping[str, Mapping[str, float]]
    inference_pids: frozenset[int]

    def total(self, figure: str) -> float:
        """A figure summed over cameras; 0 where no camera has it."""
        return sum(figures.get(figure, 0.0) for figures in self.cameras.values())


def scrape(url: str) -> Scrape:
    """Ask for the numbers.

    Raises:
        OSError: Nobody answers.
    """
    with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - our own process on loopback
        return parse(answer.read().decode("utf-8"))


def parse(text: str) -> Scrape:
    """Read an answer: of every number with a camera's label its value, by the name in `edge.metrics`."""
    cameras: dict[str, dict[str, float]] = {}
    inference_pids = set()
    for line in text.splitlines():
        sample = _SAMPLE.match(line)
        if sample is None:
            continue
        labels = {label["name"]: label["value"] for label in _LABEL.finditer(sample["labels"])}
        if "camera" in labels:
            cameras.setdefault(labels["camera"], {})[_figure(sample["name"])] = float(sample["value"])
        elif sample["name"] == "worker_pid" and labels.get("kind") == "inference":
            inference_pids.add(int(sample["value"]))
    return Scrape(cameras, frozenset(inference_pids))


def _figure(name: str) -> str:
    """`camera_decode_cpu_seconds_total` is `decode_cpu_s`."""
    figure = name.removeprefix("camera_").removesuffix("_total")
    return figure.removesuffix("seconds") + "s" if figure.endswith("_seconds") else figure
