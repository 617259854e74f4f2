"""Mails to look at: made up, and without a database."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import orjson
import typer

from notifier.cli.output import Json, print_json, print_table
from notifier.digests.content import RenderedMail
from notifier.digests.samples import MAILS, render_sample
from notifier.errors import NotifierError
from notifier.languages.catalogue import locales
from notifier.settings import load_settings

app = typer.Typer(help="Mails, made up: list, preview.", no_args_is_help=True)


class PartName(StrEnum):
    subject = "subject"
    text = "text"
    html = "html"


Part = Annotated[PartName | None, typer.Option(help="One part alone. [default: subject and text]")]
Out = Annotated[Path | None, typer.Option(help="Write to this file.")]


@app.command("list")
def list_all(json: Json = False) -> None:
    """Every mail there is, by the name under which it can be previewed.

    Examples:

      notifier mail list
    """
    settings = load_settings()
    rows = [[name, render_sample(name, settings).subject] for name in MAILS]
    if json:
        return print_json([{"name": name, "subject": subject} for name, subject in rows])
    return print_table("Mails", ["name", "subject"], rows)


@app.command("preview")
def preview_sample(
    name: Annotated[str, typer.Argument(help="As `notifier mail list` shows it.")],
    locale: Annotated[str, typer.Option(help="The reader's language.")] = "en",
    part: Part = None,
    out: Out = None,
    json: Json = False,
) -> None:
    """One mail with made-up studies, as its reader gets it.

    Examples:

      notifier mail preview digest-one-change
      notifier mail preview letter-confirm --part html --out mail.html
    """
    if name not in MAILS:
        raise typer.BadParameter(f"{name!a} is none of {', '.join(MAILS)}.", param_hint="NAME")
    if locale not in locales():
        raise typer.BadParameter(f"{locale!a} is none of {', '.join(locales())}.", param_hint="--locale")
    mail = render_sample(name, load_settings(), locale)
    if json:
        return show_json(as_json(mail, part), out)
    return show_mail(mail, part, out)


def as_json(mail: RenderedMail, part: PartName | None = None) -> dict[str, str]:
    parts = {"subject": mail.subject, "text": mail.text, "html": mail.html}
    return {part.value: parts[part]} if part else parts


def show_mail(mail: RenderedMail, part: PartName | None, out: Path | None) -> None:
    """Byte for byte: what a terminal would wrap or colour is no longer the mail."""
    shown = as_json(mail)[part] if part else f"Subject: {mail.subject}\n\n{mail.text}"
    _write(f"{shown.rstrip()}\n".encode(), out)


def show_json(data: object, out: Path | None) -> None:
    _write(orjson.dumps(data) + b"\n", out)


def _write(data: bytes, out: Path | None) -> None:
    try:
        if out:
            out.write_bytes(data)
        else:
            sys.stdout.buffer.write(data)
            sys.stdout.flush()
    except OSError as error:
        raise NotifierError(f"{out or 'The output'} cannot be written: {error.strerror}.") from error
