"""GET /ops/runs: how far each run has come. POST below it: hold one, or all, and let it go on."""

from starlette.responses import Response

from notifier.delivery.listing import run_of
from notifier.delivery.progress import brakes_on, brakes_since
from notifier.delivery.resending import count_failed, resend_failed
from notifier.errors import NotifierError
from notifier.ops import actions
from notifier.ops.actions import LIFTED_BY_OPERATORS
from notifier.ops.runs import newest, progress
from notifier.web.ops_pages import Visit, id_in, ops_routes
from notifier.web.ops_words import LEFT, counted

RUN_ROWS = 10
DONE = {
    "paused": "Sending is paused.",
    "resumed": "Sending goes on.",
    "held": "What you were asked about is lifted. What still holds mail stands below.",
    "run-paused": "The run is paused.",
    "run-resumed": "The run goes on.",
    "resent": "What failed is due again, now: it goes out as soon as nothing holds sending.",
    "resent-nobody": "Nobody was left for whom it failed: nothing is sent again.",
}


def show(visit: Visit) -> Response:
    before = id_in(visit.query.get("before"))
    with visit.reading() as conn:
        runs = newest(conn, visit.now, RUN_ROWS + 1, before=before)
        brakes = brakes_on(conn, visit.now)
    older = f"{visit.here}?before={runs[RUN_ROWS - 1].id}" if len(runs) > RUN_ROWS else ""
    return visit.page(
        "ops/runs",
        reloads=before is None,
        runs=runs[:RUN_ROWS],
        brakes=brakes,
        older=older,
        done=DONE.get(visit.query.get("done"), ""),
    )


def ask_pause(visit: Visit) -> Response:
    return visit.ask(
        "Pause all sending?",
        [
            "No mail is claimed any more, not even letters with a link to confirm. Calls under way end as they would.",
            "Nothing is lost: all of it goes out once you resume.",
        ],
        "Pause all sending",
        "/runs",
    )


def pause(visit: Visit) -> Response:
    with visit.writing() as conn:
        actions.pause_sending(conn, actor=visit.actor, note=visit.note(), now=visit.now)
    return visit.leads_to("/runs", done="paused")


def ask_resume(visit: Visit) -> Response:
    with visit.reading() as conn:
        brakes, since = brakes_on(conn, visit.now), brakes_since(conn)
    told = [f"{BRAKE_NAMES.get(name, name)}: {reason}." for name, reason in brakes.items()]
    return visit.ask(
        "Resume sending?",
        [
            *(told or ["Nothing holds sending at the moment."]),
            *([_ALSO_DIGESTS] if "unwelcome" in brakes else []),
            "Is the cause mended? If not, it will stop again.",
        ],
        "Resume sending",
        "/runs",
        **{name: str(since[name]) for name in brakes if name in LIFTED_BY_OPERATORS},
    )


def resume(visit: Visit) -> Response:
    """Only what the question named: a brake that came on since has a reason that nobody has read."""
    with visit.writing() as conn:
        asked = [name for name, at in brakes_since(conn).items() if visit.form.get(name) == str(at)]
        actions.resume_sending(conn, asked, actor=visit.actor, note=visit.note(), now=visit.now)
        held = brakes_on(conn, visit.now)
    visit.wake()
    return visit.leads_to("/runs", done="held" if held else "resumed")


def ask_pause_run(visit: Visit) -> Response:
    key = visit.query.get("run")
    with visit.reading() as conn:
        (run,) = progress(conn, [run_of(conn, key)], visit.now)
    waiting = counted(run.waiting, "person", "people")
    told = f"{waiting} of {run.people:,} have not got it yet. They wait until you resume."
    return visit.ask(f"Pause the run {key}?", [told], "Pause this run", "/runs", run=key)


def pause_run(visit: Visit) -> Response:
    with visit.writing() as conn:
        actions.pause_run(conn, visit.form.get("run"), actor=visit.actor, note=visit.note(), now=visit.now)
    return visit.leads_to("/runs", done="run-paused")


def ask_resume_run(visit: Visit) -> Response:
    key = visit.query.get("run")
    with visit.reading() as conn:
        (run,) = progress(conn, [run_of(conn, key)], visit.now)
        brakes = brakes_on(conn, visit.now)
    told = f"{counted(run.waiting, 'person', 'people')} wait for it."
    goes = "It stays held as long as all sending is." if brakes else "Their mail goes out at once."
    return visit.ask(f"Resume the run {key}?", [f"{told} {goes}"], "Resume this run", "/runs", run=key)


def resume_run(visit: Visit) -> Response:
    with visit.writing() as conn:
        actions.resume_run(conn, visit.form.get("run"), actor=visit.actor, note=visit.note(), now=visit.now)
    visit.wake()
    return visit.leads_to("/runs", done="run-resumed")


def ask_resend(visit: Visit) -> Response:
    key = visit.query.get("run")
    with visit.writing() as conn:  # into a temporary table
        found = count_failed(conn, key, bounced=False)
    if not found.people:
        raise NotifierError("Nobody is left whom this run failed for and who can get it.")
    told = ["Each of them, and nobody else. Is what made it fail mended? If not, it fails again."]
    if found.left:
        left = ", ".join(f"{people:,} {LEFT.get(why, why)}" for why, people in found.left.items())
        told.append(f"Others do not get it: {left}.")
    question = f"{counted(found.people, 'person', 'people')} for whom it failed: send again?"
    return visit.ask(question, told, "Send again", "/runs", run=key)


def resend(visit: Visit) -> Response:
    note = visit.note()
    with visit.writing() as conn:
        run = visit.form.get("run")
        found = resend_failed(conn, run, bounced=False, actor=visit.actor, note=note, now=visit.now)
    if found.people:
        visit.wake()
    return visit.leads_to("/runs", done="resent" if found.people else "resent-nobody")


_ALSO_DIGESTS = (
    "To resume here lets those digests go, too, and their count begins anew. The command `notifier sending resume` "
    "leaves them held."
)
BRAKE_NAMES = {
    "paused": "An operator paused it",
    "unwelcome": "Digests are held, as too many people complain or bounce",
    "breaker": "The provider refuses the account",
    "throttled": "The provider asked us to wait",
}

routes = [
    *ops_routes("/runs", show),
    *ops_routes("/runs/pause", ask_pause_run, pause_run),
    *ops_routes("/runs/resume", ask_resume_run, resume_run),
    *ops_routes("/runs/resend", ask_resend, resend),
    *ops_routes("/sending/pause", ask_pause, pause),
    *ops_routes("/sending/resume", ask_resume, resume),
]
