"""GET /ops/failures: what went wrong, by reason. POST /ops/failures/again: send all of one kind once more."""

from dataclasses import replace
from urllib.parse import urlencode

from starlette.responses import Response

from notifier.delivery.deciding import IN_QUESTION
from notifier.errors import NotifierError
from notifier.ops.actions import give_up, send_again
from notifier.ops.failures import Group, Kind, alone, batches_of, groups
from notifier.web.forms import Form
from notifier.web.ops_pages import Visit, id_in, moment_in, ops_routes
from notifier.web.ops_words import counted, number

# Without a number: whoever follows a made-up link would read it here.
DONE = {
    "again": "They are due again, now: they go out as soon as nothing holds sending.",
    "dropped": "They are given up.",
    "nothing": "None of these was left: they have been sent again or settled meanwhile.",
}


def show(visit: Visit) -> Response:
    with visit.reading() as conn:
        found = groups(conn)
        one_by_one = alone(conn, visit.now)
    done = DONE.get(visit.query.get("done"), "")
    return visit.page("ops/failures", groups=found, alone=one_by_one, query_of=_query, done=done)


def ask_again(visit: Visit) -> Response:
    kind, batches, people = _chosen(visit)
    told = ["Cause first: is what made them fail mended? If not, they fail again."]
    if kind.state == "unknown":
        told = [
            "They may have got it: the call broke off before an answer came. Whoever did gets the mail twice.",
            "Ask the provider first (its activity feed), or wait: with a webhook that works, doubt settles by itself.",
        ]
    question = f"{counted(batches, 'batch', 'batches')}, {counted(people, 'person', 'people')}: send again?"
    return visit.ask(question, told, "Send again", "/failures", **_pairs(kind))


def again(visit: Visit) -> Response:
    kind = _kind(visit.form)
    note = visit.note()
    with visit.writing() as conn:
        found = batches_of(conn, kind)
        count = send_again(conn, found.ids, actor=visit.actor, note=note, now=visit.now) if found else 0
    visit.wake()
    return visit.leads_to("/failures", done="again" if count else "nothing")


def ask_drop(visit: Visit) -> Response:
    kind, batches, people = _chosen(visit)
    question = f"{counted(batches, 'batch', 'batches')}, {counted(people, 'person', 'people')}: give up?"
    told = [
        f"These {number(people)} people do not get this mail, now or later. What it said is not told them again."
    ]
    return visit.ask(question, told, "Give up", "/failures", **_pairs(kind))


def drop(visit: Visit) -> Response:
    kind = _kind(visit.form)
    note = visit.note()
    with visit.writing() as conn:
        found = batches_of(conn, kind)
        count = give_up(conn, found.ids, actor=visit.actor, note=note, now=visit.now) if found else 0
    return visit.leads_to("/failures", done="dropped" if count else "nothing")


def _chosen(visit: Visit) -> tuple[Kind, int, int]:
    kind = _kind(visit.query)
    with visit.reading() as conn:
        found = batches_of(conn, kind)
    if found is None:
        raise NotifierError("None of these is left.", "They have been sent again or settled meanwhile.")
    seen = replace(kind, upto=found.ids[-1], called_upto=found.called_upto)
    return seen, len(found.ids), found.people


def _kind(form: Form) -> Kind:
    """An empty class or reason stands for none."""
    state, upto = form.get("state"), id_in(form.get("upto"))
    if state not in IN_QUESTION or upto is None:
        raise NotifierError("It is not said which.", "Go to the failures and choose there.")
    called_upto = moment_in(form.get("called_upto"))
    return Kind(state, form.get("class") or None, form.get("reason") or None, upto, called_upto)


def _pairs(kind: Kind) -> dict[str, str]:
    called = {"called_upto": kind.called_upto.isoformat()} if kind.called_upto else {}
    return {
        **called,
        "state": kind.state,
        "class": kind.failure_class or "",
        "reason": kind.reason or "",
        "upto": str(kind.upto),
    }


def _query(group: Group) -> str:
    return urlencode(_pairs(group.kind))


routes = [
    *ops_routes("/failures", show),
    *ops_routes("/failures/again", ask_again, again),
    *ops_routes("/failures/drop", ask_drop, drop),
]
