"""`gismap locate --file`: a list of positions into the same list with answers; one that breaks off leaves nothing."""

import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from signal import SIGINT, SIGTERM
from typing import BinaryIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from gismap.cli.common import engine
from gismap.errors import BadInputError, ConflictError
from gismap.limits import MAX_FILE_BYTES, check_file
from gismap.locating.batch import Asker, Order, settled
from gismap.locating.batch_columns import find_places, parse_columns
from gismap.locating.batch_reading import Kind, Listing, open_list
from gismap.locating.batch_upload import ENDINGS
from gismap.locating.batch_writing import MEDIA_TYPES, Form, Tally, located, write_pieces
from gismap.locating.service import view_of
from gismap.locating.snapshot import Snapshot
from gismap.locating.wording import words_finder
from gismap.settings import get_settings


@dataclass(frozen=True, slots=True)
class ListOrder:
    """A list as the command line names it."""

    file: Path
    out: Path
    columns: str | None
    crs: str
    accuracy_m: float | None
    as_of: date | None
    sheet: str | None


def locate_list(order: ListOrder) -> int:
    """Locate all rows of a file; prints how many came to which verdict. 1 when rows could not be answered.

    Raises:
        BadInputError, TooLargeError, CrsError, NotFoundError: nothing could be answered.
        ConflictError: there is a file already where the answers are to go.
    """
    form, settings = _form_of(order.out), get_settings()
    listing = _opened(order)
    places = find_places(listing.columns, parse_columns(order.columns))
    with engine() as database:
        view = view_of(Snapshot(database, settings.today, settings.handover_days), order.as_of or settings.today())
        usual = Order(order.crs, order.accuracy_m, settings.language, settings.far_km, lambda _path: False)
        usual = settled(usual, (places.asked(row) for row in listing.rows()), view.boundaries.bounds)
        print(f"gismap: columns {places.told(listing.columns)}, frame {usual.crs}", file=sys.stderr)
        asker = Asker(view, usual, words_finder(database))
        with _stoppable() as stop_if_asked, _progress(listing.count) as tally, written_whole(order.out) as file:
            for piece in write_pieces(form, listing, located(listing, places, asker, tally), settings.language):
                file.write(piece)
                stop_if_asked()
    told = ", ".join(f"{count:,} {verdict}" for verdict, count in sorted(tally.verdicts.items()))
    print(f"{order.out}: {tally.rows:,} rows{': ' if told else ''}{told}")
    return int("error" in tally.verdicts)


def _form_of(out: Path) -> Form:
    form = next((form for form in MEDIA_TYPES if out.suffix.lower() == f".{form}"), None)
    if form is None:
        endings = ", ".join(f".{form}" for form in MEDIA_TYPES)
        raise BadInputError(f"{out.name}: answers are written to files ending in {endings}", field="output")
    return form


def _opened(order: ListOrder) -> Listing:
    kind: Kind | None = ENDINGS.get(order.file.suffix.lower())
    if kind is None:
        raise BadInputError(f"{order.file.name}: files ending in {', '.join(ENDINGS)} are read", field="file")
    check_file(order.file, None if kind == "csv" else MAX_FILE_BYTES)
    try:
        return open_list(lambda: order.file.open("rb"), order.file.name, kind, sheet=order.sheet)
    except OSError as error:
        raise BadInputError(f"{order.file} cannot be read: {error.strerror}", field="file") from error


@contextmanager
def _stoppable() -> Iterator[Callable[[], None]]:
    """What stops the work between two chunks once Ctrl-C was pressed or the process is to end.

    An interrupt that is raised while compiled code runs is lost there, or becomes an error of another kind.
    """
    asked: list[int] = []
    before = {each: signal.signal(each, lambda number, _: asked.append(number)) for each in (SIGINT, SIGTERM)}

    def stop_if_asked() -> None:
        if asked:
            raise KeyboardInterrupt

    try:
        yield stop_if_asked
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


@contextmanager
def _progress(rows: int) -> Iterator[Tally]:
    """A count of what is done, shown as a bar where somebody looks."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=console, transient=True)
    with bar if console.is_terminal else nullcontext():
        task = bar.add_task("rows", total=rows)
        yield Tally(lambda done: bar.advance(task, done))


@contextmanager
def written_whole(out: Path) -> Iterator[BinaryIO]:
    """A file that appears under its name when it is whole, and not at all when something goes wrong before.

    Raises:
        ConflictError: there is one already.
        BadInputError: it cannot be written there.
    """
    if out.exists():
        raise ConflictError(f"{out} is there already: name another file, or move it away", field="output")
    try:
        descriptor, beside = tempfile.mkstemp(prefix=f".{out.name[:40]}-", dir=out.parent)
    except OSError as error:
        raise BadInputError(f"{out} cannot be written: {error.strerror}", field="output") from error
    partial = Path(beside)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
        partial.chmod(0o666 & ~_umask())
        partial.rename(out)
    except OSError as error:
        raise BadInputError(f"{out} cannot be written: {error.strerror}", field="output") from error
    finally:
        partial.unlink(missing_ok=True)


def _umask() -> int:
    """What new files are not allowed; it can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
