"""Imports a file in one transaction, and takes a batch back; what a file means is found out in `preparing`."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import shapely
from sqlalchemy import Connection, Engine, text

from gismap.boundaries.service import district_bounds
from gismap.care.categories import list_categories
from gismap.care.purposes import purpose_in_force
from gismap.care.rights import deleted_marks
from gismap.care.writing import keep_longer, write_care
from gismap.elements.taking_back import take_back_elements
from gismap.elements.writing import WriteCounts, write_elements, write_streets
from gismap.errors import BadInputError, ConflictError, NotFoundError
from gismap.importing import queries
from gismap.importing.caring import CareSurroundings, Home
from gismap.importing.fields import LayerForm
from gismap.importing.forms import FORMS, care_form, form_of
from gismap.importing.preparing import Order, Prepared, Surroundings, prepare
from gismap.importing.rostering import UnitPlace
from gismap.importing.screening import check_layer
from gismap.importing.values import Rejection
from gismap.locating.gazetteer import refresh_gazetteer
from gismap.settings import get_settings
from gismap.staff.rosters import write_posts
from gismap.staff.writing import write_staff
from gismap.store import audit, journal
from gismap.store.keyring import Keyring
from gismap.store.session import reading, writing

LOCK_KEY = 0x67_6D_69_6D

_JOURNALED: Mapping[str, Mapping[str, str]] = {
    "streets": {"street": "t.source = :source"},
    "staff": {
        "staff": "t.element_id IN (SELECT element_id FROM element WHERE source = :source AND layer = 'staff')",
        "assignment": "t.staff IN (SELECT element_id FROM element WHERE source = :source AND layer = 'staff')",
    },
}
"""Tables without versions that an import into a layer changes, and which of their rows it may change."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an import did or, for a dry run or a file with rejected rows, would have done; `batch` only if stored."""

    batch: int | None
    read: int
    counts: WriteCounts
    rejections: list[Rejection]
    notes: list[str]

    @property
    def rejected(self) -> int:
        """How many rows were turned away."""
        return len({each.row for each in self.rejections})

    def as_dict(self) -> dict[str, int]:
        """The counts by name."""
        counts = self.counts
        return {
            "read": self.read,
            "added": counts.added,
            "changed": counts.changed,
            "unchanged": counts.unchanged,
            "rejected": self.rejected,
        }


def import_file(
    engine: Engine, order: Order, *, since: date, actor: str, far_km: float, keyring: Keyring | None = None
) -> Outcome:
    """Import a file as of the day `since`: all of it, or nothing where a row is rejected and not to be skipped.

    Raises:
        BadInputError: the file, its columns or its frame cannot be used at all.
        NotFoundError: there is no such layer.
        ConflictError: a roster gives a post that somebody else holds.
    """
    with reading(engine) as connection:
        around = _surroundings(connection, order, since, far_km, keyring)
    prepared = prepare(order, around)
    if prepared.rejections and not order.skip_rejected:
        return Outcome(None, prepared.read, WriteCounts(0, 0, 0), prepared.rejections, prepared.notes)
    if prepared.rejections and order.layer == "staff":
        raise BadInputError(
            f"a roster says all posts of its people, so that it is taken whole: correct its {len(prepared.rejections)} "
            "rejected rows, which are listed without --skip-rejected",
            field="skip-rejected",
        )
    with writing(engine) as connection:
        return _store(connection, order, prepared, since, actor, keyring)


def _surroundings(
    connection: Connection, order: Order, since: date, far_km: float, keyring: Keyring | None
) -> Surroundings:
    exists = bool(connection.execute(text(queries.LAYER_EXISTS), {"layer": order.layer}).scalar())
    if order.layer not in FORMS and not exists:
        check_layer((order.layer, order.title_zh, order.title_en))
    form = form_of(order.layer, exists=exists or order.title_zh is not None)
    params = {"source": order.source, "layer": order.layer}
    remembered = connection.execute(text(queries.MAPPING), params).scalar()
    units = _units(connection, since) if order.layer == "staff" else {}
    if order.layer == "staff" and not units:
        raise BadInputError(f"there are no grids on {since} that staff could be posted to", field="unit")
    care = None
    if order.layer == "care_persons":
        care, form = _care(connection, order, since, keyring)
    return Surroundings(form, remembered, district_bounds(connection, since), units, since, far_km, care)


def _care(
    connection: Connection, order: Order, since: date, keyring: Keyring | None
) -> tuple[CareSurroundings, LayerForm]:
    if order.purpose is None:
        raise BadInputError(
            "no person without a purpose: name one that is recorded (`gismap care purpose list`)", field="purpose"
        )
    purpose = purpose_in_force(connection, order.purpose)
    served = [row for row in list_categories(connection) if row["category"] in purpose.categories]
    form = care_form({row["category"]: (row["title_zh"], row["title_en"]) for row in served})
    homes: dict[str, Home | None] = {}
    for row in connection.execute(text(queries.BUILDINGS), {"since": since}):
        home = Home(row.element_id, shapely.from_wkb(bytes(row.wkb)), row.is_sealed)
        for called in {row.element_id, row.source_ref, row.name, row.address} - {None}:
            homes[called] = home if called not in homes else None
    settings = get_settings()
    care = CareSurroundings(
        purpose,
        {row["category"] for row in served if row["of_children"]},
        homes,
        set(connection.execute(text(queries.SEALED_PERSONS), {"source": order.source}).scalars()),
        deleted_marks(connection),
        keyring,
        order.source,
        settings.today(),
        ZoneInfo(settings.timezone),
    )
    return care, form


