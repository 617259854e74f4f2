"""Sign-up in two steps: somebody asks, and whoever reads that mailbox confirms."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Connection, Row, text

from notifier.conditions.store import store_targets
from notifier.db.locks import Lock, hold_each
from notifier.languages.catalogue import language_of
from notifier.languages.messages import Message
from notifier.links.keys import email_key
from notifier.settings import Settings
from notifier.subscriptions.confirming import STOPPED_SINCE, start_updates
from notifier.subscriptions.consent import ConsentWords, consent_words
from notifier.subscriptions.schedules import FREQUENCIES, known_zones
from notifier.subscriptions.wishes import BadWish, Choice, choices_of, wished_targets

REACH = 4  # narrower conditions too
ONCE_WITHIN = timedelta(minutes=1)
"""The same wish again within it is the same request, sent by a second click."""

SignUpState = Literal["open", "confirmed", "refused", "stopped"]
Confirmation = Literal["confirmed", "already", "refused", "stopped", "gone"]


@dataclass(frozen=True, slots=True)
class SignUpRequest:
    """`email` is clean; conditions are as typed; the versions are those of the words that were shown."""

    email: str
    study: str | None
    conditions: tuple[str, ...]
    frequency: str
    zone: str
    locale: str
    source: str
    terms_version: str
    health_version: str


@dataclass(frozen=True, slots=True)
class SignUpView:
    """`state` is `stopped` where the person has stopped everything since they confirmed it, or since they asked."""

    id: int
    public_id: UUID
    email: str
    locale: str
    state: SignUpState
    frequency: str
    zone: str
    choices: tuple[Choice, ...]
    subscriber_public_id: UUID | None
    requested_at: datetime


def request_sign_up(
    conn: Connection, request: SignUpRequest, *, settings: Settings, keys: list[str], now: datetime
) -> int:
    """Store what was asked for; the id of the sign-up, which is that of a moment ago where the same was asked for
    then. The work is the same whether or not the address is known.

    Raises BadWish with the reason.
    """
    targets = wished_targets(request.study, request.conditions)
    row = _row(request, settings, keys, now)
    wished = {"targets": sorted(store_targets(conn, targets).values()), "reach": REACH}
    # Two clicks may come at once, to two processes.
    hold_each(conn, Lock.SIGN_UP, "encode(CAST(:email_key AS bytea), 'hex')", {"email_key": row["email_key"]})
    same: int | None = conn.execute(
        text(_SAME), {**row, **wished, "since": now - ONCE_WITHIN}
    ).scalar_one_or_none()
    if same is not None:
        return same
    sign_up_id: int = conn.execute(text(_REQUEST), row).scalar_one()
    conn.execute(
        text("INSERT INTO sign_up_targets SELECT :id, unnest(CAST(:targets AS int[])), :reach"),
        {"id": sign_up_id, **wished},
    )
    return sign_up_id


def _row(request: SignUpRequest, settings: Settings, keys: list[str], now: datetime) -> dict[str, Any]:
    if request.frequency not in FREQUENCIES:
        raise BadWish(Message("Choose how often you want emails."))
    zone = request.zone or settings.digest_zone
    if zone not in known_zones():
        raise BadWish(Message("That is not a time zone. It looks like Europe/Berlin."))
    words = _agreed(consent_words(settings, language_of(request.locale)), request)
    return {
        "email": request.email,
        "email_key": email_key(keys, request.email),
        "locale": words.locale,
        "frequency": request.frequency,
        "zone": zone,
        "hour": settings.digest_hour,
        "weekday": settings.digest_weekday,
        "terms_version": words.terms.version,
        "terms_hash": words.terms.hash,
        "health_version": words.health.version,
        "health_hash": words.health.hash,
        "source": request.source,
        "now": now,
    }


_REQUEST = """
INSERT INTO sign_ups (email, email_key, locale, frequency, zone, hour, weekday, terms_version, terms_hash,
                      health_version, health_hash, source, requested_at)
VALUES (:email, :email_key, :locale, :frequency, :zone, :hour, :weekday, :terms_version, :terms_hash,
        :health_version, :health_hash, :source, :now) RETURNING id
