"""What a source has done so far."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class SourceCounts:
    """Counted by the capture thread; others may read."""

    packets: int = 0
    bad_packets: int = 0
    """Corrupt or not decodable: left out."""
    bad_pictures: int = 0
    """Decoded, but with holes: left out."""
    decoded: int = 0
    given: int = 0
    skipped: int = 0
    """Packets that nobody needed decoded, or that a box that fell behind could not decode."""
    wakes: int = 0
    """Times a resting camera went back to every picture ..."""
    false_wakes: int = 0
    """... and rested again at once."""
    catch_ups: int = 0
    """Times reading had fallen behind the camera, and went on at a later keyframe."""
    resting: bool = False
    """Keyframes only, now."""

    def figures(self) -> dict[str, float]:
        """By the names of `edge.metrics`."""
        return {
            "packets": float(self.packets),
            "packets_bad": float(self.bad_packets),
            "packets_skipped": float(self.skipped),
            "pictures_decoded": float(self.decoded),
            "pictures_bad": float(self.bad_pictures),
            "frames_given": float(self.given),
            "decode_idle": float(self.resting),
            "wakes": float(self.wakes),
            "false_wakes": float(self.false_wakes),
            "catch_ups": float(self.catch_ups),
        }
