"""The numbers as Prometheus reads them. No label holds an address, a study or a condition; docs/ops/README.md
says what each one means."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from notifier.delivery.feedback.events import KINDS
from notifier.delivery.models import BRAKES, MAILS, OF_RUNS
from notifier.ops.heartbeat import QUEUES
from notifier.ops.mail import QUANTILES, WINDOWS, OpenMail, oldest_letters
from notifier.ops.numbers import TRACKING_WINDOW, Numbers

OPEN_STATES = ("planned", "sending", "retrying", "unknown")
LINK_OUTCOMES = ("accepted", "expired", "rejected", "failed")
LINKS = ("unsubscribe", "confirm", "manage")
REJECTIONS = ("bad_signature", "malformed", "failed")
LOGINS = ("wrong", "limited")
Samples = Iterable[tuple[tuple[str, ...], float]]


def as_text(numbers: Numbers) -> bytes:
    """The text format, version 0.0.4."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Taken(numbers))
    return generate_latest(registry)


class _Taken(Collector):
    def __init__(self, numbers: Numbers) -> None:
        self._numbers = numbers

    def collect(self) -> Iterator[Metric]:
        numbers = self._numbers
        yield from _mail(numbers)
        yield from _runs(numbers)
        yield from _provider(numbers)
        yield from _life(numbers)
        yield from _happened(numbers)
        yield from _counted(numbers)


def _mail(numbers: Numbers) -> Iterator[Metric]:
    yield _gauge("deliveries", "Mails that have not ended.", "state mail", _by_state(numbers.open))
    due, held = (
        _per_mail(row for row in numbers.open if row.due and row.held is held) for held in (False, True)
    )
    yield _gauge("deliveries_due", "Mails that should go out now.", "mail", due)
    yield _gauge("deliveries_held", "Mails due in a run that an operator paused.", "mail", held)
    yield _gauge(
        "delivery_oldest_due_age_seconds",
        "How long the oldest mail that should go out has been due.",
        "mail",
        _due_ages(numbers),
    )
    yield _gauge(
        "delivery_oldest_open_age_seconds",
        "How long ago the oldest mail that has not ended was planned.",
        "state mail",
        _open_ages(numbers),
    )
    yield _gauge(
        "letter_oldest_age_seconds",
        "How long somebody has waited for the oldest letter, but for a few that mailboxes put off.",
        "mail",
        _letter_ages(numbers),
    )
    failing: Counter[tuple[str, ...]] = Counter()
    for row in numbers.open:
        if row.failure_class and row.state in ("retrying", "unknown"):
            failing[row.failure_class.replace(" ", "_"),] += row.mails
    yield _gauge("deliveries_failing", "Open mails by how their last call ended.", "class", failing.items())
    for state in ("accepted", "failed"):
        ended = {(mail, window): 0 for mail in MAILS for window in WINDOWS}
        ended |= {(row.mail, row.window): row.mails for row in numbers.ended if row.state == state}
        yield _gauge(f"deliveries_{state}", f"Mails {state} within the window.", "mail window", ended.items())
    waits = {(mail, str(q)): math.nan for mail in MAILS for q in QUANTILES}
    waits |= {(row.mail, str(row.quantile)): row.seconds for row in numbers.waits}
    yield _gauge(
        "delivery_wait_seconds", "Planned to accepted, of the last hour.", "mail quantile", waits.items()
    )


