"""GET|POST /manage/{token}: one person's own page, by the link in their mail. It is never limited."""

from contextlib import suppress
from uuid import UUID

import orjson
import structlog
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from notifier.delivery.letters import post_letter
from notifier.links.addresses import mask_address
from notifier.links.keys import email_key
from notifier.links.timed import LIFETIMES, OldToken
from notifier.links.tokens import BadToken
from notifier.subscriptions.overview import Overview
from notifier.subscriptions.personal_data import export_person
from notifier.web.confirm import bad_link
from notifier.web.forms import Form, form_routes, token_in
from notifier.web.mailing import may_mail, refused, wake_letters
from notifier.web.manage_actions import ACTIONS, Visit, act
from notifier.web.manage_pages import ask_page, deleted_page, manage_page, stopped_all_page
from notifier.web.pages import page
from notifier.web.reader import find_reader, reader
from notifier.web.service import service_of

log = structlog.get_logger()


def show(request: Request) -> Response:
    service = service_of(request)
    try:
        public_id = service.manage_links.read(token_in(request), service.clock())
    except OldToken as old:
        return _too_old(request, old.public_id)
    except BadToken:
        return bad_link(request)
    person = find_reader(request, public_id)
    if person is None:
        return deleted_page(request)
    return ask_page(request, person, request.query_params.get("ask")) or manage_page(request, person)


def take(request: Request, form: Form) -> Response:
    service = service_of(request)
    try:
        public_id = service.manage_links.read(token_in(request), service.clock())
    except OldToken as old:
        return (
            _renew(request, old.public_id) if form.get("do") == "again" else _too_old(request, old.public_id)
        )
    except BadToken:
        return bad_link(request)
    with service.engine.connect() as conn:
        person = reader(request, conn, public_id)
        if person is None:
            return deleted_page(request)
        if form.get("do") == "download":
            return _download(request, conn, person)
    if form.get("do") not in ACTIONS:
        return manage_page(request, person, status=400)
    return _act(request, person, form)


def _act(request: Request, person: Overview, form: Form) -> Response:
    service = service_of(request)
    now = service.clock()
    wanted, done = form.get("do"), None
    with suppress(LookupError), service.engine.begin() as conn:  # erased meanwhile, by another click
        done = act(Visit(service, conn, person, now), form)
    after = find_reader(request, person.public_id)
    log.info("managed", action=wanted, done=done is not None and done.ok)
    if after is None:
        return deleted_page(request)
    if wanted == "stop_all":
        return stopped_all_page(request, after)
    return manage_page(request, after, done=done)


def _too_old(request: Request, public_id: UUID) -> Response:
    find_reader(request, public_id)
    return page(request, "old_link", 410, days=LIFETIMES["manage"].days, can_renew=True)


def _renew(request: Request, public_id: UUID) -> Response:
    """The old link is enough to have a new one mailed to its owner, and for nothing else."""
    service = service_of(request)
    person = find_reader(request, public_id)
    if person is None:
        return deleted_page(request)
    verdict = may_mail(request, person.email)
    if verdict == "ok":
        with service.engine.begin() as conn:
            post_letter(conn, "manage_link", now=service.clock(), subscriber_id=person.subscriber_id)
    return refused(request, verdict) or page(
        request, "link_sent", address=mask_address(person.email), after=wake_letters(service)
    )


def _download(request: Request, conn: Connection, person: Overview) -> Response:
    held = export_person(conn, email_key(service_of(request).keys, person.email))
    return Response(
        orjson.dumps(held, option=orjson.OPT_INDENT_2),
        media_type="application/json",
        headers={"content-disposition": 'attachment; filename="my-data.json"'},
    )


routes = form_routes("/manage/{token:path}", show, take)
