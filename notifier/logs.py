"""Log lines: event names and opaque ids; never an address, a condition, a study or a token."""

import logging
import sys

import structlog

# What they say below a warning holds whole requests: paths with tokens, keys, forms. That stays unsaid even where
# somebody sets the root logger to DEBUG.
TELLTALES = (
    "uvicorn",
    "python_http_client",
    "urllib3",
    "http.client",
    "python_multipart",
    "sqlalchemy",
    "psycopg",
)


def configure_logs(log_format: str, level: int = logging.INFO) -> None:
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    for name in TELLTALES:
        logging.getLogger(name).setLevel(logging.WARNING)
