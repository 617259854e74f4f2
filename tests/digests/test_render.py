"""The digest as a reader gets it: every sample holds to the rules, and says what it should."""

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest
from jinja2 import DictLoader

from notifier.digests import rendering
from notifier.digests.content import EditionContent, NothingToSay, RenderedMail
from notifier.digests.rendering import render, styles
from notifier.digests.sample_parts import (
    CARD,
    CONDITION,
    EVERYTHING,
    LATER,
    OPENED,
    SUMMARY,
    change,
    changed_item,
    edition,
    item_token,
    new_item,
    reason,
)
from notifier.digests.samples import SAMPLES
from notifier.digests.tags import MANAGE_TAG, TAG_PREFIX, UNSUBSCRIBE_TAG
from notifier.digests.view import DigestView, digest_view
from notifier.errors import NotifierError
from notifier.languages.catalogue import language_of
from tests.digests.mail_lint import links, lint, preheader
from tests.digests.reading_grade import grade, our_sentences
from tests.digests.samples import SETTINGS

ENGLISH = language_of("en")
GOLDEN = Path(__file__).parent / "golden"
every_sample = pytest.mark.parametrize("content", SAMPLES.values(), ids=SAMPLES)


def mail_of(*items, **choices) -> RenderedMail:
    return render(edition(*items, **choices), SETTINGS, item_token)


@every_sample
def test_every_sample_holds_to_the_rules(content: EditionContent):
    assert lint(render(content, SETTINGS, item_token)) == []


@pytest.mark.parametrize("name", SAMPLES)
def test_samples_look_as_agreed(name: str):
    """UPDATE_GOLDEN=1 accepts what is rendered now; read the difference before committing it."""
    mail = render(SAMPLES[name], SETTINGS, item_token)
    parts = {f"{name}.txt": f"Subject: {mail.subject}\n\n{mail.text}", f"{name}.html": mail.html}
    for file_name, part in parts.items():
        if os.environ.get("UPDATE_GOLDEN"):
            GOLDEN.mkdir(exist_ok=True)
            (GOLDEN / file_name).write_text(part, "utf-8")
        assert (GOLDEN / file_name).read_text("utf-8") == part


@every_sample
def test_rendering_twice_gives_the_same_mail(content: EditionContent):
    assert render(content, SETTINGS, item_token) == render(content, SETTINGS, item_token)


@pytest.mark.parametrize(
    ("changed", "new", "subject"),
    [
        (1, 0, "1 update to a study you follow"),
        (3, 0, "3 updates to studies you follow"),
        (0, 1, "1 new study for you"),
        (0, 4, "4 new studies for you"),
        (2, 3, "5 updates: 2 changes, 3 new studies"),
        (1, 1, "2 updates: 1 change, 1 new study"),
    ],
)
def test_the_subject_counts_and_names_nothing(changed: int, new: int, subject: str):
    followed = [changed_item(number, OPENED) for number in range(changed)]
    assert mail_of(*followed, *(new_item(number) for number in range(new))).subject == subject


def test_titles_stand_in_the_subject_only_of_those_who_chose_so():
    item = changed_item(1, OPENED, card=CARD)
    assert mail_of(item, titles_in_subject=True).subject.startswith("1 update: Can a study medicine")
    assert "medicine" not in mail_of(item).subject


@every_sample
def test_the_preview_line_adds_to_the_subject(content: EditionContent):
    mail = render(content, SETTINGS, item_token)
    line = preheader(mail)
    assert 40 <= len(line) <= 90
    assert mail.subject not in line
    assert line not in mail.subject


def test_followed_studies_come_first_the_weightiest_change_on_top():
    text = mail_of(
        new_item(1),
        changed_item(2, SUMMARY),
        changed_item(3, LATER),
        changed_item(4, change("overallStatus", "RECRUITING", "WITHDRAWN")),
    ).text
    order = [text.index(nct_id) for nct_id in ("NCT05000004", "NCT05000003", "NCT05000002", "NCT06000001")]
    assert order == sorted(order)


