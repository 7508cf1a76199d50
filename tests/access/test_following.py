"""When boundaries change, grants follow the land that they were for, and nobody sees land that was not theirs."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from shapely import MultiPolygon, Polygon, box, union_all
from sqlalchemy import Connection, Engine, Row, text

from gismap.access.accounts import add_account, grant
from gismap.access.sessions import open_session
from gismap.access.values import Role
from gismap.boundaries.service import find_unit
from gismap.boundaries.values import UnitDraft
from gismap.elements.writing import write_elements
from gismap.errors import ConflictError
from gismap.publishing import Publication, publish
from gismap.settings import Settings
from gismap.store.scope import looking_as
from gismap.store.session import reading, writing
from tests.districts import COMMUNITIES, TOWN, buildings_in_each_grid, cell, small_county

SETTINGS = Settings()
TODAY = SETTINGS.today()
FIRST, SOON = TODAY - timedelta(days=100), TODAY + timedelta(days=10)
A, B = COMMUNITIES
YEAR = datetime.now(UTC).replace(microsecond=0) + timedelta(days=365)


@pytest.fixture()
def county(engine: Engine) -> Engine:
    """The small county with three buildings in every grid, six in every community."""
    with writing(engine) as connection:
        put_in_force(connection, small_county(), FIRST)
        write_elements(connection, buildings_in_each_grid(), source="test", source_crs="EPSG:4490", since=FIRST)
    return engine


def put_in_force(connection: Connection, drafts: Sequence[UnitDraft], day: object) -> Publication:
    return publish(connection, drafts, effective_from=day, today=TODAY, author="planner", reason="test")


def hold(county: Engine, name: str, *units: str, ends_at: datetime = YEAR, role: Role = Role.VIEWER) -> str:
    """A key of somebody who is granted a role in units, by their codes."""
    with writing(county) as connection:
        account_id = add_account(connection, name, name, None, made_by="test")
        for code in units:
            unit_id = find_unit(connection, code, TODAY).unit_id
            grant(connection, account_id, role, unit_id, ends_at=ends_at, granted_by="test")
        return open_session(connection, account_id, kind="key", seconds=3600, today=TODAY)[0]


def seen(service_engine: Engine, key: str) -> int:
    """How many buildings a caller sees today; nothing between the publication and this looks at the session."""
    with reading(looking_as(service_engine, key)) as connection:
        query = "SELECT count(*) FROM element WHERE valid @> CAST(:today AS date)"
        return int(connection.execute(text(query), {"today": TODAY}).scalar_one())


def grants_of(connection: Connection, name: str) -> list[Row]:
    """All grants of somebody, in the order in which they were made: the unit's code (of any day), and the times."""
    return list(
        connection.execute(
            text("""
                SELECT (SELECT max(code) FROM grid WHERE unit_id = g.unit_id) AS code, role, starts_at, ends_at,
                       granted_by
                FROM access_grant g JOIN account USING (account_id) WHERE username = :name ORDER BY grant_id
            """),
            {"name": name},
        )
    )


def codes(connection: Connection, name: str) -> set[str]:
    return {row.code for row in grants_of(connection, name)}


def without(drafts: Sequence[UnitDraft], *codes: str) -> list[UnitDraft]:
    """The drafts but for these units and what lies below them."""
    gone = set(codes)
    return [draft for draft in drafts if not {draft.code, draft.parent} & gone]


def community(code: str, *leaves: MultiPolygon, name: str = "新社区") -> list[UnitDraft]:
    """A community below the town, of these grids."""
    grids = [UnitDraft(f"{code}{n:03d}", f"{name}第{n}网格", 4, code, f"{code}{n:03d}", geom=geom)
             for n, geom in enumerate(leaves, 1)]  # fmt: skip
    return [UnitDraft(code, name, 3, "town", code=code), *grids]


def column(x: int) -> list[MultiPolygon]:
    """The two grids of a community: `x` 0 is that of A, 1 that of B."""
    return [MultiPolygon([cell(x, row)]) for row in (0, 1)]


def merged(drafts: Sequence[UnitDraft]) -> list[UnitDraft]:
    """A and B become one new community."""
    return [*without(drafts, A, B), *community("370883001009", *column(0), *column(1), name="合并社区")]


def recoded(drafts: Sequence[UnitDraft]) -> list[UnitDraft]:
    """The town with all below it gets other codes, which makes new units of them; the land is the same."""
    return [
        draft if draft.level == 1 else replace(draft, code=str(draft.code).replace(TOWN, "370883100"))
        for draft in drafts
    ]


