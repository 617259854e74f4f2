"""GET /dev/mails: every mail with made-up studies, as its readers see it. Only where DEV_PAGES is on."""

import re
from dataclasses import dataclass
from html import escape, unescape
from typing import Any

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from notifier.digests import rendering
from notifier.digests.content import RenderedMail
from notifier.digests.samples import MAILS, render_sample
from notifier.errors import NotifierError
from notifier.languages import catalogue
from notifier.web.forms import PlainRoute
from notifier.web.pages import page
from notifier.web.service import service_of
from notifier.web.styles import STYLE, TEMPLATES, style_hash

SCHEMES = ("light", "dark")
SCREENS = {"phone": 320, "desk": 640}
MOST_HTML_KB = 80  # Gmail cuts off what is longer than about 100 KB, headers and encoding included
_PREHEADER = re.compile(r'class="preheader"[^>]*>\s*([^\n<]*)')
_DARK_QUERY = "@media (prefers-color-scheme: dark)"
_EITHER_SCHEME = re.compile(r'(color-scheme(?:: |" content="))light dark')
_STYLE = STYLE + (TEMPLATES / "dev.css").read_text("utf-8")
_PAGE_POLICY = (
    f"default-src 'none'; style-src '{style_hash(_STYLE)}'; frame-src 'self'; form-action 'none'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; sandbox; form-action 'none'; "
    "frame-ancestors 'self'; base-uri 'none'"
)


@dataclass(frozen=True)
class Shown:
    name: str
    mail: RenderedMail | None
    fault: str = ""

    @property
    def sizes(self) -> dict[str, str]:
        parts = {"HTML": self.mail.html, "text": self.mail.text} if self.mail else {}
        return {name: f"{len(part.encode()) / 1000:.1f}" for name, part in parts.items()}

    @property
    def preheader(self) -> str:
        found = _PREHEADER.search(self.mail.html) if self.mail else None
        return unescape(found[1]).strip() if found else ""


def show_list(request: Request) -> Response:
    locale = _locale(request)
    mails = [_rendered(request, name, locale) for name in MAILS]
    return _page(request, "dev_mails", locale, mails=mails)


def show_mail(request: Request) -> Response:
    name, locale = request.path_params["name"], _locale(request)
    if name not in MAILS:
        return page(request, "not_found", 404)
    shown, names = _rendered(request, name, locale), list(MAILS)
    place = names.index(name)
    near = {"Before": names[place - 1] if place else "", "Next": "".join(names[place + 1 : place + 2])}
    return _page(
        request,
        "dev_mail",
        locale,
        shown=shown,
        near=near,
        schemes=SCHEMES,
        screens=SCREENS,
        most_kb=MOST_HTML_KB,
    )


def show_html(request: Request) -> Response:
    """The HTML part alone. Nothing in it can run, load, or be sent anywhere."""
    name, scheme = request.path_params["name"], request.query_params.get("scheme", "")
    if name not in MAILS:
        return page(request, "not_found", 404)
    shown = _rendered(request, name, _locale(request))
    html = in_scheme(shown.mail.html, scheme) if shown.mail else escape(shown.fault)
    return HTMLResponse(html, headers={"content-security-policy": MAIL_POLICY})


def in_scheme(html: str, scheme: str) -> str:
    """The mail as a reader with this colour scheme sees it, whatever ours is."""
    if scheme not in SCHEMES:
        return html
    html = html.replace(_DARK_QUERY, "@media all" if scheme == "dark" else "@media not all")
    return _EITHER_SCHEME.sub(rf"\g<1>{scheme}", html)


def _rendered(request: Request, name: str, locale: str) -> Shown:
    """Whoever edits a template wants to read what is wrong with it."""
    try:
        return Shown(name, render_sample(name, service_of(request).settings, locale))
    except NotifierError as error:
        return Shown(name, None, error.message)


def _locale(request: Request) -> str:
    """Of what is shown, as templates and translations are now: somebody may be editing them."""
    rendering.forget()
    catalogue.forget()
    asked = request.query_params.get("locale", "")
    return asked if asked in catalogue.locales() else "en"


def _page(request: Request, name: str, locale: str, **values: Any) -> Response:
    answer = page(
        request,
        name,
        language=catalogue.language_of(catalogue.ENGLISH),
        style=Markup(_STYLE),  # noqa: S704 - our own file
        locale=locale,
        locales=catalogue.locales(),
        **values,
    )
    answer.headers["content-security-policy"] = _PAGE_POLICY
    return answer


routes = [
    PlainRoute("/dev/mails", show_list, methods=["GET"]),
    PlainRoute("/dev/mails/{name}", show_mail, methods=["GET"]),
    PlainRoute("/dev/mails/{name}/html", show_html, methods=["GET"]),
]
