"""Every page of the server, by the name of its route: what the tests of every page walk over.

`{incident}`, `{camera}`, `{what_if}` and `{sign}` are filled in by the test. Together with `SHOWN_ELSEWHERE` and
`NO_PAGES` this names every GET of `tests/support/routes.py`; `test_every_page.py` fails where one is missing.
"""

from __future__ import annotations

from typing import Final

from tests.support.routes import LEADER, OFFICER, RESIDENT, ROUTES, SITE_ADMIN, STRANGER

READERS: Final = (OFFICER, LEADER, RESIDENT, SITE_ADMIN, STRANGER)
"""Whose pages differ. The admin of a place sees those of the whole site's, with fewer rows."""

PAGES: Final[dict[str, tuple[str, ...]]] = {
    "pages.login": ("/login",),
    "pwa.offline": ("/offline",),
    "residents.read_sign": ("{sign}",),
    "account.security": ("/account",),
    "account.password": ("/password",),
    "account.confirm": ("/account/confirm",),
    "police.live": ("/live", "/live?kind=speeding"),  # with alerts, and with none
    "police.incident": ("{incident}", "/incidents/00000000-0000-7000-8000-000000000000"),
    "map.plan": ("/live/map",),
    "shifts.page": ("/shift",),
    "silences.page": ("/silences",),
    "look.cameras": ("/cameras",),
    "look.look": ("/cameras/{camera}/look",),
    "notices.settings": ("/notifications",),
    "notices.delivery": ("/admin/notifications",),
    "reports.page": ("/reports", "/reports?period=day", "/reports?period=free"),
    "reports.mail": ("/reports/mail",),
    "reports.letterhead": ("/reports/letterhead",),
    "residents.log": ("/log", "/log?date=2001-01-01"),
    "residents.numbers": ("/log/numbers",),
    "residents.cameras": ("/transparency",),
    "residents.sign": ("/cameras/{camera}/sign",),
    "feedback.page": ("/feedback",),
    "feedback.inbox": ("/feedback/inbox",),
    "admin.cameras": ("/admin/cameras",),
    "admin.camera": ("/admin/cameras/{camera}",),
    "admin.new_camera": ("/admin/new-camera",),
    "admin.audit_log": ("/admin/audit",),
    "versions.compare": ("/admin/cameras/{camera}/compare?old=1&new=2",),
    "what_if.page": ("{what_if}",),
    "devices.devices": ("/admin/devices",),
    "users.users": ("/admin/users",),
    "retention.overview": ("/admin/retention",),
}
"""Addresses of each page, with a second one where it looks different."""

SHOWN_ELSEWHERE: Final = {
    "sign_in.second_factor": "test_signing_in.py",
    "sign_in.setup": "test_signing_in.py",
    "account.totp": "test_signing_in.py",
}
"""Pages in the midst of something, and where axe looks at them."""

NO_PAGES: Final = frozenset(
    {
        *("static", "pages.start", "pwa.manifest", "pwa.worker"),
        *("sign_in.oidc", "sign_in.oidc_callback"),  # they only lead elsewhere
        *("monitoring.readyz", "monitoring.metrics", "push.site_key"),
        *("police.cards", "police.viewers", "map.tiles", "live.live", "live.media"),  # parts and pictures of pages
        *("look.frame", "look.still", "editor.schema", "what_if.text_of", "reports.file"),
    }
)
"""Of programs, and files; those of the devices' API are not named."""


def without_a_line() -> set[str]:
    """Endpoints that answer to GET and stand in no table here."""
    known = PAGES.keys() | SHOWN_ELSEWHERE.keys() | NO_PAGES
    gets = {name.removeprefix("GET ") for name in ROUTES if name.startswith("GET ")}
    return {endpoint for endpoint in gets ^ known if not endpoint.startswith("api.")}


def pages_of(reader: str) -> list[tuple[str, bool]]:
    """The addresses that somebody may open, each with whether nobody before `reader` in `READERS` is shown it."""
    found = []
    for endpoint, addresses in PAGES.items():
        may = [name for name in READERS if name in ROUTES[f"GET {endpoint}"].who]
        if endpoint == "pages.login":  # whoever is signed in is led on to the own first page
            may = [STRANGER]
        if reader in may:
            found += [(address, reader in (may[0], STRANGER)) for address in addresses]
    return found
