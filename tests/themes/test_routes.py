"""What `/` and `/maps/…` answer when there is no map: a page in words for a browser, a problem for a client."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from gismap.api.app import create_app
from gismap.settings import Settings
from gismap.store.server import DatabaseUrls

PAGE = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8", "accept-language": "zh-CN,zh;q=0.9"}


@pytest.fixture()
def empty(database: DatabaseUrls) -> Iterator[TestClient]:
    """The service on a database without a district."""
    with TestClient(create_app(Settings(database_url=database.service_url))) as client:
        yield client


def test_an_empty_database_tells_how_to_begin(empty: TestClient) -> None:
    page = empty.get("/", headers=PAGE)
    assert page.status_code == 404 and page.headers["content-type"].startswith("text/html")
    assert "这里还没有地图" in page.text and "gismap import grids" in page.text
    problem = empty.get("/").json()
    assert (problem["status"], problem["type"]) == (404, "nothing-published")


def test_a_demo_on_its_way_is_told_and_the_page_comes_back_by_itself(empty: TestClient) -> None:
    empty.app.state.loading = lambda: "elements"  # type: ignore[attr-defined]
    page = empty.get("/", headers=PAGE)
    assert page.status_code == 503 and page.headers["retry-after"]
    assert "示例数据正在载入" in page.text and '<li class="now">房屋、场所与物资</li>' in page.text
    assert page.text.count('<li class="done">') == 3
    assert '<meta http-equiv="refresh" content="2">' in page.text
    assert "The sample district is being loaded" in empty.get("/?lang=en", headers=PAGE).text
    assert empty.get("/").json()["type"] == "still-loading"


@pytest.mark.parametrize(
    ("path", "status", "title"),
    [
        ("/maps/tea", 404, "没有找到"),
        ("/maps/one?unit=999", 404, "没有找到"),
        ("/maps/one?as_of=1999-01-01", 404, "边界尚未生效"),
        ("/maps/one?as_of=soon", 400, "地址有误"),
        ("/maps/one?colour=red", 400, "地址有误"),
        ("/nothing", 404, "没有找到"),
    ],
)
def test_a_mistaken_address_is_a_page_for_a_browser_and_a_problem_for_a_client(
    client: TestClient, path: str, status: int, title: str
) -> None:
    page = client.get(path, headers=PAGE)
    assert page.status_code == status and f"<h1>{title}</h1>" in page.text and 'href="/maps/density"' in page.text
    problem = client.get(path)
    assert problem.status_code == status and problem.headers["content-type"] == "application/problem+json"


def test_a_day_before_all_boundaries_leads_to_their_first_day(client: TestClient) -> None:
    assert "the first take effect on 2026-01-01" in client.get("/maps/one?as_of=1999-01-01").json()["detail"]
    page = client.get("/maps/one?as_of=1999-01-01", headers=PAGE)
    assert 'href="/maps/one?as_of=2026-01-01&amp;lang=zh">2026-01-01<' in page.text


def test_the_interface_answers_problems_to_browsers_too(client: TestClient) -> None:
    answer = client.get("/api/locate?x=1", headers=PAGE)
    assert answer.status_code == 400 and answer.headers["content-type"] == "application/problem+json"


def test_causes_are_text(client: TestClient) -> None:
    page = client.get("/maps/<script>alert(1)</script>", headers=PAGE)
    assert "<script>" not in page.text


def test_only_the_pages_own_files_are_served_as_static(client: TestClient) -> None:
    assert client.get("/maps/static/map.js").status_code == 200
    for name in ("none.js", "..%2fspecs.py", "..", ".."):
        assert client.get(f"/maps/static/{name}").status_code in {400, 404}


def test_a_page_is_drawn_anew_only_when_something_was_written(client: TestClient) -> None:
    first, second = (client.get("/maps/one").text for _ in range(2))
    nonce = "nonce="
    assert first.split(nonce)[0] == second.split(nonce)[0] and first != second
