"""Records out of files."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from notifier.registry.records import RawRecord, Rejection

Progress = Callable[[int, int], None]  # bytes read, bytes in all (as they lie on disk)


def read_paths(paths: Sequence[Path], progress: Progress | None = None) -> Iterator[RawRecord | Rejection]:
    """Raises NotifierError where a path does not exist or a folder holds no record file."""
    raise NotImplementedError
