"""Personal information enters only where it belongs, and barred categories nowhere."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from gismap.errors import BadInputError
from gismap.importing.screening import check_columns, personal_values
from gismap.importing.values import objects
from tests.districts import centre
from tests.importing.conftest import PLACES, bring, counts, reasons, rows, write_csv

LON, LAT = centre(0, 0)


@pytest.mark.parametrize(
    "column",
    [
        "身份证号", "证件号码", "姓名", "户主姓名", "联系人", "联系电话", "手机号", "手机", "法人", "出生日期",
        "id_card", "ID Card No", "idCard", "phone", "contact:phone", "Mobile", "tel.", "person_name", "date_of_birth",
    ],
)  # fmt: skip
def test_columns_of_persons_are_refused_outside_the_roster(column: str) -> None:
    with pytest.raises(BadInputError, match="personal information"):
        check_columns("buildings", ["编号", column])


@pytest.mark.parametrize(
    "column",
    [
        "名称",
        "name",
        "hotel",
        "telecom",
        "类别",
        "层数",
        "地址",
        "cell_id",
        "contractor",
        "street",
        "drugstore",
        "户数",
    ],
)
def test_columns_of_things_are_taken(column: str) -> None:
    check_columns("buildings", [column])


@pytest.mark.parametrize(
    "column",
    [
        "是否信访",
        "宗教信仰",
        "民族",
        "政治面貌",
        "涉毒",
        "吸毒史",
        "艾滋病",
        "religion",
        "ethnic group",
        "HIV",
        "is_petitioner",
    ],
)
@pytest.mark.parametrize("layer", ["buildings", "staff"])
def test_barred_matters_are_refused_in_every_layer(layer: str, column: str) -> None:
    with pytest.raises(BadInputError, match="never kept"):
        check_columns(layer, [column], allowed=[column])


def test_a_refused_column_stops_the_import_with_the_remedy(county: Engine, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "p.csv", [[*PLACES[0], "负责人"], *[[*row, "张三"] for row in PLACES[1:]]])
    with pytest.raises(BadInputError, match=r"'负责人'.*remove it from the file"):
        bring(county, "key_places", path, crs="wgs84")
    assert rows(county, "SELECT count(*) FROM element") == [(0,)]


def test_rows_with_hidden_numbers_of_persons_are_rejected(county: Engine, tmp_path: Path) -> None:
    table = [
        ["编号", "名称", "类别", "lon", "lat", "备注"],
        ["1", "小卖部", "商店", LON, LAT, "找老王 138-0000-1234"],
        ["2", "小卖部", "商店", LON, LAT, "证件 37088319900101123X"],
        ["3", "店 13800001234", "商店", LON, LAT, ""],
        ["4", "学校", "学校", LON, LAT, "0537-5212345 总机,网格 370883001001001,信用代码 91370883MA3C123456"],
        ["13800001234", "店", "商店", LON, LAT, ""],
    ]
    path = write_csv(tmp_path / "p.csv", table)
    outcome = bring(county, "key_places", path, crs="wgs84", skip_rejected=True)
    assert counts(outcome) == (1, 0, 0, 4)
    assert [row for row, _ in reasons(outcome)] == [2, 3, 4, 6]
    assert "identity number" in dict(reasons(outcome))[3]


@given(
    st.integers(13_000_000_000, 19_999_999_999),
    st.sampled_from(["{}", "电话{}", "({})", "{} 转", "+86{}", "联系:{}。"]),
)
def test_a_mobile_number_is_found_wherever_it_stands(number: int, text: str) -> None:
    assert personal_values({"备注": objects([text.format(number)])}, objects([2]))


@given(st.from_regex(r"[1-9]\d{0,9}|\d{12}|3\d{14}", fullmatch=True))
def test_codes_of_other_lengths_are_no_numbers_of_persons(code: str) -> None:
    assert not personal_values({"编码": objects([code])}, objects([2]))


def test_the_long_numbers_of_osm_are_no_phones() -> None:
    assert not personal_values({"@id": objects(["node/13800001234"])}, objects([2]))
