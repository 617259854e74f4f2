"""Why did this person get, or not get, what is new about this study?"""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, text

from notifier.conditions.targets import BROADER
from notifier.db.base import Json
from notifier.subscriptions.former_ids import present_id

MOST = 20
_LEFT_OUT = {
    "suppressed": "their address was on the do-not-mail list",
    "stopped": "they had stopped all mail, or all they followed",
    "changed": "they had stopped following what it is about",
}


def explain(conn: Connection, email_key: bytes, nct_id: str, *, now: datetime) -> list[Json]:
    """{event, kind, seen_at, position, delivery, words} of each event of the study, the newest first: where `delivery`
    is None, `words` say why there is none. Empty if the study has no event, or nobody has this address."""
    bind = {"key": email_key, "nct_id": present_id(conn, nct_id), "most": MOST}
    rows = conn.execute(text(_EVENTS), bind).all()
    return [
        {
            "event": row.id,
            "kind": row.kind,
            "seen_at": row.seen_at,
            "position": row.position,
            "delivery": row.delivery,
            "words": _in_mail(row) if row.delivery else _why_not(row, now),
        }
        for row in rows
    ]


def _in_mail(row: Row[Any]) -> str:
    if row.delivered == "skipped":
        return f"They were left out of the mail: {_LEFT_OUT.get(row.reason, row.reason)}."
    why = f" ({row.reason})" if row.reason and row.delivered not in ("accepted", "delivered") else ""
    return f"In a mail that is {row.delivered}{why}."


def _why_not(row: Row[Any], now: datetime) -> str:
    """From what holds most often to what holds least."""
    if not row.followed:
        return "They follow nothing that this is about."
    reasons = [reason for one in row.followed if (reason := _not_for(one, row))]
    if len(reasons) == len(row.followed):
        return " ".join(dict.fromkeys(reasons))
    return _not_yet(row, now)


def _not_for(followed: Json, row: Row[Any]) -> str | None:
    """Why this one of their subscriptions does not bring it; None: it does."""
    name = f"{followed['kind']} “{followed['label']}”"
    if followed["ended_at"] and datetime.fromisoformat(followed["ended_at"]) < row.seen_at:
        return f"They had stopped following the {name} on {followed['ended_at'][:10]}."
    if row.position is not None and followed["start_position"] >= row.position:
        return f"They began to follow the {name} after it, on {followed['confirmed_at'][:10]}."
    if followed["evidence"] > followed["reach"]:
        return f"It is about a special kind of the {name}, and they asked for that condition alone."
    if (
        followed["evidence"] == BROADER
        and row.position is not None
        and (followed["wider_from"] or 0) >= row.position
    ):
        return f"They asked for special kinds of the {name} only after it."
    if followed["ended_at"] and not _is_covered(row):
        return f"They stopped following the {name} on {followed['ended_at'][:10]}, before a mail told them."
    return None


def _is_covered(row: Row[Any]) -> bool:
    """By a run of their schedule."""
    upto = row.resume_position if row.resume_position is not None else row.covered_to
    return row.position is not None and row.position <= upto


def _not_yet(row: Row[Any], now: datetime) -> str:
    if row.suppression:
        return f"Their address is on the do-not-mail list ({row.suppression})."
    if row.state == "stopped":
        return "They have stopped all mail."
    if row.position is None:
        return "It has no position yet: the scheduler numbers it within seconds."
    if not _is_covered(row):
        rests = max((at for at in (row.paused_until, row.quiet_until) if at and at > now), default=None)
        if rests:
            return f"It waits until their mail rests no more, on {rests:%-d %b %Y, %H:%M} UTC."
        when = "" if row.frequency == "immediate" else f", due {row.next_due_at:%-d %b %Y, %H:%M} UTC"
        return f"It waits for their next {row.frequency} run{when}."
    return (
        "A run has covered it without a mail to them: they followed it less then, it was told before, "
        "or its mail is older than the ledger keeps."
    )


_EVENTS = """
SELECT e.id, e.kind, e.seen_at, e.position, p.state, p.resume_position, p.paused_until, p.quiet_until,
       c.frequency, c.next_due_at, c.covered_to, d.id AS delivery, d.state AS delivered, d.reason,
       (SELECT reason FROM suppressions x WHERE x.email_key = p.email_key) AS suppression,
       (SELECT jsonb_agg(jsonb_build_object(
            'kind', t.kind, 'label', t.label, 'evidence', m.evidence, 'reach', u.reach, 'wider_from', u.wider_from,
            'start_position', u.start_position, 'confirmed_at', u.confirmed_at, 'ended_at', u.ended_at) ORDER BY u.id)
        FROM event_targets m JOIN targets t ON t.id = m.target_id
        JOIN subscriptions u ON u.target_id = m.target_id AND u.subscriber_id = p.id
        WHERE m.event_id = e.id) AS followed
FROM studies s JOIN change_events e ON e.study_id = s.id
JOIN subscribers p ON p.email_key = :key JOIN schedules c ON c.id = p.schedule_id
LEFT JOIN LATERAL (
  SELECT v.id, v.state, v.reason
  FROM deliveries o JOIN batches b ON b.id = o.batch_id JOIN delivery_states v ON v.id = o.id
  WHERE o.subscriber_id = p.id
    AND EXISTS (SELECT 1 FROM edition_items i WHERE i.edition_id = b.edition_id AND i.event_id = e.id)
  ORDER BY (v.state = 'skipped'), b.id DESC LIMIT 1) d ON true
WHERE s.nct_id = :nct_id ORDER BY e.id DESC LIMIT :most
"""
