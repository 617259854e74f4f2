"""A sign-up desk: people ask, confirm, change their minds."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from notifier.languages.catalogue import language_of
from notifier.links.keys import email_key
from notifier.subscriptions.consent import consent_words
from notifier.subscriptions.overview import Overview, overview
from notifier.subscriptions.signing_up import ConfirmResult, SignUpRequest, confirm, request_sign_up
from tests.conftest import SECRET_KEY
from tests.world import NOON, World

KEYS = [SECRET_KEY]


@dataclass
class Desk:
    world: World

    def ask(
        self,
        name: str,
        *conditions: str,
        study: str | None = None,
        frequency: str = "daily",
        zone: str = "UTC",
        now: datetime = NOON,
        **other: Any,
    ) -> UUID:
        words = consent_words(self.world.settings, language_of("en"))
        form = {
            "email": f"{name}@example.org",
            "study": study,
            "conditions": conditions,
            "frequency": frequency,
            "zone": zone,
            "locale": "en",
            "source": "page",
            "terms_version": words.terms.version,
            "health_version": words.health.version,
        }
        with self.world.engine.begin() as conn:
            id_ = request_sign_up(
                conn, SignUpRequest(**{**form, **other}), settings=self.world.settings, keys=KEYS, now=now
            )
            find = text("SELECT public_id FROM sign_ups WHERE id = :id")
            return conn.execute(find, {"id": id_}).scalar_one()  # type: ignore[no-any-return]

    def confirm(self, sign_up: UUID, now: datetime = NOON) -> ConfirmResult:
        with self.world.engine.begin() as conn:
            return confirm(conn, sign_up, now=now)

    def join(self, name: str, *conditions: str, now: datetime = NOON, **form: Any) -> UUID:
        """Asked and confirmed; the person."""
        person = self.confirm(self.ask(name, *conditions, now=now, **form), now).subscriber_public_id
        assert person
        return person

    def page(self, person: UUID, now: datetime = NOON) -> Overview:
        with self.world.engine.connect() as conn:
            found = overview(conn, person, now=now)
        assert found
        return found

    def follows(self, person: UUID, now: datetime = NOON) -> list[str]:
        return [followed.label for followed in self.page(person, now).active]

    def id(self, person: UUID) -> int:
        return int(self.sql("SELECT id FROM subscribers WHERE public_id = :id", id=person)[0][0])

    def key(self, name: str) -> bytes:
        return email_key(KEYS, f"{name}@example.org")

    def sql(self, statement: str, **bind: object) -> list[tuple[Any, ...]]:
        with self.world.engine.begin() as conn:
            result = conn.execute(text(statement), bind)
            return [tuple(row) for row in result] if result.returns_rows else []
