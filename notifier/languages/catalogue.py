"""The languages there are: English, in which all messages are written, and each that has a file of translations.

A file lies at `locales/<locale>/LC_MESSAGES/notifier.po` and is read as it is, when its language is first asked for.
"""

import re
from collections.abc import Iterable
from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path

from babel import Locale, UnknownLocaleError
from babel.messages import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileError, read_po

from notifier.errors import NotifierError
from notifier.languages.language import Language

ENGLISH = "en"
FOLDER = Path(__file__).parent / "locales"
FILE = Path("LC_MESSAGES") / "notifier.po"
_VALUE = re.compile(r"%(?:\((\w+)\)s|(.?))")


def language_of(locale: str) -> Language:
    """Its nearest language, as `de` for `de-AT`; English for one that we do not have."""
    tag = _tag(locale)
    while tag and tag not in _files():
        tag = tag.rpartition("-")[0]
    return _language(tag or ENGLISH)


@cache
def locales() -> tuple[str, ...]:
    """English first, then the others by their tags."""
    return (ENGLISH, *(_locale(file) for tag, file in _files().items() if tag != ENGLISH))


def forget() -> None:
    """Look for files again."""
    locales.cache_clear()
    _files.cache_clear()
    _language.cache_clear()


def read_catalogue(file: Path) -> Catalog:
    """Raises NotifierError for a file that is none, or of no language."""
    try:
        locale = Locale.parse(_locale(file), sep="-")
        with file.open("rb") as lines:
            return read_po(lines, locale, abort_invalid=True)
    except (PoFileError, UnknownLocaleError, ValueError, OSError) as error:
        raise NotifierError(
            f"The translations {file} cannot be read: {error}.", "See docs/guides/languages.md."
        ) from error


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
    if file is None:
        return Language(ENGLISH, NullTranslations())
    return Language(_locale(file), _translations(read_catalogue(file)))


def _locale(file: Path) -> str:
    return file.parents[1].name.replace("_", "-")


def _translations(catalogue: Catalog) -> GNUTranslations:
    """Without those that would stop a mail; they are left in English, as those that a translator marked as unsure."""
    for message in [message for message in catalogue if message.id and cannot_be_filled(message)]:
        catalogue.delete(message.id, message.context)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return GNUTranslations(compiled)


def _texts(text: str | Iterable[str] | None) -> list[str]:
    return [text] if isinstance(text, str) else list(text or ())


def _values(texts: Iterable[str]) -> set[str]:
    """The names of all values, and whatever else `%` introduces."""
    return {name or f"%{other}" for text in texts for name, other in _VALUE.findall(text)}
