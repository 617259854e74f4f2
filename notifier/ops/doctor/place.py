"""The machine and the program: Python, time zones, templates, disk, outbox, and how tasks are limited."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from notifier.digests.samples import MAILS, render_sample
from notifier.languages.catalogue import locales
from notifier.ops.doctor.finding import Finding, doubtful, well, wrong
from notifier.settings import Settings
from notifier.settings_checks import on_this_machine

OLDEST_PYTHON = (3, 11)
MIB = 1024 * 1024
LITTLE_SPACE, NO_SPACE = 1024 * MIB, 200 * MIB
FEWEST_ZONES = 400  # a whole tzdata has some 600
OLD_ZONES = 3  # years
ZONES_WHY = "Digests go out at the reader's own hour; zones change a few times a year."


@dataclass(frozen=True)
class Limits:
    """Of the queue, as workers have them."""

    visibility_timeout: timedelta
    task_time_limit: timedelta


def python() -> Iterator[Finding]:
    own = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] < OLDEST_PYTHON:
        oldest = ".".join(map(str, OLDEST_PYTHON))
        yield wrong("python", f"This is Python {own}.", remedy=f"Install Python {oldest} or newer.")
        return
    yield well("python", f"Python {own}, Notifier {_own_version()}.")


def time_zones(year: int) -> Iterator[Finding]:
    remedy = "Install the newest tzdata: pip install --upgrade tzdata."
    try:
        ZoneInfo("Europe/Berlin")
        zones = len(available_timezones())
    except (ZoneInfoNotFoundError, OSError):
        zones = 0
    if zones < FEWEST_ZONES:
        yield wrong("time-zones", f"Only {zones} time zones are known here.", why=ZONES_WHY, remedy=remedy)
        return
    release = _zone_release()
    if release and int(release[:4]) < year - OLD_ZONES:
        yield doubtful("time-zones", f"Time zones are as of {release}.", why=ZONES_WHY, remedy=remedy)
        return
    yield well("time-zones", f"{zones} time zones{f', as of {release}' if release else ''}.")


def templates(settings: Settings) -> Iterator[Finding]:
    """Every made-up mail in English; a template that has a mistake is named."""
    for name in MAILS:
        try:
            render_sample(name, settings)
        except Exception as error:  # of Jinja, of ours, of the inliner: any of them stops this mail
            yield wrong(
                "templates",
                f"{name} cannot be rendered ({type(error).__name__}).",
                why="Whoever should get such a mail gets none.",
                remedy=f"`notifier mail preview {name}` shows the mistake.",
            )
            return
    count = len(locales())
    yield well("templates", f"All {len(MAILS)} mails render; {count} language{'s' if count > 1 else ''}.")


def disk(settings: Settings) -> Iterator[Finding]:
    """Only of what we write ourselves: the embedded servers' data, and mail as files."""
    folders = []
    if settings.database_url is None or settings.redis_url is None:
        folders.append(settings.notifier_home)
    if settings.mail_provider == "outbox":
        folders.append(settings.outbox_path)
    if not folders:
        return
    free = min(shutil.disk_usage(_nearest(folder)).free for folder in folders)
    told = f"{free / MIB:,.0f} MB are free"
    remedy = "Make room, or put NOTIFIER_HOME on a larger disk."
    if free < NO_SPACE:
        yield wrong("disk", f"Only {told}.", why="PostgreSQL stops when its disk is full.", remedy=remedy)
    elif free < LITTLE_SPACE:
        yield doubtful("disk", f"Only {told}.", why="A large run writes some hundred MB.", remedy=remedy)
    else:
        yield well("disk", f"{told}.")


def outbox(settings: Settings) -> Iterator[Finding]:
    if settings.mail_provider != "outbox":
        return
    folder = _nearest(settings.outbox_path)
    try:
        if not folder.is_dir():
            raise NotADirectoryError(20, "it is a file, not a folder")
        if folder == settings.outbox_path:
            with tempfile.TemporaryFile(dir=folder):
                pass
        elif not os.access(folder, os.W_OK):
            raise PermissionError(13, "Permission denied")
    except OSError as error:
        yield wrong(
            "outbox",
            f"The outbox {settings.outbox_path} cannot be written: {error.strerror or type(error).__name__}.",
            why="Every mail would fail.",
            remedy="Set OUTBOX_DIR to a folder that the workers may write to.",
        )
        return
    told = "Mail goes into files, to nobody (MAIL_PROVIDER=outbox)"
    if on_this_machine(settings.public_url):
        yield well("outbox", f"{told}; the folder can be written.")
    else:
        yield wrong(
            "outbox",
            f"{told}, though PUBLIC_URL leads to the world.",
            why="People sign up there and get no mail, not even the one that confirms; all of it counts as sent.",
            remedy="Set MAIL_PROVIDER to sendgrid or smtp; or PUBLIC_URL to this machine, if this is a trial.",
        )


def proxies(settings: Settings) -> Iterator[Finding]:
    """The web process speaks no TLS, so an address that the world can reach is a proxy's."""
    if settings.trusted_proxies or on_this_machine(settings.public_url):
        yield well("proxies", "Visitors are told apart.")
        return
    yield doubtful(
        "proxies",
        "TRUSTED_PROXIES is 0, but a proxy must stand before the web process, as PUBLIC_URL is https.",
        why="All visitors look like one: a few strangers can use up the sign-ups of all, and the operator's logins.",
        remedy="Set it to how many proxies add to X-Forwarded-For, mostly 1.",
    )


def task_limits(limits: Limits) -> Iterator[Finding]:
    visible, longest = limits.visibility_timeout, limits.task_time_limit
    told = f"{longest.total_seconds():g} s for a task, {visible.total_seconds():g} s until Redis hands it on"
    if visible <= longest:
        yield wrong(
            "visibility-timeout",
            f"The visibility time-out is too short: {told}.",
            why="Redis would hand a task that still runs to a second worker.",
            remedy="Make visibility_timeout in tasks/options.py longer than task_time_limit.",
        )
        return
    yield well("visibility-timeout", f"{told}.")


def _nearest(folder: Path) -> Path:
    """The folder itself, or what it would be made in."""
    folder = folder.absolute()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder


def _own_version() -> str:
    try:
        return version("notifier")
    except PackageNotFoundError:
        return "of unknown version"


def _zone_release() -> str:
    """Such as 2026.2; empty where the system's own data is used and says nothing."""
    try:
        return version("tzdata")
    except PackageNotFoundError:
        return ""
