"""Units concerned see their own part, agree or object; a plan that asks for it is not published without them."""

import pytest
from sqlalchemy import Connection

from gismap.boundaries.plan_operations import Put, Reshape, Split
from gismap.errors import BadInputError, ConflictError, NotFoundError
from gismap.planning.agreeing import AGREE, OBJECT, give_word, part_of, words
from gismap.planning.enforcing import publish_plan
from gismap.planning.proposing import start_plan
from tests.districts import COMMUNITIES
from tests.planning.conftest import TODAY, TOMORROW, edit, line

MINE, OTHER = COMMUNITIES
ONE = f"{MINE}001"
BORDER = line((0.8, 0), (1.2, 0.5), (0.9, 1))


@pytest.fixture()
def asking(county: Connection) -> str:
    return start_plan(county, "会签", author="li.na", today=TODAY, needs_signoff=True)


def say(county: Connection, plan: str, unit: str, verdict: str = AGREE, reason: str | None = None) -> None:
    give_word(county, plan, unit, verdict, reason, actor=f"of {unit}", today=TODAY)


def publish(county: Connection, plan: str) -> int:
    done = publish_plan(county, plan, effective_from=TOMORROW, today=TODAY, author="li.na", reason="r")
    return done.number


def test_each_unit_sees_its_own_part(county: Connection, asking: str) -> None:
    edit(county, asking, Reshape(ONE, f"{OTHER}001", BORDER))
    edit(county, asking, Put(f"{OTHER}002", {"name": "平安网格"}))
    assert [word.code for word in words(county, asking, TODAY)] == [MINE, OTHER]
    assert [unit["code"] for unit in part_of(county, asking, MINE, TODAY)["units"]] == [ONE]
    assert len(part_of(county, asking, OTHER, TODAY)["units"]) == 2
    with pytest.raises(NotFoundError, match="changes nothing of"):
        part_of(county, asking, "370883", TODAY)


def test_nothing_is_published_until_all_have_agreed_with_what_it_is_now(county: Connection, asking: str) -> None:
    edit(county, asking, Reshape(ONE, f"{OTHER}001", BORDER))
    say(county, asking, MINE)
    with pytest.raises(BadInputError, match="needs a reason"):
        say(county, asking, OTHER, OBJECT)
    say(county, asking, OTHER, OBJECT, "楼栋不应划走")
    with pytest.raises(ConflictError, match="still missing: 太平社区"):
        publish(county, asking)
    edit(county, asking, Put(f"{OTHER}001", {"name": "太平新网格"}))
    say(county, asking, OTHER)
    edit(county, asking, Split(ONE, line((0.2, -0.1), (0.2, 1.1))))
    assert [(word.verdict, word.is_stale) for word in words(county, asking, TODAY)] == [(AGREE, True), (AGREE, False)]
    with pytest.raises(ConflictError, match="still missing: 福安社区"):
        publish(county, asking)
    say(county, asking, MINE)
    assert publish(county, asking) == 2
    with pytest.raises(ConflictError, match="published already"):
        say(county, asking, MINE)


def test_a_plan_that_does_not_ask_is_published_without(county: Connection, plan: str) -> None:
    edit(county, plan, Put(ONE, {"name": "幸福网格"}))
    assert publish(county, plan) == 2
