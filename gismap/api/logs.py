"""How the service writes its log: one JSON object a line on stderr; what is logged is each module's own business."""

import sys

import structlog


def configure_logs() -> None:
    """Tracebacks are plain: the values of variables may be names and phones, which have no place in a log."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
