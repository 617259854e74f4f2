"""Who may call the sign-up API from a browser: the site's own pages, by SITE_ORIGINS."""

from collections.abc import Sequence

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

SIGN_UP_PATH = "/v1/subscriptions"


class SignUpCors:
    """Only the paths of the sign-up: no other answer of ours is for a script on somebody's page."""

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        self._app = app
        self._cors = CORSMiddleware(
            app, allow_origins=origins, allow_methods=["GET", "POST"], allow_headers=["content-type"]
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        for_scripts = scope["type"] == "http" and scope["path"].startswith(SIGN_UP_PATH)
        await (self._cors if for_scripts else self._app)(scope, receive, send)
