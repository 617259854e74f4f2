"""The signed event webhook: posts events in batches, repeats, mixes up and leaves out, and tries again."""

import base64
import random
import threading
import time
from dataclasses import dataclass

import orjson
import urllib3
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.fakes.sendgrid.events import Event

HEADER = "X-Twilio-Email-Event-Webhook-"
MAY_BE_MISSING = ("sg_message_id", "smtp-id", "status", "category", "reason")


class Signer:
    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())

    @property
    def public_key(self) -> str:
        """As the settings page of SendGrid shows it."""
        spki = self._key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return base64.b64encode(spki).decode()

    def headers(self, body: bytes, at: int) -> dict[str, str]:
        signature = self._key.sign(str(at).encode() + body, ec.ECDSA(hashes.SHA256()))
        return {
            "Content-Type": "application/json",
            HEADER + "Signature": base64.b64encode(signature).decode(),
            HEADER + "Timestamp": str(at),
        }


@dataclass
class WebhookConfig:
    """Odds are of each event. `retry` is the first wait in seconds after an answer other than 2xx; it doubles."""

    url: str | None = None
    interval: float = 0.05
    batch: int = 500
    duplicates: float = 0.0
    shuffle: bool = False
    missing: float = 0.0
    retry: float = 0.1
    seed: int = 0


class Webhook:
    def __init__(self, signer: Signer, config: WebhookConfig) -> None:
        self.signer = signer
        self.posts = self.failures = self.sent = 0
        self._lock = threading.Lock()
        self._waiting: list[Event] = []
        self._retries: list[tuple[float, float, list[Event]]] = []  # due, wait, events
        self._in_hand = 0
        self._stop = threading.Event()
        self._http = urllib3.PoolManager(retries=False, timeout=10)
        self._thread: threading.Thread | None = None
        self.configure(config)

    def configure(self, config: WebhookConfig) -> None:
        self.config = config
        self._chance = random.Random(config.seed)
        if config.url and self._thread is None:
            self._thread = threading.Thread(target=self._run, daemon=True, name="event-webhook")
            self._thread.start()

    def add(self, events: list[Event]) -> None:
        """Events of a time without a URL are lost, as with the real one."""
        if self.config.url:
            with self._lock:
                self._waiting += events

    @property
    def waiting(self) -> int:
        with self._lock:
            return len(self._waiting) + self._in_hand + sum(len(events) for _, _, events in self._retries)

    def post(self, events: list[Event]) -> int:
        """Sign and post now; the status, or 0 without an answer."""
        if not self.config.url:
            return 0
        body = orjson.dumps(events) + b"\r\n"
        self.posts += 1
        try:
            headers = self.signer.headers(body, int(time.time()))
            status = self._http.request(
                "POST", self.config.url, body=body, headers=headers, redirect=False
            ).status
        except urllib3.exceptions.HTTPError:
            status = 0
        if 200 <= status < 300:
            self.sent += len(events)
        else:
            self.failures += 1
        return status

    def close(self) -> None:
        self._stop.set()
        if self._thread:
            self._thread.join(timeout=15)

    def _run(self) -> None:
        while not self._stop.wait(self.config.interval):
            for wait, events in self._due():
                if not 200 <= self.post(events) < 300:
                    with self._lock:
                        self._retries.append((time.monotonic() + wait, wait * 2, events))
                with self._lock:
                    self._in_hand -= len(events)

    def _due(self) -> list[tuple[float, list[Event]]]:
        now, config = time.monotonic(), self.config
        with self._lock:
            fresh, self._waiting = self._waiting, []
            again = [(wait, events) for due, wait, events in self._retries if due <= now]
            self._retries = [entry for entry in self._retries if entry[0] > now]
            fresh = self._disturbed(fresh)
            batches = [fresh[start : start + config.batch] for start in range(0, len(fresh), config.batch)]
            due = again + [(config.retry, events) for events in batches]
            self._in_hand = sum(len(events) for _, events in due)
        return due

    def _disturbed(self, events: list[Event]) -> list[Event]:
        config, chance = self.config, self._chance
        if config.duplicates:
            events = events + [event for event in events if chance.random() < config.duplicates]
        if config.missing:
            events = [self._poorer(event) if chance.random() < config.missing else event for event in events]
        if config.shuffle:
            chance.shuffle(events)
        return events

    def _poorer(self, event: Event) -> Event:
        lost = self._chance.choice(MAY_BE_MISSING)
        return {name: value for name, value in event.items() if name != lost}
