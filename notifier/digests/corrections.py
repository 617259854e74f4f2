"""Mails in an operator's own words: a correction, or why something was ended. Checked, then rendered; pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from notifier.digests.content import RenderedMail
from notifier.digests.rendering import filled, inlined
from notifier.digests.tags import MANAGE_TAG, UNSUBSCRIBE_TAG
from notifier.digests.text import clean, one_line
from notifier.digests.vocabulary import WORDS
from notifier.errors import NotifierError
from notifier.languages.catalogue import language_of
from notifier.settings import Settings

CorrectionKind = Literal["correction", "withdrawn"]
MOST_CHARS = 4_000
PARAGRAPH_CHARS = 1_000
REASON_CHARS = 300
_LINK = re.compile(r"https?://[\w.~:/%?=&#,+-]+", re.ASCII)
_POINTS_SOMEWHERE = re.compile(r"\S*(?:://|www\.|@|\w\.[^\W\d_]{2,})\S*", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_BLANK_LINE = re.compile(r"\n[ \t]*\n")


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Words, or a link that stands alone."""

    text: str
    is_link: bool = False


@dataclass(frozen=True, slots=True)
class CorrectionContent:
    """`text` has been checked by `checked_text`."""

    kind: CorrectionKind
    locale: str
    text: str


@dataclass(frozen=True, slots=True)
class CorrectionView:
    """All that the templates read."""

    locale: str
    direction: str
    subject: str
    headline: str
    preheader: str
    paragraphs: tuple[Paragraph, ...]
    unsubscribe_url: str
    manage_url: str
    reply_to: str
    postal_address: str
    terms_url: str
    privacy_url: str


def checked_text(text: str, settings: Settings) -> str:
    """The body of a correction, with nothing around it. Raises NotifierError, with what to change."""
    text = text.replace("\r\n", "\n").strip()
    if not text:
        raise NotifierError("The text is empty.", "Write what was wrong and what is right.")
    if len(text) > MOST_CHARS:
        raise NotifierError(
            f"The text has {len(text):,} characters, more than {MOST_CHARS:,}.", "Shorten it."
        )
    if _CONTROL.search(text):
        raise NotifierError("The text holds control characters.", "Save it as plain text.")
    for paragraph in _paragraphs(text):
        if len(paragraph.text) > PARAGRAPH_CHARS:
            raise NotifierError(
                f"A paragraph has more than {PARAGRAPH_CHARS:,} characters.", "Put a blank line into it."
            )
        _check_links(paragraph, settings)
    return text


def checked_reason(text: str) -> str:
    """A sentence for somebody's own page, on one line. Raises NotifierError."""
    line = one_line(text)
    if not line:
        raise NotifierError("The reason is empty.", "Say in a sentence why these updates end.")
    if len(line) > REASON_CHARS:
        raise NotifierError(f"The reason has more than {REASON_CHARS} characters.", "Shorten it.")
    if _CONTROL.search(line) or _POINTS_SOMEWHERE.search(line):
        raise NotifierError("The reason holds an address or a link.", "Write words only.")
    return line


def _check_links(paragraph: Paragraph, settings: Settings) -> None:
    if not paragraph.is_link:
        if found := _POINTS_SOMEWHERE.search(paragraph.text):
            raise NotifierError(
                f"The text holds what looks like a link or an address: {found[0]!a}.",
                "A link stands on a line of its own, with a blank line before and after. No e-mail address: "
                "the one for questions stands below your text. After a full stop, put a space.",
            )
        return
    hosts = sorted(_own_hosts(settings))
    if urlsplit(paragraph.text).hostname not in hosts:
        raise NotifierError("The text links to another site.", f"Link only to {', '.join(hosts)}.")


def _own_hosts(settings: Settings) -> set[str]:
    """Ours and the site's: people shall learn that a mail of ours leads nowhere else."""
    urls = (settings.public_url, settings.site_study_url, settings.terms_url, settings.privacy_url)
    return {host for url in urls if (host := urlsplit(url).hostname)}


def _paragraphs(text: str) -> Iterator[Paragraph]:
    for part in _BLANK_LINE.split(text):
        line = one_line(part)
        if line:
            yield Paragraph(line, _LINK.fullmatch(line) is not None)


def render_correction(content: CorrectionContent, settings: Settings) -> RenderedMail:
    """Raises NotifierError for a template that cannot be filled."""
    language, words = language_of(content.locale), WORDS["corrections"][content.kind]
    subject = one_line(filled(f"{content.kind}/subject.txt", language))
    view = CorrectionView(
        locale=language.locale,
        direction=language.direction,
        subject=subject,
        headline=subject,
        preheader=language.gettext(words["preheader"]),
        paragraphs=tuple(
            one if one.is_link else Paragraph(clean(one.text, PARAGRAPH_CHARS))
            for one in _paragraphs(content.text)
        ),
        unsubscribe_url=UNSUBSCRIBE_TAG,
        manage_url=MANAGE_TAG,
        reply_to=settings.mail_reply_to,
        postal_address=settings.postal_address,
        terms_url=settings.terms_url,
        privacy_url=settings.privacy_url,
    )
    return RenderedMail(
        subject=subject,
        text=filled(f"{content.kind}/body.txt", language, mail=view).strip() + "\n",
        html=inlined(f"{content.kind}/body.html", language, mail=view),
    )
