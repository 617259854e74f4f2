"""The provider's event webhook. It fails closed: without a key or the right signature nothing goes in."""

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse
from starlette.concurrency import run_in_threadpool

from notifier.delivery.feedback.taking import BadBody, take_feedback
from notifier.delivery.signatures import SIGNATURE_HEADER, TIMESTAMP_HEADER, verify
from notifier.web.service import Service, service_of

router = APIRouter(include_in_schema=False)
log = structlog.get_logger()


@router.post("/webhooks/sendgrid")
async def receive(request: Request) -> PlainTextResponse:
    """204 once the events are stored; what they mean is worked out afterwards. Anything else has the provider
    send the same body again for a day, so a bad element in a genuine body is no reason for that."""
    body = await request.body()
    return await run_in_threadpool(_receive, request, body)


def _receive(request: Request, body: bytes) -> PlainTextResponse:
    service = service_of(request)
    signature, timestamp = (request.headers.get(name) for name in (SIGNATURE_HEADER, TIMESTAMP_HEADER))
    if not verify(body, signature, timestamp, service.settings.sendgrid_webhook_public_keys):
        log.warning("feedback_refused", configured=bool(service.settings.sendgrid_webhook_public_keys))
        return PlainTextResponse("The signature does not match.\n", status_code=403)
    return _take(service, body)


def _take(service: Service, body: bytes) -> PlainTextResponse:
    try:
        with service.engine.begin() as conn:
            taken = take_feedback(conn, body, keys=service.keys, now=service.clock())
    except BadBody:
        return PlainTextResponse("The body is not a JSON list of events.\n", status_code=400)
    log.info("feedback_taken", events=taken.events, new=taken.new, unusable=taken.bad)
    if taken.new:
        service.wake("feedback")
    return PlainTextResponse("", status_code=204)
