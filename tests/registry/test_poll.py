"""Asking the registry: politely, page by page, and not giving up at the first hiccup."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from sqlalchemy import Engine

from notifier.errors import NotifierError
from notifier.registry import poll as polling
from notifier.registry.poll import PollResult, last_posting_day, poll
from notifier.settings import Settings
from tests.fakes.registry import Registry
from tests.registry.samples import NOW, SINCE, events, study, take


@pytest.fixture
def ask(
    registry: Registry, settings: Settings, engine: Engine
) -> Callable[[], tuple[PollResult, list[float]]]:
    def ask() -> tuple[PollResult, list[float]]:
        pauses: list[float] = []
        here = settings.model_copy(update={"registry_api_url": registry.url})
        result = poll(here, engine, date(2026, 11, 9), NOW, announce_since=SINCE, pause=pauses.append)
        return result, pauses

    return ask


def test_all_pages_are_taken_in_also_after_an_empty_one(registry: Registry, ask: Any, engine: Engine) -> None:
    registry.pages = [[study(nctId="NCT00000001")], [], [study(nctId="NCT00000002"), {"protocolSection": 1}]]
    result, pauses = ask()
    assert result.data_timestamp == "2026-11-20T09:00:05"
    assert (result.intake.new, result.intake.rejected) == (2, 1)
    assert result.intake.rejections[0].file == "registry page 3"
    assert [event.nct_id for event in events(engine)] == ["NCT00000001", "NCT00000002"]
    assert [path for path, _ in registry.asked] == ["/version", "/studies", "/studies", "/studies"]
    assert pauses == [1.0, 1.0, 1.0]


def test_the_question_stays_the_same_from_page_to_page(registry: Registry, ask: Any) -> None:
    registry.pages = [[], []]
    ask()
    _, (_, first), (_, second) = registry.asked
    assert first == {
        "format": "json",
        "filter.advanced": "AREA[LastUpdatePostDate]RANGE[2026-11-09,MAX]",
        "pageSize": "1000",
    }
    assert second == {**first, "pageToken": "1"}


def test_a_hiccup_is_waited_out_longer_each_time(registry: Registry, ask: Any) -> None:
    registry.pages = [[study()]]
    registry.answers = [(429, "slow down", {}), (503, "", {}), (500, "oops", {"Retry-After": "30"})]
    result, pauses = ask()
    assert result.intake.new == 1
    assert pauses == [2.0, 1.0, 4.0, 1.0, 30.0, 1.0, 1.0]


def test_a_registry_that_stays_away_is_said_after_some_tries(registry: Registry, ask: Any) -> None:
    registry.answers = [(503, "Sorry, under maintenance", {})] * 9
    with pytest.raises(NotifierError, match="status 503: Sorry, under maintenance"):
        ask()
    assert len(registry.asked) == 5


def test_a_refusal_is_told_in_the_words_of_the_registry_and_not_repeated(
    registry: Registry, ask: Any
) -> None:
    registry.pages = [[]]
    registry.answers = [
        (200, {"dataTimestamp": "x"}, {}),
        (400, "Invalid prefix in parameter name", {"Content-Type": "text/plain"}),
    ]
    with pytest.raises(NotifierError, match="status 400: Invalid prefix in parameter name"):
        ask()
    assert len(registry.asked) == 2


@pytest.mark.parametrize("body", ["<html>not JSON</html>", "[]", {"totalCount": 5}, {"studies": {}}])
def test_an_answer_of_another_shape_is_said(registry: Registry, ask: Any, body: Any) -> None:
    registry.answers = [(200, {"dataTimestamp": "x"}, {}), (200, body, {})]
    with pytest.raises(NotifierError, match="the answer"):
        ask()


def test_a_registry_that_cannot_be_reached_is_said(settings: Settings, engine: Engine) -> None:
    away = settings.model_copy(update={"registry_api_url": "http://127.0.0.1:9"})
    with pytest.raises(NotifierError, match="no answer"):
        poll(away, engine, SINCE, NOW, announce_since=SINCE, pause=lambda _: None)


def test_a_poll_can_begin_where_the_stored_records_end(engine: Engine) -> None:
    with engine.connect() as conn:
        assert last_posting_day(conn) is None
    take(engine, study())
    with engine.connect() as conn:
        assert polling.last_posting_day(conn) == date(2026, 11, 10)
