"""GET /ops/audit: what operators did, and why."""

from sqlalchemy import text
from starlette.responses import Response

from notifier.web.ops_pages import PAGE_ROWS, Visit, id_in, ops_routes

_ACTIONS = """
SELECT id, at, actor, action, subject, note FROM operator_actions
WHERE id < :before ORDER BY id DESC LIMIT :limit
"""
_LAST = 2**63 - 1


def show(visit: Visit) -> Response:
    before = id_in(visit.query.get("before")) or _LAST
    with visit.reading() as conn:
        actions = conn.execute(text(_ACTIONS), {"before": before, "limit": PAGE_ROWS + 1}).all()
    older = f"{visit.here}?before={actions[PAGE_ROWS - 1].id}" if len(actions) > PAGE_ROWS else ""
    return visit.page("ops/audit", actions=actions[:PAGE_ROWS], older=older)


routes = ops_routes("/audit", show)