def _units(connection: Connection, since: date) -> dict[str, UnitPlace]:
    units: dict[str, UnitPlace] = {}
    for row in connection.execute(text(queries.UNITS), {"since": since}):
        place = UnitPlace(row.unit_id, shapely.Point(row.lon, row.lat))
        names = [row.name] if row.namesakes == 1 else []
        units |= {name: place for name in (*names, row.unit_id, row.code) if name is not None}
    return units


def _store(
    connection: Connection, order: Order, prepared: Prepared, since: date, actor: str, keyring: Keyring | None
) -> Outcome:
    """Write everything below a savepoint, which is kept unless nothing changed or the run is dry."""
    connection.execute(text(queries.LOCK), {"key": LOCK_KEY})
    savepoint = connection.begin_nested()
    if order.layer not in FORMS:
        _add_layer(connection, order)
    batch = _add_batch(connection, order, prepared, actor, keyring)
    for table, where in _JOURNALED.get(order.layer, {}).items():
        journal.watch(connection, table, (where, {"source": order.source}))
    counts = _write(connection, order, prepared, since, batch, keyring)
    for table, where in _JOURNALED.get(order.layer, {}).items():
        journal.record(connection, table, (where, {"source": order.source}), batch)
    outcome = Outcome(batch, prepared.read, counts, prepared.rejections, prepared.notes)
    if order.dry_run or not counts.added + counts.changed:
        savepoint.rollback()
        if not order.dry_run:
            keep_longer(connection, prepared.elements, source=order.source)
        return Outcome(None, prepared.read, counts, prepared.rejections, prepared.notes)
    refresh_gazetteer(connection)
    keep_longer(connection, prepared.elements, source=order.source)
    mapping = {"source": order.source, "layer": order.layer, "columns": orjson.dumps(prepared.mapping).decode()}
    connection.execute(text(queries.REMEMBER), mapping)
    connection.execute(text(queries.COUNT_BATCH), {"batch": batch, "counts": orjson.dumps(outcome.as_dict()).decode()})
    detail = {"layer": order.layer, "source": order.source, **outcome.as_dict()}
    if order.purpose is not None:
        detail["purpose"] = order.purpose
    audit.append(connection, actor=actor, action="import", subject=f"batch {batch}", detail=detail)
    return outcome


def _add_layer(connection: Connection, order: Order) -> None:
    titles = {"title_zh": order.title_zh, "title_en": order.title_en or order.title_zh}
    if order.title_zh is not None:
        connection.execute(text(queries.ADD_LAYER), {"layer": order.layer, **titles})


def _add_batch(connection: Connection, order: Order, prepared: Prepared, actor: str, keyring: Keyring | None) -> int:
    digest = hashlib.sha256(order.path.read_bytes()).digest()
    if keyring is not None:  # a file of one person could be guessed
        digest = keyring.digest(digest.hex(), "file")
    row = {
        "layer": order.layer,
        "source": order.source,
        "file_name": order.path.name,
        "file_digest": digest.hex(),
        "source_crs": prepared.frame.name,
        "actor": actor,
    }
    return int(connection.execute(text(queries.ADD_BATCH), row).scalar_one())


def _write(
    connection: Connection, order: Order, prepared: Prepared, since: date, batch: int, keyring: Keyring | None
) -> WriteCounts:
    if order.layer == "streets":
        return write_streets(connection, prepared.streets, source=order.source, batch=batch)
    counts = write_elements(
        connection,
        prepared.elements,
        source=order.source,
        source_crs=prepared.frame.name,
        since=since,
        batch=batch,
    )
    if order.layer == "care_persons":
        write_care(connection, prepared.elements, keyring=keyring)
    if order.layer != "staff":
        return counts
    write_staff(connection, prepared.elements, source=order.source)
    reposted = write_posts(connection, prepared.posts, source=order.source, since=since)
    params = {"staff": list(reposted), "batch": batch}
    moved = connection.execute(text(queries.ONLY_POSTS_CHANGED), params).scalar_one()
    return WriteCounts(counts.added, counts.changed + moved, counts.unchanged - moved)


def undo(engine: Engine, batch: int, *, actor: str) -> dict[str, Any]:
    """Take a batch back: what it added goes, what it changed is as before. Identities that it gave stay taken.

    Returns its layer and source, and how many versions were removed and how many stand again.

    Raises:
        NotFoundError: there is no such batch.
        ConflictError: it is undone already, or what it wrote was changed since.
    """
    with writing(engine) as connection:
        connection.execute(text(queries.LOCK), {"key": LOCK_KEY})
        row = connection.execute(text(queries.BATCH), {"batch": batch}).first()
        if row is None:
            latest = ", ".join(map(str, connection.execute(text(queries.LATEST_BATCHES)).scalars()))
            raise NotFoundError(f"there is no batch {batch}; the latest are: {latest or 'none'}", field="batch")
        if row.undone_at is not None:
            raise ConflictError(f"batch {batch} is undone already", field="batch")
        removed, reopened = take_back_elements(connection, batch)
        journal.take_back(connection, batch)
        refresh_gazetteer(connection)
        connection.execute(text(queries.UNDONE), {"batch": batch})
        connection.execute(text(queries.BUMP_LAYER), {"layer": row.layer})
        detail = {"layer": row.layer, "source": row.source, "removed": removed, "reopened": reopened}
        audit.append(connection, actor=actor, action="undo import", subject=f"batch {batch}", detail=detail)
        return detail
