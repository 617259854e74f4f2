"""All that the digest's templates read. A template can show nothing that does not stand here."""

from collections.abc import Callable, Iterable, Sequence
from typing import Literal, NamedTuple

from notifier.digests.cards import CardLinks, choice
from notifier.digests.collapse import collapse
from notifier.digests.content import EditionContent, Item, NothingToSay
from notifier.digests.glossary import Explained, explain
from notifier.digests.outline import CARDS, Outline, in_order, outline
from notifier.digests.subjects import headline, is_ending, preheader, subject
from notifier.digests.tags import MANAGE_TAG, UNSUBSCRIBE_TAG
from notifier.digests.text import one_line
from notifier.languages.language import Language
from notifier.settings import Settings

LONG = 4  # cards from which the link to stop stands near the top too
CHOICES = 20  # of the reader's own, named in the footer, of each kind
ItemToken = Callable[[int], str]
"""Of a target's id: what stands behind the reader's own link where it is to stop that target alone."""


class DigestView(NamedTuple):
    """`mail` is the folder of its templates: that a study has ended, and nothing else, is told by a mail of its own."""

    mail: Literal["digest", "ended"]
    locale: str
    direction: str
    subject: str
    headline: str
    preheader: str
    outline: Outline
    glossary: tuple[Explained, ...]
    studies: tuple[str, ...]
    conditions: tuple[str, ...]
    more: int  # of either, not named
    is_long: bool
    unsubscribe_url: str
    manage_url: str
    reply_to: str
    postal_address: str
    terms_url: str
    privacy_url: str


def digest_view(
    content: EditionContent, settings: Settings, item_token: ItemToken, language: Language, cards: int = CARDS
) -> DigestView:
    """Raises NothingToSay when all changes cancel out."""

    def stop_url(target_id: int) -> str:
        return f"{UNSUBSCRIBE_TAG}/{item_token(target_id)}"

    items = in_order(collapse(content.items))
    if not items:
        raise NothingToSay("Every change in this edition cancelled out.", "Skip its deliveries.")
    shown = outline(items, CardLinks(settings.site_study_url, stop_url), language, cards)
    if is_ending(items):  # says below the card how to follow new studies
        shown = shown._replace(followed=tuple(card._replace(manage_url="") for card in shown.followed))
    studies, conditions = _choices(items, "study", language), _choices(items, "condition", language)
    return DigestView(
        mail="ended" if is_ending(items) else "digest",
        locale=language.locale,
        direction=language.direction,
        subject=one_line(subject(items, language, with_titles=content.titles_in_subject)),
        headline=headline(items, language),
        preheader=preheader(items, language),
        outline=shown,
        glossary=explain(_hard_text(shown), language),
        studies=studies[:CHOICES],
        conditions=conditions[:CHOICES],
        more=len(studies[CHOICES:]) + len(conditions[CHOICES:]),
        is_long=len(shown.cards) >= LONG,
        unsubscribe_url=UNSUBSCRIBE_TAG,
        manage_url=MANAGE_TAG,
        reply_to=settings.mail_reply_to,
        postal_address=settings.postal_address,
        terms_url=settings.terms_url,
        privacy_url=settings.privacy_url,
    )


def _hard_text(shown: Outline) -> Iterable[str]:
    for card in shown.cards:
        yield card.title
        yield card.summary
        for _, text in card.parts:
            yield text


def _choices(items: Sequence[Item], kind: str, language: Language) -> tuple[str, ...]:
    """What the reader asked for and got something about, in their own choice of words."""
    labels = {reason.label: None for item in items for reason in item.reasons if reason.kind == kind}
    return tuple(choice(label, language) for label in labels)
