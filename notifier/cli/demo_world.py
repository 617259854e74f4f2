"""The demo's made-up studies and people, and who is to hear of what.

Who hears of what is worked out here from the two files alone, by plain comparison of words. The product
has no part in it, so that the demo can hold the product to it.
"""

import csv
import re
import tomllib
from collections import defaultdict
from datetime import date, timedelta
from importlib.resources import files
from typing import Any

from notifier.db.base import Json

KNOWN, NEWS, MORE_NEWS = 1, 2, 3  # the rounds in which the registry shows something
SMALL_WORDS = frozenset({"of", "the", "and", "in", "with"})
DATA = files("notifier") / "demo_data"


def people_csv() -> str:
    return (DATA / "people.csv").read_text("utf-8")


def zones() -> set[str]:
    return {row["timezone"] for row in _people()}


def _posting_day(round_: int, today: date) -> date:
    """When the registry posted what it shows in this round: long ago, today, tomorrow."""
    return today + timedelta(days={KNOWN: -30, NEWS: 0, MORE_NEWS: 1}[round_])


def records(round_: int, today: date) -> list[Json]:
    """What the registry shows in this round, as records of its API."""
    day = _posting_day(round_, today).isoformat()
    return [_record(_as_of(study, round_), day) for study in _studies() if _appears(study, round_)]


def cards() -> list[Json]:
    """The site's plain-language cards."""
    return [{"nct_id": study["nct_id"], **study["card"]} for study in _studies() if "card" in study]


def expected_studies(round_: int) -> dict[str, set[str]]:
    """What each person's mail must be about. Who is not in it must get none."""
    expected: dict[str, set[str]] = defaultdict(set)
    for wish in _people():
        for study in _studies():
            if _is_told(study, round_) and _wants(wish, study, round_):
                expected[wish["email"]].add(study["nct_id"])
    return dict(expected)


def frequencies() -> dict[str, str]:
    return {row["email"]: row["frequency"] for row in _people()}


def _people() -> list[dict[str, str]]:
    return list(csv.DictReader(people_csv().splitlines()))


def _world() -> dict[str, Any]:
    return tomllib.loads((DATA / "studies.toml").read_text("utf-8"))


def _studies() -> list[dict[str, Any]]:
    world = _world()
    return [{**study, **world["about"][study["about"]]} for study in world["study"]]


def _appears(study: dict[str, Any], round_: int) -> bool:
    return bool(study["first"] == round_ or str(round_) in study.get("then", {}))


def _is_told(study: dict[str, Any], round_: int) -> bool:
    return _appears(study, round_) and study.get("then", {}).get(str(round_), {}).get("told", True)


def _wants(wish: dict[str, str], study: dict[str, Any], round_: int) -> bool:
    """Followers of a study hear of its changes, followers of a condition of new studies about it."""
    if study["first"] != round_:
        return bool(wish["study"] == study["nct_id"])
    headings = [heading["term"] for heading in study["meshes"] + study["ancestors"]]
    return _words(wish["condition"]) in [_words(text) for text in study["conditions"] + headings]


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"[a-z0-9]+", text.lower())) - SMALL_WORDS


def _as_of(study: dict[str, Any], round_: int) -> dict[str, Any]:
    then = study.get("then", {})
    steps = [then[number] for number in sorted(then) if int(number) <= round_]
    return {key: value for step in [study, *steps] for key, value in step.items()}


def _record(study: dict[str, Any], day: str) -> Json:
    return {
        "protocolSection": {
            "identificationModule": {
                "nctId": study["nct_id"],
                "organization": {"fullName": "Example Research Network", "class": "OTHER"},
                "briefTitle": study["title"],
            },
            "statusModule": _status(study, day),
            "sponsorCollaboratorsModule": {"leadSponsor": {"name": "Example Research Network"}},
            "descriptionModule": {"briefSummary": study["summary"]},
            "conditionsModule": {"conditions": study["conditions"]},
            "designModule": {
                "studyType": study["type"],
                "phases": study.get("phases", []),
                "enrollmentInfo": study["people"],
            },
            "eligibilityModule": {"minimumAge": study["age"][0], "maximumAge": study["age"][1]},
            "contactsLocationsModule": {"locations": [_place(place, study) for place in study["places"]]},
        },
        "derivedSection": {
            "miscInfoModule": {"versionHolder": day},
            "conditionBrowseModule": {"meshes": study["meshes"], "ancestors": study["ancestors"]},
        },
        "hasResults": study.get("results", False),
    }


def _status(study: dict[str, Any], day: str) -> Json:
    return {
        "statusVerifiedDate": day[:7],
        "overallStatus": study["status"],
        "whyStopped": study.get("why"),
        "startDateStruct": study["start"],
        "completionDateStruct": study["end"],
        "studyFirstPostDateStruct": {"date": study.get("posted", day), "type": "ACTUAL"},
        "lastUpdatePostDateStruct": {"date": day, "type": "ACTUAL"},
    }


def _place(text: str, study: dict[str, Any]) -> Json:
    facility, city, country = text.split(" | ")
    is_open = study["status"] in ("RECRUITING", "NOT_YET_RECRUITING")
    return {
        "facility": facility,
        "city": city,
        "country": country,
        "status": study["status"] if is_open else None,
    }
