"""The dead man's ping: a watcher outside hears from us each minute while all is well, and calls somebody when it
does not. So it also notices what no alert of ours can: that this machine, or Prometheus itself, is gone."""

from threading import Thread

import structlog
import urllib3
from pydantic import SecretStr

LONGEST_SECONDS = 5
"""For all of it: looking up a name knows no time-out, and a watcher may answer by the byte. Meanwhile the queue
that repairs the rest waits."""

log = structlog.get_logger()


def ping(url: SecretStr) -> bool:
    """True if it was heard. The address is a secret, as whoever has it can feign our life: it is never logged,
    nor is an error's text, which would hold it."""
    answers: list[int | str] = []
    asking = Thread(target=lambda: answers.append(_ask(url)), daemon=True)
    asking.start()
    asking.join(LONGEST_SECONDS)
    answer = answers[0] if answers else "no answer in time"
    heard = isinstance(answer, int) and answer < 300
    if not heard:
        log.warning("heartbeat_unheard", answer=answer)
    return heard


def _ask(url: SecretStr) -> int | str:
    """The status, or the error's class."""
    try:
        with urllib3.PoolManager(retries=False, timeout=LONGEST_SECONDS) as pool:
            answer = pool.request("GET", url.get_secret_value(), redirect=False, preload_content=False)
            answer.release_conn()
            return answer.status
    except (urllib3.exceptions.HTTPError, ValueError, OSError) as error:
        return type(error).__name__
