"""Afterwards: was everybody mailed once, with a link that works and a study they asked for?"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Engine, text

from benchmarks.sink import bodies
from notifier.delivery.providers import DELIVERY_ID_ARG
from notifier.links.tokens import BadToken, UnsubscribeLinks
from tests.fakes.sendgrid.house import house_problems
from tests.fakes.sendgrid.rules import problems

MOST_COMPLAINTS = 20
_NCT_ID = re.compile(r"\bNCT\d{8}\b")
_LINK = re.compile(r"https?://\S+/u/(\S+?)>?$")


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
    calls: Iterable[dict[str, Any]], expected: Expected, links: UnsubscribeLinks, *, house: bool
) -> list[str]:
    """Every call by SendGrid's rules and ours (`house`), every mail by whom it went to and what it says."""
    found: list[str] = []
    seen: set[str] = set()
    for body in calls:
        found += [f"call: {where}: {why}" for where, why in problems(body)]
        if house:
            found += [f"call: {where}: {why}" for where, why in house_problems(body)]
        told = set(_NCT_ID.findall(body["content"][0]["value"]))
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
    links: UnsubscribeLinks,
) -> Iterator[str]:
    studies = expected.studies.get(email)
    if studies is None:
        yield "is not to get a mail"
    elif not told or not told <= studies:
        yield "names no study they asked for, or another one"
    header = (person.get("headers") or body.get("headers") or {}).get("List-Unsubscribe", "")
    link = _LINK.search(header)
    try:
        if link is None or links.read(link[1]) != expected.public_ids.get(email):
            yield "the link does not mean them"
    except BadToken:
        yield "the link does not verify"


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
