"""One delivery, one address, one person, one study: what operators look up, and how it is kept from others."""

from urllib.parse import parse_qsl, urlsplit

import pytest
from selectolax.lexbor import LexborHTMLParser
from sqlalchemy import Engine

from notifier.delivery.corrections import plan_correction
from notifier.delivery.erasing import erase as erase_everything
from notifier.delivery.feedback.applying import apply_feedback
from notifier.delivery.providers import Outcome
from notifier.delivery.readers import of_event
from notifier.links.keys import email_key
from notifier.settings import Settings
from tests.conftest import SECRET_KEY
from tests.delivery.office import Office
from tests.web.conftest import heading
from tests.web.ops import STUDY, Operator, delivery_to, open_office, open_operator, rows, said


@pytest.fixture
def office(engine: Engine, settings: Settings) -> Office:
    return open_office(engine, settings)


@pytest.fixture
def operator(office: Office, engine: Engine, settings: Settings) -> Operator:
    return open_operator(engine, settings, office.clock)


def test_deliveries_are_listed_with_masked_addresses_and_filtered(operator: Operator, office: Office):
    office.provider.answers = [
        lambda batch: Outcome("accepted", refused={batch.recipients[0].delivery_id: "not an address"})
    ]
    office.send()
    page = operator.get("/deliveries")
    assert sorted(row[0] for row in rows(page)) == [f"{name}•••@example.org" for name in "abcd"]
    assert "anna@example.org" not in page
    assert [row[1:3] for row in rows(operator.get("/deliveries", state="failed"))] == [
        ["failed", "not an address"]
    ]
    assert "No delivery is like this" in operator.get("/deliveries", state="bounced")
    assert "There is no state" in operator.get("/deliveries", status=400, state="lost")


def test_a_long_list_goes_on_page_by_page_and_shows_each_once(operator: Operator, office: Office):
    office.sql(
        """INSERT INTO deliveries (run_id, batch_id) SELECT run_id, id FROM batches, generate_series(1, 120)"""
    )
    seen: list[str] = []
    query: dict[str, str] = {"state": "planned"}
    while True:
        page = operator.get("/deliveries", **query)
        found = [one.partition('"')[0] for one in page.split('href="/ops/deliveries/')[1:]]
        seen += found
        _, further, rest = page.partition("after=")
        if not further:
            break
        query["after"] = rest.partition('"')[0]
    assert len(seen) == len(set(seen)) == 124


def test_one_delivery_tells_its_whole_story(operator: Operator, office: Office):
    office.provider.answers = [lambda _: Outcome("unknown", reason="timed out")]
    office.send()
    delivery = delivery_to(office, "anna")
    operator.post(f"/deliveries/{delivery}/again", note="asked the provider")
    office.send()
    office.sql(
        """INSERT INTO feedback_events (event_id, delivery_id, kind, occurred_at, received_at)
           VALUES ('e', :id, 'delivered', :now, :now)""",
        id=delivery,
        now=office.clock(),
    )
    page = operator.get(f"/deliveries/{delivery}")
    text = said(page)
    story = [
        "A new study: NCT01234567",
        "Matched condition Asthma",
        "Planned in the run daily/",
        "The call broke off: nobody knows whether it was taken",
        "Call 1. timed out",
        "An operator sent it again",
        "local: asked the provider",
        "The provider took it",
        "The reader's mail server took it",
    ]
    places = [text.index(part) for part in story]
    assert places == sorted(places)
    assert heading(page) == "One digest to a•••@example.org"
    assert "anna@" not in page


def test_an_address_is_shown_in_full_on_request_and_that_is_written_down(operator: Operator, office: Office):
    delivery = delivery_to(office, "ben")
    assert "ben@example.org" in operator.post(f"/deliveries/{delivery}", note="he wrote to us")
    (action,) = rows(operator.get("/audit"))
    assert action[2:] == ["Looked at an address", str(delivery), "he wrote to us"]


