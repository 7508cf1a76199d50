"""What can go wrong, and the one table that turns it into an HTTP status and an exit code.

Geometry raises errors of its own (`gismap.geometry.errors`), which are listed here with their status. Everything else
that a user can cause is a `GismapError` whose text names the cause and the remedy.
"""

from gismap.geometry.errors import GeometryError


class GismapError(Exception):
    """Something a user can cause or mend.

    `field` names the parameter, column or file at fault; `type` is the problem's stable name on the wire.
    """

    type = "error"

    def __init__(self, detail: str, *, field: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.field = field


class BadInputError(GismapError):
    """A value, parameter or file that cannot be used as it is."""

    type = "bad-input"


class NotFoundError(GismapError):
    """A unit, layer, element, theme or batch that does not exist (on that date)."""

    type = "not-found"


class ConflictError(GismapError):
    """A change that contradicts what is stored; nothing was changed."""

    type = "conflict"


class CoverageError(ConflictError):
    """Boundaries that cannot be published; `defects` lists what is wrong with them."""

    type = "coverage"

    def __init__(self, detail: str, defects: list[dict[str, object]]) -> None:
        super().__init__(detail, field="geom")
        self.defects = defects


class RebaseError(ConflictError):
    """A plan and the newest boundaries change the same; `conflicts` lists what, for somebody to decide."""

    type = "rebase"

    def __init__(self, detail: str, conflicts: list[dict[str, object]]) -> None:
        super().__init__(detail, field="prefer")
        self.conflicts = conflicts


class UnauthenticatedError(GismapError):
    """Nobody is signed in, or not any more."""

    type = "unauthenticated"


class ForbiddenError(GismapError):
    """Somebody is signed in who may not do this, or not here."""

    type = "forbidden"


class TooManyError(GismapError):
    """Too many requests or attempts; after `retry_after_s` they will be heeded again."""

    type = "too-many"

    def __init__(self, detail: str, retry_after_s: int) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class TooLargeError(GismapError):
    """A body, file or geometry beyond its limit."""

    type = "too-large"


class MediaTypeError(GismapError):
    """A body in another form than the one that is read there."""

    type = "unsupported-media-type"


class UnavailableError(GismapError):
    """The database cannot answer now; trying again later can help."""

    type = "unavailable"


class StillLoadingError(UnavailableError):
    """The demo is on its way; the text says which part of it."""

    type = "still-loading"


class EnvironmentProblemError(GismapError):
    """The machine lacks something: a program, a port, a folder, a right. The text holds the remedy."""

    type = "environment"


STATUS: dict[type[Exception], int] = {
    GeometryError: 400,
    BadInputError: 400,
    UnauthenticatedError: 401,
    ForbiddenError: 403,
    NotFoundError: 404,
    ConflictError: 409,
    TooLargeError: 413,
    MediaTypeError: 415,
    TooManyError: 429,
    UnavailableError: 503,
    EnvironmentProblemError: 503,
}
"""HTTP status by error; the most derived class wins."""

EXIT_UNUSABLE = 2
"""Exit code of every error above; 1 is kept for a check that found something, 64 for wrong usage."""
