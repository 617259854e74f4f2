"""Studies that somebody follows are read whether they were posted or not."""

from typing import Any

import pytest
from sqlalchemy import Engine

from notifier.errors import NotifierError
from notifier.registry import poll as polling
from tests.fakes.registry import Registry
from tests.registry.caller import ONE, THREE, TWO, Caller, stored
from tests.registry.samples import events, later, study


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


def test_a_followed_study_that_the_registry_does_not_take_keeps_nobody_from_theirs(
    registry: Registry, ask: Caller, engine: Engine
) -> None:
    ask.followed = [f"NCT000000{number:02}" for number in range(1, 51)]
    registry.records = [study(nctId=one) for one in ask.followed]
    registry.refused_ids = {"NCT00000031"}
    ask()
    registry.records = [silent(one) for one in registry.records]
    ask.next_data()
    result = ask()
    assert (result.state, result.intake.changed) == ("over", 49)


def test_a_registry_that_takes_no_ids_at_all_is_said(registry: Registry, ask: Caller) -> None:
    ask.followed = [f"NCT000000{number:02}" for number in range(1, 51)]
    registry.refused_ids = set(ask.followed)
    with pytest.raises(NotifierError, match="status 400"):
        ask()
    assert len(registry.pages) < 30


def test_followed_studies_may_come_on_several_pages_too(
    registry: Registry, ask: Caller, engine: Engine
) -> None:
    old = [later(one, posted="2026-01-10") for one in (ONE, TWO, THREE)]
    registry.records, registry.most, registry.holes = old, 1, {1}
    ask.followed = [record_id(one) for one in old]
    ask()
    assert len(stored(engine)) == 3
