"""Edits of a plan: what each does, what it refuses, that it can be undone, and that its check is that of the whole."""

import pytest
from shapely import MultiPolygon, box
from sqlalchemy import Connection, text

from gismap.boundaries import plan_talk
from gismap.boundaries.plan_edits import history, release_lock
from gismap.boundaries.plan_operations import Add, Edit, Merge, MoveVertex, Put, Replace, Reshape, Retire, Split
from gismap.boundaries.values import ZoneType
from gismap.errors import BadInputError, ConflictError, NotFoundError
from gismap.geometry.errors import CodeError, ShapeError
from gismap.planning.checking import check_plan, judge_plan
from gismap.planning.comparing import difference
from gismap.planning.editing import turn_back
from gismap.planning.enforcing import publish_plan
from tests.districts import COMMUNITIES, SOUTH, STEP, WEST, cell
from tests.planning.conftest import TODAY, TOMORROW, edit, line

MINE, OTHER = COMMUNITIES
ONE, TWO = f"{MINE}001", f"{MINE}002"
ACROSS = line((0.5, -0.1), (0.5, 1.1))  # the buildings of a cell stand right of its middle line


def names(county: Connection, plan: str) -> dict[str, list[str]]:
    return {unit["name"]: unit["change"] for unit in difference(county, plan, TODAY)["units"]}


def test_a_split_grid_keeps_its_code_and_the_new_one_gets_the_next(county: Connection, plan: str) -> None:
    done = edit(county, plan, Split(ONE, line((0.3, -0.1), (0.3, 1.1))))
    assert done.defects == [] and check_plan(county, plan, TODAY) == []
    assert names(county, plan) == {"福安社区第1网格": ["reshaped"], "福安社区第3网格": ["created"]}
    made = next(unit for unit in done.counts["units"] if unit["change"] == ["created"])
    assert made["code"] == f"{MINE}003" and made["after"]["households"] == 0


def test_what_changes_hands_is_counted_in_people_and_things(county: Connection, plan: str) -> None:
    done = edit(county, plan, Split(ONE, line((0.6, -0.1), (0.502, 0.5), (0.6, 1.1))))
    moved = [(move["from"]["code"], move["to"]["code"], move["layer"], move["things"]) for move in done.counts["moves"]]
    assert moved == [(ONE, f"{MINE}003", "buildings", 2)]
    kept = next(unit for unit in done.counts["units"] if unit["code"] == ONE)
    assert (kept["before"]["households"], kept["after"]["households"]) == (72, 24)
    assert kept["before"]["area_m2"] > kept["after"]["area_m2"]


def test_merged_grids_are_one_and_a_unit_without_children_ends_with_them(county: Connection, plan: str) -> None:
    edit(county, plan, Merge([f"{OTHER}001", f"{OTHER}002"], "太平大网格"))
    done = edit(county, plan, Merge([ONE, TWO, f"{OTHER}001"]))
    assert done.detail["ended"] == ["福安社区第2网格", "太平大网格", "太平社区"]
    assert done.defects == [] and judge_plan(county, plan, TODAY).is_clean


def test_a_shared_border_moves_on_both_sides(county: Connection, plan: str) -> None:
    done = edit(county, plan, Reshape(ONE, f"{OTHER}001", line((0.8, 0), (1.2, 0.5), (0.9, 1))))
    assert done.defects == [] and check_plan(county, plan, TODAY) == []
    assert {unit["code"] for unit in done.counts["units"]} == {ONE, f"{OTHER}001"}  # who got a vertex is not changed
    assert sum(unit["change"] == ["reshaped"] for unit in done.counts["units"]) == 2


def test_a_corner_moves_for_all_grids_that_have_it(county: Connection, plan: str) -> None:
    done = edit(county, plan, MoveVertex((WEST + STEP, SOUTH + STEP), (WEST + 1.2 * STEP, SOUTH + 1.1 * STEP)))
    assert len(done.counts["units"]) == 4 and check_plan(county, plan, TODAY) == []


