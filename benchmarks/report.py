"""One table: this design beside the usual one."""

import os
from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.runs import OURS, USUAL, Measured

Row = tuple[str, Callable[[Measured, str], float], str]


def _cpu_ms(*names: str) -> Callable[[Measured, str], float]:
    """Per mail. "worker" stands for the design's own workers."""

    def value(measured: Measured, worker: str) -> float:
        chosen = [worker if name == "worker" else name for name in names]
        return 1000 * sum(measured.cpu[name] for name in chosen) / measured.mails

    return value


ROWS: tuple[Row, ...] = (
    ("people mailed", lambda m, _: m.mails, ",.0f"),
    ("seconds", lambda m, _: m.seconds, ",.1f"),
    ("people per second", lambda m, _: m.mails / m.seconds, ",.0f"),
    ("CPU ms per mail: workers", _cpu_ms("worker"), ".3f"),
    ("CPU ms per mail: PostgreSQL", _cpu_ms("postgres"), ".3f"),
    ("CPU ms per mail: Redis", _cpu_ms("redis"), ".3f"),
    ("CPU ms per mail: all of these", _cpu_ms("worker", "postgres", "redis"), ".3f"),
    ("CPU ms per mail: the sink", _cpu_ms("sink"), ".3f"),
    ("peak memory of a worker process, MB", lambda m, worker: m.peak_mb[worker], ",.0f"),
    ("peak memory of a PostgreSQL process, MB", lambda m, _: m.peak_mb["postgres"], ",.0f"),
    ("provider calls", lambda m, _: m.calls, ",.0f"),
    ("connections to the provider", lambda m, _: m.connections, ",.0f"),
    ("database commits per mail", lambda m, _: m.commits / m.mails, ".3f"),
)


def figures(measured: Measured, worker: str) -> dict[str, float]:
    return {name: round(value(measured, worker), 4) for name, value, _ in ROWS}


def as_json(ours: Measured, usual: Measured | None, around: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {**around, "ours": figures(ours, OURS)}
    found["ours"]["planning seconds"] = ours.planning_seconds
    if usual:
        found["usual"] = figures(usual, USUAL)
        found["ratio"] = {
            "people per second": (ours.mails / ours.seconds) / (usual.mails / usual.seconds),
            "CPU per mail": _all_cpu(usual, USUAL) / _all_cpu(ours, OURS),
        }
    return found


def _all_cpu(measured: Measured, worker: str) -> float:
    return _cpu_ms("worker", "postgres", "redis")(measured, worker)


def print_table(ours: Measured, usual: Measured | None, around: dict[str, Any]) -> None:
    console = Console(highlight=False, width=100)
    console.print("  ".join(f"{name}: {value}" for name, value in around.items() if name != "complaints"))
    table = Table("", "Notifier", "one task and call each")
    for name, value, form in ROWS:
        table.add_row(
            name, format(value(ours, OURS), form), format(value(usual, USUAL), form) if usual else ""
        )
    console.print(table)
    console.print(f"Planning took {ours.planning_seconds:.1f} of the {ours.seconds:.1f} seconds.")
    if usual:
        ratio = as_json(ours, usual, {})["ratio"]
        console.print(
            f"Ratio: {ratio['people per second']:.0f} by people per second, {ratio['CPU per mail']:.0f} by CPU."
        )


def load_average() -> str:
    return " ".join(f"{load:.1f}" for load in os.getloadavg())
