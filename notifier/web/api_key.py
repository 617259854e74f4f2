"""Who may push: bearers of one of API_KEYS."""

import hmac
from collections.abc import Callable, Coroutine
from typing import Any

import orjson
from fastapi import Request, Response
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer

from notifier.settings import Settings
from notifier.web.problems import Problem, Refused
from notifier.web.service import service_of

bearer = HTTPBearer(auto_error=False, description="One of API_KEYS.")  # for the API's description
_CHALLENGE = {"www-authenticate": "Bearer"}


class KeyedRoute(APIRoute):
    """The key is looked at before the body is read: strangers cannot make us read large ones."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_with_key(request: Request) -> Response:
            require_key(service_of(request).settings, request.headers.get("authorization"))
            return await handle(StrictJsonRequest(request.scope, request.receive))

        return handle_with_key


class StrictJsonRequest(Request):
    """The same parser as for files: it refuses NaN and broken surrogates, which the database cannot hold."""

    async def json(self) -> Any:
        return orjson.loads(await self.body())


def require_key(settings: Settings, header: str | None) -> None:
    """Raises Refused (401)."""
    if not settings.api_keys:
        raise _refused("No key is set up here.", "Set API_KEYS on the server, then send one of them.")
    if not _key_in(header):
        raise _refused("The key is missing.", "Send the header `Authorization: Bearer KEY`.")
    if not is_known(settings, header):
        raise _refused("The key is not valid here.", "Check it against API_KEYS on the server.")


def is_known(settings: Settings, header: str | None) -> bool:
    candidate = _key_in(header).encode()
    # All are compared, so that the time taken says nothing about which one is near.
    matches = [hmac.compare_digest(candidate, key.get_secret_value().encode()) for key in settings.api_keys]
    return any(matches)


def _key_in(header: str | None) -> str:
    scheme, _, given = (header or "").partition(" ")
    return given.strip() if scheme.lower() == "bearer" else ""


def _refused(error: str, remedy: str) -> Refused:
    return Refused(401, Problem(error=error, where="header.authorization", remedy=remedy), _CHALLENGE)
