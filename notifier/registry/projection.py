"""From a registry record to facts: what a follower can be told, and what a card shows."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

import orjson

from notifier.conditions.targets import concept_id
from notifier.db.base import Json
from notifier.registry.fields import Fields, first_day
from notifier.registry.records import BadRecord

# Grows when a fact is added or its shape changes. Facts that an older version did not have are adopted
# without telling anybody.
FACTS_SCHEMA = 1

_NCT_ID = re.compile(r"NCT(?!0{8})[0-9]{8}")  # the registry refuses questions about NCT00000000
Reader = Callable[[Fields, str], Any]
Readers = dict[str, tuple[str, Reader]]  # by fact: the registry's key, and how to read it


@dataclass(frozen=True, slots=True)
class StudyVersion:
    """One record, read. A partial record has only the facts that it gives.

    `encoded` is `facts` as JSON, always the same for the same facts; `digest` is its hash.
    """

    nct_id: str
    facts: Json
    encoded: bytes
    digest: bytes
    is_partial: bool
    updated_on: date | None
    data_date: date | None
    first_posted_on: date | None


def project(record: object) -> StudyVersion:
    """Raises BadRecord, and nothing else, whatever the JSON."""
    root = Fields(record)
    protocol, derived = root.part("protocolSection"), root.part("derivedSection")
    identification = protocol.part("identificationModule")
    nct_id = clean_nct_id(identification.text("nctId"))
    data_date = derived.part("miscInfoModule").date_text("versionHolder")
    # The registry gives both with every full record; a response limited by `fields=` lacks them.
    is_partial = data_date is None or "organization" not in identification
    facts = _facts(root, protocol, derived, is_partial)
    encoded = encode(facts)
    return StudyVersion(
        nct_id,
        facts,
        encoded,
        digest(encoded),
        is_partial,
        _day(facts.get("lastUpdatePosted")),
        _day(data_date),
        _day(facts.get("firstPosted")),
    )


def encode(facts: Json) -> bytes:
    return orjson.dumps(facts, option=orjson.OPT_SORT_KEYS)


def digest(encoded: bytes) -> bytes:
    return hashlib.blake2b(encoded, digest_size=16).digest()


def clean_nct_id(text: str | None) -> str:
    """ "nct01234567 " is NCT01234567. Raises BadRecord."""
    if text is None:
        raise BadRecord("there is no NCT id (protocolSection.identificationModule.nctId)")
    nct_id = text.strip().upper()
    if not _NCT_ID.fullmatch(nct_id):
        raise BadRecord(f"{text[:40]!r} is not an NCT id; one looks like NCT01234567")
    return nct_id


def _nct_ids(module: Fields, key: str) -> list[str]:
    """What is none is left out: a study's former ids are no reason to reject its record."""
    try:
        found = {text.upper() for text in module.texts(key)}
    except BadRecord:
        return []
    return sorted(filter(_NCT_ID.fullmatch, found))


def _day(text: str | None) -> date | None:
    return first_day(text) if text else None


def _dated(module: Fields, key: str) -> Json | None:
    struct = module.part(key)
    day = struct.date_text("date")
    return {"date": day, "type": struct.text("type")} if day else None


def _posted(module: Fields, key: str) -> str | None:
    return module.part(key).date_text("date")


def _enrollment(module: Fields, key: str) -> Json | None:
    info = module.part(key)
    count = info.count("count")
    return {"count": count, "type": info.text("type")} if count is not None else None


def _name(module: Fields, key: str) -> str | None:
    return module.part(key).text("name")


def _locations(module: Fields, key: str) -> list[Json]:
    """Without contacts, postcode and coordinates. In one order, as the registry's own is arbitrary."""
    return [
        {
            "facility": facility or None,
            "city": city or None,
            "country": country or None,
            "status": status or None,
        }
        for country, city, facility, status in sorted(
            module.rows(key, ("country", "city", "facility", "status"))
        )
    ]


def _contacts(module: Fields, key: str) -> list[str]:
    """Names, telephone numbers and addresses are people's own: only a digest is kept, to see a change by."""
    return sorted(_contact_digest(contact) for contact in module.parts(key))


def _contact_digest(contact: Fields) -> str:
    name, phone, email = (contact.text(key) or "" for key in ("name", "phone", "email"))
    digits = "".join(filter(str.isdigit, phone))
    return hashlib.sha256(f"{name.casefold()}\n{digits}\n{email.casefold()}".encode()).hexdigest()[:16]


