"""The delivery ledger: batches carry what is true of a whole call, deliveries only what is their own."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    SmallInteger,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from notifier.db.base import Base

BATCH_STATES = ("planned", "sending", "accepted", "unknown", "retrying", "failed", "dropped")
OWN_STATES = ("delivered", "bounced", "dropped", "failed", "skipped")
BRAKES = ("paused", "unwelcome", "throttled", "breaker")
OF_RUNS = ("digest", "correction")
"""Mails that go to many at once, in a run. All others are letters."""
MAILS = (*OF_RUNS, "confirm", "welcome", "manage_link", "stopped")


class Batch(Base):
    """Up to BATCH_SIZE deliveries of one edition in one run: one provider call.

    A mail that somebody waits for (a letter) is a batch of one, without run or edition.
    """

    __tablename__ = "batches"
    __table_args__ = (
        CheckConstraint(f"state IN {BATCH_STATES}", name="state"),
        CheckConstraint(f"mail IN {MAILS}", name="mail"),
        CheckConstraint(
            f"(mail IN {OF_RUNS}) = (run_id IS NOT NULL) AND (run_id IS NULL) = (edition_id IS NULL)",
            name="of_runs",
        ),
        Index(
            "ix_batches_due",
            "next_attempt_at",
            "id",
            postgresql_where="state IN ('planned', 'retrying') AND run_id IS NOT NULL",
        ),
        Index(
            "ix_batches_due_letters",
            "next_attempt_at",
            "id",
            postgresql_where="state IN ('planned', 'retrying') AND run_id IS NULL",
        ),
        Index("ix_batches_letters", "created_at", postgresql_where="run_id IS NULL"),
        Index("ix_batches_lease", "lease_until", postgresql_where="state = 'sending'"),
        Index("ix_batches_unknown", "id", postgresql_where="state = 'unknown'"),
        Index("ix_batches_failed", "id", postgresql_where="state = 'failed'"),
        Index("ix_batches_dropped", "id", postgresql_where="state = 'dropped'"),
        Index("ix_batches_accepted", "ended_at", postgresql_where="state = 'accepted'"),
        Index("ix_batches_not_accepted", "ended_at", postgresql_where="state IN ('failed', 'dropped')"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    mail: Mapped[str] = mapped_column(server_default="digest")
    run_id: Mapped[int | None] = mapped_column(ForeignKey("runs.id"), index=True)
    edition_id: Mapped[int | None] = mapped_column(ForeignKey("editions.id"), index=True)
    size: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(server_default="planned")
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    next_attempt_at: Mapped[datetime]
    lease_until: Mapped[datetime | None]
    attempted_at: Mapped[datetime | None]  # when the last claim was made
    called_at: Mapped[
        datetime | None
    ]  # when its call was about to be made; NULL: it was not, so nothing was sent
    provider: Mapped[str | None]
    message_id: Mapped[str | None]
    failure_class: Mapped[str | None]
    reason: Mapped[str | None]  # scrubbed: no address, no condition
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]  # accepted, failed or dropped


class BatchHistory(Base):
    """What befell a batch besides a call that went well, which its own row tells: calls that did not, workers that
    were lost, what operators decided. A batch that was split off begins with the history of the one it came from."""

    __tablename__ = "batch_history"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    batch_id: Mapped[int] = mapped_column(ForeignKey("batches.id", ondelete="CASCADE"), index=True)
    at: Mapped[datetime]
    what: Mapped[
        str
    ]  # how a call ended, as in `failure_class`, or "retried", "dropped", "settled", "split off"
    attempt: Mapped[int | None] = mapped_column(SmallInteger)
    reason: Mapped[str | None]  # scrubbed: no address, no condition
    action_id: Mapped[int | None] = mapped_column(ForeignKey("operator_actions.id"))


class Delivery(Base):
    """One mail to one person. `state` is NULL while the batch's state says it all (see view delivery_states)."""

    __tablename__ = "deliveries"
    __table_args__ = (
        Index("uq_deliveries_subscriber_run", "subscriber_id", "run_id", unique=True),
        # What operators list.
        Index("ix_deliveries_bad", "batch_id", postgresql_where="state IN ('failed', 'bounced', 'dropped')"),
        # Who was left out of a mail that went to others; and what failed lately: both few, both counted often.
        Index("ix_deliveries_left_out", "batch_id", postgresql_where="state IN ('skipped', 'failed')"),
        Index("ix_deliveries_failed_at", "state_at", postgresql_where="state = 'failed'"),
        Index("ix_deliveries_sign_up", "sign_up_id", postgresql_where="sign_up_id IS NOT NULL"),
        # What an undo tells after all: until it is gone, so must nothing be that came after it (expiring.py).
        Index(
            "ix_deliveries_held_back",
            "subscriber_id",
            postgresql_where="state = 'skipped' AND reason IN ('stopped', 'changed')",
        ),
        CheckConstraint(f"state IN {OWN_STATES}", name="state"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("gen_random_uuid()"))
    # No foreign keys for the three that each planned mail has: docs/decisions/0020. `run_id` is the batch's.
    run_id: Mapped[int | None]
    batch_id: Mapped[int] = mapped_column(index=True)
    subscriber_id: Mapped[int | None]  # NULL: erased
    # Confirm mails: their reader may not be a subscriber yet.
    sign_up_id: Mapped[int | None] = mapped_column(ForeignKey("sign_ups.id", ondelete="SET NULL"))
    state: Mapped[str | None]
    reason: Mapped[str | None]
    state_at: Mapped[datetime | None]


class LinkRequest(Base):
    """Somebody asked for a fresh link, by an address that may be unknown to us. It goes when a worker has looked for
    whom it is (links_asked.py)."""

    __tablename__ = "link_requests"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    email_key: Mapped[bytes]
    enough: Mapped[bool] = mapped_column(Boolean)  # more was asked for this mailbox than it is to get at once
    asked_at: Mapped[datetime]


class Correction(Base):
    """A mail in an operator's own words, to all whom `about` names. It goes out as a run of its own, once to each."""

    __tablename__ = "corrections"
    __table_args__ = (CheckConstraint("kind IN ('correction', 'withdrawn')", name="kind"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    key: Mapped[bytes] = mapped_column(unique=True)  # hash of whom it is for and what it says
    kind: Mapped[str]
    about: Mapped[str] = mapped_column(index=True)  # whose readers it is for: opaque ids, such as "edition 5"
    text: Mapped[str]
    run_id: Mapped[int | None] = mapped_column(  # NULL: so long ago that the ledger is gone
        ForeignKey("runs.id", ondelete="SET NULL"), unique=True
    )
    created_at: Mapped[datetime]


class FeedbackEvent(Base):
    """One event of the provider's webhook, stripped: no address, no free text of a foreign mail server.

    `delivery_id` is NULL for bounces that come late and without ids; `email_key` is what they are known by.
    """

    __tablename__ = "feedback_events"
    __table_args__ = (
        Index("ix_feedback_events_new", "id", postgresql_where="applied_at IS NULL"),
        Index("ix_feedback_events_soft", "email_key", "occurred_at", postgresql_where="kind = 'blocked'"),
        Index("ix_feedback_events_received", "received_at"),
        Index(
            "ix_feedback_events_unwelcome",
            "received_at",
            postgresql_where="kind IN ('spamreport', 'bounce', 'dropped_invalid', 'open', 'click')",
        ),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    event_id: Mapped[str] = mapped_column(unique=True)
    delivery_id: Mapped[UUID | None] = mapped_column(index=True)
    email_key: Mapped[bytes | None]
    kind: Mapped[str]
    reason: Mapped[str | None]  # a class, such as "Invalid Address"
    occurred_at: Mapped[datetime]
    received_at: Mapped[datetime]
    applied_at: Mapped[datetime | None]


class FeedbackHour(Base):
    """How many events of each kind were applied, by the hour in which they came. Counted once, kept for good: the
    events themselves may be many millions."""

    __tablename__ = "feedback_hours"

    hour: Mapped[datetime] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[bool] = mapped_column(Boolean, primary_key=True)  # about a mail of a run
    events: Mapped[int]


class Brake(Base):
    """Why nothing is claimed just now, for the whole account. No row: full speed.

    `paused`: an operator said so; no `until`. `unwelcome`: too many complaints or bounces; it holds digests, not
    the letters that somebody has just asked for. `throttled`: the provider asked to wait
    until then. `breaker`: key, credits or sender are refused; at `until` one batch is let through as a probe.
    """

    __tablename__ = "brakes"
    __table_args__ = (CheckConstraint(f"name IN {BRAKES}", name="name"),)

    name: Mapped[str] = mapped_column(primary_key=True)
    reason: Mapped[str]
    set_at: Mapped[datetime]
    until: Mapped[datetime | None]


class SendBudget(Base):
    """One row: how many mails may leave at once, as of `counted_at` (see rate.py)."""

    __tablename__ = "send_budget"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    mails: Mapped[float] = mapped_column(Double)
    counted_at: Mapped[datetime]


class Suppression(Base):
    """An address that must not be mailed, kept as a keyed hash only."""

    __tablename__ = "suppressions"
    __table_args__ = (Index("ix_suppressions_newest", "created_at", "email_key"),)

    email_key: Mapped[bytes] = mapped_column(primary_key=True)
    reason: Mapped[str]  # bounced, soft bounces, complaint, invalid, unsubscribed, erased, operator
    note: Mapped[str | None]
    created_at: Mapped[datetime]


class ProviderErasure(Base):
    """An address that the provider is still to be asked to forget. Deleted once it has agreed."""

    __tablename__ = "provider_erasures"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    email: Mapped[str]
    asked_at: Mapped[datetime]  # by the person
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    next_attempt_at: Mapped[datetime] = mapped_column(index=True)
    reason: Mapped[str | None]  # why the last attempt failed; holds no address


class OperatorAction(Base):
    """What an operator did, and why. Never deleted; an erasure takes out whom it was about, and nothing else."""

    __tablename__ = "operator_actions"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    at: Mapped[datetime]
    actor: Mapped[str]  # a login's name, "command line", or "notifier" where no person decided
    action: Mapped[str]
    subject: Mapped[str]  # an opaque id, a run's key, a keyed hash in hex, "all" or a count
    note: Mapped[str]
