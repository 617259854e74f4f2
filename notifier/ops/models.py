"""Signs of life, and counts that no other table holds."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from notifier.db.base import Base


class Heartbeat(Base):
    """When a beat last came through this queue, or a poll of the registry was last begun or ended."""

    __tablename__ = "heartbeats"

    name: Mapped[str] = mapped_column(primary_key=True)
    seen_at: Mapped[datetime]


class Tally(Base):
    """How often something has happened that leaves no row, such as a call of the webhook with a wrong signature.
    It only grows, whichever process saw it."""

    __tablename__ = "tallies"

    name: Mapped[str] = mapped_column(primary_key=True)
    label: Mapped[str] = mapped_column(primary_key=True)
    total: Mapped[int]
    written_at: Mapped[datetime]  # when it last grew


class Count(Base):
    """A count that takes too long for every look, as it was when a worker last took it."""

    __tablename__ = "counts"

    name: Mapped[str] = mapped_column(primary_key=True)
    label: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[int]
    counted_at: Mapped[datetime]