# ── what follows ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_whoever_had_a_town_has_the_new_unit_on_its_land_from_the_same_moment(
    county: Engine, service_engine: Engine
) -> None:
    key = hold(county, "li", TOWN)
    assert seen(service_engine, key) == 12
    with writing(county) as connection:
        done = put_in_force(connection, recoded(small_county()), TODAY)
        old, new = grants_of(connection, "li")
    assert (done.grants_followed, done.grants_lapsed) == (1, [])
    assert (new.code, new.role, new.ends_at, new.granted_by) == ("370883100", "viewer", YEAR, "planner")
    assert old.ends_at == new.starts_at <= datetime.now(UTC)
    assert seen(service_engine, key) == 12


def test_a_grant_changes_at_the_beginning_of_the_day_where_the_district_lies(
    county: Engine, service_engine: Engine
) -> None:
    key = hold(county, "li", A)
    with writing(county) as connection:
        put_in_force(connection, recoded(small_county()), SOON)
        old, new = grants_of(connection, "li")
    midnight = datetime.combine(SOON, time(), ZoneInfo("Asia/Shanghai"))
    assert (old.ends_at, new.starts_at) == (midnight, midnight)
    assert seen(service_engine, key) == 6  # until then all is as it was


def test_all_parts_of_a_grid_that_was_split_are_granted(county: Engine, service_engine: Engine) -> None:
    key = hold(county, "li", f"{A}001")
    west, south, east, north = cell(0, 0).bounds
    halves = [
        MultiPolygon([box(west, south, east, south + 0.004)]),
        MultiPolygon([box(west, south + 0.004, east, north)]),
    ]
    parts = [UnitDraft(f"part-{n}", f"第{n}片", 4, A, f"{A}90{n}", geom=geom) for n, geom in enumerate(halves)]
    drafts = [draft for draft in small_county() if draft.code != f"{A}001"]
    drafts = [replace(draft, geom=_with_corner(draft.geom, south + 0.004)) if draft.geom else draft for draft in drafts]
    with writing(county) as connection:
        done = put_in_force(connection, [*drafts, *parts], TODAY)
        assert codes(connection, "li") == {f"{A}001", f"{A}900", f"{A}901"}
    assert (done.grants_followed, done.grants_lapsed, seen(service_engine, key)) == (1, [], 3)


def _with_corner(geom: MultiPolygon, lat: float) -> MultiPolygon:
    """The polygon with the vertex that a new border makes in its western side, where it lies east of that border."""
    west, south, east, north = geom.bounds
    if (west, south) != cell(1, 0).bounds[:2]:
        return geom
    return MultiPolygon([Polygon([(west, south), (east, south), (east, north), (west, north), (west, lat)])])


def test_communities_of_a_town_that_is_dissolved_are_granted_one_by_one(county: Engine, service_engine: Engine) -> None:
    key = hold(county, "li", TOWN)
    other = UnitDraft("other", "千泉街道", 2, "county", code="370883002")
    outside = UnitDraft("870", "马场社区", 3, "other", code="370883002870")
    farm = UnitDraft("870-1", "马场网格", 4, "870", code="370883002870001", geom=MultiPolygon([cell(2, 0)]))
    drafts = [draft for draft in small_county() if draft.level != 2]
    drafts = [replace(draft, parent="other") if draft.level == 3 else draft for draft in drafts]
    with writing(county) as connection:
        done = put_in_force(connection, [other, *drafts, outside, farm], TODAY)
        assert codes(connection, "li") == {TOWN, A, B}  # and not the town with the farm
    assert (done.grants_lapsed, seen(service_engine, key)) == ([], 12)


def test_a_grant_yet_to_begin_is_followed_and_one_that_ends_before_is_left(county: Engine) -> None:
    hold(county, "later", A)
    hold(county, "until-then", A, ends_at=datetime.now(UTC) + timedelta(days=2))
    begins = datetime.now(UTC).replace(microsecond=0) + timedelta(days=30)
    with writing(county) as connection:
        later = "(SELECT account_id FROM account WHERE username = 'later')"
        connection.execute(text(f"UPDATE access_grant SET starts_at = :at WHERE account_id = {later}"), {"at": begins})
        done = put_in_force(connection, recoded(small_county()), SOON)
        old, new = grants_of(connection, "later")
        assert (old.starts_at, old.ends_at, new.starts_at, new.ends_at) == (begins, begins, begins, YEAR)
        assert len(grants_of(connection, "until-then")) == 1
    assert done.grants_followed == 1


