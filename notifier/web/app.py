"""The web application: pages, JSON API, health."""

from collections.abc import Callable
from datetime import datetime

from fastapi import FastAPI
from sqlalchemy import Engine

from notifier.links.keys import signing_keys
from notifier.links.tokens import UnsubscribeLinks
from notifier.settings import Settings
from notifier.web import api_conditions, api_intake, health, unsubscribe, webhook
from notifier.web.middleware import AccessLog, BodyLimit, NoTraceback, SafeHeaders
from notifier.web.problems import add_problem_handlers
from notifier.web.service import Service, Wake, utc_now


def create_app(
    settings: Settings, engine: Engine, wake: Wake, *, clock: Callable[[], datetime] = utc_now
) -> FastAPI:
    """`wake` is called with "intake" or "feedback" after something came in; it may fail or be slow without harm."""
    app = FastAPI(
        title="Notifier",
        description="Push studies and change events, and find conditions.",
        version="1",
        openapi_url="/v1/openapi.json",
        docs_url=None,  # its scripts come from elsewhere
        redoc_url=None,
        redirect_slashes=False,  # a redirect would lose a one-click unsubscribe
    )
    keys = signing_keys(settings)
    links = UnsubscribeLinks(keys, settings.public_url)
    app.state.service = Service(settings, engine, keys, links, wake, clock)
    app.router.routes.extend(unsubscribe.routes)
    for api in (health, api_intake, api_conditions, webhook):
        app.include_router(api.router)
    add_problem_handlers(app)
    for middleware in (NoTraceback, BodyLimit, SafeHeaders, AccessLog):  # the last one is outermost
        app.add_middleware(middleware)
    return app
