"""What the real server refuses and its official description lets pass: fields, limits, headers, order."""

import re
import time
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

Problem = tuple[str | None, str]  # field, what is wrong

ROOT_FIELDS = {
    "personalizations", "from", "reply_to", "reply_to_list", "subject", "content", "attachments", "template_id",
    "headers", "categories", "custom_args", "send_at", "batch_id", "asm", "ip_pool_name", "mail_settings",
    "tracking_settings",
}  # fmt: skip
PERSON_FIELDS = {
    "to", "cc", "bcc", "from", "subject", "headers", "substitutions", "custom_args", "send_at",
    "dynamic_template_data",
}  # fmt: skip
RESERVED = {
    "x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type", "content-transfer-encoding", "to", "from",
    "subject", "reply-to", "cc", "bcc",
}  # fmt: skip
MOST_RECIPIENTS = 1000
MOST_PERSONAL_BYTES = 10_000
MOST_SUBSTITUTIONS = 10_000
LONGEST_DELAY = 72 * 3600
ADDRESS = re.compile(
    r"[\w!#$%&'*+/=?^`{|}~-]{1,64}(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]"
    r"[a-z0-9-]{0,61}[a-z0-9]",
    re.ASCII | re.IGNORECASE,
)
TAG = re.compile(r"[^\s<>&]+")
HEADER_NAME = re.compile(r"[!-9;-~]+")
CONTENT_ORDER = {"text/plain": 0, "text/html": 1}


def problems(body: Any) -> Iterator[Problem]:
    if not isinstance(body, dict):
        yield None, "Bad Request"
        return
    yield from ((name, "unknown field") for name in body.keys() - ROOT_FIELDS)
    yield from _mailbox("from", body.get("from"))
    if isinstance(body.get("from"), dict) and not str(body["from"].get("name", "")).isascii():
        yield "from.name", "Unicode is not taken in the sender's name"
    if "reply_to" in body:
        yield from _mailbox("reply_to", body["reply_to"])
    if "reply_to" in body and "reply_to_list" in body:
        yield "reply_to", "use reply_to or reply_to_list, not both"
    yield from _content(body)
    yield from _categories(body.get("categories", []))
    yield from _headers("headers", body.get("headers", {}))
    yield from _custom_args("custom_args", body.get("custom_args"), {})
    yield from _send_at("send_at", body.get("send_at"))
    yield from _people(body)


def _people(body: dict[str, Any]) -> Iterator[Problem]:
    people = body.get("personalizations")
    if not isinstance(people, list) or not 1 <= len(people) <= MOST_RECIPIENTS:
        yield "personalizations", f"between 1 and {MOST_RECIPIENTS} of them are needed"
        return
    seen: set[str] = set()
    recipients = 0
    for number, person in enumerate(people):
        place = f"personalizations.{number}"
        if not isinstance(person, dict):
            yield place, "Bad Request"
            continue
        for kind in ("to", "cc", "bcc"):
            recipients += len(person.get(kind) or ())
        yield from _person(place, person, body, seen)
    if recipients > MOST_RECIPIENTS:
        yield "personalizations", f"more than {MOST_RECIPIENTS} recipients in all"


def _person(place: str, person: dict[str, Any], body: dict[str, Any], seen: set[str]) -> Iterator[Problem]:
    yield from ((f"{place}.{name}", "unknown field") for name in person.keys() - PERSON_FIELDS)
    if not person.get("to"):
        yield f"{place}.to", "at least one recipient is needed"
    for kind in ("to", "cc", "bcc"):
        for index, mailbox in enumerate(person.get(kind) or ()):
            yield from _recipient(f"{place}.{kind}.{index}", mailbox, seen)
    if not (person.get("subject") or body.get("subject") or body.get("template_id")):
        yield "subject", "a subject is needed"
    yield from _headers(f"{place}.headers", person.get("headers", {}), body.get("headers", {}))
    yield from _substitutions(f"{place}.substitutions", person.get("substitutions", {}))
    yield from _custom_args(f"{place}.custom_args", person.get("custom_args"), body.get("custom_args") or {})
    yield from _send_at(f"{place}.send_at", person.get("send_at"))


def _mailbox(place: str, mailbox: Any) -> Iterator[Problem]:
    if not isinstance(mailbox, dict) or mailbox.keys() - {"email", "name"}:
        yield place, "an object with email and name is needed"
    elif not isinstance(mailbox.get("email"), str) or not is_address(mailbox["email"]):
        yield f"{place}.email", f"Does not contain a valid address: {mailbox.get('email')}"
    elif not isinstance(mailbox.get("name", ""), str):
        yield f"{place}.name", "must be a string"


