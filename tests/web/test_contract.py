"""Requests made up from the API's own description: whatever comes, the answer is one that it announces."""

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.web.conftest import KEY

CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/v1/studies"),
        ("POST", "/v1/events"),
        ("GET", "/v1/conditions"),
        ("POST", "/v1/subscriptions"),
        ("GET", "/v1/subscriptions/choices"),
        ("GET", "/readyz"),
    ],
)
def test_every_answer_is_one_that_the_description_announces(app: FastAPI, method: str, path: str):
    operation = schemathesis.openapi.from_asgi("/v1/openapi.json", app)[path][method]

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy())
    def ask(case: schemathesis.Case) -> None:
        case.call_and_validate(headers=KEY if path in ("/v1/studies", "/v1/events") else {}, checks=CHECKS)

    ask()
