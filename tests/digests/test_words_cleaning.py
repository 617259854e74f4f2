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
        ("<p>One</p><p class='a'>Two<br/>H<sub>2</sub>O</p>", "One Two H2O"),
        ("<UL><LI>tea</LI></UL> &lt;b&gt;x&lt;/b&gt;", "tea x"),
        ("pain <5 and p<0.05, 1 <b and c> 3", "pain <5 and p<0.05, 1 <b and c> 3"),
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


@pytest.mark.parametrize(
    "text",
    [
        "It tests tea vs. coffee in adults",
        "It tests drinks, e.g. tea and milk",
        "It tests drinks, i.e. Assam and milk",
        "It follows Smith et al. In the first part",
        "It is for people in the U.S. Tea is given",
        "It is named after J. Smith and others",
        "It is for Dr. Smith and her team",
    ],
)
def test_a_short_form_does_not_end_a_sentence(text: str):
    whole = f"Tea is tested here, slowly and with care. {text}"
    for limit in range(len(whole) - len(text) + 3, len(whole)):
        assert first_sentences(whole, limit) == "Tea is tested here, slowly and with care."


def test_a_point_within_a_number_at_the_very_limit_ends_nothing():
    text = "One is here. It has 1.5 parts"
    assert first_sentences(text, text.index(".5") + 1) == "One is here."


@pytest.mark.parametrize("text", ["word " * 40, "x" * 300, "short", "a " + "y" * 100 + " b", ""])
def test_lines_are_wrapped_and_no_word_is_lost(text: str):
    lines = wrap(text.strip(), 72, "  ").splitlines()
    assert all(len(line) <= 72 and line == line.rstrip() for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


def test_a_heading_has_a_line_as_long_as_itself():
    assert underline("Studies", "-") == "Studies\n-------"