def test_what_followed_follows_again(county: Engine) -> None:
    hold(county, "li", A)
    again = [replace(draft, code=str(draft.code).replace(TOWN, "370883200")) for draft in small_county()]
    with writing(county) as connection:
        put_in_force(connection, recoded(small_county()), SOON)
        put_in_force(connection, again, SOON + timedelta(days=5))
        first, second, third = grants_of(connection, "li")
    assert first.ends_at == second.starts_at < second.ends_at == third.starts_at < third.ends_at == YEAR


def test_a_unit_that_moves_to_another_town_takes_its_grants_along_at_once(
    county: Engine, service_engine: Engine
) -> None:
    mine, towns = hold(county, "li", A), hold(county, "wang", TOWN)
    other = UnitDraft("other", "千泉街道", 2, "county", code="370883002")
    drafts = [replace(draft, parent="other") if draft.code == A else draft for draft in small_county()]
    with writing(county) as connection:
        done = put_in_force(connection, [other, *drafts], TODAY)
        assert len(grants_of(connection, "li")) == 1
    assert (done.grants_followed, done.grants_lapsed) == (0, [])
    assert (seen(service_engine, mine), seen(service_engine, towns)) == (6, 6)


# ── what must not follow ───────────────────────────────────────────────────────────────────────────────────────────


def test_who_had_one_of_two_communities_does_not_see_the_people_of_the_other_when_they_merge(
    county: Engine, service_engine: Engine
) -> None:
    key = hold(county, "li", A)
    with writing(county) as connection:
        done = put_in_force(connection, merged(small_county()), TODAY)
        # The grids are new units on the old land, and are granted: what was seen is seen, and nothing else.
        assert codes(connection, "li") == {A, "370883001009001", "370883001009002"}
    assert (done.grants_lapsed, seen(service_engine, key)) == ([], 6)


def joined(drafts: Sequence[UnitDraft], day: object, connection: Connection) -> Publication:
    """A and B become one community of a single grid."""
    whole = MultiPolygon([union_all([*column(0), *column(1)])])
    return put_in_force(connection, [*without(drafts, A, B), *community("370883001009", whole, name="合并社区")], day)


def test_where_no_part_can_be_told_apart_a_grant_lapses_and_that_is_told_and_entered(
    county: Engine, service_engine: Engine
) -> None:
    key = hold(county, "li", A, role=Role.DISPATCHER)
    with writing(county) as connection:
        done = joined(small_county(), TODAY, connection)
        entries = connection.execute(
            text("SELECT record FROM audit WHERE record ->> 'action' IN ('follow grant', 'grant lapses')")
        ).scalars().all()  # fmt: skip
    (lapse,) = done.grants_lapsed
    assert (done.grants_followed, lapse.username, lapse.role, lapse.unit) == (0, "li", "dispatcher", "福安社区")
    assert (round(lapse.share, 6), lapse.now_in) == (1.0, ["合并社区"])
    assert "li: dispatcher in 福安社区" in str(lapse) and "100%" in str(lapse) and "合并社区" in str(lapse)
    assert [(entry["action"], entry["actor"]) for entry in entries] == [("grant lapses", "planner")]
    assert entries[0]["detail"]["now_in"] == ["合并社区"]
    assert seen(service_engine, key) == 0


def test_who_had_both_has_what_they_became_for_as_long_as_both_were_granted(
    county: Engine, service_engine: Engine
) -> None:
    key, sooner = hold(county, "li", A, B), YEAR - timedelta(days=100)
    with writing(county) as connection:
        connection.execute(text("UPDATE access_grant SET ends_at = :at WHERE grant_id = 2"), {"at": sooner})
        done = joined(small_county(), TODAY, connection)
        grants = grants_of(connection, "li")
    assert [(row.code, row.ends_at) for row in grants[2:]] == [("370883001009", sooner)]
    assert (done.grants_followed, done.grants_lapsed, seen(service_engine, key)) == (2, [], 12)


