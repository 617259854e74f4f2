"""What the fake does with a call: Mail Send and erasure as the real one, and its own controls under /_/."""

import asyncio
import base64
import os
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import orjson

from tests.fakes.sendgrid.account import ACCOUNT, NEEDS, Account
from tests.fakes.sendgrid.erasure import ERASE_JOB, ERASING, Eraser
from tests.fakes.sendgrid.events import Fates, events_of
from tests.fakes.sendgrid.faults import Fault, Script
from tests.fakes.sendgrid.house import house_problems
from tests.fakes.sendgrid.mailbox import Mailbox
from tests.fakes.sendgrid.rules import Problem, problems
from tests.fakes.sendgrid.schema import schema_errors
from tests.fakes.sendgrid.server import Hang, Request, Reset, Response
from tests.fakes.sendgrid.webhook import Signer, Webhook, WebhookConfig

MAIL_SEND = "/v3/mail/send"
MOST_BYTES = 30_000_000
MOST_PROBLEMS = 20


@dataclass(frozen=True)
class Options:
    api_key: str = "SG.a-key-for-tests"
    house_rules: bool = True
    check_every: int = 1  # calls; the rest are taken as they are, for a benchmark
    schema_every: int = 1  # checked calls
    mail_file: Path | None = None
    index: bool = True
    keep_bodies: bool = False


