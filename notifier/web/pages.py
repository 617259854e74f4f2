"""HTML pages: plain words, no script, nothing from elsewhere."""

from functools import lru_cache, partial
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import HTMLResponse

from notifier.languages.language import Language
from notifier.languages.messages import Message, Value, told_value
from notifier.languages.templates import speak
from notifier.web.negotiation import address, depends_on_browser, elsewise, language_for
from notifier.web.service import service_of
from notifier.web.styles import STYLE, TEMPLATES
from notifier.web.words import OFTEN, frequency_words, hour_words, quiet_words

FRAMED = "/subscribe/embed"  # the one page that the site may show inside its own


def page(
    request: Request,
    name: str,
    status: int = 200,
    *,
    after: BackgroundTask | None = None,
    language: Language | None = None,
    **values: Any,
) -> HTMLResponse:
    """`after` is done when the answer has gone out."""
    service = service_of(request)
    spoken = language or language_for(request)
    html = (
        _templates(spoken)
        .get_template(f"{name}.html")
        .render(
            site=service.site_name,
            help_address=service.help_address,
            root=service.root,
            at=partial(address, request),
            elsewise=[] if language else elsewise(request),
            **({"framed": True} if request.url.path == FRAMED else {}),
            **values,
        )
    )
    headers = {"content-language": spoken.locale}
    if not language and depends_on_browser(request):
        headers["vary"] = "accept-language"
    return HTMLResponse(html, status_code=status, headers=headers, background=after)


@lru_cache(64)
def _templates(language: Language) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals |= {
        "style": Markup(STYLE),  # noqa: S704 - our own file
        "language": language,
        "frequency_words": frequency_words(language),
        "often": {frequency: words.told(language) for frequency, words in OFTEN.items()},
        "framed": False,
        "errors": (),
    }
    environment.filters |= {
        "theirs": theirs,
        "strong": _strong,
        "mail_link": _mail_link,
        "told": partial(_told, language),
        "hour_words": partial(hour_words, language=language),
        "quiet_words": partial(quiet_words, language=language),
    }
    return speak(environment, language)


def theirs(text: str) -> Markup:
    """Others' words inside of ours, which may run the other way."""
    return Markup(f'<span dir="auto">{escape(text)}</span>')  # noqa: S704


def _strong(text: str) -> Markup:
    return Markup(f'<strong dir="auto">{escape(text)}</strong>')  # noqa: S704


def _mail_link(to: str) -> Markup:
    return Markup(f'<a href="mailto:{escape(to)}" dir="ltr">{escape(to)}</a>')  # noqa: S704


def _told(language: Language, message: Message) -> Markup:
    """A text among its values is of others."""
    return escape(language.gettext(message.text)) % {
        name: _value(value, language) for name, value in message.values.items()
    }


def _value(value: Value, language: Language) -> str:
    if isinstance(value, Message):
        return _told(language, value)
    return theirs(value) if isinstance(value, str) else told_value(value, language)
