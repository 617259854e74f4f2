"""Files with one JSON value a line."""

from collections.abc import Iterator

from notifier.registry.sources import Stream

MAX_RECORD = 32 << 20  # bytes; the largest real records, with results, have some 10 MB


def split_lines(stream: Stream) -> Iterator[tuple[int, bytes | None]]:
    """Line number and line; None for a line over MAX_RECORD, of which no more than that is ever held."""
    number = 0
    while line := stream.readline(MAX_RECORD + 1):
        number += 1
        if len(line) > MAX_RECORD:
            _skip_rest(stream, line)
            yield number, None
        elif not line.isspace():
            yield number, line


def _skip_rest(stream: Stream, line: bytes) -> None:
    while line and not line.endswith(b"\n"):
        line = stream.readline(MAX_RECORD)
