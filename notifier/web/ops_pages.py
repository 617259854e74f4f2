"""What all operators' pages share: who may see them, their look, and what is said when one cannot be made."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from markupsafe import Markup, escape
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from notifier.errors import NotifierError
from notifier.languages.catalogue import ENGLISH, language_of
from notifier.web import ops_words
from notifier.web.forms import Form, PlainRoute, query_of, read_form
from notifier.web.ops_guard import ForeignForm, form_token, refuse_foreign, refuse_rebound
from notifier.web.ops_login import require_operator
from notifier.web.pages import page
from notifier.web.problems import Refused, log_failure
from notifier.web.service import Service, service_of
from notifier.web.styles import STYLE, TEMPLATES, style_hash

LONGEST_LOOK = timedelta(seconds=5)
RELOAD_EVERY = timedelta(seconds=30)
RELOADED = ("/ops", "/ops/runs")
PAGE_ROWS = 50
NAV = {
    "": "Overview",
    "/deliveries": "Deliveries",
    "/failures": "Failures",
    "/runs": "Runs",
    "/suppressions": "Do-not-mail list",
    "/trace": "Trace",
    "/audit": "Audit log",
}
_STYLE = STYLE + (TEMPLATES / "ops" / "ops.css").read_text("utf-8")
_HEADERS = {
    "content-security-policy": (
        f"default-src 'none'; style-src '{style_hash(_STYLE)}'; frame-src 'self'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    ),
    "referrer-policy": "same-origin",  # without a referrer a browser does not say where a form comes from
}


@dataclass(frozen=True)
class Visit:
    """One request of an operator."""

    request: Request
    actor: str
    now: datetime
    query: Form
    form: Form

    @property
    def service(self) -> Service:
        return service_of(self.request)

    @property
    def here(self) -> str:
        """The address of this page, without its query."""
        return self.service.root + self.request.url.path

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One moment of the database. A look that takes too long is given up: it must not weigh on the mail."""
        engine = self.service.engine
        with engine.connect().execution_options(isolation_level="REPEATABLE READ") as conn, conn.begin():
            conn.execute(text("SET TRANSACTION READ ONLY"))
            conn.execute(text(f"SET LOCAL statement_timeout = {LONGEST_LOOK // timedelta(milliseconds=1)}"))
            yield conn

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        with self.service.engine.begin() as conn:
            yield conn

    def page(self, name: str, status: int = 200, *, reloads: bool = False, **values: Any) -> Response:
        """`reloads`: unless the operator has asked it to stand still. Never of a page with a form."""
        reloading = reloads and not self.query.get("still")
        here = self.request.url.path.removesuffix("/")
        answer = _page(
            self.request,
            name,
            status,
            now=self.now,
            actor=self.actor,
            here=here,
            reloads=reloads,
            reloading=reloading,
            token=form_token(self.request, self.actor, self.now),
            **values,
        )
        if reloading:  # as a header: docs/decisions/0026
            answer.headers["refresh"] = f"{RELOAD_EVERY.seconds}; url={self.service.root}{here}"
        return answer

    def ask(self, question: str, told: list[str], button: str, back: str, **fields: str) -> Response:
        """Once, where it hurts. `told` are sentences; the form comes back to this page with `fields` and a note."""
        return self.page(
            "ops/ask", question=question, told=told, button=button, back=back, fields=fields, wants_note=True
        )

    def leads_to(self, path: str, **query: str | int) -> Response:
        """Elsewhere, so that a reload does not do it again."""
        address = f"{self.service.root}/ops{path}{'?' if query else ''}{urlencode(query)}"
        return RedirectResponse(address, 303, _HEADERS)

    def wake(self) -> None:
        """Mail may go: nobody needs to wait for the scheduler."""
        for reason in ("letter", "send"):
            self.service.wake(reason)

    def note(self) -> str:
        """Why: asked for wherever something is changed. Raises NotifierError."""
        note = " ".join(self.form.get("note").split())[:500]
        if not note:
            raise NotifierError(
                "There is no note.", "Go back and say in a few words why; it stands in the audit log."
            )
        return note


