"""The same file again changes nothing, a changed one only what it says; undo leaves everything as it was."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path

import pytest
from shapely import LineString
from sqlalchemy import Engine, text

from gismap.errors import BadInputError, ConflictError, NotFoundError
from gismap.importing.service import undo
from gismap.publishing import publish
from gismap.store.session import writing
from tests.districts import centre, small_county
from tests.importing.conftest import FIRST, PLACES, TODAY, bring, counts, digest, rows, write_csv, write_vector

LATER = [PLACES[0], [*PLACES[1][:5], "120"], PLACES[2], ["p3", "新药店", "药店", *centre(0, 1), ""]]
"""The table of places with one changed and one more."""


def places(path: Path, table: list[list[object]] = PLACES) -> Path:  # type: ignore[assignment]
    return write_csv(path / "places.csv", table)


def test_the_same_file_twice_changes_nothing(county: Engine, tmp_path: Path) -> None:
    bring(county, "key_places", places(tmp_path), crs="wgs84")
    before = digest(county)
    again = bring(county, "key_places", places(tmp_path), crs="wgs84")
    assert (again.batch, counts(again)) == (None, (0, 0, 2, 0))
    assert digest(county) == before
    assert rows(county, "SELECT count(*) FROM import_batch") == [(1,)]


def test_without_keys_rows_are_known_by_shape_and_values(county: Engine, tmp_path: Path) -> None:
    table = [row[1:] for row in PLACES]
    bring(county, "key_places", write_csv(tmp_path / "p.csv", table), crs="wgs84")
    again = bring(county, "key_places", write_csv(tmp_path / "p.csv", [table[0], *reversed(table[1:])]), crs="wgs84")
    assert counts(again) == (0, 0, 2, 0)


def test_a_repeated_row_is_rejected(county: Engine, tmp_path: Path) -> None:
    table = [row[1:] for row in [*PLACES, PLACES[1]]]
    outcome = bring(county, "key_places", write_csv(tmp_path / "p.csv", table), crs="wgs84")
    assert [(each.row, each.reason) for each in outcome.rejections] == [(4, "repeats row 2")]


def test_a_later_file_adds_and_changes_and_keeps_identities(county: Engine, tmp_path: Path) -> None:
    bring(county, "key_places", places(tmp_path), crs="wgs84", since=FIRST)
    ids = dict(rows(county, "SELECT source_ref, element_id FROM element"))
    assert counts(bring(county, "key_places", places(tmp_path, LATER), crs="wgs84")) == (1, 1, 1, 0)
    now = dict(rows(county, "SELECT source_ref, element_id FROM element WHERE upper_inf(valid)"))
    assert {ref: now[ref] for ref in ids} == ids


def test_a_dry_run_counts_and_writes_nothing(county: Engine, tmp_path: Path) -> None:
    audited = rows(county, "SELECT count(*) FROM audit")
    outcome = bring(county, "key_places", places(tmp_path), crs="wgs84", dry_run=True)
    assert (outcome.batch, counts(outcome)) == (None, (2, 0, 0, 0))
    for table in ("element", "import_batch", "import_mapping", "digital_identity"):
        assert rows(county, f"SELECT count(*) FROM {table}") == [(0,)]
    assert rows(county, "SELECT count(*) FROM audit") == audited


def test_columns_are_remembered_for_their_source(county: Engine, tmp_path: Path) -> None:
    table = [["NO", "MC", "LB", "JD", "WD"], *[row[:5] for row in PLACES[1:]]]
    columns = {"name": "MC", "category": "LB", "x": "JD", "y": "WD"}
    bring(
        county,
        "key_places",
        write_csv(tmp_path / "p.csv", table),
        crs="wgs84",
        columns=columns,
        key="NO",
        source="教育局",
    )
    again = bring(county, "key_places", write_csv(tmp_path / "q.csv", table), crs="wgs84", source="教育局")
    assert counts(again) == (0, 0, 2, 0)
    assert "remembered" in again.notes[0] and "key=NO" in again.notes[0]


def test_what_is_remembered_wins_over_headings_and_what_is_given_over_both(county: Engine, tmp_path: Path) -> None:
    header = ["NO", "名称", "官方名", "类别", "lon", "lat"]
    table = [header, ["1", "俗名", "学名", "学校", *centre(0, 0)]]
    path = write_csv(tmp_path / "p.csv", table)
    names = "SELECT name FROM element WHERE upper_inf(valid)"
    bring(county, "key_places", path, crs="wgs84", columns={"name": "官方名"}, key="NO")
    assert counts(bring(county, "key_places", path, crs="wgs84")) == (0, 0, 1, 0)
    assert rows(county, names) == [("学名",)]
    bring(county, "key_places", path, crs="wgs84", columns={"name": "名称"})
    assert rows(county, names) == [("俗名",)]


def test_how_rows_are_told_apart_does_not_change_in_silence(county: Engine, tmp_path: Path) -> None:
    bring(county, "key_places", places(tmp_path), crs="wgs84")
    without = [row[1:] for row in PLACES]
    with pytest.raises(BadInputError, match="no column '编号', which told the rows"):
        bring(county, "key_places", write_csv(tmp_path / "places.csv", without), crs="wgs84")
    other = bring(
        county, "key_places", write_csv(tmp_path / "places.csv", without), crs="wgs84", key="名称", dry_run=True
    )
    assert "new things" in other.notes[0]


def test_a_code_that_many_share_is_no_key(county: Engine, tmp_path: Path) -> None:
    table = [["code", *PLACES[0][1:]], *[["1500", *row[1:]] for row in PLACES[1:]]]
    outcome = bring(county, "key_places", write_csv(tmp_path / "p.csv", table), crs="wgs84")
    assert counts(outcome) == (2, 0, 0, 0)
    assert "does not tell rows apart" in outcome.notes[0]


def test_undo_takes_back_what_was_added(county: Engine, tmp_path: Path) -> None:
    before = digest(county)
    batch = bring(county, "key_places", places(tmp_path), crs="wgs84").batch
    assert batch is not None
    undo(county, batch, actor="t")
    assert digest(county) == before
    assert rows(county, "SELECT count(*) FROM digital_identity") == [(2,)]  # never given again
    assert counts(bring(county, "key_places", places(tmp_path), crs="wgs84")) == (2, 0, 0, 0)


@pytest.mark.parametrize("since", [TODAY, date(2026, 6, 1), FIRST])
def test_undo_brings_back_what_was_changed(county: Engine, tmp_path: Path, since: date) -> None:
    bring(county, "key_places", places(tmp_path), crs="wgs84", since=FIRST)
    before = digest(county)
    batch = bring(county, "key_places", places(tmp_path, LATER), crs="wgs84", since=since).batch
    assert digest(county) != before
    undo(county, batch or 0, actor="t")
    assert digest(county) == before


def test_undo_is_refused_where_a_later_import_changed_the_same(county: Engine, tmp_path: Path) -> None:
    first = bring(county, "key_places", places(tmp_path), crs="wgs84").batch or 0
    second = bring(county, "key_places", places(tmp_path, LATER), crs="wgs84").batch or 0
    before = digest(county)
    with pytest.raises(ConflictError, match="later import"):
        undo(county, first, actor="t")
    assert digest(county) == before
    undo(county, second, actor="t")
    undo(county, first, actor="t")
    assert rows(county, "SELECT count(*) FROM element") == [(0,)]
    with pytest.raises(ConflictError, match="already"):
        undo(county, first, actor="t")
    with pytest.raises(NotFoundError, match="no batch 99"):
        undo(county, 99, actor="t")


def test_undo_after_new_boundaries_follows_them(own_county: Engine, tmp_path: Path) -> None:
    bring(own_county, "key_places", places(tmp_path), crs="wgs84", since=FIRST)
    batch = bring(own_county, "key_places", places(tmp_path, LATER), crs="wgs84").batch or 0
    dropped = [draft for draft in small_county() if draft.code != "370883001001001"]
    coming = TODAY + timedelta(days=5)
    with writing(own_county) as connection:
        publish(connection, dropped, effective_from=coming, today=TODAY, author="t", reason="t")
    undo(own_county, batch, actor="t")
    versions = "SELECT attributes, unit_id IS NULL, lower(valid), upper(valid) FROM element WHERE source_ref = 'p1'"
    found = rows(own_county, f"{versions} ORDER BY valid")
    assert found == [({}, False, FIRST, coming), ({}, True, coming, None)]


def test_undo_restores_streets_to_the_last_vertex(county: Engine, tmp_path: Path) -> None:
    def street(name: str, bend: float) -> Path:
        lines = [LineString([(117.0000001, 35.4), (117.005, 35.4 + bend), (117.01, 35.4)])]
        return write_vector(tmp_path / "s.gpkg", {"id": ["s1"], "name": [name], "class": ["主干路"]}, lines)

    bring(county, "streets", street("人民路", 0.001))
    before = digest(county)
    assert counts(bring(county, "streets", street("人民路", 0.001))) == (0, 0, 1, 0)
    batch = bring(county, "streets", street("建设路", 0.002)).batch or 0
    assert rows(county, "SELECT name FROM street") == [("建设路",)]
    undo(county, batch, actor="t")
    assert digest(county) == before


def test_undo_of_streets_is_refused_after_another_change(county: Engine, tmp_path: Path) -> None:
    path = write_vector(
        tmp_path / "s.gpkg", {"id": ["s1"], "class": ["巷"]}, [LineString([(117, 35.4), (117.01, 35.4)])]
    )
    batch = bring(county, "streets", path).batch or 0
    with writing(county) as connection:
        connection.execute(text("UPDATE street SET name = '新名'"))
    with pytest.raises(ConflictError):
        undo(county, batch, actor="t")


def test_two_imports_of_one_file_at_once_make_one(county: Engine, tmp_path: Path) -> None:
    path = places(tmp_path)
    with ThreadPoolExecutor() as pool:
        both = list(pool.map(lambda _: counts(bring(county, "key_places", path, crs="wgs84")), range(2)))
    assert sorted(both) == [(0, 0, 2, 0), (2, 0, 0, 0)]


def test_imports_and_undos_are_audited(county: Engine, tmp_path: Path) -> None:
    batch = bring(county, "key_places", places(tmp_path), crs="wgs84").batch or 0
    undo(county, batch, actor="somebody")
    actions = rows(county, "SELECT record ->> 'action', record ->> 'actor' FROM audit ORDER BY seq DESC LIMIT 2")
    assert actions == [("undo import", "somebody"), ("import", "tester")]
