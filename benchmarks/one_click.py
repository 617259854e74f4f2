"""One-click unsubscribing, as mail providers post it, from a web process with many subscribers in its database.

python -m benchmarks.one_click [--people 1000000] [--requests 10000] [--connections 16]
"""

import argparse
import asyncio
import sys
import time
from itertools import islice
from urllib.parse import urlsplit
from uuid import UUID

from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine, text

from benchmarks.place import Place, open_place
from benchmarks.report import load_average
from notifier.links.keys import signing_keys
from notifier.links.tokens import UnsubscribeLinks

BODY = b"List-Unsubscribe=One-Click"
CONDITIONS = 20_000
# Two of 20,000 conditions each, the first ones more often.
PEOPLE = """
INSERT INTO schedules (frequency, zone, hour, weekday, next_due_at, covered_to)
VALUES ('daily', 'UTC', 8, 0, now(), 0);
INSERT INTO targets (kind, key, label, known)
SELECT 'condition', 'condition ' || n, 'Condition ' || n, true FROM generate_series(1, :conditions) n;
INSERT INTO subscribers (email, email_key, schedule_id, created_at)
SELECT 'person' || n || '@example.org', sha256(n::text::bytea), (SELECT max(id) FROM schedules), now()
FROM generate_series(1, :people) n;
INSERT INTO subscriptions (subscriber_id, target_id, reach, start_position, confirmed_at, source)
SELECT s.id, t.first + (s.id * k) % (:conditions / 2), 4, 0, now(), 'import'
FROM subscribers s, generate_series(1, 2) k, (SELECT min(id) AS first FROM targets) t
ON CONFLICT DO NOTHING
"""


def fill(engine: Engine, people: int) -> None:
    bind = {"people": people, "conditions": CONDITIONS}
    for statement in PEOPLE.split(";"):
        with engine.begin() as conn:
            conn.execute(text(statement), bind if ":" in statement.replace("::", "") else {})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        for rest in ("VACUUM ANALYZE", "CHECKPOINT"):  # what filling has left to do is no part of it
            conn.execute(text(rest))


async def post_all(port: int, paths: list[str], connections: int) -> list[float]:
    """Seconds that each request took; kept connections, each with one request at a time."""
    waiting = iter(paths)
    took: list[float] = []

    async def one_connection() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for path in waiting:
            began = time.perf_counter()
            writer.write(_request(path))
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            await reader.readexactly(_length(head))
            took.append(time.perf_counter() - began)
        writer.close()

    await asyncio.gather(*(one_connection() for _ in range(connections)))
    return took


def _request(path: str) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/x-www-form-urlencoded\r\n"
    return f"{head}content-length: {len(BODY)}\r\n\r\n".encode() + BODY


def _length(head: bytes) -> int:
    return next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))


def paths_of(place: Place, count: int) -> list[str]:
    links = UnsubscribeLinks(signing_keys(place.settings), place.settings.public_url)
    with place.engine.connect() as conn:
        ids = conn.execute(
            text("SELECT public_id FROM subscribers ORDER BY md5(id::text) LIMIT :count"), {"count": count}
        ).scalars()
        return [urlsplit(links.url(UUID(str(one)))).path for one in ids]


def stopped(engine: Engine) -> int:
    with engine.connect() as conn:
        return int(
            conn.execute(text("SELECT count(*) FROM subscribers WHERE state = 'stopped'")).scalar_one()
        )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.one_click", description=__doc__)
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--connections", type=int, default=16)
    given = parser.parse_args()
    with open_place() as place:
        fill(place.engine, given.people)
        paths = paths_of(place, given.requests + 500)
        with place.web() as port:
            every = iter(paths)
            asyncio.run(post_all(port, list(islice(every, 500)), given.connections))  # warm
            load, began = load_average(), time.monotonic()
            took = sorted(asyncio.run(post_all(port, list(every), given.connections)))
            seconds = time.monotonic() - began
        gone = stopped(place.engine)
    table = Table("one-click POST", "")
    table.add_row("subscribers in the database", f"{given.people:,}")
    table.add_row("requests, each of another person", f"{len(took):,}")
    table.add_row("connections", f"{given.connections}")
    table.add_row("requests a second", f"{len(took) / seconds:,.0f}")
    for name, share in (("p50", 0.5), ("p99", 0.99), ("slowest", 1.0)):
        table.add_row(f"{name}, ms", f"{1000 * took[min(len(took) - 1, int(len(took) * share))]:.1f}")
    table.add_row("people stopped", f"{gone:,}")
    table.add_row("load before", load)
    Console(highlight=False).print(table)
    return 0 if gone == len(paths) else 1


if __name__ == "__main__":
    sys.exit(main())
