"""Claim batches: a short transaction that takes them, and takes out whoever must not be mailed.

Letters go first. They count in the rate, and do not wait for it.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, Row, text

from notifier.delivery.brakes import claim_limits
from notifier.delivery.changed import hold_back_changed
from notifier.delivery.letter_claims import DUE_LETTER, has_due_letters, skip_unwanted_letters
from notifier.delivery.providers import Provider
from notifier.delivery.rate import people_allowed, spend
from notifier.delivery.settling import accept_proved
from notifier.delivery.unwanted import skip_unwanted

LEASE = timedelta(seconds=30)
"""Renewed while the calls last. It sets how soon a killed worker is noticed, so it is short."""

LOOKS = 10
"""In one claim: as many as are done with in a second or two, as its moment and its lease are those of the first."""


@dataclass(frozen=True, slots=True)
class ClaimedRecipient:
    delivery_id: UUID
    email: str
    public_id: UUID


@dataclass(frozen=True, slots=True)
class ClaimedBatch:
    """A batch that is ours while its lease lasts. Batch, attempt and moment name this claim and no other: an
    attempt that cost nothing, or an operator who starts anew, has the next one count the same."""

    batch_id: int
    edition_id: int | None  # None: a letter
    attempt: int
    claimed_at: datetime
    recipients: tuple[ClaimedRecipient, ...]
    mail: str = "digest"
    run_id: int | None = None  # None: a letter

    @property
    def is_letter(self) -> bool:
        return self.edition_id is None


def claim_batches(
    engine: Engine,
    provider: Provider,
    *,
    now: datetime,
    limit: int,
    per_second: float = 0,
    run_id: int | None = None,
) -> list[ClaimedBatch] | None:
    """Up to `limit` due batches, committed as `sending`. Several workers never get the same one.

    `per_second` is the account's rate in mails, 0 for none; None means that it has been used up for the moment.

    Consent, suppression and "still active" are checked here, so that an unsubscribe takes effect on mail
    already queued. A batch in which nobody is left ends as `dropped`, and others are looked for, some times.
    """
    claims: list[ClaimedBatch] = []
    for _ in range(LOOKS):
        with engine.begin() as conn:
            allowed, digests = claim_limits(conn, now, limit)
            letters = _claim_letters(conn, provider, now, allowed, per_second) if run_id is None else []
            digests = min(digests, allowed - len(letters))
            if not digests:
                return letters
            budget = people_allowed(conn, per_second, now) if per_second else float("inf")
            if budget <= 0:
                return letters or None
            due = _take(conn, provider, now, digests, budget, run_id)
            claims = letters + _claimed(conn, _fit(conn, due, now), now, per_second)
        if claims or not due:
            break
    return claims


def _fit(conn: Connection, due: Sequence[Row[Any]], now: datetime) -> Sequence[Row[Any]]:
    """Without those that turn out to have been accepted, or must wait; whoever must not be mailed is left out."""
    taken = _without_accepted(conn, due, now)
    skip_unwanted(conn, [row.id for row in taken], now)
    waits = hold_back_changed(conn, [row.id for row in taken if row.tried_at or row.failure_class], now)
    return [row for row in taken if row.id not in waits]


def claim_letters(
    engine: Engine, provider: Provider, *, now: datetime, limit: int, per_second: float = 0
) -> list[ClaimedBatch]:
    """As `claim_batches`, for letters alone."""
    with engine.begin() as conn:
        if not has_due_letters(conn, now):  # or one probe of an open breaker would be spent on nothing
            return []
        allowed, _ = claim_limits(conn, now, limit)
        return _claim_letters(conn, provider, now, allowed, per_second)


def _claim_letters(
    conn: Connection, provider: Provider, now: datetime, limit: int, per_second: float
) -> list[ClaimedBatch]:
    due = _take_letters(conn, provider, now, limit) if limit else []
    taken = _without_accepted(conn, due, now)
    if not taken:
        return []
    skip_unwanted_letters(conn, [row.id for row in taken], now)
    return _claimed(conn, taken, now, per_second)


def _claimed(
    conn: Connection, taken: Sequence[Row[Any]], now: datetime, per_second: float
) -> list[ClaimedBatch]:
    """Whoever is left in them; counted in the rate."""
    ids = [row.id for row in taken]
    people = _recipients(conn, ids)
    if per_second:
        spend(conn, sum(map(len, people.values())))
    _drop_empty(conn, [id_ for id_ in ids if not people[id_]], now)
    return [
        ClaimedBatch(row.id, row.edition_id, row.attempts, now, tuple(people[row.id]), row.mail, row.run_id)
        for row in taken
        if people[row.id]
    ]


def begin_calls(conn: Connection, claims: Iterable[ClaimedBatch], now: datetime, until: datetime) -> set[int]:
    """Note that these are about to be called; those that are still ours, by batch. The others must not be."""
    return _still_ours(conn, claims, "called_at = :now, lease_until = :until", now=now, until=until)


def renew_leases(conn: Connection, claims: Iterable[ClaimedBatch], until: datetime) -> set[int]:
    """Keep what is still ours, by batch. What is missing here has been given to others, or parked."""
    return _still_ours(conn, claims, "lease_until = :until", until=until)


def give_back(conn: Connection, claims: Iterable[ClaimedBatch]) -> None:
    """These were not called: they wait for the next worker as if they had not been claimed."""
    claims = list(claims)
    back = _still_ours(
        conn,
        claims,
        """state = CASE WHEN b.attempts = 1 AND b.failure_class IS NULL THEN 'planned' ELSE 'retrying' END,
           attempts = b.attempts - 1, called_at = NULL, lease_until = NULL""",
    )
    spend(conn, -sum(len(claim.recipients) for claim in claims if claim.batch_id in back))


def _still_ours(conn: Connection, claims: Iterable[ClaimedBatch], change: str, **bind: datetime) -> set[int]:
    return set(
        conn.execute(
            text(
                f"""UPDATE batches b SET {change}
                    FROM unnest(CAST(:ids AS bigint[]), CAST(:attempts AS int[]), CAST(:claimed AS timestamptz[]))
                         AS v (id, attempt, claimed_at)
                    WHERE b.id = v.id AND b.attempts = v.attempt AND b.attempted_at = v.claimed_at
                      AND b.state = 'sending' RETURNING b.id"""
            ),
            {**names_of(claims), **bind},
        ).scalars()
    )


def names_of(claims: Iterable[ClaimedBatch]) -> dict[str, list[Any]]:
    """What names these claims, column by column, for `unnest`."""
    claims = list(claims)
    return {
        "ids": [claim.batch_id for claim in claims],
        "attempts": [claim.attempt for claim in claims],
        "claimed": [claim.claimed_at for claim in claims],
    }


def _take(
    conn: Connection, provider: Provider, now: datetime, limit: int, budget: float, run_id: int | None
) -> Sequence[Row[Any]]:
    bind = {**_mark(provider, now), "limit": limit, "budget": budget, "run_id": run_id}
    return conn.execute(text(_DUE_DIGESTS + _MARK), bind).all()


def _take_letters(conn: Connection, provider: Provider, now: datetime, limit: int) -> Sequence[Row[Any]]:
    return conn.execute(text(_DUE_LETTERS + _MARK), {**_mark(provider, now), "limit": limit}).all()


def _mark(provider: Provider, now: datetime) -> dict[str, Any]:
    return {"now": now, "lease_until": now + LEASE, "provider": provider.name}


_DUE_DIGESTS = """
WITH due AS (
  SELECT b.id, b.size, b.next_attempt_at, b.attempted_at
  FROM batches b JOIN runs r ON r.id = b.run_id
  WHERE b.state IN ('planned', 'retrying') AND b.run_id IS NOT NULL AND b.next_attempt_at <= :now
    AND r.paused_at IS NULL AND (CAST(:run_id AS bigint) IS NULL OR b.run_id = :run_id)
  ORDER BY b.next_attempt_at, b.id LIMIT :limit FOR UPDATE OF b SKIP LOCKED),
