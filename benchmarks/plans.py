"""Which statements read the whole of a big table? Each is explained once, where and as it is about to run."""

from types import TracebackType
from typing import Any, Self

from sqlalchemy import Engine, event

BIG = ("deliveries", "batches", "subscribers", "subscriptions", "feedback_events", "edition_items")
_VERBS = ("SELECT", "WITH", "INSERT", "UPDATE", "DELETE", "CREATE TEMP TABLE")


class WholeReads:
    """Between entering and leaving, of this engine. What other processes ask is not seen."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._plans: dict[str, str] = {}

    def __enter__(self) -> Self:
        event.listen(self._engine, "before_cursor_execute", self._explain)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        event.remove(self._engine, "before_cursor_execute", self._explain)

    def _explain(
        self, conn: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool
    ) -> None:
        words = statement.lstrip()
        if many or statement in self._plans or not words.startswith(_VERBS) or "IF NOT EXISTS" in words:
            return
        with cursor.connection.cursor() as own:
            own.execute(f"EXPLAIN {words}", parameters)
            self._plans[statement] = "\n".join(str(row[0] if isinstance(row, tuple) else row) for row in own)

    def print(self) -> None:
        for statement, plan in self._plans.items():
            if any(f"Seq Scan on {name}" in plan for name in BIG):
                print(f"{statement.strip()}\n-----\n{plan}\n=====")
