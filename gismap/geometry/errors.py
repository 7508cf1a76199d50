"""The errors that pure geometry raises; nothing here knows of HTTP or the command line."""


class GeometryError(ValueError):
    """A value that cannot be used: its text names the cause and the remedy, `field` the parameter."""

    def __init__(self, detail: str, *, field: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.field = field


class PositionError(GeometryError):
    """Coordinates that are not finite, out of their axis ranges, or far from where they should be."""


class CrsError(GeometryError):
    """A coordinate reference system that is unknown or cannot be told."""


class CodeError(GeometryError):
    """A division, grid or identity code that breaks its scheme."""


class ShapeError(GeometryError):
    """A geometry that is empty, crosses itself, is of the wrong kind or too large."""
