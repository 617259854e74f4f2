"""Made-up registry records."""

import copy
from typing import Any

Record = dict[str, Any]


def record(
    nct_id: str = "NCT90000001",
    *,
    posted: str = "2026-11-01",
    first_posted: str = "2026-11-22",
    **changes: Any,
) -> Record:
    """A whole record in the registry's shape. `changes` replace modules' fields by their own names."""
    made = copy.deepcopy(_BASE)
    section = made["protocolSection"]
    section["identificationModule"]["nctId"] = nct_id
    section["statusModule"]["studyFirstPostDateStruct"]["date"] = first_posted
    section["statusModule"]["lastUpdatePostDateStruct"]["date"] = posted
    for module in section.values():
        for name in [name for name in changes if name in module]:
            module[name] = changes.pop(name)
    section["statusModule"].update({name: changes.pop(name) for name in ("whyStopped",) if name in changes})
    made.update(changes)
    return made


_BASE: Record = {
    "protocolSection": {
        "identificationModule": {
            "nctId": "",
            "nctIdAliases": [],
            "briefTitle": "A Made-Up Tablet for Made-Up Airways",
            "officialTitle": "A Made-Up Trial of a Made-Up Tablet in People With Made-Up Airways",
        },
        "statusModule": {
            "overallStatus": "NOT_YET_RECRUITING",
            "statusVerifiedDate": "2026-10",
            "startDateStruct": {"date": "2026-12-01", "type": "ESTIMATED"},
            "primaryCompletionDateStruct": {"date": "2028-02", "type": "ESTIMATED"},
            "completionDateStruct": {"date": "2028-06", "type": "ESTIMATED"},
            "studyFirstPostDateStruct": {"date": "", "type": "ACTUAL"},
            "lastUpdatePostDateStruct": {"date": "", "type": "ACTUAL"},
        },
        "sponsorCollaboratorsModule": {"leadSponsor": {"name": "Example University", "class": "OTHER"}},
        "descriptionModule": {"briefSummary": "This made-up study tests a tablet. It is for testing only."},
        "conditionsModule": {"conditions": ["Asthma"], "keywords": ["airways"]},
        "designModule": {
            "studyType": "INTERVENTIONAL",
            "phases": ["PHASE2"],
            "enrollmentInfo": {"count": 120, "type": "ESTIMATED"},
        },
        "armsInterventionsModule": {"interventions": [{"type": "DRUG", "name": "Tablet A"}]},
        "outcomesModule": {"primaryOutcomes": [{"measure": "Breath", "timeFrame": "12 weeks"}]},
        "eligibilityModule": {
            "eligibilityCriteria": "Adults with asthma.",
            "healthyVolunteers": False,
            "sex": "ALL",
            "minimumAge": "18 Years",
        },
        "contactsLocationsModule": {
            "locations": [
                {
                    "facility": "Example Clinic",
                    "city": "Lyon",
                    "country": "France",
                    "status": "NOT_YET_RECRUITING",
                }
            ]
        },
    },
    "derivedSection": {
        "conditionBrowseModule": {
            "meshes": [{"id": "D001249", "term": "Asthma"}],
            "ancestors": [{"id": "D001982", "term": "Bronchial Diseases"}],
        }
    },
    "hasResults": False,
}
