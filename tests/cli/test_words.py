"""`gismap locate --text` and `gismap alias`: places told in words, and what people call them."""

from collections.abc import Iterator

import pytest

from gismap.settings import Settings, get_settings
from gismap.store.server import DatabaseUrls, PrivateServer
from gismap.store.session import make_engine
from tests.cli.test_ask import Command
from tests.conftest import environment, fresh_database
from tests.districts import COMMUNITIES
from tests.furnished import furnish


@pytest.fixture(scope="module")
def county(server: PrivateServer, template: str) -> Iterator[DatabaseUrls]:
    with fresh_database(server, template) as urls:
        engine = make_engine(urls.owner_url)
        furnish(engine, today=Settings().today())
        engine.dispose()
        yield urls


@pytest.fixture()
def gismap(
    county: DatabaseUrls, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Command]:
    for name, value in environment(county).items():
        monkeypatch.setenv(name, value)
    yield Command(monkeypatch, capfd)
    get_settings.cache_clear()


def test_a_place_is_located_by_words(gismap: Command) -> None:
    answer = gismap.answer("locate", "--text", "福安小区2栋漏水谁负责")
    assert answer["grid"]["code"] == f"{COMMUNITIES[0]}001" and answer["matter"] == "漏水"


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["locate", "117", "35.4", "--text", "福安小区"], 64, "--text"),
        (["locate", "--text", " "], 2, "text"),
        (["locate", "--text", "人" * 501], 2, "501"),
        (["alias", "add", "某处", "没有的地方"], 2, "没有的地方"),
        (["alias", "remove", "某处"], 2, "某处"),
    ],
)
def test_a_mistake_is_one_line(gismap: Command, arguments: list[str], code: int, says: str) -> None:
    stopped, output, errors = gismap(*arguments)
    assert (stopped, output) == (code, "") and errors.count("\n") == 1 and says in errors


def test_an_alias_is_added_listed_found_and_removed(gismap: Command) -> None:
    assert gismap("alias", "add", "老家属院", "福安小区") == (0, "老家属院 = 福安小区\n", "")
    listed = gismap("alias", "list")[1].split("\t")
    assert listed[:2] == ["老家属院", "福安小区"]
    assert gismap.answer("locate", "--text", "老家属院2栋")["matches"][0]["text"] == "福安小区2号楼"
    assert gismap("alias", "remove", "老家属院")[0] == 0
    assert gismap.answer("locate", "--text", "老家属院2栋")["verdict"] == "not_found"
