"""The operators' pages under /ops: docs/guides/operators.md."""

from fastapi import FastAPI
from starlette.responses import Response

from notifier.web import (
    ops_audit,
    ops_deliveries,
    ops_delivery,
    ops_failures,
    ops_overview,
    ops_runbooks,
    ops_runs,
    ops_suppressions,
    ops_trace,
)
from notifier.web.ops_pages import Visit, ops_routes


def add_ops(app: FastAPI) -> None:
    app.state.ops_charts = ops_overview.Charts()
    for pages in (
        ops_overview,
        ops_deliveries,
        ops_delivery,
        ops_failures,
        ops_runs,
        ops_suppressions,
        ops_trace,
        ops_audit,
        ops_runbooks,
    ):
        app.router.routes.extend(pages.routes)
    app.router.routes.extend(ops_routes("/{elsewhere:path}", _nothing))


def _nothing(visit: Visit) -> Response:
    words, remedy = "There is nothing at this address.", "The list above leads to every page."
    return visit.page("ops/refused", 404, words=words, remedy=remedy)
