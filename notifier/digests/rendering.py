"""From content to mail. Pure: the same content and settings give the same bytes, with no clock and no chance.

The templates are filled first and the finished HTML is inlined then: inlining a template's source moves its
loops out of the tables.
"""

from pathlib import Path
from typing import Any

import css_inline
from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError, select_autoescape

from notifier.digests.content import EditionContent, RenderedMail
from notifier.digests.text import underline, wrap
from notifier.digests.view import digest_view
from notifier.errors import NotifierError
from notifier.settings import Settings

_MISTAKES = (LookupError, TypeError, ValueError, AttributeError)
TEMPLATES = Path(__file__).parents[2] / "templates" / "email"


def render(content: EditionContent, settings: Settings) -> RenderedMail:
    """Subject, text and HTML of a digest.

    Raises NothingToSay for an edition in which all cancels out, NotifierError for content that cannot be
    told and for a template that cannot be filled.
    """
    try:
        view = digest_view(content, settings)
    except _MISTAKES as error:
        raise NotifierError(
            f"An edition holds a change or a study of a shape that has no words ({type(error).__name__}).",
            "Look at its change events, correct what made them, then retry the delivery.",
        ) from error
    return fill("digest", mail=view)


def fill(mail_name: str, **values: Any) -> RenderedMail:
    """The three files of templates/email/<mail_name>/."""
    return RenderedMail(
        subject=_fill(f"{mail_name}/subject.txt", values).strip(),
        text=_fill(f"{mail_name}/body.txt", values).strip() + "\n",
        html=_INLINER.inline(_fill(f"{mail_name}/body.html", values)),
    )


def _fill(template: str, values: dict[str, Any]) -> str:
    try:
        return _TEMPLATES.get_template(template).render(values)
    except (TemplateError, *_MISTAKES) as error:
        reason = isinstance(error, TemplateError) and error.message  # all else may hold what people wrote
        raise NotifierError(
            f"The mail template {template} could not be filled: {reason or type(error).__name__}.",
            "Correct the template in templates/email/, then retry the delivery.",
        ) from error


def _refuse_none(value: Any) -> Any:
    """`None` in a mail is a mistake as much as a name that is not there."""
    if value is None:
        raise TemplateError("a value is None")
    return value


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        autoescape=select_autoescape(("html",)),
        finalize=_refuse_none,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters.update(wrap=wrap, underline=underline)
    return environment


_TEMPLATES = _environment()
_INLINER = css_inline.CSSInliner(keep_style_tags=False, keep_link_tags=False, load_remote_stylesheets=False)
