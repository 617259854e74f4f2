"""What each button of somebody's own page does."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from notifier.delivery.erasing import erase
from notifier.delivery.withdrawing import stop_one, undo_all, undo_one
from notifier.languages.messages import Message
from notifier.links.keys import email_key
from notifier.subscriptions.after_the_end import follow_condition
from notifier.subscriptions.changing import (
    pause,
    reschedule,
    resume,
    set_locale,
    set_reach,
    set_titles,
    try_address_again,
)
from notifier.subscriptions.overview import Followed, Overview
from notifier.subscriptions.schedules import FREQUENCIES, Rhythm, known_zones
from notifier.subscriptions.stopping import stop_all
from notifier.web.forms import Form
from notifier.web.mailing import post_receipt
from notifier.web.months import months_later
from notifier.web.negotiation import LANG, ours
from notifier.web.service import Service
from notifier.web.words import OFTEN

VIA = "manage"
PAUSE_MONTHS = (1, 3, 6, 12)  # the last one stands for "until I start them again"
NOT_ARRIVING = ("bounced", "soft bounces", "invalid")
REACHES = {"4": 4, "3": 3}


@dataclass(frozen=True)
class Visit:
    """`conn` is an open transaction."""

    service: Service
    conn: Connection
    person: Overview
    now: datetime

    def followed(self, form: Form) -> Followed | None:
        """The update that a form is about; only one of this person's own."""
        return next(
            (one for one in self.person.subscriptions if str(one.public_id) == form.get("which")), None
        )


@dataclass(frozen=True)
class Done:
    text: Message
    ok: bool = True


TITLES_SHOWN = Message("Saved. The subject line shows study titles.")
TITLES_HIDDEN = Message("Saved. The subject line does not show study titles.")
STOPPED = Done(Message("Nothing was changed, as all emails are stopped."), ok=False)
NOTHING = Done(Message("Nothing was changed. Please try once more."), ok=False)


def change_rhythm(visit: Visit, form: Form) -> Done:
    frequency, zone = form.get("frequency"), form.get("zone")
    hour, weekday = _number(form.get("hour"), 0, 23), _number(form.get("weekday"), 1, 7)
    if frequency not in FREQUENCIES:
        return NOTHING
    if frequency != "immediate" and (hour is None or weekday is None or zone not in known_zones()):
        return Done(Message("Nothing was changed. Please choose an hour, a day and a time zone."), ok=False)
    rhythm = Rhythm.of(frequency, zone, hour or 0, weekday or 0)
    reschedule(visit.conn, visit.person.subscriber_id, rhythm, now=visit.now, via=VIA)
    return Done(Message("Saved. You get emails: %(often)s.", often=OFTEN[frequency]))


def change_reach(visit: Visit, form: Form) -> Done:
    one, reach = visit.followed(form), REACHES.get(form.get("reach"))
    if one is None or reach is None or one.ended_at or one.kind != "condition":
        return NOTHING
    set_reach(visit.conn, visit.person.subscriber_id, one.public_id, reach, now=visit.now, via=VIA)
    return Done(Message("Saved for %(condition)s.", condition=one.label))


def change_titles(visit: Visit, form: Form) -> Done:
    on = form.get("titles") == "on"
    set_titles(visit.conn, visit.person.subscriber_id, on, now=visit.now, via=VIA)
    return Done(TITLES_SHOWN if on else TITLES_HIDDEN)


def change_language(visit: Visit, form: Form) -> Done:
    """The page that answers has it too."""
    language = ours(form.get(LANG))
    if language is None:
        return NOTHING
    set_locale(visit.conn, visit.person.subscriber_id, language.locale, now=visit.now, via=VIA)
    return Done(Message("Saved. Your emails come in this language: %(language)s.", language=language.name))


