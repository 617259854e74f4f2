"""A digest or a correction as it was rendered, for whoever is to say what somebody read."""

from sqlalchemy import Connection

from notifier.delivery.corrections import load_corrections
from notifier.digests.content import NothingToSay
from notifier.digests.corrections import render_correction
from notifier.digests.editions import load_editions
from notifier.digests.rendering import render
from notifier.digests.tags import MANAGE_TAG, UNSUBSCRIBE_TAG
from notifier.errors import NotifierError
from notifier.settings import Settings


def without_links(conn: Connection, mail: str, batch_id: int, edition_id: int, settings: Settings) -> str:
    """Its HTML; where the reader's own links stand, `#`. Raises NotifierError where its words are not kept any more,
    or say nothing any more."""
    html = (
        _correction(conn, batch_id, settings) if mail == "correction" else _digest(conn, edition_id, settings)
    )
    return html.replace(f"{UNSUBSCRIBE_TAG}/", "#").replace(UNSUBSCRIBE_TAG, "#").replace(MANAGE_TAG, "#")


def _digest(conn: Connection, edition_id: int, settings: Settings) -> str:
    try:
        content = load_editions(conn, [edition_id])[edition_id]
        return render(content, settings, lambda target: "").html
    except LookupError:
        raise _not_kept() from None
    except NothingToSay:
        raise NotifierError("What changed was changed back: there is nothing to say any more.") from None


def _correction(conn: Connection, batch_id: int, settings: Settings) -> str:
    content = load_corrections(conn, [batch_id]).get(batch_id)
    if content is None:
        raise _not_kept()
    return render_correction(content, settings).html


def _not_kept() -> NotifierError:
    return NotifierError("This mail cannot be made from what is kept.")
