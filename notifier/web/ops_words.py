"""How times, counts and actions are said on the operators' pages. English only, as operators' commands are."""

from datetime import UTC, datetime, timedelta

STATES = {
    "planned": "waits to be sent",
    "sending": "is with a worker",
    "accepted": "the provider took it",
    "delivered": "the reader's mail server took it",
    "unknown": "nobody knows whether the provider took it",
    "retrying": "will be tried again",
    "bounced": "the reader's mail server refused it",
    "dropped": "was given up, by an operator or by the provider",
    "failed": "the provider refused it",
    "skipped": "was left out",
}
ACTIONS = {
    "sending_paused": "Paused sending",
    "sending_resumed": "Resumed sending",
    "batch_retried": "Sent again",
    "batch_dropped": "Gave up",
    "suppression_added": "Put an address on the do-not-mail list",
    "suppression_removed": "Took an address off the do-not-mail list",
    "run_resent": "Sent what failed of a run again",
    "correction_sent": "Sent a correction",
    "target_withdrawn": "Withdrew a study or a condition",
    "database_restored": "Said that the database was restored",
    "address_revealed": "Looked at an address",
    "person_traced": "Looked at a person's deliveries",
}
LEFT = {
    "erased": "erased",
    "suppressed": "on the do-not-mail list",
    "stopped": "stopped",
    "changed": "no longer following what it is about",
    "arrived": "taken by the provider after all",
}
CALLS = {
    "refused": "The provider refused the mail",
    "refused_named": "The provider refused somebody in it, and named them",
    "refused_unnamed": "The provider refused somebody in it, and did not say whom",
    "our_fault": "The mail itself was refused",
    "account": "The provider refused our account",
    "throttled": "The provider asked us to wait",
    "unreachable": "The provider could not be reached",
    "fault": "The provider had a fault",
    "unknown": "The call broke off: nobody knows whether it was taken",
    "worker lost": "The worker was lost during the call",
    "restored": "It may have gone out before the database was restored",
    "proved": "The webhook proved that it was taken",
    "unheard": "The webhook stayed silent: it was not taken",
    "split off": "Given a batch of its own",
    "retried": "An operator sent it again",
    "dropped": "An operator gave it up",
}
CLASSES = tuple(
    name for name in CALLS if name not in ("proved", "unheard", "split off", "retried", "dropped")
)
"""Of these, how the last call of a batch can have failed."""
FEEDBACK = {
    "processed": "The provider will deliver it",
    "delivered": "The reader's mail server took it",
    "deferred": "The reader's mail server asked to wait",
    "bounce": "The reader's mail server refused it for good",
    "blocked": "The reader's mail server refused it for now",
    "dropped": "The provider did not try to deliver it",
    "dropped_bounced": "The provider did not try: mail to this address had bounced",
    "dropped_complaint": "The provider did not try: the reader had reported spam",
    "dropped_invalid": "The provider did not try: it takes the address for invalid",
    "dropped_unsubscribed": "The provider did not try: the reader had unsubscribed there",
    "spamreport": "The reader reported it as spam",
    "unsubscribe": "The reader unsubscribed at the provider",
    "group_unsubscribe": "The reader unsubscribed at the provider",
    "open": "The reader opened it (tracking should be off)",
    "click": "The reader followed a link (tracking should be off)",
}


def said(table: dict[str, str], name: str) -> str:
    """What is not in the table is said as it is called."""
    return table.get(name) or name.replace("_", " ").capitalize()


def number(count: float) -> str:
    return f"{count:,.0f}"


def counted(count: int, one: str, many: str = "") -> str:
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"


def percent(share: float) -> str:
    """Two digits that say something: limits are as small as 0.1 %."""
    if 0 < share < 0.00005:
        return "under 0.01 %"
    return f"{share:.2%}".replace("%", " %") if 0 < share < 0.1 else f"{share:.0%}".replace("%", " %")


def moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%-d %b %Y, %H:%M:%S} UTC"


def clock(at: datetime) -> str:
    return f"{at.astimezone(UTC):%H:%M}"


def span(length: timedelta) -> str:
    """In the two units that matter."""
    seconds = max(int(length.total_seconds()), 0)
    if seconds < 60:
        return f"{seconds} s"
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if minutes < 60:
        return f"{minutes} min"
    if hours < 48:
        return f"{hours} h {minutes % 60} min" if minutes % 60 else f"{hours} h"
    return f"{days} days"


def ago(at: datetime, now: datetime) -> str:
    """Also of what is to come."""
    if at - now > timedelta(seconds=30):
        return f"in {span(at - now)}"
    return f"{span(now - at)} ago" if now - at >= timedelta(seconds=5) else "just now"
