"""What holds of every theme before any data is seen."""

import pytest

from gismap.themes.specs import THEMES, Categories

BY_KIND = {name: theme.fill for name, theme in THEMES.items() if isinstance(theme.fill, Categories)}


@pytest.mark.parametrize("theme", BY_KIND)
def test_every_kind_of_grid_has_a_pattern_of_its_own(theme: str) -> None:
    patterns = [kind.pattern for kind in BY_KIND[theme].kinds.values()]
    assert len(set(patterns)) == len(patterns)
