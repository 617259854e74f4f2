"""What SendGrid says about our account: the key and what it may do, tracking, sender, event webhook."""

from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from email.utils import parseaddr
from typing import Any

from notifier.ops.doctor.asking import Answer, Unreachable, ask
from notifier.ops.doctor.database import Clock, skew
from notifier.ops.doctor.finding import Finding, doubtful, unseen, well, wrong
from notifier.settings import Settings

MAIL_SEND = "mail.send"
TOO_MUCH = ("api_keys.create", "billing.update", "teammates.create")
"""A key with one of these is a key to the whole account."""
TRACKING = ("click", "open", "subscription", "google_analytics")
TRACKING_WHY = "It would tell others who reads about what."
TRACKING_OFF = "Switch it off on SendGrid's page: Settings, Tracking."
WEBHOOK_WHY = "Bounces, complaints and proof of delivery come by it; without it doubt is left to you."
NEEDED_EVENTS = ("delivered", "bounce", "dropped", "deferred", "spam_report")


class Unseen(Exception):
    """Why nothing can be said; the check of the key says more."""


class Account:
    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._key = settings.sendgrid_api_key

    def get(self, path: str) -> Answer:
        """Raises Unreachable."""
        key = self._key.get_secret_value() if self._key else ""
        headers = {"Authorization": f"Bearer {key}", "Accept": "application/json", "User-Agent": "notifier"}
        return ask(self.settings.sendgrid_api_url + path, headers=headers)


def key(account: Account, now: Clock) -> Iterator[Finding]:
    """With SendGrid's clock, as its answer tells the time."""
    try:
        before = now()
        answer = account.get("/v3/scopes")
        ours = before + (now() - before) / 2
    except Unreachable as error:
        yield wrong(
            "sendgrid-key",
            f"SendGrid cannot be reached: {error}.",
            why="No mail leaves; it waits and is tried again.",
            remedy="Check SENDGRID_API_URL, the network, and status.sendgrid.com.",
        )
        return
    yield _judged(answer)
    if answer.date:
        yield skew("clock-sendgrid", "SendGrid", answer.date, ours, timedelta(seconds=1))


def _judged(answer: Answer) -> Finding:
    if answer.status == 401:
        return wrong(
            "sendgrid-key",
            "SendGrid refuses the key (HTTP 401).",
            why="No mail can be sent.",
            remedy="Make a key with the Mail Send scope, set SENDGRID_API_KEY, restart, `notifier sending resume`.",
        )
    scopes = _scopes(answer)
    if scopes is None:
        return doubtful(
            "sendgrid-key",
            f"What the key may do cannot be seen (HTTP {answer.status}).",
            remedy="Where mail goes out, nothing is amiss; else look at the key on SendGrid's page.",
        )
    if MAIL_SEND not in scopes:
        return wrong(
            "sendgrid-key",
            "The key may not send mail.",
            why="Every call would be refused with HTTP 403.",
            remedy="Give the key the Mail Send scope.",
        )
    if any(scope in scopes for scope in TOO_MUCH):
        return doubtful(
            "sendgrid-key",
            "The key may do everything in the account.",
            why="Whoever finds it has all of that, too.",
            remedy="Make one with Mail Send and read access to tracking, webhook and sender authentication.",
        )
    return well("sendgrid-key", f"The key is accepted and may send mail ({len(scopes)} scopes).")


def _scopes(answer: Answer) -> list[str] | None:
    body = answer.json() if answer.status == 200 else None
    scopes = body.get("scopes") if isinstance(body, dict) else None
    return scopes if isinstance(scopes, list) else None


def tracking(account: Account, tracked: Callable[[], int]) -> Iterator[Finding]:
    """What came counts more than the account's setting: each call of ours switches it off.

    `tracked`: opens and clicks that came within the last day.
    """
    switched_on, hidden = [], []
    for name in TRACKING:
        body = _object(account, f"/v3/tracking_settings/{name}")
        if body is None or not isinstance(body.get("enabled"), bool):
            hidden.append(name)
        elif body["enabled"]:
            switched_on.append(name)
    if came := tracked():
        yield wrong(
            "sendgrid-tracking",
            f"SendGrid tracks our mail: {came:,} opens and clicks came within a day.",
            why="It tells others who reads about what.",
            remedy=f"{TRACKING_OFF} See docs/runbooks/TrackingOn.md.",
        )
    elif switched_on:
        yield doubtful(
            "sendgrid-tracking",
            f"Tracking is switched on for the account: {', '.join(switched_on)}. No open or click came.",
            why=f"{TRACKING_WHY} Every call of ours switches it off; the account's setting is the second lock.",
            remedy=TRACKING_OFF,
        )
    elif hidden:
        yield doubtful(
            "sendgrid-tracking",
            f"Whether SendGrid tracks ({', '.join(hidden)}) cannot be seen with this key.",
            why=TRACKING_WHY,
            remedy="Look at Settings, Tracking; or give the key read access to Tracking.",
        )
    else:
        yield well("sendgrid-tracking", "All tracking is switched off at SendGrid.")