def id_in(text: str) -> int | None:
    """None for what is no id of ours."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def moment_in(text: str) -> datetime | None:
    """As forms of ours carry it; None for anything else."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


View = Callable[[Visit], Response]


def ops_routes(path: str, show: View, take: View | None = None) -> list[BaseRoute]:
    def get(request: Request) -> Response:
        return _visited(request, show, Form([]))

    async def post(request: Request) -> Response:
        assert take
        form = await read_form(request)
        return await run_in_threadpool(_visited, request, take, form)

    routes: list[BaseRoute] = [PlainRoute(f"/ops{path}", get, methods=["GET"])]
    if take:
        routes.append(PlainRoute(f"/ops{path}", post, methods=["POST"]))
    return routes


def _visited(request: Request, view: View, form: Form) -> Response:
    now = service_of(request).clock()
    try:
        actor = require_operator(request)
        refuse_rebound(request, actor)
        if request.method == "POST":
            refuse_foreign(request, form, actor, now)
    except Refused as refused:
        problem = refused.problem
        return _refused(request, now, refused.status, problem.error, problem.remedy, refused.headers)
    except ForeignForm as foreign:
        return _refused(request, now, 403, "Nothing was done.", str(foreign))
    visit = Visit(request, actor, now, query_of(request), form)
    try:
        return view(visit)
    except NotifierError as error:
        return _refused(request, now, 400, error.message, error.remedy, actor=actor)
    except SQLAlchemyError as error:
        log_failure("ops_page_failed", error)
        here = request.url.path.removesuffix("/") if request.method == "GET" else ""
        words = _WORDS.get(str(getattr(getattr(error, "orig", None), "sqlstate", "")), _AWAY)
        answer = _refused(request, now, 503, *words, actor=actor)
        if here in RELOADED and not visit.query.get("still"):  # or a screen on a wall would stand so for ever
            answer.headers["refresh"] = str(RELOAD_EVERY.seconds)
        return answer


_SLOW = (
    "This takes too long to look up.",
    "That says nothing about the mail: `notifier status` does. Look for less at once, such as one run or one state.",
)
_HELD = (
    "Nothing was done: something else holds what it is about.",
    "Mostly that is a large run which is being planned. Wait a minute, then go back and press the button once more.",
)
_AWAY = (
    "The database cannot be used.",
    "No mail goes out meanwhile, and none is lost. See that PostgreSQL runs, that DATABASE_URL leads to it, and that "
    "`notifier db upgrade` was run. `notifier doctor` says more.",
)

_WORDS = {"57014": _SLOW, "55P03": _HELD}  # by PostgreSQL's code: query_canceled, lock_not_available


def _refused(
    request: Request,
    now: datetime,
    status: int,
    words: str,
    remedy: str,
    headers: Mapping[str, str] | None = None,
    actor: str = "",
) -> Response:
    values = {"here": request.url.path, "reloads": False, "token": ""}
    answer = _page(request, "ops/refused", status, now=now, actor=actor, words=words, remedy=remedy, **values)
    answer.headers.update(headers or {})
    return answer


def _page(request: Request, name: str, status: int, *, now: datetime, **values: Any) -> Response:
    answer = page(
        request,
        name,
        status,
        language=language_of(ENGLISH),
        style=Markup(_STYLE),  # noqa: S704 - our own file
        nav=NAV,
        now=now,
        w=ops_words,
        when=lambda at: _when(at, now),
        **values,
    )
    answer.headers.update(_HEADERS)
    return answer


def _when(at: datetime, now: datetime) -> Markup:
    """How long ago, which is what one asks at night; the moment itself beside it for whoever compares logs."""
    exact = ops_words.moment(at)
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        at.isoformat(), exact, escape(ops_words.ago(at, now))
    )
