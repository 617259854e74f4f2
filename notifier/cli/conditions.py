"""What a phrase means here, and the vocabulary that helps to say so."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import orjson
import typer

from notifier.cli.output import Json, Yes, confirm, print_counts, print_json, stdout
from notifier.cli.session import open_session
from notifier.conditions.matching import match_phrase
from notifier.conditions.mesh import read_descriptors
from notifier.conditions.vocabulary import load_vocabulary, stored_names
from notifier.errors import NotifierError

app = typer.Typer(help="Conditions: what a phrase means here, and a vocabulary for it.", no_args_is_help=True)
FEWEST_KEPT = 0.5
"""A file that would leave fewer of the names that are stored is asked about: it may be cut off."""


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


@app.command("load-mesh")
def load_mesh(
    path: Annotated[Path, typer.Argument(help="desc….xml or d….bin of MeSH, .gz or not.")],
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Load the names of conditions from MeSH, so that `conditions match` knows synonyms.

    The vocabulary becomes what the file says; to repeat it changes nothing. What people follow, and which studies they
    hear of, stays as it is.

    Examples:

      notifier conditions load-mesh desc2026.xml.gz
      notifier conditions load-mesh d2026.bin --json
    """
    with open_session() as session, session.engine.begin() as conn:
        before = stored_names(conn)
        result = load_vocabulary(conn, read_descriptors(path))
        if result.removed > before * FEWEST_KEPT:
            told = f"{result.removed:,} of {before:,} names are not in this file"
            confirm(f"{told}; it may be cut off. Forget them?", yes)
    if json:
        print_json(asdict(result))
    else:
        print_counts(asdict(result))


def _lines(file: Path) -> list[str]:
    try:
        return [line for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise NotifierError(
            f"{file}: cannot be read ({error}).", "Check the path; the file must be UTF-8."
        ) from None
