"""Division codes, grid codes, numbering and identities."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gismap.geometry.codes import (
    CROCKFORD,
    CodeScheme,
    DivisionKind,
    GridCode,
    check_identity,
    new_identity,
    new_unit_id,
    number_west_to_east,
    parse_division,
    parse_scheme,
)
from gismap.geometry.errors import CodeError

seeds = st.integers(0, 2**64)
characters = st.sampled_from(CROCKFORD)
small = settings(max_examples=100, deadline=None)


@pytest.mark.parametrize(
    ("code", "kind", "level"),
    [
        ("37", DivisionKind.PROVINCE, 0),
        ("3708", DivisionKind.CITY, 1),
        ("370883", DivisionKind.COUNTY, 1),
        ("370883000000", DivisionKind.COUNTY, 1),
        ("370883001", DivisionKind.SUBDISTRICT, 2),
        ("370883099000", DivisionKind.SUBDISTRICT, 2),
        ("370883100", DivisionKind.TOWN, 2),
        ("370883200", DivisionKind.TOWNSHIP, 2),
        ("370883400", DivisionKind.OTHER_TOWN_LEVEL, 2),
        ("370883001001", DivisionKind.COMMUNITY, 3),
        ("370883001199", DivisionKind.COMMUNITY, 3),
        ("370883100200", DivisionKind.VILLAGE, 3),
        ("441900003000", DivisionKind.SUBDISTRICT, 2),  # a city without counties
    ],
)
def test_a_division_code_tells_its_kind_and_level(code: str, kind: DivisionKind, level: int) -> None:
    division = parse_division(code)
    assert (division.kind, division.level) == (kind, level)


def test_a_division_code_is_taken_apart() -> None:
    division = parse_division("370883101205")
    parts = (division.province, division.city, division.county, division.town, division.community)
    assert parts == ("37", "08", "83", "101", "205")


@pytest.mark.parametrize(
    "code",
    ["", "3", "37088", "37088300100", "3708830010010", "37088300100a", "３７０８８３", " 370883", "370883\x00"],
)
def test_what_is_no_division_code_is_refused(code: str) -> None:
    with pytest.raises(CodeError):
        parse_division(code)


@pytest.mark.parametrize("code", ["370883000001", "370083", "003783"])
def test_a_part_below_a_missing_part_is_refused(code: str) -> None:
    with pytest.raises(CodeError, match="below"):
        parse_division(code)


@given(community=st.integers(10**11, 10**12 - 1), sequence=st.integers(1, 999), micro=st.integers(1, 99))
@small
def test_grid_and_micro_grid_codes_are_read_back(community: int, sequence: int, micro: int) -> None:
    scheme = CodeScheme()
    grid = scheme.grid_code(str(community), sequence)
    assert len(grid) == 15
    assert scheme.parse(grid) == GridCode(str(community), sequence)
    assert scheme.parse(scheme.micro_code(grid, micro)) == GridCode(str(community), sequence, micro)


@pytest.mark.parametrize("sequence", [0, -1, 1000])
def test_a_number_that_does_not_fit_the_scheme_is_refused(sequence: int) -> None:
    with pytest.raises(CodeError, match="1 to 999"):
        CodeScheme().grid_code("370883001001", sequence)


@pytest.mark.parametrize(
    "code", ["370883001001000", "37088300100100100", "3708830010010010", "grid", "37088300100100１"]
)
def test_what_is_no_grid_code_is_refused(code: str) -> None:
    with pytest.raises(CodeError):
        CodeScheme().parse(code)


def test_a_micro_grid_has_no_micro_grids() -> None:
    with pytest.raises(CodeError):
        CodeScheme().micro_code("37088300100100101", 1)


def test_schemes_are_configurable() -> None:
    assert parse_scheme("12+3+2") == CodeScheme()
    assert str(parse_scheme("9+4")) == "9+4+0"
    assert parse_scheme("9+4").grid_code("370883001", 12) == "3708830010012"
    with pytest.raises(CodeError):
        parse_scheme("9+4").micro_code("3708830010012", 1)


@pytest.mark.parametrize("text", ["", "12", "12+0", "0+3", "12+3+2+1", "12+3+20", "a+b"])
def test_what_is_no_scheme_is_refused(text: str) -> None:
    with pytest.raises(CodeError):
        parse_scheme(text)


@given(rows=st.integers(2, 6), columns=st.integers(2, 6), seed=seeds)
@small
def test_loose_rows_are_numbered_like_lines_of_text(rows: int, columns: int, seed: int) -> None:
    rng = Random(seed)
    step = 0.004
    points = [
        (117 + (column + rng.uniform(-0.15, 0.15)) * step / 0.815, 35.4 - (row + rng.uniform(-0.15, 0.15)) * step)
        for row in range(rows)
        for column in range(columns)
    ]
    assert number_west_to_east(points) == list(range(len(points)))


@given(st.lists(st.tuples(st.floats(116, 118), st.floats(35, 36)), unique=True, max_size=30), seeds)
@small
def test_the_numbering_does_not_depend_on_the_order_of_input(points: list[tuple[float, float]], seed: int) -> None:
    shuffled = Random(seed).sample(points, len(points))
    assert [points[i] for i in number_west_to_east(points)] == [shuffled[i] for i in number_west_to_east(shuffled)]


def test_one_row_is_numbered_from_west_and_one_column_from_north() -> None:
    assert number_west_to_east([(117.3, 35.4), (117.1, 35.4), (117.2, 35.4)]) == [1, 2, 0]
    assert number_west_to_east([(117.0, 35.1), (117.0, 35.3), (117.0, 35.2)]) == [1, 2, 0]
    assert number_west_to_east([]) == []


@given(seeds)
@small
def test_an_identity_is_read_back_however_it_is_typed(seed: int) -> None:
    identity = new_identity(Random(seed))
    assert len(identity) == 11
    assert set(identity) <= set(CROCKFORD)
    assert check_identity(identity) == identity
    assert check_identity(f" {identity.lower().replace('1', 'l').replace('0', 'o')} ") == identity


@given(seeds, st.integers(0, 10), characters)
@small
def test_any_one_wrong_character_of_an_identity_is_caught(seed: int, place: int, character: str) -> None:
    identity = new_identity(Random(seed))
    mistyped = identity[:place] + character + identity[place + 1 :]
    if mistyped != identity:
        with pytest.raises(CodeError):
            check_identity(mistyped)


@given(seeds, st.integers(0, 9))
@small
def test_two_neighbours_swapped_in_an_identity_are_caught(seed: int, place: int) -> None:
    identity = new_identity(Random(seed))
    swapped = identity[:place] + identity[place + 1] + identity[place] + identity[place + 2 :]
    if swapped != identity:
        with pytest.raises(CodeError):
            check_identity(swapped)


@pytest.mark.parametrize(
    "text", ["", "0000000000", "000000000000", "U0000000000", "0000000000*", "０0000000000", "ı" * 11]
)
def test_what_is_no_identity_is_refused(text: str) -> None:
    with pytest.raises(CodeError):
        check_identity(text)


def test_the_same_seed_draws_the_same_identities() -> None:
    first, second = Random(7), Random(7)
    assert [new_identity(first) for _ in range(5)] == [new_identity(second) for _ in range(5)]


@given(seeds)
@small
def test_a_unit_id_is_g_and_six_small_letters_or_digits(seed: int) -> None:
    unit_id = new_unit_id(Random(seed))
    assert unit_id[0] == "g"
    assert len(unit_id) == 7
    assert set(unit_id[1:].upper()) <= set(CROCKFORD)
    assert unit_id == unit_id.lower()


def test_a_message_never_repeats_a_long_text() -> None:
    with pytest.raises(CodeError) as raised:
        check_identity("x" * 100_000)
    assert len(raised.value.detail) < 200
