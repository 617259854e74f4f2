"""Languages that nobody speaks, made of the catalogue as a translator would."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from babel.messages import Catalog
from babel.messages.pofile import read_po, write_po

from notifier.languages import catalogue
from notifier.languages.extraction import TEMPLATE

OPEN, CLOSE = "⟦", "⟧"
Translate = Callable[[str], str]


def bracketed(text: str) -> str:
    return f"{OPEN}{text}{CLOSE}"


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


@contextmanager
def found_in(folder: Path) -> Iterator[None]:
    ours, catalogue.FOLDER = catalogue.FOLDER, folder
    catalogue.forget()
    try:
        yield
    finally:
        catalogue.FOLDER = ours
        catalogue.forget()
