"""Letters: mails to one person who waits for them, such as a link to confirm. They go before any digest."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import Connection, text

from notifier.digests.letters import LetterContent, Wish

Mail = Literal["confirm", "welcome", "manage_link", "stopped"]


def post_letter(
    conn: Connection,
    mail: Mail,
    *,
    now: datetime,
    at: datetime | None = None,
    sign_up_id: int | None = None,
    subscriber_id: int | None = None,
) -> UUID | None:
    """Put a letter into the ledger, in the caller's transaction; its delivery's id, or None where the subscriber has
    just been erased. Wake "letter" after the commit.

    It leaves at once, or not before `at`. `confirm` goes to whoever signed up, the others to a subscriber. What it
    says, and whether it may go, is decided when it is claimed.
    """
    if (mail == "confirm") != (sign_up_id is not None) or (sign_up_id is None) == (subscriber_id is None):
        raise ValueError("a confirm letter is about a sign-up, any other about a subscriber")
    delivery_id: UUID | None = conn.execute(
        text(_POST),
        {
            "mail": mail,
            "now": now,
            "at": at or now,
            "sign_up_id": sign_up_id,
            "subscriber_id": subscriber_id,
        },
    ).scalar_one_or_none()
    return delivery_id


# An erasure waits until this letter is in the ledger, and takes its reader out: docs/decisions/0020.
_POST = """
WITH reader AS (SELECT id FROM subscribers WHERE id = CAST(:subscriber_id AS bigint) FOR KEY SHARE),
letter AS (INSERT INTO batches (mail, size, next_attempt_at, created_at)
           SELECT :mail, 1, :at, :now
           WHERE CAST(:sign_up_id AS bigint) IS NOT NULL OR EXISTS (SELECT FROM reader) RETURNING id)
INSERT INTO deliveries (batch_id, sign_up_id, subscriber_id)
SELECT id, CAST(:sign_up_id AS bigint), (SELECT id FROM reader) FROM letter RETURNING id
"""


def is_on_its_way(conn: Connection, sign_up_id: int, *, by: datetime) -> bool:
    """Whether the confirm letter of this sign-up has been posted, and has not come to nothing. One that was to wait
    leaves at `by`, if that is sooner."""
    return bool(conn.execute(text(_ON_ITS_WAY), {"id": sign_up_id, "by": by}).scalar_one())


_ON_ITS_WAY = """
WITH posted AS (
  SELECT b.id FROM deliveries d JOIN batches b ON b.id = d.batch_id
  WHERE d.sign_up_id = :id AND b.state NOT IN ('failed', 'dropped')
    AND (d.state IS NULL OR d.state = 'delivered')),
sooner AS (
  UPDATE batches b SET next_attempt_at = :by FROM posted p
  WHERE b.id = p.id AND b.state = 'planned' AND b.next_attempt_at > :by)
SELECT EXISTS (SELECT FROM posted)
"""


@dataclass(frozen=True, slots=True)
class Letter:
    """`reader` is what its link is made for: the sign-up of a confirm letter, else the subscriber. A repeat of
    the letter carries the same link, as that is dated by when it was posted."""

    content: LetterContent
    reader: UUID
    posted_at: datetime


def load_letters(conn: Connection, batch_ids: list[int]) -> dict[int, Letter]:
    """By batch. Those whose reader has been erased meanwhile are missing."""
    found = conn.execute(text(_LETTERS), {"ids": batch_ids}).all()
    wishes: dict[int, list[Wish]] = {}
    for row in conn.execute(text(_WISHES), {"ids": [row.id for row in found]}):
        wish = Wish(row.title or "", row.key) if row.kind == "study" else Wish(row.label if row.ours else "")
        wishes.setdefault(row.batch_id, []).append(wish)
    return {
        row.id: Letter(
            LetterContent(
                kind="already" if row.follower else row.mail,
                locale=row.locale,
                wishes=tuple(wishes.get(row.id, ())),
                frequency=row.frequency or "",
            ),
            reader=row.follower or row.reader,
            posted_at=row.created_at,
        )
        for row in found
    }


# Who follows all that a sign-up asks for, as often as it asks, needs no link to confirm. Somebody on the
# do-not-mail list does: it lifts that.
_LETTERS = """
SELECT b.id, b.mail, b.created_at,
       COALESCE(g.frequency, h.frequency) AS frequency, COALESCE(g.locale, s.locale) AS locale,
       COALESCE(g.public_id, s.public_id) AS reader,
       (SELECT f.public_id FROM subscribers f JOIN schedules c ON c.id = f.schedule_id
        WHERE f.email_key = g.email_key AND f.state = 'active' AND c.frequency = g.frequency
          AND NOT EXISTS (SELECT 1 FROM suppressions p WHERE p.email_key = g.email_key)
          AND NOT EXISTS (SELECT 1 FROM sign_up_targets w
                          WHERE w.sign_up_id = g.id
                            AND NOT EXISTS (SELECT 1 FROM subscriptions u
                                            WHERE u.subscriber_id = f.id AND u.target_id = w.target_id
                                              AND u.ended_at IS NULL AND u.reach >= w.reach))) AS follower
FROM batches b JOIN deliveries d ON d.batch_id = b.id
LEFT JOIN sign_ups g ON g.id = d.sign_up_id
LEFT JOIN subscribers s ON s.id = d.subscriber_id
LEFT JOIN schedules h ON h.id = s.schedule_id
WHERE b.id = ANY(:ids) AND COALESCE(g.id, s.id) IS NOT NULL
"""

# What a sign-up asks for; what somebody who is welcomed follows. A stranger's words do not go into a mail: what is
# named has stood in a study, or is followed by the reader already.
_WISHES = """
SELECT w.batch_id, t.kind, t.key, t.label, COALESCE(c.question, s.facts ->> 'briefTitle') AS title,
       t.known OR w.is_followed AS ours
FROM (SELECT d.batch_id, w.target_id,
             EXISTS (SELECT 1 FROM sign_ups g JOIN subscribers f ON f.email_key = g.email_key
                     JOIN subscriptions u ON u.subscriber_id = f.id
                     WHERE g.id = w.sign_up_id AND u.target_id = w.target_id AND u.ended_at IS NULL) AS is_followed
      FROM deliveries d JOIN sign_up_targets w ON w.sign_up_id = d.sign_up_id WHERE d.batch_id = ANY(:ids)
      UNION ALL
      SELECT d.batch_id, u.target_id, true
      FROM deliveries d JOIN batches b ON b.id = d.batch_id AND b.mail = 'welcome'
      JOIN subscriptions u ON u.subscriber_id = d.subscriber_id AND u.ended_at IS NULL
      WHERE d.batch_id = ANY(:ids)) w
JOIN targets t ON t.id = w.target_id
LEFT JOIN study_cards c ON t.kind = 'study' AND c.nct_id = t.key
LEFT JOIN studies s ON t.kind = 'study' AND s.nct_id = t.key
ORDER BY w.batch_id, t.kind DESC, t.label
"""
