"""Who is at fault when a call is refused as a whole: a person in it, its edition, or the way we call.

Nobody is given up for a fault of ours, and one odd edition does not stop the others: docs/decisions/0014.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from notifier.delivery import brakes
from notifier.delivery.claiming import ClaimedBatch
from notifier.delivery.providers import Outcome

MOST_HALVINGS = 100
"""Of one edition, while nobody has got it. One bad address among a thousand takes ten."""
EDITIONS_IN_A_ROW = 3
LATELY = timedelta(hours=1)
OTHERS_GO = timedelta(minutes=15)
"""Less than an edition that is refused has been tried for when its attempts run out."""


def judge(conn: Connection, claim: ClaimedBatch, outcome: Outcome, left: int) -> Outcome:
    """A refusal that names nobody is a person's fault only where others got the same edition. To find out, it is
    halved; but not for ever, as it would be if the fault lay in every call."""
    if outcome.kind != "refused_unnamed":
        return outcome
    others = conn.execute(text(_OTHERS), {"edition": claim.edition_id}).one()
    if others.accepted or (left > 1 and others.halved < MOST_HALVINGS):
        return outcome
    return replace(outcome, kind="our_fault")


_OTHERS = """
SELECT count(*) FILTER (WHERE state = 'accepted') AS accepted,
       count(*) FILTER (WHERE state = 'dropped' AND failure_class = 'refused_unnamed') AS halved
FROM batches WHERE edition_id = :edition
"""


def hold_account(conn: Connection, claim: ClaimedBatch, outcome: Outcome, now: datetime) -> bool:
    """Open the breaker, or keep it open, if it seems that every call is refused. True if it is open now.

    A letter says nothing of the account: a stranger chose its address, and it is tried before all else.
    """
    if claim.is_letter:
        return False
    held = brakes.reason_of(conn, "breaker") is not None or _in_a_row(conn, claim, now)
    if held:
        reason = outcome.reason or "every call is refused"
        brakes.pull(conn, "breaker", reason, now=now, until=now + brakes.PROBE_INTERVAL)
    return held


def _in_a_row(conn: Connection, claim: ClaimedBatch, now: datetime) -> bool:
    bind = {"id": claim.batch_id, "edition": claim.edition_id, "since": now - LATELY}
    return bool(conn.execute(text(_IN_A_ROW), {**bind, "others": EDITIONS_IN_A_ROW - 1}).scalar_one())


# That an edition is refused once more says nothing new about the account.
_IN_A_ROW = """
WITH others AS (SELECT max(called_at) AS at FROM batches
                WHERE state = 'retrying' AND run_id IS NOT NULL AND failure_class = 'our_fault'
                  AND called_at > :since AND edition_id IS DISTINCT FROM :edition
                GROUP BY edition_id ORDER BY at DESC LIMIT :others)
SELECT count(*) = :others
       AND (SELECT failure_class IS DISTINCT FROM 'our_fault' FROM batches WHERE id = :id)
       AND NOT EXISTS (SELECT 1 FROM batches
                       WHERE state = 'accepted' AND ended_at > (SELECT min(at) FROM others))
FROM others
"""


def postpone_edition(conn: Connection, claim: ClaimedBatch, until: datetime) -> None:
    """What else waits to go out with these words waits as long: other editions are tried first."""
    conn.execute(
        text(
            """UPDATE batches SET next_attempt_at = :until
               WHERE edition_id = :edition AND state IN ('planned', 'retrying') AND next_attempt_at < :until"""
        ),
        {"edition": claim.edition_id, "until": until},
    )


def others_go(conn: Connection, now: datetime) -> bool:
    """Whether other mail is accepted while this edition is refused."""
    return bool(
        conn.execute(
            text("SELECT EXISTS (SELECT 1 FROM batches WHERE state = 'accepted' AND ended_at > :since)"),
            {"since": now - OTHERS_GO},
        ).scalar_one()
    )
