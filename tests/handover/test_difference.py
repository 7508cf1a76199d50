"""What changes hands is told by pair of grids: things by their anchors, and of persons in care nothing that can be
subtracted.
"""

from dataclasses import replace
from typing import Any

import pytest
from shapely import MultiPolygon, box
from sqlalchemy import Connection, text

from gismap.boundaries.plan_operations import Put, Replace
from gismap.errors import BadInputError, NotFoundError
from gismap.handover.difference import between_revisions, of_plan
from gismap.handover.values import Difference, Leaf
from gismap.locating.rulings import add_override
from gismap.planning.proposing import start_plan
from gismap.publishing import publish
from tests.districts import SOUTH, STEP, WEST, small_county
from tests.furnished import PERSON, PHONE
from tests.handover.conftest import (
    ABSORBED,
    ABSORBING,
    EAST_SIDE,
    SPLIT,
    TOMORROW,
    WEST_SIDE,
    path_of,
    put_in_force,
    redraw,
)
from tests.planning.conftest import TODAY, edit


def pairs_of(told: Difference) -> dict[tuple[str | None, str | None], Any]:
    def named(leaf: Leaf | None) -> str | None:
        return leaf and (leaf.code or leaf.name)

    return {(named(pair.before), named(pair.after)): pair for pair in told.pairs}


@pytest.fixture()
def told(county: Connection) -> Difference:
    return between_revisions(county, 1, put_in_force(county, redraw(county)))


def test_each_pair_of_grids_has_its_list(told: Difference) -> None:
    pairs = pairs_of(told)
    merged = pairs.pop((ABSORBED, ABSORBING))
    ((start, end),) = pairs
    assert start == SPLIT
    assert merged.count("buildings") == 3 and merged.households == 72
    assert [thing["address"] for thing in merged.things if thing["layer"] == "buildings"] == [
        f"人民路{number}号" for number in (10, 11, 12)
    ]
    assert end != SPLIT and told.pairs[0].area_m2 == pytest.approx(STEP * 0.48 * 90_700 * STEP * 110_950, rel=0.02)


def test_a_plan_tells_the_same_before_as_the_revisions_after(county: Connection) -> None:
    plan = redraw(county)
    before = of_plan(county, plan, TODAY)
    after = between_revisions(county, 1, put_in_force(county, plan))

    def numbers(told: Difference) -> list[Any]:
        return sorted((pair.count("buildings"), pair.households, round(pair.area_m2), len(pair.things))
                      for pair in told.pairs)  # fmt: skip

    assert numbers(before) == numbers(after)
    assert {key: n for key, n in before.totals().items() if key != "posts"} == {
        key: n for key, n in after.totals().items() if key != "posts"
    }


def test_slivers_hand_over_nothing(county: Connection) -> None:
    """A border that was drawn anew by ten centimetres, as when a file comes back from another program."""
    shifted = [
        replace(draft, geom=MultiPolygon([box(*edges)]))
        if draft.geom is not None and (edges := _nudged(draft.geom.bounds))
        else draft
        for draft in small_county()
    ]
    done = publish(county, shifted, effective_from=TOMORROW, today=TODAY, author="t", reason="重绘")
    told = between_revisions(county, 1, done.number)
    assert told.pairs == [] and told.totals()["households"] == 0
    assert told.units == []


def _nudged(bounds: tuple[float, ...]) -> tuple[float, ...]:
    """The border between west and east, ten centimetres farther east."""
    middle, step = WEST + STEP, 1e-6
    return tuple(edge + step if i % 2 == 0 and abs(edge - middle) < 1e-9 else edge for i, edge in enumerate(bounds))