def _arms(module: Fields, key: str) -> list[Json]:
    return [
        {
            "label": arm.text("label"),
            "type": arm.text("type"),
            "description": arm.text("description"),
            "interventionNames": sorted(arm.texts("interventionNames")),
        }
        for arm in module.parts(key)
    ]


def _items(*names: str) -> Callable[[Fields, str], list[Json]]:
    def read(module: Fields, key: str) -> list[Json]:
        return [
            {name: cell or None for name, cell in zip(names, row, strict=True)}
            for row in module.rows(key, names)
        ]

    return read


def _references(module: Fields, key: str) -> list[Json]:
    references = _items("pmid", "type", "citation")(module, key)
    for reference, given in zip(references, module.parts(key), strict=True):
        reference["retracted"] = given.is_given("retractions")
    return references


def _documents(module: Fields, key: str) -> list[Json]:
    return [
        {
            "type": document.text("typeAbbrev"),
            "label": document.text("label"),
            "date": document.date_text("date"),
        }
        for document in module.parts(key)
    ]


def _headings(module: Fields, key: str) -> list[Json]:
    headings = module.rows(key, ("id", "term"))
    return [{"id": concept_id(mesh_id), "term": term} for mesh_id, term in headings if mesh_id and term]


def _has_results(root: Fields, key: str) -> bool:
    return bool(root.flag(key))


_OUTCOMES = _items("measure", "timeFrame", "description")
_PROTOCOL: dict[str, Readers] = {
    "identificationModule": {
        "briefTitle": ("briefTitle", Fields.text),
        "officialTitle": ("officialTitle", Fields.text),
        "aliases": ("nctIdAliases", _nct_ids),
    },
    "statusModule": {
        "overallStatus": ("overallStatus", Fields.text),
        "whyStopped": ("whyStopped", Fields.text),
        "startDate": ("startDateStruct", _dated),
        "primaryCompletionDate": ("primaryCompletionDateStruct", _dated),
        "completionDate": ("completionDateStruct", _dated),
        "firstPosted": ("studyFirstPostDateStruct", _posted),
        "lastUpdatePosted": ("lastUpdatePostDateStruct", _posted),
    },
    "sponsorCollaboratorsModule": {"leadSponsor": ("leadSponsor", _name)},
    "descriptionModule": {
        "briefSummary": ("briefSummary", Fields.lines),
        "detailedDescription": ("detailedDescription", Fields.lines),
    },
    "conditionsModule": {"conditions": ("conditions", Fields.texts), "keywords": ("keywords", Fields.texts)},
    "designModule": {
        "studyType": ("studyType", Fields.text),
        "phases": ("phases", Fields.texts),
        "enrollment": ("enrollmentInfo", _enrollment),
    },
    "armsInterventionsModule": {
        "armGroups": ("armGroups", _arms),
        "interventions": ("interventions", _items("type", "name", "description")),
    },
    "outcomesModule": {
        "primaryOutcomes": ("primaryOutcomes", _OUTCOMES),
        "secondaryOutcomes": ("secondaryOutcomes", _OUTCOMES),
    },
    "eligibilityModule": {
        "eligibilityCriteria": ("eligibilityCriteria", Fields.lines),
        "minimumAge": ("minimumAge", Fields.text),
        "maximumAge": ("maximumAge", Fields.text),
        "sex": ("sex", Fields.text),
        "healthyVolunteers": ("healthyVolunteers", Fields.flag),
    },
    "contactsLocationsModule": {
        "locations": ("locations", _locations),
        "centralContacts": ("centralContacts", _contacts),
    },
    "referencesModule": {"references": ("references", _references)},
}
_DOCUMENTS: Readers = {"largeDocuments": ("largeDocs", _documents)}
_BROWSE: Readers = {"meshes": ("meshes", _headings), "ancestors": ("ancestors", _headings)}
_ROOT: Readers = {"hasResults": ("hasResults", _has_results)}


READERS: Readers = {
    fact: how for module in (*_PROTOCOL.values(), _DOCUMENTS, _ROOT) for fact, how in module.items()
}


def _facts(root: Fields, protocol: Fields, derived: Fields, is_partial: bool) -> Json:
    facts: Json = {}
    modules = [(protocol.part(name), readers) for name, readers in _PROTOCOL.items()]
    modules.append((root.part("documentSection").part("largeDocumentModule"), _DOCUMENTS))
    modules.append((derived.part("conditionBrowseModule"), _BROWSE))
    modules.append((root, _ROOT))
    for module, readers in modules:
        for fact, (key, read) in readers.items():
            if key in module or not is_partial:
                facts[fact] = read(module, key)
    return facts
