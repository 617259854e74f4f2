"""A mail as bytes for SMTP and files: what a batch shares is encoded once, then the person's own is put in."""

from binascii import b2a_qp
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP

from notifier.delivery.providers.headers import message_id, person_headers
from notifier.delivery.providers.sender import Sender
from notifier.delivery.providers.types import OutgoingBatch, Recipient
from notifier.digests.tags import UNSUBSCRIBE_TAG

BOUNDARY = "=_notifier_alternative"  # "=_" cannot occur in quoted-printable, whatever the text says
MIME_HEADERS = f'MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary="{BOUNDARY}"\r\n'.encode()
SOFT_BREAK = b"=\r\n"
LONGEST_LINE = 76  # RFC 2045, section 6.7, with the "=" of a soft break


class SharedMail:
    """One edition's mail without its person."""

    def __init__(self, batch: OutgoingBatch, sender: Sender, now: datetime) -> None:
        self._host = sender.host
        self._head = _shared_head(batch.subject, sender, now)
        self._pieces = _body_pieces(batch)

    def for_person(self, person: Recipient) -> bytes:
        own = {
            "To": person.email,
            "Message-ID": message_id(person.delivery_id, self._host),
            **person_headers(person, self._host),
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in own.items()).encode("ascii")
        link = SOFT_BREAK + _soft_lines(person.unsubscribe_url.encode("ascii")) + SOFT_BREAK
        return self._head + head + b"\r\n" + link.join(self._pieces)


def _shared_head(subject: str, sender: Sender, now: datetime) -> bytes:
    head = EmailMessage(policy=SMTP)
    head["From"] = str(sender.mailbox)
    head["Reply-To"] = str(sender.reply_to)
    head["Subject"] = subject
    head["Date"] = now
    return head.as_bytes().removesuffix(b"\r\n") + MIME_HEADERS


def _body_pieces(batch: OutgoingBatch) -> list[bytes]:
    """The whole body, cut where the person's link belongs."""
    pieces: list[bytes] = [b""]
    for subtype, content in (("plain", batch.text), ("html", batch.html)):
        first, *rest = (_quoted(piece) for piece in content.split(UNSUBSCRIBE_TAG))
        pieces[-1] += _part_head(subtype) + first
        pieces += rest
        pieces[-1] += b"\r\n"
    pieces[-1] += f"--{BOUNDARY}--\r\n".encode("ascii")
    return pieces


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