def test_new_studies_stand_under_the_condition_that_the_person_chose():
    asthma, migraine = reason("condition", "Asthma", 1), reason("condition", "Migraine", 2)
    text = mail_of(new_item(1, asthma), new_item(2, migraine), new_item(3, asthma)).text
    under_asthma = text.partition("New studies: Asthma")[2].partition("New studies: Migraine")
    assert "NCT06000001" in under_asthma[0] + under_asthma[2]
    assert text.count("New studies: ") == 2


def test_a_rare_condition_is_not_pushed_out_by_a_common_one():
    common = [new_item(number, reason("condition", "Asthma", 1)) for number in range(10, 40)]
    assert "New studies: Migraine" in mail_of(*common, new_item(1, reason("condition", "Migraine", 1))).text


def test_a_study_that_matched_twice_says_both_reasons_once():
    reasons = reason("condition", "Asthma", 1), reason("condition", "Migraine", 1)
    text = mail_of(new_item(1, *reasons)).text
    assert text.count("Read more about NCT06000001") == 1
    assert "You follow “Asthma”." in text
    assert "You follow “Migraine”." in text


def test_a_broader_condition_is_explained():
    text = mail_of(new_item(1, reason("condition", CONDITION, 4))).text
    assert "a broader\ncondition" in text or "a broader condition" in text


def test_an_old_study_that_gains_a_condition_is_new_for_its_followers():
    item = replace(changed_item(1, LATER), reasons=(reason("condition", "Asthma", 1),))
    mail = mail_of(item)
    assert mail.subject == "1 new study for you"
    assert "This study is not new" in mail.text
    assert "Before:" not in mail.text


def test_a_long_mail_has_ten_cards_ten_titles_and_says_how_many_more():
    mail = render(SAMPLES["long"], SETTINGS, item_token)
    assert mail.html.count("Read more about") == 10
    assert len(re.findall(r"\(New study, NCT\d{8}\)", mail.html)) == 10
    assert "And 77 more." in mail.text
    assert mail.text.index(UNSUBSCRIBE_TAG) < 400


def test_a_short_mail_offers_to_stop_this_study_all_of_it_or_to_change_how_often():
    own = [url for url in links(render(SAMPLES["one-change"], SETTINGS, item_token)) if "://" not in url]
    study = reason("study", "NCT05000001", 1)
    assert own == [f"{UNSUBSCRIBE_TAG}/item-{study.target_id}", MANAGE_TAG, UNSUBSCRIBE_TAG]


def test_each_group_of_new_studies_can_be_stopped_by_the_name_of_its_condition():
    mail = mail_of(new_item(1, reason("condition", "Asthma", 1)), new_item(2, reason("condition", "Gout", 1)))
    for name in ("Asthma", "Gout"):
        url = f"{UNSUBSCRIBE_TAG}/item-{reason('condition', name, 1).target_id}"
        assert f"Stop updates about {name}:\n{url}\n" in mail.text
        assert links(mail).count(url) == 1


def test_two_conditions_of_the_same_name_are_stopped_apart():
    first = reason("condition", "Asthma", 1)
    mail = mail_of(new_item(1, first), new_item(2, replace(first, target_id=7)))
    assert f"{UNSUBSCRIBE_TAG}/item-7" in links(mail)
    assert f"{UNSUBSCRIBE_TAG}/item-{first.target_id}" in links(mail)


def test_an_edition_in_which_all_cancels_out_is_not_sent():
    back = change("overallStatus", "RECRUITING", "NOT_YET_RECRUITING")
    twice = changed_item(1, OPENED), replace(changed_item(1, back), position=2)
    with pytest.raises(NothingToSay):
        mail_of(*twice)


