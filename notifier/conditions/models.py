"""Targets: what one can follow. A target is a study or a condition."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Identity,
    Index,
    Integer,
    SmallInteger,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from notifier.db.base import Base


class Target(Base):
    """`key` is the NCT id of a study, or the normal form of a condition (see `normal_form`).

    `label` is what people read; `concept_id` is the MeSH id where one is known. Until a study is about it, a
    condition is only what somebody typed: nobody else is shown it.
    """

    __tablename__ = "targets"
    __table_args__ = (
        UniqueConstraint("kind", "key"),
        CheckConstraint("kind IN ('study', 'condition')", name="kind"),
        Index("ix_targets_words", text("to_tsvector('simple', label)"), postgresql_using="gin"),
    )

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    kind: Mapped[str]
    key: Mapped[str]
    label: Mapped[str]
    concept_id: Mapped[str | None]
    known: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))  # a study has been about it


class ConditionName(Base):
    """A name of a condition in a vocabulary that an operator has loaded (MeSH), by its normal form."""

    __tablename__ = "condition_names"

    key: Mapped[str] = mapped_column(primary_key=True)
    concept_id: Mapped[str] = mapped_column(primary_key=True)
    heading: Mapped[str]
    rank: Mapped[int] = mapped_column(
        SmallInteger
    )  # 0 the heading, 1 another name of it, 2 narrower or related
