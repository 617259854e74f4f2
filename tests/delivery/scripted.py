"""A provider that answers as a test says, and remembers who got what."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from notifier.delivery.providers import Outcome, OutgoingBatch

Answer = Callable[[OutgoingBatch], Outcome]


def accept(batch: OutgoingBatch) -> Outcome:
    return Outcome("accepted", message_id=f"message-{batch.batch_id}")


@dataclass
class ScriptedProvider:
    """`answers` are used up in order; then everything is accepted."""

    answers: list[Answer] = field(default_factory=list)
    name: str = "sendgrid"
    repeatable: bool = False
    most_recipients: int = 1000
    calls: int = 0
    mailed: Counter[str] = field(default_factory=Counter)
    subjects: list[str] = field(default_factory=list)
    batches: list[OutgoingBatch] = field(default_factory=list)

    def send(self, batch: OutgoingBatch, now: datetime) -> Outcome:
        self.calls += 1
        self.batches.append(batch)
        outcome = (self.answers.pop(0) if self.answers else accept)(batch)
        if outcome.kind == "accepted":
            left_out = {*outcome.refused, *outcome.deferred, *outcome.unknown}
            self.mailed.update(p.email for p in batch.recipients if p.delivery_id not in left_out)
            self.subjects.append(batch.subject)
        return outcome

    def close(self) -> None:
        pass
