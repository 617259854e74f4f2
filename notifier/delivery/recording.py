"""Record how a call ended.

A claim whose batch somebody else has taken meanwhile records nothing. One that was only parked as unknown, as
its lease ran out, does: its late outcome is the evidence that was missing. That it was accepted counts even when
the batch already waits to be sent again.
"""

import random
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, text

from notifier.delivery import blame, brakes
from notifier.delivery.claiming import ClaimedBatch, names_of
from notifier.delivery.history import note_call, note_split
from notifier.delivery.patience import LONGEST_OUTAGE, delay
from notifier.delivery.providers import Outcome, OutcomeKind
from notifier.settings import Settings

THROTTLE_DELAY = timedelta(seconds=30)


def record(
    conn: Connection, results: Iterable[tuple[ClaimedBatch, Outcome]], *, now: datetime, settings: Settings
) -> None:
    """Write down these outcomes; what went well in one statement, the rest one by one."""
    results = list(results)
    smooth = [
        (claim, outcome)
        for claim, outcome in results
        if outcome.kind == "accepted" and not _personal(outcome)
    ]
    _record_accepted(conn, smooth, now)
    for claim, outcome in results:
        if (claim, outcome) not in smooth and _still_ours(conn, claim):
            _record_one(conn, claim, outcome, now, settings)


def _personal(outcome: Outcome) -> bool:
    return bool(outcome.refused or outcome.deferred or outcome.unknown)


def _record_accepted(conn: Connection, results: list[tuple[ClaimedBatch, Outcome]], now: datetime) -> None:
    """In one statement, as it stands at the end of every call: what is accepted closes the breaker too."""
    if not results:
        return
    conn.execute(
        text(
            """WITH closed AS (DELETE FROM brakes WHERE name = 'breaker')
               UPDATE batches b SET state = 'accepted', message_id = v.message_id, ended_at = :now, lease_until = NULL,
                                    failure_class = NULL, reason = NULL
               FROM unnest(CAST(:ids AS bigint[]), CAST(:attempts AS int[]), CAST(:claimed AS timestamptz[]),
                           CAST(:message_ids AS text[])) AS v (id, attempt, claimed_at, message_id)
               WHERE b.id = v.id AND b.attempts = v.attempt AND b.attempted_at = v.claimed_at
                 AND b.state IN ('sending', 'unknown', 'retrying')"""
        ),
        {
            **names_of(claim for claim, _ in results),
            "message_ids": [outcome.message_id for _, outcome in results],
            "now": now,
        },
    )


def _still_ours(conn: Connection, claim: ClaimedBatch) -> bool:
    return (
        conn.execute(
            text(
                """SELECT 1 FROM batches WHERE id = :id AND attempts = :attempt AND attempted_at = :claimed_at
                   AND state IN ('sending', 'unknown') FOR UPDATE"""
            ),
            {"id": claim.batch_id, "attempt": claim.attempt, "claimed_at": claim.claimed_at},
        ).scalar_one_or_none()
        is not None
    )


def skip_all(conn: Connection, claim: ClaimedBatch, reason: str, now: datetime) -> None:
    """There is nothing to send to anybody in this batch."""
    if not _still_ours(conn, claim):
        return
    conn.execute(
        text(
            """UPDATE deliveries SET state = 'skipped', reason = :reason, state_at = :now
               WHERE batch_id = :id AND state IS NULL"""
        ),
        {"id": claim.batch_id, "reason": reason, "now": now},
    )
    _end(conn, claim, "dropped", Outcome("refused", reason=reason), now)


def _record_one(
    conn: Connection, claim: ClaimedBatch, outcome: Outcome, now: datetime, settings: Settings
) -> None:
    """First whoever the outcome names, each on their own; then the batch with all others."""
    if claim.is_letter:
        outcome = _of_one(outcome)
    if outcome.kind != "accepted":
        note_call(conn, claim.batch_id, claim.attempt, outcome.kind, outcome.reason, now)
    fail_deliveries(conn, outcome.refused, now)
    retry_at = outcome.retry_at or now + delay(claim.attempt)
    if claim.attempt < settings.max_attempts:
        _split_off(conn, claim, set(outcome.deferred), "retrying", retry_at, now, claim.attempt)
    else:
        fail_deliveries(conn, dict.fromkeys(outcome.deferred, "no attempts left"), now)
    _split_off(conn, claim, set(outcome.unknown), "unknown", now, now, claim.attempt)
    left = len(claim.recipients) - len({*outcome.refused, *outcome.deferred, *outcome.unknown})
    outcome = blame.judge(conn, claim, outcome, left)
    if not left:
        _end(conn, claim, "dropped", outcome, now)
    elif outcome.kind == "accepted":
        _record_accepted(conn, [(claim, outcome)], now)
    elif outcome.kind == "refused_unnamed" and left > 1:
        _halve(conn, claim, now)
    elif outcome.kind in ("refused", "refused_unnamed"):
        _end(conn, claim, "failed", outcome, now)
    elif outcome.kind == "unknown" and not claim.is_letter:
        _end(conn, claim, "unknown", outcome, now)
    else:
        _retry(conn, claim, outcome, retry_at, now, settings)


def _of_one(outcome: Outcome) -> Outcome:
    """A letter has one reader: what is said of them is said of the batch, which so stays the same. In doubt it is
    sent again, as the same link twice does no harm: docs/decisions/0015."""
    kinds: tuple[tuple[OutcomeKind, Mapping[UUID, str]], ...] = (
        ("unknown", outcome.unknown),
        ("fault", outcome.deferred),
    )
    for kind, reasons in kinds:
        if reasons:
            reason = next(iter(reasons.values()))
            return Outcome(kind, reason=reason, retry_at=outcome.retry_at)
    return outcome


