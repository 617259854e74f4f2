"""What a client reads when something is wrong: a page for people, JSON for programs, a traceback for nobody."""

from pathlib import Path
from traceback import extract_tb
from typing import Any

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from sqlalchemy import exc
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from notifier.web.pages import page

_PROGRAMS = ("/v1/", "/healthz", "/readyz", "/metrics", "/webhooks/")
_PAGES = {413: "too_large", 503: "our_fault", 500: "our_fault", 404: "not_found", 405: "not_found"}
_REASONS = {
    404: ("There is nothing at this address.", "See /v1/openapi.json for what there is."),
    405: ("This address does not take this method.", "See /v1/openapi.json for what it takes."),
    413: ("The request is too large.", "Send it in smaller parts."),
    500: (
        "Something went wrong on our side.",
        "Please report it with the time; repeating the request is safe.",
    ),
    503: (
        "The database cannot be used just now.",
        "Please repeat it in a minute; repeating is safe.",
    ),
}
_UNAVAILABLE = (
    exc.OperationalError,
    exc.InterfaceError,
    exc.InternalError,
    exc.ProgrammingError,  # tables are missing: the database is being set up
    exc.TimeoutError,
    exc.DisconnectionError,
)

log = structlog.get_logger()


class Problem(BaseModel):
    """Every refusal of the API has this form."""

    error: str = Field(description="What was wrong.")
    where: str | None = Field(None, description="The place in the request, such as studies.3.card.")
    remedy: str = Field(description="What to do about it.")


class Refused(Exception):
    """Raised by API routes; answered as a Problem."""

    def __init__(self, status: int, problem: Problem, headers: dict[str, str] | None = None) -> None:
        super().__init__(problem.error)
        self.status = status
        self.problem = problem
        self.headers = headers


def problem(request: Request, status: int, *, limit: int | None = None) -> Response:
    headers = {"retry-after": "60"} if status == 503 else {}
    if not request.url.path.startswith(_PROGRAMS):
        answer: Response = page(request, _PAGES.get(status, "not_found"), status)
        answer.headers.update(headers)
        return answer
    error, remedy = _REASONS.get(
        status, ("The request cannot be read.", "See /v1/openapi.json for its form.")
    )
    if limit:
        remedy = f"Send it in parts of {limit >> 10:,} KiB at most."
    return JSONResponse(Problem(error=error, remedy=remedy).model_dump(), status, headers)


def add_problem_handlers(app: FastAPI) -> None:
    for kind in _UNAVAILABLE:
        app.add_exception_handler(kind, _unavailable)
    app.add_exception_handler(HTTPException, _refused_by_framework)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Refused, _refused)


def _unavailable(request: Request, error: Exception) -> Response:
    log_failure("database_unavailable", error)
    return problem(request, 503)


def log_failure(event: str, error: Exception) -> None:
    """Our innermost line. Messages and values are left out: they may hold what people typed."""
    frames = [frame for frame in extract_tb(error.__traceback__) if "notifier" in Path(frame.filename).parts]
    where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "unknown"
    log.error(event, error=type(error).__name__, where=where)


def _refused_by_framework(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    answer = problem(request, error.status_code)
    answer.headers.update(error.headers or {})
    return answer


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return JSONResponse(error.problem.model_dump(), error.status, error.headers)


def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first: dict[str, Any] = error.errors()[0]
    found = Problem(
        error=f"The request is not valid: {first['msg']}.",
        where=".".join(map(str, first["loc"])),
        remedy="See /v1/openapi.json for its form.",
    )
    return JSONResponse(found.model_dump(), 422)
