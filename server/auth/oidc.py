"""Signing in with an OpenID Connect provider: code flow with PKCE, state and nonce (OpenID Connect Core 1.0, RFC 9700).

    browser -> /login/oidc -> provider -> /login/oidc/callback?code -> [we ask the provider for the ID token] -> session

What must come back unchanged (state, nonce, code verifier) lies in a signed cookie of the browser that began.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from itsdangerous import BadData, URLSafeTimedSerializer
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from server.auth.tokens import same
from server.clock import Clock
from server.domain.access import Role
from server.errors import NotAuthenticated, Unavailable
from server.settings import Settings

log = logging.getLogger(__name__)

FLOW_LIVES_S: Final = 600
TIMEOUT_S: Final = 10.0
_KEPT_S: Final = 3600.0
"""So long the provider's own description is not asked for again."""
_LEEWAY_S: Final = 60
_ALGORITHMS: Final = ("RS256", "PS256", "ES256", "EdDSA")
"""Signatures that only the provider can make; `none` and HMAC are not among them."""
_MAX_SUBJECT: Final = 255
"""OpenID Connect Core 1.0, section 2."""


@dataclass(frozen=True, slots=True)
class Flow:
    """A sign-in that is on its way to the provider and back."""

    state: str
    nonce: str
    verifier: str
    next_path: str


@dataclass(frozen=True, slots=True)
class Claims:
    """What the provider said of somebody, and what it means here."""

    issuer: str
    subject: str
    username: str
    display_name: str
    role: Role
    place_id: str | None