def test_things_go_by_their_anchor_and_by_rulings(county: Connection) -> None:
    """Building 10 is the west's by a ruling before and after, whoever has the land around it."""
    element = county.execute(
        text("SELECT element_id FROM element WHERE layer = 'buildings' AND source_ref = '10'")
    ).scalar_one()
    add_override(county, element, None, f"{WEST_SIDE}002", "产权属西区", since=TODAY, made_by="t")
    told = between_revisions(county, 1, put_in_force(county, redraw(county)))
    by_pair = {pair: one.count("buildings") for pair, one in pairs_of(told).items()}
    assert by_pair[ABSORBED, ABSORBING] == 2
    assert not any(end == f"{WEST_SIDE}002" for _, end in by_pair)


def test_a_ruling_of_that_day_hands_over_to_a_grid_far_from_any_change(county: Connection) -> None:
    element = county.execute(
        text("SELECT element_id FROM element WHERE layer = 'buildings' AND source_ref = '10'")
    ).scalar_one()
    number = put_in_force(county, redraw(county))
    add_override(county, element, None, f"{WEST_SIDE}002", "产权属西区", since=TOMORROW, made_by="t")
    pair = pairs_of(between_revisions(county, 1, number))[ABSORBED, f"{WEST_SIDE}002"]
    assert pair.count("buildings") == 1 and pair.area_m2 == 0


def test_renamed_and_renumbered_units_are_told_without_any_handover(county: Connection) -> None:
    plan = start_plan(county, "改名", author="li.na", today=TODAY)
    edit(county, plan, Put(SPLIT, {"name": "幸福网格"}))
    told = between_revisions(county, 1, put_in_force(county, plan))
    assert told.pairs == []
    assert [(unit["change"], unit["after"]["name"]) for unit in told.units] == [(["renamed"], "幸福网格")]


def test_units_above_are_reshaped_where_land_crosses_their_border_alone(told: Difference) -> None:
    changes = {unit["before"]["code"]: unit["change"] for unit in told.units if unit["before"]}
    assert changes == {SPLIT: ["reshaped"], ABSORBING: ["reshaped"], ABSORBED: ["retired"]}


def test_posts_of_the_grids_concerned_are_told_masked_with_what_becomes_of_them(told: Difference) -> None:
    fates = {(post["code"], post["fate"]) for post in told.posts}
    assert (SPLIT, "stays") in fates
    said = str(told.as_dict())
    assert PERSON not in said and PHONE not in said


def test_a_territory_is_told_its_own_part_alone(county: Connection) -> None:
    number = put_in_force(county, redraw(county))
    path = path_of(county, WEST_SIDE)
    told = between_revisions(county, 1, number, [(path, path + "~")])
    assert {pair.before.code for pair in told.pairs if pair.before} == {SPLIT}
    assert all((unit["before"] or unit["after"])["code"] != ABSORBED for unit in told.units)


def test_what_cannot_be_compared_is_said_so(county: Connection) -> None:
    with pytest.raises(NotFoundError, match="no revision 7"):
        between_revisions(county, 1, 7)
    with pytest.raises(BadInputError, match="not later"):
        between_revisions(county, 1, 1)


# ── persons in care ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture()
def counted(county: Connection) -> Connection:
    """Last month's published counts: 20 in the absorbed grid, 12 of them living alone; the grid that is split has 9."""
    county.execute(text("DELETE FROM care_count"))
    county.execute(
        text("""
            INSERT INTO care_count (unit_id, month, category, shown)
            SELECT unit_id, date_trunc('month', CAST(:day AS date) - interval '1 month'), category, shown
            FROM grid JOIN (VALUES (:absorbed, '', 20), (:absorbed, 'living_alone_elderly', 12),
                                   (:absorbed, 'disability', NULL), (:split, '', 9), (:absorbing, '', NULL))
                 AS c (code, category, shown) USING (code)
        """),
        {"day": TODAY, "absorbed": ABSORBED, "split": SPLIT, "absorbing": ABSORBING},
    )
    return county


def test_of_a_whole_grid_the_published_count_is_told_and_of_a_part_nothing(counted: Connection) -> None:
    told = between_revisions(counted, 1, put_in_force(counted, redraw(counted)))
    care = {pair: one.care["counts"] for pair, one in pairs_of(told).items()}
    assert care[ABSORBED, ABSORBING] == {"total": 20, "living_alone_elderly": 12, "disability": "withheld"}
    (of_part,) = [counts for (start, _), counts in care.items() if start == SPLIT]
    assert of_part == {"total": "< 5"}


