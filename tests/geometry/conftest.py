"""Says in one line when the real files are missing that some geometry tests read."""

from collections.abc import Iterator

import pytest

from tests.districts import REAL_DATA


@pytest.fixture(scope="session", autouse=True)
def _say_when_real_files_are_missing(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    reporter = request.config.pluginmanager.get_plugin("terminalreporter")
    if REAL_DATA is None and reporter is not None:
        reporter.write_line("real boundary and street files not found (GISMAP_TEST_DATA): tests on them were left out")
