"""The certificate says what stands, is frozen, and is proved anew: who spoils a boundary afterwards is found out."""

import pytest
from shapely import box
from sqlalchemy import Connection, text
from sqlalchemy.exc import InternalError, ProgrammingError

from gismap.errors import ForbiddenError, NotFoundError
from gismap.handover.certificate import certificate, digest
from gismap.locating.rulings import add_override
from tests.districts import SOUTH, STEP, WEST
from tests.handover.conftest import EAST_SIDE, SPLIT, TOMORROW, WEST_SIDE, path_of, put_in_force, redraw, unit_of
from tests.planning.conftest import FIRST, TODAY


def test_it_counts_what_stands_and_every_check_holds(county: Connection) -> None:
    whole = certificate(county, 1)
    assert whole.holds, whole.as_dict()
    found = whole.found
    assert (found["units"], found["leaves"], found["gaps"], found["overlaps"]) == (8, 4, 0, 0)
    assert (found["buildings"], found["households"]) == (12, 12 * 24)
    assert found["assigned_once"] == found["buildings"] + found["places"]


def test_the_parts_add_up_to_the_whole(county: Connection) -> None:
    number = put_in_force(county, redraw(county))
    whole = certificate(county, number)
    parts = [certificate(county, number, unit) for unit in (WEST_SIDE, EAST_SIDE)]
    assert whole.holds and all(part.holds for part in parts)
    for name in ("leaves", "buildings", "places", "households"):
        assert whole.found[name] == sum(part.found[name] for part in parts), name
    assert whole.found["area_m2"] == pytest.approx(sum(part.found["area_m2"] for part in parts), abs=0.2)


def test_what_was_stated_at_publication_does_not_follow_later_changes_of_things(county: Connection) -> None:
    stated = certificate(county, 1).stated
    assert stated is not None and stated["buildings"] == 0  # the county was furnished after it was published
    number = put_in_force(county, redraw(county))
    before = certificate(county, number)
    assert before.stated is not None and before.stated["buildings"] == before.found["buildings"] == 12
    county.execute(text("DELETE FROM element WHERE layer = 'buildings' AND unit_id IS NOT NULL AND valid @> :day"),
                   {"day": TOMORROW})  # fmt: skip
    after = certificate(county, number)
    assert after.stated == before.stated and after.found["buildings"] == 0


def test_a_frozen_certificate_cannot_be_changed(county: Connection) -> None:
    savepoint = county.begin_nested()
    with pytest.raises((InternalError, ProgrammingError), match="never changed"):
        county.execute(text("UPDATE certificate SET stated = '{}'"))
    savepoint.rollback()


@pytest.mark.parametrize("unit", [None, WEST_SIDE])
@pytest.mark.parametrize(
    ("spoiled", "failed"),
    [
        (box(WEST + STEP * 1e-3, SOUTH, WEST + STEP, SOUTH + STEP), {"fills_its_outline"}),
        (box(WEST, SOUTH, WEST + STEP, SOUTH + STEP * 1.01), {"no_overlap"}),
        (box(WEST, SOUTH, WEST + STEP * 1.01, SOUTH + STEP), {"no_overlap"}),
        (box(WEST, SOUTH, WEST + STEP, SOUTH + STEP).difference(
            box(WEST + STEP * 0.2, SOUTH + STEP * 0.2, WEST + STEP * 0.3, SOUTH + STEP * 0.3)),
         {"no_gap", "fills_its_outline"}),
    ],
    ids=["drawn in", "over its northern neighbour", "over its neighbour in another community", "with a hole"],
)  # fmt: skip
def test_boundaries_that_were_tampered_with_are_found_out(
    county: Connection, spoiled: object, failed: set[str], unit: str | None
) -> None:
    values = {"code": SPLIT, "wkb": spoiled.wkb}  # type: ignore[attr-defined]
    county.execute(text("UPDATE grid SET geom = ST_Multi(ST_GeomFromWKB(:wkb, 4490)) WHERE code = :code"), values)
    found = certificate(county, 1, unit)
    assert not found.holds
    assert failed | {"digest_as_published"} <= {name for name, holds in found.checks.items() if not holds}


def test_exceptions_are_listed_by_name(county: Connection) -> None:
    building = county.execute(
        text("SELECT element_id FROM element WHERE layer = 'buildings' ORDER BY source_ref::int LIMIT 1")
    ).scalar_one()
    add_override(county, building, None, f"{EAST_SIDE}001", "产权属东区", since=TODAY, made_by="t")
    add_override(county, building, "101", f"{WEST_SIDE}002", "户籍属北区", since=TODAY, made_by="t")
    number = put_in_force(county, redraw(county))
    there = certificate(county, number, EAST_SIDE)
    assert [(one["name"], one["why"]) for one in there.exceptions if one["why"] == "ruled"] == [
        ("福安小区1号楼", "ruled")
    ]
    assert there.holds
    assert {one["why"] for one in certificate(county, number).exceptions} == {"ruled", "door"}
    assert certificate(county, number, WEST_SIDE).found["buildings"] == 5


def test_a_thing_in_no_grid_is_an_exception_and_fails_the_check(county: Connection) -> None:
    county.execute(text("UPDATE element SET unit_id = NULL, path = '', anchor = ST_Translate(anchor, 1, 1) "
                        "WHERE layer = 'buildings' AND source_ref = '1'"))  # fmt: skip
    found = certificate(county, 1)
    assert not found.checks["everything_assigned_once"]
    assert [one["why"] for one in found.exceptions] == ["in_no_grid"]


# As docs/operations.md says it: by a statement and a tool that know nothing of gismap.
RECIPE = """
SELECT encode(sha256(string_agg(convert_to(coalesce(code, unit_id), 'UTF8') || '\\x00' || ST_AsBinary(geom, 'NDR'),
                                '' ORDER BY coalesce(code, unit_id) COLLATE "C")), 'hex')
FROM grid WHERE is_leaf AND valid @> CAST(:day AS date);
"""


def test_anyone_can_recompute_the_digest(county: Connection) -> None:
    number = put_in_force(county, redraw(county))
    for revision, day in ((1, FIRST), (number, TOMORROW)):
        stored = county.execute(
            text("SELECT certificate ->> 'digest' FROM revision WHERE number = :n"), {"n": revision}
        ).scalar_one()
        recipe = county.exec_driver_sql(RECIPE.replace("CAST(:day AS date)", f"DATE '{day}'")).scalar_one()
        assert stored == recipe == digest(county, revision) == certificate(county, revision).found["digest"]
        assert certificate(county, revision).stated["digest"] == stored  # type: ignore[index]


def test_no_revision_and_no_unit_of_yours_are_said_so(county: Connection) -> None:
    with pytest.raises(NotFoundError, match="no revision 9"):
        certificate(county, 9)
    path = path_of(county, WEST_SIDE)
    mine = [(path, path + "~")]
    with pytest.raises(ForbiddenError):
        certificate(county, 1, EAST_SIDE, mine)
    assert certificate(county, 1, None, mine).unit == {
        "unit": unit_of(county, WEST_SIDE), "code": WEST_SIDE, "name": "福安社区", "level": 3,
    }  # fmt: skip
