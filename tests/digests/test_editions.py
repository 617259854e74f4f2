"""What an edition holds when it is about to be rendered."""

from typing import Any

import pytest
from sqlalchemy import Engine, text

from notifier.digests.content import Card
from notifier.digests.editions import load_editions
from notifier.registry.push import store_cards
from notifier.settings import Settings
from tests.world import NOON, World, condition, days

ASTHMA = condition("Asthma")
CARD = {"nct_id": "NCT00000001", "question": "Does tea help?", "summary": "People drink tea."}
PARTS = {
    "what_this_could_mean": "People may know sooner.",
    "active_substance": "Tea leaves.",
    "what_it_could_lead_to": "A new way to drink tea.",
    "what_could_go_wrong": "Some people sleep less.",
}


@pytest.mark.parametrize(
    ("pushed", "shown"),
    [
        ([], None),
        ([CARD], Card("Does tea help?", "People drink tea.")),
        ([CARD | PARTS], Card("Does tea help?", "People drink tea.", **PARTS)),
    ],
)
def test_a_study_comes_with_all_parts_of_its_card(
    engine: Engine, settings: Settings, pushed: list[Any], shown: Card | None
) -> None:
    world = World(engine, settings)
    world.person("anna", ASTHMA)
    world.event(ASTHMA, kind="new_study", nct_id="NCT00000001")
    with engine.begin() as conn:
        store_cards(conn, pushed, NOON)
    world.run("daily", NOON + days(1))
    with engine.connect() as conn:
        ids = list(conn.execute(text("SELECT id FROM editions")).scalars())
        (edition,) = load_editions(conn, ids).values()
    assert [item.card for item in edition.items] == [shown]
