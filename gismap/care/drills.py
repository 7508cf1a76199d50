"""Drills (演练): the same lists as in an emergency, of made-up persons alone, which are gone when the drill ends."""

from datetime import date, datetime
from random import Random

import shapely
from sqlalchemy import Connection, text

from gismap.boundaries.service import find_unit
from gismap.care import queries
from gismap.care.categories import list_categories
from gismap.care.writing import write_care
from gismap.elements.values import CareDraft, ElementDraft
from gismap.elements.writing import write_elements

PERSONS = 30


def _purpose_of(emergency: int) -> str:
    return f"drill-{emergency}"


def add_drill_persons(
    connection: Connection, emergency: int, unit: str, *, document: str, ends_at: datetime, today: date, by: str
) -> int:
    """Put made-up persons into homes of the unit until the drill ends; returns how many."""
    purpose, path = _purpose_of(emergency), find_unit(connection, unit, today).path
    params = {"purpose": purpose, "document": document, "today": today, "ends_at": ends_at, "by": by}
    connection.execute(text(queries.ADD_DRILL_PURPOSE), params)
    rows = {"path": path, "today": today, "seed": purpose, "some": PERSONS}
    homes = connection.execute(text(queries.DRILL_HOMES), rows).all()
    categories = [row["category"] for row in list_categories(connection) if not row["of_children"]]
    rng = Random(purpose)
    drafts = [
        ElementDraft(
            "care_persons",
            f"{number}",
            shapely.from_wkb(bytes(home.wkb)),
            category=rng.choice(categories),
            part_of=home.element_id,
            care=CareDraft(purpose, ends_at),
        )
        for number, home in enumerate(homes)
    ]
    write_elements(connection, drafts, source=purpose, source_crs="EPSG:4490", since=today)
    write_care(connection, drafts, keyring=None)
    return len(drafts)


def end_drill(connection: Connection, emergency: int) -> None:
    """Delete a drill's persons and end its purpose."""
    purpose = _purpose_of(emergency)
    persons = connection.execute(text(queries.PERSONS_OF), {"purpose": purpose}).scalars().all()
    connection.execute(text(queries.DELETE_PERSONS), {"persons": list(persons)})
    connection.execute(text(queries.END_DRILL), {"purpose": purpose})
