"""What the server's answers say of themselves, for logs and for telling refusals apart."""

from __future__ import annotations

import json

import httpx

_DETAIL_CHARS = 300


def error_code(response: httpx.Response) -> str:
    """The server's word for programs; empty: it said none."""
    try:
        return str(json.loads(response.content)["error"]["code"])
    except (ValueError, KeyError, TypeError):
        return ""


def error_detail(response: httpx.Response) -> str:
    """The server's own words, short and on one line."""
    if "html" in response.headers.get("Content-Type", ""):
        return "a web page"  # of a proxy, or of somebody else's server: its markup would only hide the remedy
    try:
        said = json.loads(response.content)
    except ValueError:
        said = response.text
    if isinstance(said, dict):
        said = said.get("error") or said
    if isinstance(said, dict) and "message" in said:
        said = f"{said['message']} {said.get('remedy', '')}"
    return " ".join(str(said).split())[:_DETAIL_CHARS]
