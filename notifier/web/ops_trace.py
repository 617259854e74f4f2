"""GET /ops/trace?study=: what became of each change of a study. POST: why somebody did or did not get it.

An address comes by POST alone, so that it stands in no history, log or referrer.
"""

from sqlalchemy import text
from starlette.responses import Response

from notifier.db.base import Json
from notifier.delivery.explaining import explain
from notifier.delivery.story import study_story
from notifier.errors import NotifierError
from notifier.ops.actions import trace_person
from notifier.registry.projection import clean_nct_id
from notifier.registry.records import BadRecord
from notifier.web.ops_pages import Visit, ops_routes
from notifier.web.ops_suppressions import key_of

MOST_DELIVERIES = 50
_PERSON = """
SELECT s.state, s.stopped_at, s.paused_until, s.created_at, c.frequency, c.zone, c.next_due_at,
       (SELECT reason FROM suppressions p WHERE p.email_key = s.email_key) AS suppression,
       (SELECT jsonb_agg(jsonb_build_object('kind', t.kind, 'label', t.label, 'since', u.confirmed_at,
                                            'ended', u.ended_at, 'why', u.ended_reason) ORDER BY u.id DESC)
        FROM subscriptions u JOIN targets t ON t.id = u.target_id WHERE u.subscriber_id = s.id) AS follows
FROM subscribers s JOIN schedules c ON c.id = s.schedule_id WHERE s.email_key = :key
"""
_STUDY = "SELECT first_seen_at, stored_at, updated_on FROM studies WHERE nct_id = :nct_id"


def show(visit: Visit) -> Response:
    nct_id = _nct_id(visit.query.get("study"))
    if not nct_id:
        return _page(visit)
    with visit.reading() as conn:
        study = conn.execute(text(_STUDY), {"nct_id": nct_id}).one_or_none()
        events = study_story(conn, nct_id)
    return _page(visit, nct_id=nct_id, study=study, events=events)


def trace(visit: Visit) -> Response:
    key, nct_id = key_of(visit, visit.form), _nct_id(visit.form.get("study"))
    with visit.writing() as conn:
        deliveries = trace_person(conn, key, actor=visit.actor, note=visit.note(), now=visit.now)
    with visit.reading() as conn:
        person = conn.execute(text(_PERSON), {"key": key}).one_or_none()
        why = explain(conn, key, nct_id, now=visit.now) if nct_id else []
    return _page(
        visit,
        nct_id=nct_id,
        traced=True,
        person=person,
        why=why,
        deliveries=deliveries[:MOST_DELIVERIES],
        more=max(len(deliveries) - MOST_DELIVERIES, 0),
    )


def _page(visit: Visit, **found: object) -> Response:
    nothing: Json = {
        "nct_id": "",
        "study": None,
        "events": [],
        "traced": False,
        "person": None,
        "why": [],
        "deliveries": [],
        "more": 0,
    }
    return visit.page("ops/trace", **{**nothing, **found})


def _nct_id(typed: str) -> str:
    try:
        return clean_nct_id(typed) if typed else ""
    except BadRecord as error:
        raise NotifierError(f"{error}.", "A study's id is NCT and eight digits.") from None


routes = ops_routes("/trace", show, trace)
