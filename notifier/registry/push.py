"""What the site pushes: plain-language cards and change events of its own."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection


@dataclass(frozen=True, slots=True)
class ItemError:
    """`index` counts the items from 0; `field` is empty where the whole item is meant."""

    index: int
    field: str
    reason: str


@dataclass
class PushResult:
    """`repeated` were stored before under the same id; they are fine."""

    stored: int = 0
    repeated: int = 0
    errors: list[ItemError] = field(default_factory=list)


def store_cards(conn: Connection, cards: Sequence[Any], now: datetime) -> PushResult:
    """Cards are {"nct_id", "question", "summary"}. One bad card does not keep out the rest."""
    raise NotImplementedError


def store_pushed_events(conn: Connection, events: Sequence[Any], now: datetime) -> PushResult:
    """Events are {"id", "nct_id", "changes": [{"field", "before", "after"}]}; the same id is stored once.

    They become visible with the next `assign_positions`, to be called after this transaction's commit.
    """
    raise NotImplementedError
