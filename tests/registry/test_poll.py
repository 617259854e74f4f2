"""Asking the registry: politely, page by page, missing nothing, and not giving up at the first hiccup."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from notifier.errors import NotifierError
from notifier.registry import poll as polling
from notifier.registry.api import RegistryApi
from notifier.registry.poll import PollResult, poll
from tests.fakes.registry import Query, Registry
from tests.registry.samples import NOW, events, later, study, take

ONE, TWO, THREE = (study(nctId=f"NCT0000000{number}") for number in (1, 2, 3))


@dataclass
class Caller:
    registry: Registry
    engine: Engine
    followed: list[str] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    now: datetime = NOW

    def __call__(self, **options: Any) -> PollResult:
        api = RegistryApi(self.registry.url, attempts=5, pause=self.pauses.append)
        return poll(self.engine, api, self.followed_after, clock=lambda: self.now, **options)

    def followed_after(self, _: object, nct_id: str, most: int) -> Sequence[str]:
        return [one for one in sorted(self.followed) if one > nct_id][:most]

    def next_data(self, timestamp: str = "2026-11-23T09:00:05") -> None:
        self.registry.data_timestamp = timestamp
        self.registry.asked.clear()


@pytest.fixture
def ask(registry: Registry, engine: Engine) -> Caller:
    with engine.begin() as conn:
        conn.execute(text("UPDATE installation SET installed_at = '2026-11-05 12:00Z'"))
    return Caller(registry, engine)


def stored(engine: Engine) -> list[str]:
    with engine.connect() as conn:
        return list(conn.execute(text("SELECT nct_id FROM studies ORDER BY nct_id")).scalars())


def asked_from(registry: Registry) -> str:
    return str(registry.pages[0]["filter.advanced"])


def test_all_pages_are_taken_in_also_after_an_empty_one(
    registry: Registry, ask: Caller, engine: Engine
) -> None:
    registry.records, registry.most, registry.holes = [ONE, TWO, {"protocolSection": 1}], 1, {1}
    result = ask()
    assert result.state == "over"
    assert (result.intake.read, result.intake.new, result.intake.rejected) == (3, 2, 1)
    assert result.intake.rejections[0].file.startswith("registry, posted since 2026-11-02, page ")
    assert [event.nct_id for event in events(engine)] == ["NCT00000001", "NCT00000002"]
    assert [path for path, _ in registry.asked] == ["/version", *["/studies"] * 4]
    assert ask.pauses == [1.0] * 4


def test_the_question_stays_the_same_from_page_to_page(registry: Registry, ask: Caller) -> None:
    registry.records, registry.most = [ONE, TWO], 1
    ask()
    first, second = registry.pages
    assert first == {
        "format": "json",
        "filter.advanced": "AREA[LastUpdatePostDate]RANGE[2026-11-02,MAX]",
        "pageSize": "200",
    }
    assert second == {**first, "pageToken": second["pageToken"]}


def test_a_hiccup_is_waited_out_longer_each_time(registry: Registry, ask: Caller) -> None:
    registry.records = [ONE]
    registry.answers = [(429, "slow down", {}), (503, "", {}), (500, "oops", {"Retry-After": "30"})]
    assert ask().intake.new == 1
    assert ask.pauses == [2.0, 4.0, 30.0, 1.0]


def test_a_registry_that_stays_away_is_said_after_some_tries(registry: Registry, ask: Caller) -> None:
    registry.answers = [(503, "Sorry, under maintenance", {})] * 9
    with pytest.raises(NotifierError, match="status 503: Sorry, under maintenance"):
        ask()
    assert len(registry.asked) == 5


def test_a_refusal_is_told_in_the_words_of_the_registry_and_not_repeated(
    registry: Registry, ask: Caller
) -> None:
    registry.answers = [
        (200, {"dataTimestamp": "2026-11-20T09:00:05"}, {}),
        (400, "Invalid prefix in parameter name", {"Content-Type": "text/plain"}),
    ]
    with pytest.raises(NotifierError, match="status 400: Invalid prefix in parameter name"):
        ask()
    assert len(registry.asked) == 2


@pytest.mark.parametrize("body", ["<html>not JSON</html>", "[]", {"totalCount": 5}, {"studies": {}}])
def test_an_answer_of_another_shape_is_said(registry: Registry, ask: Caller, body: Any) -> None:
    registry.answers = [(200, {"dataTimestamp": "2026-11-20T09:00:05"}, {}), (200, body, {})]
    with pytest.raises(NotifierError, match="the answer"):
        ask()


@pytest.mark.parametrize("body", [{}, {"dataTimestamp": "yesterday"}])
def test_data_of_no_date_are_said(registry: Registry, ask: Caller, body: Any) -> None:
    registry.answers = [(200, body, {})]
    with pytest.raises(NotifierError, match="holds no dataTimestamp"):
        ask()


def test_a_registry_that_gives_the_same_page_for_ever_is_said(registry: Registry, ask: Caller) -> None:
    page = (200, {"studies": [], "nextPageToken": "again"}, {})
    registry.answers = [(200, {"dataTimestamp": "2026-11-20T09:00:05"}, {}), *[page] * 9]
    with pytest.raises(NotifierError, match="leads to itself"):
        ask()
    assert len(registry.asked) == 3


def test_a_registry_that_cannot_be_reached_is_said(ask: Caller) -> None:
    ask.registry.url = "http://127.0.0.1:9"
    with pytest.raises(NotifierError, match="no answer"):
        ask()


def test_data_that_were_read_are_not_read_again(registry: Registry, ask: Caller) -> None:
    registry.records = [ONE]
    assert ask().since == date(2026, 11, 2)
    registry.asked.clear()
    again = ask()
    assert (again.state, again.since, again.intake.read) == ("over", None, 0)
    assert [path for path, _ in registry.asked] == ["/version"]


def test_the_next_poll_begins_before_the_last_one_whatever_was_pushed_since(
    registry: Registry, ask: Caller, engine: Engine
) -> None:
    ask()
    take(engine, later(ONE, posted="2026-12-24"))
    ask.next_data("2026-12-27T09:00:05")
    assert ask().since == date(2026, 11, 17)
    assert asked_from(registry).endswith("RANGE[2026-11-17,MAX]")


@pytest.mark.parametrize(
    ("file_of", "begins"),
    [("2026-10-30", "2026-10-27"), ("2026-11-20", "2026-11-02")],
    ids=["a file that is older than the installation", "a file of later"],
)
def test_the_first_poll_begins_where_the_records_that_were_imported_end(
    registry: Registry, ask: Caller, engine: Engine, file_of: str, begins: str
) -> None:
    take(engine, later(ONE, posted=file_of))
    ask()
    assert asked_from(registry).endswith(f"RANGE[{begins},MAX]")


@pytest.mark.parametrize(("since", "begins"), [("2026-10-01", "2026-10-01"), ("2026-12-01", "2026-11-17")])
def test_a_day_may_be_chosen_and_leaves_no_gap(
    registry: Registry, ask: Caller, since: str, begins: str
) -> None:
    ask()
    registry.asked.clear()
    assert ask(since=date.fromisoformat(since)).since == date.fromisoformat(begins)
    assert asked_from(registry).endswith(f"RANGE[{begins},MAX]")


def break_off(registry: Registry, ask: Caller) -> None:
    """After the first of two pages."""
    registry.records, registry.most = [ONE, TWO], 1
    away = [(503, "", {})] * 5

    def go_away(query: Query) -> None:
        if "pageToken" not in query:
            registry.answers += away

    registry.on_studies = go_away
    with pytest.raises(NotifierError):
        ask()
    assert stored(ask.engine) == ["NCT00000001"]
    registry.on_studies = lambda _: None
    registry.asked.clear()


def test_a_poll_that_was_broken_off_goes_on_where_it_was(
    registry: Registry, ask: Caller, engine: Engine
) -> None:
    break_off(registry, ask)
    assert ask().state == "over"
    assert stored(engine) == ["NCT00000001", "NCT00000002"]
    (page,) = registry.pages
    assert "pageToken" in page


def test_what_came_meanwhile_is_read_after_it(registry: Registry, ask: Caller, engine: Engine) -> None:
    break_off(registry, ask)
    registry.records += [later(THREE, posted="2026-11-22")]
    registry.data_timestamp = "2026-11-23T09:00:05"
    assert ask().data_timestamp == datetime.fromisoformat("2026-11-23T09:00:05Z")
    assert stored(engine) == ["NCT00000001", "NCT00000002", "NCT00000003"]


def test_a_token_that_has_become_too_old_costs_a_new_beginning(
    registry: Registry, ask: Caller, engine: Engine
) -> None:
    break_off(registry, ask)
    registry.answers = [(400, "Invalid pageToken", {})]
    with pytest.raises(NotifierError, match="Invalid pageToken"):
        ask()
    assert ask().state == "over"
    assert stored(engine) == ["NCT00000001", "NCT00000002"]


def test_to_choose_a_day_begins_the_open_poll_anew(registry: Registry, ask: Caller) -> None:
    break_off(registry, ask)
    ask(since=date(2026, 10, 1))
    assert "pageToken" not in registry.pages[0]
    assert asked_from(registry).endswith("RANGE[2026-10-01,MAX]")


def test_one_that_has_no_time_left_leaves_the_rest_for_later(
    registry: Registry, ask: Caller, engine: Engine
) -> None:
    registry.records, registry.most = [ONE, TWO], 1
    registry.on_studies = lambda _: setattr(ask, "now", ask.now + timedelta(seconds=6))
    assert ask(until=ask.now + timedelta(seconds=5)).state == "under way"
    assert stored(engine) == ["NCT00000001"]
    assert ask(until=ask.now + timedelta(seconds=5)).state == "under way"
    assert ask(until=ask.now + timedelta(seconds=5)).state == "over"
    assert stored(engine) == ["NCT00000001", "NCT00000002"]


def silent(record: Any) -> Any:
    """As the registry changes it without a new posting date."""
    return later(study(nctId=record_id(record), overallStatus="UNKNOWN"), posted="2026-11-10")


def record_id(record: Any) -> str:
    return str(record["protocolSection"]["identificationModule"]["nctId"])


def test_what_a_followed_study_says_anew_is_heard_although_nothing_was_posted(
    registry: Registry, ask: Caller, engine: Engine
) -> None:
    registry.records = [ONE, TWO]
    ask.followed = [record_id(ONE)]
    ask()
    registry.records = [silent(ONE), silent(TWO)]
    ask.next_data()
    assert ask().intake.changed == 1
    assert [event.nct_id for event in events(engine) if event.kind == "study_changed"] == [record_id(ONE)]


def test_followed_studies_are_asked_for_some_at_a_time(
    registry: Registry, ask: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "PAGE_SIZE", 2)
    registry.records = [ONE, TWO, THREE]
    ask.followed = [record_id(one) for one in (THREE, ONE, TWO)]
    ask()
    assert [page["filter.ids"] for page in registry.pages[1:]] == ["NCT00000001,NCT00000002", "NCT00000003"]


def test_of_two_at_once_one_goes_on_and_nothing_is_told_twice(
    registry: Registry, ask: Caller, engine: Engine
) -> None:
    registry.records, registry.most = [ONE, TWO, THREE], 1
    second: list[PollResult] = []

    def meanwhile(_: Query) -> None:
        registry.on_studies = lambda _: None
        second.append(ask())

    registry.on_studies = meanwhile
    first = ask()
    assert (first.state, second[0].state) == ("left to others", "over")
    assert [event.nct_id for event in events(engine)] == stored(engine)
    assert len(stored(engine)) == 3


def test_it_is_written_down_what_came(registry: Registry, ask: Callable[[], Any], engine: Engine) -> None:
    registry.records = [ONE, TWO]
    ask()
    with engine.connect() as conn:
        row = conn.execute(text("SELECT * FROM registry_polls")).one()
    assert (row.read, row.new, row.changed, row.ended_at) == (2, 2, 0, NOW)
    assert row.data_timestamp == datetime.fromisoformat("2026-11-20T09:00:05Z")
