"""How leaf grids are filled: the class of every unit and the legend's entries; pure, from numbers and a spec."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

from gismap.i18n import Language, say
from gismap.themes.classes import class_bounds, class_of
from gismap.themes.counting import UnitNumbers
from gismap.themes.specs import CLASS_COUNT, RAMPS, Attribute, Categories, Choropleth, Measure, Pattern, Theme

NOTHING_COLOUR = "#eceef2"
"""Leaves with none of what is measured: outside the ramp, because 'none' is no small amount."""


TITLES: Mapping[Attribute, str] = {"zone_type": "zone", "duty": "duty"}
"""Where the catalogue keeps the titles of an attribute's values."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a fill's legend."""

    colour: str
    label: str
    count: int
    pattern: Pattern = "plain"


@dataclass(frozen=True, slots=True)
class Fill:
    """The class of every unit (None: not filled) and what the legend says about it."""

    title: str
    note: str
    entries: Sequence[Entry]
    classes: Sequence[int | None]

    def as_json(self) -> dict[str, object]:
        """The form that the page's script reads."""
        return asdict(self)


MEASURES: Mapping[Measure, Callable[[UnitNumbers], float | None]] = {
    "households": lambda unit: unit.households or None,
    "density": lambda unit: round(unit.households / unit.area_m2 * 1e6) or None,
    "load": lambda unit: round(unit.households / unit.staff, 1) if unit.staff and unit.households else None,
    "places": lambda unit: unit.places or None,
}
"""The number that a measure gives a leaf; None where there is nothing to measure."""


def fill_of(theme: Theme, numbers: Sequence[UnitNumbers], language: Language) -> Fill | None:
    """What the theme fills leaf grids with, if anything."""
    if theme.fill is None:
        return None
    if isinstance(theme.fill, Choropleth):
        return choropleth(theme.fill, numbers, language)
    return categories(theme.fill, numbers, language)


def choropleth(spec: Choropleth, units: Sequence[UnitNumbers], language: Language) -> Fill:
    """Leaves by number: five classes of the occurring numbers, and one more for leaves that have none."""
    measured = [MEASURES[spec.measure](unit) if unit.is_leaf else None for unit in units]
    bounds = class_bounds([value for value in measured if value is not None], CLASS_COUNT, spec.method)
    colours = _spread(RAMPS[spec.ramp], len(bounds))
    nothing = len(bounds)
    classes: list[int | None] = [
        None if not unit.is_leaf else nothing if value is None else class_of(value, bounds)
        for unit, value in zip(units, measured, strict=True)
    ]
    tally = Counter(classes)
    known = [value for value in measured if value is not None]
    lowest = [min(value for value in known if class_of(value, bounds) == index) for index in range(len(bounds))]
    entries = [
        Entry(colours[index], f"{_number(lowest[index])}–{_number(bounds[index])}", tally[index])
        if lowest[index] != bounds[index]
        else Entry(colours[index], _number(bounds[index]), tally[index])
        for index in range(len(bounds))
    ]
    if tally[nothing]:
        entries.append(Entry(NOTHING_COLOUR, say(f"measure.{spec.measure}.none", language), tally[nothing]))
    note = say("map.classed", language, method=say(f"method.{spec.method}", language), classes=len(bounds))
    return Fill(say(f"measure.{spec.measure}", language), note, entries, classes)


def categories(spec: Categories, units: Sequence[UnitNumbers], language: Language) -> Fill:
    """Leaves by kind, in the order of the specification; kinds that do not occur are left out of the legend."""
    kinds = [_kind(spec, unit) if unit.is_leaf else None for unit in units]
    tally = Counter(kinds)
    present = [key for key in spec.kinds if tally[key]]
    titles = {key: say(f"{TITLES[spec.attribute]}.{key or 'none'}", language) for key in present}
    entries = [Entry(spec.kinds[key].colour, titles[key], tally[key], spec.kinds[key].pattern) for key in present]
    classes = [None if kind is None else present.index(kind) for kind in kinds]
    return Fill(say(f"attribute.{spec.attribute}", language), "", entries, classes)


def _kind(spec: Categories, unit: UnitNumbers) -> str:
    if spec.attribute == "zone_type":
        return unit.zone_type if unit.zone_type in spec.kinds else ""
    if "primary" not in unit.duties:
        return "vacant"
    return "both" if "backup" in unit.duties else "primary_only"


def _spread(ramp: Sequence[str], count: int) -> list[str]:
    """`count` colours of the ramp from its dark end to its light end, evenly spaced."""
    last = len(ramp) - 1
    return [ramp[last - round((count - 1 - index) * last / max(count - 1, 1))] for index in range(count)]


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"
