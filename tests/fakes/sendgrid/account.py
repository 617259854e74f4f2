"""What SendGrid tells about an account: the key's scopes, tracking, sender authentication, event webhooks.

Each is seen only with its own scope, as there: without it the answer is 403.
"""

import json
import time
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import cache
from typing import Any

import orjson
from jsonschema import Draft202012Validator
from jsonschema.protocols import Validator

from tests.fakes.sendgrid.schema import DESCRIPTION
from tests.fakes.sendgrid.server import Request, Response

ACCOUNT = "/_/account"
TRACKING = ("click", "open", "subscription", "google_analytics")
NEEDS = {
    "/v3/scopes": None,
    "/v3/whitelabel/domains": "whitelabel.read",
    "/v3/verified_senders": "sender_verification_eligible",
    "/v3/user/webhooks/event/settings/all": "user.webhooks.event.settings.read",
    **{f"/v3/tracking_settings/{name}": f"tracking_settings.{name}.read" for name in TRACKING},
}
"""{path: the scope that it takes}"""
SEES_ALL = ["mail.send", *filter(None, NEEDS.values())]


@cache
def official_webhooks() -> Validator | None:
    """None where the description is not at hand."""
    path = DESCRIPTION.with_name("tsg_webhooks_v3.json")
    if not path.is_file():
        return None
    components = json.loads(path.read_text())["components"]
    schema = {**components["schemas"]["EventWebhookAllResponse"], "components": components}
    return Draft202012Validator(schema)


@dataclass
class Account:
    """All is as it should be, until a test says otherwise."""

    scopes: list[str] = field(default_factory=lambda: list(SEES_ALL))
    tracking: dict[str, bool] = field(default_factory=lambda: dict.fromkeys(TRACKING, False))
    domains: list[dict[str, Any]] = field(
        default_factory=lambda: [{"id": 1, "domain": "example.org", "subdomain": "em1", "valid": True}]
    )
    senders: list[dict[str, Any]] = field(default_factory=list)
    webhooks: list[dict[str, Any]] = field(default_factory=list)
    status: int = 200  # of every answer
    skew_s: float = 0  # its clock against ours

    def __post_init__(self) -> None:
        if set(self.tracking) != set(TRACKING):
            raise ValueError(f"tracking must say {TRACKING}")
        validator = official_webhooks()
        if validator:
            validator.validate({"max_allowed": 5, "webhooks": self.webhooks})

    def handle(self, request: Request, api_key: str) -> Response:
        response = self._judged(request, api_key)
        response.headers["Date"] = formatdate(time.time() + self.skew_s, usegmt=True)
        return response

    def _judged(self, request: Request, api_key: str) -> Response:
        if request.method != "GET":
            return _refusal(405, "method not allowed")
        if request.headers.get("authorization") != f"Bearer {api_key}":
            return _refusal(401, "authorization required")
        if self.status != 200:
            return _refusal(self.status, "scripted failure")
        scope = NEEDS[request.path]
        if scope and scope not in self.scopes:
            return _refusal(403, "access forbidden")
        return Response(200, orjson.dumps(self._answer(request.path)))

    def _answer(self, path: str) -> Any:
        match path.rpartition("/")[2]:
            case "scopes":
                return {"scopes": self.scopes}
            case "domains":
                return self.domains
            case "verified_senders":
                return {"results": self.senders}
            case "all":
                return {"max_allowed": 5, "webhooks": self.webhooks}
            case name:
                more = {"enable_text": self.tracking[name]} if name == "click" else {}
                return {"enabled": self.tracking[name], **more}


def _refusal(status: int, message: str) -> Response:
    return Response(status, orjson.dumps({"errors": [{"message": message, "field": None}]}))
