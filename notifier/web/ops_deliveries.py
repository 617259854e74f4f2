"""GET /ops/deliveries: all there are, or those in one state, of one run, one mail or one kind of failure."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from sqlalchemy import Row
from starlette.responses import Response

from notifier.delivery.listing import STATES, Place, list_deliveries
from notifier.delivery.models import MAILS
from notifier.errors import NotifierError
from notifier.web.ops_pages import PAGE_ROWS, Visit, id_in, ops_routes
from notifier.web.ops_words import CLASSES


def show(visit: Visit) -> Response:
    chosen = {name: visit.query.get(name) for name in ("state", "run", "mail", "class")}
    _check(chosen)
    with visit.reading() as conn:
        rows = list_deliveries(
            conn,
            state=chosen["state"] or None,
            run=chosen["run"] or None,
            failure_class=chosen["class"] or None,
            mail=chosen["mail"] or None,
            limit=PAGE_ROWS + 1,
            after=_place(visit.query.get("after")),
        )
    return visit.page(
        "ops/deliveries",
        rows=rows[:PAGE_ROWS],
        chosen=chosen,
        states=STATES,
        mails=MAILS,
        classes=CLASSES,
        older=_older(visit, rows, chosen),
    )


def _check(chosen: dict[str, str]) -> None:
    for name, known in (("state", STATES), ("mail", MAILS)):
        if chosen[name] and chosen[name] not in known:
            raise NotifierError(f"There is no {name} {chosen[name]!a}.", f"There are: {', '.join(known)}.")


def _older(visit: Visit, rows: Sequence[Row[Any]], chosen: dict[str, str]) -> str:
    if len(rows) <= PAGE_ROWS:
        return ""
    last = rows[PAGE_ROWS - 1]
    kept = {name: value for name, value in chosen.items() if value}
    return f"{visit.here}?{urlencode({**kept, 'after': f'{last.batch}.{last.id}'})}"


def _place(after: str) -> Place | None:
    batch, _, delivery = after.partition(".")
    batch_id = id_in(batch)
    try:
        return (batch_id, UUID(delivery)) if batch_id is not None else None
    except ValueError:
        return None


routes = ops_routes("/deliveries", show)