taken AS (
  SELECT id, attempted_at
  FROM (SELECT *, sum(size) OVER (ORDER BY next_attempt_at, id) - size AS before FROM due) x
  WHERE before < CAST(:budget AS float8))
"""

_DUE_LETTERS = f"""
WITH taken AS (
  SELECT b.id, b.attempted_at FROM batches b WHERE {DUE_LETTER}
  ORDER BY b.next_attempt_at, b.id LIMIT :limit FOR UPDATE OF b SKIP LOCKED)
"""

_MARK = """
UPDATE batches b
SET state = 'sending', attempts = attempts + 1, lease_until = :lease_until, attempted_at = :now, called_at = NULL,
    provider = :provider
FROM taken t WHERE b.id = t.id
RETURNING b.id, b.mail, b.run_id, b.edition_id, b.attempts, b.failure_class, t.attempted_at AS tried_at
"""


def _without_accepted(conn: Connection, taken: Sequence[Row[Any]], now: datetime) -> Sequence[Row[Any]]:
    """The webhook may have spoken since a batch was found fit to be sent again."""
    accepted = accept_proved(conn, [row.id for row in taken if row.tried_at], now)
    return [row for row in taken if row.id not in accepted]


def _recipients(conn: Connection, batch_ids: list[int]) -> dict[int, list[ClaimedRecipient]]:
    rows = conn.execute(
        text(
            """SELECT d.batch_id, d.id, COALESCE(g.email, s.email) AS email,
                      COALESCE(g.public_id, s.public_id) AS public_id
               FROM deliveries d LEFT JOIN subscribers s ON s.id = d.subscriber_id
               LEFT JOIN sign_ups g ON g.id = d.sign_up_id
               WHERE d.batch_id = ANY(:ids) AND d.state IS NULL AND COALESCE(g.id, s.id) IS NOT NULL"""
        ),
        {"ids": batch_ids},
    )
    people: dict[int, list[ClaimedRecipient]] = defaultdict(list)
    for batch_id, *person in rows:
        people[batch_id].append(ClaimedRecipient(*person))
    return people


def _drop_empty(conn: Connection, batch_ids: list[int], now: datetime) -> None:
    conn.execute(
        text(
            """UPDATE batches SET state = 'dropped', reason = 'nobody left', lease_until = NULL, ended_at = :now
               WHERE id = ANY(:ids)"""
        ),
        {"ids": batch_ids, "now": now},
    )
