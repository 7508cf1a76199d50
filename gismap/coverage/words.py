"""How defects, notes and sizes are said to planners, in Chinese or English; no finding of anything."""

import re

from gismap.coverage.layers import Note
from gismap.geometry.defects import Defect
from gismap.i18n import CATALOGUE, Language, say


def type_title(kind: str, language: Language) -> str:
    return say(f"coverage.type.{kind}", language)


def remedy_text(defect: Defect, language: Language) -> str:
    return say(f"coverage.remedy.{defect.remedy}", language)


def reason_text(reason: str, language: Language) -> str:
    """A reason of invalidity in the language, where there are words for it."""
    kind = re.fullmatch(r"is a (\w+)", reason)
    if kind is not None:
        return say("coverage.reason.is a", language, kind=kind[1])
    key = f"coverage.reason.{reason}"
    return say(key, language) if key in CATALOGUE else reason


def note_text(note: Note, language: Language) -> str:
    return say(note.key, language, **note.values)


def area_text(area_m2: float) -> str:
    """An area with a unit that suits it: 3.2 m², 12.5 ha, 1,616.02 km²."""
    if area_m2 >= 1e6:
        return f"{area_m2 / 1e6:,.2f} km²"
    if area_m2 >= 1e5:
        return f"{area_m2 / 1e4:,.1f} ha"
    if area_m2 >= 100:
        return f"{area_m2:,.0f} m²"
    return f"{area_m2:.2f} m²" if area_m2 >= 0.1 else f"{area_m2:.4f} m²"


def length_text(metres: float) -> str:
    """A length with a unit that suits it: 4 mm, 12 cm, 3.4 m, 12.5 km."""
    if metres >= 10_000:
        return f"{metres / 1000:,.1f} km"
    if metres >= 1:
        return f"{metres:,.1f} m"
    if metres >= 0.01:
        return f"{metres * 100:.1f} cm"
    return f"{metres * 1000:.2f} mm" if metres >= 1e-5 else "< 0.01 mm"


def units_text(defect: Defect, most: int = 4) -> str:
    shown = " · ".join(defect.units[:most])
    return shown if len(defect.units) <= most else f"{shown} +{len(defect.units) - most}"


def place_text(defect: Defect) -> str:
    """Longitude and latitude to a decimetre; empty where that is not known."""
    return "" if defect.at is None else f"{defect.at[0]:.6f}, {defect.at[1]:.6f}"
