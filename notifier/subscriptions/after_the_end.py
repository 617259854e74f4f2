"""A study has ended: what somebody who follows it may follow instead."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection

from notifier.conditions.normal_form import normal_form
from notifier.conditions.store import store_targets
from notifier.subscriptions.changing import follow
from notifier.subscriptions.signing_up import REACH
from notifier.subscriptions.wishes import readable_conditions, wished_targets

MOST_OFFERED = 3


def conditions_to_offer(conditions: Sequence[str], followed: Collection[str]) -> tuple[str, ...]:
    """The study's own, but for those that are followed already (their normal forms)."""
    offered = (words for words in readable_conditions(conditions) if normal_form(words) not in followed)
    return tuple(offered)[:MOST_OFFERED]


def follow_condition(
    conn: Connection, subscriber_id: int, condition: str, *, via: str, now: datetime
) -> bool:
    """Hear of new studies for it from now on. False where it was followed already. Raises LookupError for people who
    are gone, BadWish for what is no condition."""
    (target_id,) = store_targets(conn, wished_targets(None, [condition])).values()
    return follow(conn, subscriber_id, target_id, reach=REACH, source=via, via=via, now=now)
