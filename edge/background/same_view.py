"""Whether two pictures show the same place in another light."""

from __future__ import annotations

import cv2
import numpy as np

from edge.background.model import Picture
from edge.background.verdict import correlation

SAME_EDGES = 0.35
"""Correlation of the edges of one place by day and in infrared light; of two places about 0."""


def is_same_view(now: Picture, before: Picture) -> bool:
    """Compare where there are edges, not how bright anything is."""
    edges = []
    for picture in (now, before):
        light = cv2.GaussianBlur(picture[0].astype(np.float32), (5, 5), 0)
        slope = cv2.magnitude(
            cv2.Sobel(light, cv2.CV_32F, 1, 0, ksize=3, scale=1 / 8),
            cv2.Sobel(light, cv2.CV_32F, 0, 1, ksize=3, scale=1 / 8),
        )
        edges.append(np.asarray(slope / (slope + 4.0), np.float32))
    return correlation(edges[0].ravel(), edges[1].ravel()) >= SAME_EDGES
