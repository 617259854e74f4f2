"""Signs of life."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from notifier.db.base import Base


class Heartbeat(Base):
    __tablename__ = "heartbeats"

    name: Mapped[str] = mapped_column(primary_key=True)
    seen_at: Mapped[datetime]
