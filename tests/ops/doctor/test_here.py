"""The machine, the program, its secrets and its names."""

import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from notifier.digests import samples
from notifier.ops.doctor import mail_domain, place
from notifier.ops.doctor.finding import Check, run_checks, well
from notifier.settings import Settings
from tests.ops.doctor.conftest import GOOD_KEY, Patient


def test_what_is_well_says_so(patient: Patient) -> None:
    said = {finding.check: finding.status for finding in patient.findings()}
    web = ("public-url", "web-ready", "one-click")
    assert {check for check, status in said.items() if status != "pass"} == set(web), (
        "no web process runs here"
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"secret_keys": ["please-change-me-please-change-me-please"]},
            "SECRET_KEYS: key 1 looks like an example",
        ),
        ({"secret_keys": [GOOD_KEY, "a-key-for-tests-only-0123456789abcdef"]}, "SECRET_KEYS: key 2"),
        ({"api_keys": [GOOD_KEY]}, "SECRET_KEYS and API_KEYS hold the same secret"),
        ({"api_keys": ["0123456789abcdef0123456789abcdef"]}, "API_KEYS: key 1"),
        ({"ops_username": "operator", "ops_password": "operator-2026"}, "OPS_PASSWORD can be guessed"),
        ({"ops_username": "ana", "ops_password": "correct-password-1"}, "OPS_PASSWORD can be guessed"),
    ],
)
def test_a_secret_that_is_none_is_named_and_not_shown(
    patient: Patient, changes: dict[str, list[str] | str], words: str
) -> None:
    secret = {
        name: [SecretStr(one) for one in value] if isinstance(value, list) else SecretStr(value)
        for name, value in changes.items()
        if name != "ops_username"
    }
    patient.change(**secret, ops_username=changes.get("ops_username"))
    found = patient.found("secrets")
    assert found.status == "fail"
    assert words in found.what
    assert found.remedy
    told = str(patient.findings())
    assert not any(one in told for value in changes.values() if isinstance(value, list) for one in value)


def test_a_proxy_that_is_not_counted_is_named(patient: Patient) -> None:
    assert patient.found("proxies").status == "pass"
    patient.change(public_url="https://updates.example.org")
    found = patient.found("proxies")
    assert (found.status, "TRUSTED_PROXIES is 0" in found.what) == ("warn", True)
    patient.change(trusted_proxies=1)
    assert patient.found("proxies").status == "pass"


def test_a_short_name_that_is_in_a_random_password_by_chance(patient: Patient) -> None:
    patient.change(ops_username="a", ops_password=SecretStr("Zk3aQ9w-Xv7bT1pLrM5e"))
    assert patient.found("secrets").status == "pass"
    patient.change(ops_username="ab", ops_password=SecretStr("abababababab"))
    assert patient.found("secrets").status == "fail"


def test_the_first_key_is_not_to_be_replaced_once_it_has_hashed_addresses(patient: Patient) -> None:
    patient.change(secret_keys=[SecretStr("please-change-me-please-change-me-please")])
    assert "must stay" in patient.found("secrets").remedy


def test_names_of_the_example_are_found_where_mail_reaches_real_people(patient: Patient) -> None:
    real = {
        "mail_provider": "smtp",
        "smtp_url": SecretStr("smtp://mail.invalid:587"),
        "public_url": "https://updates.invalid",
    }
    patient.change(**real)
    assert "MAIL_FROM" in patient.found("names").what
    own = dict.fromkeys(("terms_url", "privacy_url"), "https://trials.invalid/x")
    patient.change(
        mail_from="Us <us@trials.invalid>", mail_reply_to="us@trials.invalid", postal_address="1 Road", **own
    )
    assert patient.found("names").status == "pass"
    assert patient.found("watcher").status == "warn"


def test_a_visibility_time_out_shorter_than_a_task() -> None:
    (found,) = place.task_limits(place.Limits(timedelta(minutes=5), timedelta(minutes=11)))
    assert (found.status, "too short" in found.what) == ("fail", True)
    (found,) = place.task_limits(place.Limits(timedelta(minutes=12), timedelta(minutes=11)))
    assert found.status == "pass"


