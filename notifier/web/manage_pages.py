"""One person's own page, and what it asks before it stops or deletes everything."""

from starlette.requests import Request
from starlette.responses import Response

from notifier.languages.catalogue import language_of, locales
from notifier.links.addresses import mask_address
from notifier.settings import Settings
from notifier.subscriptions.overview import Overview
from notifier.web.mailing import wake_letters
from notifier.web.manage_actions import NOT_ARRIVING, PAUSE_MONTHS, Done
from notifier.web.months import months_later
from notifier.web.negotiation import language_for
from notifier.web.pages import page
from notifier.web.service import service_of
from notifier.web.words import zone_groups

BARRED = "operator"  # on the list by hand, which no button lifts


def manage_page(
    request: Request, person: Overview, *, done: Done | None = None, status: int = 200
) -> Response:
    service = service_of(request)
    now = service.clock()
    settings = service.settings
    language = language_for(request)
    return page(
        request,
        "manage",
        status,
        done=done,
        person=person,
        address=mask_address(person.email),
        ended=[one for one in person.subscriptions if one.ended_at],
        can_undo_all=person.state == "stopped" and any(one.can_undo for one in person.subscriptions),
        barred=person.suppression == BARRED,
        not_arriving=person.suppression in NOT_ARRIVING,
        pauses=[(months, months_later(now, months)) for months in PAUSE_MONTHS],
        chosen=_chosen(person, settings),
        settings=settings,
        hours=range(24),
        weekdays=tuple(enumerate(language.weekdays, 1)),
        zones=zone_groups(language),
        languages=[language_of(locale) for locale in locales()],
        own_locale=language_of(person.locale).locale,
    )


def ask_page(request: Request, person: Overview, what: str | None) -> Response | None:
    """Before everything stops, or is deleted."""
    if what == "stop" and person.state == "active":
        return page(request, "ask_stop_all", person=person, address=mask_address(person.email))
    if what == "delete":
        return page(request, "ask_delete", address=mask_address(person.email))
    return None


def stopped_all_page(request: Request, person: Overview) -> Response:
    can_undo = any(one.can_undo for one in person.subscriptions)
    return page(request, "stopped_all", can_undo=can_undo, after=wake_letters(service_of(request)))


def deleted_page(request: Request) -> Response:
    return page(request, "deleted")


def _chosen(person: Overview, settings: Settings) -> dict[str, object]:
    """What the selects show; where a rhythm has no hour or day, the usual ones."""
    at_once = person.frequency == "immediate"
    return {
        "hour": settings.digest_hour if at_once else person.hour,
        "zone": settings.digest_zone if at_once else person.zone,
        "weekday": person.weekday or settings.digest_weekday,
    }
