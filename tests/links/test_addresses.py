import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.links.addresses import BadAddress, address_key, clean_address, mask_address


@pytest.mark.parametrize(
    ("typed", "sent_to"),
    [
        ("anna@example.org", "anna@example.org"),
        ("  Anna.B+trials@EXAMPLE.org ", "Anna.B+trials@example.org"),
        ("ana@exämple.org", "ana@xn--exmple-cua.org"),
        ("ana@ｅxample.org", "ana@example.org"),
        ("ana@XN--EXMPLE-CUA.org", "ana@xn--exmple-cua.org"),
        ("o'brien@mail.example.org", "o'brien@mail.example.org"),
        ("a" * 64 + "@example.org", "a" * 64 + "@example.org"),
    ],
)
def test_a_good_address_is_kept_as_typed_with_its_domain_in_lower_ascii(typed, sent_to):
    assert clean_address(typed) == sent_to
    assert clean_address(sent_to) == sent_to


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("", "is empty"),
        ("anna", "has no @"),
        ("anna@example.org\r\nBcc: eve@example.org", "line break"),
        ("anna@example.org\n", "line break"),
        ("an\0na@example.org", "control character"),
        ("anna\u2028@example.org", "line break"),
        ("anna@example.org\u202e", "control character"),
        ("änna@example.org", "before the @"),
        ('"anna b"@example.org', "quotation marks"),
        ("a" * 65 + "@example.org", "more than 64"),
        ("a@" + ".".join(["b" * 60] * 4) + ".example.org", "254"),
        ("anna b@example.org", "space"),
        ("Anna <anna@example.org>", "space"),
        ("anna@eve@example.org", "more than one @"),
        ("anna@localhost", "not on the internet"),
        ("anna@example.invalid", "not on the internet"),
        ("anna@example", "not complete"),
        ("anna@[127.0.0.1]", "not an e-mail address"),
        (".anna@example.org", "not an e-mail address"),
        ("an..na@example.org", "not an e-mail address"),
        ("anna@-example.org", "not an e-mail address"),
        ("anna@xn--.org", "not an e-mail address"),
    ],
)
def test_a_bad_address_is_refused_with_a_reason_that_does_not_repeat_it(typed, reason):
    with pytest.raises(BadAddress, match=reason) as refused:
        clean_address(typed)
    assert "anna" not in str(refused.value)


@given(st.text(max_size=300) | st.from_regex(r"[^@]{1,20}@[^@]{1,20}\.(org|test|local)", fullmatch=True))
def test_whatever_is_typed_is_either_safe_to_put_into_a_header_or_refused(text):
    try:
        address = clean_address(text)
    except BadAddress:
        return
    assert address.isascii()
    assert address.isprintable()
    assert len(address) <= 254
    assert address.count("@") == 1
    assert " " not in address


def test_one_mailbox_has_one_key_however_it_is_typed():
    assert address_key(" Anna@Exämple.ORG") == address_key("anna@xn--exmple-cua.org")
    assert address_key("Anna@example.org") != address_key("a.nna@example.org")


def test_a_mask_shows_enough_to_recognise_ones_own_address():
    assert mask_address("anna@example.org") == "a•••@example.org"
