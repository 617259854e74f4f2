"""Two imports at once, and one that is killed half-way: nothing is lost and nothing is told twice."""

import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import Engine

from notifier.registry import intake
from notifier.registry.intake import IntakeResult, take_in
from notifier.registry.reading import read_paths
from tests.paths import ROOT
from tests.registry.samples import NOW, SINCE, events, later, raw, study

COUNT = 300
FIRST = [study(nctId=f"NCT1{number:07}", conditions=[f"Condition {number % 7}"]) for number in range(COUNT)]
SECOND = [
    later(study(nctId=f"NCT1{number:07}", conditions=["Another"], sex="MALE")) for number in range(COUNT)
]

_IMPORT = """
import sys
from datetime import date, datetime, UTC
from pathlib import Path
from notifier.db.engine import make_engine
from notifier.registry import intake
from notifier.registry.reading import read_paths

intake.BATCH_RECORDS = 20
def slowly(records):
    for number, record in enumerate(records):
        if number == 150:
            print("half-way", flush=True)
            sys.stdin.readline()
        yield record
records = slowly(read_paths([Path(sys.argv[2])]))
intake.take_in(make_engine(sys.argv[1]), records, since=date(2026, 11, 1), now=datetime(2026, 11, 22, tzinfo=UTC))
"""


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "BATCH_RECORDS", 20)


def test_two_imports_of_the_same_records_at_once_tell_everything_once(engine: Engine) -> None:
    barrier = Barrier(3)

    def run(records: list[object]) -> IntakeResult:
        barrier.wait()
        return take_in(engine, raw(records), since=SINCE, now=NOW + timedelta(seconds=1))

    both = [version for pair in zip(FIRST, SECOND, strict=True) for version in pair]
    with ThreadPoolExecutor(3) as pool:
        results = list(pool.map(run, [both, both[::-1][1::2] + both[::-1][::2], both]))
    assert sum(result.new for result in results) == COUNT
    assert sum(result.rejected for result in results) == 0
    told = events(engine)
    assert [event.position for event in told] == list(range(1, len(told) + 1))
    assert len({(event.nct_id, event.kind) for event in told}) == len(told) == 2 * COUNT


def test_an_import_killed_half_way_and_repeated_tells_everything_once(
    engine: Engine, database_url: str, tmp_path: Path
) -> None:
    path = tmp_path / "studies.ndjson"
    path.write_text("\n".join(map(json.dumps, FIRST)))
    process = subprocess.Popen(
        [sys.executable, "-c", _IMPORT, database_url, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        text=True,
    )
    assert process.stdout
    while "half-way" not in process.stdout.readline():
        assert process.poll() is None
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    stored = len(events(engine))
    assert 0 < stored < COUNT
    result = take_in(engine, read_paths([path]), since=SINCE, now=NOW)
    assert (result.new, result.unchanged) == (COUNT - stored, stored)
    told = events(engine)
    assert [event.position for event in told] == list(range(1, COUNT + 1))
    assert len({event.nct_id for event in told}) == COUNT
