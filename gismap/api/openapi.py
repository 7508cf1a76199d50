"""What the OpenAPI document says of every operation beside its own answer."""

from typing import Any

_PROBLEM = {
    "application/problem+json": {
        "schema": {
            "type": "object",
            "required": ["type", "title", "status", "detail"],
            "properties": {
                "type": {"type": "string"},
                "title": {"type": "string"},
                "status": {"type": "integer"},
                "detail": {"type": "string", "description": "What is wrong and how to mend it"},
                "field": {"type": "string", "description": "The parameter or part of the body at fault"},
            },
        }
    }
}

MISTAKES: dict[int | str, dict[str, Any]] = {
    "4XX": {"description": "A mistake of the caller, as RFC 9457 problem details", "content": _PROBLEM},
    "503": {"description": "The database is busy or away; Retry-After tells when to ask again", "content": _PROBLEM},
}
"""FastAPI's own entry, a 422 of another shape, would not be true."""
