"""What made-up mails are made of. Nothing here is a real study, person or place of care."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any, Literal
from zlib import crc32

from notifier.digests.content import Card, Change, EditionContent, Item, Reason, Snapshot


def item_token(target_id: int) -> str:
    return f"item-{target_id}"


def reason(kind: Literal["study", "condition"], label: str, evidence: int) -> Reason:
    return Reason(kind, label, evidence, crc32(f"{kind} {label}".encode(errors="replace")) % 10**6 + 1)


CONDITION = "SQUAMOUS CELL CARCINOMA OF THE HEAD AND NECK"


def snapshot(**values: Any) -> Snapshot:
    return {
        "nctId": "NCT05000000",
        "briefTitle": "Sunvertinol With Radiation in Adults With Throat Tumors",
        "overallStatus": "RECRUITING",
        "whyStopped": None,
        "phases": ["PHASE2"],
        "studyType": "INTERVENTIONAL",
        "conditions": ["Throat Tumor"],
        "locationsByCountry": [["France", 8], ["Italy", 4]],
        "locationCount": 12,
        "enrollment": {"count": 240, "type": "ESTIMATED"},
        "briefSummary": (
            "The purpose of this randomized study is to compare sunvertinol with placebo. "
            "People get radiation for six weeks and are then followed for two years."
        ),
        "firstPosted": "2025-03-03",
        "lastUpdatePosted": "2026-11-20",
        "firstSeen": "2025-03-03",
        "hasResults": False,
        **values,
    }


CARD = Card(
    question="Can a study medicine added to radiation help keep throat tumors small?",
    summary=(
        "This study tests a medicine named sunvertinol. One group gets it with radiation. "
        "The other group gets radiation and a look-alike with no medicine in it. It is not known yet if it works."
    ),
)


FULL_CARD = replace(
    CARD,
    what_this_could_mean=(
        "Some people with throat tumors might keep their voice longer. Nobody knows yet if that is so. "
        "The study is there to find out."
    ),
    active_substance="Sunvertinol. It blocks a signal that some tumor cells need to grow.",
    what_it_could_lead_to="If it works, a larger study would have to show the same before doctors could use it.",
    what_could_go_wrong=(
        "The medicine may not work. It can make people feel sick or very tired, and it can harm the liver. "
        "Radiation can make the throat sore for weeks. Some of the harm may not be known yet."
    ),
)


def change(field: str, before: Any, after: Any) -> Change:
    return {"field": field, "before": before, "after": after}


def difference(
    field: str,
    added: Sequence[Any] = (),
    removed: Sequence[Any] = (),
    changed: Sequence[tuple[Any, Any]] = (),
) -> Change:
    return {
        "field": field,
        "before": [*removed, *(before for before, _ in changed)],
        "after": [*added, *(after for _, after in changed)],
        "added": list(added),
        "removed": list(removed),
        "changed": [{"before": before, "after": after} for before, after in changed],
    }


def place(city: str, status: str | None = "RECRUITING", facility: str = "Example Clinic") -> dict[str, Any]:
    return {"facility": facility, "city": city, "country": "France", "status": status}


def dated(day: str, kind: str = "ESTIMATED") -> dict[str, str]:
    return {"date": day, "type": kind}


def changed_item(number: int = 0, *changes: Change, card: Card | None = None, **study: Any) -> Item:
    nct_id = f"NCT0500{number:04}"
    return Item(
        nct_id=nct_id,
        kind="study_changed",
        changes=changes,
        study=snapshot(nctId=nct_id, **study),
        card=card,
        reasons=(reason("study", nct_id, 1),),
        position=number,
        occurred_on=date(2026, 11, 20),
    )


def new_item(number: int = 0, *reasons: Reason, card: Card | None = None, **study: Any) -> Item:
    nct_id = f"NCT0600{number:04}"
    values = {
        "firstPosted": "2026-11-19",
        "firstSeen": "2026-11-19",
        "lastUpdatePosted": "2026-11-19",
        **study,
    }
    return Item(
        nct_id=nct_id,
        kind="new_study",
        changes=(),
        study=snapshot(nctId=nct_id, **values),
        card=card,
        reasons=reasons or (reason("condition", CONDITION, 1),),
        position=1000 + number,
        occurred_on=date(2026, 11, 19),
    )


OPENED = change("overallStatus", "NOT_YET_RECRUITING", "RECRUITING")
STOPPED = (
    change("overallStatus", "RECRUITING", "TERMINATED"),
    change("whyStopped", None, "Slow enrollment; not related to safety."),
)
COMPLETED = change("overallStatus", "ACTIVE_NOT_RECRUITING", "COMPLETED")
REACHED = change("completionDate", dated("2026-11"), dated("2026-10-30", "ACTUAL"))
LATER = change("primaryCompletionDate", dated("2026-11"), dated("2027-06-30"))
MORE_PLACES = difference(
    "locations",
    added=[place(city) for city in ("Lyon", "Turin", "Nantes", "Lille", "Metz", "Nice")],
    removed=[place("Paris")],
)
SUMMARY = change("briefSummary", "Old text.", "New text.")
EVERYTHING = (
    OPENED,
    LATER,
    MORE_PLACES,
    SUMMARY,
    change("enrollment", {"count": 240, "type": "ESTIMATED"}, {"count": 1200, "type": "ACTUAL"}),
    difference("centralContacts", added=["a1"]),
)


def edition(*items: Item, titles_in_subject: bool = False) -> EditionContent:
    return EditionContent(locale="en", titles_in_subject=titles_in_subject, items=items)
