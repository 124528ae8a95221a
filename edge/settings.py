"""What the process is told from outside the configuration folder: folders, and secrets from environment and file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from edge.errors import EdgeError

SECRET_PREFIX = "LANGAN_"  # noqa: S105 - a prefix of names
SERVER_URL_NAME = "LANGAN_SERVER_URL"
OLD_TOKEN_NAME = "LANGAN_DEVICE_TOKEN"  # noqa: S105 - a name
"""What let a box in before boxes enrolled."""
OLD_TOKEN_WORDS = (
    f"{OLD_TOKEN_NAME} means nothing any more: boxes enrol once and sign what they send "
    "remedy='langan-edge enrol URL CODE --data %s, then take the variable away'"
)
SECRET_NAME = re.compile("PASS|PWD|TOKEN|SECRET|KEY|USER|LOGIN|CRED", re.IGNORECASE)
_LINE = re.compile(r"^(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*=\s*(?P<value>.*)$")
_MAX_BYTES = 64_000


class SettingsError(EdgeError):
    """A setting is wrong; the message holds one line for each."""


@dataclass(frozen=True, slots=True)
class EdgeSettings:
    """How one edge process was started."""

    config_dir: Path
    data_dir: Path
    """Outbox and evidence."""
    media_dir: Path
    """Files that a camera's `inputs` may name lie below it."""
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Every `LANGAN_` variable: what `{LANGAN_...}` in inputs stands for."""

    @property
    def server_url(self) -> str | None:
        """Replaces `server.url` of site.yaml when set."""
        return self.secrets.get(SERVER_URL_NAME) or None

    @property
    def secret_values(self) -> list[str]:
        """Values that no log may repeat; other settings may hold words that logs need."""
        return [value for name, value in self.secrets.items() if SECRET_NAME.search(name)]


def read_secrets(environment: Mapping[str, str], env_file: Path | None) -> dict[str, str]:
    """Collect the `LANGAN_` variables of the environment and of a file of `NAME=value` lines; the file wins.

    Raises:
        SettingsError: The file cannot be read or has wrong lines, each named as `file:line: what: remedy`. A line's
            content is never repeated: it may be a secret.
    """
    secrets = {name: value for name, value in environment.items() if name.startswith(SECRET_PREFIX)}
    if env_file is not None:
        secrets.update(_parse(env_file, _read(env_file)))
    return secrets


def _read(env_file: Path) -> str:
    try:
        if env_file.stat().st_size > _MAX_BYTES:
            raise SettingsError(f"{env_file}:1: larger than {_MAX_BYTES} bytes: give a file of NAME=value lines")
        return env_file.read_text("utf-8-sig")
    except OSError as error:
        raise SettingsError(
            f"{env_file}:1: cannot be read ({error.strerror}): correct --env-file or the file's permissions"
        ) from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{env_file}:1: not UTF-8 text: save it as UTF-8") from error


def _parse(env_file: Path, text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    problems: list[str] = []
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        match = _LINE.match(line)
        if match is None:
            problems.append(f"{env_file}:{number}: not a NAME=value line: write {SECRET_PREFIX}NAME=value")
        elif not match["name"].startswith(SECRET_PREFIX):
            problems.append(
                f"{env_file}:{number}: {match['name']} does not begin with {SECRET_PREFIX}: "
                "rename it here and in the camera files"
            )
        else:
            value = match["value"]
            quoted = len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'"
            found[match["name"]] = value[1:-1] if quoted else value
    if problems:
        raise SettingsError("\n".join(problems))
    return found
