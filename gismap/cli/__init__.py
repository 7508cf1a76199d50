"""The `gismap` command: assembles the commands and turns errors into one line and an exit code; no work of its own.

Results go to stdout, everything else to stderr. Exit codes: 0 good, 1 a check found something or nothing was done,
2 unusable input, 64 wrong usage.
"""

import sys
from importlib import import_module

import typer

from gismap.errors import EXIT_UNUSABLE, GismapError
from gismap.geometry.errors import GeometryError

EXIT_USAGE = 64

app = typer.Typer(
    name="gismap",
    help="综治一张图: one map for grid governance.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


ON_FILES = ("checkup", "coverage")
"""Commands that need no database, each in the module of its name."""


@app.callback()
def _root() -> None:
    """综治一张图: one map for grid governance."""  # a command stays one when it is the only one


def main() -> None:
    """Run the command line."""
    _register(sys.argv[1] if len(sys.argv) > 1 else "")
    try:
        sys.exit(app(standalone_mode=False) or 0)
    except typer.Exit as stop:
        sys.exit(stop.exit_code)
    except typer.TyperException as wrong:
        print(f"gismap: {wrong.format_message()} (--help tells more)", file=sys.stderr)
        sys.exit(EXIT_USAGE)
    except (GismapError, GeometryError) as error:
        field = f"{error.field}: " if error.field else ""
        print(f"gismap: {field}{error.detail}", file=sys.stderr)
        sys.exit(EXIT_UNUSABLE)
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(130)


def _register(command: str) -> None:
    """Import the commands, which register themselves; those on files alone do not wait for all that serves need."""
    if command in ON_FILES:
        import_module(f"gismap.cli.{command}")
        return
    # Commands register themselves; their imports are heavy.
    from gismap.cli import (  # noqa: F401, PLC0415
        access,
        ask,
        audit,
        care,
        checkup,
        coverage,
        emergency,
        frame,
        handover,
        importing,
        keyring,
        maps,
        nets,
        plan,
        plan_edit,
        revision,
        ruling,
        seal,
        server,
        words,
    )
