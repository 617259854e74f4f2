"""What SendGrid would send as it is and we never may: tracking, a missing way out, words that tell."""

import re
from collections.abc import Iterator
from typing import Any

from notifier.delivery.providers import DELIVERY_ID_ARG
from tests.fakes.sendgrid.rules import Problem

TRACKING = ("click_tracking", "open_tracking", "subscription_tracking", "ganalytics")
LINK = re.compile(r"<(https://[^\s<>]+|http://(?:localhost|127\.0\.0\.1)[^\s<>]*)>")
OPAQUE_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
FORBIDDEN = {"asm", "mail_settings", "custom_args", "headers", "send_at", "template_id", "attachments"}
LETTER = "account"


def house_problems(body: dict[str, Any]) -> Iterator[Problem]:
    for name in FORBIDDEN & body.keys():
        yield name, "house rule: not used here"
    settings = body.get("tracking_settings", {})
    for name in TRACKING:
        if settings.get(name, {}).get("enable") is not False:
            yield f"tracking_settings.{name}", "house rule: tracking must be switched off"
    if body.get("categories") not in (["digest"], [LETTER]):
        yield "categories", "house rule: one category for all digests, and one for all letters"
    lists = {person.get("headers", {}).get("List-Id") for person in body["personalizations"]}
    if len(lists) != 1 or None in lists:
        yield "personalizations", "house rule: one List-Id for all"
    contents = [part["value"] for part in body["content"]]
    named = {tag for person in body["personalizations"] for tag in person.get("substitutions", {})}
    tags = {tag for tag in named if all(tag in content for content in contents)}
    for number, person in enumerate(body["personalizations"]):
        yield from _person(f"personalizations.{number}", person, tags, body.get("categories") == [LETTER])


def _person(place: str, person: dict[str, Any], tags: set[str], is_letter: bool) -> Iterator[Problem]:
    if [set(mailbox) for mailbox in person["to"]] != [{"email"}] or "cc" in person or "bcc" in person:
        yield f"{place}.to", "house rule: one person, no name"
    headers, values = person.get("headers", {}), person.get("substitutions", {})
    yield from _letter_headers(place, headers) if is_letter else _one_click(place, headers, values)
    if headers.get("Auto-Submitted") != "auto-generated":
        yield f"{place}.headers", "house rule: Auto-Submitted is not as it must be"
    if not values.keys() <= tags:
        yield f"{place}.substitutions", "house rule: a part of the mail has no place for the link"
    yield from _ids(place, person)


def _letter_headers(place: str, headers: dict[str, str]) -> Iterator[Problem]:
    if any(name.startswith("List-Unsubscribe") for name in headers):
        yield f"{place}.headers", "house rule: a letter is no subscription that one could leave"


def _one_click(place: str, headers: dict[str, str], values: dict[str, str]) -> Iterator[Problem]:
    link = LINK.fullmatch(headers.get("List-Unsubscribe", ""))
    if not link or len(link[0]) > 900:
        yield f"{place}.headers", "house rule: no one-click link"
    elif link[1] not in values.values():
        yield f"{place}.substitutions", "house rule: the link in the text is another than the header's"
    if headers.get("List-Unsubscribe-Post") != "List-Unsubscribe=One-Click":
        yield f"{place}.headers", "house rule: List-Unsubscribe-Post is not as it must be"


def _ids(place: str, person: dict[str, Any]) -> Iterator[Problem]:
    args = person.get("custom_args", {})
    if set(args) != {DELIVERY_ID_ARG} or not OPAQUE_ID.fullmatch(args[DELIVERY_ID_ARG]):
        yield f"{place}.custom_args", "house rule: nothing but the delivery id"
