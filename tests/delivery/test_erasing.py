"""After erasure nothing leads to the person any more, here or at the provider."""

import logging
from email import message_from_bytes
from pathlib import Path
from uuid import UUID

import orjson
import pytest
import redis
import structlog
from sqlalchemy import Engine, text

from notifier.delivery.claiming import claim_batches
from notifier.delivery.erasing import ask_provider, erase, waiting_erasures
from notifier.delivery.letters import post_letter
from notifier.delivery.mail_links import MailLinks
from notifier.delivery.providers import make_provider
from notifier.delivery.sending import Sender
from notifier.delivery.withdrawing import stop_one, undo_one
from notifier.settings import Settings
from notifier.subscriptions.changing import pause
from notifier.subscriptions.personal_data import export_person
from tests.subscriptions.desk import KEYS, Desk
from tests.world import NOON, World, condition, days

NAME, SECRET = "zerlina", "Quixotic Xylophobia"
ASTHMA = condition("Asthma")


@pytest.fixture
def desk(engine: Engine, settings: Settings) -> Desk:
    return Desk(World(engine, settings))


def at_sendgrid(settings: Settings, fake) -> Settings:
    return settings.model_copy(
        update={
            "mail_provider": "sendgrid",
            "sendgrid_api_url": fake.url,
            "sendgrid_api_key": type(settings.secret_keys[0])(fake.api_key),
        }
    )


def erased(desk: Desk, settings: Settings, name: str = NAME) -> bool:
    with desk.world.engine.begin() as conn:
        return erase(conn, desk.key(name), settings=settings, now=NOON)


def live_a_life(desk: Desk, settings: Settings) -> tuple[UUID, list[str]]:
    """Sign up twice, get a letter and a digest, change this and that; the ids that stood for the person."""
    sign_up = desk.ask(NAME, "Asthma", SECRET, study="NCT00000001")
    with desk.world.engine.begin() as conn:
        (id_,) = conn.execute(text("SELECT id FROM sign_ups WHERE public_id = :id"), {"id": sign_up}).one()
        post_letter(conn, "confirm", now=NOON, sign_up_id=id_)
    provider = make_provider(settings)
    sender = Sender(
        desk.world.engine, provider, MailLinks.of(KEYS, settings.public_url), settings, lambda: NOON + days(1)
    )
    sender.send_letters(until=NOON + days(2))
    person = desk.confirm(sign_up).subscriber_public_id
    assert person
    desk.ask(NAME, f"{SECRET} in horses")
    desk.world.event(ASTHMA)
    desk.world.run("daily", NOON + days(1))
    sender.send_due(until=NOON + days(2))
    provider.close()
    with desk.world.engine.begin() as conn:
        target = desk.page(person).active[0]
        stop_one(conn, person, target.target_id, via="one_click", now=NOON)
        undo_one(conn, person, target.public_id, via="page", now=NOON)
        pause(conn, desk.id(person), NOON + days(3), via="manage", now=NOON)
    ids = desk.sql(
        """SELECT CAST(public_id AS text) FROM sign_ups WHERE email_key = :key
           UNION SELECT CAST(public_id AS text) FROM subscriptions WHERE subscriber_id = :id
           UNION SELECT CAST(d.id AS text) FROM deliveries d LEFT JOIN sign_ups u ON u.id = d.sign_up_id
                 WHERE d.subscriber_id = :id OR u.email_key = :key""",
        key=desk.key(NAME),
        id=desk.id(person),
    )
    return person, [str(person), *(id_ for (id_,) in ids)]


def everything_in(engine: Engine) -> dict[str, str]:
    """Every column of every table, as text."""
    with engine.connect() as conn:
        columns = conn.execute(
            text(
                """SELECT table_name, column_name FROM information_schema.columns
                   WHERE table_schema = 'public' ORDER BY table_name, ordinal_position"""
            )
        ).all()
        return {
            f"{table}.{column}": str(
                conn.execute(
                    text(
                        f"""SELECT string_agg(CASE WHEN pg_typeof("{column}") = 'bytea'::regtype
                                              THEN encode("{column}"::text::bytea, 'escape') || "{column}"::text
                                              ELSE "{column}"::text END, ' ') FROM "{table}\""""
                    )
                ).scalar_one()
            )
            for table, column in columns
        }


