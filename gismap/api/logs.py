"""How the service writes its log: one JSON object a line on stderr; what is logged is each module's own business."""

import sys
import traceback
from pathlib import Path

import structlog
from structlog.typing import EventDict, WrappedLogger


def configure_logs() -> None:
    """Of exceptions their kinds and places are logged; see `without_texts`."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            without_texts,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def without_texts(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Replace an exception by its kind, its SQLSTATE and where it was raised, and so for those that caused it.

    Texts of exceptions quote what was asked for or stored: a row that a constraint refused, a value that is no number.
    Names and phones have no place in a log, and neither have the values of variables.
    """
    error = event.pop("exc_info", None)
    if isinstance(error, BaseException):
        event["exception"] = [_described(each) for each in _chain(error)]
    return event


def _chain(error: BaseException) -> list[BaseException]:
    chain: list[BaseException] = []
    at: BaseException | None = error
    while at is not None and at not in chain:
        chain.append(at)
        at = at.__cause__ or at.__context__
    return chain


def _described(error: BaseException) -> dict[str, object]:
    frames = traceback.extract_tb(error.__traceback__)
    described: dict[str, object] = {
        "kind": f"{type(error).__module__}.{type(error).__qualname__}",
        "at": [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames],
    }
    state = getattr(error, "pgcode", None)
    return described | ({"sqlstate": state} if state else {})
