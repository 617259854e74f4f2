"""Every mail that was accepted: in a file that only grows, and in memory."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from notifier.delivery.providers import DELIVERY_ID_ARG


@dataclass(frozen=True, slots=True)
class Mail:
    email: str
    delivery_id: str | None
    links: tuple[str, ...]
    message_id: str  # of the call, as in X-Message-Id
    at: float
    number: int  # place in its call
    custom_args: dict[str, str]


class Mailbox:
    def __init__(self, path: Path | None, keep_bodies: bool, index: bool = True) -> None:
        self._file = path.open("ab") if path else None
        self._index = index
        self._bodies: dict[str, dict[str, Any]] | None = {} if keep_bodies else None
        self.clear()

    def clear(self) -> None:
        """Forget; the file keeps all."""
        self.mails: list[Mail] = []
        self.per_delivery: Counter[str] = Counter()
        self.total = 0
        if self._bodies is not None:
            self._bodies.clear()

    def forget(self, emails: set[str]) -> None:
        """What was mailed to these addresses; of a call to several, the text stays for the others."""
        if any(mail.email in emails for mail in self.mails):
            self.mails = [mail for mail in self.mails if mail.email not in emails]
            kept = {mail.message_id for mail in self.mails}
            if self._bodies is not None:
                self._bodies = {id_: body for id_, body in self._bodies.items() if id_ in kept}

    def accept(self, body: dict[str, Any], message_id: str, at: float) -> list[Mail]:
        mails = [
            _mail(person, body, message_id, at, number)
            for number, person in enumerate(body["personalizations"])
        ]
        self.total += len(mails)
        if self._index:
            self.mails += mails
            self.per_delivery.update(mail.delivery_id for mail in mails if mail.delivery_id)
        if self._file:
            self._file.write(b"".join(orjson.dumps(as_json(mail)) + b"\n" for mail in mails))
            self._file.flush()
        if self._bodies is not None:
            self._bodies[message_id] = body
        return mails

    def listed(self, after: int, limit: int) -> Iterator[dict[str, Any]]:
        for mail in islice(self.mails, after, after + limit):
            yield as_json(mail) | self._rendered(mail)

    def texts(self) -> dict[str, str]:
        """The plain text of each accepted call, by its message id, with the tags still in it."""
        return {id_: body["content"][0]["value"] for id_, body in (self._bodies or {}).items()}

    def _rendered(self, mail: Mail) -> dict[str, Any]:
        """The mail as the person would read it."""
        body = (self._bodies or {}).get(mail.message_id)
        if body is None:
            return {}
        person = body["personalizations"][mail.number]
        values = {"subject": person.get("subject", body.get("subject", ""))}
        values |= {part["type"].removeprefix("text/"): part["value"] for part in body["content"]}
        for tag, value in person.get("substitutions", {}).items():
            values = {name: text.replace(tag, value) for name, text in values.items()}
        return values | {"headers": body.get("headers", {}) | person.get("headers", {}), "from": body["from"]}

    def close(self) -> None:
        if self._file:
            self._file.close()


def _mail(person: dict[str, Any], body: dict[str, Any], message_id: str, at: float, number: int) -> Mail:
    args = {**body.get("custom_args", {}), **person.get("custom_args", {})}
    header = person.get("headers", {}).get("List-Unsubscribe", "")
    links = [value for value in person.get("substitutions", {}).values() if "://" in value]
    return Mail(
        email=person["to"][0]["email"],
        delivery_id=args.get(DELIVERY_ID_ARG),
        links=tuple(dict.fromkeys([*links, *([header[1:-1]] if header else [])])),
        message_id=message_id,
        at=at,
        number=number,
        custom_args=args,
    )


def as_json(mail: Mail) -> dict[str, Any]:
    return {
        "email": mail.email,
        "delivery_id": mail.delivery_id,
        "links": mail.links,
        "message_id": mail.message_id,
        "at": mail.at,
    }
