"""A digest as it was rendered, for whoever is to say what somebody read."""

from sqlalchemy import Connection

from notifier.digests.editions import load_editions
from notifier.digests.rendering import render
from notifier.digests.tags import MANAGE_TAG, UNSUBSCRIBE_TAG
from notifier.errors import NotifierError
from notifier.settings import Settings


def without_links(conn: Connection, edition_id: int, settings: Settings) -> str:
    """Its HTML; where the reader's own links stand, `#`. Raises NothingToSay, and NotifierError where its words are
    not kept any more."""
    try:
        content = load_editions(conn, [edition_id])[edition_id]
    except LookupError:
        raise NotifierError("This edition is not kept any more.") from None
    html = render(content, settings, lambda target: "").html
    return html.replace(f"{UNSUBSCRIBE_TAG}/", "#").replace(UNSUBSCRIBE_TAG, "#").replace(MANAGE_TAG, "#")
