"""Who may look at operators' numbers: whoever knows OPS_USERNAME and OPS_PASSWORD.

Where none is set, these are open on a machine of one's own and closed everywhere else. "One's own" is told by
PUBLIC_URL: with a loopback host in it the process listens on 127.0.0.1 alone (serve.listen_host). The caller's
address is not asked for, as behind a proxy on the same machine everybody comes from there.
"""

import base64
import binascii
import hmac

import structlog
from starlette.requests import Request

from notifier.settings import Settings
from notifier.settings_checks import on_this_machine
from notifier.web.problems import Problem, Refused
from notifier.web.service import service_of
from notifier.web.visitors import network_told_apart

log = structlog.get_logger()

LOCAL = "local"
"""Who it is where no login is set up."""
CHALLENGE = {"www-authenticate": 'Basic realm="Notifier operators", charset="UTF-8"'}


def require_operator(request: Request) -> str:
    """Who it is. Raises Refused (401, 429 after too many wrong ones, or 403 where no login is set up)."""
    settings = service_of(request).settings
    if not settings.ops_password:
        if on_this_machine(settings.public_url):
            return LOCAL
        raise Refused(
            403,
            Problem(
                error="This is closed: no login is set up.",
                remedy="Set OPS_USERNAME and OPS_PASSWORD on the server.",
            ),
        )
    login = request.headers.get("authorization") or ""
    if login:  # a browser's first request has none
        _refuse_guesses(request, settings, login)
    else:
        raise Refused(401, _WRONG, CHALLENGE)
    assert settings.ops_username
    return settings.ops_username


def _refuse_guesses(request: Request, settings: Settings, login: str) -> None:
    """Raises Refused. Where too many were wrong, also the right one is not looked at: it may be a guess."""
    limits, network = service_of(request).login_limits, network_told_apart(request, settings)
    if not limits.hears(network):
        log.warning("operator_login_limited")
        raise Refused(429, *(_TOO_MANY if network else _TOO_MANY_OF_ALL))
    if not _knows(settings, login):
        log.warning("operator_login_refused")  # without the name: people type passwords there
        limits.note_wrong(network, login)
        raise Refused(401, _WRONG, CHALLENGE)


_WRONG = Problem(
    error="The login is missing or wrong.",
    where="header.authorization",
    remedy="Send OPS_USERNAME and OPS_PASSWORD by HTTP basic authentication.",
)
_TOO_MANY = (
    Problem(
        error="Too many wrong logins have come from here.",
        where="header.authorization",
        remedy="Wait ten minutes, or till tomorrow after very many. Commands on the server need no login.",
    ),
    {"retry-after": "600"},
)
_TOO_MANY_OF_ALL = (
    Problem(
        error="Too many wrong logins have come.",
        where="header.authorization",
        remedy="Wait a minute, then load this page anew. Callers cannot be told apart here: set TRUSTED_PROXIES.",
    ),
    {"retry-after": "60"},
)


def _knows(settings: Settings, header: str) -> bool:
    """All is compared, so that the time taken says nothing about which part was near."""
    assert settings.ops_username
    assert settings.ops_password
    scheme, _, given = header.partition(" ")
    try:
        login = base64.b64decode(given.strip(), validate=True) if scheme.lower() == "basic" else b""
    except (binascii.Error, ValueError):
        login = b""
    name, _, password = login.partition(b":")
    right = (settings.ops_username.encode(), settings.ops_password.get_secret_value().encode())
    return hmac.compare_digest(name, right[0]) & hmac.compare_digest(password, right[1])