def start_pause(visit: Visit, form: Form) -> Done:
    months = _number(form.get("months"), 1, max(PAUSE_MONTHS))
    if months is None:
        return Done(Message("Nothing was changed. Please choose how long to pause."), ok=False)
    until = months_later(visit.now, months)
    pause(visit.conn, visit.person.subscriber_id, until, now=visit.now, via=VIA)
    return Done(Message("Your emails are paused until %(date)s.", date=until.date()))


def end_pause(visit: Visit, form: Form) -> Done:
    resume(visit.conn, visit.person.subscriber_id, now=visit.now, via=VIA)
    return Done(Message("Your emails are on again."))


def follow_instead(visit: Visit, form: Form) -> Done:
    """A condition of a study that has ended."""
    one, condition = visit.followed(form), form.get("condition")
    if one is None or condition not in one.offers:
        return NOTHING
    follow_condition(visit.conn, visit.person.subscriber_id, condition, via=VIA, now=visit.now)
    return Done(Message("From now on you hear of new studies of %(condition)s.", condition=condition))


def stop_this(visit: Visit, form: Form) -> Done:
    one = visit.followed(form)
    if one is None:
        return NOTHING
    stop_one(visit.conn, visit.person.public_id, one.target_id, via=VIA, now=visit.now)
    return Done(
        Message("Stopped: %(name)s. An email already on its way may still come today.", name=one.label)
    )


def stop_everything(visit: Visit, form: Form) -> Done:
    if stop_all(visit.conn, visit.person.public_id, reason=VIA, now=visit.now) == "stopped":
        post_receipt(visit.conn, visit.person.public_id, visit.now)
    return Done(Message("All emails stopped."))


def undo_this(visit: Visit, form: Form) -> Done:
    one = visit.followed(form)
    if one is None:
        return NOTHING
    return undone(undo_one(visit.conn, visit.person.public_id, one.public_id, via=VIA, now=visit.now))


def undo_everything(visit: Visit, form: Form) -> Done:
    return undone(undo_all(visit.conn, visit.person.public_id, via=VIA, now=visit.now))


def undone(result: str) -> Done:
    return {
        "undone": Done(Message("Your updates are on again.")),
        "nothing": Done(Message("There was nothing to undo.")),
        "too_late": Done(Message("That was more than 30 days ago. Please sign up again."), ok=False),
    }.get(result, Done(Message("Please sign up again. We need your agreement once more."), ok=False))


def try_again(visit: Visit, form: Form) -> Done:
    """For a mailbox that was full or closed; what the person or an operator said stands."""
    if not try_address_again(visit.conn, visit.person.subscriber_id, via=VIA, now=visit.now):
        return NOTHING
    return Done(Message("Thank you. We will try again with the next news."))


def delete_data(visit: Visit, form: Form) -> Done:
    key = email_key(visit.service.keys, visit.person.email)
    erase(visit.conn, key, settings=visit.service.settings, now=visit.now)
    return Done(Message("Your data is deleted."))


def act(visit: Visit, form: Form) -> Done:
    """What the button says, unless it stood on a page from before everything stopped, in another tab. Raises
    LookupError for people who are gone."""
    wanted = form.get("do")
    if visit.person.state == "stopped" and wanted in _OF_RUNNING:
        return STOPPED
    return ACTIONS[wanted](visit, form)


def _number(typed: str, least: int, most: int) -> int | None:
    is_number = typed.isascii() and typed.isdecimal() and len(typed) <= 2
    return int(typed) if is_number and least <= int(typed) <= most else None


ACTIONS: dict[str, Callable[[Visit, Form], Done]] = {
    "often": change_rhythm,
    "reach": change_reach,
    "titles": change_titles,
    "language": change_language,
    "pause": start_pause,
    "resume": end_pause,
    "follow": follow_instead,
    "stop_one": stop_this,
    "stop_all": stop_everything,
    "undo_one": undo_this,
    "undo_all": undo_everything,
    "try_again": try_again,
    "delete": delete_data,
}
_OF_RUNNING = ("often", "reach", "follow", "titles", "language", "pause", "resume")
