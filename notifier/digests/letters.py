"""Letters: what each of them says, and how it is rendered. Pure, as the rendering of digests is."""

from dataclasses import dataclass
from typing import Literal

from notifier.digests.content import RenderedMail
from notifier.digests.rendering import filled, inlined
from notifier.digests.tags import CONFIRM_TAG, MANAGE_TAG
from notifier.digests.text import clean, one_line
from notifier.digests.vocabulary import WORDS
from notifier.languages.catalogue import language_of
from notifier.languages.language import Language
from notifier.settings import Settings

LetterKind = Literal["confirm", "already", "welcome", "manage_link", "stopped"]
TITLE_LIMIT = 200
WISHES = 20  # named one by one


@dataclass(frozen=True, slots=True)
class Wish:
    """Something that was asked for: `label` is a study's title or a condition; `nct_id` is empty for a condition.

    Without either it is a condition in somebody's own words: the page behind the link shows them, the mail does not.
    """

    label: str = ""
    nct_id: str = ""


@dataclass(frozen=True, slots=True)
class LetterContent:
    """`already` answers a sign-up in which all that was asked for is on its way already. The wishes of a `welcome`
    are all that its reader follows."""

    kind: LetterKind
    locale: str
    wishes: tuple[Wish, ...] = ()
    frequency: str = ""


@dataclass(frozen=True, slots=True)
class LetterView:
    """All that the letters' templates read."""

    locale: str
    direction: str
    subject: str
    headline: str
    preheader: str
    studies: tuple[Wish, ...]
    conditions: tuple[str, ...]
    typed: int
    more: int
    how_often: str
    link: str
    reply_to: str
    postal_address: str
    terms_url: str
    privacy_url: str


def render_letter(content: LetterContent, settings: Settings) -> RenderedMail:
    """Raises NotifierError for a template that cannot be filled."""
    language = language_of(content.locale)
    subject = one_line(filled(f"{content.kind}/subject.txt", language))
    view = _view(content, subject, settings, language)
    return RenderedMail(
        subject=subject,
        text=filled(f"{content.kind}/body.txt", language, mail=view).strip() + "\n",
        html=inlined(f"{content.kind}/body.html", language, mail=view),
    )


def _view(content: LetterContent, subject: str, settings: Settings, language: Language) -> LetterView:
    words, named = WORDS["letters"][content.kind], content.wishes[:WISHES]
    often = WORDS["frequencies"].get(content.frequency)
    return LetterView(
        locale=language.locale,
        direction=language.direction,
        subject=subject,
        headline=language.gettext(words["headline"]),
        preheader=language.gettext(words["preheader"]),
        studies=tuple(Wish(clean(wish.label, TITLE_LIMIT), wish.nct_id) for wish in named if wish.nct_id),
        conditions=tuple(clean(wish.label, TITLE_LIMIT) for wish in named if wish.label and not wish.nct_id),
        typed=named.count(Wish()),
        more=len(content.wishes) - len(named),
        how_often=language.gettext(often) if often else "",
        link=CONFIRM_TAG if content.kind == "confirm" else MANAGE_TAG,
        reply_to=settings.mail_reply_to,
        postal_address=settings.postal_address,
        terms_url=settings.terms_url,
        privacy_url=settings.privacy_url,
    )
