"""Words of a provider, made fit for logs, tables and the operators' pages."""

import re
from collections.abc import Iterable

from notifier.delivery.providers.types import Recipient

LONGEST = 200
HIDDEN = "[…]"
# Whatever is quoted or bracketed, links, addresses, and long runs that may be a token or a key.
_TELLING = re.compile(
    r"""\[[^\]]*\]|<[^>]*>|"[^"]*"|(?<!\w)'[^']*'(?!\w)|`[^`]*`"""
    r"""|https?://\S+|\S*@\S*|\S*%40\S*|[A-Za-z0-9_-]{24,}"""
)


def scrub(words: str, people: Iterable[Recipient]) -> str:
    """Take out what could tell who the mail was for or what it was about. Fields such as `from.email` stay."""
    words = _TELLING.sub(HIDDEN, words)
    lowered = words.casefold()
    for name in {name for person in people for name in _names(person)}:
        if name in lowered:
            words = re.sub(rf"(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z0-9])", HIDDEN, words, flags=re.I)
    clean = " ".join("".join(char if char.isprintable() else " " for char in words).split())
    return clean if len(clean) <= LONGEST else clean[: LONGEST - 1] + "…"


def _names(person: Recipient) -> tuple[str, str]:
    email = person.email.casefold()
    return email, email.partition("@")[0]
