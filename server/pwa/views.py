"""Addresses that a browser asks for without a session: none of them says anything about anybody."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any, Final

from flask import Blueprint, Response, current_app, render_template, url_for

from server import i18n
from server.errors import NotFound
from server.i18n import LOCALES
from server.services import services

blueprint = Blueprint("pwa", __name__)

THEME: Final = "#12493a"
PAPER: Final = "#f5f2ea"
_ICONS: Final = (
    ("icon-192.png", "192x192", "any"),
    ("icon-512.png", "512x512", "any"),
    ("icon-maskable-512.png", "512x512", "maskable"),
)
_IMPORT: Final = re.compile(r"""(?:from|import)\s*["']\./(shared-[0-9A-Z]{8}\.js)["']""")
_WORKER: Final = "js/sw.js"
_SHELL: Final = (
    "css/langan.css",
    "css/pwa.css",
    "js/offline.js",
    "img/logo.svg",
    "img/icon-192.png",
    "img/icon-badge.png",
)
"""Files of ours that the page without a network needs. Nothing of any incident is ever among them."""


@blueprint.get("/manifest.webmanifest")
def manifest() -> Response:
    """What the app is called and looks like, in the language of `?lang=`."""
    language = i18n.current_locale()
    about: dict[str, Any] = {
        "id": "/",
        "name": i18n.gettext("pwa.name", site=services().settings.site_name),
        "short_name": i18n.gettext("pwa.short_name"),
        "description": i18n.gettext("pwa.description"),
        "lang": language,
        "dir": "ltr",
        "start_url": url_for("pages.start"),
        "scope": "/",
        "display": "standalone",
        "theme_color": THEME,
        "background_color": PAPER,
        "categories": ["security", "government"],
        "icons": [
            {"src": url_for("static", filename=f"img/{name}"), "sizes": sizes, "type": "image/png", "purpose": purpose}
            for name, sizes, purpose in _ICONS
        ],
    }
    response = Response(json.dumps(about, ensure_ascii=False), mimetype="application/manifest+json")
    response.headers["Cache-Control"] = "no-cache"
    return response


@blueprint.get("/sw.js")
def worker() -> Response:
    """The service worker, with the addresses of this version of the shell before it: a new version is another text."""
    try:
        text = (Path(str(current_app.static_folder)) / _WORKER).read_text(encoding="utf-8")
    except OSError as error:
        raise NotFound("the pages' scripts are not built", "Run `make frontend`.") from error
    folder = Path(str(current_app.static_folder))
    chunks = {f"js/{chunk}" for chunk in _chunks_of(folder / "js", "offline.js")}
    shell = [url_for("static", filename=name) for name in _SHELL]
    # Scripts name what they share by its file alone: the hash is in the name.
    shell += [url_for("static", filename=name).partition("?")[0] for name in sorted(chunks)]
    offline = {language: url_for("pwa.offline", lang=language) for language in LOCALES}
    pages = "".join(_offline_page(language) for language in LOCALES)
    version = hashlib.sha256("\n".join([text, *shell, pages]).encode()).hexdigest()[:16]
    about = json.dumps({"version": version, "shell": shell, "offline": offline, "site": services().settings.language})
    response = Response(f"self.LANGAN={about};\n{text}", mimetype="text/javascript")
    response.headers["Cache-Control"] = "no-cache"
    response.headers["Service-Worker-Allowed"] = "/"
    return response


@blueprint.get("/offline")
def offline() -> Response:
    """The page that the service worker shows without a network: the same for everybody."""
    response = Response(_offline_page(i18n.current_locale()), mimetype="text/html")
    response.headers["Cache-Control"] = "no-cache"
    return response


def _chunks_of(folder: Path, name: str) -> set[str]:
    """The files that a built script imports, and what those import."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        text = (folder / waiting.pop()).read_text(encoding="utf-8")
        fresh = set(_IMPORT.findall(text)) - found
        found |= fresh
        waiting += fresh
    return found


def _offline_page(language: str) -> str:
    return render_template(
        "pwa/offline.html", language=language, say=i18n.translations(language).gettext, strings=_strings(language)
    )


def _strings(language: str) -> dict[str, str]:
    words = ("pwa.offline.at", "pwa.offline.none")
    return {msgid: i18n.translations(language).gettext(msgid) for msgid in words}
