"""Counts what is in every unit of a map, over all levels; pure."""

from dataclasses import dataclass

from gismap.themes.rows import MapRows


@dataclass(slots=True)
class UnitNumbers:
    """What is counted in one unit and all units below it."""

    area_m2: float
    is_leaf: bool
    zone_type: str
    buildings: int = 0
    households: int = 0
    places: int = 0
    stations: int = 0
    staff: int = 0
    duties: frozenset[str] = frozenset()


def unit_numbers(rows: MapRows) -> list[UnitNumbers]:
    """Counts of every unit, each including the units below it."""
    position = rows.position
    numbers = [UnitNumbers(row.area_m2, row.is_leaf, row.zone_type or "") for row in rows.units]
    for row in rows.housing:
        if row.unit_id in position:
            own = numbers[position[row.unit_id]]
            own.buildings, own.households = row.buildings, row.households
    counted = {"key_places": "places", "service_stations": "stations"}
    for row in rows.places:
        if row.layer in counted and row.unit_id in position:
            own, name = numbers[position[row.unit_id]], counted[row.layer]
            setattr(own, name, getattr(own, name) + 1)
    for row in rows.staff:
        numbers[position[row.unit_id]].staff = row.persons
    for row in rows.teams:
        numbers[position[row.unit_id]].duties |= {row.duty} - {None}
    for row in reversed(rows.units):
        if row.parent in position:
            own, above = numbers[position[row.unit_id]], numbers[position[row.parent]]
            for name in ("buildings", "households", "places", "stations", "staff"):
                setattr(above, name, getattr(above, name) + getattr(own, name))
    return numbers
