"""Several events of one study in one edition become one card: first before, last after."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from notifier.digests.content import Change, Item, Reason
from notifier.digests.net_lists import net_list
from notifier.digests.statuses import STOPPED, statuses


def collapse(items: Iterable[Item]) -> tuple[Item, ...]:
    """One item for each study, in the order of first sight. What cancels out is gone.

    A study with no change left is dropped, unless it is new. A second collapse changes nothing.
    """
    studies: dict[str, list[Item]] = {}
    for item in items:
        studies.setdefault(item.nct_id, []).append(item)
    merged = (_merge(sorted(events, key=_position)) for events in studies.values())
    return tuple(item for item in merged if item.kind == "new_study" or item.changes)


def _position(item: Item) -> int:
    return item.position


def _merge(events: Sequence[Item]) -> Item:
    if len(events) == 1 and not _has_repeated_field(events[0].changes):
        return _without_old_reason(events[0])
    once = {event.position: event.changes for event in events}  # an event that matched twice counts once
    changed = _without_old_reason(
        replace(
            events[-1],
            kind="study_changed",
            changes=_net_changes(change for changes in once.values() for change in changes),
            card=next((event.card for event in reversed(events) if event.card), None),
            reasons=_reasons(reason for event in events for reason in event.reasons),
            occurred_on=max((event.occurred_on for event in events if event.occurred_on), default=None),
            told={},
        )
    )
    is_new = any(event.kind == "new_study" for event in events)
    if is_new and not (changed.changes and any(map(_is_about_followed, events))):
        return replace(changed, kind="new_study", changes=())
    return changed


def _is_about_followed(event: Item) -> bool:
    return event.kind == "study_changed" and any(reason.kind == "study" for reason in event.reasons)


def _without_old_reason(item: Item) -> Item:
    """Why a study stopped is no news of one that goes on, or has ended in another way."""
    for change in item.changes:
        if change["field"] == "whyStopped":
            break
    else:
        return item
    if statuses(item.changes, item.study).after in STOPPED:
        return item
    return replace(item, changes=tuple(one for one in item.changes if one is not change))


def _has_repeated_field(changes: Sequence[Change]) -> bool:
    return len({change["field"] for change in changes}) < len(changes)


def _reasons(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    """Each target once, with its best evidence."""
    best: dict[int, Reason] = {}
    for reason in reasons:
        known = best.get(reason.target_id)
        if known is None or reason.evidence < known.evidence:
            best[reason.target_id] = reason
    return tuple(best.values())


def _net_changes(changes: Iterable[Change]) -> tuple[Change, ...]:
    fields: dict[str, list[Change]] = {}
    for change in changes:
        fields.setdefault(change["field"], []).append(change)
    net = (_net(field, steps) for field, steps in fields.items())
    return tuple(change for change in net if change is not None)


def _net(field: str, steps: Sequence[Change]) -> Change | None:
    if len(steps) == 1:
        return steps[0]
    if all("added" in step for step in steps):
        return net_list(field, steps)
    before: Any = steps[0]["before"]
    after: Any = steps[-1]["after"]
    return None if before == after else {"field": field, "before": before, "after": after}
