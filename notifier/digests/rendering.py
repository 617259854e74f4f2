"""From content to mail. Pure: the same content and settings give the same bytes, with no clock and no chance.

The templates are filled first and the finished HTML is inlined then: inlining a template's source moves its
loops out of the tables.
"""

from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from functools import cache, lru_cache
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import css_inline
from jinja2 import (
    Environment,
    FileSystemLoader,
    StrictUndefined,
    Template,
    TemplateError,
    select_autoescape,
)
from markupsafe import Markup, escape

from notifier.digests import pieces
from notifier.digests.cards import CardView
from notifier.digests.content import EditionContent, RenderedMail
from notifier.digests.outline import CARDS
from notifier.digests.view import DigestView, ItemToken, digest_view
from notifier.errors import NotifierError
from notifier.languages.catalogue import language_of, locales
from notifier.languages.language import Language
from notifier.languages.templates import speak
from notifier.settings import Settings

_MISTAKES = (LookupError, TypeError, ValueError, AttributeError)
TEMPLATES = Path(__file__).parents[2] / "templates" / "email"
MOST_BYTES = 80_000  # of HTML; some mail programs cut off what is longer, and the link to stop with it
_CARDS = (CARDS, 8, 6, 4, 2, 1)  # fewer are tried while a mail is too large
KEPT_CARDS, KEPT_FRAMES = 1024, 256  # each a few kilobytes
_MAKING = Lock()


def render(content: EditionContent, settings: Settings, item_token: ItemToken) -> RenderedMail:
    """Subject, text and HTML of a digest.

    Raises NothingToSay for an edition in which all cancels out, NotifierError for content that cannot be
    told and for a template that cannot be filled.
    """
    language = language_of(content.locale)
    for cards in _CARDS:
        view = _view(content, settings, item_token, language, cards)
        around, its_pieces = pieces.split(view, lambda study: _card_piece(study, language))
        frames = _frames(around, language)
        html = pieces.join_html(frames.html, its_pieces)
        if not _is_too_large(html):
            break
    return RenderedMail(subject=frames.subject, text=pieces.join_text(frames.text, its_pieces), html=html)


def _view(
    content: EditionContent, settings: Settings, item_token: ItemToken, language: Language, cards: int
) -> DigestView:
    try:
        return digest_view(content, settings, item_token, language, cards)
    except _MISTAKES as error:
        raise NotifierError(
            f"An edition holds a change or a study of a shape that has no words ({type(error).__name__}).",
            "Look at its change events, correct what made them, then retry the delivery.",
        ) from error


def _is_too_large(html: str) -> bool:
    """The common mail is short enough whatever letters it is written in, and is not counted byte by byte."""
    return 4 * len(html) > MOST_BYTES and len(html.encode()) > MOST_BYTES


class _Frames(NamedTuple):
    subject: str
    text: pieces.Frame
    html: pieces.Frame


@lru_cache(KEPT_FRAMES)
def _frames(view: DigestView, language: Language) -> _Frames:
    return _Frames(
        subject=filled(f"{view.mail}/subject.txt", language, mail=view).strip(),
        text=pieces.cut(filled(f"{view.mail}/body.txt", language, mail=view).strip() + "\n"),
        html=pieces.cut(inlined(f"{view.mail}/body.html", language, mail=view)),
    )


def inlined(template: str, language: Language, **values: Any) -> str:
    """HTML for mail programs, which want its styles on each element."""
    return _INLINER.inline(filled(template, language, **values))


@cache
def styles() -> str:
    return (TEMPLATES / "_base" / "mail.css").read_text("utf-8")


@lru_cache(KEPT_CARDS)
def _card_piece(study: CardView, language: Language) -> pieces.Piece:
    return pieces.Piece(
        html=_INLINER.inline_fragment(_card("_base/card.html", study, language), styles()),
        text=_card("_base/card.txt", study, language),
    )


def _card(template: str, study: CardView, language: Language) -> str:
    with _naming(template):
        return str(_template(template, language).module.card(study))  # type: ignore[attr-defined]


def filled(template: str, language: Language, **values: Any) -> str:
    with _naming(template):
        return _template(template, language).render(values)


def compile_templates() -> None:
    """For all languages, which takes a good part of a second: a worker does it once, before it forks."""
    for locale in locales():
        _templates(language_of(locale))


def _template(name: str, language: Language) -> Template:
    with _MAKING:
        environment = _templates(language)
    return environment.get_template(name)


@contextmanager
def _naming(template: str) -> Iterator[None]:
    """Say which template it was that could not be filled."""
    try:
        yield
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


class _Environment(Environment):
    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """Each rendering copies them, which takes ten times as long from Jinja's own chain of two."""
        return {**self.globals, **(d or {})}


def _theirs(text: str) -> Markup:
    """Others' words inside of ours, which may run the other way."""
    return Markup(f'<span dir="auto" class="theirs">{escape(text)}</span>')  # noqa: S704


@cache
def _templates(language: Language) -> Environment:
    """With all templates compiled. Under a lock, or every thread that finds none compiles them for itself."""
    environment = _Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        autoescape=select_autoescape(("html",)),
        finalize=_refuse_none,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters.update(wrap=pieces.wrapped, underline=pieces.underlined, theirs=_theirs)
    speak(environment, language)
    for name in environment.list_templates(("html", "txt", "css")):
        environment.get_template(name)
    return environment


_INLINER = css_inline.CSSInliner(keep_style_tags=False, keep_link_tags=False, load_remote_stylesheets=False)


def forget() -> None:
    """Read the templates and their styles anew: somebody edits them."""
    for kept in (_templates, styles, _frames, _card_piece):
        kept.cache_clear()
