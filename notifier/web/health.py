"""Is this process alive, and can it do its work?"""

from typing import Literal

import redis
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy.exc import SQLAlchemyError

from notifier.db.migrate import is_current
from notifier.ops.doctor.round_trip import QUESTION, answer_if_asked
from notifier.web.service import Service, service_of

REDIS_TIMEOUT_SECONDS = 0.5

router = APIRouter(tags=["health"])


class Alive(BaseModel):
    status: Literal["ok"] = "ok"


class Readiness(BaseModel):
    status: Literal["ready", "not ready"]
    database: Literal["ok", "not up to date", "unreachable"] = Field(description="Decides about `status`.")
    redis: Literal["ok", "unreachable"] = Field(
        description="Reported only: pages, intake and unsubscribing work without it, and mail waits."
    )


@router.get("/healthz")
async def alive() -> Alive:
    """The process answers."""
    return Alive()


@router.get("/readyz", responses={503: {"model": Readiness}})
def ready(request: Request, response: Response) -> Readiness:
    """The database can be reached and is up to date."""
    service = service_of(request)
    database = _database(service)
    if question := request.headers.get(QUESTION):
        answer_if_asked(service.settings, service.engine, question)
    response.status_code = 200 if database == "ok" else 503
    return Readiness(
        status="ready" if database == "ok" else "not ready", database=database, redis=_redis(service)
    )


def _database(service: Service) -> Literal["ok", "not up to date", "unreachable"]:
    try:
        return "ok" if is_current(service.engine) else "not up to date"
    except SQLAlchemyError:
        return "unreachable"


def _redis(service: Service) -> Literal["ok", "unreachable"]:
    if not service.settings.redis_url:
        return "unreachable"
    try:
        with redis.Redis.from_url(
            service.settings.redis_url,
            socket_connect_timeout=REDIS_TIMEOUT_SECONDS,
            socket_timeout=REDIS_TIMEOUT_SECONDS,
        ) as client:
            client.ping()
    except (redis.RedisError, OSError, ValueError):
        return "unreachable"
    return "ok"