def _retry(
    conn: Connection,
    claim: ClaimedBatch,
    outcome: Outcome,
    retry_at: datetime,
    now: datetime,
    settings: Settings,
) -> None:
    """Try again, and for what concerns the whole account, hold the account. Such calls cost no attempt."""
    if outcome.kind == "throttled":
        retry_at = _throttle(conn, outcome, now)
    if outcome.kind == "account":
        reason = outcome.reason or "the provider refuses us"
        brakes.pull(conn, "breaker", reason, now=now, until=now + brakes.PROBE_INTERVAL)
    if outcome.kind in ("account", "refused_named"):
        retry_at = now
    costs_nothing = outcome.kind in ("throttled", "account", "refused_named") or (
        outcome.kind == "our_fault" and blame.hold_account(conn, claim, outcome, now)
    )
    if (
        claim.attempt >= settings.max_attempts
        and not costs_nothing
        and not _may_pass(conn, claim, outcome, now)
    ):
        return _end(conn, claim, "failed", outcome, now)
    bind = {"id": claim.batch_id, "retry_at": retry_at, "refund": int(costs_nothing)}
    conn.execute(
        text(
            """UPDATE batches SET state = 'retrying', next_attempt_at = :retry_at, lease_until = NULL,
                                  attempts = attempts - :refund, failure_class = :kind, reason = :reason
               WHERE id = :id"""
        ),
        {**bind, "kind": outcome.kind, "reason": outcome.reason},
    )
    if outcome.kind == "our_fault":
        blame.postpone_edition(conn, claim, retry_at)
    return None


def _may_pass(conn: Connection, claim: ClaimedBatch, outcome: Outcome, now: datetime) -> bool:
    """An outage on the provider's side is waited out for a day, however often that is tried: nobody whose mail was
    certainly not taken shall miss it for half an hour of bad luck. So is a fault of ours, unless other mail goes:
    then it lies in this edition, and ends with it."""
    if outcome.kind not in ("unreachable", "fault", "our_fault"):
        return False
    planned: datetime = conn.execute(
        text("SELECT created_at FROM batches WHERE id = :id"), {"id": claim.batch_id}
    ).scalar_one()
    if outcome.kind == "our_fault" and blame.others_go(conn, now):
        return False
    return now < planned + LONGEST_OUTAGE


def _throttle(conn: Connection, outcome: Outcome, now: datetime) -> datetime:
    """Hold the account until the provider's time, or for a while with jitter."""
    until = outcome.retry_at or now + THROTTLE_DELAY * random.uniform(1, 2)  # noqa: S311
    brakes.pull(conn, "throttled", outcome.reason or "too many requests", now=now, until=until)
    return until


def _end(conn: Connection, claim: ClaimedBatch, state: str, outcome: Outcome, now: datetime) -> None:
    conn.execute(
        text(
            """UPDATE batches SET state = :state, lease_until = NULL, failure_class = :kind, reason = :reason,
                      ended_at = CASE WHEN :state = 'unknown' THEN NULL ELSE CAST(:now AS timestamptz) END
               WHERE id = :id"""
        ),
        {"id": claim.batch_id, "state": state, "kind": outcome.kind, "reason": outcome.reason, "now": now},
    )


def fail_deliveries(conn: Connection, reasons: Mapping[UUID, str], now: datetime) -> None:
    """These mails are refused for good, each for its own reason."""
    if reasons:
        conn.execute(
            text(
                """UPDATE deliveries d SET state = 'failed', reason = v.reason, state_at = :now
                   FROM unnest(CAST(:ids AS uuid[]), CAST(:reasons AS text[])) AS v (id, reason) WHERE d.id = v.id"""
            ),
            {"ids": list(reasons), "reasons": list(reasons.values()), "now": now},
        )


def _halve(conn: Connection, claim: ClaimedBatch, now: datetime) -> None:
    """Somebody in this batch is at fault and the provider does not say who: two halves find them in a few calls.

    It costs no attempt: out of a thousand it takes ten halvings, and the others are not to be given up for that.
    """
    people = [person.delivery_id for person in claim.recipients]
    for half in (people[: len(people) // 2], people[len(people) // 2 :]):
        _split_off(conn, claim, set(half), "retrying", now, now, claim.attempt - 1)
    _end(conn, claim, "dropped", Outcome("refused_unnamed", reason="halved"), now)


def _split_off(
    conn: Connection,
    claim: ClaimedBatch,
    delivery_ids: set[UUID],
    state: str,
    next_attempt_at: datetime,
    now: datetime,
    attempts: int,
) -> None:
    """Give these deliveries a batch of their own, in this state, with so many attempts behind it."""
    if not delivery_ids:
        return
    batch_id = conn.execute(
        text(
            """WITH origin AS (UPDATE batches SET size = size - :size WHERE id = :id)
               INSERT INTO batches (mail, run_id, edition_id, size, state, attempts, next_attempt_at, attempted_at,
                                    called_at, provider, created_at)
               SELECT mail, run_id, edition_id, :size, :state, :attempts, :next_attempt_at, attempted_at, called_at,
                      provider, :now
               FROM batches WHERE id = :id RETURNING id"""
        ),
        {
            "id": claim.batch_id,
            "size": len(delivery_ids),
            "state": state,
            "attempts": attempts,
            "next_attempt_at": next_attempt_at,
            "now": now,
        },
    ).scalar_one()
    conn.execute(
        text("UPDATE deliveries SET batch_id = :batch_id WHERE id = ANY(:ids)"),
        {"batch_id": batch_id, "ids": list(delivery_ids)},
    )
    note_split(conn, claim.batch_id, batch_id, now)
