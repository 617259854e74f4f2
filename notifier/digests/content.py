"""What a digest says (input of the renderer) and what comes of it (its output)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

from notifier.errors import NotifierError

Change = Mapping[str, Any]  # {"field", "before", "after"}, keyed lists also "added", "removed", "changed"
Snapshot = Mapping[str, Any]  # what a card shows of a study, see registry/snapshot.py


@dataclass(frozen=True, slots=True)
class Reason:
    """A target that matched: the person's own choice, and its rank in conditions/targets.py."""

    kind: Literal["study", "condition"]
    label: str
    evidence: int
    target_id: int


@dataclass(frozen=True, slots=True)
class Card:
    """The site's plain-language card for a study. Parts that it does not have are empty."""

    question: str
    summary: str
    what_this_could_mean: str = ""
    active_substance: str = ""
    what_it_could_lead_to: str = ""
    what_could_go_wrong: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """One change event, or, after `collapse`, all there is to say about one study."""

    nct_id: str
    kind: Literal["new_study", "study_changed"]
    changes: tuple[Change, ...]
    study: Snapshot
    card: Card | None
    reasons: tuple[Reason, ...]
    position: int
    occurred_on: date | None
    told: dict[object, Any] = field(default_factory=dict, compare=False, repr=False)
    """What has been worked out of the event already. Items of the same event share it; one of several has its own."""

    def because(self, reasons: Iterable[Reason]) -> "Item":
        """The same event for these reasons. By hand, as an edition may hold hundreds: `replace` takes five times as
        long."""
        return Item(
            self.nct_id,
            self.kind,
            self.changes,
            self.study,
            self.card,
            tuple(reasons),
            self.position,
            self.occurred_on,
            self.told,
        )


@dataclass(frozen=True, slots=True)
class EditionContent:
    locale: str
    titles_in_subject: bool
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class RenderedMail:
    """The parts of a mail. Per-person links are still tags (see tags.py)."""

    subject: str
    text: str
    html: str


class NothingToSay(NotifierError):
    """Every change of an edition cancelled out. No empty digest is sent: its deliveries are skipped."""
