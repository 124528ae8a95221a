"""Write docs/reference/server-settings.md from the server's settings. `make schemas` runs it; a test compares."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr

from server.settings import Settings

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "server-settings.md"

INTRODUCTION = """\
# Server settings

*Written from `server/settings.py` by `make schemas`; change the docstrings there.*

Environment variables of `langan-server`. Each has a default that works on one machine.

| variable | default | meaning |
| --- | --- | --- |
"""
PLAIN = {
    "bind": "Address and port to listen on.",
    "threads": "Threads that answer requests; each live page holds one.",
    "site_name": "Shown on top of every page.",
    "language": "Of pages for who has not chosen one: `vi` or `en`.",
    "timezone": "IANA name; pages show it, everything stored is UTC.",
    "session_idle_s": "A session that is not used for this long ends.",
    "session_max_s": "Every session ends after this long.",
    "oidc_client_id": "How the provider knows this site.",
    "oidc_client_secret": "What this site shows the provider.",
    "oidc_scope": "What the provider is asked for.",
    "max_body_bytes": "Largest body of a request other than evidence.",
    "max_image_bytes": "Largest picture.",
    "max_clip_bytes": "Largest clip.",
    "log_level": "`DEBUG`, `INFO`, `WARNING` or `ERROR`.",
}
"""Fields whose name says what they are in the code."""


def page() -> str:
    """The whole page as Markdown."""
    rows = []
    for name, field in Settings.model_fields.items():
        default = field.get_default(call_default_factory=True, validated_data={})
        default = default.get_secret_value() if isinstance(default, SecretStr) else default
        meaning = " ".join((field.description or PLAIN[name]).split()).replace("|", "\\|")
        rows.append(f"| `LANGAN_{name.upper()}` | `{default}` | {meaning} |\n".replace("``", "(empty)"))
    return INTRODUCTION + "".join(rows)


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
