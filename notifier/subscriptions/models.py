"""Who follows what, and when they want to hear of it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    Boolean,
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

from notifier.db.base import Base


class Audience(Base):
    """Everybody who follows exactly the same set of (target, reach). `key` is the hash of the sorted set."""

    __tablename__ = "audiences"

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    key: Mapped[bytes] = mapped_column(unique=True)


class AudienceTarget(Base):
    """`reach` is the weakest evidence that still counts (4: narrower conditions too; 3: not those)."""

    __tablename__ = "audience_targets"
    __table_args__ = (Index(None, "audience_id"),)

    target_id: Mapped[int] = mapped_column(Integer, ForeignKey("targets.id"), primary_key=True)
    audience_id: Mapped[int] = mapped_column(
        Integer, ForeignKey("audiences.id", ondelete="CASCADE"), primary_key=True
    )
    reach: Mapped[int] = mapped_column(SmallInteger)


class Schedule(Base):
    """When digests are due: one row for each (frequency, zone, hour, weekday) in use.

    `covered_to` is the position where the last run of this schedule ended: the point up to which
    everybody on it without a `resume_position` of their own has been told.
    """

    __tablename__ = "schedules"
    __table_args__ = (
        UniqueConstraint("frequency", "zone", "hour", "weekday"),
        CheckConstraint("frequency IN ('immediate', 'daily', 'weekly')", name="frequency"),
    )

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    frequency: Mapped[str]
    zone: Mapped[str]
    hour: Mapped[int] = mapped_column(SmallInteger)  # local hour of the day, 0 to 23; 0 for immediate
    weekday: Mapped[int] = mapped_column(SmallInteger)  # ISO: 1 Monday to 7 Sunday; 0 for daily and immediate
    next_due_at: Mapped[datetime] = mapped_column(index=True)
    covered_to: Mapped[int]


class Subscriber(Base):
    """A person. `resume_position` is set while their range starts elsewhere than their schedule's."""

    __tablename__ = "subscribers"
    __table_args__ = (
        CheckConstraint("state IN ('active', 'stopped')", name="state"),
        Index("ix_subscribers_audience", "audience_id", "schedule_id", postgresql_where="state = 'active'"),
        Index(
            "ix_subscribers_resume",
            "schedule_id",
            postgresql_where="resume_position IS NOT NULL AND state = 'active'",
        ),
        Index(
            "ix_subscribers_silent",
            text("GREATEST(quiet_until, paused_until)"),
            postgresql_where="(quiet_until IS NOT NULL OR paused_until IS NOT NULL) AND state = 'active'",
        ),
        Index("ix_subscribers_partly_told", "schedule_id", postgresql_where="partly_told"),
        # Whom upkeep may forget, and has not yet.
        Index("ix_subscribers_over", "stopped_at", postgresql_where="state = 'stopped' AND email <> ''"),
        Index(
            "ix_subscribers_idle",
            "created_at",
            postgresql_where="state = 'active' AND audience_id IS NULL AND email <> ''",
        ),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    public_id: Mapped[UUID] = mapped_column(unique=True, server_default=text("gen_random_uuid()"))
    email: Mapped[str]  # as typed, the domain in ASCII; empty for who has been forgotten (expiring_people.py)
    email_key: Mapped[bytes] = mapped_column(unique=True)  # keyed hash of the normalised address
    locale: Mapped[str] = mapped_column(server_default="en")
    titles_in_subject: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    state: Mapped[str] = mapped_column(server_default="active")
    stopped_at: Mapped[datetime | None]
    schedule_id: Mapped[int] = mapped_column(Integer, ForeignKey("schedules.id"))
    audience_id: Mapped[int | None] = mapped_column(
        Integer, ForeignKey("audiences.id")
    )  # NULL: follows nothing
    resume_position: Mapped[int | None]
    # What comes after resume_position has been told in part: the ledger says what (after an undo, for one).
    partly_told: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    ledger_asked_at: Mapped[datetime | None]  # when a run last took part of it out, as they had been told it
    quiet_until: Mapped[datetime | None]  # immediate only: what comes before is gathered
    paused_until: Mapped[datetime | None]  # any frequency: the person wants no digest before
    created_at: Mapped[datetime]


class Subscription(Base):
    """Consent of one person to hear of one target. Ended, never deleted, except by erasure."""

    __tablename__ = "subscriptions"
    __table_args__ = (
        Index(
            "uq_subscriptions_active",
            "subscriber_id",
            "target_id",
            unique=True,
            postgresql_where="ended_at IS NULL",
        ),
        Index("ix_subscriptions_target", "target_id"),
        Index("ix_subscriptions_sign_up", "sign_up_id", postgresql_where="sign_up_id IS NOT NULL"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    public_id: Mapped[UUID] = mapped_column(unique=True, server_default=text("gen_random_uuid()"))
    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscribers.id", ondelete="CASCADE"), index=True)
    target_id: Mapped[int] = mapped_column(Integer, ForeignKey("targets.id"))
    reach: Mapped[int] = mapped_column(SmallInteger)
    start_position: Mapped[int]  # the head position when it was confirmed
    wider_from: Mapped[
        int | None
    ]  # the head when its reach was widened: what is broader counts after that only
    confirmed_at: Mapped[datetime]
    source: Mapped[str]
    sign_up_id: Mapped[int | None] = mapped_column(ForeignKey("sign_ups.id"))  # the consent's evidence
    ended_at: Mapped[datetime | None]
    ended_reason: Mapped[str | None]
    told_to: Mapped[int | None]  # where the person's range began when it ended: an undo goes on from there


class Withdrawal(Base):
    """Why an operator ended everybody's subscription to a target, in words for their own pages.

    It is the reason of the subscriptions that ended as `withdrawn` since, until the next one of that target.
    """

    __tablename__ = "withdrawals"
    __table_args__ = (Index(None, "target_id", "at"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    target_id: Mapped[int] = mapped_column(Integer, ForeignKey("targets.id"))
    reason: Mapped[str]
    at: Mapped[datetime]


class SignUp(Base):
    """What somebody asked for on a page or through the API, and the words they agreed to.

    Until it is confirmed it is held by the address alone, and purged. Confirmed, it is the evidence of consent.
    """

    __tablename__ = "sign_ups"
    __table_args__ = (
        CheckConstraint("frequency IN ('immediate', 'daily', 'weekly')", name="frequency"),
        CheckConstraint("(confirmed_at IS NULL) = (subscriber_id IS NULL)", name="confirmed"),
        Index(
            "ix_sign_ups_open",
            text("COALESCE(renewed_at, requested_at)"),
            postgresql_where="confirmed_at IS NULL",
        ),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    public_id: Mapped[UUID] = mapped_column(unique=True, server_default=text("gen_random_uuid()"))
    email: Mapped[str]
    email_key: Mapped[bytes] = mapped_column(index=True)
    locale: Mapped[str] = mapped_column(server_default="en")
    frequency: Mapped[str]
    zone: Mapped[str]
    hour: Mapped[int] = mapped_column(SmallInteger)
    weekday: Mapped[int] = mapped_column(SmallInteger)
    terms_version: Mapped[str]
    terms_hash: Mapped[bytes]  # SHA-256 of the words as shown
    health_version: Mapped[str]
    health_hash: Mapped[bytes]
    source: Mapped[str]  # page, embed or api
    requested_at: Mapped[datetime]  # when the words were agreed to
    renewed_at: Mapped[datetime | None]  # when a new link was last asked for: it is kept as if asked for then
    confirmed_at: Mapped[datetime | None]
    refused_at: Mapped[datetime | None]  # "this was not me"
    subscriber_id: Mapped[int | None] = mapped_column(
        ForeignKey("subscribers.id", ondelete="CASCADE"), index=True
    )


class SignUpTarget(Base):
    __tablename__ = "sign_up_targets"

    sign_up_id: Mapped[int] = mapped_column(ForeignKey("sign_ups.id", ondelete="CASCADE"), primary_key=True)
    target_id: Mapped[int] = mapped_column(Integer, ForeignKey("targets.id"), primary_key=True, index=True)
    reach: Mapped[int] = mapped_column(SmallInteger)


class SubscriptionChange(Base):
    """The audit trail of what a person, or somebody for them, changed. Only erasure deletes it."""

    __tablename__ = "subscription_changes"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscribers.id", ondelete="CASCADE"), index=True)
    subscription_id: Mapped[int | None] = mapped_column(
        ForeignKey("subscriptions.id", ondelete="CASCADE"), index=True
    )
    at: Mapped[datetime]
    action: Mapped[
        str
    ]  # confirm, follow, stop, stop_all, undo, frequency, reach, titles, language, pause, resume, try_again, withdrawn
    via: Mapped[str]  # one_click, page, manage, confirm, feedback, operator
