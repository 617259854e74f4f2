"""The official description of Mail Send, where it lies beside the checkout, with its known mistake mended."""

import json
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

from tests.paths import ROOT

DESCRIPTION = ROOT.parent / "shared" / "data" / "sendgrid" / "tsg_mail_v3.json"
STRINGS = {"type": "object", "minProperties": 1, "additionalProperties": {"type": "string"}}


@cache
def official_validator() -> Draft202012Validator | None:
    """None where the description is not at hand."""
    if not DESCRIPTION.is_file():
        return None
    description = json.loads(DESCRIPTION.read_text())
    body = description["components"]["requestBodies"]["PostMailSend"]["content"]["application/json"]["schema"]
    schema = {**_mended(body), "components": description["components"]}
    return Draft202012Validator(schema, format_checker=FormatChecker())


def _mended(body: dict[str, Any]) -> dict[str, Any]:
    """It says that root `custom_args` is a string; the server takes an object of strings, and not much else."""
    fields = body["properties"]
    fields["custom_args"] = STRINGS
    fields["personalizations"]["minItems"] = 1
    fields["content"]["minItems"] = 1
    person = fields["personalizations"]["items"]
    person["properties"]["custom_args"] |= STRINGS
    person["properties"]["headers"] |= STRINGS
    person["properties"]["to"]["minItems"] = 1
    person["additionalProperties"] = False
    return {**body, "additionalProperties": False}


def schema_errors(body: Any) -> list[tuple[str, str]]:
    """(field, what is wrong), none if there is no description to check by."""
    validator = official_validator()
    if validator is None:
        return []
    return [
        (".".join(map(str, error.absolute_path)), f"official description: {error.validator}")
        for error in validator.iter_errors(body)
    ]
