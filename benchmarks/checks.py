"""Afterwards: was everybody mailed once, with a link that works and a study they asked for?"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Engine, text

from benchmarks.sink import bodies
from notifier.delivery.mail_links import MailLinks
from notifier.delivery.providers import DELIVERY_ID_ARG
from notifier.digests.tags import MANAGE_TAG, UNSUBSCRIBE_TAG
from notifier.links.tokens import BadToken
from tests.fakes.sendgrid.house import house_problems
from tests.fakes.sendgrid.rules import problems

MOST_COMPLAINTS = 20
_NCT_ID = re.compile(r"\bNCT\d{8}\b")
_LEAVE = re.compile(r"https?://\S+/u/(\S+?)>?$")
_MANAGE = re.compile(r"https?://\S+/manage/(\S+)")
_STOP = re.compile(rf"(?:{UNSUBSCRIBE_TAG}|/u/[^/\s]+)/(\S+)")


@dataclass(frozen=True)
class Expected:
    """`studies`: by address, what each is to hear of. `public_ids`: by address, whom their link must mean."""

    studies: dict[str, set[str]]
    public_ids: dict[str, UUID]


def calls_in(spool: Path, ranges: Iterable[tuple[int, int]]) -> Iterator[dict[str, Any]]:
    wanted = {number for begin, end in ranges for number in range(begin, end)}
    for number, body in zip(count(), bodies(spool), strict=False):
        if number in wanted:
            yield orjson.loads(body)


def complaints(
    calls: Iterable[dict[str, Any]], expected: Expected, links: MailLinks, *, house: bool
) -> list[str]:
    """Every call by SendGrid's rules and ours (`house`), every mail by whom it went to and what it says."""
    found: list[str] = []
    seen: set[str] = set()
    for body in calls:
        found += [f"call: {where}: {why}" for where, why in problems(body)]
        if house:
            found += [f"call: {where}: {why}" for where, why in house_problems(body)]
        told = set(_NCT_ID.findall(body["content"][0]["value"]))
        found += [f"call: {why}" for why in _stop_problems(body, links)]
        for person in body["personalizations"]:
            email = person["to"][0]["email"]
            if email in seen:
                found.append(f"{email}: mailed twice")
            seen.add(email)
            found += [f"{email}: {why}" for why in _mail_problems(email, person, body, told, expected, links)]
        if len(found) >= MOST_COMPLAINTS:
            return found[:MOST_COMPLAINTS]
    found += [f"{email}: not mailed" for email in list(expected.studies.keys() - seen)[:MOST_COMPLAINTS]]
    return found


def _mail_problems(
    email: str,
    person: dict[str, Any],
    body: dict[str, Any],
    told: set[str],
    expected: Expected,
    links: MailLinks,
) -> Iterator[str]:
    studies = expected.studies.get(email)
    if studies is None:
        yield "is not to get a mail"
    elif not told or not told <= studies:
        yield "names no study they asked for, or another one"
    own = person.get("substitutions") or {}
    header = (person.get("headers") or body.get("headers") or {}).get("List-Unsubscribe", "")
    leave, manage = _LEAVE.search(header), _MANAGE.search(own.get(MANAGE_TAG) or body["content"][0]["value"])
    try:
        meant = {
            leave and links.unsubscribe.read(leave[1]),
            manage and links.manage.read(manage[1], datetime.now(UTC)),
        }
        if meant != {expected.public_ids.get(email)}:
            yield "a link does not mean them"
    except BadToken:
        yield "a link does not verify"


def _stop_problems(body: dict[str, Any], links: MailLinks) -> Iterator[str]:
    tokens = _STOP.findall(body["content"][0]["value"])
    if not tokens:
        yield "nothing in it can be stopped on its own"
    try:
        for token in tokens:
            links.items.read(token)
    except BadToken:
        yield "a link to stop one thing does not verify"


def ledger_complaints(engine: Engine, calls: Iterable[dict[str, Any]], mails: int) -> list[str]:
    """Every delivery is accepted, and its id went to the address that the ledger says."""
    with engine.connect() as conn:
        rows = conn.execute(text("SELECT state, count(*) AS mails FROM delivery_states GROUP BY state")).all()
        states = {row.state: row.mails for row in rows}
        owed = {
            str(row.id): row.email
            for row in conn.execute(
                text("SELECT d.id, s.email FROM deliveries d JOIN subscribers s ON s.id = d.subscriber_id")
            )
        }
    sent = {
        person["custom_args"][DELIVERY_ID_ARG]: person["to"][0]["email"]
        for body in calls
        for person in body["personalizations"]
    }
    found = [] if states == {"accepted": mails} else [f"the ledger says {states}, not {mails} accepted"]
    return found if owed == sent else [*found, "the ids in the calls are not those of the ledger"]
