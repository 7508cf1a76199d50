"""Seconds from a clone to the first answer, until the demo is loaded, and of a restart; needs Python and git only.

    python3 benchmarks/start.py [--demo zoucheng]

Clones the commit that is checked out into a new folder and runs `make run` there, as a stranger would. On a bare
machine that counts the installation of PostgreSQL and everything else, too; elsewhere only what is missing.
"""

import argparse
import json
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PORT = 8765
LIMITS = {"clone to ready": 120.0, "demo loaded after ready": 30.0, "restart to ready": 3.0}


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description="Seconds from a clone to the first answer")
    parser.add_argument("--demo", default="zoucheng")
    demo = parser.parse_args().demo
    with tempfile.TemporaryDirectory(prefix="gismap-clone-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        clone = Path(folder) / "gismap"
        began = time.perf_counter()
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        ready_s, loaded_s = _run(clone, demo, began)
        restart_s, _ = _run(clone, demo, time.perf_counter())
    print(f"{'':26}{'seconds':>9}{'limit':>9}")
    for what, seconds in zip(LIMITS, (ready_s, loaded_s - ready_s, restart_s), strict=True):
        print(f"{what:26}{seconds:>9.1f}{LIMITS[what]:>9.0f}")


def _run(clone: Path, demo: str, began: float) -> tuple[float, float]:
    """Run until the demo is loaded, then stop: seconds to `ready`, and to the first published revision."""
    command = ["make", "run", f"UP=--port {PORT} --demo {demo}"]
    process = subprocess.Popen(command, cwd=clone, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        said = process.stdout.readline()
        ready_s = time.perf_counter() - began
        if not said.startswith("ready "):
            raise SystemExit(f"make run did not get ready: {said!r}")
        while not _revision(said.split()[1]):
            time.sleep(0.1)
        return ready_s, time.perf_counter() - began
    finally:
        process.terminate()
        process.wait()


def _revision(address: str) -> int | None:
    with urllib.request.urlopen(f"{address}/ready") as answer:
        number: int | None = json.load(answer)["revision"]
    return number


if __name__ == "__main__":
    main()
