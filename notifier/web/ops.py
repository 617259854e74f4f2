"""The operators' pages under /ops: docs/guides/operators.md."""

from fastapi import FastAPI

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
