"""The one error that people see: what was wrong, and what to do about it."""


class NotifierError(Exception):
    """An expected failure. `remedy` says what to do; commands print both and exit with 1."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()
