"""The drill: back up in the middle of sending, go on, lose the database, restore: nobody is mailed twice."""

import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
import structlog
from sqlalchemy import Connection, Engine, make_url, text

from notifier.db.copies import AWAY, is_home
from notifier.db.engine import make_engine
from notifier.delivery import brakes
from notifier.delivery.progress import brakes_on
from notifier.delivery.providers import Outcome, OutgoingBatch
from notifier.delivery.restoring import at_home_again, doubtful, end_again, park
from notifier.delivery.settling import settle_unknown
from notifier.embedded.postgres_server import _programs
from notifier.logs import configure_logs
from notifier.settings import Settings
from notifier.subscriptions.journal import endings
from notifier.subscriptions.schedules import Rhythm
from notifier.subscriptions.stopping import stop_all
from tests.delivery.mailroom import post_to, send_letters
from tests.delivery.office import ASTHMA, PEOPLE, Office
from tests.delivery.scripted import accept
from tests.ops.test_retention import reported
from tests.world import condition, days

GOUT = condition("Gout")


class Drill:
    """An office whose database can be backed up and restored with the programs that operators use."""

    def __init__(self, office: Office, server: Connection, folder: Path) -> None:
        self.office, self._server, self._file = office, server, folder / "backup"
        self.copies: list[str] = []

    def back_up(self) -> None:
        self._run("pg_dump", "--format=custom", f"--file={self._file}", f"--dbname={self._url()}")

    def restore(self) -> None:
        """Into a new database; the old one is gone for good."""
        name = f"restored_{len(self.copies)}_{make_url(self._url()).database}"
        self.copies.append(name)
        self._server.execute(text(f"CREATE DATABASE {name} TEMPLATE template0"))
        self.office.world.engine.dispose()
        url = make_url(self._url()).set(database=name).render_as_string(hide_password=False)
        self.office.world.engine = make_engine(url.replace("postgresql://", "postgresql+psycopg://"))
        self._run("pg_restore", "--exit-on-error", f"--dbname={url}", str(self._file))

    def restored(self, *, log: str = "", drop: bool = False) -> None:
        """What `notifier db restored` does, and `notifier sending resume`."""
        engine, now, settings = self.office.world.engine, self.office.clock(), self.office.world.settings
        end_again(engine, endings(log.splitlines()), settings=settings, now=now)
        park(engine, until=now, settings=settings, now=now, drop=drop)
        with engine.begin() as conn:
            at_home_again(conn, actor="command line", note="the disk failed", now=now)
            brakes.release(conn, "paused")

    def _url(self) -> str:
        return self.office.world.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [_programs() / program, *arguments], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr


@pytest.fixture
def drill(office: Office, server: Connection, tmp_path: Path) -> Iterator[Drill]:
    drill = Drill(office, server, tmp_path)
    yield drill
    office.world.engine.dispose()
    for name in drill.copies:
        server.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], str]]:
    """What the processes have logged, as they write it."""
    written = StringIO()
    with monkeypatch.context() as patch:
        patch.setattr("sys.stderr", written)
        configure_logs("json")
    yield written.getvalue
    structlog.reset_defaults()


def mailed(office: Office) -> Counter[str]:
    return Counter({address.partition("@")[0]: count for address, count in office.provider.mailed.items()})


def eight_wait(batch: OutgoingBatch) -> Outcome:
    return Outcome("fault", reason="one moment") if len(batch.recipients) == 8 else accept(batch)


def live(office: Office) -> None:
    """What scheduler and senders do, again and again."""
    office.world.tick(office.clock())
    office.send()


def test_who_was_mailed_after_the_backup_is_not_mailed_again(drill: Drill, office: Office):
    """The backup is made while one of two batches is out; the other goes, then a day with a run of its own, too."""
    office.world.person("ida", GOUT)
    office.world.event(GOUT)
    office.clock.now += days(1)
    office.world.tick(office.clock())
    office.provider.answers += [eight_wait, eight_wait]
    office.send()
    assert office.states() == {"accepted": 1, "retrying": 8}
    drill.back_up()
    office.clock.now += timedelta(hours=1)
    office.send()
    position = office.world.event(ASTHMA)
    office.clock.now += days(1)
    live(office)
    before = mailed(office)
    assert before == Counter({"ida": 1} | dict.fromkeys(PEOPLE, 2))

    drill.restore()
    office.clock.now += timedelta(hours=1)
    live(office)
    assert mailed(office) == before
    with office.world.engine.connect() as conn:
        assert brakes_on(conn, office.clock()) == {"away": AWAY}
    assert office.world.event(ASTHMA) == position  # the registry says it once more
    drill.restored()
    for _ in range(3):
        office.clock.now += days(1)
        live(office)
    assert mailed(office) == before
    assert office.states() == {"accepted": 1, "unknown": 16}
    office.world.event(ASTHMA)
    office.clock.now += days(1)
    live(office)
    assert mailed(office) - before == Counter(dict.fromkeys(before.keys() - {"ida"}, 1))


def test_without_the_step_the_drill_would_find_second_mails(drill: Drill, office: Office):
    """So that the drill above is known to be able to fail."""
    drill.back_up()
    office.send()
    drill.restore()
    with office.world.engine.begin() as conn:
        conn.execute(text("UPDATE installation SET home = NULL"))
    office.send()
    assert set(mailed(office).values()) == {2}


