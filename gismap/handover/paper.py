"""Pages to print: one document without scripts, as HTML or, through Chromium, as PDF; what they say is not here."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from gismap.errors import BadInputError, UnavailableError
from gismap.i18n import Language, say
from gismap.themes.service import FILE_LIFETIME

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PRINT_WITHIN_S = 120

STYLE = Path(__file__).with_name("paper.css")


@dataclass(frozen=True, slots=True)
class Imprint:
    """Who made a paper and when, of which district, and whether its data are made up."""

    user: str
    made_at: datetime
    district: str
    synthetic: bool

    def notice(self, language: Language) -> str:
        """What every file that leaves the house says of itself."""
        return say(
            "map.file_notice",
            language,
            user=self.user,
            made=f"{self.made_at:%Y-%m-%d %H:%M}",
            expires=f"{self.made_at + FILE_LIFETIME:%Y-%m-%d}",
        )


def imprint_of(connection: Connection, user: str, made_at: datetime, language: Language) -> Imprint:
    """The imprint of a paper about this district."""
    row = connection.execute(text("SELECT title_zh, title_en, synthetic FROM district")).first()
    if row is None:
        return Imprint(user, made_at, "", False)
    return Imprint(user, made_at, row.title_zh if language == "zh" else row.title_en, row.synthetic)


def page(title: str, body: str, imprint: Imprint, language: Language) -> str:
    """The whole document."""
    lang = "zh-CN" if language == "zh" else "en"
    mark = f'<p><span class="mark">{say("synthetic", language)}</span></p>' if imprint.synthetic else ""
    return (
        f'<!doctype html>\n<html lang="{lang}"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{STYLE.read_text(encoding='utf-8')}</style></head><body><h1>{escape(title)}</h1>{mark}{body}"
        f'<p class="notice">{escape(imprint.notice(language))}</p></body></html>\n'
    )


def table(headings: Sequence[str], rows: Iterable[Sequence[Any]], numbers: Sequence[int] = ()) -> str:
    """A table; `numbers` are the columns that are set to the right. Cells are text, or `Markup`."""

    def cells(tag: str, values: Sequence[Any]) -> str:
        return "".join(
            f"<{tag}{' class=number' if index in numbers else ''}>{_cell(value)}</{tag}>"
            for index, value in enumerate(values)
        )

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    head = f"<thead><tr>{cells('th', headings)}</tr></thead>" if any(headings) else ""
    return f"<table>{head}<tbody>{body}</tbody></table>"


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def _cell(value: Any) -> str:
    if isinstance(value, Markup):
        return value
    if value is None:
        return "—"
    return escape(f"{value:,}" if isinstance(value, int) else str(value))


def unit_name(unit: Any, language: Language) -> Markup:
    """A grid by its name, with its code small beside it; nothing is outside of the district."""
    if unit is None:
        return Markup(escape(say("handover.nobody", language)))
    code = f' <span class="code">{escape(unit["code"])}</span>' if unit["code"] else ""
    return Markup(f"{escape(unit['name'])}{code}")


def write_paper(path: Path, html: str) -> Path:
    """Write a page as HTML, or as PDF where Chromium is found; what was written, which is HTML where it is not.

    Raises:
        BadInputError: the file cannot be written.
        UnavailableError: Chromium does not print it.
    """
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if path.suffix.lower() != ".pdf" or browser is None:
        path = path.with_suffix(".html")
        write_bytes(path, html.encode())
        return path
    with tempfile.TemporaryDirectory(prefix="gismap-print-") as folder:
        source, made = Path(folder) / "page.html", Path(folder) / "page.pdf"
        source.write_text(html, encoding="utf-8")
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium refuses to sandbox for root
        command = [
            browser, "--headless", "--disable-gpu", "--no-pdf-header-footer", f"--user-data-dir={folder}/profile",
            *sandbox, f"--print-to-pdf={made}", source.as_uri(),
        ]  # fmt: skip
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=PRINT_WITHIN_S)
            write_bytes(path, made.read_bytes())
        except (subprocess.SubprocessError, FileNotFoundError) as error:
            raise UnavailableError(f"{browser} does not print: write .html and print it from a browser") from error
    return path


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file.

    Raises:
        BadInputError: it cannot be written.
    """
    try:
        path.write_bytes(content)
    except OSError as error:
        raise BadInputError(f"{path} cannot be written: {error.strerror}", field="output") from error
