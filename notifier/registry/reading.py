"""Records out of files of any size, in constant memory. What cannot be read is said, and the rest goes on."""

import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson

from notifier.registry.elements import split_elements
from notifier.registry.lines import MAX_RECORD, split_lines
from notifier.registry.records import RawRecord, Rejection
from notifier.registry.sources import Meter, Progress, Stream, find_files, is_lines, open_file

_UTF8_MARK = b"\xef\xbb\xbf"
TOO_LARGE = f"larger than {MAX_RECORD >> 20} MB; no study is. Is a line break or a bracket missing?"


def read_paths(paths: Sequence[Path], progress: Progress | None = None) -> Iterator[RawRecord | Rejection]:
    """Files in the order given, folders in the order of their names.

    Raises NotifierError where a path does not exist or holds no record file.
    """
    files = find_files(paths)
    meter = Meter(files, progress)
    return (found for file in files for found in _read_file(file, meter))


def _parse(file: str, line: int, data: bytes) -> Iterator[RawRecord | Rejection]:
    """The study of some JSON, or the studies, if it is a list or a page of the registry's API."""
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        yield Rejection(file, line, _explain(error))
        return
    for record in studies_of(value):
        yield RawRecord(file, line, record)


def studies_of(value: Any) -> list[Any]:
    """A study, a list of them, or a page {"studies": [...]}."""
    if isinstance(value, dict) and isinstance(value.get("studies"), list):
        value = value["studies"]
    return value if isinstance(value, list) else [value]


def _read_file(file: Path, meter: Meter) -> Iterator[RawRecord | Rejection]:
    name, line = str(file), 0
    try:
        with open_file(file, meter) as stream:
            _skip_mark(stream)
            for line, data in split_lines(stream) if is_lines(file) else split_elements(stream):
                yield from _read_one(name, line, data)
    except EOFError:
        yield Rejection(name, line, "the gzip file is cut off after this line; the rest is missing")
    except (OSError, zlib.error) as error:
        yield Rejection(name, line, f"cannot be read any further: {error}")


def _read_one(name: str, line: int, data: bytes | None) -> Iterator[RawRecord | Rejection]:
    if data is None:
        yield Rejection(name, line, TOO_LARGE)
    elif not data:
        yield Rejection(name, line, "the list has no end; the file may be cut off")
    else:
        yield from _parse(name, line, data)


def _skip_mark(stream: Stream) -> None:
    if stream.peek(len(_UTF8_MARK)).startswith(_UTF8_MARK):
        stream.read(len(_UTF8_MARK))


def _explain(error: orjson.JSONDecodeError) -> str:
    what = str(error).partition(": line ")[0]
    if "UTF-8" in what or "surrogate" in what:
        return f"not valid UTF-8 text ({what})"
    return f"not valid JSON ({what}, at character {error.pos + 1})"
