"""The dead man's ping: a watcher outside hears from us each minute while all is well, and calls somebody when it
does not. So it also notices what no alert of ours can: that this machine, or Prometheus itself, is gone."""

import structlog
import urllib3
from pydantic import SecretStr

TIMEOUT = urllib3.Timeout(connect=3, read=5)

log = structlog.get_logger()


def ping(url: SecretStr) -> bool:
    """True if it was heard. The address is a secret, as whoever has it can feign our life: it is never logged,
    nor is an error's text, which would hold it."""
    try:
        with urllib3.PoolManager(retries=False, timeout=TIMEOUT) as pool:
            answer = pool.request("GET", url.get_secret_value(), redirect=False, preload_content=False)
            answer.release_conn()
    except (urllib3.exceptions.HTTPError, ValueError, OSError) as error:
        log.warning("heartbeat_unheard", error=type(error).__name__)
        return False
    if answer.status >= 300:
        log.warning("heartbeat_unheard", status=answer.status)
        return False
    return True
