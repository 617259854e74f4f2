"""GET /ops/suppressions: the do-not-mail list. It holds no address, so to find one it must be typed, by POST."""

from datetime import datetime
from urllib.parse import urlencode

from sqlalchemy import Connection, Row, text
from starlette.responses import Response

from notifier.errors import NotifierError
from notifier.links.addresses import BadAddress, clean_address
from notifier.links.keys import email_key
from notifier.ops import actions
from notifier.web.forms import Form
from notifier.web.ops_pages import PAGE_ROWS, Visit, ops_routes

DONE = {"added": "The address is on the list now.", "removed": "The address is off the list now."}
_NEWEST = """
SELECT email_key, reason, note, created_at FROM suppressions
{older} ORDER BY created_at DESC, email_key DESC LIMIT :limit
"""
_OLDER = "WHERE (created_at, email_key) < (:at, :key)"
_ONE = "SELECT email_key, reason, note, created_at FROM suppressions WHERE email_key = :key"


def show(visit: Visit) -> Response:
    return _list(visit, done=DONE.get(visit.query.get("done"), ""))


def find(visit: Visit) -> Response:
    """Whether one address is on it. The answer has no address of its own, so that none stands in a history."""
    key = key_of(visit, visit.form)
    with visit.reading() as conn:
        one = _one(conn, key)
    return _list(visit, searched=True, one=one)


def _list(
    visit: Visit, *, done: str = "", searched: bool = False, one: Row[object] | None = None
) -> Response:
    place = _place(visit.query.get("after"))
    bind = {"limit": PAGE_ROWS + 1, **({"at": place[0], "key": place[1]} if place else {})}
    with visit.reading() as conn:
        rows = conn.execute(text(_NEWEST.format(older=_OLDER if place else "")), bind).all()
    last = rows[PAGE_ROWS - 1] if len(rows) > PAGE_ROWS else None
    after = {"after": f"{last.created_at.isoformat()}/{last.email_key.hex()}"} if last else {}
    older = f"{visit.here}?{urlencode(after)}" if after else ""
    return visit.page(
        "ops/suppressions", rows=rows[:PAGE_ROWS], older=older, done=done, searched=searched, one=one
    )


def add(visit: Visit) -> Response:
    key, note = key_of(visit, visit.form), visit.note()
    with visit.writing() as conn:
        actions.suppress(conn, key, actor=visit.actor, note=note, now=visit.now)
    return visit.leads_to("/suppressions", done="added")


def ask_add(visit: Visit) -> Response:
    return visit.page("ops/suppress")


def ask_remove(visit: Visit) -> Response:
    with visit.reading() as conn:
        one = _one(conn, _key(visit.query.get("which")))
    if one is None:
        raise NotifierError("This address is not on the list.")
    told = [
        f"It has been there since {one.created_at:%-d %B %Y}: {one.reason}{f' ({one.note})' if one.note else ''}.",
        "Mail may go there again. Subscriptions that ended stay ended.",
    ]
    if one.reason in ("complaint", "unsubscribed", "erased"):
        told.append("The person said no. Take it off only if they have asked for it themselves.")
    return visit.ask(
        "Take this address off the list?", told, "Take it off", "/suppressions", which=one.email_key.hex()
    )


def remove(visit: Visit) -> Response:
    key, note = _key(visit.form.get("which")), visit.note()
    with visit.writing() as conn:
        actions.unsuppress(conn, key, actor=visit.actor, note=note, now=visit.now)
    return visit.leads_to("/suppressions", done="removed")


def key_of(visit: Visit, form: Form) -> bytes:
    try:
        return email_key(visit.service.keys, clean_address(form.get("email")))
    except BadAddress as error:
        raise NotifierError(f"That is not an address: it {error}.", "Go back and correct it.") from None


def _one(conn: Connection, key: bytes) -> Row[object] | None:
    return conn.execute(text(_ONE), {"key": key}).one_or_none()


def _key(which: str) -> bytes:
    try:
        return bytes.fromhex(which)
    except ValueError:
        raise NotifierError("There is no such entry.", "Go to the list and choose there.") from None


def _place(after: str) -> tuple[datetime, bytes] | None:
    at, _, key = after.partition("/")
    try:
        return datetime.fromisoformat(at), bytes.fromhex(key)
    except ValueError:
        return None


routes = [
    *ops_routes("/suppressions", show, find),
    *ops_routes("/suppressions/add", ask_add, add),
    *ops_routes("/suppressions/remove", ask_remove, remove),
]
