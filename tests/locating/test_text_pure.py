"""What words say by themselves: spelling, numbers, sides and the matter; and names laid along them. No database."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gismap.locating.matching import Stem, mentions_of
from gismap.locating.names import above_of, names_in_address, names_of
from gismap.locating.normal import normalise
from gismap.locating.numbers import take_numbers
from gismap.locating.sounds import Spoken, spoken, syllables
from gismap.locating.understanding import matter_of, relation_after, understand


def numbers(text: str) -> list[tuple[int, str]]:
    return [(one.value, one.counts) for one in take_numbers(normalise(text))[1]]


@pytest.mark.parametrize(
    "text",
    "金林小区12号楼|金林小区１２号楼|金林小区十二号楼|金林小區12號樓| 金林小区 12 号楼 |金林小区,12号楼".split("|"),
)
def test_one_building_however_it_is_typed(text: str) -> None:
    rest, found, _ = take_numbers(normalise(text))
    assert rest.replace(",", "").strip() == "金林小区"
    assert [(one.value, one.counts) for one in found] == [(12, "building")]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("12栋", [(12, "building")]),
        ("12幢3单元502室", [(12, "building"), (3, "unit"), (502, "room")]),
        ("12-3-502", [(12, "building"), (3, "unit"), (502, "room")]),
        ("12#502", [(12, "building"), (502, "room")]),
        ("人民路118号", [(118, "plate")]),
        ("上大路99弄12号", [(99, "lane"), (12, "plate")]),
        ("才智巷1排3号院", [(1, "row"), (3, "yard")]),
        ("福安社区第三网格", [(3, "grid")]),
        ("福安社区3号网格", [(3, "grid")]),
        ("第二十五居委会第5微网格", [(25, "ordinal"), (5, "micro_grid")]),
        ("第三小学", [(3, "ordinal")]),
        ("三小门口", [(3, "ordinal")]),
        ("五〇一", [(501, "bare")]),
        ("向北200米", [(200, "metres")]),
        ("No. 5 Renmin Road", [(5, "plate")]),
        ("Building 12, Unit 3, Room 502", [(12, "building"), (3, "unit"), (502, "room")]),
        ("jinlin xiaoqu 12 hao lou", [(12, "building")]),
        ("S245线", []),
        ("三里营", []),
        ("百姓大药房", []),
        ("三中路", []),
    ],
)
def test_numbers_are_taken_out_with_what_they_count(text: str, found: list[tuple[int, str]]) -> None:
    assert numbers(text) == found


def test_a_range_of_plates_is_one_number() -> None:
    (name,) = names_of("纪王城西村230-232号")
    assert (name.stem, name.numbers, name.upto) == ("纪王城西村", (230,), 232)


def test_a_school_and_its_short_name_are_one() -> None:
    assert names_of("贵溪五中") == names_of("贵溪第五中学")


def test_a_building_can_be_called_by_its_number_alone() -> None:
    (name,) = names_of("6号楼")
    told = understand("我在6号楼,漏水").bare()
    assert told is not None and likeness_of(told.words, name.stem) == 1
    assert understand("人民路漏水").bare() is None


def test_an_address_calls_a_place_by_its_door_and_by_its_building() -> None:
    above = above_of(["峄山镇", "邹城市"])
    assert [(n.stem, n.numbers) for n in names_in_address("山东省邹城市荻泾路2号富贵华庭5号楼", above)] == [
        ("荻泾路", (2,)),
        ("富贵华庭", (5,)),
    ]
    assert [(n.stem, n.numbers) for n in names_in_address("峄山镇大故村121号", above)] == [("大故村", (121,))]


def test_latin_letters_are_syllables_where_they_can_be() -> None:
    assert syllables("renmin") == ("ren", "min")
    assert syllables("jlxq") is None
    assert spoken("人民 road").written == ("人", "民", "road")


def likeness_of(words: Spoken, stem: str) -> float:
    found = mentions_of(words, [Stem(1, stem, 1)], [])
    return found[0].score if found else 0.0


def likeness(question: str, stem: str) -> float:
    return likeness_of(understand(question).words, stem)


@pytest.mark.parametrize(
    ("question", "right", "wrong"),
    [
        ("津林小区12栋", "金林小区", "银林小区"),  # the same sound
        ("jinlin小区", "金林小区", "银林小区"),
        ("富贵花园3号楼", "富贵花园", "富贵家园"),
        ("光苑东路5号", "光苑东路", "光苑西路"),
        ("大庄四村", "大庄四村", "大庄七村"),
        ("人民街5号", "人民路", "人和路"),
    ],
)
def test_the_right_name_is_the_liker(question: str, right: str, wrong: str) -> None:
    assert likeness(question, right) > likeness(question, wrong) + 0.1


def test_a_name_that_is_said_in_full_is_the_same() -> None:
    assert likeness("你好,金林小区那边漏水", "金林小区") == 1


@pytest.mark.parametrize(
    ("tail", "bearing", "metres"),
    [
        ("交叉口东北角", 45, 15),
        ("路口向北200米", 0, 200),
        ("以东50米处", 90, 50),
        ("往南走300米", 180, 300),
        ("西侧", 270, 25),
        ("门口", None, 0),
        ("斜对面", None, 0),
    ],
)
def test_a_side_and_a_distance_move_the_place(tail: str, bearing: int | None, metres: float) -> None:
    relation, _ = relation_after("人民路" + tail, 3)
    assert relation is not None and (relation.bearing, relation.metres) == (bearing, metres)
    lon, lat = relation.offset(117.0, 35.4)
    assert ((lat - 35.4) * 111_000 == pytest.approx(metres, abs=1)) is (bearing == 0 or not metres)
    assert (lon > 117.0) is (bearing in (45, 90))


@pytest.mark.parametrize(
    ("question", "position"),
    [
        ("117.005,35.405", (117.005, 35.405)),
        ("35.405, 117.005", (117.005, 35.405)),
        ("东经117.005 北纬35.405", (117.005, 35.405)),
        ("位置:经度117.005,纬度35.405,有人求助", (117.005, 35.405)),
        ("房价1.2,1.5万", None),
    ],
)
def test_coordinates_in_words_are_a_position(question: str, position: tuple[float, float] | None) -> None:
    assert understand(question).position == position


def test_the_matter_is_what_is_left_without_the_place_and_the_asking() -> None:
    assert matter_of("金林小区12栋漏水谁负责", [(0, 7)]) == "漏水"
    assert matter_of("请问金林小区12栋归谁管", [(2, 9)]) is None
    assert "1390000" not in str(matter_of(understand("金林小区路灯不亮,电话13900001234").text, [(0, 4)]))


@given(st.text(max_size=120))
def test_any_text_is_understood_somehow(question: str) -> None:
    told = understand(question)
    assert len(told.places) == len(told.rest) and len(told.grams()) <= 400
    mentions_of(told.words, [Stem(1, "金林小区", 1), Stem(2, "人民路", 2)], ["jlxq"])


@given(st.text("第一二三十百零两0123456789号楼栋幢单元室层排院组网格米-#路小中学", max_size=30))
def test_numbers_are_of_a_size_that_a_database_holds(text: str) -> None:
    assert all(0 <= one.value < 2**31 for one in take_numbers(normalise(text))[1])
