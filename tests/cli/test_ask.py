"""`gismap locate` and `gismap resources`: the same answers as over HTTP, one-line errors, exit codes for scripts."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from io import BytesIO, TextIOWrapper
from typing import Any

import pytest
from starlette.testclient import TestClient

from gismap.cli import main
from gismap.settings import get_settings
from gismap.store.server import DatabaseUrls
from tests.conftest import environment
from tests.districts import COMMUNITIES, SOUTH, STEP, WEST

SQUARE = [[117.0, 35.4], [117.01, 35.4], [117.01, 35.41], [117.0, 35.41], [117.0, 35.4]]
POLYGON = {"type": "Polygon", "coordinates": [SQUARE]}
LINE = {"type": "LineString", "coordinates": [[117.0, 35.4], [117.02, 35.42]]}


class Command:
    """Runs `gismap …` in this process, on the furnished county."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
        self.monkeypatch, self.capfd = monkeypatch, capfd

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        get_settings.cache_clear()
        self.monkeypatch.setattr(sys, "argv", ["gismap", *arguments])
        with pytest.raises(SystemExit) as stop:
            main()
        sys.stdout.flush()
        output, errors = self.capfd.readouterr()
        return int(stop.value.code or 0), output, errors

    def answer(self, *arguments: str) -> Any:
        code, output, errors = self(*arguments)
        assert (code, errors) == (0, "")
        return json.loads(output)


@pytest.fixture()
def gismap(
    furnished: DatabaseUrls, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Command]:
    for name, value in environment(furnished).items():
        monkeypatch.setenv(name, value)
    yield Command(monkeypatch, capfd)
    get_settings.cache_clear()


@pytest.mark.parametrize(
    "asked",
    [
        {"x": "117.005", "y": "35.405"},
        {"x": "117.01", "y": "35.405", "near": "key_places:3,staff:1"},
        {"x": "116.9", "y": "35.405"},
        {"x": "500500", "y": "3919000", "crs": "EPSG:4548", "as_of": "2026-03-01"},
    ],
)
def test_locate_answers_as_over_http(gismap: Command, client: TestClient, asked: dict[str, str]) -> None:
    options = [f"--{key.replace('_', '-')}={value}" for key, value in asked.items() if key not in {"x", "y"}]
    assert gismap.answer("locate", asked["x"], asked["y"], *options) == client.get("/api/locate", params=asked).json()


def test_locate_takes_negative_numbers(gismap: Command) -> None:
    code, _, errors = gismap("locate", "-117.005", "-35.405")
    assert code == 2 and "from the district" in errors


@pytest.mark.parametrize(
    ("options", "body"),
    [
        ([], {}),
        (["--unit", COMMUNITIES[0], "--counts"], {"area": {"unit": COMMUNITIES[0]}, "counts": True}),
        (["--bbox", "117,35.4,117.01,35.41", "--limit", "3"], {"area": {"bbox": SQUARE[0] + SQUARE[2]}, "limit": 3}),
        (["--circle", "117.005,35.405,300"], {"area": {"circle": {"center": [117.005, 35.405], "radius_m": 300}}}),
        (["--polygon", json.dumps(POLYGON)], {"area": {"polygon": POLYGON}}),
        (["--street", "人民路", "--width", "80"], {"area": {"corridor": {"street": "人民路", "half_width_m": 80}}}),
        (["--line", json.dumps(LINE)], {"area": {"corridor": {"line": LINE, "half_width_m": 50}}}),
        (["--nearest", "117.005,35.405,4"], {"nearest": {"point": [117.005, 35.405], "k": 4}}),
        (["--layers", "streets,grids"], {"filter": {"layers": ["streets", "grids"]}}),
        (["--category", "school,park"], {"filter": {"category": ["school", "park"]}}),
        (["--name", "人民", "--as-of", "2026-03-01"], {"filter": {"name": "人民"}, "as_of": "2026-03-01"}),
        (
            ["--use", "residential", "--floors", "3..6", "--households", "20.."],
            {"filter": {"use": "residential", "floors": {"min": 3, "max": 6}, "households": {"min": 20}}},
        ),
        (
            "--attribute beds=..40 --attribute rooms=3 --attribute open=true --attribute kind=a=b".split(),
            {"filter": {"attributes": {"beds": {"max": 40}, "rooms": 3, "open": True, "kind": "a=b"}}},
        ),
    ],
)  # fmt: skip
def test_resources_answers_as_over_http(gismap: Command, client: TestClient, options: list[str], body: Any) -> None:
    assert gismap.answer("resources", *options) == client.post("/api/resources/search", json=body).json()


