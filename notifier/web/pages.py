"""HTML pages: plain words, no script, nothing from elsewhere."""

from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

from notifier.web.service import service_of
from notifier.web.styles import STYLE, TEMPLATES

_TEMPLATES = Environment(
    loader=FileSystemLoader(TEMPLATES),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
_TEMPLATES.globals["style"] = Markup(STYLE)  # noqa: S704 - our own file


def page(request: Request, name: str, status: int = 200, **values: Any) -> HTMLResponse:
    service = service_of(request)
    html = _TEMPLATES.get_template(f"{name}.html").render(
        site=service.site_name, help_address=service.help_address, **values
    )
    return HTMLResponse(html, status_code=status)
