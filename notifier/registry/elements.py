"""Files with one JSON value, which may be a list of any length: its elements, one at a time.

A list, and the "studies" of a registry page, are split at the brackets, without holding more than one
element. Here only strings and brackets are told apart; the rest is left to the JSON parser.
"""

import re
import zlib
from collections.abc import Iterator

import orjson

from notifier.registry.lines import MAX_RECORD
from notifier.registry.sources import CHUNK, Stream

_SPLIT_AFTER = re.compile(  # "[", or {"totalCount": 2, "studies": [
    rb'\s*(?:\{(?:\s*"(?!studies")[^"\\]*"\s*:\s*(?:"(?:[^"\\]|\\.)*"|[\w.+-]+)\s*,)*\s*"studies"\s*:\s*)?\['
)
_TO_BRACKET = re.compile(rb'(?:[^"{}\[\]]++|"[^"\\\n]*+(?:\\.[^"\\\n]*+)*+")*+[{}\[\]]')
_STUDY_KEY = b'"protocolSection"'
_STUDY = re.compile(rb'[,\[\s]\{\s*"protocolSection"\s*:')
_SCALAR = re.compile(rb'(?:"(?:[^"\\]|\\.)*"|[^"{}\[\],])*')
_FILLER = re.compile(rb"[\s,]*")

_BETWEEN = b", \t\r\n"
_NEAR = 100  # bytes: a study's first key stands close behind its bracket

Element = tuple[int, bytes | None]


def split_elements(stream: Stream) -> Iterator[Element]:
    """Line where it begins, and element; None for one over MAX_RECORD.

    Empty bytes at the end say that the list was never closed. Raises what reading the stream raises.
    """
    window = _Window(stream)
    while len(window.data) < CHUNK and window.more():
        pass
    head = _SPLIT_AFTER.match(window.data)
    if not head:
        yield from window.whole()
        return
    window.drop(head.end())
    while window.skip_filler() and window.data[0] != ord("]"):
        yield window.next_element()
    window.stop_if_broken()
    if not window.data:
        yield window.line, b""


class _Window:
    """What of the stream is held: from the beginning of an element on."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self.line = 1
        self.data = bytearray()
        self.broken: Exception | None = None

    def more(self) -> bool:
        """Read on. What breaks the stream is kept back until all before it has been given out."""
        if self.broken:
            return False
        try:
            chunk = self._stream.read1(CHUNK)
        except (OSError, EOFError, zlib.error) as error:
            self.broken = error
            return False
        self.data += chunk
        return bool(chunk)

    def stop_if_broken(self) -> None:
        if self.broken:
            raise self.broken

    def drop(self, count: int) -> None:
        self.line += self.data.count(b"\n", 0, count)
        del self.data[:count]

    def skip_filler(self) -> bool:
        """Go to the next element; False at the end of the stream."""
        while True:
            filler = _FILLER.match(self.data)
            self.drop(filler.end() if filler else 0)
            if self.data or not self.more():
                return bool(self.data)

    def whole(self) -> Iterator[Element]:
        while len(self.data) <= MAX_RECORD and self.more():
            pass
        self.stop_if_broken()
        if len(self.data) > MAX_RECORD:
            yield 1, None
        elif self.data.strip():
            yield 1, bytes(self.data)

    def next_element(self) -> Element:
        if len(self.data) < CHUNK:
            self.more()
        line, end = self.line, self._before_next_study() or self._end()
        if end is None:
            # The brackets do not match. The next study, if it can be seen, is not to be lost for that.
            study = _STUDY.search(self.data, 1)
            if not study and len(self.data) > MAX_RECORD:
                self._skip_to_study()
                return line, None
            if not study:
                self.stop_if_broken()
            end = study.start() + 1 if study else len(self.data)
        element = memoryview(self.data)[:end].tobytes().rstrip(_BETWEEN)
        self.drop(end)
        return line, element

    def _before_next_study(self) -> int | None:
        """A good guess at the end, four times as fast as counting brackets. None where it does not hold."""
        following = self.data.find(_STUDY_KEY, self.data.find(_STUDY_KEY) + 1)
        study = _STUDY.search(self.data, max(following - _NEAR, 1)) if following > 0 else None
        if not study:
            return None
        element = memoryview(self.data)[: study.start() + 1].tobytes().rstrip(_BETWEEN)
        return len(element) if _is_json(element) else None

    def _end(self) -> int | None:
        """Where the element ends; None if it does not: not within MAX_RECORD, or not before another study."""
        if self.data[0] not in b"{[":
            scalar = _SCALAR.match(self.data)
            return max(scalar.end() if scalar else 0, 1)
        depth = position = 0
        while True:
            while found := _TO_BRACKET.match(self.data, position):
                position = found.end()
                depth += 1 if self.data[position - 1] in b"{[" else -1
                if depth == 0:
                    swallowed = self.data.count(_STUDY_KEY, 0, position) > 1
                    return None if swallowed and _STUDY.search(self.data, 1, position) else position
            if _STUDY.search(self.data, 1) or len(self.data) > MAX_RECORD or not self.more():
                return None

    def _skip_to_study(self) -> None:
        """Drop what is too large, holding no more than a chunk of it."""
        while not (study := _STUDY.search(self.data, 1)):
            self.drop(max(len(self.data) - CHUNK, 0))
            if not self.more():
                self.drop(len(self.data))
                return
        self.drop(study.start() + 1)


def _is_json(element: bytes) -> bool:
    try:
        orjson.loads(element)
    except orjson.JSONDecodeError:
        return False
    return True
