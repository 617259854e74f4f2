"""What the registry's status codes mean for whoever follows a study."""

FINAL_STATUSES = frozenset(
    {"COMPLETED", "TERMINATED", "WITHDRAWN", "NO_LONGER_AVAILABLE", "APPROVED_FOR_MARKETING"}
)
"""After these there is little more to tell. `UNKNOWN` is none of them: the record is out of date, no more."""
