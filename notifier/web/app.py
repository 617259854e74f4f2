"""The web application: pages, JSON API, health."""

from collections.abc import Callable
from datetime import datetime

from fastapi import FastAPI
from sqlalchemy import Engine

from notifier.settings import Settings
from notifier.web import (
    api_conditions,
    api_intake,
    api_subscriptions,
    confirm,
    dev_mails,
    fresh_link,
    health,
    manage,
    metrics,
    ops,
    sign_up,
    unsubscribe,
    webhook,
)
from notifier.web.cors import SignUpCors
from notifier.web.link_counts import LinkCounts
from notifier.web.middleware import AccessLog, BodyLimit, HeadLikeGet, NoTraceback, SafeHeaders
from notifier.web.problems import add_problem_handlers
from notifier.web.service import Service, Wake, utc_now


def create_app(
    settings: Settings,
    engine: Engine,
    wake: Wake,
    *,
    leaving: Engine | None = None,
    clock: Callable[[], datetime] = utc_now,
) -> FastAPI:
    """`leaving` is for one-click alone, where it has connections of its own.

    `wake` is called with "intake", "letter" or "feedback" after something came in; it may fail or be slow.
    """
    app = FastAPI(
        title="Notifier",
        description="Push studies and change events, find conditions, and sign people up.",
        version="1",
        openapi_url="/v1/openapi.json",
        docs_url=None,  # its scripts come from elsewhere
        redoc_url=None,
        redirect_slashes=False,  # a redirect would lose a one-click unsubscribe
    )
    app.state.service = Service(settings, engine, leaving or engine, wake, clock)
    for pages in (unsubscribe, sign_up, confirm, manage, fresh_link):
        app.router.routes.extend(pages.routes)
    if settings.dev_pages:
        app.router.routes.extend(dev_mails.routes)
    for api in (health, api_intake, api_conditions, api_subscriptions, webhook):
        app.include_router(api.router)
    metrics.add_metrics(app)
    ops.add_ops(app)
    add_problem_handlers(app)
    for middleware in (NoTraceback, HeadLikeGet, BodyLimit):  # the last one is outermost
        app.add_middleware(middleware)
    app.add_middleware(LinkCounts, engine=engine)
    app.add_middleware(SignUpCors, origins=settings.site_origins)
    app.add_middleware(SafeHeaders, framed_by=settings.site_origins)
    app.add_middleware(AccessLog)
    return app
