"""Studies as the registry has them, and change events: what followers are told."""

from datetime import date, datetime

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    Integer,
    SmallInteger,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from notifier.db.base import Base, Json


class Study(Base):
    """The current version of a study, and its baseline.

    `facts` is the projection of the current record onto what a follower can be told; `baseline` holds
    what followers were last told of those facts for which that is not what is stored.
    """

    __tablename__ = "studies"

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    nct_id: Mapped[str] = mapped_column(unique=True)
    revision: Mapped[int] = mapped_column(Integer)  # grows by one whenever `facts` changes
    facts: Mapped[Json]
    facts_hash: Mapped[bytes]
    facts_schema: Mapped[int] = mapped_column(SmallInteger)  # the version of the projection that made `facts`
    baseline: Mapped[Json]
    updated_on: Mapped[date | None]  # the registry's lastUpdatePostDate
    data_date: Mapped[date | None]  # the registry's versionHolder: the day the data were taken
    first_posted_on: Mapped[date | None]
    first_seen_at: Mapped[datetime]
    stored_at: Mapped[datetime]


class StudyCard(Base):
    """The site's plain-language card for a study. It may arrive before the record does.

    No card says what a study could bring without saying what could go wrong.
    """

    __tablename__ = "study_cards"
    __table_args__ = (
        CheckConstraint(
            "what_could_go_wrong IS NOT NULL OR (what_this_could_mean IS NULL AND what_it_could_lead_to IS NULL)",
            name="weighed",
        ),
    )

    nct_id: Mapped[str] = mapped_column(primary_key=True)
    question: Mapped[str]
    summary: Mapped[str]
    what_this_could_mean: Mapped[str | None]
    active_substance: Mapped[str | None]
    what_it_could_lead_to: Mapped[str | None]
    what_could_go_wrong: Mapped[str | None]
    updated_at: Mapped[datetime]


class ChangeEvent(Base):
    """One change event per (study, version).

    `position` is the gapless number given when the event becomes visible; NULL until then.
    `study` is what a card shows of the study, as it was at this event (see registry/snapshot.py).
    """

    __tablename__ = "change_events"
    __table_args__ = (
        UniqueConstraint("study_id", "version"),
        CheckConstraint("kind IN ('new_study', 'study_changed')", name="kind"),
        Index("ix_change_events_unnumbered", "id", postgresql_where="position IS NULL"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    study_id: Mapped[int] = mapped_column(Integer, ForeignKey("studies.id"))
    version: Mapped[str]
    kind: Mapped[str]
    changes: Mapped[list[Json]]
    study: Mapped[Json]
    occurred_on: Mapped[date | None]  # the registry's posting date
    seen_at: Mapped[datetime]
    position: Mapped[int | None] = mapped_column(unique=True)


class RegistryPoll(Base):
    """One reading of the registry: what was posted since a day, page by page, and then the studies that somebody
    follows, id by id. Where it stops, whoever comes next goes on."""

    __tablename__ = "registry_polls"
    __table_args__ = (
        CheckConstraint("step IN ('posted', 'followed')", name="step"),
        # One at a time.
        Index(
            "uq_registry_polls_open",
            text("(ended_at IS NULL)"),
            unique=True,
            postgresql_where="ended_at IS NULL",
        ),
    )

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    data_timestamp: Mapped[datetime]  # the registry's own
    since: Mapped[date]
    step: Mapped[str] = mapped_column(server_default="posted")
    next_page: Mapped[str | None]  # the registry's token; NULL: the first page
    followed_to: Mapped[str] = mapped_column(server_default="")  # the last NCT id that was read
    began_at: Mapped[datetime]
    read_at: Mapped[datetime]  # its last page; before the first, when it began
    ended_at: Mapped[datetime | None]
    read: Mapped[int] = mapped_column(Integer, server_default="0")
    new: Mapped[int] = mapped_column(Integer, server_default="0")
    changed: Mapped[int] = mapped_column(Integer, server_default="0")


class EventTarget(Base):
    """Who is to hear of an event: the followers of these targets.

    `evidence` is the rank of conditions/targets.py: 1 own words, 2 synonym, 3 assigned, 4 broader.
    """

    __tablename__ = "event_targets"

    event_id: Mapped[int] = mapped_column(
        ForeignKey("change_events.id", ondelete="CASCADE"), primary_key=True
    )
    target_id: Mapped[int] = mapped_column(Integer, ForeignKey("targets.id"), primary_key=True, index=True)
    evidence: Mapped[int] = mapped_column(SmallInteger)
