"""What is told of a camera itself: to officers in both languages, and not to residents."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import SignIn, Site

pytestmark = pytest.mark.browser

WORDS = {
    ("camera_offline", "vi"): (
        "Mất tín hiệu camera",
        "85 giây",
        "Camera mất tín hiệu nên không có hình",
        "Hình cuối cùng",
        "15:00:00, 01/03/2026",
    ),
    ("camera_offline", "en"): (
        "Camera offline",
        "85 seconds",
        "No picture came, so there is none",
        "Last picture",
        "1 Mar 2026, 15:00:00",
    ),
    ("camera_tampered", "vi"): ("Camera bị che/xoay", "Bị che trong 14 giây", "Khung cảnh đúng chỗ bây giờ", "2 %"),
    ("camera_tampered", "en"): ("Camera tampered with", "Covered for 14 seconds", "View in place now", "2 %"),
}


@pytest.mark.parametrize(("kind", "language"), WORDS)
def test_an_officer_reads_what_is_wrong_with_a_camera(
    site: Site, sign_in: SignIn, tmp_path: Path, kind: str, language: str
) -> None:
    camera = f"cam_{kind}_{language}"
    site.box.configure(camera)
    at = datetime.now(UTC) - timedelta(seconds=90)
    incident_id = site.box.report(kind, camera, at, second=None if kind == "camera_offline" else 5.0).incident_id
    page = sign_in(site.officer)
    page.goto(f"{site.server.url}/incidents/{incident_id}?lang={language}")
    for words in WORDS[kind, language]:
        expect(page.locator("main")).to_contain_text(words)
    if folder := os.environ.get("LANGAN_SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{kind}-{language}.png", full_page=True)


def test_residents_are_not_told_where_nobody_watches(site: Site, sign_in: SignIn) -> None:
    page = sign_in(site.resident)
    expect(page.locator("main")).not_to_contain_text("Mất tín hiệu camera")
    expect(page.locator("main")).not_to_contain_text("Camera bị che")
