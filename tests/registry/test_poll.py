"""Asking the registry: politely, page by page, missing nothing, and not giving up at the first hiccup."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from notifier.errors import NotifierError
from notifier.registry.poll import PollResult
from tests.fakes.registry import Query, Registry
from tests.registry.caller import ONE, THREE, TWO, Caller, asked_from, stored
from tests.registry.samples import NOW, events, later, take


def test_all_pages_are_taken_in_also_after_an_empty_one(
    registry: Registry, ask: Caller, engine: Engine
) -> None:
    registry.records, registry.most, registry.holes = [ONE, TWO, {"protocolSection": 1}], 1, {1}
    result = ask()
    assert result.state == "over"
    assert (result.intake.read, result.intake.new, result.intake.rejected) == (3, 2, 1)
    assert result.intake.rejections[0].file.startswith("registry, posted since 2026-11-02, page ")
    assert [event.nct_id for event in events(engine)] == ["NCT00000001", "NCT00000002"]
    assert [path for path, _ in registry.asked] == ["/version", *["/studies"] * 4, "/version"]
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


def test_data_of_years_to_come_do_not_end_the_reading(registry: Registry, ask: Caller) -> None:
    registry.data_timestamp = "2062-11-20T09:00:05"
    with pytest.raises(NotifierError, match="2062-11-20 09:00 UTC, which is to come"):
        ask()
    registry.data_timestamp = "2026-11-20T09:00:05"
    assert ask().state == "over"


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


def test_another_status_than_a_refused_question_keeps_the_place(
    registry: Registry, ask: Caller, engine: Engine
) -> None:
    break_off(registry, ask)
    registry.answers = [(403, "Forbidden", {})]
    with pytest.raises(NotifierError, match="403"):
        ask()
    ask()
    assert all("pageToken" in page for page in registry.pages)


def test_data_that_are_renewed_while_they_are_read_are_read_anew(
    registry: Registry, ask: Caller, engine: Engine
) -> None:
    registry.records, registry.most = [ONE, TWO], 1

    def renew(query: Query) -> None:
        if "pageToken" in query:  # what was on the second page has moved to the first
            registry.records = [THREE, ONE, TWO]
            registry.data_timestamp = "2026-11-23T09:00:05"
            registry.on_studies = lambda _: None

    registry.on_studies = renew
    assert ask().data_timestamp == datetime.fromisoformat("2026-11-23T09:00:05Z")
    assert stored(engine) == ["NCT00000001", "NCT00000002", "NCT00000003"]
    registry.asked.clear()
    assert ask().since is None


def test_a_cache_on_the_way_that_says_something_older_begins_nothing(registry: Registry, ask: Caller) -> None:
    ask()
    ask.next_data("2026-11-19T09:00:05")
    assert ask().since is None


def test_what_somebody_else_reads_just_now_is_theirs_until_they_are_silent(
    registry: Registry, ask: Caller
) -> None:
    break_off(registry, ask)
    assert ask(joins=False).state == "left to others"
    assert registry.asked == []
    ask.now += timedelta(minutes=1)
    assert ask(joins=False).state == "over"


def test_pages_of_nothing_that_can_be_read_are_no_poll(registry: Registry, ask: Caller) -> None:
    registry.records = [{"study": number} for number in range(12)]
    with pytest.raises(
        NotifierError, match="None of 12 records of the registry can be read: there is no NCT id"
    ):
        ask()
    registry.records = [*registry.records, ONE]
    assert ask().intake.rejected == 12


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


def test_it_is_written_down_what_came(registry: Registry, ask: Caller, engine: Engine) -> None:
    registry.records = [ONE, TWO]
    ask()
    with engine.connect() as conn:
        row = conn.execute(text("SELECT * FROM registry_polls")).one()
    assert (row.read, row.new, row.changed, row.ended_at) == (2, 2, 0, NOW)
    assert row.data_timestamp == datetime.fromisoformat("2026-11-20T09:00:05Z")