def _runs(numbers: Numbers) -> Iterator[Metric]:
    at, rhythms = numbers.at, numbers.rhythms
    yield _gauge(
        "digest_run_overdue_seconds",
        "How late the next run is; immediate: how long an event has waited for one.",
        "frequency",
        [((row.frequency,), row.overdue(at).total_seconds()) for row in rhythms],
    )
    yield _gauge(
        "digest_run_expected_timestamp_seconds",
        "When the next run is due.",
        "frequency",
        [
            ((row.frequency,), row.next_due_at.timestamp())
            for row in rhythms
            if row.next_due_at and row.frequency != "immediate"
        ],
    )
    yield _gauge(
        "digest_run_last_success_timestamp_seconds",
        "When the last run was planned.",
        "frequency",
        [((row.frequency,), row.last_planned_at.timestamp()) for row in rhythms if row.last_planned_at],
    )
    remaining: dict[tuple[str, ...], int] = {(row.frequency,): 0 for row in rhythms}
    for row in numbers.open:
        if row.frequency:
            remaining[row.frequency,] = remaining.get((row.frequency,), 0) + row.mails
    yield _gauge("digest_remaining", "Digests that have not ended.", "frequency", remaining.items())
    yield _counter("events_received", "Change events so far.", "", [((), numbers.events.received)])
    yield _gauge("events_unnumbered", "Events no digest can see yet.", "", [((), numbers.events.unnumbered)])
    age = _age(numbers.events.unnumbered_since, at)
    yield _gauge("events_unnumbered_oldest_age_seconds", "The oldest of them.", "", [((), age)])


def _provider(numbers: Numbers) -> Iterator[Metric]:
    webhook = numbers.webhook
    kinds = {(kind,): 0 for kind in KINDS} | {(kind,): n for kind, n in webhook.totals.items()}
    yield _counter("webhook_events", "Events that the webhook brought.", "event", kinds.items())
    if webhook.last_event_at:
        last = webhook.last_event_at.timestamp()
        yield _gauge("webhook_last_event_timestamp_seconds", "When it last brought one.", "", [((), last)])
    if webhook.lag is not None:
        yield _gauge(
            "webhook_lag_seconds",
            "From the provider's clock to ours: the median of the latest.",
            "",
            [((), webhook.lag.total_seconds())],
        )
    yield _gauge("webhook_events_waiting", "Taken in, not applied.", "", [((), webhook.waiting)])
    rows = numbers.reported
    yield _gauge(
        "complaint_ratio", "Of delivered digests.", "window", [((r.window,), r.complaint_ratio) for r in rows]
    )
    yield _gauge(
        "bounce_ratio", "Of tried digests, for good.", "window", [((r.window,), r.bounce_ratio) for r in rows]
    )
    yield _gauge(
        "digests_reported",
        "Digests the webhook spoke of.",
        "report window",
        [
            ((report, row.window), getattr(row, report))
            for row in rows
            for report in ("delivered", "bounced", "complained", "turned_away")
        ],
    )
    yield _gauge(
        "tracked_mails",
        "Opens and clicks reported; there must be none.",
        "window",
        [((f"{TRACKING_WINDOW.days}d",), numbers.tracked)],
    )


def _life(numbers: Numbers) -> Iterator[Metric]:
    on = [((name,), float(name in numbers.brakes)) for name in (*BRAKES, "away")]
    yield _gauge("sending_paused", "1 while this brake is on.", "reason", on)
    yield _gauge(
        "beat_last_heartbeat_timestamp_seconds",
        "When each queue was last seen to be served; where it never was, when Notifier was installed.",
        "queue",
        [((queue,), numbers.seen(queue).timestamp()) for queue in QUEUES],
    )
    if since := numbers.registry_unread_since:
        yield _gauge(
            "registry_last_poll_timestamp_seconds",
            "When it was last read to the end.",
            "",
            [((), since.timestamp())],
        )
    erasures = numbers.erasures
    yield _gauge(
        "provider_erasures_waiting", "Addresses it is still to forget.", "", [((), erasures.waiting)]
    )
    age = _age(erasures.asked_since, numbers.at)
    yield _gauge("provider_erasure_oldest_age_seconds", "The oldest of them.", "", [((), age)])
    yield _gauge("build_info", "Always 1.", "version", [((_version(),), 1.0)])


