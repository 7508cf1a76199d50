"""Fills an empty database with a demo district in a process of its own, so that the service answers meanwhile."""

import os
import signal
import threading
from ctypes import c_char
from dataclasses import dataclass
from datetime import date
from multiprocessing import get_context, parent_process
from multiprocessing.process import BaseProcess
from multiprocessing.sharedctypes import SynchronizedString
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from gismap.demo.catalogue import generate
from gismap.demo.load import is_empty, load
from gismap.errors import EnvironmentProblemError
from gismap.store.keyring import Keyring, new_keyring, read_keyring, write_keyring
from gismap.store.maintenance import refresh_statistics
from gismap.store.session import make_engine

STAGE_BYTES = 40
"""The longest name of a stage of loading."""


@dataclass(frozen=True, slots=True)
class Filling:
    """What is to be loaded, and where."""

    name: str
    owner_url: str
    today: date
    keyring: Path


class DemoProcess:
    """The process that loads a demo; it ends with the process that started it, and then nothing of it is stored."""

    def __init__(self, filling: Filling) -> None:
        self._filling = filling
        self._context = get_context("spawn")
        self._stage = self._context.Array(c_char, STAGE_BYTES)
        self._process: BaseProcess | None = None
        self._is_pending = True

    def start_if_empty(self) -> None:
        """Start loading, unless the database holds a district already."""
        engine = make_engine(self._filling.owner_url, pool_size=1)
        try:
            empty = is_empty(engine)
        finally:
            engine.dispose()
        if empty:
            self._process = self._context.Process(target=_fill, args=(self._filling, self._stage), name="gismap-demo")
            self._process.start()
        self._is_pending = False

    def stage(self) -> str | None:
        """What is being loaded ('' before anything is), or None when nothing is under way."""
        if self._is_pending or (self._process is not None and self._process.is_alive()):
            return self._stage.value.decode()
        return None

    def stop(self) -> None:
        """End the loading, if it is still under way; the database stays empty then."""
        if self._process is not None:
            self._process.terminate()
            self._process.join()


def _fill(filling: Filling, shown: SynchronizedString) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    threading.Thread(target=_end_with_parent, daemon=True).start()
    engine = make_engine(filling.owner_url, pool_size=1)
    with _progress_bar() as bar:
        task = bar.add_task(f"demo {filling.name}: streets and grids", total=None)

        def show(stage: str, done: int, total: int) -> None:
            shown.value = stage.encode()
            bar.update(task, description=f"demo {filling.name}: {stage}", completed=done, total=total or None)

        keyring = _keyring(filling.keyring)
        load(engine, generate(filling.name), today=filling.today, keyring=keyring, progress=show)
        refresh_statistics(filling.owner_url)
        bar.update(task, description=f"demo {filling.name}: loaded")


def _keyring(path: Path) -> Keyring | None:
    """The keys of sealed fields, made where there are none; None where their file cannot be written or used."""
    try:
        found = read_keyring(path)
        if found is None:
            found = new_keyring()
            write_keyring(path, found)
    except EnvironmentProblemError:
        return None  # a demo's persons then have no names
    return found


def _progress_bar() -> Progress:
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    return Progress(*columns, console=Console(stderr=True))


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
