"""SPF, DKIM and DMARC of the domain that our mail is from, as DNS has them."""

from collections.abc import Callable, Iterator
from email.utils import parseaddr
from itertools import islice

from notifier.ops.doctor.finding import Finding, doubtful, unseen, well, wrong
from notifier.settings import Settings

LIFETIME_SECONDS = 4
SELECTORS = ("s1", "s2")  # what SendGrid signs with, unless others were chosen
SPF_WHY = "It says which servers may send for the domain; without it mail is more often taken for spam."
DMARC_WHY = "Large mailboxes (Gmail, Yahoo, Outlook) refuse mail in bulk from a domain without it."

Lookup = Callable[[str], list[str]]
"""The TXT records of a name, none where there are none. Raises NoDns."""


class NoDns(Exception):
    """Nobody could be asked; it says nothing about the name."""


def txt_records(name: str) -> list[str]:
    """From the resolvers of this machine. Raises NoDns."""
    from dns import exception, resolver  # here: only doctor needs it

    try:
        found = resolver.resolve(name, "TXT", lifetime=LIFETIME_SECONDS)
    except (resolver.NXDOMAIN, resolver.NoAnswer):
        return []
    except (exception.DNSException, OSError) as error:
        raise NoDns(type(error).__name__) from None
    return [b"".join(record.strings).decode("utf-8", "replace") for record in found]


def records(settings: Settings, lookup: Lookup) -> Iterator[Finding]:
    domain = parseaddr(settings.mail_from)[1].rpartition("@")[2].lower()
    try:
        found = [_spf(domain, settings, lookup), *_dkim(domain, settings, lookup), _dmarc(domain, lookup)]
    except NoDns:
        yield unseen("mail-domain", "no DNS server answers here")
        return
    yield from found


def _spf(domain: str, settings: Settings, lookup: Lookup) -> Finding:
    """SendGrid sends with a return path of its own below the domain, so there the domain's own record is no must."""
    found = [record for record in lookup(domain) if record.lower().split(" ")[0] == "v=spf1"]
    if len(found) > 1:
        return wrong(
            "spf",
            f"{domain} has {len(found)} SPF records.",
            why="With more than one, none counts.",
            remedy="Make one of them.",
        )
    if not found:
        tell = doubtful if settings.mail_provider == "sendgrid" else wrong
        return tell("spf", f"{domain} has no SPF record.", why=SPF_WHY, remedy="Add one (TXT, v=spf1 …).")
    if found[0].lower().split()[-1] in ("+all", "all"):
        return wrong(
            "spf",
            f"The SPF record of {domain} lets everybody send for it.",
            why=SPF_WHY,
            remedy="End it with ~all or -all.",
        )
    return well("spf", f"{domain} has an SPF record.")


def _dkim(domain: str, settings: Settings, lookup: Lookup) -> Iterator[Finding]:
    """Of another server the selector is not known, so nothing can be said."""
    if settings.mail_provider != "sendgrid":
        return
    keys = [record for name in SELECTORS for record in lookup(f"{name}._domainkey.{domain}")]
    if any("p=" in record.replace(" ", "") and not record.rstrip("; ").endswith("p=") for record in keys):
        yield well("dkim", f"{domain} has a DKIM key of SendGrid's.")
    else:
        yield doubtful(
            "dkim",
            f"No DKIM key lies at {' or '.join(SELECTORS)}._domainkey.{domain}.",
            why="Mail that is not signed for its own domain fails DMARC.",
            remedy="Authenticate the domain at SendGrid; where you chose another selector there, nothing is amiss.",
        )


def _dmarc(domain: str, lookup: Lookup) -> Finding:
    """Its own, or that of the domain above it."""
    for name in islice(_upwards(domain), 3):
        if any(record.lower().startswith("v=dmarc1") for record in lookup(f"_dmarc.{name}")):
            return well("dmarc", f"{name} has a DMARC record.")
    return wrong(
        "dmarc",
        f"{domain} has no DMARC record.",
        why=DMARC_WHY,
        remedy=f'Add the TXT record _dmarc.{domain}, at first "v=DMARC1; p=none".',
    )


def _upwards(domain: str) -> Iterator[str]:
    labels = domain.split(".")
    yield from (".".join(labels[first:]) for first in range(len(labels) - 1))
