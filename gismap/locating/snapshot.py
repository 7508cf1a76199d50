"""Keeps what locating holds in memory as the database has it: read when it is first asked for, replaced whole when the
database says that it changed; past days are read on demand and a few of them kept.

One thread per application looks each second whether anything changed, and at once when it is notified. Requests never
wait for it: they are answered from what is held, but for the first one and for days that are not held.
"""

import select
import threading
import time
from collections.abc import Callable
from datetime import date
from typing import Any

import psycopg2
import shapely
import structlog
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from gismap.errors import GismapError, NotFoundError
from gismap.geometry.ground import TangentPlane
from gismap.geometry.overlay import moved_land
from gismap.locating import queries
from gismap.locating.held import Boundaries, Dispute, Duty, Leaf, MovedLand, Override, Post, Rulings, Streets
from gismap.store.session import reading

CHANNEL = "gismap_change"
LOOK_EVERY_S = 1.0
PAST_KEPT = 4
"""Boundaries of other days than today's that are kept."""

TOPICS = {"boundaries", "duty", "streets", "rulings"}

log = structlog.get_logger()


class Snapshot:
    """What is held, for one application; `start` keeps it up to date until `stop`."""

    def __init__(self, engine: Engine, today: Callable[[], date], handover_days: int = 14) -> None:
        self._engine, self._today = engine, today
        self.handover_days = handover_days  # for so long both owners of land that changed hands are told
        self._numbers: dict[str, int] = {}
        self._boundaries: list[Boundaries] = []
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._duty: Duty | None = None
        self._streets: Streets | None = None
        self._rulings: Rulings | None = None

    # ── what is held ──

    def held(self, day: date) -> Boundaries | None:
        """The boundaries of a day where they are in memory."""
        return next((one for one in self._boundaries if one.holds(day)), None)

    @property
    def is_complete(self) -> bool:
        """Whether all is in memory and as the database had it within the last second."""
        return self._numbers.keys() >= TOPICS

    def boundaries(self, day: date) -> Boundaries:
        """The boundaries of a day, read where they are not in memory.

        Raises:
            NotFoundError: nothing is published for that day.
        """
        found = self.held(day)
        if found is not None:
            return found
        with self._lock:
            found = self.held(day)
            if found is None:
                with reading(self._engine) as connection:
                    found = read_boundaries(connection, day)
                self._keep(found)
        return found

    def duty(self) -> Duty:
        """Who is on duty."""
        if self._duty is None:
            self._read("duty")
        assert self._duty is not None
        return self._duty

    def streets(self) -> Streets:
        """Named streets."""
        if self._streets is None:
            self._read("streets")
        assert self._streets is not None
        return self._streets

    def rulings(self) -> Rulings:
        """Overrides and disputes."""
        if self._rulings is None:
            self._read("rulings")
        assert self._rulings is not None
        return self._rulings

    def _keep(self, found: Boundaries) -> None:
        """Keep boundaries beside the others: today's always, and the latest few of other days."""
        today = self._today()
        others = [one for one in self._boundaries if not one.holds(today)][-PAST_KEPT + 1 :]
        current = [one for one in self._boundaries if one.holds(today)]
        self._boundaries = [*others, found, *current] if found not in current else [*others, found]

    def _read(self, topic: str) -> None:
        with reading(self._engine) as connection:
            if topic == "duty":
                self._duty = read_duty(connection)
            elif topic == "streets":
                self._streets = read_streets(connection)
            elif topic == "rulings":
                self._rulings = read_rulings(connection)
            else:
                self._boundaries = _in_force(connection, self._today())

    # ── keeping it up to date ──

    def start(self) -> None:
        """Begin to follow the database."""
        self._thread = threading.Thread(target=self._follow, name="gismap-snapshot", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Follow it no more."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout=LOOK_EVERY_S * 3)

    def look(self) -> None:
        """Replace what has changed since the last look."""
        with reading(self._engine) as connection:
            numbers = {row.topic: row.number for row in connection.execute(text(queries.CHANGES))}
        for topic, number in numbers.items():
            if self._numbers.get(topic) != number:
                self._read(topic)
                self._numbers[topic] = number

    def _follow(self) -> None:
        listener: Any = None
        while not self._stopping.is_set():
            try:
                listener = listener or self._listen()
                self.look()
                self._prepare_today()
                self._wait(listener)
            except (GismapError, DBAPIError, psycopg2.Error) as error:
                log.warning("snapshot cannot be refreshed", error=type(error).__name__)
                _close(listener)
                listener = None
                self._stopping.wait(LOOK_EVERY_S)
        _close(listener)

    def _listen(self) -> Any:
        """A connection of its own, outside of the pool, that hears what changes."""
        url = self._engine.url.render_as_string(hide_password=False).replace("+psycopg2", "")
        listener = psycopg2.connect(url, connect_timeout=5, application_name="gismap snapshot")
        listener.autocommit = True
        with listener.cursor() as cursor:
            cursor.execute(f"LISTEN {CHANNEL}")
        return listener

    def _wait(self, listener: Any) -> None:
        """Until something is heard, a second has passed, or it is time to stop."""
        ends = time.monotonic() + LOOK_EVERY_S
        while not self._stopping.is_set() and (left := ends - time.monotonic()) > 0:
            if select.select([listener], [], [], min(left, 0.2))[0]:
                listener.poll()
                listener.notifies.clear()
                return

    def _prepare_today(self) -> None:
        """At midnight, and after a start, have today's boundaries ready before somebody asks."""
        try:
            self.boundaries(self._today())
        except NotFoundError:
            return  # nothing is published


def read_boundaries(connection: Connection, day: date) -> Boundaries:
    """The boundaries of a day.

    Raises:
        NotFoundError: nothing is published for that day.
    """
    revision = connection.execute(text(queries.REVISION), {"as_of": day}).scalar()
    if revision is None:
        first = connection.execute(text(queries.FIRST_DAY)).scalar()
        if first is None:
            raise NotFoundError("no boundaries are published yet", field="as_of")
        raise NotFoundError(f"there are no boundaries on {day}: the first take effect on {first}", field="as_of")
    span = connection.execute(text(queries.SPAN), {"as_of": day}).one()
    units = connection.execute(text(queries.UNITS), {"as_of": day}).all()
    by_path = {unit.path: unit for unit in units}
    rows = [unit for unit in units if unit.wkb is not None]
    leaves = [Leaf(row.unit_id, row.code, row.name, row.level, row.path, _chain(row.path, by_path)) for row in rows]
    shapes = list(shapely.from_wkb([bytes(row.wkb) for row in rows]))
    outlines = connection.execute(text(queries.OUTLINES), {"as_of": day}).scalars().all()
    outline = shapely.union_all(shapely.from_wkb([bytes(wkb) for wkb in outlines])) if outlines else None
    moved = _moved_land(connection, revision)
    return Boundaries(revision, span.since or day, span.until, leaves, shapes, outline, moved)


def _moved_land(connection: Connection, revision: int) -> MovedLand | None:
    """What changed hands with a revision; None where nothing did."""
    rows = connection.execute(text(queries.REPLACED), {"revision": revision}).all()
    old, new = (
        {row.unit_id: shapely.from_wkb(bytes(row.wkb)) for row in rows if row.was == was} for was in (True, False)
    )
    pieces = [piece for piece in moved_land(old, new) if piece.before is not None and piece.after is not None]
    if not pieces:
        return None
    was = {row.unit_id: {"unit": row.unit_id, "code": row.code, "name": row.name} for row in rows if row.was}
    return MovedLand(connection.execute(text(queries.BEGINS), {"revision": revision}).scalar_one(), pieces, was)


def _in_force(connection: Connection, today: date) -> list[Boundaries]:
    """Today's boundaries alone: those of other days may have changed with them."""
    try:
        return [read_boundaries(connection, today)]
    except NotFoundError:
        return []


def _chain(path: str, by_path: dict[str, Any]) -> list[dict[str, Any]]:
    """The units above a leaf, from the top down: every path is that of the unit above it and one segment more."""
    chain, above = [], ""
    for segment in path.rstrip("/").split("/")[:-1]:
        above += segment + "/"
        unit = by_path[above]
        chain.append({"unit": unit.unit_id, "code": unit.code, "name": unit.name, "level": unit.level})
    return chain


def read_duty(connection: Connection) -> Duty:
    """Who is on duty, by unit."""
    duty: dict[str, list[Post]] = {}
    for row in connection.execute(text(queries.DUTY_POSTS)):
        post = Post(row.role, row.duty, row.name, row.shown_phone, row.phone, row.since, row.until)
        duty.setdefault(row.unit_id, []).append(post)
    return duty


def read_streets(connection: Connection) -> Streets:
    """All named streets."""
    rows = connection.execute(text(queries.NAMED_STREETS)).all()
    lines = list(shapely.from_wkb([bytes(row.wkb) for row in rows]))
    return Streets([row.name for row in rows], lines, _plane(lines))


def read_rulings(connection: Connection) -> Rulings:
    """All overrides and disputes, whatever the day."""
    overrides = [
        (
            Override(row.override, row.element_id, row.name, row.door, row.unit_id, row.reason, row.since, row.until),
            shapely.from_wkb(bytes(row.wkb)),
        )
        for row in connection.execute(text(queries.OVERRIDE_PLACES))
    ]
    disputes = [
        (
            Dispute(
                row.dispute, (row.unit_a, row.unit_b), row.interim_unit, row.reason, row.reach_m, row.since, row.until
            ),
            shapely.from_wkb(bytes(row.wkb)),
        )
        for row in connection.execute(text(queries.DISPUTE_SEGMENTS))
    ]
    return Rulings(overrides, disputes, _plane([geom for _, geom in (*overrides, *disputes)]))


def _plane(shapes: list[shapely.Geometry]) -> TangentPlane:
    if not shapes:
        return TangentPlane(0.0, 0.0)
    west, south, east, north = shapely.total_bounds(shapes)
    return TangentPlane(float(west + east) / 2, float(south + north) / 2)


def _close(listener: Any) -> None:
    if listener is not None:
        listener.close()