def test_attributes_are_set_and_a_grid_goes_to_another_community(county: Connection, plan: str) -> None:
    edit(county, plan, Put(ONE, {"name": "幸福网格", "zone_type": ZoneType.COMMERCIAL, "code": f"{MINE}009"}))
    edit(county, plan, Put(f"{MINE}009", {"parent": OTHER}))
    assert names(county, plan) == {"幸福网格": ["renamed", "renumbered", "moved", "typed"]}
    assert judge_plan(county, plan, TODAY).is_clean


def test_units_are_added_and_ended(county: Connection, plan: str) -> None:
    edit(county, plan, Add("新村", 3, "370883001", code="370883001003"))
    east = MultiPolygon([box(WEST + 2 * STEP, SOUTH, WEST + 3 * STEP, SOUTH + STEP)])
    edit(county, plan, Add("新村第1网格", 4, "370883001003", code="370883001003001", geom=east))
    assert [defect.type for defect in check_plan(county, plan, TODAY)] == []
    done = edit(county, plan, Retire("370883001003001"))
    assert done.detail["ended"] == ["新村第1网格", "新村"] and names(county, plan) == {}
    assert edit(county, plan, Retire(TWO)).defects[0].type == "uncovered"


@pytest.mark.parametrize(
    ("what", "error", "says"),
    [
        (Split("nowhere", ACROSS), NotFoundError, "no unit 'nowhere'"),
        (Split(MINE, ACROSS), BadInputError, "no land of its own"),
        (Split(ONE, line((5, 5), (6, 6))), ShapeError, "does not cut"),
        (Split(ONE, ACROSS, ["甲", "乙"]), BadInputError, "name as many"),
        (Merge([ONE]), BadInputError, "two different"),
        (Merge([ONE, ONE]), BadInputError, "two different"),
        (Merge([ONE, f"{OTHER}002"]), BadInputError, "in pieces"),
        (Reshape(ONE, f"{OTHER}002", ACROSS), ShapeError, "share no border"),
        (MoveVertex((118.0, 36.0), (118.1, 36.0)), BadInputError, "no grid has a corner"),
        (Put(ONE, {}), BadInputError, "say what"),
        (Put(ONE, {"code": TWO}), ConflictError, "is that of 福安社区第2网格"),
        (Put(ONE, {"code": "110101001001001"}), BadInputError, "another district"),
        (Put(ONE, {"parent": TWO}), BadInputError, "not of a higher level"),
        (Put(MINE, {"division_code": "37x"}), CodeError, "no division code"),
        (Add("孤网格", 4), BadInputError, "name the unit above"),
        (Add("网格", 5, ONE), BadInputError, "land of its own"),
        (Retire(MINE), ConflictError, "units below it"),
    ],
)
def test_what_cannot_be_done_is_refused_by_name(
    county: Connection, plan: str, what: Edit, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        edit(county, plan, what)
    assert history(county, plan) == []


def test_a_code_is_never_used_again(county: Connection, plan: str) -> None:
    edit(county, plan, Put(ONE, {"code": f"{MINE}009"}))
    publish_plan(county, plan, effective_from=TOMORROW, today=TODAY, author="li.na", reason="r")
    from gismap.planning.proposing import start_plan

    later = start_plan(county, "再次", author="li.na", today=TODAY)
    with pytest.raises(ConflictError, match="never used again"):
        edit(county, later, Put(TWO, {"code": ONE}))


def test_edits_are_undone_and_done_again_with_their_counts(county: Connection, plan: str) -> None:
    edit(county, plan, Split(ONE, ACROSS))
    edit(county, plan, Put(TWO, {"name": "幸福网格"}))
    whole = difference(county, plan, TODAY)
    for _ in range(2):
        turned = turn_back(county, plan, actor="li.na", today=TODAY)
    assert turned.action == "undo split" and turned.defects == [] and names(county, plan) == {}
    with pytest.raises(ConflictError, match="nothing is left to undo"):
        turn_back(county, plan, actor="li.na", today=TODAY)
    for _ in range(2):
        turn_back(county, plan, actor="li.na", today=TODAY, again=True)
    assert difference(county, plan, TODAY) == whole
    turn_back(county, plan, actor="li.na", today=TODAY)
    edit(county, plan, Put(TWO, {"name": "平安网格"}))
    with pytest.raises(ConflictError, match="nothing is left to do again"):
        turn_back(county, plan, actor="li.na", today=TODAY, again=True)
    assert [(one["action"], one["actor"], one["state"]) for one in history(county, plan)] == [
        ("put", "li.na", "done"), ("put", "li.na", "dropped"), ("split", "li.na", "done"),
    ]  # fmt: skip


def test_one_planner_edits_at_a_time_and_others_are_told_who(county: Connection, plan: str) -> None:
    edit(county, plan, Put(TWO, {"name": "甲"}), actor="li.na")
    with pytest.raises(ConflictError, match="is editing plan"):
        edit(county, plan, Put(TWO, {"name": "乙"}), actor="wang")
    release_lock(county, plan, "li.na")
    edit(county, plan, Put(TWO, {"name": "乙"}), actor="wang")
    county.execute(text("UPDATE plan SET lock_until = now() - interval '1 second'"))
    edit(county, plan, Put(TWO, {"name": "丙"}), actor="li.na")  # a lock ends by itself


def test_a_locked_grid_refuses_edits_and_stays_as_it_is_beside_others(county: Connection, plan: str) -> None:
    key = county.execute(text("SELECT unit_id FROM grid WHERE code = :code"), {"code": TWO}).scalar_one()
    plan_talk.hold_unit(county, plan, key, "等镇里答复", "li.na")
    for what in (Put(TWO, {"name": "甲"}), Merge([ONE, TWO]), Reshape(ONE, TWO, line((0, 0.9), (1, 0.9)))):
        with pytest.raises(ConflictError, match="福安社区第2网格 is locked: 等镇里答复"):
            edit(county, plan, what)
    assert edit(county, plan, Split(ONE, line((0.3, -0.1), (0.35, 1.1)))).defects == []
    assert TWO not in {unit["code"] for unit in difference(county, plan, TODAY)["units"]}
    plan_talk.let_go_of_unit(county, plan, key)
    edit(county, plan, Put(TWO, {"name": "甲"}))


def test_the_check_after_an_edit_finds_what_the_check_of_the_whole_finds(county: Connection, plan: str) -> None:
    corner = cell(0, 0)
    shifted = MultiPolygon([box(corner.bounds[0] + 0.1 * STEP, corner.bounds[1], corner.bounds[2] + 0.2 * STEP,
                                corner.bounds[3] - 0.1 * STEP)])  # fmt: skip
    done = edit(county, plan, Replace(ONE, shifted))
    whole = {(one.type, *sorted(one.units), round(one.area_m2, 3)) for one in check_plan(county, plan, TODAY)}
    around = {(one.type, *sorted(one.units), round(one.area_m2, 3)) for one in done.defects if one.type != "uncovered"}
    assert around == whole and {one[0] for one in whole} == {"overlap"}
    assert sum(one.type == "uncovered" for one in done.defects) == 1  # pulled away from the rim, and from its neighbour
    inner = MultiPolygon([corner.difference(box(*corner.centroid.buffer(0.1 * STEP).bounds))])
    done = edit(county, plan, Replace(ONE, inner))
    assert {one.type for one in done.defects} == {"enclave"} == {one.type for one in check_plan(county, plan, TODAY)}


def test_an_edit_that_closes_a_bay_far_around_is_noticed(county: Connection, plan: str) -> None:
    """Land that nobody had: the check of the whole is asked for, since a ring may close anywhere."""
    ring = box(WEST - 2 * STEP, SOUTH - 2 * STEP, WEST + 4 * STEP, SOUTH + 4 * STEP)
    hollow = ring.difference(box(WEST - STEP, SOUTH - STEP, WEST + 3 * STEP, SOUTH + 3 * STEP))
    gate = box(WEST - 2 * STEP, SOUTH, WEST - STEP, SOUTH + STEP)
    edit(county, plan, Add("外环", 4, MINE, geom=MultiPolygon([hollow.difference(gate)])))
    assert {one.type for one in check_plan(county, plan, TODAY)} == set()
    done = edit(county, plan, Add("门", 4, MINE, geom=MultiPolygon([gate])))
    assert {one.type for one in done.defects} == {"gap"}
