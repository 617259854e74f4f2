"""When this installation began."""

from datetime import datetime

from sqlalchemy import CheckConstraint, SmallInteger, func
from sqlalchemy.orm import Mapped, mapped_column

from notifier.db.base import Base


class Installation(Base):
    """One row, written by the first migration. Studies first posted before that day are known, not news."""

    __tablename__ = "installation"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    installed_at: Mapped[datetime] = mapped_column(server_default=func.now())
    # The server on which it was last used. Elsewhere it is a copy: nothing is sent from it (notifier/db/copies.py).
    home: Mapped[str | None]
