"""`gismap checkup`: a county's files looked at together, on one page; needs no database."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from gismap.cli import app
from gismap.errors import BadInputError


@app.command()
def checkup(
    files: Annotated[list[Path], typer.Argument(help="Boundaries, rosters, buildings, places; in any order.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The page to write.")] = Path("report.html"),
    crs: Annotated[str, typer.Option(help="Frame of files that do not say theirs.")] = "auto",
    lang: Annotated[Literal["zh", "en"], typer.Option(help="Language of the page.")] = "zh",
) -> int:
    """Look at a county's files together (体检) and write one page; exits with 1 where something was found."""
    from gismap.checkup.examining import examine  # noqa: PLC0415
    from gismap.checkup.page import as_page  # noqa: PLC0415
    from gismap.i18n import say  # noqa: PLC0415

    found = examine(files, crs)
    try:
        output.write_text(as_page(found, lang), encoding="utf-8")
    except OSError as error:
        raise BadInputError(f"{output} cannot be written: {error.strerror}", field="output") from error
    print(say("checkup.bad" if found.count else "checkup.good", lang, count=f"{found.count:,}"))
    for source in found.sources:
        print(f"  {source.name}: {say(f'checkup.kind.{source.kind}', lang)}")
    for each in found.unreadable:
        print(f"  {each.path.name}: {say('checkup.kind.unreadable', lang)} ({each.reason})")
    print(output)
    return 1 if found.count else 0
