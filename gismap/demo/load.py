"""Stores a generated demo district in an empty database, in one transaction."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from random import Random

from sqlalchemy import Connection, Engine, text

from gismap.care.purposes import add_purpose
from gismap.care.values import Purpose
from gismap.care.writing import write_care
from gismap.demo.contents.care import CATEGORIES, FIELDS, PURPOSE
from gismap.demo.model import SINCE, DemoDistrict
from gismap.elements.care_counts import publish_care_counts
from gismap.elements.values import ElementDraft
from gismap.elements.writing import write_elements, write_streets
from gismap.errors import ConflictError
from gismap.locating.gazetteer import refresh_gazetteer
from gismap.publishing import describe_district, publish
from gismap.staff.writing import write_assignments, write_staff
from gismap.store.keyring import Keyring
from gismap.store.session import writing

CRS = "EPSG:4490"

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is."""


def is_empty(engine: Engine) -> bool:
    """Whether the database holds no district yet: nothing published and nothing imported."""
    with engine.connect() as connection:
        return bool(
            connection.execute(
                text("""
                    SELECT NOT EXISTS (SELECT FROM revision) AND NOT EXISTS (SELECT FROM element)
                           AND NOT EXISTS (SELECT FROM street)
                """)
            ).scalar()
        )


def load(
    engine: Engine,
    district: DemoDistrict,
    *,
    today: date,
    keyring: Keyring | None = None,
    progress: Progress = lambda *_: None,
) -> None:
    """Store the district; the same district gives the same identities. Without keys its persons have no names.

    Raises:
        ConflictError: the database is not empty.
    """
    if not is_empty(engine):
        raise ConflictError("the database already holds a district; a demo is loaded into an empty one")
    with writing(engine) as connection:
        _store(connection, district, today, keyring, progress)


def _store(
    connection: Connection, district: DemoDistrict, today: date, keyring: Keyring | None, progress: Progress
) -> None:
    rng, source = Random(district.name), f"demo:{district.name}"
    describe_district(connection, district.title_zh, district.title_en, synthetic=True)
    progress("grids", 0, len(district.units))
    publication = publish(
        connection,
        district.units,
        effective_from=SINCE,
        today=today,
        author="gismap",
        reason="示例数据",
        outlines=district.outlines,
        rng=rng,
    )
    progress("streets", 0, len(district.streets))
    write_streets(connection, district.streets, source=source)
    progress("elements", 0, len(district.elements))
    write_elements(connection, district.elements, source=source, source_crs=CRS, since=SINCE, rng=rng)
    progress("staff", 0, len(district.assignments))
    add_purpose(connection, _purpose(today), made_by="gismap")
    write_care(connection, _sealable(district.elements, keyring), keyring=keyring)
    write_staff(connection, district.elements, source=source)
    write_assignments(connection, district.assignments, source=source, unit_ids=publication.unit_ids)
    progress("names", 0, 1)
    refresh_gazetteer(connection)
    progress("counts", 0, 1)
    publish_care_counts(connection, today.replace(day=1), today=today)
    progress("done", 1, 1)


def _purpose(today: date) -> Purpose:
    ends = datetime.combine(today + timedelta(days=3 * 365), time(), UTC)
    return Purpose(
        PURPOSE, "示例:关爱走访", "statutory_duty", "示例数据", "示例数据,不指任何人", today, "示例", "示例街道民政办",
        ["示例街道民政办"], list(CATEGORIES), list(FIELDS), "示例数据", 365, ends,
    )  # fmt: skip


def _sealable(elements: Sequence[ElementDraft], keyring: Keyring | None) -> Sequence[ElementDraft]:
    if keyring is not None:
        return elements
    return [replace(one, care=replace(one.care, fields={})) if one.care else one for one in elements]
