"""Invented records in the registry's shape."""

from collections.abc import Iterable
from copy import deepcopy
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Engine, text

from notifier.registry.intake import IntakeResult, take_in
from notifier.registry.records import RawRecord, Rejection

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
SINCE = date(2026, 11, 1)

Record = dict[str, Any]

_STUDY: Record = {
    "protocolSection": {
        "identificationModule": {
            "nctId": "NCT01234567",
            "nctIdAliases": [],
            "organization": {"fullName": "Example Institute", "class": "OTHER"},
            "briefTitle": "Tea for Tired Eyes",
            "officialTitle": "A Randomized Trial of Tea for Tired Eyes",
        },
        "statusModule": {
            "statusVerifiedDate": "2026-10",
            "overallStatus": "RECRUITING",
            "startDateStruct": {"date": "2026-12-01", "type": "ESTIMATED"},
            "primaryCompletionDateStruct": {"date": "2028-03", "type": "ESTIMATED"},
            "completionDateStruct": {"date": "2028-06", "type": "ESTIMATED"},
            "studyFirstPostDateStruct": {"date": "2026-11-10", "type": "ACTUAL"},
            "lastUpdatePostDateStruct": {"date": "2026-11-10", "type": "ACTUAL"},
        },
        "sponsorCollaboratorsModule": {"leadSponsor": {"name": "Example Institute", "class": "OTHER"}},
        "descriptionModule": {
            "briefSummary": "This study asks if tea helps tired eyes.",
            "detailedDescription": "People drink tea.\n\nThey read a page.",
        },
        "conditionsModule": {"conditions": ["Dry Eye", "Eye Strain"], "keywords": ["tea"]},
        "designModule": {
            "studyType": "INTERVENTIONAL",
            "phases": ["PHASE2"],
            "enrollmentInfo": {"count": 200, "type": "ESTIMATED"},
        },
        "armsInterventionsModule": {
            "armGroups": [
                {
                    "label": "Tea",
                    "type": "EXPERIMENTAL",
                    "description": "Two cups a day",
                    "interventionNames": ["Drug: Tea"],
                },
                {"label": "Water", "type": "PLACEBO_COMPARATOR", "description": "Two cups a day"},
            ],
            "interventions": [{"type": "DRUG", "name": "Tea", "description": "Green tea, two cups"}],
        },
        "outcomesModule": {
            "primaryOutcomes": [
                {"measure": "Eye comfort score", "timeFrame": "12 weeks", "description": "0 to 100"}
            ],
            "secondaryOutcomes": [{"measure": "Reading speed", "timeFrame": "12 weeks"}],
        },
        "eligibilityModule": {
            "eligibilityCriteria": "Inclusion Criteria:\n\n* Age \\>= 18 years\n* Tired eyes\n\n"
            "Exclusion Criteria:\n\n* Tea allergy",
            "healthyVolunteers": False,
            "sex": "ALL",
            "minimumAge": "18 Years",
            "maximumAge": "65 Years",
        },
        "contactsLocationsModule": {
            "centralContacts": [{"name": "Alex Doe", "phone": "+1 555 0100", "email": "alex@example.org"}],
            "locations": [
                {
                    "facility": "North Hospital",
                    "city": "Oslo",
                    "country": "Norway",
                    "status": "RECRUITING",
                    "zip": "0150",
                },
                {
                    "facility": "South Clinic",
                    "city": "Lyon",
                    "country": "France",
                    "status": "NOT_YET_RECRUITING",
                },
            ],
        },
        "referencesModule": {
            "references": [
                {"pmid": "100", "type": "BACKGROUND", "citation": "Doe A. Tea and eyes. J Tea. 2020;1:1-2."}
            ]
        },
    },
    "derivedSection": {
        "miscInfoModule": {"versionHolder": "2026-11-12"},
        "conditionBrowseModule": {
            "meshes": [{"id": "D015352", "term": "Dry Eye Syndromes"}],
            "ancestors": [{"id": "D005128", "term": "Eye Diseases"}],
        },
    },
    "hasResults": False,
}


def study(**fields: Any) -> Record:
    """The sample study, with some fields (by the registry's key, wherever it stands) set; None takes one out."""
    record = deepcopy(_STUDY)
    for key, value in fields.items():
        place = record if key in ("hasResults", "documentSection") else _module_of(record, key)
        if value is None:
            place.pop(key, None)
        else:
            place[key] = deepcopy(value)
    return record


def partial(nct_id: str = "NCT01234567", **fields: Any) -> Record:
    """A record limited to some fields, as the registry's API gives on request."""
    whole = study(nctId=nct_id, **fields)
    modules: dict[str, Any] = {"identificationModule": {"nctId": nct_id}}
    for key in fields:
        for name, module in whole["protocolSection"].items():
            if key in module:
                modules.setdefault(name, {})[key] = module[key]
    return {"protocolSection": modules}


def later(record: Record, posted: str = "2026-11-20", taken: str = "2026-11-21") -> Record:
    """The record as the registry posts it again."""
    record = deepcopy(record)
    record["protocolSection"]["statusModule"]["lastUpdatePostDateStruct"] = {"date": posted, "type": "ACTUAL"}
    record["derivedSection"]["miscInfoModule"]["versionHolder"] = taken
    return record


def place(facility: str, city: str, country: str = "Norway", status: str | None = "RECRUITING") -> Record:
    return {"facility": facility, "city": city, "country": country} | ({"status": status} if status else {})


def raw(records: Iterable[Any], file: str = "sample.ndjson") -> list[RawRecord | Rejection]:
    return [RawRecord(file, line, record) for line, record in enumerate(records, 1)]


def take(engine: Engine, *records: Any, since: date = SINCE) -> IntakeResult:
    return take_in(engine, raw(records), since=since, now=NOW)


def events(engine: Engine) -> list[Any]:
    """All events in the order of their positions, with the NCT id and the fields that changed."""
    query = text("""
        SELECT e.*, s.nct_id, ARRAY(SELECT c->>'field' FROM jsonb_array_elements(e.changes) c) AS fields
        FROM change_events e JOIN studies s ON s.id = e.study_id ORDER BY e.position
    """)
    with engine.connect() as conn:
        return list(conn.execute(query))


def targets_of(engine: Engine, event_id: int) -> dict[tuple[str, str], int]:
    query = text("""
        SELECT t.kind, t.label, et.evidence FROM event_targets et JOIN targets t ON t.id = et.target_id
        WHERE et.event_id = :id
    """)
    with engine.connect() as conn:
        return {(row.kind, row.label): row.evidence for row in conn.execute(query, {"id": event_id})}


def _module_of(record: Record, key: str) -> Record:
    homes = {
        "versionHolder": ("derivedSection", "miscInfoModule"),
        "meshes": ("derivedSection", "conditionBrowseModule"),
        "ancestors": ("derivedSection", "conditionBrowseModule"),
        "whyStopped": ("protocolSection", "statusModule"),
        "lastKnownStatus": ("protocolSection", "statusModule"),
    }
    if key in homes:
        section, name = homes[key]
        return record[section][name]
    return next(module for module in record["protocolSection"].values() if key in module)