def test_markup_and_tags_in_a_title_stay_text():
    trick = f"<script>alert(1)</script> {TAG_PREFIX}UNSUBSCRIBE \u202etxt {{{{ secret }}}}\r\nBcc: x"
    mail, plain = (
        mail_of(changed_item(1, OPENED, briefTitle=title), titles_in_subject=True)
        for title in (trick, "A study")
    )
    assert lint(mail, theirs=trick) == []
    assert mail.html.count(TAG_PREFIX) == mail.text.count(TAG_PREFIX) == plain.text.count(TAG_PREFIX)
    assert UNSUBSCRIBE_TAG not in mail.subject


@pytest.mark.parametrize("name", SAMPLES)
def test_our_own_words_read_at_grade_8_or_below(name: str):
    sentences = our_sentences(render(SAMPLES[name], SETTINGS, item_token))
    assert grade(sentences) <= 8, sentences


def test_all_our_words_together_read_at_grade_8_or_below():
    everything = [changed_item(number, one) for number, one in enumerate((*EVERYTHING, LATER, SUMMARY))]
    assert grade(our_sentences(mail_of(*everything))) <= 8


@pytest.mark.parametrize(
    "broken",
    [
        "{{ mail.subjct }}",
        "{{ weather }}",
        "{{ mail.subject | nonsense }}",
        "{{ none }}",
        "{{ _('A %(b)s', b=none) }}",
        "{{ _('A %(b)s', b=c) }}",
        "{{ _('A %(b)s') }}",
    ],
)
def test_a_template_that_cannot_be_filled_is_named(broken: str, monkeypatch: pytest.MonkeyPatch):
    templates = rendering._templates(ENGLISH).overlay(
        loader=DictLoader({"digest/subject.txt": broken}), cache_size=0
    )
    monkeypatch.setattr(rendering, "_templates", lambda language: templates)
    rendering._frames.cache_clear()
    with pytest.raises(NotifierError, match=r"digest/subject\.txt"):
        mail_of(changed_item(1, OPENED))


def test_no_style_looks_at_what_is_around():
    """Parts of a mail are inlined on their own and kept, so a rule may name one tag or one class and nothing else."""
    rules = [rule.strip() for rule in styles().split("}") if rule.strip()]
    assert rules
    assert all(re.fullmatch(r"\.?[a-z0-9]+ \{[^{]*", rule) for rule in rules), rules


ODD_NAMES = [
    "A & B <i>",
    "NOTIFIER-LINK-0.",
    'said "so"',
    "it’s l'eau",
    "a\u00a0space",
    "<!--0-->",
    "<!--\x010-->",
    "\x02-\x02a line\x03",
    "a name that is far longer than one line of a text part may be, " * 2,
    "&amp; &lt;",
    "حمى",
]


@pytest.mark.parametrize("name", [*SAMPLES, *ODD_NAMES])
def test_a_mail_put_together_from_pieces_is_the_mail_in_one_piece(name: str):
    content = SAMPLES.get(name) or edition(new_item(1, reason("condition", name, 1)), new_item(2))
    view, mail = digest_view(content, SETTINGS, item_token, ENGLISH), render(content, SETTINGS, item_token)
    assert mail.html == rendering.inlined(f"{view.mail}/body.html", ENGLISH, mail=with_cards(view, "html"))
    text = rendering.filled(f"{view.mail}/body.txt", ENGLISH, mail=with_cards(view, "txt"))
    assert mail.text == text.strip() + "\n"


def with_cards(view: DigestView, part: str) -> DigestView:
    """With each card as it stands in this part, in place of what it tells."""
    card = rendering._templates(ENGLISH).get_template(f"_base/card.{part}").module.card
    groups = tuple(group._replace(cards=tuple(map(card, group.cards))) for group in view.outline.groups)
    followed = tuple(map(card, view.outline.followed))
    return view._replace(outline=view.outline._replace(followed=followed, groups=groups))
