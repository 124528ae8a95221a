"""The server's settings, from the environment. Everything has a default that works on one machine."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from datetime import time, timedelta
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import ConfigDict, Field, Json, SecretStr, field_validator, model_validator

from server.alerts.doorbell import check_url
from server.domain.access import USER_ROLES, Role
from server.domain.shifts import read_starts
from server.work_settings import WorkSettings

MIB = 1024 * 1024
THREADS_FOR_REQUESTS = 3
"""Live streams always leave so many."""
_PREFIX = "LANGAN_"


class Settings(WorkSettings):
    """Each field is read from `LANGAN_<FIELD IN CAPITALS>`."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    data_dir: Path = Path("var/server")
    """The embedded database, evidence and the secret key lie here."""
    database_url: str = ""
    """`sqlite:///...` or `postgresql://...`; empty means `langan.sqlite` in the data folder."""
    secret_key: SecretStr = SecretStr("")
    """Signs CSRF tokens, the audit chain and what devices are told: with another one every device must enrol again.
    Empty: made once and kept in the data folder."""
    public_url: str = ""
    """How browsers reach the server (`https://...`). Empty: as they ask; cookies are Secure with https."""
    bind: str = "127.0.0.1:8000"
    threads: Annotated[int, Field(ge=4, le=256)] = 40
    proxy_hops: Annotated[int, Field(ge=0, le=4)] = 0
    """Reverse proxies in front whose X-Forwarded-* headers are trusted."""

    site_name: str = "Làng An"
    language: Literal["vi", "en"] = "vi"
    timezone: str = "Asia/Ho_Chi_Minh"

    shift_starts: str = "06:00,14:00,22:00"
    """When officers' shifts begin each day, by the site's clock: for handing over, and "quiet until the shift ends"."""

    map_tiles: str = ""
    """A PMTiles file of the area, for a map of incidents. Empty: a plain plan of the village."""

    public_delay_s: Annotated[int, Field(ge=0, le=7 * 24 * 3600)] = 15 * 60
    """Residents see an incident this long after the server received it."""
    session_idle_s: Annotated[int, Field(ge=60)] = 12 * 3600
    session_max_s: Annotated[int, Field(ge=60)] = 7 * 24 * 3600
    oidc_issuer: str = ""
    """An OpenID Connect provider that people may sign in with (`https://sso.example.vn`). Empty: none."""
    oidc_client_id: str = ""
    oidc_client_secret: SecretStr = SecretStr("")
    oidc_scope: str = "openid profile"
    oidc_name: str = "OpenID"
    """What the button of the sign-in page says after "Sign in with"."""
    oidc_claim: str = "groups"
    """The claim of the ID token (or of the user info) that decides on role and place."""
    oidc_roles: Json[dict[str, str]] = Field(default_factory=dict)
    """What values of the claim mean, as JSON: `{"security-nhon-loc": "officer@nhon-loc", "it": "admin"}`. The first
    that fits decides; whom none fits is refused."""

    max_streams: Annotated[int, Field(ge=1)] = 24
    """Live streams at once in one process; each holds a thread."""
    stream_send_timeout_s: Annotated[float, Field(gt=0)] = 10.0
    """A live client that takes nothing for this long is dropped; it resumes with Last-Event-ID."""
    stream_bind: str = "127.0.0.1:8001"
    """Where `langan-server stream` listens; the reverse proxy sends `/api/v1/live` there."""
    stream_clients: Annotated[int, Field(ge=1)] = 12_000
    """Live pages at once in one process of `langan-server stream`."""
    redis_url: str = ""
    """Redis or Valkey as a doorbell (`redis://HOST:6379/0`): it hurries live pages, and keeps nothing."""
    request_body_timeout_s: Annotated[float, Field(gt=0)] = 30.0
    """Patience with a body, plus one second for each 16 KiB of it."""

    max_body_bytes: Annotated[int, Field(ge=1024)] = 4 * MIB
    max_image_bytes: Annotated[int, Field(ge=1024)] = 8 * MIB
    max_clip_bytes: Annotated[int, Field(ge=1024)] = 60 * MIB
    media_limit_bytes: Annotated[int, Field(ge=0)] = 0
    """All evidence together; the oldest goes first. 0: as much as the disk holds."""
    min_free_bytes: Annotated[int, Field(ge=0)] = 256 * MIB
    """Evidence never takes the last of the disk: that is for events."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["auto", "json", "text"] = "auto"
    """`json`: an object a line. `text`: for people. `auto`: text on a terminal, JSON everywhere else."""
    metrics_token: SecretStr = SecretStr("")
    """Who shows it as a bearer token may read `/metrics` from elsewhere. Empty: only this machine may."""

    @model_validator(mode="after")
    def _streams_leave_threads(self) -> Self:
        if "max_streams" in self.model_fields_set and self.max_streams > self.threads - THREADS_FOR_REQUESTS:
            raise ValueError(
                f"LANGAN_MAX_STREAMS {self.max_streams} of LANGAN_THREADS {self.threads} leave fewer than "
                f"{THREADS_FOR_REQUESTS} threads for requests: lower the one or raise the other"
            )
        return self

    @model_validator(mode="after")
    def _oidc_is_whole(self) -> Self:
        if self.oidc_issuer:
            if not self.oidc_issuer.startswith(("https://", "http://127.0.0.1", "http://localhost")):
                raise ValueError("LANGAN_OIDC_ISSUER: must start with https://")
            for name in ("oidc_client_id", "oidc_roles"):
                if not getattr(self, name):
                    raise ValueError(f"LANGAN_OIDC_ISSUER is set, LANGAN_{name.upper()} is not: set both or neither")
        _ = self.oidc_access
        return self

    @property
    def oidc_access(self) -> list[tuple[str, tuple[Role, str | None]]]:
        """What values of the claim mean: role and place (None: the whole site).

        Raises:
            ValueError: A line is wrong; the message names it.
        """
        found: list[tuple[str, tuple[Role, str | None]]] = []
        for value, text in self.oidc_roles.items():
            role, _, place = text.partition("@")
            if role not in set(USER_ROLES) or (not place and role != Role.ADMIN):
                raise ValueError(
                    f"LANGAN_OIDC_ROLES: {value!r}: {text!r}: write ROLE@PLACE with one of the roles "
                    f"{', '.join(USER_ROLES)}; only admin may stand without a place"
                )
            found.append((value, (Role(role), place or None)))
        return found

    @property
    def streams(self) -> int:
        """Live streams at once, so that threads are left for requests."""
        return min(self.max_streams, self.threads - THREADS_FOR_REQUESTS)

    @property
    def held_looks(self) -> int:
        """Questions of boxes that one process holds at once, a thread each; `langan-server stream` holds thousands."""
        return max(1, (self.threads - self.streams) // 4)

    @property
    def uploads(self) -> int:
        """Files of evidence that are received at once: slow lines must not hold every thread."""
        return max(1, (self.threads - self.streams) // 2)

    @field_validator("timezone")
    @classmethod
    def _timezone_exists(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"unknown time zone {value!r}: use a name such as Asia/Ho_Chi_Minh") from error
        return value

    @field_validator("map_tiles")
    @classmethod
    def _map_is_a_file(cls, value: str) -> str:
        if value and not Path(value).is_file():
            raise ValueError(f"{value}: there is no such file: name a PMTiles file, or leave it out for a plain plan")
        return value

    @field_validator("shift_starts")
    @classmethod
    def _shifts_have_times(cls, value: str) -> str:
        read_starts(value)
        return value

    @field_validator("redis_url")
    @classmethod
    def _redis_url_is_one(cls, value: str) -> str:
        return check_url(value)

    @field_validator("public_url")
    @classmethod
    def _public_url_is_an_origin(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://")
        return value.rstrip("/")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Self:
        """Read the settings.

        Raises:
            pydantic.ValidationError: A value is wrong; the message names it.
        """
        environment = os.environ if environment is None else environment
        values = {
            name: environment[_PREFIX + name.upper()]
            for name in cls.model_fields
            if environment.get(_PREFIX + name.upper())
        }
        return cls.model_validate(values)

    def prepared(self) -> Self:
        """These settings with the data folder made, and the database's address and the secret key filled in."""
        self.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder = self.data_dir.resolve()
        return self.model_copy(
            update={
                "data_dir": folder,
                "database_url": self.database_url or f"sqlite:///{folder / 'langan.sqlite'}",
                "secret_key": self.secret_key
                if self.secret_key.get_secret_value()
                else _kept_secret(folder / "secret.key"),
            }
        )

    @property
    def zone(self) -> ZoneInfo:
        """The site's time zone."""
        return ZoneInfo(self.timezone)

    @property
    def shifts(self) -> tuple[time, ...]:
        """When shifts begin, in order."""
        return read_starts(self.shift_starts)

    @property
    def public_delay(self) -> timedelta:
        """How long residents wait."""
        return timedelta(seconds=self.public_delay_s)

    @property
    def is_embedded(self) -> bool:
        """The database is a file of this machine."""
        return self.database_url.startswith("sqlite") or not self.database_url


def _kept_secret(path: Path) -> SecretStr:
    """Read the secret key, or make it: complete and private before it has its name, whoever comes first."""
    if not path.exists():
        fresh = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32))
        try:
            os.link(fresh, path)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return SecretStr(path.read_text(encoding="ascii").strip())
