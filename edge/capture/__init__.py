"""Cameras and clips: the only place of the edge that opens video."""
