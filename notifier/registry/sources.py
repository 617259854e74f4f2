"""Files and folders of records, opened as one stream of bytes each."""

import gzip
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

from notifier.errors import NotifierError

Progress = Callable[[int, int], None]  # bytes read, bytes in all (as they lie on disk)
Stream: TypeAlias = "io.BufferedReader[Any]"

NAMES = (".json", ".ndjson", ".json.gz", ".ndjson.gz")
CHUNK = 1 << 20


def find_files(paths: Sequence[Path]) -> list[Path]:
    """Folders become their record files, in order. Raises NotifierError."""
    return [file for path in paths for file in _files(path)]


def is_lines(file: Path) -> bool:
    return file.name.removesuffix(".gz").endswith(".ndjson")


class Meter:
    """Counts what is read of all files together."""

    def __init__(self, files: Sequence[Path], report: Progress | None) -> None:
        self._total = sum(file.stat().st_size for file in files) if report else 0
        self._read = 0
        self._report = report

    def add(self, count: int) -> None:
        self._read += count
        if self._report:
            self._report(self._read, self._total)


class _Metered(io.RawIOBase):
    def __init__(self, file: BinaryIO, meter: Meter) -> None:
        self._file = file
        self._meter = meter

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        self._meter.add(len(data))
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()


def open_file(file: Path, meter: Meter) -> Stream:
    """Unpacked where it is gzip. Reading raises OSError, EOFError or zlib.error where the file is broken."""
    stream: Stream = io.BufferedReader(_Metered(file.open("rb", buffering=0), meter), CHUNK)
    if file.name.endswith(".gz"):
        return io.BufferedReader(gzip.GzipFile(fileobj=stream), CHUNK)
    return stream


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        found = sorted(file for file in path.iterdir() if file.name.endswith(NAMES) and file.is_file())
        if not found:
            raise NotifierError(f"{path}: no record files here.", f"They end in {', '.join(NAMES)}.")
        return found
    if not path.exists():
        raise NotifierError(f"{path}: there is no such file.")
    if not path.name.endswith(NAMES):
        raise NotifierError(f"{path}: not a record file.", f"Record files end in {', '.join(NAMES)}.")
    return [path]