def is_address(text: str) -> bool:
    return len(text) <= 254 and len(text.split("@")[0]) <= 64 and ADDRESS.fullmatch(text) is not None


def _recipient(place: str, mailbox: Any, seen: set[str]) -> Iterator[Problem]:
    """Unique in the whole call: what happens across personalizations is told in three ways, so play safe."""
    yield from _mailbox(place, mailbox)
    if not isinstance(mailbox, dict) or not isinstance(mailbox.get("email"), str):
        return
    if "name" in mailbox and re.search("[,;]", str(mailbox["name"])):
        yield f"{place}.name", "must not hold a comma or semicolon"
    email = mailbox["email"].lower()
    if email in seen:
        yield place.rsplit(".", 1)[0], f"each address must be unique, [{email}] is there twice"
    seen.add(email)


def _content(body: dict[str, Any]) -> Iterator[Problem]:
    parts = body.get("content")
    if not isinstance(parts, list) or not parts:
        if not body.get("template_id"):
            yield "content", "content or a template is needed"
        return
    order = []
    for index, part in enumerate(parts):
        kind, value = (part.get("type"), part.get("value")) if isinstance(part, dict) else (None, None)
        if not isinstance(kind, str) or not kind or re.search(r"[;,\r\n]", kind):
            yield f"content.{index}.type", "is missing or holds a character that is not allowed"
        if not isinstance(value, str) or not value:
            yield f"content.{index}.value", "must be a string of at least one character"
        order.append(CONTENT_ORDER.get(str(kind), 2))
    if order != sorted(order):
        yield "content", "text/plain comes first, text/html after it"


def _categories(categories: Any) -> Iterator[Problem]:
    if (
        not isinstance(categories, list)
        or len(categories) > 10
        or len(set(map(str, categories))) < len(categories)
    ):
        yield "categories", "at most 10, each once"
    elif any(not isinstance(name, str) or len(name) > 255 or not name.isascii() for name in categories):
        yield "categories", "ASCII, at most 255 characters each"


def _headers(place: str, headers: Any, shared: Any = ()) -> Iterator[Problem]:
    """One header at two levels is refused too: which of them wins is nowhere said of every version."""
    if not isinstance(headers, dict):
        yield place, "must be an object of strings"
        return
    names = tuple(headers)
    if wrong := _header_names(names, tuple(shared)):
        yield place, wrong
    for name, value in headers.items():
        if not isinstance(value, str) or not value.isprintable():
            yield f"{place}.{name}", "must be a string of printable characters"


@lru_cache(1000)  # the same names come again and again
def _header_names(names: tuple[str, ...], shared: tuple[str, ...]) -> str | None:
    lowered = {name.lower() for name in names}
    if len(lowered) < len(names) or lowered & {name.lower() for name in shared}:
        return "a header is there twice"
    if lowered & RESERVED:
        return "a header is reserved"
    if not all(map(HEADER_NAME.fullmatch, names)):
        return "a header's name must be ASCII without spaces"
    return None


def _substitutions(place: str, values: Any) -> Iterator[Problem]:
    if not isinstance(values, dict) or any(not isinstance(value, str) for value in values.values()):
        yield place, "must be an object of strings"
        return
    if len(values) > MOST_SUBSTITUTIONS or _too_large(values):
        yield place, f"more than {MOST_SUBSTITUTIONS} of them or {MOST_PERSONAL_BYTES} bytes"
    if not all(map(TAG.fullmatch, values)):
        yield place, "a tag must not hold spaces, <, > or &"


def _custom_args(place: str, values: Any, shared: dict[str, Any]) -> Iterator[Problem]:
    if values is None:
        return
    if (
        not isinstance(values, dict)
        or not values
        or any(not isinstance(value, str) for value in values.values())
    ):
        yield None, "Bad Request"  # the real one says no more than this
    elif _too_large({**shared, **values}):
        yield place, f"more than {MOST_PERSONAL_BYTES} bytes"


def _send_at(place: str, at: Any) -> Iterator[Problem]:
    if at is not None and (not isinstance(at, int) or at > time.time() + LONGEST_DELAY):
        yield place, "must be Unix seconds, at most 72 hours ahead"


def _too_large(values: dict[str, str]) -> bool:
    characters = sum(map(len, values)) + sum(map(len, values.values()))
    if characters * 4 <= MOST_PERSONAL_BYTES:
        return False
    return (
        sum(len(name.encode()) + len(value.encode()) for name, value in values.items()) > MOST_PERSONAL_BYTES
    )
