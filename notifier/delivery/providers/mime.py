"""A mail as bytes for SMTP and files: what a batch shares is encoded once, then the person's own is put in."""

import re
from binascii import b2a_qp
from collections.abc import Mapping
from datetime import datetime
from email.header import Header
from email.utils import format_datetime

from notifier.delivery.providers.headers import message_id, person_headers
from notifier.delivery.providers.sender import Sender
from notifier.delivery.providers.types import OutgoingBatch, Recipient
from notifier.digests.tags import TAGS

BOUNDARY = "=_notifier_alternative"  # "=_" cannot occur in quoted-printable, whatever the text says
SOFT_BREAK = b"=\r\n"
LONGEST_SUBJECT_LINE = 900  # RFC 5322 allows 998 with the name
LONGEST_LINE = 76  # RFC 2045, section 6.7, with the "=" of a soft break
_ANY_TAG = re.compile(f"({'|'.join(TAGS)})")


class SharedMail:
    """One edition's mail without its person."""

    def __init__(self, batch: OutgoingBatch, sender: Sender, now: datetime) -> None:
        self._host = sender.host
        self._head = _shared_head(batch.subject, sender, now)
        self._pieces, self._tags = _body_pieces(batch)

    def for_person(self, person: Recipient) -> bytes:
        delivery_id = str(person.delivery_id)
        own = {
            "To": person.email,
            "Message-ID": message_id(delivery_id, self._host),
            **person_headers(delivery_id, person.unsubscribe_url, self._host),
        }
        links = {
            tag: SOFT_BREAK + _soft_lines(url.encode("ascii")) + SOFT_BREAK
            for tag, url in person.links.items()
        }
        body = [
            part for piece, tag in zip(self._pieces, self._tags, strict=False) for part in (piece, links[tag])
        ]
        return b"".join([self._head, _header_lines(own), b"\r\n", *body, self._pieces[-1]])


def _shared_head(subject: str, sender: Sender, now: datetime) -> bytes:
    """Written by hand: the standard library's header objects take a millisecond, which each edition would pay."""
    shared = {
        "From": str(sender.mailbox),
        "Reply-To": str(sender.reply_to),
        "Subject": _subject(subject),
        "Date": format_datetime(now),
        "MIME-Version": "1.0",
        "Content-Type": f'multipart/alternative; boundary="{BOUNDARY}"',
    }
    return _header_lines(shared)


def _subject(subject: str) -> str:
    """As it is, unless it has other letters, is too long for a line, or would be taken for an encoded word."""
    if subject.isascii() and len(subject) < LONGEST_SUBJECT_LINE and "=?" not in subject:
        return subject
    return Header(subject, "utf-8", header_name="Subject").encode(linesep="\r\n")


def _header_lines(headers: Mapping[str, str]) -> bytes:
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode("ascii")


def _body_pieces(batch: OutgoingBatch) -> tuple[list[bytes], list[str]]:
    """The whole body, cut where the person's links belong, and the tags that stood between the pieces."""
    pieces: list[bytes] = [b""]
    tags: list[str] = []
    for subtype, content in (("plain", batch.text), ("html", batch.html)):
        parts = _ANY_TAG.split(content)
        first, *rest = map(_quoted, parts[::2])
        pieces[-1] += _part_head(subtype) + first
        pieces += rest
        tags += parts[1::2]
        pieces[-1] += b"\r\n"
    pieces[-1] += f"--{BOUNDARY}--\r\n".encode("ascii")
    return pieces, tags


def _part_head(subtype: str) -> bytes:
    return (
        f"--{BOUNDARY}\r\n"
        f'Content-Type: text/{subtype}; charset="utf-8"\r\n'
        "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
    ).encode("ascii")


def _quoted(text: str) -> bytes:
    """Quoted-printable with room for a soft break after it."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").encode()
    quoted = b2a_qp(lines, istext=True).replace(b"\n", b"\r\n")
    last = quoted[quoted.rfind(b"\n") + 1 :]
    return quoted if len(last) < LONGEST_LINE else quoted[: -len(last)] + _halves(last)


def _halves(line: bytes) -> bytes:
    """Break a full line in its middle, never inside an escape such as =C3."""
    middle = len(line) // 2
    escape = line.rfind(b"=", middle - 2, middle)
    cut = middle if escape < 0 else escape
    return line[:cut] + SOFT_BREAK + line[cut:]


def _soft_lines(text: bytes) -> bytes:
    step = LONGEST_LINE - 1
    return SOFT_BREAK.join(text[start : start + step] for start in range(0, len(text), step))
