"""The last look at a batch before it leaves: what no provider may be handed.

Addresses are checked strictly at sign-up and in the claim. One slip here would make SendGrid refuse a whole
call or break a header, so what is not plainly safe is refused for that person alone.
"""

import re
from uuid import UUID

from notifier.delivery.providers.types import OutgoingBatch, Recipient
from notifier.digests.tags import TAGS

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]"
_ADDRESS = re.compile(
    rf"{_ATOM}(?:[A-Za-z0-9.!#$%&'*+/=?^_`{{|}}~-]{{0,62}}{_ATOM})?"
    r"@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?"
)
LONGEST_ADDRESS = 254
_LINK = re.compile(r"https?://[A-Za-z0-9._~:/@%\[\]-]+")
LONGEST_LINK = 800


def is_address(text: str) -> bool:
    """In plain ASCII, without a name, quotes or comments."""
    return len(text) <= LONGEST_ADDRESS and ".." not in text and _ADDRESS.fullmatch(text) is not None


def is_link(text: str) -> bool:
    """Nothing in it needs escaping in HTML, in JSON or in quoted-printable, and it fits a header line."""
    return len(text) <= LONGEST_LINK and _LINK.fullmatch(text) is not None


def sendable(batch: OutgoingBatch) -> tuple[list[Recipient], dict[UUID, str]]:
    """Split its people into those who can be mailed and those who cannot (with why)."""
    good: list[Recipient] = []
    refused: dict[UUID, str] = {}
    seen: set[str] = set()
    tags = {tag for tag in TAGS if tag in batch.text or tag in batch.html}
    for person in batch.recipients:
        key = person.email.casefold()
        if reason := _problem(person, tags) or ("address twice in one batch" if key in seen else None):
            refused[person.delivery_id] = reason
            continue
        seen.add(key)
        good.append(person)
    return good, refused


def _problem(person: Recipient, tags: set[str]) -> str | None:
    if not is_address(person.email):
        return "address is not fit for sending"
    if not tags <= person.links.keys():
        return "a link is missing"
    if not all(map(is_link, person.links.values())):
        return "link is not fit for a header"
    return None


def batch_problem(batch: OutgoingBatch) -> str | None:
    """Why this text can go to nobody, if so."""
    if not (batch.subject.strip() and batch.text.strip() and batch.html.strip()):
        return "subject, text or HTML is empty"
    if not batch.subject.isprintable():
        return "subject holds a line break or another control character"
    try:
        (batch.subject + batch.text + batch.html).encode()
    except UnicodeEncodeError:
        return "text holds half a character"
    return None