class FakeSendGrid:
    def __init__(self, options: Options) -> None:
        self.options = options
        self.connections = self.open_connections = 0
        self.mailbox = Mailbox(options.mail_file, options.keep_bodies, options.index)
        self.webhook = Webhook(Signer(), WebhookConfig())
        self.eraser = Eraser(options.api_key)
        self._clear()

    def _clear(self) -> None:
        self.script = Script()
        self.fates = Fates()
        self.suppressed: dict[str, str] = {}
        self.calls = self.accepted_calls = self.checked = 0
        self.by_answer: Counter[str] = Counter()
        self.problems: list[Problem] = []
        self.mailbox.clear()
        self.eraser.clear()
        self.account = Account()

    def saw_head(self, request: Request) -> None:
        """Chance decides here, so that a reset can come before the body is read."""
        if request.path == MAIL_SEND and request.method == "POST":
            self.calls += 1
            request.plan = self.script.next()
            if request.plan and request.plan.name == "reset_before":
                self.by_answer[request.plan.name] += 1
                raise Reset

    async def handle(self, request: Request) -> Response:
        if request.path in NEEDS:
            return self.account.handle(request, self.options.api_key)
        if request.path == ACCOUNT:
            self.account = Account(**orjson.loads(request.body))
            return Response(200, b"{}")
        if request.path == ERASING:
            return self.eraser.control(request)
        if request.path.startswith("/_/"):
            return await self._control(request)
        if request.path == ERASE_JOB:
            response = self.eraser.handle(request)
            self.mailbox.forget(set(self.eraser.erased))
            return response
        if request.path != MAIL_SEND:
            return refusal(404, [(None, "not found")])
        if request.method != "POST":
            return refusal(405, [(None, "method not allowed")])
        return await self._mail_send(request, request.plan or Fault("none"))

    async def _mail_send(self, request: Request, fault: Fault) -> Response:
        wait = self.script.latency + fault.seconds
        if wait:
            await asyncio.sleep(wait)
        response = None if fault.accepts else self._failing(fault)
        if response is None:
            response = self._judged(request)
            if response.status == 202 and fault.name != "none":
                response = self._failing(fault) or response
        self.by_answer[str(response.status)] += 1
        return response

    def _failing(self, fault: Fault) -> Response | None:
        if fault.name.startswith(("reset", "hang")):
            self.by_answer[fault.name] += 1
            raise Reset if fault.name.startswith("reset") else Hang
        if fault.status is None:
            return None
        response = refusal(fault.status, [(fault.where, fault.message or "scripted failure")])
        response.headers |= fault.headers
        if fault.reset_in is not None:
            reset = str(int(time.time() + fault.reset_in + 0.999))
            response.headers |= {
                "X-RateLimit-Limit": "100",
                "X-RateLimit-Remaining": "0",
                "X-RateLimit-Reset": reset,
            }
        return response

    def _judged(self, request: Request) -> Response:
        """As the real one: 202, or why not."""
        if request.headers.get("authorization") != f"Bearer {self.options.api_key}":
            return refusal(401, [(None, "The provided authorization grant is invalid, expired, or revoked")])
        if "json" not in request.headers.get("accept", "") and "*/*" not in request.headers.get("accept", ""):
            return refusal(406, [(None, "Accept must take application/json")])
        if not request.headers.get("content-type", "").startswith("application/json"):
            return refusal(415, [(None, "Content-Type must be application/json")])
        if len(request.body) >= MOST_BYTES:
            return refusal(413, [(None, "the message is too large")])
        try:
            body = orjson.loads(request.body)
        except orjson.JSONDecodeError:
            return refusal(400, [(None, "Bad Request")])
        found = self._check(body)
        if found:
            self.problems += found[: MOST_PROBLEMS - len(self.problems)]
            return refusal(400, found)
        return self._accept(body)

    def _check(self, body: Any) -> list[Problem]:
        try:
            return self._checked(body)
        except (TypeError, AttributeError, KeyError, IndexError):  # a body of quite another shape
            return [(None, "Bad Request")]

    def _checked(self, body: Any) -> list[Problem]:
        if (self.calls - 1) % self.options.check_every == 0:
            found = list(problems(body))
            if not found and self.checked % self.options.schema_every == 0:
                found = list(schema_errors(body))
            if not found and self.options.house_rules:
                found = list(house_problems(body))
            self.checked += 1
            if found:
                return found[:MOST_PROBLEMS]
        return self._refused_by_script(body) if self.script.refuse else []

    def _refused_by_script(self, body: Any) -> list[Problem]:
        bad = [
            (
                f"personalizations.{number}.to.0.email",
                f"Does not contain a valid address: {person['to'][0]['email']}",
            )
            for number, person in enumerate(body["personalizations"])
            if person["to"][0]["email"].lower() in self.script.refuse
        ]
        return bad[:1] if self.script.name_refused or not bad else [(None, "Bad Request")]

    def _accept(self, body: Any) -> Response:
        message_id = base64.urlsafe_b64encode(os.urandom(16)).decode().rstrip("=")
        self.accepted_calls += 1
        mails = self.mailbox.accept(body, message_id, time.time())
        if self.webhook.config.url:
            for mail in mails:
                suppressed = self.suppressed.get(mail.email.lower())
                self.webhook.add(events_of(mail, self.fates.of(mail), suppressed))
        return Response(202, headers={"X-Message-Id": message_id})

    async def _control(self, request: Request) -> Response:
        try:
            data = orjson.loads(request.body) if request.body else {}
            answer = await self._controlled(f"{request.method} {request.path}", data, parse_qs(request.query))
        except (ValueError, TypeError, KeyError) as error:
            return refusal(400, [(None, f"{type(error).__name__}: {error}")])
        return Response(200, orjson.dumps(answer))

    async def _controlled(self, what: str, data: Any, query: dict[str, list[str]]) -> Any:
        match what:
            case "GET /_/mails":
                after, limit = int(query.get("after", ["0"])[0]), int(query.get("limit", ["100000"])[0])
                return list(self.mailbox.listed(after, limit))
            case "GET /_/texts":
                return self.mailbox.texts()
            case "GET /_/stats":
                return self.stats()
            case "POST /_/script":
                self.script = Script.read(data)
            case "POST /_/fates":
                self.fates = Fates(**data)
            case "POST /_/suppress":
                reason = data.get("reason", "Bounced Address")
                self.suppressed |= {email.lower(): reason for email in data["emails"]}
            case "POST /_/webhook":
                self.webhook.configure(WebhookConfig(**data))
            case "POST /_/events":
                return {"status": await asyncio.to_thread(self.webhook.post, data)}
            case "POST /_/reset":
                self._clear()
            case _:
                raise KeyError(what)
        return {}

    def stats(self) -> dict[str, Any]:
        per_delivery = self.mailbox.per_delivery
        return {
            "calls": self.calls,
            "accepted_calls": self.accepted_calls,
            "checked": self.checked,
            "mails": self.mailbox.total,
            "deliveries": len(per_delivery),
            "repeated": {delivery_id: count for delivery_id, count in per_delivery.items() if count > 1},
            "answers": dict(self.by_answer),
            "problems": self.problems,
            "connections": self.connections,
            "open_connections": self.open_connections,
            "public_key": self.webhook.signer.public_key,
            "events_waiting": self.webhook.waiting,
            "events_sent": self.webhook.sent,
            "webhook_posts": self.webhook.posts,
            "webhook_failures": self.webhook.failures,
            "webhook": asdict(self.webhook.config),
        }

    def close(self) -> None:
        self.webhook.close()
        self.mailbox.close()


def refusal(status: int, found: list[Problem]) -> Response:
    errors = [{"message": message, "field": field, "help": None} for field, message in found]
    return Response(status, orjson.dumps({"errors": errors}))
