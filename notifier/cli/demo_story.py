"""What happens in the demo, step by step, each step checked."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import orjson

from notifier.cli.demo_outbox import Mail, Verdict, read_outbox, verdicts
from notifier.cli.demo_services import Services, command, write_records
from notifier.cli.demo_world import (
    KNOWN,
    MORE_NEWS,
    NEWS,
    cards,
    expected_studies,
    frequencies,
    people_csv,
    records,
)
from notifier.cli.output import print_table, stdout
from notifier.errors import NotifierError

SHOWN = "ana@example.org"  # whose mail is shown, and who unsubscribes
OFFERED = "NCT99000001"  # a study to sign up for
EXCERPT_LINES = 24
ONE_CLICK = b"List-Unsubscribe=One-Click"


def say(*lines: str) -> None:
    for line in lines:
        stdout.print(line, markup=False)


def shown(path: Path, here: Path) -> str:
    """As short as it can be typed."""
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


@dataclass
class Story:
    """`here` is the folder from which the demo was started; paths are shown as seen from there."""

    services: Services
    api_key: str
    here: Path
    today: date = field(default_factory=lambda: datetime.now(UTC).date())
    checked: dict[Path, Mail] = field(default_factory=dict)

    def tell(self) -> None:
        """From empty tables to the first mails."""
        self._know()
        self._invite()
        self._push_cards()
        self._hear_news()
        self._send_the_others()
        self._check(NEWS)
        self._show()

    def tell_the_rest(self) -> None:
        """One person leaves, the registry changes again: they get nothing, the others do."""
        first = verdicts(frequencies(), expected_studies(NEWS), self.checked.values())
        self._unsubscribe()
        say("", "8  The registry changes again.")
        self._import(MORE_NEWS, "more-news.ndjson")
        self._run_digests({"immediate": 2, "daily": 2, "weekly": 14})
        second = self._check(MORE_NEWS, without=SHOWN)
        _print_verdicts(first, second)

    def _know(self) -> None:
        say("", "2  The registry, as it was. Nobody is told of studies that were there before.")
        self._import(KNOWN, "known.ndjson")

    def _invite(self) -> None:
        say("", "3  People who have agreed, with interests, hours and zones of their own.")
        (self.services.home / "people.csv").write_text(people_csv(), "utf-8")
        done = command("subscribers", "import", "people.csv")
        say(f"   {done['subscribers']} people follow {done['subscriptions']} studies and conditions.")

    def _push_cards(self) -> None:
        say("", "4  The site hands over its plain-language cards: PUT /v1/studies")
        headers = {"Authorization": f"Bearer {self.api_key}", "Content-Type": "application/json"}
        body = {"studies": [{"card": card} for card in cards()]}
        answer = self.services.ask("PUT", "/v1/studies", orjson.dumps(body), headers)
        if answer.status != 200 or orjson.loads(answer.body)["errors"]:
            raise NotifierError(f"The cards were not taken: {answer.status} {answer.body.decode()}")
        say(f"   {len(cards())} cards are stored.")

    def _hear_news(self) -> None:
        say("", "5  The registry changes: studies open, stop and move, and new ones are posted.")
        self._import(NEWS, "news.ndjson")
        at_once = {person for person in expected_studies(NEWS) if frequencies()[person] == "immediate"}
        say(f"   {len(at_once)} of the people asked to hear at once. The workers see to it by themselves.")
        self.services.wait_until(lambda: at_once <= {mail.to for mail in self._new_mails()}, "Mail at once")

    def _send_the_others(self) -> None:
        say("", "6  The other digests, as if their hour had come.")
        self._run_digests({"daily": 1, "weekly": 7})

    def _import(self, round_: int, name: str) -> None:
        write_records(self.services.home / name, records(round_, self.today))
        done = command("records", "import", name)
        news = f"{done['new'] - done['known']} new, {done['changed']} changed"
        noise = f"{done['unchanged']} with no difference that matters to a reader"
        say(f"   {done['known']} studies are known." if round_ == KNOWN else f"   {news}, {noise}.")

    def _run_digests(self, days_ahead: dict[str, int]) -> None:
        for frequency, days in days_ahead.items():
            at = f"{self.today + timedelta(days=days)}T23:59Z"
            planned = command("digest", "run", "--frequency", frequency, "--at", at)
            say(f"   {planned['people']} people, {planned['editions']} different mails.")
        self.services.wait_until_sent()

    def _new_mails(self) -> list[Mail]:
        found = read_outbox(self.services.settings.outbox_path, but=self.checked)
        return list(found.values())

    def _check(self, round_: int, *, without: str = "") -> dict[str, Verdict]:
        """Raises NotifierError unless everybody got just what they were to get."""
        expected = expected_studies(round_)
        expected.pop(without, None)
        mails = self._new_mails()
        found = verdicts(frequencies(), expected, mails)
        if wrong := sorted(f"{one.person}: {one.problem}" for one in found.values() if one.problem):
            raise NotifierError(f"The outbox is not as it should be. {'; '.join(wrong)}.")
        self.checked |= {mail.path: mail for mail in mails}
        say(
            f"   Checked: {len(mails)} mails in the outbox, one for each person with something to read;"
            f" none for the other {len(found) - len(mails)}."
        )
        return found

    def _mail_shown(self) -> Mail:
        return next(mail for mail in self.checked.values() if mail.to == SHOWN)

    def _show(self) -> None:
        mail, home = self._mail_shown(), self.services.home
        (home / "mail.html").write_text(mail.html, "utf-8")
        (home / "mail.txt").write_text(mail.text, "utf-8")
        excerpt = (f"   | {line}".rstrip() for line in mail.text.splitlines()[:EXCERPT_LINES])
        say("", f"   From the mail to {SHOWN}. Subject: {mail.subject}", "   |", *excerpt, "   | ...", "")
        say(
            f"This mail      {shown(home / 'mail.html', self.here)}   (as text: mail.txt, beside it)",
            f"All mails      {shown(self.services.settings.outbox_path, self.here)}",
            f"Mails' looks   {self.services.url('/dev/mails')}",
            f"Unsubscribe    {mail.unsubscribe_url}",
            f"Manage         {mail.manage_url}",
            f"Sign up        {self.services.url(f'/subscribe?study={OFFERED}')}",
            f"Health         {self.services.url('/healthz')}",
            f"Log            {shown(self.services.log, self.here)}",
            "",
        )

    def _unsubscribe(self) -> None:
        say(f"7  {SHOWN} unsubscribes, as a mail program does it: one POST, nothing to log in to.")
        link = self._mail_shown().unsubscribe_url
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        for answer in (self.services.ask("GET", link), self.services.ask("POST", link, ONE_CLICK, form)):
            if answer.status != 200:
                raise NotifierError(f"The unsubscribe link answered {answer.status} instead of 200.")
        say("   GET shows a page with a button; POST acts at once.")


def _print_verdicts(first: dict[str, Verdict], second: dict[str, Verdict]) -> None:
    rows = [
        [person, often, _got(first[person]), "unsubscribed" if person == SHOWN else _got(second[person])]
        for person, often in frequencies().items()
    ]
    say("")
    print_table("All as it should be", ["person", "how often", "first mail", "second mail"], rows)


def _got(verdict: Verdict) -> str:
    if not verdict.mails:
        return "none: nothing new"
    return "1 study" if verdict.expected == 1 else f"{verdict.expected} studies"
