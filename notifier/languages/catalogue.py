"""The languages there are: English, in which all messages are written, and each that has a file of translations.

A file lies at `locales/<locale>/LC_MESSAGES/notifier.po` and is read as it is, when a language is first asked for. One
that is broken is logged and left out: its readers get English, and all others what they always got.
"""

import re
from collections.abc import Iterable
from functools import cache
from gettext import GNUTranslations, NullTranslations, c2py
from io import BytesIO
from pathlib import Path

import structlog
from babel import Locale, UnknownLocaleError
from babel.messages import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileError, read_po

from notifier.errors import NotifierError
from notifier.languages.language import Language

ENGLISH = "en"
FOLDER = Path(__file__).parent / "locales"
FILE = Path("LC_MESSAGES") / "notifier.po"
log = structlog.get_logger()
_LINE = re.compile(r'#.*|(?:msg(?:ctxt|id|id_plural|str|str\[\d\])\s+)?"(?:[^"\\]|\\.)*"|')
_VALUE = re.compile(r"%(?:\((\w+)\)s|(.?))")


def language_of(locale: str) -> Language:
    """Its nearest language, as `de` for `de-AT`; English for one that we do not have."""
    tag = _tag(locale)
    while tag and tag not in _files():
        tag = tag.rpartition("-")[0]
    return _language(tag or ENGLISH)


@cache
def locales() -> tuple[str, ...]:
    """English first, then the others by their tags, without those that cannot be read."""
    english = _language(ENGLISH)
    return (ENGLISH, *(_locale(file) for tag, file in _files().items() if _language(tag) is not english))


def forget() -> None:
    """Look for files again."""
    locales.cache_clear()
    _files.cache_clear()
    _language.cache_clear()


def read_catalogue(file: Path) -> Catalog:
    """Raises NotifierError for a file that is none, is broken off, has no rule for its plurals or is of no language."""
    try:
        locale = Locale.parse(_locale(file), sep="-")
        data = file.read_bytes()
        catalogue = read_po(BytesIO(data), locale, abort_invalid=True)
        _check_lines(data.decode(catalogue.charset or "utf-8"))
        _check_plurals(catalogue)
        return catalogue
    except (PoFileError, UnknownLocaleError, ValueError, LookupError, ArithmeticError, OSError) as error:
        raise NotifierError(
            f"The translations {file} cannot be read: {error}.", "See docs/guides/languages.md."
        ) from error


def _check_lines(text: str) -> None:
    """Babel takes a text that is not closed for an empty one, and whatever came behind it for nothing."""
    for number, line in enumerate(text.split("\n"), 1):
        if not _LINE.fullmatch(line.strip()):
            raise ValueError(f"line {number} is broken")


def _check_plurals(catalogue: Catalog) -> None:
    form = c2py(catalogue.plural_expr)
    if not all(0 <= form(count) < catalogue.num_plurals for count in range(200)):
        raise ValueError(f"the plural rule {catalogue.plural_expr!r} asks for a form that there is not")


def cannot_be_filled(message: Message) -> bool:
    """Whether its translation asks for a value that the message does not have."""
    return not _values(_texts(message.string)) <= _values(_texts(message.id))


def _tag(locale: str) -> str:
    """`pt_br` and `PT-BR` are the same."""
    return locale.replace("_", "-").casefold()


@cache
def _files() -> dict[str, Path]:
    return {_tag(_locale(file)): file for file in sorted(FOLDER.glob(f"*/{FILE}"))}


@cache
def _language(tag: str) -> Language:
    file = _files().get(tag)
    try:
        if file is not None:
            return Language(_locale(file), _translations(read_catalogue(file)))
    except NotifierError as error:
        log.error("translations_unreadable", file=str(file), reason=str(error))
    return Language(ENGLISH, NullTranslations()) if tag == ENGLISH else _language(ENGLISH)


def _locale(file: Path) -> str:
    return file.parents[1].name.replace("_", "-")


def _translations(catalogue: Catalog) -> GNUTranslations:
    """Without those that would stop a mail; they are left in English, as those that a translator marked as unsure."""
    for message in [message for message in catalogue if message.id and cannot_be_filled(message)]:
        catalogue.delete(message.id, message.context)
    if not any(text for message in catalogue if message.id for text in _texts(message.string)):
        log.warning("translations_empty", locale=str(catalogue.locale))
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return GNUTranslations(compiled)


def _texts(text: str | Iterable[str] | None) -> list[str]:
    return [text] if isinstance(text, str) else list(text or ())


def _values(texts: Iterable[str]) -> set[str]:
    """The names of all values, and whatever else `%` introduces."""
    return {name or f"%{other}" for text in texts for name, other in _VALUE.findall(text)}
