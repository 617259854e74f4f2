"""HTML pages: plain words, no script, nothing from elsewhere."""

from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import HTMLResponse

from notifier.web.service import service_of
from notifier.web.styles import STYLE, TEMPLATES
from notifier.web.words import FREQUENCY_WORDS, hour_words, long_date, quiet_words

_TEMPLATES = Environment(
    loader=FileSystemLoader(TEMPLATES),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
_TEMPLATES.globals |= {
    "style": Markup(STYLE),  # noqa: S704 - our own file
    "frequency_words": FREQUENCY_WORDS,
    "framed": False,
    "errors": (),
}
_TEMPLATES.filters |= {
    "long_date": long_date,
    "hour_words": hour_words,
    "quiet_words": quiet_words,
}
FRAMED = "/subscribe/embed"  # the one page that the site may show inside its own


def page(
    request: Request, name: str, status: int = 200, *, after: BackgroundTask | None = None, **values: Any
) -> HTMLResponse:
    """`after` is done when the answer has gone out."""
    service = service_of(request)
    html = _TEMPLATES.get_template(f"{name}.html").render(
        site=service.site_name,
        help_address=service.help_address,
        root=service.root,
        **({"framed": True} if request.url.path == FRAMED else {}),
        **values,
    )
    return HTMLResponse(html, status_code=status, background=after)
