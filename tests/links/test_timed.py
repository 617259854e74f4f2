from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.links.items import ItemTokens
from notifier.links.timed import LIFETIMES, OldToken, TimedLinks
from notifier.links.tokens import BadToken, UnsubscribeLinks, make_signer

OLD, NEW = "the-old-key-0123456789abcdef-0123", "the-new-key-0123456789abcdef-0123"
ID = UUID("8d3a0d4e-6a53-4d80-9a5a-1f1e9d0b6c11")
NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
MANAGE = TimedLinks([OLD, NEW], "https://updates.example.org/", "manage")
CONFIRM = TimedLinks([OLD, NEW], "https://updates.example.org/", "confirm")
ITEMS = ItemTokens([OLD, NEW])


def test_a_link_leads_back_to_its_id_until_its_time_has_passed():
    url = CONFIRM.url(ID, NOW)
    assert url.startswith("https://updates.example.org/confirm/")
    token = url.rpartition("/")[2]
    assert CONFIRM.read(token, NOW + LIFETIMES["confirm"]) == ID
    with pytest.raises(OldToken) as old:
        CONFIRM.read(token, NOW + LIFETIMES["confirm"] + timedelta(seconds=1))
    assert old.value.public_id == ID


def test_a_link_from_the_future_is_none_that_we_made():
    with pytest.raises(BadToken):
        CONFIRM.read(CONFIRM.token(ID, NOW + timedelta(hours=1)), NOW)


def test_no_token_opens_the_door_of_another_purpose():
    others = [
        MANAGE.token(ID, NOW),
        UnsubscribeLinks([NEW], "https://a.example.org").token(ID),
        ITEMS.token(7),
    ]
    for token in others:
        with pytest.raises(BadToken):
            CONFIRM.read(token, NOW)


def test_an_item_is_read_back_and_a_made_up_one_is_not():
    assert ITEMS.read(ITEMS.token(7)) == 7
    with pytest.raises(BadToken):
        ITEMS.read(ITEMS.token(7).replace(".", ".A", 1))
    with pytest.raises(BadToken):
        ItemTokens([OLD]).read(ITEMS.token(7))


def test_links_signed_with_an_old_key_still_work():
    assert MANAGE.read(TimedLinks([OLD], "https://a.example.org", "manage").token(ID, NOW), NOW) == ID
    assert ITEMS.read(ItemTokens([OLD]).token(7)) == 7


@given(st.uuids(version=4), st.integers(1, 2**31 - 1))
def test_tokens_are_what_the_library_itself_would_sign(public_id, target_id):
    signer = make_signer([NEW], "manage.v1")
    assert MANAGE.token(public_id, NOW) == signer.dumps(["manage", public_id.hex, int(NOW.timestamp())])
    assert ITEMS.token(target_id) == make_signer([NEW], "item.v1").dumps(["i", target_id])
