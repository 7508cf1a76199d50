"""What the OpenAPI document says of every operation beside its own answer."""

from typing import Any

MISTAKES: dict[int | str, dict[str, Any]] = {
    "4XX": {
        "description": "A mistake of the caller, as RFC 9457 problem details",
        "content": {
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
        },
    }
}
"""FastAPI's own entry, a 422 of another shape, would not be true."""
