"""All real records and all real pairs of versions: what is told and what is noise."""

import gzip
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date
from typing import Any

import orjson
import pytest
from sqlalchemy import Engine

from notifier.registry.comparison import compare
from notifier.registry.intake import take_in
from notifier.registry.projection import project
from notifier.registry.reading import read_paths
from notifier.registry.records import RawRecord
from tests.paths import shared_data
from tests.registry.samples import NOW, events

# Re-posted nearly every working day, with the start moved by a day.
SLIDERS = ("NCT05621291", "NCT07509034", "NCT07572136", "NCT07328503")


def rows(name: str) -> Iterator[dict[str, Any]]:
    path = shared_data() / "ctgov" / name
    if not path.exists():
        pytest.skip(f"{path} not found")
    with gzip.open(path) as file:
        yield from map(orjson.loads, file)


def fields(pair: dict[str, Any]) -> list[str]:
    before, after = project(pair["before"]), project(pair["after"])
    return [change["field"] for change in compare(before.facts, after.facts)]


def table(name: str) -> dict[str, Counter[str]]:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    told: Counter[str] = Counter()
    for pair in rows(name):
        found = fields(pair)
        counts[pair["kind"]]["changed" if found else "unchanged"] += 1
        told.update(found)
    print(
        f"\n{name}", {kind: dict(count) for kind, count in counts.items()}, dict(told.most_common()), sep="\n"
    )
    return counts


def test_of_full_pairs_noise_and_derived_data_make_nothing_and_updates_are_told() -> None:
    counts = table("pairs.ndjson.gz")
    assert counts["noise"]["changed"] == counts["derived"]["changed"] == 0
    # Of the real updates, 11 % hold nothing but new stamps; some more only what nobody needs to hear.
    assert counts["update"]["changed"] > 0.75 * counts["update"].total()


def test_of_partial_pairs_updates_and_silent_changes_are_told() -> None:
    counts = table("pairs-partial.ndjson.gz")
    assert counts["silent"]["changed"] > 0.9 * counts["silent"].total()
    assert counts["update"]["changed"] > 0.35 * counts["update"].total()


def test_pairs_in_which_the_status_moves_are_all_told() -> None:
    def status(record: dict[str, Any]) -> Any:
        return record["protocolSection"]["statusModule"]["overallStatus"]

    for name in ("pairs.ndjson.gz", "pairs-partial.ndjson.gz"):
        for pair in rows(name):
            assert (status(pair["before"]) != status(pair["after"])) == ("overallStatus" in fields(pair))


def test_a_pair_that_differs_only_in_the_order_of_its_places_is_unchanged() -> None:
    def without_order(record: dict[str, Any]) -> bytes:
        facts = dict(project(record).facts)
        facts.pop("lastUpdatePosted")
        return orjson.dumps(facts, option=orjson.OPT_SORT_KEYS)

    def places(record: dict[str, Any]) -> Any:
        return record["protocolSection"].get("contactsLocationsModule", {}).get("locations", [])

    shuffled = 0
    for pair in rows("pairs-partial.ndjson.gz"):
        before, after = places(pair["before"]), places(pair["after"])
        if before != after and without_order(pair["before"]) == without_order(pair["after"]):
            shuffled += 1
            assert fields(pair) == []
    assert shuffled > 0


def test_no_record_turned_upside_down_makes_a_change() -> None:
    for record in rows("studies-4.ndjson.gz"):
        facts = project(record).facts
        for module in record["protocolSection"].values():
            for value in module.values():
                if isinstance(value, list):
                    value.reverse()
        assert compare(facts, project(record).facts) == []


def test_studies_that_slide_every_day_are_told_a_couple_of_times(engine: Engine) -> None:
    pairs = [pair for pair in rows("pairs-partial.ndjson.gz") if pair["nctId"] in SLIDERS]
    assert len(pairs) > 40
    versions = sorted(
        (
            (pair["nctId"], pair[f"{side}Date"], number, pair[side])
            for number, pair in enumerate(pairs)
            for side in SIDES
        ),
        key=lambda version: version[:3],
    )
    records = [RawRecord("pairs", number, record) for number, (_, _, _, record) in enumerate(versions)]
    take_in(engine, records, since=date(2027, 1, 1), now=NOW)
    told = Counter(event.nct_id for event in events(engine) if "startDate" in event.fields)
    print("\nsliders", len(pairs), dict(told))
    assert told
    assert max(told.values()) <= 4


SIDES = ("before", "after")


def test_every_real_record_goes_in_and_again_without_an_event(engine: Engine) -> None:
    paths = [*sorted((shared_data() / "ctgov").glob("studies-*.ndjson.gz"))]
    paths += sorted((shared_data() / "ctgov").glob("partial-studies-*.ndjson.gz"))
    first = take_in(engine, read_paths(paths), since=date(2026, 11, 22), now=NOW)
    print("\nreal records", first.as_json())
    assert (first.rejected, first.older, first.changed) == (0, 0, 0)
    assert first.new == first.known == first.read - first.unchanged > 5000
    again = take_in(engine, read_paths(paths), since=date(2026, 11, 22), now=NOW)
    assert again.unchanged == again.read == first.read
    assert events(engine) == []
