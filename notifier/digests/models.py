"""Runs (who is due, over which positions) and editions (what there is to say, once for everybody)."""

from datetime import date, datetime

from sqlalchemy import Boolean, ForeignKey, Identity, Index, Integer, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from notifier.db.base import Base


class Run(Base):
    """One digest run. `key` is a fact, such as `daily/2026-11-22/Europe/Berlin/08` or `immediate/812`.

    A correction (`correction/3`) is a run without a schedule, and its range is empty.
    """

    __tablename__ = "runs"
    __table_args__ = (Index("ix_runs_schedule", "schedule_id", "planned_at"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    schedule_id: Mapped[int | None] = mapped_column(Integer, ForeignKey("schedules.id"))
    local_date: Mapped[date | None]
    from_position: Mapped[int]  # exclusive
    to_position: Mapped[int]  # inclusive
    planned_at: Mapped[datetime]
    paused_at: Mapped[datetime | None]  # an operator paused this run: nothing of it is claimed


class Edition(Base):
    """What to say. `key` is the hash of its items and of all else that shapes the text."""

    __tablename__ = "editions"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    key: Mapped[bytes] = mapped_column(unique=True)
    locale: Mapped[str]
    titles_in_subject: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    created_at: Mapped[datetime]


class EditionItem(Base):
    """An event in an edition, and a target for which it is there. No foreign keys: docs/decisions/0020."""

    __tablename__ = "edition_items"

    edition_id: Mapped[int] = mapped_column(primary_key=True)
    event_id: Mapped[int] = mapped_column(primary_key=True, index=True)
    target_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    evidence: Mapped[int] = mapped_column(SmallInteger)
