"""Text that others wrote, made harmless and cut where a reader would."""

import pytest

from notifier.digests.tags import TAG_PREFIX, UNSUBSCRIBE_TAG
from notifier.digests.text import clean, first_sentences, shorten, underline, wrap


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("A plain title, phase 2 (part 1)", "A plain title, phase 2 (part 1)"),
        ("two\r\nlines\u2028and  spaces\t", "two lines and spaces"),
        ("\u202eesrever\u202c \u200bhidden\x00\x07", "esrever hidden"),
        ("\ud800 half a letter", "half a letter"),
        (r"age \>= 18 and \[a\]", "age >= 18 and [a]"),
        ("5 &lt; 6 &amp; 7", "5 < 6 & 7"),
        ("{{ secret }} {% if %} <% x %>", "{ { secret } } { % if % } < % x %>"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        (None, ""),
    ],
)
def test_text_of_others_is_made_harmless(text: str, cleaned: str):
    assert clean(text) == cleaned


@pytest.mark.parametrize(
    "trick", [UNSUBSCRIBE_TAG, UNSUBSCRIBE_TAG.lower(), f"{TAG_PREFIX[:4]}\u200b{TAG_PREFIX[4:]}"]
)
def test_a_run_that_looks_like_our_tag_is_broken(trick: str):
    assert TAG_PREFIX.lower() not in clean(f"see {trick} now").lower()


def test_a_cut_is_made_at_a_word():
    assert shorten("one two three four", 12) == "one two…"
    assert shorten("onetwothreefour", 10) == "onetwothr…"
    assert len(clean("word " * 1000, 200)) <= 200


def test_a_summary_is_cut_at_a_sentence():
    assert first_sentences("One is here. Two is here. Three is here.", 30) == "One is here. Two is here."
    assert first_sentences("No end in sight for this one", 12) == "No end in…"
    assert first_sentences("It has 1.5 parts in all of it", 12) == "It has 1.5…"


@pytest.mark.parametrize("text", ["word " * 40, "x" * 300, "short", "a " + "y" * 100 + " b", ""])
def test_lines_are_wrapped_and_no_word_is_lost(text: str):
    lines = wrap(text.strip(), 72, "  ").splitlines()
    assert all(len(line) <= 72 and line == line.rstrip() for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


def test_a_heading_has_a_line_as_long_as_itself():
    assert underline("Studies", "-") == "Studies\n-------"
