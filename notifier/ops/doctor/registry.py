"""The registry, where the workers ask it."""

from collections.abc import Iterator

from notifier.ops.doctor.asking import Unreachable, ask
from notifier.ops.doctor.finding import Finding, well, wrong
from notifier.settings import Settings


def answers(settings: Settings) -> Iterator[Finding]:
    try:
        answer = ask(f"{settings.registry_api_url}/version")
        said = answer.json()
        fault = "" if answer.status == 200 else f"it says HTTP {answer.status}"
        if not fault and not (isinstance(said, dict) and said.get("dataTimestamp")):
            fault = "it does not say of when its data are"
    except Unreachable as error:
        fault = str(error)
    if fault:
        yield wrong(
            "registry",
            f"{settings.registry_api_url} does not answer as it should: {fault}.",
            why="Nobody hears of new studies and changes while POLL_REGISTRY is on and this fails.",
            remedy="See that this host may reach it; REGISTRY_API_URL is its address.",
        )
    else:
        yield well("registry", f"The registry answers. Its data are of {said['dataTimestamp']} UTC.")
