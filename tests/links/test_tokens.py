import base64
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import URLSafeSerializer

from notifier.links.tokens import BadToken, UnsubscribeLinks, make_signer

OLD, NEW = "the-old-key-0123456789abcdef-0123", "the-new-key-0123456789abcdef-0123"
ID = UUID("8d3a0d4e-6a53-4d80-9a5a-1f1e9d0b6c11")
LINKS = UnsubscribeLinks([OLD, NEW], "https://updates.example.org/")


def test_a_link_leads_back_to_its_id_and_shows_nothing_else():
    url = LINKS.url(ID)
    assert url.startswith("https://updates.example.org/u/")
    assert LINKS.read(url.rpartition("/")[2]) == ID
    payload = url.rpartition("/")[2].partition(".")[0]
    assert base64.urlsafe_b64decode(payload + "==").decode() == f'["u","{ID.hex}"]'


def test_links_are_short_enough_for_a_mail_header():
    assert len(LINKS.url(ID)) < 200


def test_a_link_signed_with_an_old_key_still_works_and_new_ones_are_signed_with_the_last():
    before = UnsubscribeLinks([OLD], "https://updates.example.org").token(ID)
    assert LINKS.read(before) == ID
    assert UnsubscribeLinks([NEW], "https://updates.example.org").read(LINKS.token(ID)) == ID
    with pytest.raises(BadToken):
        UnsubscribeLinks([OLD], "https://updates.example.org").read(LINKS.token(ID))


def test_links_are_to_the_byte_what_the_signing_library_writes():
    """They are signed without it, which is quicker; it reads them, and the newest of the keys signs."""
    written = make_signer([OLD, NEW], "unsub.v1").dumps(["u", ID.hex])
    assert LINKS.token(ID) == written != UnsubscribeLinks([NEW, OLD], "https://updates.example.org").token(ID)
    for public_id in (uuid4() for _ in range(200)):
        assert LINKS.token(public_id) == make_signer([NEW], "unsub.v1").dumps(["u", public_id.hex])


def test_other_last_characters_lead_to_the_same_id_or_nowhere():
    """Base64 lets some through, so a token is no proof of being the only one."""
    token = LINKS.token(ID)
    for last in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=":
        try:
            assert LINKS.read(token[:-1] + last) == ID
        except BadToken:
            continue


def test_a_token_changed_anywhere_else_is_refused():
    token = LINKS.token(ID)
    for place in range(len(token) - 1):
        with pytest.raises(BadToken):
            LINKS.read(token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :])


@pytest.mark.parametrize(
    "payload", [["m", ID.hex], ["u"], ["u", 7], ["u", "no-id"], "u", 7, None, {"u": ID.hex}, ["u", ID.hex, 1]]
)
def test_our_own_signature_under_something_else_is_refused(payload):
    with pytest.raises(BadToken):
        LINKS.read(str(make_signer([NEW], "unsub.v1").dumps(payload)))


def test_a_token_made_for_another_purpose_is_refused():
    with pytest.raises(BadToken):
        LINKS.read(str(make_signer([NEW], "manage.v1").dumps(["u", ID.hex])))


def test_a_token_with_the_library_defaults_is_refused():
    with pytest.raises(BadToken):
        LINKS.read(str(URLSafeSerializer(NEW, salt="unsub.v1").dumps(["u", ID.hex])))


@pytest.mark.parametrize(
    "token", ["", ".", "..", "a.b", "é.ü", "a" * 300, LINKS.token(ID) + "=" * 300, None, 7]
)
def test_what_is_no_token_is_refused(token):
    with pytest.raises(BadToken):
        LINKS.read(token)


@given(st.text(max_size=400))
def test_any_text_is_refused_and_never_breaks_anything(text):
    with pytest.raises(BadToken):
        LINKS.read(text)


@given(st.binary(max_size=120))
def test_any_signed_bytes_are_refused_and_never_break_anything(data):
    signer = make_signer([NEW], "unsub.v1").make_signer("unsub.v1")
    payload = base64.urlsafe_b64encode(data).rstrip(b"=")
    for signed in (signer.sign(payload), signer.sign(b"." + payload)):
        with pytest.raises(BadToken):
            LINKS.read(signed.decode())


def test_links_for_many_people_are_all_different():
    assert len({LINKS.url(uuid4()) for _ in range(1000)}) == 1000


@pytest.mark.parametrize("keys", [[], [""], ["a" * 32, ""]])
def test_a_missing_key_is_refused_at_once(keys):
    with pytest.raises(ValueError, match="key is missing"):
        UnsubscribeLinks(keys, "https://updates.example.org")