def places_of(what: str, where: dict[str, str]) -> list[str]:
    return [place for place, content in where.items() if what.casefold() in content.casefold()]


def words_of(path: Path) -> str:
    parts = message_from_bytes(path.read_bytes()).walk()
    return path.name + path.read_text() + "".join(str(part.get_payload(decode=True)) for part in parts)


def redis_content(url: str) -> str:
    dumped = []
    with redis.Redis.from_url(url) as client:
        for key in client.scan_iter():
            dumped += [key, client.dump(key) or b""]
    return repr(dumped)


def test_nothing_of_an_erased_person_is_left_anywhere(
    desk: Desk, settings: Settings, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    structlog.reset_defaults()
    desk.join("ben", "Asthma")
    person, ids = live_a_life(desk, settings)
    address, key = f"{NAME}@example.org", desk.key(NAME)
    outbox = settings.outbox_path
    before = everything_in(desk.world.engine)
    assert places_of(address, before)
    assert places_of(SECRET, before) == ["targets.label"]
    assert len([path for path in outbox.iterdir() if address in words_of(path)]) == 2

    assert erased(desk, settings)

    after = everything_in(desk.world.engine)
    output = capsys.readouterr()
    left = {
        "outbox": "".join(map(words_of, outbox.iterdir())),
        "redis": redis_content(str(settings.redis_url)),
    }
    left["logs"] = caplog.text + output.out + output.err
    for trace in (NAME, SECRET, "xylophobia", str(person)):
        assert places_of(trace, after | left) == []
    kept = {"deliveries.id", "delivery_states.id"}  # opaque, and they point at nobody
    for id_ in ids:
        assert set(places_of(id_, after | left)) <= kept
    assert places_of(key.hex(), after) == ["suppressions.email_key"]
    columns = [place for place in after if place.rpartition(".")[2] in ("subscriber_id", "sign_up_id")]
    for place in columns:
        table, _, column = place.partition(".")
        rows = desk.sql(
            f'SELECT 1 FROM "{table}" WHERE {column} IS NOT NULL AND {column} NOT IN (SELECT id FROM subscribers)'
        )
        assert rows == [] or column == "sign_up_id", place
    assert desk.follows(desk.join("ben", "Asthma")) == ["Asthma"]


def test_words_that_others_asked_for_too_stay_for_them(desk: Desk, settings: Settings) -> None:
    ben = desk.join("ben", SECRET)
    desk.join(NAME, SECRET)
    assert erased(desk, settings)
    assert desk.follows(ben) == [SECRET]


def test_who_only_asked_and_never_confirmed_can_be_erased_too(desk: Desk, settings: Settings) -> None:
    desk.ask(NAME, SECRET)
    assert erased(desk, settings)
    assert not erased(desk, settings)
    assert places_of(NAME, everything_in(desk.world.engine)) == []
    assert places_of(SECRET, everything_in(desk.world.engine)) == []


def test_the_export_tells_all_there_is_and_is_json(desk: Desk, settings: Settings) -> None:
    live_a_life(desk, settings)
    with desk.world.engine.connect() as conn:
        told = export_person(conn, desk.key(NAME))
    assert told
    orjson.dumps(told)
    assert [sorted(s["about"]) for s in told["sign_ups"]] == [
        sorted(["NCT00000001", "Asthma", SECRET]),
        [f"{SECRET} in horses"],
    ]
    assert len(told["sign_ups"][0]["health_hash"]) == 64
    assert [delivery["mail"] for delivery in told["deliveries"]] == ["confirm", "digest"]
    assert {"confirm", "stop", "undo", "pause"} <= {change["action"] for change in told["changes"]}
    assert told["paused_until"]


def test_the_export_of_a_mere_sign_up_tells_of_it(desk: Desk) -> None:
    desk.ask(NAME, SECRET)
    with desk.world.engine.connect() as conn:
        told = export_person(conn, desk.key(NAME))
    assert told
    assert told["state"] == "not subscribed"
    assert told["sign_ups"][0]["email"] == f"{NAME}@example.org"


def test_the_provider_is_asked_to_forget_and_then_we_forget_that_too(
    desk: Desk, settings: Settings, fake_sendgrid
) -> None:
    settings = at_sendgrid(settings, fake_sendgrid)
    live_a_life(desk, settings)
    assert [mail["email"] for mail in fake_sendgrid.mails()] == [f"{NAME}@example.org"] * 2
    assert erased(desk, settings)
    assert places_of(NAME, everything_in(desk.world.engine)) == ["provider_erasures.email"]
    assert ask_provider(desk.world.engine, settings, NOON) == 1
    assert fake_sendgrid.erased() == [f"{NAME}@example.org"]
    assert fake_sendgrid.mails() == []
    assert places_of(NAME, everything_in(desk.world.engine)) == []
    assert ask_provider(desk.world.engine, settings, NOON) == 0


def test_a_provider_that_fails_is_asked_again_ever_later(
    desk: Desk, settings: Settings, fake_sendgrid
) -> None:
    settings = at_sendgrid(settings, fake_sendgrid)
    desk.join(NAME, "Asthma")
    erased(desk, settings)
    fake_sendgrid.erasing(500, 429)
    waits = []
    now = NOON
    for _ in range(2):
        assert ask_provider(desk.world.engine, settings, now) == 0
        ((at, reason),) = desk.sql("SELECT next_attempt_at, reason FROM provider_erasures")
        assert NAME not in reason
        assert ask_provider(desk.world.engine, settings, at - days(0) - (at - now) / 2) == 0
        waits.append(at - now)
        now = at
    assert waits[0] < waits[1]
    assert ask_provider(desk.world.engine, settings, now) == 1
    assert fake_sendgrid.erased() == [f"{NAME}@example.org"]


def test_a_key_that_may_not_erase_shows_in_the_status(desk: Desk, settings: Settings, fake_sendgrid) -> None:
    settings = at_sendgrid(settings, fake_sendgrid)
    desk.join(NAME, "Asthma")
    erased(desk, settings)
    fake_sendgrid.erasing(403)
    ask_provider(desk.world.engine, settings, NOON)
    with desk.world.engine.connect() as conn:
        status = waiting_erasures(conn)
    assert status["waiting"] == 1
    assert "SENDGRID_ERASURE_KEY" in status["reason"]


def test_one_address_that_the_provider_refuses_does_not_hold_up_the_others(
    desk: Desk, settings: Settings, fake_sendgrid
) -> None:
    settings = at_sendgrid(settings, fake_sendgrid)
    for email in ("a@example.org", "not one", "b@example.org", "c@example.org"):
        desk.sql(
            "INSERT INTO provider_erasures (email, asked_at, next_attempt_at) VALUES (:email, :now, :now)",
            email=email,
            now=NOON,
        )
    assert ask_provider(desk.world.engine, settings, NOON) == 3
    assert [email for (email,) in desk.sql("SELECT email FROM provider_erasures")] == ["not one"]
    assert desk.sql("SELECT reason FROM provider_erasures")[0][0].count("not one") == 0


def test_an_outage_of_the_provider_delays_no_erasure_here(desk: Desk, settings: Settings) -> None:
    settings = settings.model_copy(
        update={"mail_provider": "sendgrid", "sendgrid_api_url": "http://127.0.0.1:9"}
    )
    desk.join(NAME, "Asthma")
    assert erased(desk, settings)
    assert ask_provider(desk.world.engine, settings, NOON) == 0


def test_a_queued_digest_of_an_erased_person_goes_to_nobody(desk: Desk, settings: Settings) -> None:
    desk.join(NAME, "Asthma")
    desk.world.event(ASTHMA)
    desk.world.run("daily", NOON + days(1))
    erased(desk, settings)
    claims = claim_batches(desk.world.engine, make_provider(settings), now=NOON + days(1), limit=10)
    assert claims == []
