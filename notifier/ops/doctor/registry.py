"""The registry, where the workers ask it."""

import time
from collections.abc import Iterator

from notifier.ops.doctor.finding import Finding, well, wrong
from notifier.registry.api import NO_ANSWER, OK, RegistryApi, RegistryError
from notifier.settings import Settings

_FAULTS = {NO_ANSWER: "it cannot be reached", OK: "it does not say of when its data are"}


def answers(settings: Settings) -> Iterator[Finding]:
    try:
        at = RegistryApi(settings.registry_api_url, attempts=1, pause=time.sleep).data_timestamp()
    except RegistryError as error:
        yield wrong(
            "registry",
            f"{settings.registry_api_url}: {_FAULTS.get(error.status, f'it says HTTP {error.status}')}.",
            why="Nobody hears of new studies and changes while POLL_REGISTRY is on and this fails.",
            remedy="See that this host may reach it; REGISTRY_API_URL is its address.",
        )
    else:
        yield well("registry", f"The registry answers. Its data are of {at:%Y-%m-%d %H:%M} UTC.")
