"""What operators do, from a page or a command alike: each is done and written down in one transaction.

`actor` is a login's name, or COMMAND_LINE. `note` says why and is kept for good. After the commit of what lets mail
go, wake the workers: this room cannot.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, text

from notifier.db.base import Json
from notifier.db.copies import is_away
from notifier.delivery import brakes, suppressions
from notifier.delivery.audit import note_action, note_person
from notifier.delivery.deciding import drop_batches, retry_batches
from notifier.delivery.history import note_decision
from notifier.delivery.listing import no_run
from notifier.delivery.story import person_story
from notifier.delivery.watching import HELD_DIGESTS
from notifier.errors import NotifierError

COMMAND_LINE = "command line"
LIFTED_BY_OPERATORS = ("paused", "breaker", "unwelcome")
"""The brakes that do not end by themselves."""


def pause_sending(conn: Connection, *, actor: str, note: str, now: datetime) -> None:
    """No more mail is claimed. Calls that are under way end as they would."""
    brakes.pull(conn, "paused", note, now=now)
    note_action(conn, "sending_paused", "all", note, actor=actor, now=now)


def resume_sending(
    conn: Connection, lift: Collection[str], *, actor: str, note: str, now: datetime
) -> list[str]:
    """Those of these brakes that were on and have been lifted: `paused`; `breaker`, so that the next batch is tried at
    once; `unwelcome`, whose count begins anew.

    Not for a database that is away: it would send what may have gone out.
    """
    if is_away(conn):
        raise NotifierError(
            "Nothing can be resumed: this database was restored, moved or copied.",
            "First say what it is: `notifier db restored --help`. See docs/runbooks/DatabaseAway.md.",
        )
    lifted = [name for name in LIFTED_BY_OPERATORS if name in lift and brakes.release(conn, name)]
    note_action(conn, "sending_resumed", "all", note, actor=actor, now=now)
    if "unwelcome" in lifted:
        note_action(conn, "sending_resumed", HELD_DIGESTS, note, actor=actor, now=now)
    return lifted


def pause_run(conn: Connection, key: str, *, actor: str, note: str, now: datetime) -> None:
    if not brakes.pause_run(conn, key, now=now):
        raise no_run(key)
    note_action(conn, "sending_paused", key, note, actor=actor, now=now)


def resume_run(conn: Connection, key: str, *, actor: str, note: str, now: datetime) -> None:
    if not brakes.resume_run(conn, key):
        raise no_run(key)
    note_action(conn, "sending_resumed", key, note, actor=actor, now=now)


def send_again(conn: Connection, batch_ids: Sequence[int], *, actor: str, note: str, now: datetime) -> int:
    """Batches that failed or are in doubt, with fresh attempts; how many. For one in doubt it may be a second mail."""
    return _decided(conn, "retried", retry_batches(conn, batch_ids, now=now), actor, note, now)


def give_up(conn: Connection, batch_ids: Sequence[int], *, actor: str, note: str, now: datetime) -> int:
    """Batches that have not been accepted end as `dropped`; how many."""
    return _decided(conn, "dropped", drop_batches(conn, batch_ids, now=now), actor, note, now)


def suppress(conn: Connection, email_key: bytes, *, actor: str, note: str, now: datetime) -> None:
    """Never mail this address."""
    if not suppressions.add(conn, email_key, note=note, now=now):
        raise NotifierError("This address is on the list already.")
    note_action(conn, "suppression_added", email_key.hex(), note, actor=actor, now=now)


def unsuppress(conn: Connection, email_key: bytes, *, actor: str, note: str, now: datetime) -> None:
    """Mail may go there again. It starts none: subscriptions that ended stay ended."""
    note_person(conn, "suppression_removed", email_key, note, actor=actor, now=now)
    if not suppressions.remove(conn, email_key):
        raise NotifierError("This address is not on the list.")


def reveal_addresses(
    conn: Connection, delivery_ids: Sequence[UUID], *, actor: str, note: str, now: datetime
) -> dict[UUID, str]:
    """Where these deliveries go, in full; those of people who are erased are missing."""
    rows = conn.execute(text(_ADDRESSES), {"ids": list(delivery_ids)})
    found: dict[UUID, str] = {row.id: row.email for row in rows}
    subject = str(delivery_ids[0]) if len(delivery_ids) == 1 else f"{len(delivery_ids):,} deliveries"
    note_action(conn, "address_revealed", subject, note, actor=actor, now=now)
    return found


def trace_person(conn: Connection, email_key: bytes, *, actor: str, note: str, now: datetime) -> list[Json]:
    """Each delivery to one person, the newest first. To look is written down too."""
    note_person(conn, "person_traced", email_key, note, actor=actor, now=now)
    return person_story(conn, email_key)


def _decided(conn: Connection, what: str, batch_ids: list[int], actor: str, note: str, now: datetime) -> int:
    """One line in the audit log for one decision, and one in the history of each batch."""
    if batch_ids:
        subject = str(batch_ids[0]) if len(batch_ids) == 1 else f"{len(batch_ids):,} batches"
        action_id = note_action(conn, f"batch_{what}", subject, note, actor=actor, now=now)
        note_decision(conn, batch_ids, what, action_id, now=now)
    return len(batch_ids)


_ADDRESSES = """
SELECT d.id, COALESCE(g.email, s.email) AS email
FROM deliveries d LEFT JOIN subscribers s ON s.id = d.subscriber_id LEFT JOIN sign_ups g ON g.id = d.sign_up_id
WHERE d.id = ANY(:ids) AND COALESCE(g.email, s.email) IS NOT NULL
"""
