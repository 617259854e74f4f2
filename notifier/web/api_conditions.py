"""GET /v1/conditions: names of conditions for the site's sign-up box."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from notifier.conditions.matching import MAX_SUGGESTIONS, suggest
from notifier.conditions.normal_form import MAX_CHARS
from notifier.web.problems import Problem
from notifier.web.service import service_of

router = APIRouter(
    prefix="/v1", tags=["public"], responses={status: {"model": Problem} for status in (422, 503)}
)


class Condition(BaseModel):
    name: str
    concept_id: str | None = Field(description="The MeSH id, where one is known.")


class Conditions(BaseModel):
    conditions: list[Condition]


@router.get("/conditions")
def find_conditions(
    request: Request,
    response: Response,
    q: Annotated[
        str, Query(max_length=MAX_CHARS, description="Words of the name; the last may be unfinished.")
    ],
    limit: Annotated[int, Query(ge=1, le=MAX_SUGGESTIONS)] = 10,
) -> Conditions:
    """Conditions that studies here are about. No key is needed."""
    response.headers["access-control-allow-origin"] = "*"  # the site's pages may ask for it in the browser
    with service_of(request).engine.connect() as conn:
        found = suggest(conn, q, limit)
    return Conditions(conditions=[Condition(name=each.label, concept_id=each.concept_id) for each in found])