def test_two_roles_do_not_add_up_to_one(county: Engine) -> None:
    hold(county, "li", A)
    with writing(county) as connection:
        account_id = connection.execute(text("SELECT account_id FROM account")).scalar_one()
        unit_id = find_unit(connection, B, TODAY).unit_id
        grant(connection, account_id, Role.DISPATCHER, unit_id, ends_at=YEAR, granted_by="test")
        done = joined(small_county(), TODAY, connection)
    lapsed = [(lapse.role, lapse.unit) for lapse in done.grants_lapsed]
    assert lapsed == [("viewer", "福安社区"), ("dispatcher", "太平社区")]


def test_land_that_goes_to_a_neighbour_is_lost_unless_the_neighbour_is_granted_too(county: Engine) -> None:
    """A ends: its southern grid becomes a new community, its northern one goes to B, which stays."""
    drafts = [*without(small_county(), A), *community("370883001009", column(0)[0])]
    drafts.append(UnitDraft("north", "北片", 4, B, f"{B}003", geom=column(0)[1]))
    hold(county, "li", A)
    hold(county, "wang", A, B)
    with writing(county) as connection:
        done = put_in_force(connection, drafts, TODAY)
        assert codes(connection, "li") == {A, "370883001009", f"{B}003"}
        assert codes(connection, "wang") == {A, B, "370883001009", f"{B}003"}
    assert (done.grants_followed, done.grants_lapsed) == (2, [])


def test_a_grid_swallowed_by_its_neighbour_is_granted_to_nobody_who_had_not_both(
    county: Engine, service_engine: Engine
) -> None:
    one, both = hold(county, "li", f"{A}002"), hold(county, "wang", f"{A}001", f"{A}002")
    whole = MultiPolygon([union_all(column(0))])
    drafts = [draft for draft in small_county() if draft.code != f"{A}002"]
    drafts = [replace(draft, geom=whole) if draft.code == f"{A}001" else draft for draft in drafts]
    with writing(county) as connection:
        done = put_in_force(connection, drafts, TODAY)
    assert [(lapse.username, lapse.now_in) for lapse in done.grants_lapsed] == [("li", ["福安社区第1网格"])]
    assert (seen(service_engine, one), seen(service_engine, both)) == (0, 6)


def test_nobody_is_granted_a_unit_beyond_the_day_on_which_it_is_known_to_end(county: Engine) -> None:
    with writing(county) as connection:
        put_in_force(connection, recoded(small_county()), SOON)
    with pytest.raises(ConflictError, match=f"ends on {SOON}"):
        hold(county, "li", A)
    hold(county, "wang", A, ends_at=SETTINGS.beginning_of(SOON))
    with reading(county) as connection:
        assert codes(connection, "wang") == {A}


# ── when a grant begins ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_grant_begins_by_the_clock_without_anybody_looking_at_the_session(
    county: Engine, service_engine: Engine
) -> None:
    key, begins = hold(county, "li", A), datetime.now(UTC) + timedelta(hours=1)
    with writing(county) as connection:
        connection.execute(text("UPDATE access_grant SET starts_at = :at"), {"at": begins})
        connection.execute(text("SELECT refresh_scope(digest, :today) FROM session"), {"today": TODAY})
    assert seen(service_engine, key) == 0
    with writing(county) as connection:
        assert connection.execute(text("SELECT starts_at FROM scope LIMIT 1")).scalar() == begins
        connection.execute(text("UPDATE scope SET starts_at = now()"))
    assert seen(service_engine, key) == 6


def test_between_two_grants_there_is_none(county: Engine, service_engine: Engine) -> None:
    """One that ended and one that is yet to come do not add up to one that lasts."""
    key, now = hold(county, "li", A, A), datetime.now(UTC)
    hour = timedelta(hours=1)
    with writing(county) as connection:
        for number, span in enumerate([(now - 2 * hour, now + hour), (now + 2 * hour, now + 3 * hour)], 1):
            values = {"number": number, "starts_at": span[0], "ends_at": span[1]}
            times = "starts_at = :starts_at, ends_at = :ends_at"
            connection.execute(text(f"UPDATE access_grant SET {times} WHERE grant_id = :number"), values)
        connection.execute(text("SELECT refresh_scope(digest, :today) FROM session"), {"today": TODAY})
    assert seen(service_engine, key) == 6
    with writing(county) as connection:  # an hour and a half later
        connection.execute(text("UPDATE scope SET ends_at = ends_at - interval '90 minutes', "
                                "starts_at = starts_at - interval '90 minutes'"))  # fmt: skip
    assert seen(service_engine, key) == 0
