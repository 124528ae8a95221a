"""Every script that a page names is built, and every script that is built is named by a page."""

from __future__ import annotations

import re
from pathlib import Path

import server

ROOT = Path(server.__file__).parent
_NAMED = re.compile(r"filename='js/([\w-]+)\.js'")


def test_pages_and_scripts_name_each_other() -> None:
    templates = "\n".join(file.read_text(encoding="utf-8") for file in (ROOT / "templates").rglob("*.html"))
    assert set(_NAMED.findall(templates)) == {file.stem for file in (ROOT / "frontend/src/pages").glob("*.ts")}


def test_every_script_was_built() -> None:
    built = {file.stem for file in (ROOT / "static/js").glob("*.js")}
    missing = {file.stem for file in (ROOT / "frontend/src/pages").glob("*.ts")} - built
    assert not missing, "run `make frontend`"
