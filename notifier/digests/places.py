"""What became of a study's places."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from notifier.digests.content import Change
from notifier.digests.statuses import TAKING_PEOPLE, Statuses
from notifier.digests.vocabulary import WORDS

Place = Mapping[str, Any]
Groups = list[tuple[Mapping[str, str], list[Any]]]
"""Words, and the places that they are about."""
_FATES: dict[str, Mapping[str, str]] = WORDS["places"]
_CLOSED = frozenset(
    {
        "ACTIVE_NOT_RECRUITING",
        "COMPLETED",
        "TERMINATED",
        "WITHDRAWN",
        "NO_LONGER_AVAILABLE",
        "APPROVED_FOR_MARKETING",
    }
)


def place_groups(change: Change, words: Mapping[str, Any], statuses: Statuses) -> Groups:
    """Added, removed, and the rest by what became of it, the open ones first."""
    added, removed, replaced = _without_same_city(change["added"], change["removed"])
    fates: dict[str, list[Place]] = {fate: [] for fate in _FATES}
    for pair in change["changed"]:
        fates[_fate(pair["before"], pair["after"], statuses)].append(pair["after"])
    fates["renamed"] += replaced
    return [
        (words["added"], added),
        (words["removed"], removed),
        *((_FATES[fate], places) for fate, places in fates.items()),
    ]


def _without_same_city(
    added: Sequence[Place], removed: Sequence[Place]
) -> tuple[list[Place], list[Place], list[Place]]:
    """A place that came where one went: nobody reads that a city was added and removed."""
    gone: dict[object, list[Place]] = defaultdict(list)
    for place in removed:
        gone[_city(place)].append(place)
    came, replaced, taken = [], [], set()
    for place in added:
        if place.get("city") and (same := gone[_city(place)]):
            taken.add(id(same.pop()))
            replaced.append(place)
        else:
            came.append(place)
    return came, [place for place in removed if id(place) not in taken], replaced


def _city(place: Place) -> tuple[object, object]:
    return place.get("city"), place.get("country")


def _fate(before: Place, after: Place, study: Statuses) -> str:
    """A place without a status of its own has the study's; that it is open is said only where it is written."""
    was, now = before.get("status") or study.before, after.get("status") or study.after
    if was == now or now is None:
        return "renamed"
    if now in _CLOSED and (was in _CLOSED or was is None):
        return "renamed"
    if now in _CLOSED:
        return "never" if was == "NOT_YET_RECRUITING" else "closed"
    if now in TAKING_PEOPLE:
        return "RECRUITING" if after.get("status") else "renamed"
    return now if now in _FATES else "renamed"
