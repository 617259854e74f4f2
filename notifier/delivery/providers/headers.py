"""The headers that say: a machine wrote this, to a list, and this is how to leave it (RFC 2369, 2919, 3834, 8058).

The list's name and id are the same in every mail: they must not tell what somebody follows.
"""

LIST_NAME = "Study updates"
ONE_CLICK = "List-Unsubscribe=One-Click"


def person_headers(delivery_id: str, unsubscribe_url: str | None, host: str) -> dict[str, str]:
    """With the one-click pair only where there is a subscription to leave."""
    leave = {"List-Unsubscribe": f"<{unsubscribe_url}>", "List-Unsubscribe-Post": ONE_CLICK}
    return {
        **(leave if unsubscribe_url else {}),
        "List-Id": f"{LIST_NAME} <updates.{host}>",
        "Auto-Submitted": "auto-generated",
        "X-Entity-Ref-ID": delivery_id,
    }


def message_id(delivery_id: str, host: str) -> str:
    """The same for each attempt, so that a mailbox that drops repeats can."""
    return f"<{delivery_id}@{host}>"