def test_the_cursor_of_one_call_carries_on_in_the_next(gismap: Command) -> None:
    first = gismap.answer("resources", "--limit", "5")
    second = gismap.answer("resources", "--limit", "1000", "--cursor", first["next"])
    ids = [feature["id"] for feature in first["features"] + second["features"]]
    assert sorted(ids) == sorted(feature["id"] for feature in gismap.answer("resources", "--limit", "1000")["features"])


def test_a_shape_is_read_from_standard_input(gismap: Command, client: TestClient, monkeypatch: Any) -> None:
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(json.dumps(POLYGON).encode())))
    expected = client.post("/api/resources/search", json={"area": {"polygon": POLYGON}}).json()
    assert gismap.answer("resources", "--polygon", "-") == expected


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ("locate", 64, "'x'"),
        ("locate 117", 64, "'y'"),
        ("locate east north", 64, "'x'"),
        ("locate 117 35.4 --nope", 64, "--nope"),
        ("locate 117 35.4 --crz gcj02", 64, "No such option: --crz"),
        ("locate 117 35.4 --as-of 2026-13-01", 64, "'--as-of': '2026-13-01' is no day; write it like 2026-03-01"),
        ("locate 121.4 31.3", 2, "another district"),
        ("locate 35.405 117.005", 2, "did you swap x and y?"),
        ("locate nan 35.4", 2, "finite"),
        ("locate 117 35.4 --crs mars", 2, "crs: unknown coordinate reference system"),
        ("locate 117 35.4 --near dragons:1", 2, "no layer 'dragons' to look near in; there are buildings,"),
        ("locate 117 35.4 --as-of 2020-01-01", 2, "2026-01-01"),
        ("resources --limit 0", 2, "--limit"),
        ("resources --limit 1000000000", 2, "--limit"),
        ("resources --limit ten", 64, "--limit"),
        ("resources --unit 999", 2, "unit: there is no unit '999'"),
        ("resources --unit 福安社区", 2, f"name it by its code, {COMMUNITIES[0]}"),
        ("resources --unit a --bbox 1,2,3,4", 2, "exactly one of"),
        ("resources --bbox 1,2,3", 2, "--bbox: 4 numbers"),
        ("resources --circle 117,35,-5", 2, "--circle"),
        ("resources --polygon {", 2, "--polygon: this is no JSON"),
        ("resources --street 无名路", 2, "did you mean"),
        ("resources --nearest 117,35,0", 2, "--nearest"),
        ("resources --floors many", 2, "--floors"),
        ("resources --attribute beds", 2, "--attribute"),
        ("resources --layers ,", 2, "--layers"),
        ("resources --layers dragons", 2, "layers: there is no layer 'dragons'; there are buildings,"),
        ("resources --cursor nonsense", 2, "cursor"),
        ("resources somewhere", 64, "somewhere"),
    ],
)
def test_a_mistake_is_one_line_and_an_exit_code(gismap: Command, arguments: str, code: int, says: str) -> None:
    stopped, output, errors = gismap(*arguments.split())
    assert (stopped, output) == (code, "")
    assert errors.count("\n") == 1 and errors.startswith("gismap: ") and says in errors, errors


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("GISMAP_DATABASE_OWNER_URL", "postgresql://nobody@127.0.0.1:1/nothing", "database"),
        ("GISMAP_DATABASE_OWNER_URL", "nonsense", "postgresql://"),
        ("GISMAP_DATABASE_OWNER_URL", "mysql://a:secret@b/c", "postgresql://"),
        ("GISMAP_FAR_KM", "far", "GISMAP_FAR_KM"),
    ],
)
def test_settings_that_cannot_be_used_are_named(
    gismap: Command, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, says: str
) -> None:
    monkeypatch.setenv(variable, value)
    code, output, errors = gismap("locate", "117.005", "35.405")
    assert (code, output) == (2, "")
    assert errors.count("\n") == 1 and says in errors and "secret" not in errors


def test_the_installed_command_prints_json_alone(furnished: DatabaseUrls) -> None:
    lon, lat = WEST + STEP / 2, SOUTH + STEP / 2
    done = subprocess.run(
        [sys.executable, "-m", "gismap", "locate", str(lon), str(lat)],
        env=os.environ | environment(furnished),
        capture_output=True,
        check=True,
    )
    assert json.loads(done.stdout)["verdict"] == "certain" and done.stderr == b""
