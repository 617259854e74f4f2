"""GET|POST /u/{token}/often: less mail instead of none. The link never ends, so it can only make it rarer."""

from contextlib import suppress
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from notifier.links.addresses import mask_address
from notifier.settings import Settings
from notifier.subscriptions.changing import pause, reschedule
from notifier.subscriptions.overview import Overview
from notifier.subscriptions.schedules import FREQUENCIES, Rhythm
from notifier.web.forms import Form
from notifier.web.months import months_later
from notifier.web.pages import page
from notifier.web.reader import find_reader, reader
from notifier.web.service import service_of
from notifier.web.stop_pages import already_stopped_page

OFTEN = "often"  # no item's token looks like this: they have a dot
PAUSE = "pause"
PAUSE_MONTHS = 3


def less_often_page(request: Request, public_id: UUID, status: int = 200) -> Response:
    service = service_of(request)
    person = find_reader(request, public_id)
    if person is None or person.state != "active":
        return already_stopped_page(request, known=person is not None)
    return page(
        request,
        "less_often",
        status,
        address=mask_address(person.email),
        now_is=person.frequency,
        choices=_rarer(person),
        pause=PAUSE,
        stop=f"{service.root}/u/{service.links.token(public_id)}",
        until=months_later(service.clock(), PAUSE_MONTHS),
    )


def take_less_often(request: Request, public_id: UUID, form: Form) -> Response:
    service = service_of(request)
    now = service.clock()
    wanted = form.get("frequency")
    with suppress(LookupError), service.engine.begin() as conn:  # erased meanwhile
        person = reader(request, conn, public_id)
        stands = person is not None and person.state == "active"
        if person and stands and wanted == PAUSE:
            until = max(months_later(now, PAUSE_MONTHS), person.paused_until or now)
            pause(conn, person.subscriber_id, until, now=now, via="page")
            return page(request, "less_often_saved", frequency=None, until=until)
        if person and stands and wanted in _rarer(person):
            rhythm = _rhythm(person, wanted, service.settings)
            reschedule(conn, person.subscriber_id, rhythm, now=now, via="page")
            return page(request, "less_often_saved", frequency=wanted, until=None)
    return less_often_page(request, public_id, 400)


def _rarer(person: Overview) -> tuple[str, ...]:
    return FREQUENCIES[FREQUENCIES.index(person.frequency) + 1 :]


def _rhythm(person: Overview, frequency: str, settings: Settings) -> Rhythm:
    """At the hour they have, or the usual one where mails came at any time."""
    at_once = person.frequency == "immediate"
    zone = settings.digest_zone if at_once else person.zone
    hour = settings.digest_hour if at_once else person.hour
    return Rhythm.of(frequency, zone, hour, person.weekday or settings.digest_weekday)