"""

# Whoever has answered it meanwhile, or stopped everything, asks anew. Held, as it may just be erased.
_SAME = f"""
SELECT u.id FROM sign_ups u
WHERE u.email_key = :email_key AND u.requested_at > :since AND u.confirmed_at IS NULL AND u.refused_at IS NULL
  AND u.email = :email AND u.locale = :locale AND u.frequency = :frequency AND u.zone = :zone
  AND u.terms_hash = :terms_hash AND u.health_hash = :health_hash
  AND CAST(:targets AS int[]) = ARRAY(SELECT w.target_id FROM sign_up_targets w
                                      WHERE w.sign_up_id = u.id ORDER BY w.target_id)
  AND NOT {STOPPED_SINCE}
ORDER BY u.id DESC LIMIT 1 FOR KEY SHARE OF u
"""


def _agreed(words: ConsentWords, request: SignUpRequest) -> ConsentWords:
    """Only the words of today: whoever had an older page before them must see the new ones."""
    if (request.terms_version, request.health_version) != (words.terms.version, words.health.version):
        raise BadWish(
            Message(
                "The words you agreed to have changed. Please read them once more and send the form again."
            )
        )
    return words


def find_sign_up(conn: Connection, public_id: UUID) -> SignUpView | None:
    row = conn.execute(
        text(
            f"""SELECT u.*, s.public_id AS subscriber_public_id, s.state AS person, {STOPPED_SINCE} AS stopped_since
               FROM sign_ups u LEFT JOIN subscribers s ON s.id = u.subscriber_id WHERE u.public_id = :public_id"""
        ),
        {"public_id": public_id},
    ).one_or_none()
    if row is None:
        return None
    return SignUpView(
        id=row.id,
        public_id=row.public_id,
        email=row.email,
        locale=row.locale,
        state=_state(row),
        frequency=row.frequency,
        zone=row.zone,
        choices=choices_of(conn, row.id),
        subscriber_public_id=row.subscriber_public_id,
        requested_at=row.requested_at,
    )


def _state(row: Row[tuple[object, ...]]) -> SignUpState:
    if row.confirmed_at:
        return "stopped" if row.person == "stopped" else "confirmed"
    if row.refused_at:
        return "refused"
    return "stopped" if row.stopped_since else "open"


@dataclass(frozen=True, slots=True)
class ConfirmResult:
    """`already`: this sign-up was confirmed before. `stopped`: the person has stopped everything since they confirmed
    it or asked for it, which an old link does not undo. `gone`: purged or erased."""

    state: Confirmation
    subscriber_public_id: UUID | None = None


def confirm(conn: Connection, public_id: UUID, *, now: datetime) -> ConfirmResult:
    """Start what a sign-up asks for. Twice, or two at once, is once."""
    row = conn.execute(
        text("SELECT * FROM sign_ups WHERE public_id = :public_id FOR UPDATE"), {"public_id": public_id}
    ).one_or_none()
    if row is None:
        return ConfirmResult("gone")
    if row.refused_at:
        return ConfirmResult("refused")
    if row.confirmed_at is None:
        person_id = start_updates(conn, row, now=now)
        return ConfirmResult("confirmed" if person_id else "stopped", person_id)
    person = conn.execute(
        text("SELECT public_id, state FROM subscribers WHERE id = :id"), {"id": row.subscriber_id}
    ).one()
    return ConfirmResult("stopped" if person.state == "stopped" else "already", person.public_id)


def refuse(conn: Connection, public_id: UUID, *, now: datetime) -> bool:
    """ "This was not me": nothing more is sent about this sign-up. False where it is confirmed already, or gone."""
    return bool(
        conn.execute(
            text(
                """UPDATE sign_ups SET refused_at = COALESCE(refused_at, :now)
                   WHERE public_id = :public_id AND confirmed_at IS NULL"""
            ),
            {"public_id": public_id, "now": now},
        ).rowcount
    )


def renew(conn: Connection, public_id: UUID, *, now: datetime) -> int | None:
    """Somebody whose link has grown too old wants a new one: the sign-up is kept anew from now. When the words
    were agreed to stays. Its id, None if it is not open any more."""
    return conn.execute(
        text(
            """UPDATE sign_ups SET renewed_at = :now
               WHERE public_id = :public_id AND confirmed_at IS NULL AND refused_at IS NULL RETURNING id"""
        ),
        {"public_id": public_id, "now": now},
    ).scalar_one_or_none()
