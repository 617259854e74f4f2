"""Places of a study: opened, closed, renamed, or changed status."""

import re
from difflib import SequenceMatcher
from functools import lru_cache

from notifier.db.base import Json
from notifier.registry.keyed import ListDiff, pair_by_key, pair_by_likeness
from notifier.registry.text import bare
from notifier.registry.thresholds import OPEN_STATUSES, SAME_CITY

_IN_PARENTHESES = re.compile(r"\([^)]*\)")
_bare = lru_cache(maxsize=2**14)(bare)

# The registry renames countries and cities in bulk; a place that is else the same has not moved.
_COUNTRIES = {
    "korearepublicof": "southkorea",
    "russianfederation": "russia",
    "iranislamicrepublicof": "iran",
    "moldovarepublicof": "moldova",
    "czechrepublic": "czechia",
    "formeryugoslavrepublicofmacedonia": "northmacedonia",
    "macedoniatheformeryugoslavrepublicof": "northmacedonia",
    "syrianarabrepublic": "syria",
    "libyanarabjamahiriya": "libya",
}


def compare_places(
    before: list[Json], after: list[Json], study_before: str | None, study_after: str | None
) -> ListDiff:
    """`study_before` and `study_after` are the overall statuses that go with the two lists."""
    moved, gone, new = pair_by_key(before, after, _place)
    respelled, gone, new = pair_by_likeness(gone, new, _facility, _city_likeness, SAME_CITY)
    renamed, gone, new = pair_by_likeness(gone, new, _city, _facility_likeness, 0)
    changed = [pair for pair in moved + respelled if _status_told(*pair, study_before, study_after)]
    return ListDiff(added=new, removed=gone, changed=changed + renamed)


def _status_told(old: Json, new: Json, study_before: str | None, study_after: str | None) -> bool:
    """A status that comes or goes with the study's own says nothing about the place.

    When a study closes, the registry drops the statuses of its places.
    """
    if old["status"] == new["status"]:
        return False
    if new["status"] is None:
        return study_after in OPEN_STATUSES and old["status"] != study_after
    if old["status"] is None:
        return new["status"] != study_before and (
            study_after in OPEN_STATUSES or new["status"] != study_after
        )
    return True


def _place(place: Json) -> tuple[str, str, str]:
    return _bare(place["facility"]), _bare(place["city"]), _country(place)


def _facility(place: Json) -> tuple[str, str]:
    return _bare(place["facility"]), _country(place)


def _city(place: Json) -> tuple[str, str]:
    return _bare(place["city"]), _country(place)


@lru_cache(maxsize=2**10)
def _country_key(name: str | None) -> str:
    key = bare(_IN_PARENTHESES.sub(" ", name or ""))
    return _COUNTRIES.get(key, key)


def _country(place: Json) -> str:
    return _country_key(place["country"])


def _city_likeness(old: Json, new: Json) -> float:
    return _alike(_bare(old["city"]), _bare(new["city"]))


def _facility_likeness(old: Json, new: Json) -> float:
    """-1 where they cannot be one: neither the name nor the status speaks for it."""
    likeness = _alike(_bare(old["facility"]), _bare(new["facility"]))
    return likeness if old["status"] == new["status"] or likeness >= SAME_CITY else -1


def _alike(one: str, other: str) -> float:
    if one and other and (one in other or other in one):
        return 1
    return SequenceMatcher(None, one, other, autojunk=False).ratio()
