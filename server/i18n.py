"""Languages: which one a request speaks, its catalogue, and dates and numbers as that language writes them.

Catalogues are the `.po` files below `translations/`, one for each part of the product and together one catalogue. They
are read once when an app is made, so there is no compiled file to forget. Message ids are symbolic
(`incident.acknowledge`), so that Vietnamese, the first language, is as much a translation as English and a missing
string is seen at once (`tests/unit/test_translations.py`).
"""

from __future__ import annotations

import io
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from urllib.parse import parse_qs
from zoneinfo import ZoneInfo

from babel import dates, numbers
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations
from flask import Flask, g, request

from contract.rules.base import Language

LOCALES: tuple[Language, ...] = ("vi", "en")
NAMES: dict[Language, str] = {"vi": "Tiếng Việt", "en": "English"}
"""What each language calls itself."""
COOKIE = "langan_lang"
COOKIE_AGE_S = 365 * 24 * 3600
SITE_ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
_FOLDER = Path(__file__).parent / "translations"
_DATETIME = {"vi": "HH:mm:ss, dd/MM/yyyy", "en": "d MMM yyyy, HH:mm:ss"}
MINUTE_FORMATS = {"vi": "HH:mm, dd/MM/yyyy", "en": "d MMM yyyy, HH:mm"}


def read_catalogue(locale: str) -> Catalog:
    """Read a language's catalogue out of its files.

    Raises:
        FileNotFoundError: There is no catalogue for the locale.
        ValueError: Two files have the same message.
        babel.messages.pofile.PoFileError: A file is not a valid catalogue.
    """
    files = sorted((_FOLDER / locale / "LC_MESSAGES").glob("*.po"))
    if not files:
        raise FileNotFoundError(f"no catalogue for {locale!r} in {_FOLDER}")
    merged = _read_part(files[0], locale)
    for path in files[1:]:
        part = _read_part(path, locale)
        for message in part:
            if message.id and message.id in merged:
                raise ValueError(f"{path}: {message.id!r} is in another file, too: keep one of them")
            if message.id:
                merged[message.id] = message
        merged.obsolete.update(part.obsolete)
    return merged


def _read_part(path: Path, locale: str) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=locale, abort_invalid=True)


@cache
def translations(locale: str) -> Translations:
    """A language's strings, ready for look-up."""
    compiled = io.BytesIO()
    write_mo(compiled, read_catalogue(locale))
    compiled.seek(0)
    return Translations(fp=compiled)


def current_locale() -> Language:
    """The language of this request: `?lang=`, the user's setting, the cookie, then the site's language."""
    if "locale" not in g:
        asked = request.args.get("lang") or _of_the_form()
        candidates = (asked, g.get("user_locale"), request.cookies.get(COOKIE), g.get("site_locale"))
        g.locale = next((locale for item in candidates for locale in LOCALES if item == locale), LOCALES[0])
    chosen: Language = g.locale
    return chosen


def _of_the_form() -> str | None:
    """The language that the address of a form's page asked for: the answer to the form is read by the same person."""
    referrer = request.referrer or "" if request.method == "POST" else ""
    if not referrer.startswith(request.host_url):
        return None
    try:
        asked = parse_qs(referrer.partition("?")[2].partition("#")[0], max_num_fields=50).get("lang", [])
    except ValueError:
        return None
    return asked[0] if asked else None


def gettext(msgid: str, **values: object) -> str:
    """Translate a message id and fill in its values (`%(name)s`)."""
    text = translations(current_locale()).gettext(msgid)
    return text % values


def ngettext(singular: str, plural: str, num: float, **values: object) -> str:
    """Translate a message id that has a plural; `%(num)s` is the number, written as the language writes it."""
    # A quantity with decimals ("0.5 seconds") takes the plural in English; Vietnamese has one form.
    count = int(num) if num == int(num) else 2
    text = translations(current_locale()).ngettext(singular, plural, count)
    return text % {"num": number(num), **values}


def local(at: datetime) -> datetime:
    """A time in the site's zone."""
    return at.astimezone(SITE_ZONE)


def number(value: float, digits: int = 1) -> str:
    """A number as the language writes it, with at most `digits` decimals."""
    return numbers.format_decimal(round(value, digits), locale=current_locale())


def format_time(at: datetime) -> str:
    """Date and time to the second, in the site's zone."""
    locale = current_locale()
    return dates.format_datetime(at, _DATETIME[locale], tzinfo=SITE_ZONE, locale=locale)


def format_minute(at: datetime) -> str:
    """Date and time to the minute, in the site's zone."""
    locale = current_locale()
    return dates.format_datetime(at, MINUTE_FORMATS[locale], tzinfo=SITE_ZONE, locale=locale)


def format_brief(at: datetime, now: datetime | None = None) -> str:
    """The time to the minute, with the date where it is not today's in the site's zone."""
    if local(at).date() != local(now or datetime.now(UTC)).date():
        return format_minute(at)
    return dates.format_time(at, "HH:mm", tzinfo=SITE_ZONE, locale=current_locale())


def format_relative(at: datetime, now: datetime | None = None) -> str:
    """How long ago, in words ("3 phút trước")."""
    delta = at - (now or datetime.now(UTC))
    return dates.format_timedelta(delta, add_direction=True, locale=current_locale(), threshold=0.9)


def format_duration(seconds: float) -> str:
    """A duration in words: "85 giây" up to two minutes, then minutes, then hours and minutes."""
    seconds = max(0.0, seconds)
    if seconds < 10:
        return ngettext("duration.seconds", "duration.seconds.many", round(seconds, 1))
    if seconds < 120:
        return ngettext("duration.seconds", "duration.seconds.many", round(seconds))
    minutes = round(seconds / 60)
    if minutes < 120:
        return ngettext("duration.minutes", "duration.minutes.many", minutes)
    hours, rest = divmod(minutes, 60)
    words = ngettext("duration.hours", "duration.hours.many", hours)
    return f"{words} {ngettext('duration.minutes', 'duration.minutes.many', rest)}" if rest else words


def weekday(day: int) -> str:
    """The short name of a day of the week; 0 is Monday."""
    return str(dates.get_day_names("abbreviated", locale=current_locale())[day])


def init_app(app: Flask, site_locale: str) -> None:
    """Read every catalogue, and give the templates their functions and filters."""
    for locale in LOCALES:
        translations(locale)
    app.jinja_env.add_extension("jinja2.ext.i18n")
    # The jinja extension's own callables: `{% trans %}`, `_()`, `ngettext()`; values are escaped by autoescape.
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]  # added by the extension at run time
        lambda msgid: translations(current_locale()).gettext(msgid),
        lambda one, many, count: translations(current_locale()).ngettext(one, many, count),
        newstyle=True,
    )
    app.jinja_env.filters.update(
        when=format_time,
        minute=format_minute,
        brief=format_brief,
        ago=format_relative,
        duration=format_duration,
        number=number,
    )

    @app.before_request
    def _remember_site_locale() -> None:
        g.site_locale = site_locale

    @app.context_processor
    def _locale() -> dict[str, object]:
        locale = current_locale()
        other = next(item for item in LOCALES if item != locale)
        return {
            "locale": locale,
            "other_locale": other,
            "other_locale_name": NAMES[other],
        }
