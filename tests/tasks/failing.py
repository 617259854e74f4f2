"""Tasks that fail with somebody's address in what they say; a worker of a test includes them."""

import smtplib
from typing import Any

from sqlalchemy import create_engine, text

from tasks.app import app

ADDRESS = "a.telling.address@example.org"


@app.task(name="tests.in_words")
def in_words() -> None:
    raise ValueError(f"{ADDRESS} is not an address")


@app.task(name="tests.in_the_cause")
def in_the_cause() -> None:
    try:
        raise smtplib.SMTPRecipientsRefused({ADDRESS: (550, b"no such user")})
    except smtplib.SMTPRecipientsRefused as error:
        raise KeyError(ADDRESS) from error


class Unpicklable(Exception):
    def __init__(self, address: str, more: Any) -> None:
        super().__init__(f"about {address}", lambda: more)


@app.task(name="tests.unpicklable")
def unpicklable() -> None:
    raise Unpicklable(ADDRESS, 1)


@app.task(name="tests.in_a_statement")
def in_a_statement() -> None:
    with create_engine("sqlite://").connect() as conn:
        conn.execute(text("SELECT * FROM nowhere WHERE email = :email"), {"email": ADDRESS})


@app.task(name="tests.in_the_exit")
def in_the_exit() -> None:
    raise SystemExit(f"stopped at {ADDRESS}")
