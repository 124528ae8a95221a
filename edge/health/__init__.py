"""Whether the camera itself is well: its view against the one it should have, and whether pictures come at all."""