def test_the_mail_is_shown_without_the_reader_s_links(operator: Operator, office: Office):
    delivery = delivery_to(office, "anna")
    answer = operator.client.get(f"/ops/deliveries/{delivery}/mail", params={"scheme": "dark"})
    assert "A made-up study of a made-up tablet" in answer.text
    assert "NOTIFIER-LINK" not in answer.text
    assert "/u/" not in answer.text
    assert "sandbox" in answer.headers["content-security-policy"]


def test_a_correction_is_shown_as_its_readers_see_it(operator: Operator, office: Office):
    office.send()
    ((event,),) = office.sql("SELECT id FROM change_events")
    engine, words = office.world.engine, "We said that the study is open.\n\nIt has not opened yet."
    with engine.connect() as conn:
        readers = of_event(conn, event)  # type: ignore[arg-type]
    plan_correction(
        engine,
        readers,
        words,
        with_doubt=False,
        actor="olga",
        note="a wrong record",
        now=office.clock(),
        settings=office.world.settings,
    )
    delivery = delivery_to(office, "anna", mail="correction")
    page = operator.get(f"/deliveries/{delivery}")
    assert heading(page) == "One correction to a•••@example.org"
    assert f'src="/ops/deliveries/{delivery}/mail?scheme=light"' in page
    mail = operator.get(f"/deliveries/{delivery}/mail", scheme="light")
    assert "It has not opened yet." in mail
    assert 'href="#"' in mail
    for private in ("NOTIFIER-LINK", "/u/", "/manage/"):
        assert private not in mail
    office.sql("DELETE FROM corrections")
    assert "This mail cannot be made from what is kept." in operator.get(f"/deliveries/{delivery}/mail")


def test_who_was_left_out_of_a_batch_is_not_counted_where_it_is_asked_about(
    operator: Operator, office: Office
):
    operator.post("/suppressions/add", email="ben@example.org", note="by phone")
    office.provider.answers = [lambda _: Outcome("unknown", reason="timed out")]
    office.send()
    page = operator.get(f"/deliveries/{delivery_to(office, 'anna')}/again")
    assert heading(page) == "Batch 1, 3 people: send again?"


def test_what_the_provider_dropped_is_not_said_to_be_an_operators_doing(operator: Operator, office: Office):
    office.send()
    delivery = delivery_to(office, "anna")
    office.sql(
        """INSERT INTO feedback_events (event_id, delivery_id, kind, occurred_at, received_at)
           VALUES ('e', :id, 'dropped_bounced', :now, :now)""",
        id=delivery,
        now=office.clock(),
    )
    apply_feedback(office.world.engine, now=office.clock())
    text = said(operator.get(f"/deliveries/{delivery}"))
    assert "dropped: was given up, by an operator or by the provider." in text
    assert "The provider did not try: mail to this address had bounced" in text


def test_a_batch_is_given_up_from_its_delivery(operator: Operator, office: Office):
    delivery = delivery_to(office, "anna")
    assert "given up" in operator.post(f"/deliveries/{delivery}/drop", note="wrong study")
    office.send()
    assert office.states() == {"dropped": 4}
    assert "moved on meanwhile" in operator.get(f"/deliveries/{delivery}/drop", status=400)


@pytest.mark.parametrize("path", ["/deliveries/nothing", "/deliveries/00000000-0000-4000-8000-000000000000"])
def test_a_delivery_that_is_none_is_said_to_be_none(operator: Operator, path: str):
    assert "There is no delivery with this id" in operator.get(path, status=400)


def test_the_do_not_mail_list_is_kept_by_hand(operator: Operator, office: Office):
    assert "The list is empty" in operator.get("/suppressions")
    operator.post("/suppressions/add", email="Anna@Example.org", note="asked by phone")
    assert "This address is on the list." in operator.post("/suppressions", email="anna@example.org")
    assert "This address is not on the list." in operator.post("/suppressions", email="ben@example.org")
    ((which,),) = office.sql("SELECT encode(email_key, 'hex') FROM suppressions")
    office.send()
    assert office.states() == {"accepted": 3, "skipped": 1}
    operator.post(f"/suppressions/remove?which={which}", which=str(which), note="asked for mail again")
    assert "The list is empty" in operator.get("/suppressions")
    assert [row[2] for row in rows(operator.get("/audit"))] == [
        "Took an address off the do-not-mail list",
        "Put an address on the do-not-mail list",
    ]
    assert "anna" not in operator.get("/audit")


