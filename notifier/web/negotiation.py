"""Which language a page has: the one that its link or form asks for, else that of the person whose link it is, else
what their browser prefers, else English.
"""

import re
from functools import lru_cache
from urllib.parse import urlencode

from babel import Locale, UnknownLocaleError
from starlette.requests import Request

from notifier.languages.catalogue import ENGLISH, language_of, locales
from notifier.languages.language import Language
from notifier.web.service import service_of

LANG = "lang"  # in an address, and in a form
MOST_PREFERRED = 10
MOST_KEPT = 50  # fields of an address
MOST_CHARS = 35  # the longest tag that anybody needs (RFC 5646, section 4.4.1)
_PREFERRED = re.compile(r"\s*([A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*|\*)\s*(?:;\s*q=([01](?:\.\d{0,3})?)\s*)?")


def ask_for(request: Request, locale: str) -> None:
    """A form says in which language it was read, or is to be answered."""
    request.state.asked = locale


def read_by(request: Request, locale: str) -> None:
    """The link says who reads this."""
    request.state.reader = locale


def language_for(request: Request) -> Language:
    return _chosen(request) or _preferred(request)


def depends_on_browser(request: Request) -> bool:
    return len(locales()) > 1 and _chosen(request) is None


def _chosen(request: Request) -> Language | None:
    asked = getattr(request.state, "asked", ""), request.query_params.get(LANG, "")
    return next(filter(None, map(ours, (*asked, getattr(request.state, "reader", "")))), None)


def address(request: Request, path: str) -> str:
    """Of another page of ours, in the language of this one."""
    query = f"?{LANG}={language_for(request).locale}" if len(locales()) > 1 else ""
    return f"{service_of(request).root}{path}{query}"


def elsewise(request: Request) -> list[tuple[Language, str]]:
    """The other languages of this page, and where it is in them. Not of an answer to a form, which would be lost."""
    if request.method != "GET" or len(locales()) == 1:
        return []
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != LANG][:MOST_KEPT]
    this = language_for(request)
    others = (language_of(locale) for locale in locales())
    return [(one, f"?{urlencode([*kept, (LANG, one.locale)])}") for one in others if one is not this]


def ours(tag: str) -> Language | None:
    """The language of a tag, as `de` for `de-AT` and `zh-Hant` for `zh-TW`; None for one that we do not have."""
    if not tag or len(tag) > MOST_CHARS:
        return None
    if not any(_first(tag) == _first(locale) for locale in locales()):
        return None
    return _exactly(tag) or _exactly(_whole(tag))


def _first(tag: str) -> str:
    return re.split("[-_]", tag, maxsplit=1)[0].lower()


def _exactly(tag: str) -> Language | None:
    found = language_of(tag)
    return found if found.locale != ENGLISH or _first(tag) == ENGLISH else None


@lru_cache(256)
def _whole(tag: str) -> str:
    """With the script that Unicode takes for granted. Slow, as the files of a language are looked for."""
    try:
        return str(Locale.parse(tag.replace("_", "-"), sep="-"))
    except (ValueError, UnknownLocaleError):
        return ""


def _preferred(request: Request) -> Language:
    """By Accept-Language (RFC 9110, section 12.5.4)."""
    if len(locales()) == 1:
        return language_of(ENGLISH)
    found: Language | None = getattr(request.state, "preferred", None)
    if found is None:
        found = request.state.preferred = _first_of_ours(request.headers.get("accept-language", ""))
    return found


def _first_of_ours(preferred: str) -> Language:
    found = []
    for part in preferred.split(",", MOST_PREFERRED)[:MOST_PREFERRED]:
        if match := _PREFERRED.fullmatch(part):
            found.append((float(match[2] or 1), match[1]))
    for weight, tag in sorted(found, key=lambda one: -one[0]):
        if weight and (language := ours(tag)):
            return language
    return language_of(ENGLISH)
