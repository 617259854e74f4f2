"""The mail over the registry's own records: every real update, and every real condition."""

import gzip
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import orjson
import pytest

from notifier.conditions.targets import condition_targets
from notifier.db.base import Json
from notifier.digests.collapse import collapse
from notifier.digests.content import Change, Item
from notifier.digests.rendering import render
from notifier.digests.sample_parts import OPENED, changed_item, edition, item_token, new_item, reason
from notifier.registry.comparison import compare
from notifier.registry.projection import project
from notifier.registry.snapshot import snapshot
from tests.digests.mail_lint import lint, preheader
from tests.digests.reading_grade import grade, our_sentences
from tests.digests.samples import SETTINGS
from tests.paths import shared_data

TODAY = date(2026, 11, 22)


def records(*names: str) -> Iterator[Any]:
    for name in names:
        with gzip.open(shared_data() / "ctgov" / name) as lines:
            yield from map(orjson.loads, lines)


def changed(pair: Json) -> Item | None:
    before, after = project(pair["before"]), project(pair["after"])
    changes = compare(before.facts, after.facts)
    if not changes:
        return None
    return Item(
        nct_id=after.nct_id,
        kind="study_changed",
        changes=tuple(changes),
        study=snapshot(after.nct_id, after.facts, TODAY),
        card=None,
        reasons=(reason("study", after.nct_id, 1),),
        position=1,
        occurred_on=after.updated_on,
    )


@pytest.fixture(scope="module")
def updates() -> list[Item]:
    """Every real pair of records in which something worth telling changed."""
    pairs = records("pairs.ndjson.gz", "pairs-partial.ndjson.gz")
    return [item for item in map(changed, pairs) if item]


def test_every_real_update_makes_a_mail_that_holds_to_the_rules(updates: list[Item]):
    findings = {
        item.nct_id: found
        for item in updates
        if (
            found := lint(
                render(edition(item), SETTINGS, item_token), theirs=orjson.dumps(item.study).decode()
            )
        )
    }
    assert updates
    assert findings == {}


def test_the_mails_of_real_updates_read_at_grade_8_or_below(updates: list[Item]):
    sentences = [
        line for item in updates for line in our_sentences(render(edition(item), SETTINGS, item_token))
    ]
    assert grade(sentences) <= 8


def test_a_real_update_that_is_taken_back_cancels_out(updates: list[Item]):
    for item in updates:
        back = replace(item, changes=tuple(map(_inverse, item.changes)), position=2)
        assert collapse([item, back]) == (), item.nct_id


def test_no_subject_or_preview_line_names_a_condition_or_a_study():
    """Over every condition of the real records: a mail says the same of all of them until it is opened."""
    names = _condition_names()
    assert len(names) > 1000
    for some in batched(names, 100):
        told = (
            new_item(number, reason("condition", name, 1), **_all_about(name))
            for number, name in enumerate(some)
        )
        mail = render(edition(changed_item(1, OPENED, **_all_about(some[0])), *told), SETTINGS, item_token)
        news = f"{len(some)} new stud{'y' if len(some) == 1 else 'ies'}"
        assert mail.subject == f"{len(some) + 1} updates: 1 change, {news}"
        assert re.fullmatch(
            r"One study has a new status\. (\w+ of the new ones are|The new one is) looking for people now\.",
            preheader(mail),
        )


def _all_about(name: str) -> Json:
    return {"briefTitle": name, "briefSummary": name, "conditions": [name]}


def batched(names: list[str], size: int) -> Iterator[list[str]]:
    return (names[start : start + size] for start in range(0, len(names), size))


def _condition_names() -> list[str]:
    names: dict[str, None] = {}
    for record in records(*(f"studies-{number}.ndjson.gz" for number in range(1, 5))):
        facts = project(record).facts
        told = (facts["conditions"], facts["keywords"], facts["meshes"], facts["ancestors"])
        names |= {target.label: None for target in condition_targets(*told)}
    return list(names)


def _inverse(change: Change) -> Change:
    inverse = {**change, "before": change["after"], "after": change["before"]}
    if "added" not in change:
        return inverse
    pairs = [{"before": pair["after"], "after": pair["before"]} for pair in change["changed"]]
    return {**inverse, "added": change["removed"], "removed": change["added"], "changed": pairs}
