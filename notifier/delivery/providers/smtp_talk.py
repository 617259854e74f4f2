"""One mail to one person over an open SMTP connection, and what became of it.

What a reply means depends on where it came (RFC 5321, 4.2 and RFC 3463): about the address at RCPT, about us at
MAIL and login, about the mail at the end of DATA. Reasons are made of codes; the server's words may hold the
address.
"""

import re
import smtplib
import ssl
from dataclasses import dataclass
from typing import Literal

from notifier.delivery.providers.smtp_server import REPLY_SECONDS, NoTls
from notifier.delivery.providers.types import OutcomeKind

Verdict = Literal["sent", "refused", "deferred", "unknown"]
OUR_ACCESS = (530, 534, 535, 538)  # log in first, wrong login, encrypt first
HANGING_UP = 421
END_OF_DATA_SECONDS = 120  # the server may look into the mail before it answers (RFC 5321, 4.5.3.2)
_LEADING_DOT = re.compile(rb"(?m)^\.")
_ENHANCED = re.compile(rb"[245]\.\d{1,3}\.\d{1,3}")


@dataclass(frozen=True, slots=True)
class Ended:
    """`stop`: the trouble is not this person's alone; the rest of the batch would meet it too."""

    verdict: Verdict
    reason: str = ""
    stop: OutcomeKind | None = None


def talk(smtp: smtplib.SMTP, sender: str, to: str, mail: bytes) -> Ended:
    """Raises OSError or smtplib.SMTPException if the line is lost while the mail is certainly not sent."""
    code, words = smtp.mail(sender)
    if code != 250:
        return _about_us("MAIL", code, words)
    code, words = smtp.rcpt(to)
    if code not in (250, 251):
        return _after_reset(smtp, code, _about_person("RCPT", code, words))
    code, words = smtp.docmd("DATA")
    if code != 354:
        return _after_reset(smtp, code, _about_person("DATA", code, words))
    smtp.send(_LEADING_DOT.sub(b"..", mail.removesuffix(b"\r\n")))
    return _finish(smtp)


def _finish(smtp: smtplib.SMTP) -> Ended:
    """From the end mark on, the server may have taken the mail, whatever happens to the line."""
    assert smtp.sock is not None
    smtp.sock.settimeout(END_OF_DATA_SECONDS)
    try:
        smtp.send(b"\r\n.\r\n")
        code, words = smtp.getreply()
    except (OSError, smtplib.SMTPException) as error:
        smtp.close()
        return Ended("unknown", f"connection lost after the mail was written ({type(error).__name__})")
    smtp.sock.settimeout(REPLY_SECONDS)
    if 200 <= code < 300:
        return Ended("sent")
    if code < 400:
        smtp.close()
        return Ended("unknown", "no clear reply after the mail was written")
    return _about_person("end of DATA", code, words)


def _after_reset(smtp: smtplib.SMTP, code: int, ended: Ended) -> Ended:
    """Leave the line ready for the next mail, or closed."""
    if code >= 300 and code != HANGING_UP:
        try:
            if smtp.rset()[0] == 250:
                return ended
        except (OSError, smtplib.SMTPException):
            pass  # what became of the mail is known already
    smtp.close()
    return ended


def _about_us(where: str, code: int, words: bytes) -> Ended:
    stop: OutcomeKind = "account" if code >= 500 else "throttled" if code >= 400 else "fault"
    return Ended("deferred", _reason(where, code, words), stop=stop)


def _about_person(where: str, code: int, words: bytes) -> Ended:
    reason = _reason(where, code, words)
    if code == HANGING_UP:
        return Ended("deferred", reason, stop="throttled")
    if code in OUR_ACCESS:
        return Ended("deferred", reason, stop="account")
    return Ended("refused" if code >= 500 and not _is_policy(words) else "deferred", reason)


def _is_policy(words: bytes) -> bool:
    """Codes 5.7.x and refusals to relay speak of us rather than of this person, who is not given up for it."""
    return words.startswith(b"5.7.") or b"relay" in words.lower()


def _reason(where: str, code: int, words: bytes) -> str:
    enhanced = _ENHANCED.match(words)
    detail = f" {enhanced[0].decode('ascii')}" if enhanced else ""
    return f"SMTP {code}{detail} at {where}"


def no_line(error: Exception) -> Ended:
    """What it means that no connection could be opened, or that it was lost before the mail was sent."""
    name = type(error).__name__
    match error:
        case NoTls():
            return Ended("deferred", "the SMTP server offers no STARTTLS", stop="account")
        case smtplib.SMTPResponseException():
            return _refused_line(error.smtp_code)
        case ssl.SSLError():
            return Ended("deferred", f"no encrypted connection ({error.reason or name})", stop="unreachable")
        case smtplib.SMTPException() if not isinstance(error, smtplib.SMTPServerDisconnected):
            return Ended("deferred", "the SMTP server offers no login that we know", stop="account")
        case _:
            return Ended("deferred", f"no connection ({name})", stop="unreachable")


def _refused_line(code: int) -> Ended:
    stop: OutcomeKind = "account" if code >= 500 else "throttled" if code == HANGING_UP else "fault"
    return Ended("deferred", f"SMTP {code} on connecting or logging in", stop=stop)
