"""OSM extracts become streets, buildings and key places: a small one of our own, and real ones where at hand."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

from gismap.errors import BadInputError
from gismap.planning.enforcing import publish_plan
from gismap.planning.proposing import Above, propose_from_streets
from gismap.store.session import writing
from tests.importing.conftest import FIRST, TODAY, bring, counts, rows

OSM = """<?xml version="1.0" encoding="UTF-8"?>
<osm version="0.6">
  <node id="1" lat="35.4050" lon="117.0050"/>
  <node id="2" lat="35.4050" lon="117.0060"/>
  <node id="3" lat="35.4060" lon="117.0060"/>
  <node id="4" lat="35.4060" lon="117.0050"/>
  <node id="5" lat="35.4070" lon="117.0070">
    <tag k="amenity" v="pharmacy"/><tag k="name" v="康泰&quot;药店&quot;"/><tag k="phone" v="13800001234"/>
  </node>
  <node id="6" lat="35.4070" lon="117.0080"><tag k="amenity" v="bench"/></node>
  <way id="7">
    <nd ref="1"/><nd ref="2"/><nd ref="3"/><nd ref="4"/><nd ref="1"/>
    <tag k="building" v="yes"/><tag k="amenity" v="school"/><tag k="name" v="实验小学"/><tag k="building:levels" v="4"/>
    <tag k="addr:street" v="人民路"/><tag k="addr:housenumber" v="8号"/>
  </way>
  <way id="8"><nd ref="1"/><nd ref="2"/><tag k="highway" v="secondary_link"/><tag k="name" v="人民路"/></way>
  <way id="9"><nd ref="2"/><nd ref="3"/><tag k="highway" v="footway"/></way>
  <way id="10"><nd ref="3"/><nd ref="4"/><tag k="highway" v="construction"/></way>
</osm>
"""


@pytest.fixture()
def extract(tmp_path: Path) -> Path:
    path = tmp_path / "small.osm"
    path.write_text(OSM, encoding="utf-8")
    return path


def test_an_extract_gives_streets_buildings_and_key_places(county: Engine, extract: Path) -> None:
    assert counts(bring(county, "streets", extract)) == (2, 0, 0, 0)
    assert rows(county, "SELECT source_ref, name, street_class FROM street ORDER BY 1") == [
        ("w8", "人民路", "secondary"), ("w9", None, "track"),
    ]  # fmt: skip
    assert counts(bring(county, "buildings", extract)) == (1, 0, 0, 0)
    assert rows(county, "SELECT name, use, floors, address FROM element JOIN building USING (version_id)") == [
        ("实验小学", "school", 4, "人民路8号")
    ]
    assert counts(bring(county, "key_places", extract)) == (2, 0, 0, 0)
    places = "SELECT source_ref, name, category, attributes FROM element WHERE layer = 'key_places' ORDER BY 1"
    assert rows(county, places) == [
        ("n5", '康泰"药店"', "pharmacy", {}),  # without its phone
        ("w7", "实验小学", "school", {"address": "人民路8号"}),
    ]


def test_an_extract_has_no_staff(county: Engine, extract: Path) -> None:
    with pytest.raises(BadInputError, match="streets, buildings, key_places"):
        bring(county, "supplies", extract)


@pytest.mark.parametrize(
    ("name", "streets", "buildings", "places"),
    [("baoshan_shu_map", 195, 98, 26), ("beijing_tsinghua", 634, 521, 242), ("guixi_city", 170, 165, 9)],
)
def test_real_extracts_are_taken_whole_and_once(
    nowhere: Engine, real_data: Path, name: str, streets: int, buildings: int, places: int
) -> None:
    for layer, number in (("streets", streets), ("buildings", buildings), ("key_places", places)):
        path = real_data / "osm" / f"{name}.osm"
        assert counts(bring(nowhere, layer, path)) == (number, 0, 0, 0)
        assert counts(bring(nowhere, layer, path)) == (0, 0, number, 0)


def test_streets_of_a_real_extract_become_grids_that_own_its_buildings(engine: Engine, real_data: Path) -> None:
    for layer in ("streets", "buildings", "key_places"):
        bring(engine, layer, real_data / "osm" / "baoshan_shu_map.osm")
    above = [Above("310113", "宝山区"), Above("310113101", "大场镇"), Above("310113101001", "大场第一社区")]
    with writing(engine) as connection:
        plan = propose_from_streets(connection, above, source=None, today=TODAY, author="t")
        publish_plan(connection, plan.plan_id, effective_from=FIRST, today=TODAY, author="t", reason="t")
    (owned,) = rows(
        engine,
        """
        SELECT count(*) FILTER (WHERE e.unit_id IS NOT NULL),
               count(*) FILTER (WHERE e.unit_id IS NOT NULL AND NOT ST_Intersects(g.geom, e.anchor))
        FROM element e LEFT JOIN grid g USING (unit_id) WHERE e.layer = 'buildings' AND upper_inf(e.valid)
        """,
    )
    assert owned[0] > 60 and owned[1] == 0
