"""Whatever the registry, the site and the reader write: a mail that holds to the rules."""

from datetime import date
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from notifier.digests.collapse import collapse
from notifier.digests.content import Card, Item, NothingToSay
from notifier.digests.rendering import render
from notifier.digests.sample_parts import (
    EVERYTHING,
    STOPPED,
    change,
    difference,
    edition,
    item_token,
    reason,
    snapshot,
)
from notifier.digests.tags import UNSUBSCRIBE_TAG
from tests.digests.mail_lint import lint
from tests.digests.samples import SETTINGS

NASTY = st.sampled_from(
    [
        "<script>alert(1)</script>",
        "</td></tr></table></body>",
        '"><img src=x onerror=alert(1)>',
        "<!-- --><![endif]-->",
        "\u202eright to left override",
        "دراسة جديدة عن الربو لدى البالغين",
        "מחקר חדש",
        "喘息の新しい研究" * 20,
        "x" * 3000,
        UNSUBSCRIBE_TAG,
        "{{ mail }} {% raw %}",
        "a\r\nBcc: someone@example.org",
        "&lt;b&gt; &amp;amp; &#8238;",
        "http://example.org/" + "a" * 200,
        "👩‍⚕️ 🩺",
        "\x00\x1b[31m\ufeff\ud800",
        "   ",
        "",
    ]
)
TEXTS = NASTY | st.text(max_size=300)
VALUES = st.none() | TEXTS
STATUSES = st.none() | st.sampled_from(["RECRUITING", "TERMINATED", "UNKNOWN"]) | TEXTS
DATED = st.none() | st.fixed_dictionaries(
    {"date": st.sampled_from(["2026", "2026-02", "2026-02-21"]), "type": VALUES}
)
PLACES = st.fixed_dictionaries({"facility": VALUES, "city": VALUES, "country": VALUES, "status": STATUSES})
CHANGES = st.one_of(
    st.sampled_from((*EVERYTHING, *STOPPED)),
    st.builds(
        change,
        st.sampled_from(["briefTitle", "whyStopped", "briefSummary", "sex", "new fact"]),
        VALUES,
        VALUES,
    ),
    st.builds(change, st.just("overallStatus"), STATUSES, STATUSES),
    st.builds(change, st.sampled_from(["startDate", "completionDate"]), DATED, DATED),
    st.builds(
        difference,
        st.just("locations"),
        st.lists(PLACES),
        st.lists(PLACES),
        st.lists(st.tuples(PLACES, PLACES)),
    ),
    st.builds(
        difference, st.sampled_from(["conditions", "centralContacts"]), st.lists(TEXTS), st.lists(TEXTS)
    ),
)
STUDIES = st.fixed_dictionaries(
    {},
    optional={
        "briefTitle": VALUES,
        "overallStatus": STATUSES,
        "phases": st.lists(TEXTS, max_size=3),
        "studyType": VALUES,
        "conditions": st.lists(TEXTS, max_size=10),
        "locationsByCountry": st.lists(st.tuples(TEXTS, st.integers(1, 2000)), max_size=8),
        "locationCount": st.integers(0, 2000),
        "enrollment": st.none() | st.fixed_dictionaries({"count": st.integers(0, 10**6), "type": VALUES}),
        "briefSummary": VALUES,
        "firstSeen": st.none() | st.just("2026-11-20"),
        "lastUpdatePosted": st.none() | st.just("2026-11-20"),
    },
)
REASONS = st.builds(reason, st.just("condition"), TEXTS.filter(str.strip), st.integers(1, 4))


@st.composite
def items(draw: st.DrawFn) -> Item:
    nct_id = f"NCT{draw(st.integers(0, 10**8 - 1)):08}"
    is_new = draw(st.booleans())
    follows = [] if is_new else [reason("study", nct_id, 1)]
    study: dict[str, Any] = draw(STUDIES)
    return Item(
        nct_id=nct_id,
        kind="new_study" if is_new else "study_changed",
        changes=() if is_new else tuple(draw(st.lists(CHANGES, min_size=1, max_size=6))),
        study=study if draw(st.booleans()) else snapshot(**study),
        card=draw(st.none() | st.builds(Card, *[TEXTS] * 6)),
        reasons=(*follows, *draw(st.lists(REASONS, min_size=1 if is_new else 0, max_size=3))),
        position=draw(st.integers(1, 10**6)),
        occurred_on=draw(st.none() | st.dates(date(2020, 1, 1), date(2030, 1, 1))),
    )


SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]


@settings(max_examples=60, deadline=None, suppress_health_check=SLOW)
@given(st.lists(items(), max_size=6), st.booleans())
def test_nothing_that_others_write_breaks_a_mail(many: list[Item], titles: bool):
    content = edition(*many, titles_in_subject=titles)
    try:
        mail = render(content, SETTINGS, item_token)
    except NothingToSay:
        assert collapse(many) == ()
        return
    assert lint(mail, theirs=_everything(many)) == []


@settings(max_examples=5, deadline=None, suppress_health_check=SLOW)
@given(items())
def test_two_hundred_studies_fit_in_one_mail(item: Item):
    many = [
        Item(
            f"NCT{number:08}",
            "new_study",
            (),
            item.study,
            item.card,
            (reason("condition", "Asthma", 1),),
            number,
            None,
        )
        for number in range(200)
    ]
    mail = render(edition(*many), SETTINGS, item_token)
    assert mail.subject == "200 new studies for you"
    assert lint(mail, theirs=_everything(many)) == []


def _everything(many: list[Item]) -> str:
    texts = [repr((item.changes, item.study, item.card, item.reasons)) for item in many]
    return "\n".join(texts)
