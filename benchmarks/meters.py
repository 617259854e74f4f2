"""What processes cost: CPU seconds of whole process trees, and the most memory that one of them has held."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True)
class Meter:
    """CPU seconds used so far, by name, for process trees given by the pids of their roots."""

    roots: dict[str, int]

    def cpu(self) -> dict[str, float]:
        return {name: sum(map(_cpu, _tree(pid))) for name, pid in self.roots.items()}

    def since(self, before: dict[str, float]) -> dict[str, float]:
        return {name: seconds - before[name] for name, seconds in self.cpu().items()}

    def peak_mb(self) -> dict[str, float]:
        """The largest process of each tree, at its largest."""
        return {name: max(map(_peak_mb, _tree(pid))) for name, pid in self.roots.items()}


def _tree(pid: int) -> Iterator[psutil.Process]:
    root = psutil.Process(pid)
    yield root
    yield from root.children(recursive=True)


def _cpu(process: psutil.Process) -> float:
    """With the children that have ended and were waited for."""
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return times.user + times.system + times.children_user + times.children_system


def _peak_mb(process: psutil.Process) -> float:
    """Linux only, where the kernel keeps the peak."""
    try:
        status = Path(f"/proc/{process.pid}/status").read_text()
    except OSError:
        return 0.0
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0
