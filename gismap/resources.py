"""Where the files that ship beside the code lie: in the wheel, or at the top of a checkout."""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def resource_dir(name: str) -> Path:
    """The folder `migrations`, `data` or `web` (the built assets), wherever this copy of gismap keeps it."""
    bundled = PACKAGE / "_bundled" / name
    if bundled.is_dir():
        return bundled
    return PACKAGE.parent / ("web/dist" if name == "web" else name)
