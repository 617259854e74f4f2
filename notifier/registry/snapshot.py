"""What a card shows of a study, as it was at an event."""

from collections import Counter
from collections.abc import Iterable
from datetime import date
from typing import Any

from notifier.db.base import Json

MAX_CONDITIONS = 10
MAX_SUMMARY = 600  # characters: what a reader takes in at a glance


def snapshot(nct_id: str, facts: Json, first_seen: date) -> Json:
    places = facts.get("locations") or []
    return {
        "nctId": nct_id,
        "briefTitle": facts.get("briefTitle"),
        "overallStatus": facts.get("overallStatus"),
        "whyStopped": facts.get("whyStopped"),
        "phases": facts.get("phases") or [],
        "studyType": facts.get("studyType"),
        "conditions": (facts.get("conditions") or [])[:MAX_CONDITIONS],
        "locationCount": len(places),
        "locationsByCountry": _by_country(places),
        "enrollment": facts.get("enrollment"),
        "briefSummary": _cut(facts.get("briefSummary")),
        "firstPosted": facts.get("firstPosted"),
        "lastUpdatePosted": facts.get("lastUpdatePosted"),
        "firstSeen": first_seen.isoformat(),
        "hasResults": bool(facts.get("hasResults")),
    }


def _by_country(places: Iterable[Json]) -> list[list[Any]]:
    """[country, how many], most first; places of no country are left out. A list, as the order is told."""
    counts = Counter(place["country"] for place in places if place["country"])
    return [[country, count] for country, count in sorted(counts.items(), key=lambda one: (-one[1], one[0]))]


def _cut(summary: str | None) -> str | None:
    """At the end of a sentence; where a sentence is too long, after a word, with an ellipsis."""
    if summary is None or len(summary) <= MAX_SUMMARY:
        return summary
    head = summary[:MAX_SUMMARY]
    ends = [head.rfind(end) for end in (". ", ".\n", "? ", "! ", "?\n", "!\n")]
    if max(ends) > 0:
        return head[: max(ends) + 1]
    return head[: MAX_SUMMARY - 1].rpartition(" ")[0].rstrip(",;:") + "…"