def test_what_is_no_address_is_refused(operator: Operator):
    assert "That is not an address" in operator.post("/suppressions/add", status=400, email="anna", note="x")


def test_a_person_is_traced_and_that_somebody_looked_is_written_down(operator: Operator, office: Office):
    office.send()
    page = operator.post("/trace", email="ben@example.org", study=STUDY, note="he asked us")
    assert heading(page) == "Why this person did or did not get mail"
    text = said(page)
    assert "In a mail that is accepted." in text
    assert "Condition Asthma, since 2026-11-22" in text
    assert "ben@example.org" not in page
    (action,) = rows(operator.get("/audit"))
    assert action[2] == "Looked at a person's deliveries"
    assert action[4] == "he asked us"


def test_an_address_in_a_query_is_not_read(operator: Operator):
    """It would stand in histories and in the logs of a proxy."""
    assert heading(operator.get("/trace", email="ben@example.org")) == "Trace"


def test_a_study_is_traced(operator: Operator, office: Office):
    office.send()
    page = operator.get("/trace", study=STUDY.lower())
    assert heading(page) == f"What became of {STUDY}"
    assert rows(page)[0][5] == "4 accepted"
    assert "This study has never come in" in operator.get("/trace", study="NCT09999999")
    assert "A study's id is NCT and eight digits" in said(operator.get("/trace", status=400, study="asthma"))


def test_a_long_do_not_mail_list_goes_on_page_by_page(operator: Operator, office: Office):
    office.sql(
        """INSERT INTO suppressions (email_key, reason, created_at)
           SELECT sha256(n::text::bytea), 'bounced', CAST(:now AS timestamptz) + n / 3 * interval '1 microsecond'
           FROM generate_series(1, 120) n""",
        now=office.clock(),
    )
    seen: list[str] = []
    query: dict[str, str] = {}
    while True:
        page = operator.get("/suppressions", **query)
        seen += [row[0] for row in rows(page)]
        older = LexborHTMLParser(page).css_first('a[href*="after="]')
        if older is None:
            break
        query = dict(parse_qsl(urlsplit(older.attributes["href"] or "").query))
    assert len(seen) == len(set(seen)) == 120


@pytest.mark.parametrize("note", ["anna@example.org asks", "for <anna@example.org>.", "anna＠example.org"])
def test_a_note_with_an_address_is_refused_as_it_would_outlive_an_erasure(
    operator: Operator, office: Office, note: str
):
    page = operator.post("/suppressions/add", status=400, email="anna@example.org", note=note)
    assert "There is an address in the note." in said(page)
    assert office.sql("SELECT 1 FROM suppressions UNION ALL SELECT 1 FROM operator_actions") == []
    assert "anna" not in page


def test_a_list_without_a_hit_leads_back_also_below_a_path(
    office: Office, engine: Engine, settings: Settings
):
    operator = open_operator(engine, settings, office.clock, public_url="http://localhost:8000/news")
    assert 'href="/news/ops/deliveries">Show all' in operator.get("/deliveries", state="bounced")


def test_the_audit_log_says_what_an_erasure_takes_out_of_it(operator: Operator, office: Office):
    operator.post("/trace", email="anna@example.org", note="she asks")
    with office.world.engine.begin() as conn:
        erase_everything(
            conn,
            email_key([SECRET_KEY], "anna@example.org"),
            settings=office.world.settings,
            now=office.clock(),
        )
    page = operator.get("/audit")
    assert rows(page)[0][3] == "somebody erased"
    assert "once a person is erased, it no longer says whom it was about" in said(page)
