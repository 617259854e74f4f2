"""Letters in the office of these tests: who signs up, and what is posted to them."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, text

from notifier.conditions.store import store_targets
from notifier.conditions.targets import TargetRef
from notifier.delivery.letters import post_letter
from notifier.links.keys import email_key
from tests.conftest import SECRET_KEY
from tests.delivery.office import Office


def key_of(name: str) -> bytes:
    return email_key([SECRET_KEY], f"{name}@example.org")


def sign_up(
    conn: Connection,
    name: str,
    *targets: TargetRef,
    now: datetime,
    frequency: str = "daily",
    reach: int = 4,
    known: bool = True,
) -> int:
    ids = store_targets(conn, list(targets), known=known)
    sign_up_id: int = conn.execute(
        text(
            """INSERT INTO sign_ups (email, email_key, frequency, zone, hour, weekday, terms_version, terms_hash,
                                     health_version, health_hash, source, requested_at)
               VALUES (:email, :key, :frequency, 'UTC', 8, 0, '1', '', '1', '', 'page', :now) RETURNING id"""
        ),
        {"email": f"{name}@example.org", "key": key_of(name), "frequency": frequency, "now": now},
    ).scalar_one()
    for target_id in ids.values():
        conn.execute(
            text("INSERT INTO sign_up_targets VALUES (:id, :target_id, :reach)"),
            {"id": sign_up_id, "target_id": target_id, "reach": reach},
        )
    return sign_up_id


def post_confirm(
    office: Office, name: str, *targets: TargetRef, frequency: str = "daily", known: bool = True
) -> UUID:
    with office.world.engine.begin() as conn:
        sign_up_id = sign_up(conn, name, *targets, now=office.clock(), frequency=frequency, known=known)
        delivery_id = post_letter(conn, "confirm", now=office.clock(), sign_up_id=sign_up_id)
    assert delivery_id
    return delivery_id


def post_to(office: Office, name: str, mail: str) -> UUID:
    ((subscriber_id,),) = office.sql(
        "SELECT id FROM subscribers WHERE email = :email", email=f"{name}@example.org"
    )
    with office.world.engine.begin() as conn:
        delivery_id = post_letter(conn, mail, now=office.clock(), subscriber_id=subscriber_id)  # type: ignore[arg-type]
    assert delivery_id
    return delivery_id


def state_of(office: Office, delivery_id: UUID) -> tuple[object, ...]:
    (row,) = office.sql("SELECT state, reason FROM delivery_states WHERE id = :id", id=delivery_id)
    return row


def send_letters(office: Office, after: timedelta = timedelta(0)) -> None:
    office.clock.now += after
    office.sender.send_letters(until=office.clock.now + timedelta(days=1))
