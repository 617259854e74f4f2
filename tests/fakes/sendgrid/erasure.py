"""Recipients' data erasure, as its official description has it: POST /v3/recipients/erasejob."""

import json
import uuid
from functools import cache
from typing import Any

import orjson
from jsonschema import Draft202012Validator

from tests.fakes.sendgrid.schema import DESCRIPTION
from tests.fakes.sendgrid.server import Request, Response

ERASE_JOB = "/v3/recipients/erasejob"
ERASING = "/_/erasing"
MOST_BYTES = 256_000


@cache
def official_validator() -> Draft202012Validator | None:
    """None where the description is not at hand."""
    path = DESCRIPTION.with_name("tsg_recipients_data_erasure_v3.json")
    if not path.is_file():
        return None
    schemas = json.loads(path.read_text())["components"]["schemas"]
    return Draft202012Validator(schemas["RecipientsDataErasureEraseRecipientsRequest"])


class Eraser:
    """`answers` are the next statuses, whatever is asked; after them it does as it is told."""

    def __init__(self, api_key: str) -> None:
        self.api_key = api_key
        self.clear()

    def clear(self) -> None:
        self.answers: list[int] = []
        self.erased: list[str] = []
        self.calls = 0

    def handle(self, request: Request) -> Response:
        self.calls += 1
        if request.method != "POST":
            return _refusal(405, "method not allowed")
        if request.headers.get("authorization") != f"Bearer {self.api_key}":
            return _refusal(401, "authorization required")
        if self.answers:
            return _refusal(self.answers.pop(0), "scripted failure")
        problem = self._problem(request)
        if problem:
            return _refusal(400, problem)
        self.erased += orjson.loads(request.body)["email_addresses"]
        return Response(202, orjson.dumps({"job_id": str(uuid.uuid4())}))

    def control(self, request: Request) -> Response:
        """POST the next answers; GET what has been erased."""
        if request.method == "POST":
            self.answers = orjson.loads(request.body)["answers"]
        return Response(200, orjson.dumps(self.erased))

    def _problem(self, request: Request) -> str | None:
        if not request.headers.get("content-type", "").startswith("application/json"):
            return "Content-Type must be application/json"
        if len(request.body) > MOST_BYTES:
            return "payload is too large"
        try:
            body: Any = orjson.loads(request.body)
        except orjson.JSONDecodeError:
            return "invalid JSON"
        validator = official_validator()
        if validator and not validator.is_valid(body):
            return "the official description forbids it"
        addresses = body["email_addresses"]
        if set(body) != {"email_addresses"} or len(set(addresses)) != len(addresses):
            return "addresses must be unique, and nothing else may be there"
        bad = [address for address in addresses if address.count("@") != 1 or " " in address]
        return f"Email_address {bad[0]} is not valid" if bad else None


def _refusal(status: int, message: str) -> Response:
    body = {"errors": [{"message": message, "field": "email_addresses"}]}
    return Response(status, orjson.dumps(body))
