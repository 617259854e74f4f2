"""Who got certain mails: for whom a correction is.

`about` names them by opaque ids. `rows` is SQL of (subscriber_id, state of what they got), somebody as often as they
got something.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from notifier.delivery.listing import run_of
from notifier.digests.corrections import CorrectionKind
from notifier.errors import NotifierError


@dataclass(frozen=True)
class Readers:
    kind: CorrectionKind
    about: str
    rows: str
    bind: dict[str, Any]


_GOT = """
SELECT d.subscriber_id, COALESCE(d.state, b.state) AS state
FROM batches b JOIN deliveries d ON d.batch_id = b.id WHERE {chosen}
"""


def of_editions(conn: Connection, ids: Sequence[int]) -> Readers:
    """Each edition, in whatever run it went out. Raises NotifierError for one that there is not."""
    wanted = sorted(set(ids))
    found = set(conn.execute(text("SELECT id FROM editions WHERE id = ANY(:ids)"), {"ids": wanted}).scalars())
    if missing := [id_ for id_ in wanted if id_ not in found]:
        raise NotifierError(
            f"There is no edition {missing[0]}.", "`notifier deliveries show` names a delivery's edition."
        )
    about = ", ".join(f"edition {id_}" for id_ in wanted)
    return Readers("correction", about, _GOT.format(chosen="b.edition_id = ANY(:ids)"), {"ids": wanted})


def of_event(conn: Connection, event_id: int) -> Readers:
    """Every edition that tells of this change event. Raises NotifierError if there is none."""
    if not conn.execute(text("SELECT 1 FROM change_events WHERE id = :id"), {"id": event_id}).scalar():
        raise NotifierError(
            f"There is no change event {event_id}.", "`notifier trace --study NCT...` names a study's events."
        )
    chosen = "b.edition_id IN (SELECT edition_id FROM edition_items WHERE event_id = :event_id)"
    return Readers("correction", f"event {event_id}", _GOT.format(chosen=chosen), {"event_id": event_id})


def of_run(conn: Connection, key: str) -> Readers:
    """Everything that went out in this run. Raises NotifierError if there is none."""
    run_id = run_of(conn, key)
    return Readers("correction", f"run {key}", _GOT.format(chosen="b.run_id = :of_run"), {"of_run": run_id})


def of_withdrawal(conn: Connection, target_id: int) -> Readers:
    """Whose subscription was ended when this target was last withdrawn, and who have not started it again. Raises
    NotifierError if it has not been withdrawn."""
    withdrawal = conn.execute(
        text(_LAST_WITHDRAWAL),
        {"id": target_id},
    ).one_or_none()
    if withdrawal is None:
        raise NotifierError("This has not been withdrawn.", "First: `notifier corrections withdraw`.")
    bind = {"target_id": target_id, "since": withdrawal.at}
    return Readers("withdrawn", f"withdrawal {withdrawal.id}", _WITHDRAWN, bind)


# The last one that ended anything: one more may have been written for who had stopped it themselves.
_LAST_WITHDRAWAL = """
SELECT w.id, w.at FROM withdrawals w WHERE w.target_id = :id
ORDER BY EXISTS (SELECT 1 FROM subscriptions u WHERE u.target_id = w.target_id AND u.ended_reason = 'withdrawn'
                 AND u.ended_at >= w.at) DESC, w.at DESC, w.id DESC LIMIT 1
"""

_WITHDRAWN = """
SELECT u.subscriber_id, 'accepted' AS state FROM subscriptions u
WHERE u.target_id = :target_id AND u.ended_reason = 'withdrawn' AND u.ended_at >= :since
  AND NOT EXISTS (SELECT 1 FROM subscriptions o WHERE o.subscriber_id = u.subscriber_id
                  AND o.target_id = u.target_id AND o.ended_at IS NULL)
"""