def test_a_grid_that_leaves_a_building_behind_is_no_whole_grid(counted: Connection) -> None:
    """All land but a corner below a thousandth, with a building in it: its people are not among those who go."""
    corner = box(WEST + STEP, SOUTH + STEP, WEST + 1.01 * STEP, SOUTH + 1.01 * STEP)
    rest = box(WEST + STEP, SOUTH + STEP, WEST + 2 * STEP, SOUTH + 2 * STEP).difference(corner)
    counted.execute(text("UPDATE element SET anchor = ST_SetSRID(ST_MakePoint(:x, :y), 4490) "
                         "WHERE layer = 'buildings' AND source_ref = '10'"),
                    {"x": WEST + 1.005 * STEP, "y": SOUTH + 1.005 * STEP})  # fmt: skip
    plan = start_plan(counted, "留角", author="li.na", today=TODAY)
    first = box(WEST + STEP, SOUTH, WEST + 2 * STEP, SOUTH + STEP).union(rest)
    edit(counted, plan, Replace(ABSORBING, MultiPolygon([first])))
    edit(counted, plan, Replace(ABSORBED, MultiPolygon([corner])))
    told = between_revisions(counted, 1, put_in_force(counted, plan))
    assert {pair.care["counts"]["total"] for pair in told.pairs} == {"< 5"}


def test_no_difference_of_told_counts_tells_a_small_number(counted: Connection) -> None:
    """Whatever is told is a published cell or nothing, so that it tells no more than the published table."""
    told = between_revisions(counted, 1, put_in_force(counted, redraw(counted)))
    published = set(counted.execute(text("SELECT shown FROM care_count WHERE shown IS NOT NULL")).scalars())
    numbers = {n for pair in told.pairs for n in pair.care["counts"].values() if isinstance(n, int)}
    assert numbers <= published and "care" not in str(told.totals())


def test_the_east_keeps_its_list_after_the_handover(county: Connection) -> None:
    """The east side of a building that went west sees it still in the list of what it gave away."""
    west = box(WEST, SOUTH, WEST + 1.9 * STEP, SOUTH + STEP)
    plan = start_plan(county, "西扩", author="li.na", today=TODAY)
    edit(county, plan, Replace(SPLIT, MultiPolygon([west])))
    edit(county, plan, Replace(ABSORBING, MultiPolygon([box(WEST + 1.9 * STEP, SOUTH, WEST + 2 * STEP, SOUTH + STEP)])))
    number = put_in_force(county, plan)
    path = path_of(county, EAST_SIDE)
    told = between_revisions(county, 1, number, [(path, path + "~")])
    ((pair),) = told.pairs
    assert (pair.before.code, pair.after.code) == (ABSORBING, SPLIT)  # type: ignore[union-attr]
    assert pair.count("buildings") == 3


def test_the_lists_name_what_the_publication_moved_and_nothing_else(county: Connection) -> None:
    """Against what is stored: the elements whose grid is another one the day after."""
    told = between_revisions(county, 1, put_in_force(county, redraw(county)))
    listed = {
        (thing["element_id"], pair.before and pair.before.key, pair.after and pair.after.key)
        for pair in told.pairs
        for thing in pair.things
    }
    stored = county.execute(
        text("""
            SELECT o.element_id, o.unit_id, n.unit_id FROM element o JOIN element n USING (element_id)
            WHERE o.valid @> CAST(:today AS date) AND n.valid @> CAST(:day AS date) AND o.unit_id <> n.unit_id
              AND o.layer IN ('buildings', 'key_places', 'service_stations', 'supplies')
        """),
        {"today": TODAY, "day": TOMORROW},
    )
    assert listed == {tuple(row) for row in stored} and len(listed) > 5
