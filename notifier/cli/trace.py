"""Why this did or did not go out."""

from typing import Annotated

import typer

from notifier.cli.output import Json, print_json, stdout
from notifier.cli.session import open_session
from notifier.cli.subscribers import address_key_of
from notifier.delivery.story import person_story, study_story
from notifier.errors import NotifierError
from notifier.registry.projection import clean_nct_id
from notifier.registry.records import BadRecord


def trace(
    study: Annotated[str | None, typer.Option(help="An NCT id: its events, and what came of each.")] = None,
    email: Annotated[str | None, typer.Option(help="A person: each of their deliveries.")] = None,
    json: Json = False,
) -> None:
    """Why this did or did not go out: by study or by person."""
    if (study is None) == (email is None):
        raise typer.BadParameter("give either --study or --email")
    with open_session() as session, session.engine.connect() as conn:
        key = address_key_of(session, email) if email else b""
        rows = study_story(conn, _nct_id(study)) if study else person_story(conn, key)
    if json:
        return print_json(rows)
    if not rows:
        stdout.print("Nothing has been recorded here.")
    for row in rows:
        stdout.print(
            ", ".join(f"{name} {value}" for name, value in row.items() if value is not None), markup=False
        )
    return None


def _nct_id(text: str) -> str:
    try:
        return clean_nct_id(text)
    except BadRecord as error:
        raise NotifierError(f"{error}.") from None
