"""What goes wrong, and when: in a fixed order for a test, or by seeded chance for a long run."""

import random
import re
from dataclasses import dataclass, field
from typing import Any

NAMES = re.compile(r"(?P<status>[2345]\d\d)(?P<after>_after)?|(reset|hang)_(before|after)|none")


@dataclass
class Fault:
    """`name`: 429, 503, 500_after, reset_before, reset_after, hang_before, hang_after, or none.

    `before`: nothing was accepted (a reset comes even before the body is read). `after`: the mail is taken.
    """

    name: str
    times: int = 1
    seconds: float = 0.0  # wait before acting
    reset_in: float | None = None  # X-RateLimit-Reset, from now
    message: str | None = None
    where: str | None = None  # the field that the error names
    headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not NAMES.fullmatch(self.name):
            raise ValueError(f"unknown fault {self.name!r}; see {Fault.__doc__}")

    @property
    def status(self) -> int | None:
        return int(self.name[:3]) if self.name[0].isdigit() else None

    @property
    def accepts(self) -> bool:
        return self.name.endswith("_after") or self.name == "none"


@dataclass
class Script:
    """`faults` first, one call after the other; then chance; else nothing goes wrong."""

    faults: list[Fault] = field(default_factory=list)
    odds: dict[str, float] = field(default_factory=dict)
    chance: random.Random = field(default_factory=lambda: random.Random(0))
    latency: float = 0.0  # seconds, of each answer
    refuse: frozenset[str] = frozenset()  # addresses (lower case) that make a call fail with 400
    name_refused: bool = True  # does the 400 say which one

    @classmethod
    def read(cls, data: dict[str, Any]) -> "Script":
        """Raises ValueError or TypeError that says what is not understood."""
        unknown = set(data) - {"faults", "random", "latency", "refuse", "name_refused"}
        if unknown:
            raise ValueError(f"unknown in script: {sorted(unknown)}")
        chance = data.get("random", {})
        odds = {Fault(name).name: float(odd) for name, odd in chance.get("odds", {}).items()}
        faults = [Fault(item) if isinstance(item, str) else Fault(**item) for item in data.get("faults", [])]
        return cls(
            faults=faults,
            odds=odds,
            chance=random.Random(chance.get("seed", 0)),
            latency=float(data.get("latency", 0)),
            refuse=frozenset(address.lower() for address in data.get("refuse", [])),
            name_refused=bool(data.get("name_refused", True)),
        )

    def next(self) -> Fault | None:
        if self.faults:
            fault = self.faults[0]
            fault.times -= 1
            if fault.times == 0:
                self.faults.pop(0)
            return fault
        draw = self.chance.random() if self.odds else 1.0
        for name, odd in self.odds.items():
            draw -= odd
            if draw < 0:
                return Fault(name)
        return None
