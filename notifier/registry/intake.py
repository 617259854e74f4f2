"""Records in: each is compared with what is stored, and followers are told of what matters."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Engine

from notifier.registry.records import RawRecord, Rejection

KEPT_REJECTIONS = 100  # the summary holds this many; `on_rejection` hears of all


@dataclass
class IntakeResult:
    """`read` = new + changed + unchanged + older + rejected.

    new: seen for the first time, of which `known` were first posted before `since` and made no event.
    changed: followers are told. unchanged: the same, or nothing but noise. older: not newer than stored.
    """

    read: int = 0
    new: int = 0
    known: int = 0
    changed: int = 0
    unchanged: int = 0
    older: int = 0
    rejected: int = 0
    rejections: list[Rejection] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        raise NotImplementedError


def take_in(
    engine: Engine,
    records: Iterable[RawRecord | Rejection],
    *,
    since: date,
    now: datetime,
    on_rejection: Callable[[Rejection], None] | None = None,
) -> IntakeResult:
    raise NotImplementedError


def installation_day(conn: Connection, now: datetime) -> date:
    """The default for `since`: the day the first study was stored, or today."""
    raise NotImplementedError
