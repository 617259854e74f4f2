"""Collect our words from templates, tables and code into `locales/notifier.pot`, the list that translators fill.

`python -m notifier.languages.extraction` writes it, and brings each language's own file up to date with it.
"""

import ast
import sys
import tomllib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.messages import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.pofile import write_po

from notifier.errors import NotifierError
from notifier.languages.catalogue import FILE, FOLDER, cannot_be_filled, read_catalogue

ROOT = Path(__file__).parents[2]
TEMPLATE = FOLDER / "notifier.pot"
CODES = frozenset({"name", "pattern", "stem", "topic", "version"})
"""Keys of a table whose values are no words of ours."""
_METHODS = [
    ("notifier/**/words.toml", "notifier.languages.extraction:tables"),
    ("notifier/**/consent.toml", "notifier.languages.extraction:tables"),
    ("notifier/**.py", "notifier.languages.extraction:calls"),
    ("templates/**.html", "jinja2.ext:babel_extract"),
    ("templates/**.txt", "jinja2.ext:babel_extract"),
]
_OPTIONS = {"templates/**.*": {"trimmed": "true", "silent": "false"}}
_KEYWORDS = DEFAULT_KEYWORDS | {"Message": None}
_CALLS = {"gettext": 1, "ngettext": 2, "pgettext": 2, "Message": 1}
"""How many texts each of them begins with."""
_HEADER = """\
# The words of Notifier, collected from its sources by `make catalogue`.
# How to add a language: docs/guides/languages.md
msgid ""
msgstr ""
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"

"""
Found = tuple[int, str, str | tuple[str, ...], list[str]]


def tables(file: Any, _keywords: object, _comments: object, options: object) -> Iterator[Found]:
    """Babel's way to read a table of words. A pair of `one` and `many` is a message with plural forms."""
    found = _words(tomllib.loads(file.read().decode("utf-8")), "")
    for place, (key, message) in enumerate(found, 1):
        yield place, "ngettext" if isinstance(message, tuple) else "gettext", message, [key]


def calls(file: Any, _keywords: object, _comments: object, options: object) -> Iterator[Found]:
    """Babel's way to read code. Unlike its own reader, it leaves out a call whose message stands in a table."""
    for node in ast.walk(ast.parse(file.read())):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        count = _CALLS.get(name, 0)
        first = [getattr(one, "value", None) for one in node.args[:count]]
        texts = tuple(text for text in first if isinstance(text, str))
        if count and len(texts) == count:
            yield node.lineno, name, texts, []


def _words(value: Any, key: str) -> Iterator[tuple[str, str | tuple[str, str]]]:
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, list):
        for part in value:
            yield from _words(part, key)
    elif isinstance(value, dict):
        if {"one", "many"} <= value.keys():
            yield key, (value["one"], value["many"])
        for name, part in value.items():
            if name not in CODES | {"one", "many"}:
                yield from _words(part, f"{key}.{name}".lstrip("."))


def collected(root: Path = ROOT) -> Catalog:
    catalogue = Catalog()
    found = extract_from_dir(
        root,
        _METHODS,
        _OPTIONS,
        _KEYWORDS,
        comment_tags=("Translators:",),
        strip_comment_tags=True,
        directory_filter=lambda folder: not Path(folder).name.startswith((".", "__")),
    )
    for file, line, message, comments, context in found:
        catalogue.add(message, None, [(file, line)], auto_comments=comments, context=context)
    return catalogue


def written(catalogue: Catalog) -> str:
    """By file and not by line, so that a moved line changes nothing. Without a date, an author or an address."""
    text = BytesIO()
    write_po(text, catalogue, width=110, omit_header=True, sort_by_file=True, include_lineno=False)
    return _HEADER + text.getvalue().decode("utf-8")


def main() -> int:
    """The exit code: 1 if a language's file is broken. It is left as it is."""
    catalogue, broken = collected(), 0
    TEMPLATE.write_text(written(catalogue), "utf-8")
    print(f"{TEMPLATE.relative_to(ROOT)}: {len(catalogue)} messages")
    for file in sorted(FOLDER.glob(f"*/{FILE}")):
        try:
            print(f"{file.relative_to(FOLDER)}: {', '.join(refresh(file, catalogue))}")
        except NotifierError as error:
            print(error, file=sys.stderr)
            broken = 1
    return broken


def refresh(file: Path, catalogue: Catalog) -> list[str]:
    """Bring a language's file up to date, and say what is left to do in it."""
    theirs = read_catalogue(file)
    theirs.update(catalogue, no_fuzzy_matching=True, update_creation_date=False)
    with file.open("wb") as out:
        write_po(out, theirs, width=110, ignore_obsolete=True, sort_by_file=True, include_lineno=False)
    messages = [message for message in theirs if message.id]
    missing = sum(not message.string or not all(message.string) for message in messages)
    wrong = [f"cannot be filled: {message.id!r}" for message in messages if cannot_be_filled(message)]
    return [f"{missing} of {len(messages)} not translated", *wrong]


if __name__ == "__main__":
    sys.exit(main())
