"""Thematic maps as whole pages: served, with a small memory of what was drawn last, or as a file to carry away.

What is on a map comes from `content`, how it is drawn from `folium_map`; here is only when and for whom.
"""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from threading import Lock

from sqlalchemy import Connection, Engine

from gismap.access.values import Territory
from gismap.errors import ForbiddenError
from gismap.i18n import Language
from gismap.store.session import reading
from gismap.themes import queries
from gismap.themes.content import MapContent, gather
from gismap.themes.folium_map import FileNotice, file_page, served_page
from gismap.themes.queries import Extent, unit_path
from gismap.themes.specs import Theme

FILE_LIFETIME = timedelta(days=30)
"""A file that left the building says that it is to be destroyed after this time."""

REMEMBERED_PAGES = 12


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which map: its theme, language and day, and the unit (identity or code) it is limited to."""

    theme: Theme
    language: Language
    as_of: date
    unit: str | None = None
    territories: tuple[Territory, ...] = ()  # none is the whole district


class PageMemory:
    """The pages drawn last; one is forgotten when the data changed, or when many others were asked for since."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._pages: OrderedDict[tuple[object, ...], str] = OrderedDict()

    def page(self, engine: Engine, wanted: Wanted, *, desk: bool) -> str:
        """The served page of a map, shared by callers of one scope, drawn anew when something was written."""
        with reading(engine) as connection:
            version = connection.execute(queries.PAGE_VERSION).one()
            key = (engine.url, wanted, desk, tuple(version))
            with self._lock:
                if key in self._pages:
                    self._pages.move_to_end(key)
                    return self._pages[key]
            content = _content(connection, wanted, persons=True)
        page = served_page(wanted.theme, content, wanted.language, desk=desk)
        with self._lock:
            self._pages[key] = page
            while len(self._pages) > REMEMBERED_PAGES:
                self._pages.popitem(last=False)
        return page


def map_file(engine: Engine, wanted: Wanted, *, user: str, now: datetime) -> str:
    """The map as one self-contained file, without persons, marked with who made it, when, and when it expires."""
    with reading(engine) as connection:
        content = _content(connection, wanted, persons=False)
    return file_page(wanted.theme, content, wanted.language, FileNotice(user, now, now + FILE_LIFETIME))


def _content(connection: Connection, wanted: Wanted, *, persons: bool) -> MapContent:
    path = _path(connection, wanted)
    return gather(connection, wanted.theme, Extent(wanted.as_of, path), wanted.language, persons=persons)


def _path(connection: Connection, wanted: Wanted) -> str:
    """What is drawn: the unit asked for, or the whole district, or of whoever sees a part that part (the first)."""
    if wanted.unit is None:
        return wanted.territories[0][0] if wanted.territories else ""
    path = unit_path(connection, wanted.unit, wanted.as_of)
    if wanted.territories and not any(low <= path < high for low, high in wanted.territories):
        raise ForbiddenError("this unit lies outside of your territory, or reaches beyond it", field="unit")
    return path
