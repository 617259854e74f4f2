"""GET /ops/deliveries/{id}: one delivery's whole story, and the mail as its reader sees it."""

from uuid import UUID

from starlette.responses import HTMLResponse, Response

from notifier.db.base import Json
from notifier.delivery.deciding import IN_QUESTION
from notifier.delivery.story import delivery_story
from notifier.digests.content import NothingToSay
from notifier.errors import NotifierError
from notifier.ops.actions import give_up, reveal_addresses, send_again
from notifier.ops.previews import without_links
from notifier.web.dev_mails import MAIL_POLICY, SCHEMES, SCREENS, in_scheme
from notifier.web.ops_pages import Visit, ops_routes
from notifier.web.ops_words import counted

CAN_BE_DROPPED = (*IN_QUESTION, "planned", "retrying")
DONE = {"again": "Its batch will be sent again, beginning now.", "dropped": "Its batch was given up."}
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
        has_mail=story["mail"] == "digest",
        screens=SCREENS,
        schemes=SCHEMES,
    )


def show_mail(visit: Visit) -> Response:
    """The HTML part alone, made anew from what its edition holds. Nothing in it can run, load or lead anywhere."""
    story = _story(visit)
    try:
        with visit.reading() as conn:
            html = without_links(conn, story["edition"], visit.service.settings) if story["edition"] else ""
    except NothingToSay:
        html = "<p>What changed was changed back: there is nothing to say any more.</p>"
    except NotifierError:
        html = "<p>This mail cannot be made from what is kept.</p>"
    html = in_scheme(html, visit.query.get("scheme"))
    return HTMLResponse(html, headers={"content-security-policy": MAIL_POLICY})


def ask_again(visit: Visit) -> Response:
    story = _story(visit, IN_QUESTION)
    told = ["All of its batch goes out again, as one call."]
    if story["batch_state"] == "unknown":
        told.append(
            "They may have got it: the call broke off before an answer came. Whoever did gets the mail twice."
        )
    question = f"{_batch(story)}: send again?"
    return visit.ask(question, told, "Send again", f"/deliveries/{story['id']}")


def again(visit: Visit) -> Response:
    story, note = _story(visit), visit.note()
    with visit.writing() as conn:
        if not send_again(conn, [story["batch"]], actor=visit.actor, note=note, now=visit.now):
            raise _too_late()
    visit.wake()
    return visit.leads_to(f"/deliveries/{story['id']}", done="again")


def ask_drop(visit: Visit) -> Response:
    story = _story(visit, CAN_BE_DROPPED)
    told = ["They do not get this mail, now or later. What it says is not told them again."]
    return visit.ask(f"{_batch(story)}: give up?", told, "Give up", f"/deliveries/{story['id']}")


def drop(visit: Visit) -> Response:
    story, note = _story(visit), visit.note()
    with visit.writing() as conn:
        if not give_up(conn, [story["batch"]], actor=visit.actor, note=note, now=visit.now):
            raise _too_late()
    return visit.leads_to(f"/deliveries/{story['id']}", done="dropped")


def _batch(story: Json) -> str:
    return f"Batch {story['batch']}, {counted(story['size'], 'person', 'people')}"


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