def test_the_silence_of_a_webhook_that_was_forgotten_proves_nothing(drill: Drill, office: Office):
    """Anna's mail was proved after the backup, and its proof is lost; other mail is reported since."""
    office.provider.answers.append(lambda _: Outcome("unknown"))
    office.send()
    drill.back_up()
    reported(office)
    drill.restore()
    drill.restored()
    office.world.person("ida", GOUT)
    office.world.event(GOUT)
    for _ in range(3):
        office.clock.now += days(1)
        live(office)
        reported_to_ida(office)
        settle_unknown(office.world.engine, now=office.clock(), max_attempts=8, grace=timedelta(minutes=15))
    assert office.sql("SELECT count(*) FROM batches WHERE state = 'unknown'") == [(1,)]


def reported_to_ida(office: Office) -> None:
    office.sql(
        """INSERT INTO feedback_events (event_id, delivery_id, kind, occurred_at, received_at, applied_at)
           SELECT gen_random_uuid()::text, d.id, 'delivered', :now, :now, :now FROM deliveries d
           JOIN subscribers s ON s.id = d.subscriber_id WHERE s.email LIKE 'ida%'""",
        now=office.clock(),
    )


def test_evidence_that_comes_later_settles_what_was_parked(drill: Drill, office: Office):
    drill.back_up()
    drill.restore()
    drill.restored()
    assert office.states() == {"unknown": 8}
    reported(office)
    settle_unknown(office.world.engine, now=office.clock(), max_attempts=8, grace=timedelta(minutes=15))
    assert office.states() == {"delivered": 8}


def test_who_stopped_after_the_backup_stays_stopped_by_the_log(
    drill: Drill, office: Office, logged: Callable[[], str]
):
    drill.back_up()
    for name in ("anna", "ben"):
        public_id = office.sql("SELECT public_id FROM subscribers WHERE email LIKE :it", it=f"{name}%")[0][0]
        with office.world.engine.begin() as conn:
            stop_all(conn, public_id, reason="one_click", now=office.clock())  # type: ignore[arg-type]
    log = logged()
    drill.restore()
    drill.restored(log=log)
    stopped = office.sql("SELECT email FROM subscribers WHERE state = 'stopped' ORDER BY id")
    assert stopped == [("anna@example.org",), ("ben@example.org",)]


def test_who_complained_after_the_backup_is_stopped_by_the_log(
    drill: Drill, office: Office, logged: Callable[[], str]
):
    office.send()
    drill.back_up()
    reported(office, "spamreport")
    log = logged()
    drill.restore()
    drill.restored(log=log)
    assert office.sql("SELECT state, count(*) FROM subscribers GROUP BY 1") == [("stopped", 8)]


def test_a_schedule_without_a_run_since_the_backup_tells_its_people_all(drill: Drill, office: Office):
    office.send()
    office.world.person("ida", GOUT, rhythm=Rhythm("weekly", "UTC", 8, 5))
    office.world.event(GOUT)
    drill.back_up()
    drill.restore()
    with office.world.engine.connect() as conn:
        assert doubtful(conn, office.clock()).schedules == 0
    drill.restored()
    office.clock.now += days(7)
    live(office)
    assert mailed(office)["ida"] == 1


def test_what_was_given_up_is_not_in_doubt(drill: Drill, office: Office):
    drill.back_up()
    drill.restore()
    drill.restored(drop=True)
    assert office.states() == {"dropped": 8}
    assert office.sql("SELECT DISTINCT what FROM batch_history") == [("restored",)]


def test_a_letter_that_somebody_waits_for_goes_out_once_it_may(drill: Drill, office: Office):
    post_to(office, "anna", "manage_link")
    drill.back_up()
    drill.restore()
    send_letters(office)
    assert mailed(office) == Counter()
    drill.restored()
    send_letters(office)
    assert mailed(office) == Counter({"anna": 1})


def test_numbers_that_stand_in_mails_are_not_given_again(drill: Drill, office: Office):
    drill.back_up()
    lost = office.world.target(GOUT)
    drill.restore()
    drill.restored()
    assert office.world.target(condition("Eczema")) > lost


def test_nor_those_that_were_given_after_the_same_backup_had_been_restored_before(
    drill: Drill, office: Office
):
    drill.back_up()
    given = list[int]()
    for name in ("Eczema", "Migraine"):
        drill.restore()
        drill.restored()
        given.append(office.world.target(condition(name)))
    assert given[0] != given[1]


def test_an_ordinary_role_may_ask_where_its_database_is(
    engine: Engine, settings: Settings, server: Connection
):
    name = f"plain_{make_url(str(settings.database_url)).database}"[:60]
    server.execute(text(f"CREATE ROLE {name} LOGIN PASSWORD 'plain'"))
    try:
        with engine.begin() as conn:
            conn.execute(text(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {name}"))
            conn.execute(text(f"SET LOCAL ROLE {name}"))
            assert is_home(conn)
    finally:
        with engine.begin() as conn:
            conn.execute(text(f"DROP OWNED BY {name}"))
        server.execute(text(f"DROP ROLE {name}"))
