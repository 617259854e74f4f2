"""`notifier doctor` beside the real processes: nothing is wrong; then one of them dies."""

from contextlib import contextmanager
from datetime import UTC, datetime

from sqlalchemy import Engine

from notifier.embedded.home import free_port
from notifier.ops.heartbeat import beat
from notifier.settings import Settings
from tests.journeys.stage import Stage, running, until

KEY = "3f9c1d5be27a84906c1fe3b7d25a9c84e6b0f71d"


def test_it_finds_nothing_and_then_the_workers_that_are_gone(
    stage: Stage, engine: Engine, settings: Settings
) -> None:
    port = free_port()
    chosen = {"SECRET_KEYS": KEY, "PUBLIC_URL": f"http://127.0.0.1:{port}", "PORT": str(port)}
    beat(engine, now=datetime.now(UTC))  # of the scheduler, which sends one each minute

    def said(ok: bool | None = None) -> dict[str, str]:
        checks = stage.notifier("doctor", "--json", ok=ok, **chosen)["checks"]
        return {check["check"]: check["status"] for check in checks}

    with contextmanager(running)(stage.process("notifier", "web", **chosen)):
        with stage.worker(**chosen):
            until(lambda: set(said().values()) == {"pass"}, "all checks to pass")
            said(ok=True)
        with engine.begin() as conn:
            conn.exec_driver_sql("UPDATE heartbeats SET seen_at = seen_at - interval '1 hour'")
        found = said(ok=False)
        assert (found["workers"], found["scheduler"], found["one-click"]) == ("fail", "fail", "pass")
