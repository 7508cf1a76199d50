"""A plan whose base has moved is told so, and taken over when asked: nothing is overwritten without a word."""

from datetime import timedelta

import pytest
from sqlalchemy import Connection, text

from gismap.boundaries.plan_operations import Merge, Put, Retire, Split
from gismap.boundaries.plans import find_plan, list_plans
from gismap.errors import ConflictError, RebaseError
from gismap.planning.checking import judge_plan
from gismap.planning.comparing import difference
from gismap.planning.editing import turn_back
from gismap.planning.enforcing import publish_plan
from gismap.planning.proposing import start_plan
from gismap.planning.rebasing import Prefer, rebase
from gismap.withdrawing import withdraw
from tests.districts import COMMUNITIES
from tests.planning.conftest import TODAY, TOMORROW, edit, line

MINE, OTHER = COMMUNITIES
ONE, TWO = f"{MINE}001", f"{MINE}002"


def publish(county: Connection, plan: str, days: int = 1) -> int:
    day = TODAY + timedelta(days=days)
    return publish_plan(county, plan, effective_from=day, today=TODAY, author="wang", reason="r").number


def other(county: Connection) -> str:
    return start_plan(county, "另一个", author="wang", today=TODAY)


def take_over(county: Connection, plan: str, prefer: Prefer | None = None) -> int:
    return len(rebase(county, plan, actor="li.na", today=TODAY, prefer=prefer).decided)


def test_a_plan_whose_base_has_moved_is_told_so_and_refused(county: Connection, plan: str) -> None:
    theirs = other(county)
    edit(county, plan, Put(ONE, {"name": "甲"}))
    edit(county, theirs, Put(f"{OTHER}001", {"name": "乙"}), actor="wang")
    publish(county, theirs)
    assert judge_plan(county, plan, TODAY).base_moved
    assert {row.plan_id: row.base_moved for row in list_plans(county)} == {plan: True, theirs: False}
    assert edit(county, plan, Put(ONE, {"name": "甲乙"})).base_moved
    with pytest.raises(ConflictError, match="rebase it first"):
        publish(county, plan, 2)
    assert take_over(county, plan) == 0
    assert publish(county, plan, 2) == 3
    now = county.execute(text("SELECT code, name FROM grid WHERE upper_inf(valid) AND name ~ '甲|乙'")).all()
    assert {tuple(row) for row in now} == {(ONE, "甲乙"), (f"{OTHER}001", "乙")}


def test_what_only_one_side_changed_is_kept_from_both(county: Connection, plan: str) -> None:
    theirs = other(county)
    edit(county, plan, Split(ONE, line((0.3, -0.1), (0.3, 1.1))))
    edit(county, theirs, Put(ONE, {"name": "乙"}), actor="wang")
    publish(county, theirs)
    assert take_over(county, plan) == 0
    changed = {unit["code"]: unit["change"] for unit in difference(county, plan, TODAY)["units"]}
    assert changed == {ONE: ["reshaped"], f"{MINE}003": ["created"]}
    assert judge_plan(county, plan, TODAY).is_clean
    with pytest.raises(ConflictError, match="nothing is left to undo"):  # what it was made on is gone
        turn_back(county, plan, actor="li.na", today=TODAY)


@pytest.mark.parametrize(("prefer", "name"), [(Prefer.PLAN, "甲"), (Prefer.PUBLISHED, "乙")])
def test_what_both_changed_is_listed_and_decided_by_a_person(
    county: Connection, plan: str, prefer: Prefer, name: str
) -> None:
    theirs = other(county)
    edit(county, plan, Put(ONE, {"name": "甲", "governance_mode": "自治"}))
    edit(county, theirs, Put(ONE, {"name": "乙"}), actor="wang")
    publish(county, theirs)
    with pytest.raises(RebaseError) as refusal:
        take_over(county, plan)
    assert [(one["name"], one["field"]) for one in refusal.value.conflicts] == [("甲", "name")]
    assert find_plan(county, plan).base_revision == 1
    assert take_over(county, plan, prefer) == 1
    publish(county, plan, 2)
    row = county.execute(
        text("SELECT name, governance_mode FROM grid WHERE code = :c ORDER BY valid DESC LIMIT 1"), {"c": ONE}
    ).one()
    assert tuple(row) == (name, "自治")


def test_a_unit_that_one_side_ends_and_the_other_changes_is_a_conflict(county: Connection, plan: str) -> None:
    theirs = other(county)
    edit(county, plan, Put(TWO, {"name": "甲"}))
    edit(county, theirs, Merge([ONE, TWO]), actor="wang")
    publish(county, theirs)
    with pytest.raises(RebaseError) as refusal:
        take_over(county, plan)
    assert [one["field"] for one in refusal.value.conflicts] == ["ended"]
    take_over(county, plan, Prefer.PUBLISHED)
    assert difference(county, plan, TODAY)["units"] == []


def test_both_may_end_the_same_unit(county: Connection, plan: str) -> None:
    theirs = other(county)
    for whose, actor in ((plan, "li.na"), (theirs, "wang")):
        edit(county, whose, Retire(f"{OTHER}002"), actor=actor)
    publish(county, theirs)
    assert take_over(county, plan) == 0 and difference(county, plan, TODAY)["units"] == []


def test_a_plan_on_a_withdrawn_revision_goes_back_to_what_stands(county: Connection, plan: str) -> None:
    edit(county, plan, Put(ONE, {"name": "甲"}))
    number = publish(county, plan)
    theirs = other(county)
    edit(county, theirs, Put(TWO, {"name": "乙"}), actor="wang")
    withdraw(county, number, today=TODAY, author="wang")
    assert judge_plan(county, theirs, TODAY).base_moved
    rebase(county, theirs, actor="wang", today=TODAY, prefer=Prefer.PLAN)
    assert publish(county, theirs) == 3
    assert TOMORROW > TODAY
