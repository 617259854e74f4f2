"""Two sets of facts compared: the typed changes that followers are told, and nothing else."""

from notifier.db.base import Json
from notifier.registry.places import compare_places
from notifier.registry.rules import LISTS, PLACES, VALUES


def compare(told: Json, facts: Json) -> list[Json]:
    """Changes from what followers were last told to `facts`.

    A fact that one side does not have at all (a partial record, or facts of an older FACTS_SCHEMA)
    makes no change.
    """
    return [change for fact in facts if fact in told and (change := _change(fact, told, facts))]


def told_facts(facts: Json, baseline: Json) -> Json:
    """What followers were last told. `baseline` holds only where that is not what is stored."""
    return facts | baseline


def next_baseline(told: Json, facts: Json, changes: list[Json]) -> Json:
    """The baseline to store with `facts`: what followers still believe of facts not told just now.

    So what moves a little each day adds up until it has moved far enough, and what comes back to
    where it was leaves nothing behind.
    """
    reported = {change["field"] for change in changes}
    compared = (fact for fact in facts if fact in told and _is_compared(fact) and fact not in reported)
    return {fact: told[fact] for fact in compared if told[fact] != facts[fact]}


def _is_compared(fact: str) -> bool:
    return fact in VALUES or fact in LISTS or fact == PLACES


def _change(fact: str, told: Json, facts: Json) -> Json | None:
    before, after = told[fact], facts[fact]
    if before == after:
        return None
    if fact in VALUES:
        return {"field": fact, "before": before, "after": after} if VALUES[fact](before, after) else None
    if fact in LISTS:
        diff = LISTS[fact](before, after)
    elif fact == PLACES:
        diff = compare_places(before, after, told.get("overallStatus"), facts.get("overallStatus"))
    else:
        return None
    return diff.as_change(fact) if diff else None
