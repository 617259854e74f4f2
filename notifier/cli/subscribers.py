"""People: added in bulk, shown, exported, erased."""

import logging
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import Connection

from notifier.cli.output import (
    LOOKED,
    Json,
    LookNote,
    Yes,
    confirm,
    print_counts,
    print_json,
    print_table,
    stderr,
    stdout,
)
from notifier.cli.session import Session, open_session
from notifier.db.base import Json as JsonObject
from notifier.delivery.audit import ERASED, check_note, note_action, note_person
from notifier.delivery.erasing import erase as erase_everything
from notifier.errors import NotifierError
from notifier.links.addresses import BadAddress, clean_address
from notifier.links.keys import email_key
from notifier.ops.actions import COMMAND_LINE
from notifier.subscriptions.importing import import_subscribers
from notifier.subscriptions.personal_data import export_person

EraseNote = Annotated[str, typer.Option("--note", help="Why; it is written down, and must name nobody.")]

app = typer.Typer(help="Subscribers: import, show, export, erase.", no_args_is_help=True)


@app.command("import")
def import_file(file: Path, json: Json = False) -> None:
    """Add people who have already agreed, from a CSV file.

    Columns: email,study,condition,frequency,timezone,confirmed_at. A bad line is left out with its number and
    reason, the rest goes in. Repeating the file adds nothing.

    Examples:

      notifier subscribers import people.csv
    """
    with open_session() as session:
        result = import_subscribers(
            session.engine, file, settings=session.settings, keys=session.keys, now=session.clock()
        )
        for rejection in result.rejections:
            stderr.print(
                f"{file}:{rejection['line']}: {rejection['field']}: {rejection['reason']}", markup=False
            )
        if json:
            print_json(result.as_json())
        else:
            print_counts(result.as_json())


@app.command()
def show(email: str, note: LookNote = LOOKED, json: Json = False) -> None:
    """What one person follows, and when they hear of it. That you looked is written down.

    Examples:

      notifier subscribers show ana@example.org
    """
    with open_session(only_looks=True) as session:
        person = _person(session, email, "person_shown", note)
    if json:
        return print_json({name: value for name, value in person.items() if name != "deliveries"})
    if person["suppression"]:
        stdout.print(f"On the do-not-mail list: {person['suppression']['reason']}.")
    waiting = [s for s in person.get("sign_ups", []) if not s["confirmed_at"] and not s["refused_at"]]
    if waiting:
        stdout.print(f"Sign-ups that wait to be confirmed: {len(waiting)}.")
    if "frequency" not in person:
        return stdout.print("Not subscribed.")
    stdout.print(f"{person['state']}, {person['frequency']}, {person['zone']}, {person['hour']}:00")
    if person["paused_until"]:
        stdout.print(f"paused until {person['paused_until'][:16]}")
    rows = [
        [s["kind"], s["target"], s["confirmed_at"][:10], (s["ended_at"] or "")[:10]]
        for s in person["subscriptions"]
    ]
    print_table("Subscriptions", ["kind", "target", "since", "ended"], rows)
    return None


@app.command()
def export(email: str, note: LookNote = LOOKED) -> None:
    """Everything that is held about one person, as JSON. That you looked is written down.

    Examples:

      notifier subscribers export ana@example.org > ana.json
    """
    with open_session(only_looks=True) as session:
        print_json(_person(session, email, "person_exported", note))


@app.command()
def erase(email: str, note: EraseNote = "asked to be erased", yes: Yes = False) -> None:
    """Delete one person and all they asked for. A keyed hash stays, so that they are never mailed again.

    Examples:

      notifier subscribers erase ana@example.org
    """
    # At `info` the log has the line by which an erasure is done again once an older backup is restored.
    with open_session(log_level=logging.INFO) as session:
        key = address_key_of(session, email)
        check_note(note)  # an erasure that is rolled back would still stand in the log
        confirm("Delete this person and all their subscriptions? It cannot be undone.", yes)
        with session.engine.begin() as conn:
            erased = erase_everything(conn, key, settings=session.settings, now=session.clock())
            if erased:
                note_action(conn, "person_erased", ERASED, note, actor=COMMAND_LINE, now=session.clock())
    if not erased:
        raise NotifierError("Nothing is held about this address.")
    stderr.print("Erased.")


def _person(session: Session, email: str, action: str, note: str) -> JsonObject:
    key = address_key_of(session, email)
    with session.engine.begin() as conn:
        person = export_person(conn, key)
        if person is None:
            raise NotifierError("Nothing is held about this address.")
        note_look(conn, action, key, note, session.clock())
    return person


def note_look(conn: Connection, action: str, key: bytes, note: str, now: datetime) -> None:
    note_person(conn, action, key, note, actor=COMMAND_LINE, now=now)


def address_key_of(session: Session, email: str) -> bytes:
    try:
        return email_key(session.keys, clean_address(email))
    except BadAddress as error:
        raise NotifierError(f"That is not an address: {error}.") from None