def test_a_template_with_a_mistake_is_named(patient: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise KeyError

    monkeypatch.setattr(samples, "render", broken)
    found = patient.found("templates")
    assert (found.status, "digest-one-change" in found.what) == ("fail", True)


def test_an_outbox_that_cannot_be_written(patient: Patient, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    patient.change(outbox_dir=tmp_path / "file" / "outbox")
    assert patient.found("outbox").status == "fail"


def test_a_provider_that_was_forgotten_where_the_world_can_sign_up(patient: Patient) -> None:
    assert patient.found("outbox").status == "pass", "a trial on this machine"
    patient.change(public_url="https://updates.invalid")
    found = patient.found("outbox")
    assert (found.status, "to nobody" in found.what) == ("fail", True)
    assert "MAIL_PROVIDER" in found.remedy


def test_a_disk_that_is_full(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "NO_SPACE", 10**18)
    (found,) = place.disk(settings)
    assert found.status == "fail"
    sent_elsewhere = settings.model_copy(update={"mail_provider": "smtp"})
    assert list(place.disk(sent_elsewhere)) == [], "what others keep is on their disk"


def test_python_that_is_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 1))
    (found,) = place.python()
    assert found.status == "fail"


def test_a_check_that_breaks_or_hangs_hides_no_other() -> None:
    def breaks() -> None:
        raise ValueError("what only we may read")

    checks = [
        Check("breaks", breaks),  # type: ignore[arg-type]
        Check("hangs", lambda: time.sleep(60)),  # type: ignore[arg-type, return-value]
        Check("works", lambda: [well("works", "It works.")]),
    ]
    began = time.monotonic()
    found = run_checks(checks, within=timedelta(seconds=0.5))
    assert [(one.check, one.status) for one in found] == [
        ("breaks", "fail"),
        ("hangs", "fail"),
        ("works", "pass"),
    ]
    assert "what only we may read" not in str(found)
    assert time.monotonic() - began < 10


ZONE = {
    "trials.invalid": ["v=spf1 include:sendgrid.net ~all", "something else"],
    "s1._domainkey.trials.invalid": ["k=rsa; t=s; p=MIGfMA0"],
    "_dmarc.trials.invalid": ["v=DMARC1; p=quarantine"],
}


def looked_up(settings: Settings, zone: dict[str, list[str]], **changes: str) -> dict[str, str]:
    chosen = settings.model_copy(
        update={"mail_provider": "sendgrid", "mail_from": "Us <us@trials.invalid>", **changes}
    )
    return {one.check: one.status for one in mail_domain.records(chosen, lambda name: zone.get(name, []))}


def test_records_of_a_domain_that_is_set_up(settings: Settings) -> None:
    assert looked_up(settings, ZONE) == {"spf": "pass", "dkim": "pass", "dmarc": "pass"}
    assert looked_up(settings, ZONE, mail_from="us@mail.trials.invalid")["dmarc"] == "pass"


@pytest.mark.parametrize(
    ("name", "records", "said"),
    [
        ("trials.invalid", [], {"spf": "warn"}),
        ("trials.invalid", ["v=spf1 -all", "v=spf1 ~all"], {"spf": "fail"}),
        ("trials.invalid", ["v=spf1 +all"], {"spf": "fail"}),
        ("s1._domainkey.trials.invalid", ["k=rsa; p="], {"dkim": "warn"}),
        ("_dmarc.trials.invalid", [], {"dmarc": "fail"}),
    ],
)
def test_records_that_are_missing_or_wrong(
    settings: Settings, name: str, records: list[str], said: dict[str, str]
) -> None:
    found = looked_up(settings, {**ZONE, name: records})
    assert found == {"spf": "pass", "dkim": "pass", "dmarc": "pass"} | said


def test_without_dns_nothing_is_said_against_the_domain(settings: Settings) -> None:
    def nobody(name: str) -> list[str]:
        raise mail_domain.NoDns

    (found,) = mail_domain.records(settings, nobody)
    assert found.status == "warn"
