"""GET /ops: whether people get their mail, and what there is to do."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock

from sqlalchemy import Connection
from starlette.responses import Response

from notifier.delivery.providers import REPORTING
from notifier.delivery.watching import enough_bounces, enough_complaints
from notifier.ops.charts import Hours, last_day
from notifier.ops.heartbeat import FUTURE, MAIN_QUEUE, POLL_OVERDUE, QUEUES
from notifier.ops.mail import mails_ended, many_failed
from notifier.ops.numbers import Numbers, numbers
from notifier.ops.runs import running
from notifier.ops.troubles import BEAT_SILENT
from notifier.ops.verdict import verdict
from notifier.settings import Settings
from notifier.web.ops_pages import Visit, ops_routes
from notifier.web.ops_words import ago, counted, number, percent, span

CHARTS_FRESH_FOR = timedelta(minutes=1)
RUNNING_SHOWN = 5
SERVED_BY = {
    "prompt": "Worker for letters (prompt)",
    "build": "Worker that plans digests (build)",
    "send": "Worker that sends digests (send)",
    "upkeep": "Scheduler, and worker for upkeep",
}
SILENT_WARNS = timedelta(minutes=5)
RUN_LATE = timedelta(minutes=5)  # to plan a large run takes a part of it
REGISTRY_TAKES = timedelta(hours=2)  # after it changed its format, and all of it is news
UNHEARD = timedelta(hours=2)
MANY_UNHEARD = 50
"""As in the alert WebhookSilent."""


@dataclass(frozen=True)
class Tile:
    name: str
    value: str
    more: str
    path: str = ""  # what it leads to, under /ops
    alarm: bool = False


@dataclass(frozen=True)
class Sign:
    """Of life."""

    name: str
    state: str
    is_well: bool
    more: str


class Charts:
    """Those of the last minute, of this process: they are the dearest part of the page, and change slowly."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._taken_at: datetime | None = None
        self._hours: list[Hours] = []

    def of(self, conn: Connection, now: datetime) -> list[Hours]:
        with self._lock:
            if self._taken_at is None or not timedelta(0) <= now - self._taken_at < CHARTS_FRESH_FOR:
                self._hours, self._taken_at = last_day(conn, now), now
            return self._hours


def show(visit: Visit) -> Response:
    with visit.reading() as conn:
        found = numbers(conn, visit.now)
        runs = running(conn, visit.now, RUNNING_SHOWN)
        hours = visit.request.app.state.ops_charts.of(conn, visit.now)
    settings = visit.service.settings
    return visit.page(
        "ops/overview",
        reloads=True,
        verdict=verdict(found),
        brakes=found.brakes,
        tiles=[*_queue(found), *_ended(found), *_ratios(found, settings)],
        rhythms=found.rhythms,
        run_late=RUN_LATE,
        runs=runs,
        signs=[*_beats(found), _webhook(found, settings), *_registry(found)],
        hours=hours,
    )


def _queue(found: Numbers) -> list[Tile]:
    def of(*states: str) -> int:
        return sum(row.mails for row in found.open if row.state in states)

    def oldest(*states: str) -> str:
        since = min((row.open_since for row in found.open if row.state in states), default=None)
        return f"oldest planned {ago(since, found.at)}" if since else "none"

    due = [row for row in found.open if row.due and not row.held]
    held = sum(row.mails for row in found.open if row.due and row.held)
    since = min((row.due_since for row in due), default=None)
    waits = f"oldest due {ago(since, found.at)}" if since else "nothing waits"
    return [
        Tile("Due now", number(sum(row.mails for row in due)), waits, "/deliveries?state=planned"),
        Tile("With a worker", number(of("sending")), oldest("sending"), "/deliveries?state=sending"),
        Tile("To be tried again", number(of("retrying")), oldest("retrying"), "/deliveries?state=retrying"),
        Tile("In doubt", number(of("unknown")), oldest("unknown"), "/failures", alarm=of("unknown") > 0),
        *([Tile("Held with their run", number(held), "an operator paused it", "/runs")] if held else []),
    ]


