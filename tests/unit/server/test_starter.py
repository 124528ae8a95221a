"""The text that a new camera's editor begins with."""

from contract.config_loader import load_camera, load_site
from server.admin.starter import starter_text
from tests.support.server import SITE


def test_the_starter_is_a_valid_camera_file() -> None:
    site = load_site(SITE, "site.yaml").config
    assert site is not None
    assert load_camera(starter_text("dong-lam"), "new", site).errors == ()
