"""From a record to a mail to goodbye, through the front door, with real processes."""

import re
import socket
import urllib.parse
import urllib.request
from collections import Counter
from email.message import EmailMessage

from tests.journeys.records import record
from tests.journeys.stage import Stage, until

PEOPLE_HEADER = "email,study,condition,frequency,timezone,confirmed_at"
DAY_1, DAY_2, DAY_3 = "2027-01-04T12:00Z", "2027-01-05T12:00Z", "2027-01-06T12:00Z"
OPEN = {"overallStatus": "RECRUITING", "posted": "2026-11-10"}
STOPPED = {"overallStatus": "TERMINATED", "whyStopped": "Too few people joined.", "posted": "2026-11-20"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def post_one_click(mail: EmailMessage, port: int) -> int:
    """As a mailbox provider does: the header's address, one field, no cookie, nothing followed."""
    link = re.fullmatch(r"<(http[^>]+)>", str(mail["List-Unsubscribe"]).split(",")[0].strip())
    assert link
    path = urllib.parse.urlsplit(link[1]).path
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}", data=b"List-Unsubscribe=One-Click", method="POST"
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return int(answer.status)


def test_followers_by_either_id_hear_of_a_change_and_nothing_after_one_click(stage: Stage) -> None:
    two_registrations = {"first_posted": "2026-01-05", "nctIdAliases": ["NCT90000007"]}
    known = record(**two_registrations)
    summary = stage.notifier("records", "import", stage.write("v1.json", known), "--json")
    assert (summary["new"], summary["known"]) == (1, 1)
    people = stage.write(
        "people.csv",
        PEOPLE_HEADER,
        "anna@example.org,NCT90000001,,daily,Europe/Berlin,2026-11-01",
        "ben@example.org,NCT90000007,,daily,Europe/Berlin,2026-11-01",
        "cleo@example.org,NCT90000007,,daily,Europe/Berlin,2026-11-01",
        "cleo@example.org,NCT90000001,,daily,Europe/Berlin,2026-11-01",
    )
    assert stage.notifier("subscribers", "import", people, "--json")["subscriptions"] == 4

    changed = stage.write("v2.json", record(**two_registrations, **OPEN))
    assert stage.notifier("records", "import", changed, "--json")["changed"] == 1
    assert stage.notifier("records", "import", changed, "--json")["unchanged"] == 1
    port = free_port()
    with stage.worker(), stage.scheduler():
        stage.notifier("digest", "run", "--frequency", "daily", "--at", DAY_1)
        once = {"anna@example.org": 1, "ben@example.org": 1, "cleo@example.org": 1}
        until(lambda: stage.mailed() == once, "one mail for each")
        (mail,) = (mail for mail in stage.mails() if mail["To"] == "anna@example.org")
        body = mail.get_body(("plain",))
        assert body is not None
        assert "Looking for people" in body.get_content() or "recruit" in body.get_content().lower()
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert "NCT90000001" not in str(mail["Subject"])
        # Also in the scheduler's first minute.
        until(lambda: str(stage.notifier("status", ok=None)).startswith("All is well."), "life", seconds=45)

        with stage.web(port):
            until(lambda: _answers(port), "the web process answers")
            assert post_one_click(mail, port) == 200
            assert post_one_click(mail, port) == 200

        stage.notifier("records", "import", stage.write("v3.json", record(**two_registrations, **STOPPED)))
        stage.notifier("digest", "run", "--frequency", "daily", "--at", DAY_2, "--wait")
    assert stage.mailed() == {"anna@example.org": 1, "ben@example.org": 2, "cleo@example.org": 2}


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def test_a_new_study_reaches_the_followers_of_its_condition_by_whichever_name(stage: Stage) -> None:
    people = stage.write(
        "people.csv",
        PEOPLE_HEADER,
        "own@example.org,,Head and Neck Squamous Cell Carcinoma,immediate,UTC,2026-11-01",
        "shout@example.org,,SQUAMOUS CELL CARCINOMA OF THE HEAD AND NECK,immediate,UTC,2026-11-01",
        "mesh@example.org,,Squamous Cell Carcinoma of Head and Neck,immediate,UTC,2026-11-01",
        "other@example.org,,Asthma,immediate,UTC,2026-11-01",
    )
    stage.notifier("subscribers", "import", people)
    study = record(
        "NCT90000002", conditions=["Carcinoma, Squamous Cell, of Head and Neck"], conditionBrowseModule={}
    )
    study["derivedSection"] = {}
    stage.notifier("records", "import", stage.write("new.json", study), "--since", "2026-01-01")
    report = stage.notifier("digest", "run", "--frequency", "immediate", "--wait", "--json")
    assert report["states"] == {"accepted": 3}
    assert stage.mailed() == Counter(f"{name}@example.org" for name in ("own", "shout", "mesh"))


def test_an_import_of_a_whole_registry_tells_nobody_of_the_past(stage: Stage) -> None:
    people = stage.write("people.csv", PEOPLE_HEADER, "anna@example.org,,Asthma,daily,UTC,2026-11-01")
    stage.notifier("subscribers", "import", people)
    old = [record(f"NCT9000{n:04d}", first_posted="2019-05-05") for n in range(50)]
    summary = stage.notifier("records", "import", stage.write("registry.ndjson", *old), "--json")
    assert (summary["new"], summary["known"]) == (50, 50)
    assert (
        stage.notifier("digest", "run", "--frequency", "daily", "--at", DAY_1, "--wait", "--json")["people"]
        == 0
    )
    assert stage.mails() == []
