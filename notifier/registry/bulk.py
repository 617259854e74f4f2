"""Many rows at once, by COPY."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, text


def next_ids(conn: Connection, table: str, count: int) -> list[int]:
    """Ids for rows to come, so that other rows can already point to them."""
    numbers = text(
        "SELECT nextval(pg_get_serial_sequence(:table, 'id')) FROM generate_series(1, :count)"
    ).bindparams(table=table, count=count)
    return [row[0] for row in conn.execute(numbers)]


def copy_rows(conn: Connection, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN"
    with conn.connection.cursor() as cursor, cursor.copy(statement) as copy:  # type: ignore[attr-defined]
        for row in rows:
            copy.write_row(row)
