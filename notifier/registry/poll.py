"""Asking the registry itself: what was posted, and then the studies that somebody follows.

Some records change without a new posting date (a status becomes unknown, a sponsor has a new name), so those that are
followed are read with every new state of the registry's data. How far a poll is stands in the database after each page.
Two at once do no harm: the slower one finds that the other has gone on, and leaves it to them.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, Literal

import structlog
from sqlalchemy import Connection, Engine, text

from notifier.db.installation import installed_on
from notifier.registry.api import OK, PAGE_SIZE, RegistryApi, RegistryError
from notifier.registry.intake import IntakeResult, take_in
from notifier.registry.records import RawRecord, Rejection

OVERLAP = timedelta(days=3)
"""Read once more: posting dates are days near Washington, also of weekends, when no data are renewed."""

TOO_FAR = timedelta(days=2)
"""The registry's clock may be ahead of ours, and its zone is not ours."""

READ_JUST_NOW = timedelta(seconds=30)
MOST_REFUSED = 20  # one id among 200 takes eight or nine questions that are refused
FEW = 10

FollowedAfter = Callable[[Connection, str, int], Sequence[str]]
"""(NCT id, most): the next ids that somebody follows, in their order."""
Clock = Callable[[], datetime]
Tell = Callable[[Rejection], None]

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Poll:
    """A row of `registry_polls`."""

    id: int
    data_timestamp: datetime
    since: date
    step: str
    next_page: str | None
    followed_to: str
    read_at: datetime  # its last page; before the first, when it began


@dataclass
class PollResult:
    """`since` and `data_timestamp` are of the last poll that this call has read of; None where the registry has nothing
    new since the last one."""

    state: Literal["over", "under way", "left to others"] = "under way"
    since: date | None = None
    data_timestamp: datetime | None = None
    intake: IntakeResult = field(default_factory=IntakeResult)


def poll(
    engine: Engine,
    api: RegistryApi,
    followed_after: FollowedAfter,
    *,
    clock: Clock,
    since: date | None = None,
    until: datetime | None = None,
    joins: bool = True,
    on_rejection: Tell | None = None,
) -> PollResult:
    """Go on with the poll that is under way, or begin one if the registry's data are newer than those of the last; then
    read page by page, and begin none after `until`. Without `joins` a poll that somebody else reads just now is theirs.

    With `since` all that was posted from that day on is read again, or from an earlier one if more is missing.
    First sights make an event if they were first posted after the installation.
    Raises RegistryError when the registry does not answer, or refuses; what was read before is stored.
    """
    result = PollResult()
    current = _under_way(engine, since)
    if current and not joins and clock() - current.read_at < READ_JUST_NOW:
        return PollResult("left to others")
    resumed = current is not None
    current = current or _begin(engine, api, since, clock())
    while current:
        if until and clock() >= until:
            return result
        result.since, result.data_timestamp = current.since, current.data_timestamp
        following, studies = _read(engine, api, current, followed_after, clock())
        intake = _take_in(engine, current, studies, clock(), on_rejection)
        result.intake.add(intake)
        if not _save(engine, current, following, intake, clock()):
            result.state = "left to others"
            return result
        current = following
        if current is None and resumed:  # which may have been long ago
            current, resumed = _begin(engine, api, None, clock()), False
    result.state = "over"
    return result


def _read(
    engine: Engine, api: RegistryApi, current: Poll, followed_after: FollowedAfter, now: datetime
) -> tuple[Poll | None, list[Any]]:
    """(where it goes on; None: nowhere, studies)"""
    if current.step == "posted":
        return _read_posted(engine, api, current, now)
    with engine.connect() as conn:
        ids = followed_after(conn, current.followed_to, PAGE_SIZE)
    if not ids:
        return None, []
    return replace(current, followed_to=ids[-1]), _followed(api, ids, [])


def _read_posted(engine: Engine, api: RegistryApi, current: Poll, now: datetime) -> tuple[Poll, list[Any]]:
    try:
        page = api.posted_since(current.since, current.next_page)
    except RegistryError as error:
        if current.next_page and error.is_about_the_question:  # by now the token may be too old
            _save(engine, current, replace(current, next_page=None), IntakeResult(), current.read_at)
        raise
    if page.following:
        return replace(current, next_page=page.following), page.studies
    data_timestamp = _data_timestamp(api, now)
    if data_timestamp > current.data_timestamp:  # then pages may have moved under us
        return replace(current, data_timestamp=data_timestamp, next_page=None), page.studies
    return replace(current, step="followed", next_page=None), page.studies


def _followed(api: RegistryApi, ids: Sequence[str], refused: list[RegistryError]) -> list[Any]:
    """An id that the registry does not take must not keep it from all others: it is found by halves and left out."""
    try:
        return api.studies(ids)
    except RegistryError as error:
        refused.append(error)
        if not error.is_about_the_question or len(refused) > MOST_REFUSED:
            raise
    if len(ids) == 1:
        log.warning("followed_study_refused")
        return []
    middle = len(ids) // 2
    return _followed(api, ids[:middle], refused) + _followed(api, ids[middle:], refused)


