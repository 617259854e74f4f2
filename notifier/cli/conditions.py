"""What a phrase means here."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import orjson
import typer

from notifier.cli.output import Json, stdout
from notifier.cli.session import open_session
from notifier.conditions.matching import match_phrase
from notifier.errors import NotifierError

app = typer.Typer(help="Conditions: what a phrase means here.", no_args_is_help=True)


@app.command()
def match(
    phrases: Annotated[list[str] | None, typer.Argument(help="Phrases as people write them.")] = None,
    file: Annotated[
        Path | None, typer.Option(help="One phrase a line; out comes one JSON object a line.")
    ] = None,
    json: Json = False,
) -> None:
    """Find the condition that a phrase means among those that are stored, and say how it was found.

    Examples:

      notifier conditions match "tumour of the throat" asthma
      notifier conditions match --file phrases.txt
    """
    wanted = list(phrases or [])
    if file:
        wanted += _lines(file)
    if not wanted:
        raise typer.BadParameter("give at least one phrase, or --file")
    with open_session() as session, session.engine.connect() as conn:
        for phrase in wanted:
            found = asdict(match_phrase(conn, phrase))
            if json or file:
                sys.stdout.buffer.write(orjson.dumps(found) + b"\n")
            else:
                name = found["concept"]["name"] if found["concept"] else "not known here"
                stdout.print(f"{phrase}: {name} ({found['how']})", markup=False)
        sys.stdout.flush()


def _lines(file: Path) -> list[str]:
    try:
        return [line for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise NotifierError(
            f"{file}: cannot be read ({error}).", "Check the path; the file must be UTF-8."
        ) from None