def _happened(numbers: Numbers) -> Iterator[Metric]:
    links = {(link, outcome): 0 for link in LINKS for outcome in LINK_OUTCOMES}
    rejected = {(reason,): 0 for reason in REJECTIONS}
    failed = {(link,): 0.0 for link in LINKS}
    logins = {(reason,): 0 for reason in LOGINS}
    for (name, label), tally in numbers.tallies.items():
        if name in LINKS:
            links[name, label] = tally.total
            if label == "failed":
                failed[name,] = tally.written_at.timestamp()
        elif name == "webhook":
            rejected[label,] = tally.total
        elif name == "operator_login":
            logins[label,] = tally.total
    yield _counter(
        "link_requests", "Requests with a link of a mail, by how they ended.", "link outcome", links.items()
    )
    yield _gauge(
        "link_last_failure_timestamp_seconds",
        "When it was last written down that one failed on our side; 0 is never.",
        "link",
        failed.items(),
    )
    yield _counter("webhook_rejected", "Webhook bodies turned away.", "reason", rejected.items())
    yield _counter("operator_logins_refused", "Logins to operators' pages.", "reason", logins.items())


def _counted(numbers: Numbers) -> Iterator[Metric]:
    """As a worker last counted them; nothing before that."""
    by_name: dict[str, list[tuple[tuple[str, ...], float]]] = defaultdict(list)
    for (name, label), value in numbers.counts.items():
        by_name[name].append((tuple(label.split("/")) if label else (), value))
    for name, words, labels in (
        ("subscribers", "People.", "state frequency"),
        ("subscriptions", "What people follow.", "kind state"),
        ("sign_ups", "Asked for.", "state"),
        ("suppressions", "Addresses that must not be mailed.", "reason"),
        ("subscription_changes", "What people changed, so far.", "action via"),
    ):
        yield _gauge(name, words, labels, by_name[name])
    yield _gauge(
        "delivery_unacknowledged", "Accepted a day ago, not heard of since.", "", by_name["unacknowledged"]
    )
    if numbers.counted_at:
        at = numbers.counted_at.timestamp()
        yield _gauge("counted_timestamp_seconds", "When these were counted.", "", [((), at)])


def _by_state(rows: Iterable[OpenMail]) -> Samples:
    found: dict[tuple[str, ...], float] = {(state, mail): 0 for state in OPEN_STATES for mail in MAILS}
    for row in rows:
        found[row.state, row.mail] += row.mails
    return found.items()


def _per_mail(rows: Iterable[OpenMail]) -> Samples:
    found: dict[tuple[str, ...], float] = {(mail,): 0 for mail in MAILS}
    for row in rows:
        found[row.mail,] += row.mails
    return found.items()


def _due_ages(numbers: Numbers) -> Samples:
    found: dict[tuple[str, ...], float] = {(mail,): 0 for mail in MAILS}
    for row in numbers.open:
        if row.due and not row.held:
            found[row.mail,] = max(found[row.mail,], _age(row.due_since, numbers.at))
    return found.items()


def _open_ages(numbers: Numbers) -> Samples:
    found: dict[tuple[str, ...], float] = {(state, mail): 0 for state in OPEN_STATES for mail in MAILS}
    for row in numbers.open:
        if not row.held:
            key = row.state, row.mail
            found[key] = max(found[key], _age(row.open_since, numbers.at))
    return found.items()


def _letter_ages(numbers: Numbers) -> Samples:
    since = oldest_letters(numbers.open, numbers.at)
    return [((mail,), _age(since.get(mail), numbers.at)) for mail in MAILS if mail not in OF_RUNS]


def _age(since: datetime | None, now: datetime) -> float:
    return max(now - since, timedelta(0)).total_seconds() if since else 0.0


def _gauge(name: str, words: str, labels: str, samples: Samples) -> Metric:
    return _filled(GaugeMetricFamily(f"notifier_{name}", words, labels=labels.split()), samples)


def _counter(name: str, words: str, labels: str, samples: Samples) -> Metric:
    return _filled(CounterMetricFamily(f"notifier_{name}", words, labels=labels.split()), samples)


def _filled(family: GaugeMetricFamily | CounterMetricFamily, samples: Samples) -> Metric:
    for values, number in samples:
        family.add_metric(values, number)
    return family


@cache
def _version() -> str:
    try:
        return version("notifier")
    except PackageNotFoundError:
        return "unknown"