def _ended(found: Numbers) -> list[Tile]:
    failed, sent = (mails_ended(found.ended, state, "1d") for state in ("failed", "accepted"))
    last_hour = mails_ended(found.ended, "accepted", "1h")
    return [
        Tile(
            "Failed, 24 hours",
            number(failed),
            _share(failed, sent),
            "/failures",
            alarm=many_failed(found.ended, "1d") is not None,
        ),
        Tile(
            "Sent, 24 hours",
            number(sent),
            f"{number(last_hour)} in the last hour",
            "/deliveries",  # of most of them the webhook has spoken since
        ),
    ]


def _share(failed: int, sent: int) -> str:
    return f"{percent(failed / (failed + sent))} of all mails" if failed else "none"


def _ratios(found: Numbers, settings: Settings) -> list[Tile]:
    day, week = (next(row for row in found.reported if row.window == window) for window in ("1d", "7d"))
    of, limit = day.delivered + day.bounced, settings.bounce_limit
    enough = enough_bounces(day.bounced, day.delivered)
    bounces = _ratio("Digests bounced, 24 hours", day.bounced, of, day.bounce_ratio, limit, enough=enough)
    of, limit = week.delivered, settings.complaint_limit
    enough = enough_complaints(week.complained, of)
    complaints = _ratio("Complaints, 7 days", week.complained, of, week.complaint_ratio, limit, enough=enough)
    return [bounces, complaints]


def _ratio(name: str, count: int, of: int, ratio: float, limit: float, *, enough: bool) -> Tile:
    """`enough`: sending pauses itself by so many."""
    if not of or (ratio >= limit and not enough):
        return Tile(name, "–", f"too few reports to judge: {number(count)} of {counted(of, 'mail')}")
    return Tile(name, percent(ratio), f"sending pauses at {percent(limit)}", alarm=ratio >= limit)


def _beats(found: Numbers) -> list[Sign]:
    return [_beat(SERVED_BY.get(queue, queue), queue, found) for queue in (MAIN_QUEUE, *QUEUES[:-1])]


def _beat(name: str, queue: str, found: Numbers) -> Sign:
    seen, now = found.beats.get(queue), found.at
    if seen is None:  # one that has just been installed is given time
        is_new = now - found.seen(queue) <= BEAT_SILENT
        return Sign(
            name, "not seen yet" if is_new else "never seen", is_new, "It beats within a minute of its start."
        )
    if seen - now > FUTURE:
        return Sign(name, "its clock is wrong", False, f"It is {span(seen - now)} ahead of ours.")
    quiet = now - seen
    state = "silent" if quiet > BEAT_SILENT else "late" if quiet > SILENT_WARNS else "alive"
    return Sign(name, state, state == "alive", f"last seen {ago(seen, now)}")


def _webhook(found: Numbers, settings: Settings) -> Sign:
    name, last = "Webhook of the provider", found.webhook.last_event_at
    unheard, sent = found.counts.get(("unacknowledged", ""), 0), mails_ended(found.ended, "accepted", "1h")
    many = sent > MANY_UNHEARD or unheard > MANY_UNHEARD
    if settings.mail_provider not in REPORTING:
        return Sign(name, "not used", True, f"{settings.mail_provider} does not say what became of a mail.")
    if last is None:
        sure = "never heard" if many else "not heard yet"
        return Sign(name, sure, not many, "Nothing has come since it was set up: docs/guides/operators.md.")
    more = f"last event {ago(last, found.at)}; {counted(found.webhook.waiting, 'event')} to be applied"
    if unheard:
        more += f"; {counted(unheard, 'mail')} of the day before yesterday never heard of"
    silent = found.at - last > UNHEARD and many
    return Sign(name, "silent" if silent else "heard", not silent, more)


def _registry(found: Numbers) -> list[Sign]:
    """Nothing where the site pushes instead."""
    since = found.registry_unread_since
    if since is None:
        return []
    late = found.at - since > POLL_OVERDUE
    told = (
        f"last read {ago(found.polled_at, found.at)}" if found.polled_at else "has never been read to the end"
    )
    asked_at = found.poll_asked_at
    if asked_at and asked_at > since and found.at - since > REGISTRY_TAKES:
        told += f"; last asked {ago(asked_at, found.at)}, and not read to the end"
    told += "; new studies and changes come from there"
    return [Sign("Registry", "not read" if late else "read", not late, told)]


routes = [*ops_routes("", show), *ops_routes("/", show)]
