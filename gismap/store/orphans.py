"""Ends what a killed predecessor left running on a cluster; starting and stopping one's own server is elsewhere."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

PATIENCE_S = 20.0
"""For a shutdown with its last checkpoint; whoever takes longer is ended by the next, harder signal."""
POLL_S = 0.03


def end_orphans(cluster: Path) -> None:
    """End every process of the cluster, the postmaster in its own manner first, so that no two servers share it.

    The caller holds the data folder's lock. The process id in postmaster.pid proves nothing, since ids are used again:
    PostgreSQL would take another process for its predecessor. So a server is known by its working directory, and the
    file is removed once nobody is left.
    """
    record = cluster / "postmaster.pid"
    recorded = int(record.read_text().split()[0]) if record.exists() else 0
    if recorded in processes_in(cluster):
        _send(recorded, signal.SIGINT)
        holds(lambda: recorded not in processes_in(cluster), PATIENCE_S)
    for number in (signal.SIGQUIT, signal.SIGKILL):
        for pid in processes_in(cluster):
            _send(pid, number)
        if holds(lambda: not processes_in(cluster), PATIENCE_S):
            break
    record.unlink(missing_ok=True)


def processes_in(folder: Path) -> set[int]:
    """The processes whose working directory is `folder`, as far as this user may look."""
    found = set()
    for entry in Path("/proc").iterdir():
        with suppress(OSError):  # ended meanwhile, or another user's
            if entry.name.isdigit() and (entry / "cwd").samefile(folder):
                found.add(int(entry.name))
    return found


def holds(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait until the condition holds; False when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True


def _send(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