def sender(account: Account) -> Iterator[Finding]:
    """An authenticated domain covers its subdomains; a single sender is one address."""
    address = parseaddr(account.settings.mail_from)[1].lower()
    domain = address.rpartition("@")[2]
    domains = _list(account, "/v3/whitelabel/domains?limit=500")
    ours = [
        one
        for one in domains or ()
        if domain == one.get("domain") or domain.endswith(f".{one.get('domain')}")
    ]
    remedy = "SendGrid's page: Settings, Sender Authentication."
    if any(one.get("valid") is True for one in ours):
        yield well("sendgrid-sender", f"The domain {domain} is authenticated.")
    elif ours:
        yield wrong(
            "sendgrid-sender",
            f"The DNS records of {domain} are not valid at SendGrid.",
            why="Mailboxes take mail that is not signed for its domain for spam.",
            remedy=f"Set the records that it shows there, then verify: {remedy}",
        )
    else:
        yield _single_sender(account, address, domain, domains is None, remedy)


def _single_sender(account: Account, address: str, domain: str, hidden: bool, remedy: str) -> Finding:
    body = _object(account, "/v3/verified_senders")
    results = body.get("results") if body else None
    verified = [
        one
        for one in results or ()
        if isinstance(one, dict) and one.get("verified") and str(one.get("from_email")).lower() == address
    ]
    if verified:
        return doubtful(
            "sendgrid-sender",
            "MAIL_FROM is a verified single sender; its domain is not authenticated.",
            why="Its mail fails DMARC, and large mailboxes refuse much of it.",
            remedy=f"Authenticate the domain. {remedy}",
        )
    if hidden or results is None:
        return doubtful(
            "sendgrid-sender",
            f"Whether {domain} is authenticated cannot be seen with this key.",
            remedy=f"Look there, or give the key read access to it. {remedy}",
        )
    return wrong(
        "sendgrid-sender",
        f"SendGrid knows neither the domain {domain} nor the address of MAIL_FROM.",
        why="It refuses such mail with HTTP 403.",
        remedy=f"Authenticate the domain. {remedy}",
    )


def webhook(account: Account) -> Iterator[Finding]:
    settings = account.settings
    if not settings.sendgrid_webhook_public_keys:
        yield wrong(
            "sendgrid-webhook",
            "SENDGRID_WEBHOOK_PUBLIC_KEYS is not set.",
            why=f"Nothing that comes is believed. {WEBHOOK_WHY}",
            remedy="Switch on the signed event webhook at SendGrid, and copy its public key.",
        )
        return
    body = _object(account, "/v3/user/webhooks/event/settings/all")
    hooks = body.get("webhooks") if body else None
    if not isinstance(hooks, list):
        yield doubtful(
            "sendgrid-webhook",
            "A public key is set; the webhook's own settings cannot be seen with this key.",
            remedy="Look at Settings, Mail Settings, Event Webhooks; or give the key read access to them.",
        )
        return
    yield _hook(settings, [hook for hook in hooks if isinstance(hook, dict)])


def _hook(settings: Settings, hooks: list[dict[str, Any]]) -> Finding:
    url = f"{settings.public_url}/webhooks/sendgrid"
    ours = [hook for hook in hooks if str(hook.get("url", "")).rstrip("/") == url]
    hook = next((hook for hook in ours if hook.get("enabled")), None)
    fails = _hook_problem(settings, ours, hook)
    if fails:
        where = "SendGrid's page: Settings, Mail Settings, Event Webhooks."
        return wrong("sendgrid-webhook", fails[0], why=WEBHOOK_WHY, remedy=f"{fails[1]} {where}")
    return well("sendgrid-webhook", "The event webhook is on, signed, and leads here.")


def _hook_problem(
    settings: Settings, ours: list[dict[str, Any]], hook: dict[str, Any] | None
) -> tuple[str, str] | None:
    if not ours:
        return "No event webhook leads here.", f"Point one to {settings.public_url}/webhooks/sendgrid."
    if hook is None:
        return "The event webhook is switched off.", "Switch it on."
    if not hook.get("public_key"):
        return "The event webhook is not signed.", "Switch its signature verification on."
    if hook["public_key"] not in settings.sendgrid_webhook_public_keys:
        return (
            "The event webhook is signed with another key than SENDGRID_WEBHOOK_PUBLIC_KEYS has.",
            "Copy its public key into SENDGRID_WEBHOOK_PUBLIC_KEYS and restart the web process.",
        )
    missing = [name for name in NEEDED_EVENTS if not hook.get(name)]
    if missing:
        return f"The event webhook leaves out: {', '.join(missing)}.", "Tick them."
    return None


def _object(account: Account, path: str) -> dict[str, Any] | None:
    found = _read(account, path)
    return found if isinstance(found, dict) else None


def _list(account: Account, path: str) -> list[dict[str, Any]] | None:
    found = _read(account, path)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else None


def _read(account: Account, path: str) -> Any:
    """None where the key may not see it. Raises Unseen."""
    try:
        answer = account.get(path)
    except Unreachable:
        raise Unseen("SendGrid cannot be reached") from None
    if answer.status == 401:
        raise Unseen("SendGrid refuses the key")
    if answer.status == 429 or answer.status >= 500:
        raise Unseen(f"SendGrid answers HTTP {answer.status}")
    return answer.json() if answer.status == 200 else None


def or_unseen(check: str, look: Iterable[Finding]) -> list[Finding]:
    try:
        return list(look)
    except Unseen as error:
        return [unseen(check, str(error))]
