"""GET /ops/deliveries/{id}: one delivery's whole story, and the mail as its reader sees it."""

from uuid import UUID

from markupsafe import escape
from starlette.responses import HTMLResponse, Response

from notifier.db.base import Json
from notifier.delivery.deciding import IN_QUESTION, batches_to_drop
from notifier.delivery.models import OF_RUNS
from notifier.delivery.story import delivery_story
from notifier.errors import NotifierError
from notifier.ops.actions import give_up, reveal_addresses, send_again
from notifier.ops.previews import without_links
from notifier.web.dev_mails import MAIL_POLICY, SCHEMES, SCREENS, in_scheme
from notifier.web.ops_pages import Visit, ops_routes
from notifier.web.ops_words import counted

CAN_BE_DROPPED = (*IN_QUESTION, "planned", "retrying")
DONE = {
    "again": "Its batch is due again, now: it goes out as soon as nothing holds sending.",
    "dropped": "Its batch was given up.",
}
EVIDENCE = {
    1: "in its own words",
    2: "by another name",
    3: "as the registry sorts it",
    4: "as a special kind of it",
}


def show(visit: Visit) -> Response:
    story = _story(visit)
    return _page(visit, story)


def reveal(visit: Visit) -> Response:
    """The address in full; that somebody looked stands in the audit log."""
    story, note = _story(visit), visit.note()
    with visit.writing() as conn:
        found = reveal_addresses(conn, [story["id"]], actor=visit.actor, note=note, now=visit.now)
    return _page(visit, story, address=found.get(story["id"], ""))


def _page(visit: Visit, story: Json, address: str = "") -> Response:
    return visit.page(
        "ops/delivery",
        story=story,
        address=address,
        evidence=EVIDENCE,
        in_question=IN_QUESTION,
        can_be_dropped=CAN_BE_DROPPED,
        done=DONE.get(visit.query.get("done"), ""),
        has_mail=story["mail"] in OF_RUNS,
        screens=SCREENS,
        schemes=SCHEMES,
    )


def show_mail(visit: Visit) -> Response:
    """The HTML part alone, made anew from what its edition holds. Nothing in it can run, load or lead anywhere."""
    story = _story(visit)
    try:
        with visit.reading() as conn:
            of = story["mail"], story["batch"], story["edition"]
            html = without_links(conn, *of, visit.service.settings) if story["edition"] else ""
    except NotifierError as error:
        html = f"<p>{escape(error.message)}</p>"
    html = in_scheme(html, visit.query.get("scheme"))
    return HTMLResponse(html, headers={"content-security-policy": MAIL_POLICY})


def ask_again(visit: Visit) -> Response:
    story = _story(visit, IN_QUESTION)
    told = ["All of its batch goes out again, as one call."]
    if story["batch_state"] == "unknown":
        told.append(
            "They may have got it: the call broke off before an answer came. Whoever did gets the mail twice."
        )
    question = f"{_batch(visit, story)}: send again?"
    return visit.ask(question, told, "Send again", f"/deliveries/{story['id']}", **_seen(story))


def again(visit: Visit) -> Response:
    story, note = _asked_about(visit), visit.note()
    with visit.writing() as conn:
        if not send_again(conn, [story["batch"]], actor=visit.actor, note=note, now=visit.now):
            raise _too_late()
    visit.wake()
    return visit.leads_to(f"/deliveries/{story['id']}", done="again")


def ask_drop(visit: Visit) -> Response:
    story = _story(visit, CAN_BE_DROPPED)
    told = ["They do not get this mail, now or later. What it says is not told them again."]
    question, back = f"{_batch(visit, story)}: give up?", f"/deliveries/{story['id']}"
    return visit.ask(question, told, "Give up", back, **_seen(story))


def drop(visit: Visit) -> Response:
    story, note = _asked_about(visit), visit.note()
    with visit.writing() as conn:
        if not give_up(conn, [story["batch"]], actor=visit.actor, note=note, now=visit.now):
            raise _too_late()
    return visit.leads_to(f"/deliveries/{story['id']}", done="dropped")


def _batch(visit: Visit, story: Json) -> str:
    """With how many would get it; not with those who were left out of it."""
    with visit.reading() as conn:
        people = sum(row.people for row in batches_to_drop(conn, [story["batch"]]))
    return f"Batch {story['batch']}, {counted(people, 'person', 'people')}"


def _seen(story: Json) -> dict[str, str]:
    """What the question was about. A later call may have come to something else: whoever it was safe to mail again
    then may have the mail by now."""
    return {"state": story["batch_state"], "calls": str(story["attempted_at"] or "none")}


def _asked_about(visit: Visit) -> Json:
    story = _story(visit)
    if any(visit.form.get(name) != value for name, value in _seen(story).items()):
        raise _too_late()
    return story


def _too_late() -> NotifierError:
    return NotifierError(
        "Nothing was done: the batch has moved on meanwhile.", "Look at the delivery once more."
    )


def _story(visit: Visit, states: tuple[str, ...] | None = None) -> Json:
    """Of one whose batch is in one of these states."""
    try:
        delivery_id = UUID(visit.request.path_params["id"])
    except ValueError:
        raise _unknown() from None
    with visit.reading() as conn:
        story = delivery_story(conn, delivery_id)
    if story is None:
        raise _unknown()
    if states and story["batch_state"] not in states:
        raise _too_late()
    return story


def _unknown() -> NotifierError:
    return NotifierError(
        "There is no delivery with this id.", "It may be older than the time for which deliveries are kept."
    )


routes = [
    *ops_routes("/deliveries/{id}", show, reveal),
    *ops_routes("/deliveries/{id}/mail", show_mail),
    *ops_routes("/deliveries/{id}/again", ask_again, again),
    *ops_routes("/deliveries/{id}/drop", ask_drop, drop),
]
