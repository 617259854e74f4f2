"""PostgreSQL: reached, new enough, up to date, of one time with us; what lies in it about schedules and beats."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from zoneinfo import available_timezones

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from notifier.db.copies import is_away
from notifier.db.migrate import alembic_config
from notifier.db.timeouts import give_up_after
from notifier.delivery.progress import tracked_mails
from notifier.ops.doctor.finding import Finding, doubtful, well, wrong
from notifier.ops.heartbeat import last_beats
from notifier.ops.numbers import TRACKING_WINDOW
from notifier.ops.rhythm import Rhythm, rhythms

OLDEST_POSTGRES = 14
LONGEST_STATEMENT = timedelta(seconds=5)
SKEW_WARNED, SKEW_WRONG = timedelta(seconds=5), timedelta(seconds=60)
SKEW_WHY = "Leases, hours of digests and links that expire are reckoned by clocks that must agree."
SKEW_REMEDY = "Switch on time synchronisation (chrony, systemd-timesyncd) on the machine that is wrong."
BEAT_LATE = timedelta(minutes=3)  # one comes each minute
RUN_LATE = timedelta(minutes=30)
FARTHEST_RUN = timedelta(days=8)
START_ALL = "Start `celery -A tasks beat` (`beat` in the Procfile) and the workers, or `notifier up`."

Clock = Callable[[], datetime]


def reachable(engine: Engine) -> Iterator[Finding]:
    try:
        with engine.connect() as conn:
            number = int(conn.execute(text("SELECT current_setting('server_version_num')")).scalar_one())
            version = conn.execute(text("SHOW server_version")).scalar_one().split()[0]
    except SQLAlchemyError as error:
        yield wrong(
            "database",
            f"The database cannot be reached: {_words(error)}.",
            why="Nothing works without it: it is where all is kept.",
            remedy="Check DATABASE_URL, and that PostgreSQL runs and lets this machine in.",
        )
        return
    if number // 10_000 < OLDEST_POSTGRES:
        yield wrong("database", f"PostgreSQL {version} is too old.", remedy="Use 16 or newer.")
        return
    yield well("database", f"PostgreSQL {version} answers.")
    yield from _migrations(engine)


def _migrations(engine: Engine) -> Iterator[Finding]:
    script = ScriptDirectory.from_config(alembic_config())
    with _looking(engine) as conn:
        current = set(MigrationContext.configure(conn).get_current_heads())
    known = {revision.revision for revision in script.walk_revisions()}
    why = "Programs and tables that do not fit together fail in the middle of their work."
    if current == set(script.get_heads()):
        yield well("migrations", "The tables are up to date.")
        yield _home(engine)
    elif current - known:
        yield wrong(
            "migrations",
            "The tables are of a newer version than this program.",
            why=why,
            remedy="Install that version here, or restore the backup that was made before it.",
        )
    else:
        told = "The tables are behind this program." if current else "The database is empty."
        yield wrong("migrations", told, why=why, remedy="Run `notifier db upgrade`.")


def _home(engine: Engine) -> Finding:
    with _looking(engine) as conn:
        away = is_away(conn)
    if not away:
        return well("home", "The database is where it was.")
    return wrong(
        "home",
        "This database was restored, moved or copied.",
        why="What was mailed since is unknown to it and would be mailed again, so nothing is planned or sent.",
        remedy="Say what it is: `notifier db restored --help`; see docs/runbooks/DatabaseAway.md.",
    )


def clock(engine: Engine, now: Clock) -> Iterator[Finding]:
    with _looking(engine) as conn:
        before = now()
        theirs = conn.execute(text("SELECT clock_timestamp()")).scalar_one()
        ours = before + (now() - before) / 2
    yield skew("clock-database", "PostgreSQL", theirs, ours)


def skew(check: str, who: str, theirs: datetime, ours: datetime, grain: timedelta = timedelta(0)) -> Finding:
    """`grain`: how exactly they tell the time."""
    apart = max(abs(theirs - ours) - grain, timedelta(0))
    told = f"The clock here is {_long(apart)} {'behind' if theirs > ours else 'ahead of'} that of {who}."
    if apart > SKEW_WRONG:
        return wrong(check, told, why=SKEW_WHY, remedy=SKEW_REMEDY)
    if apart > SKEW_WARNED:
        return doubtful(check, told, why=SKEW_WHY, remedy=SKEW_REMEDY)
    return well(check, f"The clocks here and at {who} agree.")


def scheduler(engine: Engine, now: Clock) -> Iterator[Finding]:
    """A beat that came through any queue proves the scheduler; which queue is served is seen by asking."""
    with _looking(engine) as conn:
        beats = last_beats(conn)
        installed_at = conn.execute(text("SELECT installed_at FROM installation")).scalar_one()
    why = "Without it no digest is planned, and what a lost message left behind is not found."
    if not beats:
        tell = doubtful if now() - installed_at < BEAT_LATE else wrong
        yield tell("scheduler", "No beat has come yet; one comes each minute.", why=why, remedy=START_ALL)
        return
    age = now() - max(beats.values())
    if age > BEAT_LATE:
        yield wrong(
            "scheduler",
            f"The scheduler sleeps: its last beat came {_long(age)} ago; one comes each minute.",
            why=why,
            remedy=START_ALL,
        )
    elif age < -SKEW_WRONG:
        yield wrong("scheduler", f"The last beat lies {_long(-age)} ahead.", why=SKEW_WHY, remedy=SKEW_REMEDY)
    else:
        yield well("scheduler", f"The last beat came {_long(max(age, timedelta(0)))} ago.")


def tracked(engine: Engine, now: Clock) -> int:
    """Opens and clicks of the last day."""
    with _looking(engine) as conn:
        return tracked_mails(conn, now() - TRACKING_WINDOW)


def schedules(engine: Engine, now: Clock) -> Iterator[Finding]:
    with _looking(engine) as conn:
        found = rhythms(conn)
        zones = set(conn.execute(text("SELECT DISTINCT zone FROM schedules")).scalars())
        farthest = conn.execute(text("SELECT max(next_due_at) FROM schedules")).scalar_one()
    if not found:
        yield well("schedules", "Nobody is subscribed yet; there is no digest to plan.")
        return
    if strange := sorted(zones - available_timezones()):
        yield wrong(
            "schedules",
            f"The time zone {strange[0]} is not known on this machine.",
            why="The runs of its readers cannot be planned here.",
            remedy="Install the newest tzdata on every machine.",
        )
    late = {rhythm.frequency: rhythm.overdue(now()) for rhythm in found}
    overdue = [f"{name}: {_long(by)}" for name, by in late.items() if by > RUN_LATE]
    if overdue:
        yield wrong(
            "schedules",
            f"Runs are overdue ({', '.join(overdue)}).",
            why="People wait for a digest that nobody has planned.",
            remedy="See docs/runbooks/DigestRunMissing.md.",
        )
    elif farthest - now() > FARTHEST_RUN:
        yield wrong(
            "schedules",
            "A schedule's next run lies more than a week ahead.",
            why="A clock was wrong when it was planned, or `digest run --at` lay in the future.",
            remedy="`notifier trace` and the audit log say who; see docs/runbooks/DigestRunMissing.md.",
        )
    elif not strange:
        yield well("schedules", _next(found, now()))


def _next(found: list[Rhythm], now: datetime) -> str:
    ahead = [rhythm for rhythm in found if rhythm.frequency != "immediate" and rhythm.next_due_at]
    if not ahead:
        return "Only digests at once are asked for; each change plans its own."
    first = min(ahead, key=lambda rhythm: rhythm.next_due_at or now)
    assert first.next_due_at
    return f"The next {first.frequency} digests are due at {first.next_due_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC."


@contextmanager
def _looking(engine: Engine) -> Iterator[Connection]:
    """For one short look, that must not wait for others."""
    with engine.connect() as conn, conn.begin():
        give_up_after(conn, LONGEST_STATEMENT)
        yield conn


def _words(error: SQLAlchemyError) -> str:
    """The driver's first line names host, port and role; no password is in it."""
    return str(getattr(error, "orig", None) or type(error).__name__).strip().splitlines()[0].rstrip(".")


def _long(age: timedelta) -> str:
    seconds = int(age.total_seconds())
    if seconds < 120:
        return f"{seconds} s"
    hours, minutes = divmod(seconds // 60, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
