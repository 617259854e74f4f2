"""The demo's mails as they lie in the outbox, read as a mail program reads them."""

import email
import re
from collections import defaultdict
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from email.policy import default
from pathlib import Path


@dataclass(frozen=True)
class Mail:
    path: Path
    to: str
    subject: str
    text: str
    html: str
    unsubscribe_url: str

    @property
    def manage_url(self) -> str:
        found = re.search(r"https?://\S+/manage/\S+", self.text)
        return found[0] if found else ""

    @property
    def studies(self) -> set[str]:
        return set(re.findall(r"NCT\d{8}", self.text))


@dataclass(frozen=True)
class Verdict:
    """What one person got, beside what they were to get."""

    person: str
    expected: int
    mails: int
    problem: str


def read_outbox(folder: Path, *, but: Container[Path]) -> dict[Path, Mail]:
    """The digests; letters, such as a link to confirm, cannot be unsubscribed from."""
    found = ((path, _read(path)) for path in sorted(folder.glob("*.eml")) if path not in but)
    return {path: mail for path, mail in found if mail.unsubscribe_url}


def verdicts(
    people: Iterable[str], expected: Mapping[str, set[str]], mails: Iterable[Mail]
) -> dict[str, Verdict]:
    """One for each person, and for each address that nobody knows."""
    got: dict[str, list[Mail]] = defaultdict(list)
    for mail in mails:
        got[mail.to].append(mail)
    return {person: _verdict(person, expected.get(person, set()), got[person]) for person in {*people, *got}}


def _verdict(person: str, expected: set[str], mails: list[Mail]) -> Verdict:
    problem = ""
    if len(mails) != bool(expected):
        problem = f"{len(mails)} mails instead of {int(bool(expected))}"
    elif mails and mails[0].studies != expected:
        problem = f"about {_named(mails[0].studies)} instead of {_named(expected)}"
    return Verdict(person, len(expected), len(mails), problem)


def _named(studies: set[str]) -> str:
    return ", ".join(sorted(studies)) or "nothing"


def _read(path: Path) -> Mail:
    message = email.message_from_bytes(path.read_bytes(), policy=default)
    parts = {
        part.get_content_subtype(): part.get_content() for part in message.walk() if not part.is_multipart()
    }
    return Mail(
        path=path,
        to=message["To"],
        subject=message["Subject"],
        text=parts["plain"],
        html=parts["html"],
        unsubscribe_url=str(message["List-Unsubscribe"] or "").strip("<>"),
    )
