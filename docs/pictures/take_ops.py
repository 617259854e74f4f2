"""Take the pictures of the operators' pages anew, from a real database with made-up mail: `make pictures`."""

import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import sleep

import uvicorn
from playwright.sync_api import Browser, sync_playwright
from sqlalchemy import Engine, text

from notifier.db.engine import make_engine
from notifier.db.migrate import upgrade
from notifier.delivery import brakes
from notifier.embedded import ensure_services, release_services
from notifier.ops.heartbeat import QUEUES, beat
from notifier.settings import Settings
from notifier.web.app import create_app

HERE = Path(__file__).parent
NOW = datetime(2026, 11, 22, 3, 7, 12, tzinfo=UTC)
PORT = 8977
HOUR = timedelta(hours=1)
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

# Runs of each hour of the last day, and one of a million people under way. Only the sizes of batches are counted.
WORLD = """
INSERT INTO schedules (frequency, zone, hour, weekday, next_due_at, covered_to)
VALUES ('daily', 'Europe/Berlin', 4, 0, :now + interval '53 minutes', 40),
       ('weekly', 'UTC', 8, 1, :now + interval '29 hours', 20), ('immediate', 'UTC', 0, 0, :now, 40);
INSERT INTO runs (key, schedule_id, from_position, to_position, planned_at)
SELECT 'daily/2026-11-' || to_char(at, 'DD') || '/UTC/' || to_char(at, 'HH24'), 1, 20, 40, at
FROM generate_series(date_trunc('hour', :now) - interval '23 hours', :now, interval '1 hour') AS at;
INSERT INTO editions (key, locale, created_at) VALUES ('\\x01', 'en', :now);
INSERT INTO batches (run_id, edition_id, size, state, attempts, next_attempt_at, attempted_at, created_at, provider,
                     ended_at, failure_class, reason)
SELECT r.id, 1, 200 + (r.id * 7 + n) % 500, CASE WHEN n = 5 AND r.id % 6 = 0 THEN 'failed' ELSE 'accepted' END, 1,
       r.planned_at, r.planned_at, r.planned_at, 'sendgrid', r.planned_at + n * interval '2 seconds',
       CASE WHEN n = 5 AND r.id % 6 = 0 THEN 'refused' END,
       CASE WHEN n = 5 AND r.id % 6 = 0 THEN 'HTTP 400: the message is too large' END
FROM runs r, generate_series(1, 60) AS n WHERE r.planned_at < date_trunc('hour', :now);
INSERT INTO batches (run_id, edition_id, size, state, attempts, next_attempt_at, created_at, provider, ended_at)
SELECT max(r.id), 1, 1000, CASE WHEN n < 640 THEN 'accepted' ELSE 'planned' END, 1, max(r.planned_at),
       max(r.planned_at), 'sendgrid', CASE WHEN n < 640 THEN :now - (640 - n) * interval '300 milliseconds' END
FROM runs r, generate_series(1, 1000) AS n GROUP BY n;
INSERT INTO feedback_hours (hour, kind, digest, events)
SELECT date_trunc('hour', :now) - n * interval '1 hour', k, true,
       CASE k WHEN 'delivered' THEN 24000 + n * 100 WHEN 'bounce' THEN 40 + (n * 29) % 60 ELSE n % 2 END
FROM generate_series(0, 23) AS n, unnest(ARRAY['delivered', 'bounce', 'spamreport']) AS k;
INSERT INTO feedback_events (event_id, kind, occurred_at, received_at, applied_at)
VALUES ('1', 'delivered', :now - interval '4 seconds', :now - interval '2 seconds', :now)
"""


def main() -> None:
    chromium = next(filter(None, map(shutil.which, NAMES)), None)
    if chromium is None:
        sys.exit("There is no Chromium on PATH; on Debian, `apt-get install chromium` brings it.")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        settings = ensure_services(_settings(Path(folder))).model_copy(update={"mail_provider": "sendgrid"})
        engine = make_engine(str(settings.database_url))
        upgrade(engine)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            for name, scene in SCENES.items():
                _begin(engine)
                scene(engine)
                _take(browser, settings, engine, name)
            browser.close()
        engine.dispose()
        release_services()


def _settings(home: Path) -> Settings:
    return Settings(
        _env_file=None,
        notifier_home=home,
        public_url=f"http://localhost:{PORT}",
        secret_keys=["a-key-for-pictures-only-0123456789abc"],
    )


def _begin(engine: Engine) -> None:
    tables = "schedules, runs, editions, batches, feedback_hours, feedback_events, heartbeats, brakes"
    with engine.begin() as conn:
        conn.execute(text(f"TRUNCATE {tables} RESTART IDENTITY CASCADE"))
        for statement in WORLD.split(";\n"):
            conn.execute(text(statement.replace(":now", "CAST(:now AS timestamptz)")), {"now": NOW})
    for queue in QUEUES:
        beat(engine, now=NOW - timedelta(seconds=21), name=queue)


def _well(engine: Engine) -> None:
    pass


def _key_refused(engine: Engine) -> None:
    with engine.begin() as conn:
        brakes.pull(conn, "breaker", "HTTP 401: the provided authorization grant is invalid", now=NOW)
        conn.execute(
            text(
                """UPDATE batches SET state = 'retrying', failure_class = 'account', ended_at = NULL,
                          reason = 'HTTP 401: the provided authorization grant is invalid'
                   WHERE ended_at > :since OR state = 'planned'"""
            ),
            {"since": NOW - 2 * HOUR},
        )


def _scheduler_dead(engine: Engine) -> None:
    with engine.begin() as conn:
        conn.execute(text("UPDATE heartbeats SET seen_at = :at"), {"at": NOW - 7 * HOUR})
        conn.execute(text("DELETE FROM batches WHERE created_at > :at"), {"at": NOW - 7 * HOUR})
        conn.execute(text("DELETE FROM runs WHERE planned_at > :at"), {"at": NOW - 7 * HOUR})
        conn.execute(text("UPDATE schedules SET next_due_at = :at"), {"at": NOW - 6 * HOUR})
        conn.execute(text("DELETE FROM feedback_hours WHERE hour > :at"), {"at": NOW - 6 * HOUR})


SCENES: dict[str, Callable[[Engine], None]] = {
    "ops-well": _well,
    "ops-key-refused": _key_refused,
    "ops-scheduler-dead": _scheduler_dead,
}
WAYS = {"desk-light": (1280, "light"), "phone-dark": (360, "dark")}


def _take(browser: Browser, settings: Settings, engine: Engine, name: str) -> None:
    with _served(settings, engine):
        for way, (width, scheme) in WAYS.items():
            page = browser.new_page(color_scheme=scheme, viewport={"width": width, "height": 900})  # type: ignore[arg-type]
            page.goto(f"http://localhost:{PORT}/ops")
            page.screenshot(path=HERE / f"{name}-{way}.png", full_page=way == "desk-light")
            page.close()
            print(f"{name}-{way}.png")


@contextmanager
def _served(settings: Settings, engine: Engine) -> Iterator[None]:
    app = create_app(settings, engine, lambda reason: None, clock=lambda: NOW)
    server = uvicorn.Server(uvicorn.Config(app, port=PORT, log_config=None))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started and thread.is_alive():
        sleep(0.05)
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(10)


if __name__ == "__main__":
    main()
