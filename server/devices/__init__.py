"""Devices: how an edge box is let in by a one-time code, and how it proves who it is with its own key."""
