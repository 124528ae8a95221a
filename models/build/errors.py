"""What stops the builder."""


class BuildError(Exception):
    """The model cannot be built; the message names the place and the remedy."""
