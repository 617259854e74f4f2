"""The table of a run."""

from collections import Counter
from collections.abc import Iterable
from statistics import median
from typing import Any

from tests.faults import steps
from tests.faults.seed import Result

HEAD = "seed  mails kills faults missed twice wrong open doubt  secs  letters missed twice again"
NO_FAULT = ("202", "400")


def line(result: Result) -> str:
    verdict, letters = result.verdict, result.verdict.letters
    return (
        f"{result.plan.seed:>4} {result.mails:>6} {kills(result):>5} {sum(faults(result).values()):>6}"
        f" {verdict.people_missed:>6} {len(verdict.twice):>5} {len(verdict.wrong):>5}"
        f" {sum(verdict.open.values()):>4} {verdict.doubted:>5} {result.seconds:>5.0f}"
        f"  {letters.promised:>7} {len(letters.missed):>6} {len(letters.twice):>5} {letters.again:>5}"
        f"{'' if result.rested else '  did not come to rest'}{'' if result.good else '  <-- NOT GOOD'}"
    )


def kills(result: Result) -> int:
    return len(result.deaths) + sum(count for name, count in result.did.items() if name.endswith("killed"))


def faults(result: Result) -> dict[str, int]:
    return {name: count for name, count in result.answers.items() if name not in NO_FAULT}


def summary(results: list[Result]) -> str:
    by_step = Counter(death.step for result in results for death in result.deaths)
    did: Counter[str] = sum((result.did for result in results), Counter())
    answers: Counter[str] = sum((Counter(faults(result)) for result in results), Counter())
    return "\n".join(
        [
            HEAD,
            *(line(result) for result in results),
            "",
            "Killed with -9 at a named step",
            *(f"  {count:>5}  {steps.STEPS[step]}" for step in steps.STEPS if (count := by_step[step])),
            "",
            "Broken around it",
            *(f"  {count:>5}  {name}" for name, count in sorted(did.items())),
            "",
            "The provider's answers other than 202 and 400",
            *(f"  {count:>5}  {name}" for name, count in sorted(answers.items())),
            "",
            f"One-click POSTs that were answered with 5xx and repeated: {sum(r.refused_clicks for r in results)}",
            *recovery(results),
        ]
    )


def recovery(results: list[Result]) -> list[str]:
    deaths = [death for result in results for death in result.deaths]
    return [
        "",
        "From a kill until nothing of what was then under way was",
        f"  without an owner: {_spread(death.noticed for death in deaths)}",
        f"  in doubt:         {_spread(death.settled for death in deaths)}",
    ]


def _spread(times: Iterable[float | None]) -> str:
    known = sorted(time for time in times if time is not None)
    return f"median {median(known):.1f} s, longest {known[-1]:.1f} s" if known else "nothing measured"


def as_json(results: list[Result]) -> list[dict[str, Any]]:
    return [
        {
            "seed": result.plan.seed,
            "people": result.plan.people,
            "webhook": result.plan.webhook,
            "good": result.good,
            "rested": result.rested,
            "mails": result.mails,
            "missed": result.verdict.missed,
            "twice": result.verdict.twice,
            "wrong": result.verdict.wrong,
            "open": result.verdict.open,
            "doubted": result.verdict.doubted,
            "letters": vars(result.verdict.letters),
            "parked": result.parked,
            "unlisted": result.unlisted,
            "deaths": Counter(death.step for death in result.deaths),
            "recovery": [[death.step, death.noticed, death.settled] for death in result.deaths],
            "did": result.did,
            "answers": result.answers,
            "seconds": round(result.seconds, 1),
        }
        for result in results
    ]
