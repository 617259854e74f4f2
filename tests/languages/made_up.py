"""Languages that nobody speaks, made of the catalogue as a translator would."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from babel.messages import Catalog
from babel.messages.pofile import read_po, write_po

from notifier.languages import catalogue
from notifier.languages.extraction import TEMPLATE

OPEN, CLOSE = "⟦", "⟧"
_VALUE = re.compile(r"(%\(\w+\)s)")
_LETTERS = {ord("a") + place: 0x561 + place for place in range(26)} | {
    ord("A") + place: 0x531 + place for place in range(26)
}
Translate = Callable[[str], str]


def bracketed(text: str) -> str:
    return f"{OPEN}{text}{CLOSE}"


def in_other_letters(text: str) -> str:
    """All that a message says in Armenian letters, so that a Latin one in a mail or on a page is none of its words."""
    parts = _VALUE.split(text)
    parts[::2] = [part.translate(_LETTERS) for part in parts[::2]]
    return bracketed("".join(parts))


@contextmanager
def spoken(folder: Path, locale: str, translate: Translate = bracketed) -> Iterator[None]:
    """Drop a language's file into `folder`, every message as `translate` says it, and let it be found there."""
    theirs = Catalog(locale=locale.replace("-", "_"))
    with TEMPLATE.open("rb") as lines:
        messages = read_po(lines)
    for message in messages:
        if isinstance(message.id, str) and message.id:
            theirs.add(message.id, translate(message.id), context=message.context)
        elif message.id:
            one, many = message.id
            forms = [translate(one), *[translate(many)] * (theirs.num_plurals - 1)]
            theirs.add((one, many), forms if len(forms) > 1 else [translate(many)], context=message.context)
    file = folder / locale / catalogue.FILE
    file.parent.mkdir(parents=True)
    with file.open("wb") as out:
        write_po(out, theirs)
    with found_in(folder):
        yield


def dropped(folder: Path, locale: str, text: str) -> Path:
    """A language's file in `folder`, which is given back."""
    file = folder / locale / catalogue.FILE
    file.parent.mkdir(parents=True)
    file.write_text(text, "utf-8")
    return folder


@contextmanager
def found_in(folder: Path) -> Iterator[None]:
    ours, catalogue.FOLDER = catalogue.FOLDER, folder
    catalogue.forget()
    try:
        yield
    finally:
        catalogue.FOLDER = ours
        catalogue.forget()
