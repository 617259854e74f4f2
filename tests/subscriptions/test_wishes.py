"""What may be asked for, and how others read it."""

import pytest

from notifier.subscriptions.wishes import BadWish
from tests.subscriptions.desk import Desk


@pytest.mark.parametrize(
    "words",
    [
        "see www.example.org",
        "HTTP example",
        "https://example.org/x",
        "me@example.org",
        "example.org",
        "x" * 101,
    ],
)
def test_a_condition_that_advertises_is_refused(desk: Desk, words: str) -> None:
    with pytest.raises(BadWish, match="condition"):
        desk.ask("anna", words)


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("Crohn's disease (ileum), adult-onset", "Crohn's disease (ileum), adult-onset"),
        ("HER2+ breast cancer", "HER2+ breast cancer"),
        ("St. Vitus dance", "St Vitus dance"),
        ("Gout!!! *buy* <b>now</b>: 5 $", "Gout buy b now /b 5"),
        ("मधुमेह", "मधुमेह"),
    ],
)
def test_of_what_strangers_type_others_read_plain_words(desk: Desk, typed: str, shown: str) -> None:
    desk.ask("anna", typed)
    assert desk.sql("SELECT label FROM targets WHERE kind = 'condition' AND label <> ''") == [(shown,)]
