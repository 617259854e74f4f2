"""The web process as the world sees it: reached, ready, and one-click as mail providers use it."""

from collections.abc import Iterator
from uuid import uuid4

from sqlalchemy import Engine

from notifier.errors import NotifierError
from notifier.links.keys import signing_keys
from notifier.links.tokens import UnsubscribeLinks
from notifier.ops.doctor.asking import Answer, Unreachable, ask
from notifier.ops.doctor.finding import Finding, doubtful, unseen, well, wrong
from notifier.ops.doctor.round_trip import QUESTION, question_for_web, web_agrees
from notifier.ops.doctor.secrets import for_real_people
from notifier.settings import Settings
from notifier.settings_checks import on_this_machine

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
ONE_CLICK_BODY = "List-Unsubscribe=One-Click"
ONE_CLICK_WHY = "Whoever wants no more mail must be able to stop it; the law and every mailbox ask for it."
START_WEB = (
    "Start the web process (`web` in the Procfile, or `notifier up`); see PUBLIC_URL, PORT and the proxy."
)


def public_url(settings: Settings) -> Iterator[Finding]:
    local = on_this_machine(settings.public_url)
    if local and for_real_people(settings):
        yield wrong(
            "public-url",
            "PUBLIC_URL leads to this machine only.",
            why="Nobody who reads a mail could follow its links.",
            remedy="Set it to an https:// address.",
        )
        return
    try:
        alive = ask(f"{settings.public_url}/healthz")
    except Unreachable as error:
        yield wrong(
            "public-url",
            f"{settings.public_url} cannot be reached: {error}.",
            why="Links in mail, the webhook and unsubscribing lead there.",
            remedy=START_WEB,
        )
        return
    if alive.status != 200 or alive.json() != {"status": "ok"}:
        yield wrong(
            "public-url",
            f"Somebody else answers at {settings.public_url} (HTTP {alive.status}).",
            why="Links in mail, the webhook and unsubscribing lead there.",
            remedy=START_WEB,
        )
        return
    yield well("public-url", f"{settings.public_url} answers{', on this machine only' if local else ''}.")


def ready(settings: Settings, engine: Engine) -> Iterator[Finding]:
    """Also whether it has the settings and the database that this command has."""
    with question_for_web(settings) as asked:
        headers = {QUESTION: asked.question} if asked else {}
        try:
            told = ask(f"{settings.public_url}/readyz", headers=headers).json()
        except Unreachable:
            yield unseen("web-ready", "PUBLIC_URL cannot be reached")
            return
        found = _readiness(told if isinstance(told, dict) else {})
        yield found
        if asked and found.status == "pass":
            yield web_agrees(settings, engine, asked)


def _readiness(told: dict[str, object]) -> Finding:
    if told.get("status") != "ready":
        return wrong(
            "web-ready",
            f"The web process is not ready: its database is {told.get('database', 'unknown')}.",
            why="Every page answers with an error.",
            remedy="Check DATABASE_URL where the web process runs.",
        )
    if told.get("redis") != "ok":
        return doubtful(
            "web-ready",
            "The web process cannot reach Redis.",
            why="Sign-up and `send me a link` answer 503.",
            remedy="Check REDIS_URL where the web process runs.",
        )
    return well("web-ready", "The web process reaches its database and Redis.")


def one_click(settings: Settings) -> Iterator[Finding]:
    """With a link that is genuine and nobody's: to look must be safe, and to post must be taken."""
    try:
        keys = signing_keys(settings, make=False)
    except NotifierError:
        yield unseen("one-click", "there is no signing key here")
        return
    url = UnsubscribeLinks(keys, settings.public_url).url(uuid4())
    try:
        looked, posted = ask(url), ask(url, method="POST", headers=FORM, body=ONE_CLICK_BODY)
    except Unreachable:
        yield unseen("one-click", "PUBLIC_URL cannot be reached")
        return
    problem = _look_problem(looked) or _post_problem(posted)
    if problem:
        yield wrong("one-click", problem[0], why=ONE_CLICK_WHY, remedy=problem[1])
    else:
        yield well("one-click", "To open an unsubscribe link changes nothing; to post to it is taken.")


def _look_problem(answer: Answer) -> tuple[str, str] | None:
    if answer.status in (400, 410):
        return (
            "The web process refuses links that are signed here.",
            "Give all processes the same SECRET_KEYS.",
        )
    if answer.status != 200:
        return f"An unsubscribe link opens with HTTP {answer.status}.", START_WEB
    if "no-store" not in answer.headers.get("cache-control", "") or "set-cookie" in answer.headers:
        return (
            "The page behind an unsubscribe link is changed on its way.",
            "Have the proxy pass it on as it is.",
        )
    if b"You are unsubscribed" in answer.body:
        return "To look at an unsubscribe link takes it.", "Have the proxy pass on GET as GET."
    return None


def _post_problem(answer: Answer) -> tuple[str, str] | None:
    if answer.status == 200:
        return None
    told = f"One-click unsubscribing is answered with HTTP {answer.status}."
    if 300 <= answer.status < 400:
        return told, "Mail providers follow no redirect: have the proxy pass the POST on."
    return told, "Have the proxy or firewall pass POST /u/… on, from anybody and without a cookie."
