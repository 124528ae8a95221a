"""The edge's errors.

    EdgeError
    |-- ConfigurationError          a configuration leaves nothing to do
    |-- SourceError(permanent)      a camera or clip cannot be read
    |   |-- SourceNotFound          no such file, stream or host
    |   |-- SourceRefused           wrong credentials or not allowed
    |   |   `-- SecretMissing       a password that its address names is not set
    |   |-- SourceUnreadable        not a video, or broken beyond reading
    |   `-- SourceStalled           opened, but no frame came in time
    |-- ModelError                  a detector cannot be loaded
    |-- OutboxError                 the outbox folder cannot be used
    |   `-- DiskFull
    `-- DeliveryError(permanent)    the server did not take something

Each message names the place and the remedy, and never holds a credential.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from contract.messages import in_language

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contract.issues import ConfigIssue
    from contract.rules.base import Language


class EdgeError(Exception):
    """Base of every error of the edge."""

    def in_language(self, language: Language) -> str:
        """What it says; in English where it was not made of a `Text`."""
        return str(in_language(self.args[0], language)) if self.args else ""


class ConfigurationError(EdgeError):
    """A configuration has mistakes that leave nothing to do; the message holds one line for each.

    Args:
        mistakes: At least one.
    """

    def __init__(self, mistakes: Sequence[ConfigIssue]) -> None:
        super().__init__("\n".join(map(str, mistakes)))
        self._mistakes = tuple(mistakes)

    def in_language(self, language: Language) -> str:
        """See `EdgeError`."""
        return "\n".join(mistake.in_language(language) for mistake in self._mistakes)


class SourceError(EdgeError):
    """A camera or clip cannot be read.

    Attributes:
        permanent: Trying again without a change of configuration cannot help.
    """

    def __init__(self, message: str, *, permanent: bool = False) -> None:
        super().__init__(message)
        self.permanent = permanent


class SourceNotFound(SourceError):
    """No such file, stream or host."""


class SourceRefused(SourceError):
    """Wrong credentials or not allowed."""


class SecretMissing(SourceRefused):
    """What stands in braces in an input's address is not set on this box, or may not be used: no camera was asked."""


class SourceUnreadable(SourceError):
    """Not a video, or broken beyond reading."""


class SourceStalled(SourceError):
    """Opened, but no frame came in time."""


class ModelError(EdgeError):
    """A detector cannot be loaded."""


class OutboxError(EdgeError):
    """The outbox folder cannot be used."""


class DiskFull(OutboxError):
    """No room is left for an event."""


class DeliveryError(EdgeError):
    """The server did not take something.

    Attributes:
        permanent: Sending the same again cannot help.
        request_id: Of the request that failed: the server's log names the same. Empty where none was sent.
    """

    def __init__(self, message: str, *, permanent: bool = False, request_id: str = "") -> None:
        super().__init__(message)
        self.permanent = permanent
        self.request_id = request_id
