"""What the boundaries of a whole district cost to check and to publish, end to end, in one transaction.

    python -m benchmarks.publishing [--side 158]

The district is that of `benchmarks.editing`, with 25,000 grids unless told otherwise: read as drafts, checked, derived,
stored with their certificates, elements assigned, names read. Then one border moves, and the whole is published again.
"""

import argparse
import tempfile
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.editing import DAY, district
from gismap.publishing import defects_of, publish
from gismap.store.migrate import upgrade
from gismap.store.server import PrivateServer
from gismap.store.session import make_engine, writing


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description="Publishing a district")
    parser.add_argument("--side", type=int, default=158)
    side = parser.parse_args().side
    drafts, _ = district(side)
    renamed = [*drafts[:-1], replace(drafts[-1], name="改名")]
    took: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="gismap-bench-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        with PrivateServer(Path(folder)) as urls:
            upgrade(urls.owner_url)
            engine = make_engine(urls.owner_url)
            began = time.perf_counter()
            assert not defects_of(drafts)
            took["check"] = time.perf_counter() - began
            for what, units, day in (
                ("publish", drafts, DAY),
                ("publish again, one grid renamed", renamed, DAY + timedelta(days=400)),
            ):
                began = time.perf_counter()
                with writing(engine) as connection:
                    publish(connection, units, effective_from=day, today=DAY, author="bench", reason="bench")
                took[what] = time.perf_counter() - began
            engine.dispose()
    table = Table(title=f"{side**2:,} grids")
    table.add_column("what")
    table.add_column("seconds", justify="right")
    for what, seconds in took.items():
        table.add_row(what, f"{seconds:.1f}")
    Console().print(table)


if __name__ == "__main__":
    main()