class Provider:
    """The site's OpenID provider; asked when somebody signs in, never at start."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._flows = URLSafeTimedSerializer(settings.secret_key.get_secret_value(), salt="langan oidc")
        self._lock = threading.Lock()
        self._metadata: dict[str, Any] = {}
        self._keys: KeySet | None = None
        self._asked_s = 0.0

    @property
    def name(self) -> str:
        """What the button says."""
        return self._settings.oidc_name

    def begin(self, redirect_uri: str, next_path: str) -> tuple[str, str]:
        """Begin a sign-in.

        Returns:
            The provider's address to go to, and the value of the cookie that must come back.

        Raises:
            Unavailable: The provider does not answer.
        """
        metadata = self._describe()
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        flow = Flow(state, nonce, verifier, next_path)
        with self._client(metadata, redirect_uri) as client:
            address, _ = client.create_authorization_url(
                metadata["authorization_endpoint"], state=flow.state, nonce=flow.nonce, code_verifier=flow.verifier
            )
        return str(address), self._flows.dumps(asdict(flow))

    def finish(self, clock: Clock, redirect_uri: str, cookie: str, answer: Mapping[str, str]) -> tuple[Claims, str]:
        """Take what the provider sent back.

        Returns:
            Who it is, and the page to go to.

        Raises:
            NotAuthenticated: The answer is not one to our question, is forged or old, or gives no role here.
            Unavailable: The provider does not answer.
        """
        try:
            flow = Flow(**self._flows.loads(cookie, max_age=FLOW_LIVES_S))
        except (BadData, TypeError) as error:
            raise NotAuthenticated("this sign-in was not begun here, or has run out", "Begin again.") from error
        issuer = answer.get("iss", self._settings.oidc_issuer)  # RFC 9207: of which provider the answer is
        if not same(answer.get("state", ""), flow.state) or issuer != self._settings.oidc_issuer:
            raise NotAuthenticated("this is not the answer to our question", "Begin again.")
        if "code" not in answer:
            log.info("oidc_refused", extra={"fields": {"error": answer.get("error", "")[:60]}})
            raise NotAuthenticated("the provider did not sign you in", "Begin again, or ask its admin.")
        metadata = self._describe()
        with self._client(metadata, redirect_uri) as client:
            try:
                tokens = client.fetch_token(
                    metadata["token_endpoint"],
                    code=answer["code"][:4096],
                    code_verifier=flow.verifier,
                    timeout=TIMEOUT_S,
                    allow_redirects=False,
                )
                claims = self._checked(clock, str(tokens.get("id_token", "")), flow.nonce)
                if self._settings.oidc_claim not in claims and "userinfo_endpoint" in metadata:
                    claims = self._more(client, metadata["userinfo_endpoint"], claims)
            except requests.RequestException as error:
                raise _silent(error) from error
            except (AuthlibBaseError, JoseError, ValueError) as error:
                # Never the error's own text: it may hold what was sent.
                log.warning("oidc_answer_refused", extra={"fields": {"cause": type(error).__name__}})
                raise NotAuthenticated("the provider's answer is not acceptable", "Begin again.") from error
        return self._understood(claims), flow.next_path

    def _client(self, metadata: dict[str, Any], redirect_uri: str) -> OAuth2Session:
        known = metadata.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        return OAuth2Session(
            self._settings.oidc_client_id,
            self._settings.oidc_client_secret.get_secret_value(),
            scope=self._settings.oidc_scope,
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
            token_endpoint_auth_method="client_secret_basic" if "client_secret_basic" in known else known[0],
        )

    def _describe(self, *, anew: bool = False) -> dict[str, Any]:
        """The provider's addresses and keys, from `.well-known/openid-configuration`."""
        with self._lock:
            if not anew and self._keys is not None and time.monotonic() - self._asked_s < _KEPT_S:
                return self._metadata
            issuer = self._settings.oidc_issuer
            try:
                metadata = _described(issuer)
                self._keys = KeySet.import_key_set(_fetch(metadata["jwks_uri"]))  # type: ignore[arg-type]  # checked by it
            except (requests.RequestException, JoseError, ValueError) as error:
                raise _silent(error) from error
            self._metadata, self._asked_s = metadata, time.monotonic()
            return metadata

    def _checked(self, clock: Clock, id_token: str, nonce: str) -> dict[str, Any]:
        """The claims of an ID token that was signed for us, now, in answer to our question.

        Raises:
            JoseError: It was not.
        """
        try:
            token = jwt.decode(id_token, self._known_keys(), algorithms=_ALGORITHMS)
        except (JoseError, ValueError):
            self._describe(anew=True)  # the provider may have changed its keys since we asked
            token = jwt.decode(id_token, self._known_keys(), algorithms=_ALGORITHMS)
        own = self._settings.oidc_client_id
        jwt.JWTClaimsRegistry(
            now=int(clock.utc().timestamp()),
            leeway=_LEEWAY_S,
            iss={"essential": True, "value": self._settings.oidc_issuer},
            aud={"essential": True, "value": own},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": nonce},
        ).validate(token.claims)
        if token.claims.get("azp", own) != own:
            raise ValueError("the token is another client's")
        return dict(token.claims)

    def _known_keys(self) -> KeySet:
        return self._keys or KeySet([])

    def _more(self, client: OAuth2Session, address: str, claims: dict[str, Any]) -> dict[str, Any]:
        _check_address(address)
        answer = client.get(address, timeout=TIMEOUT_S, allow_redirects=False)
        answer.raise_for_status()
        more = answer.json()
        if not isinstance(more, dict) or more.get("sub") != claims["sub"]:
            raise ValueError("the user info is somebody else's")
        return more | claims

    def _understood(self, claims: dict[str, Any]) -> Claims:
        """Role and place by the claim: the first line of `LANGAN_OIDC_ROLES` that fits."""
        said = claims.get(self._settings.oidc_claim, [])
        values = {str(item) for item in said} if isinstance(said, list) else {str(said)}
        found = next((access for value, access in self._settings.oidc_access if value in values), None)
        subject = str(claims["sub"])
        if found is None or not 0 < len(subject) <= _MAX_SUBJECT:
            log.info("oidc_without_role", extra={"fields": {"claim": self._settings.oidc_claim}})
            raise NotAuthenticated("the provider gives you no role here", "Ask the province's admin.")
        name = str(claims.get("name") or claims.get("preferred_username") or "")
        return Claims(
            self._settings.oidc_issuer, subject, str(claims.get("preferred_username") or ""), name[:120], *found
        )


def _described(issuer: str) -> dict[str, Any]:
    metadata = _fetch(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    if metadata.get("issuer") != issuer:
        raise ValueError("the provider calls itself something else")
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
        _check_address(str(metadata.get(name, "")))
    return metadata


def _fetch(address: str) -> dict[str, Any]:
    _check_address(address)
    answer = requests.get(address, timeout=TIMEOUT_S, allow_redirects=False)
    answer.raise_for_status()
    found = answer.json()
    if not isinstance(found, dict):
        raise ValueError("not an object")  # noqa: TRY004 (of the answer's text, as `json` says it)
    return found


def _check_address(address: str) -> None:
    parts = urlsplit(address)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in {"127.0.0.1", "::1", "localhost"}):
        raise ValueError("an address of the provider is not https")


def _silent(error: Exception) -> Unavailable:
    log.warning("oidc_provider_unusable", extra={"fields": {"cause": type(error).__name__}})
    return Unavailable("the province's sign-in does not answer", "Try again soon, or sign in with a password.")
