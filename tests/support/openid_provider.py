"""A small OpenID provider on loopback: it really signs, checks PKCE and its client, and can be told to misbehave."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, RSAKey

CLIENT_ID, CLIENT_SECRET = "langan", "bi mat cua lang"


@dataclass
class Provider:
    """The provider's people and keys, and what it was asked."""

    url: str = ""
    now: Callable[[], float] = time.time
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "1", "use": "sig"}))
    claims: dict[str, Any] = field(default_factory=lambda: {"sub": "p-1", "name": "Bà Năm", "groups": ["an-ninh-a"]})
    """Of whoever signs in next."""
    userinfo: dict[str, Any] = field(default_factory=dict)
    token_changes: dict[str, Any] = field(default_factory=dict)
    """What the next ID token says instead of the truth."""
    sign_with: RSAKey | OctKey | None = None
    algorithm: str = "RS256"
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    paths: list[str] = field(default_factory=list)

    def authorize(self, address: str) -> str:
        """What a person's browser does there: sign in and be sent back; gives where to."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert asked["response_type"] == "code"
        assert asked["client_id"] == CLIENT_ID
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state'], 'iss': self.url})}"

    def tokens(self, form: dict[str, str], authorization: str) -> dict[str, Any] | None:
        """Change a code into an ID token; None when the code, its PKCE proof or the client is wrong."""
        asked = self.codes.pop(form.get("code", ""), None)
        proof = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        client = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        if (
            asked is None
            or base64.urlsafe_b64encode(proof).decode().rstrip("=") != asked["code_challenge"]
            or form.get("redirect_uri") != asked["redirect_uri"]
            or authorization != f"Basic {client}"
        ):
            return None
        now = int(self.now())
        claims = {"iss": self.url, "aud": CLIENT_ID, "iat": now, "exp": now + 300, "nonce": asked["nonce"]}
        claims |= self.claims | self.token_changes
        token = jwt.encode(
            {"alg": self.algorithm, "kid": "1"},
            {name: value for name, value in claims.items() if value is not None},
            self.sign_with or self.key,
            algorithms=[self.algorithm],
        )
        return {"access_token": "at", "token_type": "Bearer", "expires_in": 300, "id_token": token}


@contextmanager
def openid_provider() -> Iterator[Provider]:
    """Serve a provider."""
    provider = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            provider.paths.append(self.path)
            url = provider.url
            pages: dict[str, Any] = {
                "/.well-known/openid-configuration": {
                    "issuer": url,
                    "authorization_endpoint": f"{url}/authorize",
                    "token_endpoint": f"{url}/token",
                    "jwks_uri": f"{url}/jwks",
                    "userinfo_endpoint": f"{url}/userinfo",
                },
                "/jwks": KeySet([provider.key]).as_dict(private=False),
                "/userinfo": provider.userinfo,
            }
            self._answer(200 if self.path in pages else 404, pages.get(self.path, {}))

        def do_POST(self) -> None:
            provider.paths.append(self.path)
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            tokens = provider.tokens(form, self.headers.get("Authorization", ""))
            self._answer(200 if tokens else 400, tokens or {"error": "invalid_grant"})

        def _answer(self, status: int, body: dict[str, Any]) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    provider.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
