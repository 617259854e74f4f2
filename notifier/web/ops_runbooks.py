"""GET /ops/runbooks/{name}: what to do about an alert, where it is needed."""

import re
from functools import lru_cache
from pathlib import Path

from markdown_it import MarkdownIt
from markupsafe import Markup
from starlette.responses import Response

from notifier.errors import NotifierError
from notifier.web.ops_pages import Visit, ops_routes

RUNBOOKS = Path(__file__).parents[2] / "docs" / "runbooks"
_NAME = re.compile(r"[A-Za-z0-9-]{1,60}")
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")


def show(visit: Visit) -> Response:
    name = visit.request.path_params["name"]
    found = _runbook(name) if _NAME.fullmatch(name) else None
    if found is None:
        raise NotifierError("There is no such runbook.", "They lie in docs/runbooks.")
    return visit.page("ops/runbook", alert=name, body=found)


@lru_cache(64)
def _runbook(name: str) -> Markup | None:
    for folder in (RUNBOOKS, RUNBOOKS / "scenarios"):
        file = folder / f"{name}.md"
        if file.is_file():
            # Without its title, which the page has; links lead to other runbooks.
            source = file.read_text("utf-8").partition("\n")[2]
            html = re.sub(
                r'href="(?:\.\./|scenarios/)*([A-Za-z0-9-]+)\.md"', r'href="\1"', _MARKDOWN.render(source)
            )
            return Markup(html)  # noqa: S704 - our own file
    return None


routes = ops_routes("/runbooks/{name}", show)
