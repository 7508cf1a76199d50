"""Files of persons in care: for a recorded purpose, with the fields that it needs and no others, at a building."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import shapely
from sqlalchemy import Engine, text

from gismap.care.categories import approve_category, propose_category
from gismap.care.purposes import add_purpose, end_purpose
from gismap.care.rights import correct_person, delete_person
from gismap.care.values import IdentityField
from gismap.elements.sealing import open_seal, seal
from gismap.elements.writing import write_elements
from gismap.errors import BadInputError, ConflictError, EnvironmentProblemError, ForbiddenError, NotFoundError
from gismap.importing.preparing import Order
from gismap.importing.service import Outcome, import_file, undo
from gismap.importing.template import write_template
from gismap.settings import Settings
from gismap.store.keyring import Keyring, new_keyring
from gismap.store.session import writing
from tests.care.conftest import id_number
from tests.districts import buildings_in_each_grid, centre
from tests.furnished import purpose
from tests.importing.conftest import FIRST, bring, counts, reasons, rows, write_csv, write_vector

HEAD = ["编号", "关爱类别", "楼栋", "姓名", "联系电话", "身份证号", "出生日期", "单元室", "需求", "监护人同意"]
OLD, NUMBER = "1940-05-17", id_number("1940-05-17")
CHILD = f"{datetime.now(UTC).year - 8}-03-04"
ZHANG = ["R1", "独居老人", "福安小区1号楼", "张桂英", "13812345678", NUMBER, OLD, "2单元301室", "需送餐", ""]
OUYANG = ["R2", "行动不便", "人民路2号", "欧阳建国", "05375551234", "", "1951-02-03", "", "", ""]
KEPT_PLAIN = "SELECT category, shown_name, shown_phone, shown_id_number, born_from, fields FROM care_person"


@dataclass(frozen=True)
class Office:
    """A district with purposes, whose keys are at hand, and a folder for files."""

    engine: Engine
    keyring: Keyring
    folder: Path

    def bring(
        self, *table: Sequence[str], head: Sequence[str] = HEAD, why: str | None = "visits", **how: Any
    ) -> Outcome:
        path = write_csv(self.folder / "persons.csv", [head, *table])
        return self.bring_file(path, why=why, **how)

    def bring_file(
        self, path: Path, *, why: str | None = "visits", with_keys: bool = True, layer: str = "care_persons", **how: Any
    ) -> Outcome:
        keyring = self.keyring if with_keys else None
        order = Order(layer, path, "register", purpose=why, **how)
        since = Settings().today()
        return import_file(self.engine, order, since=since, actor="tester", far_km=50, keyring=keyring)

    def person(self, ref: str = "R1") -> str:
        return str(rows(self.engine, "SELECT element_id FROM element WHERE source_ref = :it", it=ref)[0][0])

    def shown(self, column: str, ref: str = "R1") -> Any:
        query = f"SELECT {column} FROM care_person JOIN element e USING (version_id) WHERE source_ref = :it"
        found = rows(self.engine, f"{query} AND upper_inf(valid)", it=ref)
        return found[0][0] if found else None

    def persons(self) -> int:
        return int(rows(self.engine, "SELECT count(*) FROM element WHERE layer = 'care_persons'")[0][0])


@pytest.fixture()
def office(county: Engine, tmp_path: Path) -> Iterator[Office]:
    with writing(county) as connection:
        write_elements(
            connection, buildings_in_each_grid(), source="houses", source_crs="EPSG:4490", since=FIRST
        )  # fmt: skip
        add_purpose(connection, purpose(), made_by="test")
        add_purpose(connection, purpose("bare", fields=[], children=None), made_by="test")
        add_purpose(connection, purpose("adults", children=None), made_by="test")
        add_purpose(connection, purpose("consent", legal_basis="consent", categories=["child_in_need"]), made_by="test")
    yield Office(county, new_keyring(), tmp_path)
    with writing(county) as connection:
        connection.execute(text("DELETE FROM care_category WHERE proposed_by <> 'gismap'"))


# ── only for a purpose ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_file_with_a_purpose_comes_in_masked_and_sealed(office: Office) -> None:
    assert counts(office.bring(ZHANG, OUYANG)) == (2, 0, 0, 0)
    assert (office.shown("shown_name"), office.shown("shown_phone")) == ("张*", "138****5678")
    assert office.shown("shown_name", "R2") == "欧阳*" and office.shown("born_from", "R2") == 1950
    at = rows(office.engine, "SELECT ST_AsText(anchor), part_of FROM element WHERE source_ref = 'R1'")
    home = rows(office.engine, "SELECT ST_AsText(anchor), element_id FROM element WHERE name = '福安小区1号楼'")
    assert at == home


@pytest.mark.parametrize(
    ("why", "error", "reason"), [(None, BadInputError, "purpose"), ("none", NotFoundError, "there are: adults")]
)
def test_without_a_recorded_purpose_nobody_comes_in(
    office: Office, why: str | None, error: type[Exception], reason: str
) -> None:
    with pytest.raises(error, match=reason):
        office.bring(ZHANG, why=why)
    assert office.persons() == 0


def test_a_purpose_that_ended_or_expired_a_second_ago_lets_nobody_in(office: Office) -> None:
    with writing(office.engine) as connection:
        end_purpose(connection, "adults", actor="test")
        connection.execute(text("UPDATE purpose SET expires_at = now() - interval '1 second' WHERE purpose = 'visits'"))
    for why in ("adults", "visits"):
        with pytest.raises(NotFoundError, match="in force"):
            office.bring(ZHANG, why=why)


@pytest.mark.parametrize("column", [3, 4, 5, 6, 7, 8, 9], ids=lambda i: HEAD[i])
def test_a_column_that_the_purpose_does_not_need_is_refused_with_the_remedy(office: Office, column: int) -> None:
    with pytest.raises(BadInputError, match=f"'{HEAD[column]}'.*remove it from the file"):
        office.bring(["R1", "独居老人", "福安小区1号楼", "x"], head=[*HEAD[:3], HEAD[column]], why="bare")


def test_a_purpose_without_identity_fields_needs_no_keys_and_one_with_them_does(office: Office) -> None:
    assert counts(office.bring(ZHANG[:3], head=HEAD[:3], why="bare", with_keys=False)) == (1, 0, 0, 0)
    with pytest.raises(EnvironmentProblemError, match="keyring init"):
        office.bring(["R9", *ZHANG[1:]], with_keys=False)
    assert office.persons() == 1


def test_a_filled_template_comes_back(office: Office) -> None:
    path = office.folder / "t.xlsx"
    write_template("care_persons", path)
    book = openpyxl.load_workbook(path)
    sheet = book.worksheets[0]
    headings = [cell.value for cell in sheet[1]]
    for heading, value in zip(HEAD, ZHANG, strict=True):
        sheet.cell(4, headings.index(heading) + 1).value = value
    book.save(path)
    assert "不需要的列须删去" in str([cell.value for cell in book.worksheets[1]["A"]])
    assert counts(office.bring_file(path)) == (1, 0, 0, 0)


# ── kinds of care ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("category", ["信访人员", "吸毒人员", "刑满释放人员", "重点人员", "", "党员"])
def test_a_kind_that_is_not_listed_is_rejected(office: Office, category: str) -> None:
    outcome = office.bring([ZHANG[0], category, *ZHANG[2:]])
    assert outcome.batch is None and outcome.rejected == 1


@pytest.mark.parametrize(
    ("zh", "en"),
    [("信访老人", "Elders"), ("需上门者", "HIV patients"), ("宗教人士", "Faith"), ("吸毒史", "x"),
     ("风险等级高", "risk"), ("", "Nobody"), ("走访", "")],
)  # fmt: skip
def test_a_barred_kind_cannot_even_be_proposed(office: Office, zh: str, en: str) -> None:
    with pytest.raises(BadInputError), writing(office.engine) as connection:
        propose_category(connection, zh, en, of_children=False, proposed_by="a")


def test_a_new_kind_takes_two_people_and_is_in_the_log(office: Office) -> None:
    with writing(office.engine) as connection:
        key = propose_category(connection, "失独家庭", "Bereaved", of_children=False, proposed_by="a")
    with writing(office.engine) as connection, pytest.raises(BadInputError, match="no category"):
        add_purpose(connection, purpose("new", categories=[key]), made_by="a")
    with writing(office.engine) as connection, pytest.raises(ForbiddenError, match="two people"):
        approve_category(connection, key, approved_by="a")
    with pytest.raises(Exception, match="care_category"), writing(office.engine) as connection:
        connection.execute(text("UPDATE care_category SET approved_by = 'a', approved_at = now() WHERE category = :it"),
                           {"it": key})  # fmt: skip
    with writing(office.engine) as connection:
        approve_category(connection, key, approved_by="b")
        add_purpose(connection, purpose("new", categories=[key]), made_by="a")
    assert counts(office.bring(["R1", "失独家庭", *ZHANG[2:]], why="new")) == (1, 0, 0, 0)
    entered = rows(office.engine, "SELECT record ->> 'action', record ->> 'actor' FROM audit WHERE"
                                  " record ->> 'subject' = 'care category 失独家庭' ORDER BY seq")  # fmt: skip
    assert entered == [("propose care category", "a"), ("approve care category", "b")]


def test_what_only_one_person_stands_for_is_refused_by_the_database_too(office: Office) -> None:
    office.bring(ZHANG)
    with writing(office.engine) as connection:
        propose_category(connection, "失独家庭", "Bereaved", of_children=False, proposed_by="a")
    with pytest.raises(Exception, match="two people"), writing(office.engine) as connection:
        connection.execute(text("UPDATE purpose SET categories = categories || '{失独家庭}' WHERE purpose = 'visits'"))
        connection.execute(text("UPDATE element SET category = '失独家庭' WHERE layer = 'care_persons'"))


# ── children ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("category", ["独居老人", "困境儿童"])
def test_nobody_under_14_comes_in_for_a_purpose_that_is_not_for_children(office: Office, category: str) -> None:
    born = ["R1", category, *ZHANG[2:5], "", CHILD, "", "", ""]
    by_number = ["R2", category, *ZHANG[2:5], id_number(CHILD), "", "", "", ""]
    outcome = office.bring(born, by_number, why="adults")
    assert [row for row, reason in reasons(outcome) if "under 14" in reason] == [2, 3]


def test_a_child_in_need_of_unknown_age_counts_as_under_14(office: Office) -> None:
    row = ["R1", "困境儿童", *ZHANG[2:4], "", "", "", "", "", ""]
    assert office.bring(row, why="adults").rejected == 1
    assert office.bring(row).rejected == 0
    assert rows(office.engine, "SELECT child_until = 'infinity' FROM care_person") == [(True,)]


def test_by_consent_a_child_needs_the_guardians(office: Office) -> None:
    row = ["R1", "困境儿童", *ZHANG[2:4], "", "", CHILD, "", ""]
    assert "guardian" in reasons(office.bring([*row, ""], why="consent"))[0][1]
    assert counts(office.bring([*row, "王大宝 2026-01-05"], why="consent")) == (1, 0, 0, 0)


def test_an_age_cannot_be_hidden_behind_another_birth_date(office: Office) -> None:
    row = ["R1", "独居老人", *ZHANG[2:5], id_number(CHILD), OLD, "", "", ""]
    assert "another day" in reasons(office.bring(row, why="adults"))[0][1]


# ── hostile columns and values ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "column", ["民族", "宗教信仰", "政治面貌", "是否党员", "前科", "信访次数", "HIV", "吸毒史", "核酸结果", "风险评分",
               "人脸照片", "行动轨迹", "party_member", "riskScore"],
)  # fmt: skip
def test_a_column_about_what_is_never_kept_refuses_the_file(office: Office, column: str) -> None:
    with pytest.raises(BadInputError, match="never kept"):
        office.bring([*ZHANG, "x"], head=[*HEAD, column])
    with pytest.raises(BadInputError):
        office.bring([*ZHANG[:8], "x", ""], head=[*HEAD[:8], column, HEAD[9]], columns={"need": column})


@pytest.mark.parametrize("column", ["配偶姓名", "子女电话", "护照号", "户主"])
def test_a_column_about_somebody_else_refuses_the_file(office: Office, column: str) -> None:
    with pytest.raises(BadInputError, match="personal information"):
        office.bring([*ZHANG, "x"], head=[*HEAD, column])


@pytest.mark.parametrize(
    ("column", "value"),
    [(0, NUMBER), (0, "13812345678"), (2, f"福安小区1号楼 {NUMBER}"), (3, "张桂英13812345678"), (3, NUMBER),
     (7, "301室 电话13912345678"), (8, f"身份证{NUMBER}"), (8, "信访户"), (8, "曾吸毒,需送餐"), (8, "HIV 感染"),
     (7, "301室(刑满释放)"), (9, "吸毒人员之子"), (4, "not a phone"), (5, NUMBER[:-1] + "0"), (6, "2999-01-01"),
     (6, "1940-02-30"), (3, "张\u202e桂英"), (8, "x" * 300), (0, "张桂英"), (2, "福安小区")],
)  # fmt: skip
def test_a_row_with_what_does_not_belong_there_is_rejected_and_its_numbers_are_not_repeated(
    office: Office, column: int, value: str
) -> None:
    row = [value if i == column else kept for i, kept in enumerate(ZHANG)]
    outcome = office.bring(row)
    assert outcome.batch is None and outcome.rejected == 1
    assert not any(number in reason for _, reason in reasons(outcome) for number in (NUMBER, "13812345678"))
    assert office.persons() == 0


@pytest.mark.parametrize("column", ["姓名", "身份证号", "联系电话"])
def test_a_name_or_number_is_no_key(office: Office, column: str) -> None:
    with pytest.raises(BadInputError, match="tell"):
        office.bring(ZHANG[1:], head=HEAD[1:], key=column)
    assert office.persons() == 0


def test_a_position_of_the_persons_own_is_not_kept(office: Office) -> None:
    lon, lat = centre(0, 0)
    home = shapely.Point(lon + 1e-3, lat + 1e-3)
    columns = {"编号": ["R1"], "关爱类别": ["独居老人"], "楼栋": ["福安小区1号楼"]}
    path = write_vector(office.folder / "persons.geojson", columns, [home], "EPSG:4326")
    office.bring_file(path, why="bare")
    kept = rows(office.engine, "SELECT ST_X(geom), ST_X(anchor), as_reported FROM element WHERE layer = 'care_persons'")
    assert abs(kept[0][0] - lon) < 1e-9 and abs(kept[0][1] - lon) < 1e-9 and kept[0][2] is None


def test_nothing_of_a_file_is_in_plain_in_what_is_remembered_of_it(office: Office) -> None:
    office.bring(ZHANG, OUYANG)
    tables = ("import_batch", "import_mapping", "audit", "element", "care_person", "care_secret")
    told = str([rows(office.engine, f"SELECT t::text FROM {table} t") for table in tables])
    assert not any(value in told for value in (ZHANG[3], ZHANG[4], NUMBER, ZHANG[7], ZHANG[8], OUYANG[3], OUYANG[4]))


# ── other layers ───────────────────────────────────────────────────────────────────────────────────────────────────

LON, LAT = centre(0, 0)
PLACE_HEAD = ["编号", "名称", "类别", "经度", "纬度"]


@pytest.mark.parametrize("column", ["党员", "是否党员", "党员姓名", "party_member", "政治面貌"])
@pytest.mark.parametrize("layer", ["buildings", "key_places", "staff"])
def test_membership_is_no_column_of_any_layer(office: Office, layer: str, column: str) -> None:
    path = write_csv(office.folder / "x.csv", [[*PLACE_HEAD, column], ["1", "a", "学校", LON, LAT, "x"]])
    with pytest.raises(BadInputError, match=r"never kept|personal information"):
        bring(office.engine, layer, path, crs="wgs84")


def test_party_and_volunteer_organisations_are_places(office: Office) -> None:
    table = [["1", "福安社区党群服务中心", "党组织", LON, LAT], ["2", "福安志愿服务队", "志愿组织", LON, LAT]]
    path = write_csv(office.folder / "x.csv", [PLACE_HEAD, *table])
    assert counts(bring(office.engine, "key_places", path, crs="wgs84")) == (2, 0, 0, 0)


@pytest.mark.parametrize(
    "column", ["打卡次数", "排名", "在线时长", "签到", "轨迹", "家庭住址", "online_time", "ranking"]
)
def test_a_roster_with_check_ins_ranks_or_tracks_is_refused(office: Office, column: str) -> None:
    head = ["工号", "姓名", "工作电话", "网格编码", "岗位", column]
    path = write_csv(office.folder / "x.csv", [head, ["1", "王某某", "19900000000", "370883001001001", "网格长", "1"]])
    with pytest.raises(BadInputError, match="never kept"):
        bring(office.engine, "staff", path)


@pytest.mark.parametrize(
    "category", ["信访人员", "重点人员", "吸毒人员", "刑满释放人员", "党员", "petitioners", "独居老人"]
)
def test_persons_do_not_come_in_as_places(office: Office, category: str) -> None:
    path = write_csv(office.folder / "x.csv", [PLACE_HEAD, ["1", "某处", category, LON, LAT]])
    assert bring(office.engine, "key_places", path, crs="wgs84").rejected == 1


@pytest.mark.parametrize(
    ("layer", "title"), [("petitioners", "上访"), ("x1", "重点人员"), ("x2", "党员名单"), ("x3", "居民")]
)
def test_no_layer_of_persons_can_be_added(office: Office, layer: str, title: str) -> None:
    path = write_csv(office.folder / "x.csv", [PLACE_HEAD, ["1", "某处", "", LON, LAT]])
    with pytest.raises(BadInputError, match="care_persons"):
        bring(office.engine, layer, path, crs="wgs84", title_zh=title)


# ── the same file again ────────────────────────────────────────────────────────────────────────────────────────────


def test_the_same_file_changes_nothing_but_how_long_it_is_kept(office: Office) -> None:
    office.bring(ZHANG, OUYANG)
    with writing(office.engine) as connection:
        connection.execute(text("UPDATE care_person SET kept_until = now() + interval '1 day'"))
    assert counts(office.bring(ZHANG, OUYANG)) == (0, 0, 2, 0)
    kept = rows(office.engine, "SELECT min(kept_until) FROM care_person")[0][0]
    assert kept > datetime.now(UTC) + timedelta(days=300)


def test_a_changed_row_is_a_new_version_with_secrets_of_its_own(office: Office) -> None:
    office.bring(ZHANG, OUYANG)
    moved = [*ZHANG[:4], "13700001111", *ZHANG[5:]]
    assert counts(office.bring(moved, OUYANG)) == (0, 1, 1, 0)
    assert office.shown("shown_phone") == "137****1111"


def test_what_was_corrected_is_not_undone_by_the_same_file(office: Office) -> None:
    office.bring(ZHANG)
    correct(office, {IdentityField.PHONE: "13700001111"})
    assert counts(office.bring(ZHANG)) == (0, 0, 1, 0)
    assert office.shown("shown_phone") == "137****1111"


def correct(office: Office, corrections: dict[IdentityField, str]) -> None:
    with writing(office.engine) as connection:
        correct_person(
            connection,
            office.person(),
            corrections,
            "本人要求更正",
            office.keyring,
            today=Settings().today(),
            actor="t",
        )


def delete(office: Office, keyring: Keyring | None) -> None:
    with writing(office.engine) as connection:
        delete_person(connection, office.person(), "本人要求删除", keyring, today=Settings().today(), actor="t")


def test_no_correction_makes_a_child_of_somebody_whose_purpose_is_not_for_children(office: Office) -> None:
    office.bring(ZHANG, why="adults")
    for field, value in ((IdentityField.BIRTH_DATE, CHILD), (IdentityField.ID_NUMBER, id_number(CHILD))):
        with pytest.raises(BadInputError, match="under 14"):
            correct(office, {field: value})


@pytest.mark.parametrize("with_keys", [True, False])
def test_who_was_deleted_does_not_come_back_with_the_next_file(office: Office, with_keys: bool) -> None:
    office.bring(ZHANG[:3], OUYANG[:3], head=HEAD[:3], why="bare", with_keys=with_keys)
    delete(office, office.keyring if with_keys else None)
    for keys in (True, False):
        outcome = office.bring(ZHANG[:3], OUYANG[:3], head=HEAD[:3], why="bare", with_keys=keys)
        assert outcome.batch is None and "deleted at their request" in reasons(outcome)[0][1]
    assert counts(office.bring(OUYANG[:3], head=HEAD[:3], why="bare")) == (0, 0, 1, 0)


def test_who_was_deleted_does_not_come_back_under_another_key(office: Office) -> None:
    office.bring(ZHANG)
    delete(office, office.keyring)
    assert "deleted" in reasons(office.bring(["R77", *ZHANG[1:]]))[0][1]


def test_an_import_of_persons_is_taken_back_whole(office: Office) -> None:
    first = office.bring(ZHANG, OUYANG)
    second = office.bring([*ZHANG[:4], "13700001111", *ZHANG[5:]], OUYANG)
    assert second.batch is not None and first.batch is not None
    undo(office.engine, second.batch, actor="t")
    assert office.shown("shown_phone") == "138****5678"
    undo(office.engine, first.batch, actor="t")
    for table in ("care_person", "care_secret"):
        assert rows(office.engine, f"SELECT count(*) FROM {table}") == [(0,)]


def test_no_undo_brings_back_who_was_deleted(office: Office) -> None:
    office.bring(ZHANG, OUYANG)
    second = office.bring([*ZHANG[:4], "13700001111", *ZHANG[5:]], OUYANG)
    delete(office, office.keyring)
    assert second.batch is not None
    undo(office.engine, second.batch, actor="t")
    assert office.persons() == 1


# ── sealed addresses ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_file_leaves_who_is_sealed_alone_and_takes_nobody_to_a_sealed_address(office: Office) -> None:
    first = office.bring(ZHANG, OUYANG)
    home = rows(office.engine, "SELECT element_id FROM element WHERE name = '福安小区1号楼'")[0][0]
    with writing(office.engine) as connection:
        assert seal(connection, home, "受保护证人", sealed_by="a") == 2
    assert counts(office.bring(ZHANG, OUYANG)) == (0, 0, 2, 0)
    assert counts(office.bring([*ZHANG[:4], "13700001111", *ZHANG[5:]], OUYANG)) == (0, 0, 2, 0)
    assert office.persons() == 1
    assert office.bring(["R3", *ZHANG[1:5], "", *ZHANG[6:]]).rejected == 1
    assert counts(bring_houses(office)) == (0, 0, 12, 0)
    assert rows(office.engine, "SELECT count(*) FROM element WHERE name = '福安小区1号楼'") == [(0,)]
    assert first.batch is not None
    with pytest.raises(ConflictError, match="sealed"):
        undo(office.engine, first.batch, actor="t")
    with writing(office.engine) as connection:
        assert not open_seal(connection, home, "核实完毕", opened_by="a")
        assert open_seal(connection, home, "核实完毕", opened_by="b")
    assert office.persons() == 2 and office.shown("shown_phone") == "138****5678"


def bring_houses(office: Office) -> Any:
    with writing(office.engine) as connection:
        written = write_elements(
            connection, buildings_in_each_grid(), source="houses", source_crs="EPSG:4490", since=date(2026, 1, 1)
        )
    return Outcome(None, 12, written, [], [])
