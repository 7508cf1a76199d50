"""`gismap keyring`: the keys of sealed fields, which are kept in a file outside of the database."""

import getpass

import typer

from gismap.care.rotation import rotate
from gismap.cli import app
from gismap.cli.common import engine
from gismap.errors import ConflictError
from gismap.settings import get_settings
from gismap.store.keyring import new_keyring, read_keyring, write_keyring

keyring = typer.Typer(help="Keys of sealed fields; their file is GISMAP_KEYRING.", no_args_is_help=True)
app.add_typer(keyring, name="keyring")


@keyring.command()
def init() -> None:
    """Make the file of keys. Keep a copy apart from the database's backups: without it sealed fields are lost."""
    path = get_settings().keyring_path
    if path.exists():
        raise ConflictError(f"{path} is there already; `gismap keyring rotate` makes a new key", field="GISMAP_KEYRING")
    write_keyring(path, new_keyring())
    print(path)


@keyring.command(name="rotate")
def rotate_keys() -> None:
    """Make a new key, seal everything anew with it, and drop the old one. Backups need the file of their time."""
    with engine() as database:
        number, fields = rotate(database, get_settings().keyring_path, actor=getpass.getuser())
    print(f"key {number}: {fields} fields sealed anew")


@keyring.command(name="status")
def keyring_status() -> int:
    """Print where the keys are and how many; exit code 1 when there are none."""
    path = get_settings().keyring_path
    found = read_keyring(path)
    print(f"{path}: {'none' if found is None else f'{len(found.keys)} keys, newest {found.newest}'}")
    return int(found is None)
