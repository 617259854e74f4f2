"""Why this did or did not go out."""

from typing import Annotated

import typer

from notifier.cli.deliveries import print_entries
from notifier.cli.output import LOOKED, Json, LookNote, print_json, stderr
from notifier.cli.session import open_session
from notifier.cli.subscribers import address_key_of
from notifier.db.base import Json as JsonObject
from notifier.delivery.story import study_story
from notifier.errors import NotifierError
from notifier.ops.actions import COMMAND_LINE, trace_person
from notifier.registry.projection import clean_nct_id
from notifier.registry.records import BadRecord


def trace(
    study: Annotated[str | None, typer.Option(help="An NCT id: its events, and what came of each.")] = None,
    email: Annotated[str | None, typer.Option(help="A person: each of their deliveries.")] = None,
    note: LookNote = LOOKED,
    json: Json = False,
) -> None:
    """Why this did or did not go out: by study or by person. That you looked at a person is written down.

    Examples:

      notifier trace --study NCT05000000
      notifier trace --email ana@example.org --note "she asks why nothing comes"
    """
    if (study is None) == (email is None):
        raise typer.BadParameter("give either --study or --email")
    rows = _of_study(study) if study else _of_person(str(email), note)
    if json:
        return print_json(rows)
    if rows:
        return print_entries("Events" if study else "Deliveries", rows)
    stderr.print("Nothing has been recorded here.")
    if study:
        stderr.print("`notifier records diff BEFORE AFTER` says what followers would be told of a change.")
    else:
        stderr.print("`notifier subscribers show EMAIL` and `notifier digest preview EMAIL` say more.")
    return None


def _of_study(study: str) -> list[JsonObject]:
    try:
        nct_id = clean_nct_id(study)
    except BadRecord as error:
        raise NotifierError(f"{error}.") from None
    with open_session() as session, session.engine.connect() as conn:
        return study_story(conn, nct_id)


def _of_person(email: str, note: str) -> list[JsonObject]:
    with open_session() as session, session.engine.begin() as conn:
        key = address_key_of(session, email)
        return trace_person(conn, key, actor=COMMAND_LINE, note=note, now=session.clock())
