"""`gismap up` and `gismap db`: the running service and its database."""

from pathlib import Path
from typing import Annotated

import typer

from gismap.cli import app
from gismap.cli.common import database
from gismap.locating.gazetteer import read_pending
from gismap.settings import get_settings
from gismap.store.migrate import status, upgrade

db = typer.Typer(help="The database: migrations and their state.", no_args_is_help=True)
app.add_typer(db, name="db")


@app.command()
def up(
    demo: Annotated[str | None, typer.Option(help="Demo district for an empty database, or none.")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port on this machine.")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Where the private server keeps its data.")] = None,
) -> int:
    """Start the database and the service; prints `ready http://…` when it answers."""
    from gismap.up import up as run  # noqa: PLC0415

    chosen = {"demo": demo, "port": port, "data_dir": data_dir}
    return run(get_settings().model_copy(update={name: value for name, value in chosen.items() if value is not None}))


@db.command()
def migrate() -> None:
    """Bring the database to the schema of this version."""
    with database(get_settings()) as urls:
        upgrade(urls.owner_url)
        read_pending(urls.owner_url)
        print(status(urls.owner_url)[0])


@db.command(name="status")
def show_status() -> int:
    """Print the schema's version and the newest known; exit code 1 when they differ."""
    with database(get_settings()) as urls:
        current, head = status(urls.service_url)
    print(f"schema {current or 'none'}, newest {head}")
    return int(current != head)
