"""Erasure beyond the subscriber's rows: mail in the local outbox, and what the provider keeps."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Connection, Engine, Row, text

from notifier.delivery.audit import forget_subject
from notifier.delivery.providers.scrub import scrub
from notifier.delivery.providers.sendgrid_http import KeptConnections, NoAnswer
from notifier.settings import Settings
from notifier.subscriptions.journal import note_erased
from notifier.subscriptions.personal_data import erase_person

PATH = "/v3/recipients/erasejob"
MOST_ADDRESSES = 1_000  # a call; the provider takes 5,000, or 256 KB
FIRST_DELAY = timedelta(minutes=5)
LONGEST_DELAY = timedelta(days=1)
LEASE = timedelta(minutes=2)


def erase(conn: Connection, email_key: bytes, *, settings: Settings, now: datetime) -> bool:
    """Erase everything about one person; False if nothing was held. What the provider keeps goes a little later."""
    person = conn.execute(text(_PUBLIC_ID), {"key": email_key}).scalar_one_or_none()
    erased = erase_person(conn, email_key, now=now)
    if erased is None:
        return False
    if person is not None:
        note_erased(person)
    forget_subject(conn, email_key)
    if settings.mail_provider == "sendgrid":
        conn.execute(
            text(
                """INSERT INTO provider_erasures (email, asked_at, next_attempt_at)
                   SELECT v.email, :now, :now FROM unnest(CAST(:emails AS text[])) AS v (email)"""
            ),
            {"emails": list(erased.addresses), "now": now},
        )
    remove_mails(settings.outbox_path, erased.delivery_ids)
    return True


_PUBLIC_ID = "SELECT public_id FROM subscribers WHERE email_key = :key"


def remove_mails(folder: Path, delivery_ids: Iterable[UUID]) -> None:
    """What the local outbox holds of them."""
    names = {str(delivery_id) for delivery_id in delivery_ids}
    for name in names:
        (folder / f"{name}.eml").unlink(missing_ok=True)
    for draft in folder.glob(".*.draft"):
        if draft.name.split(".")[1] in names:
            draft.unlink(missing_ok=True)


def ask_provider(engine: Engine, settings: Settings, now: datetime) -> int:
    """Have SendGrid forget the addresses that are waiting; how many it agreed to. A failure is kept with its reason
    and tried again, ever later. The same address twice does no harm."""
    key = settings.sendgrid_erasure_key or settings.sendgrid_api_key
    if key is None:
        return 0
    with engine.begin() as conn:
        waiting = conn.execute(
            text(_CLAIM), {"now": now, "lease": now + LEASE, "limit": MOST_ADDRESSES}
        ).all()
    if not waiting:
        return 0
    headers = {
        "Authorization": f"Bearer {key.get_secret_value()}",
        "Content-Type": "application/json",
        "Accept": "application/json",
        "User-Agent": "notifier",
    }
    connections = KeptConnections(settings.sendgrid_api_url, headers)
    try:
        return _ask(engine, connections, waiting, now)
    finally:
        connections.close()


_CLAIM = """
UPDATE provider_erasures p SET next_attempt_at = :lease, attempts = LEAST(p.attempts + 1, 1000)
FROM (SELECT id FROM provider_erasures WHERE next_attempt_at <= :now
      ORDER BY next_attempt_at LIMIT :limit FOR UPDATE SKIP LOCKED) x
WHERE p.id = x.id RETURNING p.id, p.email, p.attempts
"""


def _ask(engine: Engine, connections: KeptConnections, waiting: Sequence[Row[Any]], now: datetime) -> int:
    """All in one call; where one of them is refused, each half on its own, down to the one at fault."""
    refused, reason = _call(connections, [row.email for row in waiting])
    if reason is None:
        _done(engine, [row.id for row in waiting])
        return len(waiting)
    if refused and len(waiting) > 1:
        middle = len(waiting) // 2
        return _ask(engine, connections, waiting[:middle], now) + _ask(
            engine, connections, waiting[middle:], now
        )
    _later(engine, waiting, reason, now)
    return 0


def _call(connections: KeptConnections, emails: list[str]) -> tuple[bool, str | None]:
    """(whether these addresses are at fault, what is wrong or None)"""
    try:
        answer = connections.post(PATH, orjson.dumps({"email_addresses": sorted(set(emails))}))
    except NoAnswer as no:
        return False, f"no answer ({no.why})"
    if answer.status == 202:
        return False, None
    if answer.status in (401, 403):
        return (
            False,
            f"HTTP {answer.status}: the key may not erase recipients' data; set SENDGRID_ERASURE_KEY",
        )
    words = scrub(answer.body[:500].decode(errors="replace"), ())
    return answer.status in (400, 413), f"HTTP {answer.status} {words}".strip()


def _done(engine: Engine, ids: list[int]) -> None:
    with engine.begin() as conn:
        conn.execute(text("DELETE FROM provider_erasures WHERE id = ANY(:ids)"), {"ids": ids})


def _later(engine: Engine, rows: Sequence[Row[Any]], reason: str, now: datetime) -> None:
    with engine.begin() as conn:
        for row in rows:
            delay = min(FIRST_DELAY * 2 ** min(row.attempts - 1, 20), LONGEST_DELAY)
            conn.execute(
                text("UPDATE provider_erasures SET next_attempt_at = :at, reason = :reason WHERE id = :id"),
                {"id": row.id, "at": now + delay, "reason": reason},
            )


def waiting_erasures(conn: Connection) -> dict[str, Any]:
    """{"waiting": addresses the provider has not agreed to forget, "since": …, "reason": of the last failure}; empty
    where there are none."""
    row = conn.execute(
        text(
            """SELECT count(*) AS waiting, min(asked_at) AS since,
                      (SELECT reason FROM provider_erasures WHERE reason IS NOT NULL
                       ORDER BY next_attempt_at DESC LIMIT 1) AS reason
               FROM provider_erasures"""
        )
    ).one()
    return dict(row._mapping) if row.waiting else {}
