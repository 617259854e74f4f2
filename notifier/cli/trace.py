"""Why this did or did not go out."""

from typing import Annotated

import typer

from notifier.cli.deliveries import print_entries
from notifier.cli.output import LOOKED, Json, LookNote, print_json, stderr
from notifier.cli.session import open_session
from notifier.cli.subscribers import address_key_of
from notifier.db.base import Json as JsonObject
from notifier.delivery.explaining import explain
from notifier.delivery.story import study_story
from notifier.errors import NotifierError
from notifier.ops.actions import COMMAND_LINE, trace_person
from notifier.registry.projection import clean_nct_id
from notifier.registry.records import BadRecord


def trace(
    study: Annotated[str | None, typer.Option(help="An NCT id: its events, and what came of each.")] = None,
    email: Annotated[
        str | None,
        typer.Option(help="A person: each of their deliveries; with --study, why they got it or did not."),
    ] = None,
    note: LookNote = LOOKED,
    json: Json = False,
) -> None:
    """Why this did or did not go out: by study, by person, or what became of a study for a person.

    That you looked at a person is written down.

    Examples:

      notifier trace --study NCT05000000
      notifier trace --email ana@example.org --note "she asks why nothing comes"
      notifier trace --study NCT05000000 --email ana@example.org
    """
    if study is None and email is None:
        raise typer.BadParameter("give --study, --email or both")
    nct_id = _nct_id(study) if study is not None else None
    rows = _of_person(email, nct_id, note) if email is not None else _of_study(str(nct_id))
    if json:
        return print_json(rows)
    if rows:
        return print_entries("Events" if nct_id else "Deliveries", rows)
    stderr.print("Nothing has been recorded here.")
    if nct_id:
        stderr.print("`notifier records diff BEFORE AFTER` says what followers would be told of a change.")
    else:
        stderr.print("`notifier subscribers show EMAIL` and `notifier digest preview EMAIL` say more.")
    return None


def _nct_id(study: str) -> str:
    try:
        return clean_nct_id(study)
    except BadRecord as error:
        raise NotifierError(f"{error}.") from None


def _of_study(nct_id: str) -> list[JsonObject]:
    with open_session(only_looks=True) as session, session.engine.connect() as conn:
        return study_story(conn, nct_id)


def _of_person(email: str, nct_id: str | None, note: str) -> list[JsonObject]:
    with open_session(only_looks=True) as session, session.engine.begin() as conn:
        key, now = address_key_of(session, email), session.clock()
        deliveries = trace_person(conn, key, actor=COMMAND_LINE, note=note, now=now)
        return explain(conn, key, nct_id, now=now) if nct_id else deliveries