def _take_in(
    engine: Engine, current: Poll, studies: Sequence[Any], now: datetime, on_rejection: Tell | None
) -> IntakeResult:
    """A page of which nothing can be read is no page that was read."""
    with engine.connect() as conn:
        announced = installed_on(conn)
    intake = take_in(engine, _records(current, studies), since=announced, now=now, on_rejection=on_rejection)
    if intake.read >= FEW and intake.rejected == intake.read:
        first = intake.rejections[0].reason
        raise RegistryError(f"None of {intake.read} records of the registry can be read: {first}.", OK)
    return intake


def _records(current: Poll, studies: Sequence[Any]) -> Iterator[RawRecord]:
    where = f"registry, followed studies after {current.followed_to}"
    if current.step == "posted":
        where = f"registry, posted since {current.since}, page {current.next_page or 'one'}"
    for place, study in enumerate(studies, 1):
        yield RawRecord(where, place, study)


def _under_way(engine: Engine, since: date | None) -> Poll | None:
    with engine.begin() as conn:
        if since:
            conn.execute(text(_FROM_THE_START), {"since": since})
        row = conn.execute(text(_OPEN)).one_or_none()
    return Poll(*row) if row else None


def _begin(engine: Engine, api: RegistryApi, since: date | None, now: datetime) -> Poll | None:
    """None if the last one has read these data."""
    data_timestamp = _data_timestamp(api, now)
    with engine.begin() as conn:
        read_last = conn.execute(text(_READ_LAST)).scalar_one_or_none()
        # An older one is that of a cache on the way.
        if since is None and read_last and read_last >= data_timestamp:
            return None
        missing = first_missing_day(conn)
        day = min(since, missing) if since else missing
        conn.execute(text(_BEGIN), {"data_timestamp": data_timestamp, "since": day, "now": now})
    return _under_way(engine, since)


def _data_timestamp(api: RegistryApi, now: datetime) -> datetime:
    """No data would ever be newer than those of a year to come, and nothing would be read until then."""
    at = api.data_timestamp()
    if at > now + TOO_FAR:
        raise RegistryError(
            f"The registry says that its data are of {at:%Y-%m-%d %H:%M} UTC, which is to come.", OK
        )
    return at


def first_missing_day(conn: Connection) -> date:
    """From which posting day on updates may be missing. That a later one is stored says nothing: the site may have
    pushed it, or a poll that did not end has read it."""
    day: date = conn.execute(text(_MISSING), {"days": OVERLAP.days}).scalar_one()
    return day


def _save(engine: Engine, was: Poll, following: Poll | None, intake: IntakeResult, now: datetime) -> bool:
    """False if somebody else has gone on meanwhile."""
    goes_on = following or was
    bind = {
        "id": was.id,
        "was_since": was.since,
        "was_step": was.step,
        "was_page": was.next_page,
        "was_followed": was.followed_to,
        "step": goes_on.step,
        "page": goes_on.next_page,
        "followed": goes_on.followed_to,
        "data": goes_on.data_timestamp,
        "now": now,
        "ended_at": None if following else now,
        "read": intake.read,
        "new": intake.new - intake.known,
        "changed": intake.changed,
    }
    with engine.begin() as conn:
        return bool(conn.execute(text(_SAVE), bind).rowcount)


_COLUMNS = "id, data_timestamp, since, step, next_page, followed_to, read_at"
_OPEN = f"SELECT {_COLUMNS} FROM registry_polls WHERE ended_at IS NULL"
_READ_LAST = """
SELECT data_timestamp FROM registry_polls WHERE ended_at IS NOT NULL ORDER BY id DESC LIMIT 1
"""
_BEGIN = """
INSERT INTO registry_polls (data_timestamp, since, began_at, read_at) VALUES (:data_timestamp, :since, :now, :now)
ON CONFLICT DO NOTHING
"""
_FROM_THE_START = """
UPDATE registry_polls SET since = LEAST(since, :since), step = 'posted', next_page = NULL, followed_to = ''
WHERE ended_at IS NULL
"""
_SAVE = """
UPDATE registry_polls SET data_timestamp = :data, step = :step, next_page = :page, followed_to = :followed,
                          read_at = :now, ended_at = :ended_at,
                          read = read + :read, new = new + :new, changed = changed + :changed
WHERE id = :id AND ended_at IS NULL AND since = :was_since AND step = :was_step AND followed_to = :was_followed
  AND next_page IS NOT DISTINCT FROM :was_page
"""
_MISSING = f"""
SELECT COALESCE(
         (SELECT (data_timestamp AT TIME ZONE 'UTC')::date FROM ({_READ_LAST}) last),
         LEAST((SELECT max(updated_on) FROM studies),
               (SELECT (installed_at AT TIME ZONE 'UTC')::date FROM installation))) - CAST(:days AS int)
"""
