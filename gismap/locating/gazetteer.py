"""Keeps the gazetteer: reads names that are new, whoever wrote them, and keeps reviewed aliases.

Triggers note what bears a new name (migration 2026_11_24_05), so that the work grows with what changed. Asking the
gazetteer is `wording`; what a name is made of is `names`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, text

from gismap.errors import BadInputError, ConflictError, NotFoundError
from gismap.locating.names import Name, above_of, kind_of, names_in_address, names_of
from gismap.locating.sounds import grams, initials, spoken
from gismap.store import audit
from gismap.store.copying import copy_rows
from gismap.store.session import make_engine, writing

# What others write meanwhile is not seen yet, and stays pending.
TAKE_PENDING = """
WITH p AS (DELETE FROM gazetteer_pending RETURNING kind, id)
SELECT p.kind, p.id, coalesce(e.name, g.name, s.name) AS name, b.address
FROM p
LEFT JOIN element e ON p.kind = 'element' AND e.version_id = p.id
    AND e.layer IN (SELECT name FROM layer WHERE sensitivity <> 'person')
LEFT JOIN building b ON b.version_id = e.version_id
LEFT JOIN grid g ON p.kind = 'grid' AND g.grid_version = p.id
LEFT JOIN street s ON p.kind = 'street' AND s.street_id = p.id
"""

ABOVE = "SELECT DISTINCT name FROM grid WHERE level <= 2"

STAGING = """
DROP TABLE IF EXISTS read_name;
CREATE TEMPORARY TABLE read_name (
    stem text COLLATE "C", numbers text, counts text, upto integer, is_address boolean,
    version_id bigint, grid_version bigint, street_id bigint
) ON COMMIT DROP;
"""

NEW_STEMS = """
SELECT DISTINCT n.stem FROM read_name n WHERE NOT EXISTS (SELECT FROM gazetteer_stem s WHERE s.stem = n.stem)
"""

STEM_STAGING = """
DROP TABLE IF EXISTS new_stem, new_gram;
CREATE TEMPORARY TABLE new_stem (stem text COLLATE "C", size smallint) ON COMMIT DROP;
CREATE TEMPORARY TABLE new_gram (stem text COLLATE "C", gram text COLLATE "C") ON COMMIT DROP;
"""

ADD_STEMS = """
INSERT INTO gazetteer_stem (stem, size) SELECT stem, size FROM new_stem ON CONFLICT DO NOTHING;
INSERT INTO gazetteer_gram (gram, stem_id)
SELECT n.gram, s.stem_id FROM new_gram n JOIN gazetteer_stem s USING (stem) ON CONFLICT DO NOTHING;
"""

ADD_ENTRIES = """
INSERT INTO gazetteer_entry (stem_id, numbers, counts, upto, is_address, version_id, grid_version, street_id)
SELECT s.stem_id, n.numbers::integer[], n.counts, n.upto, n.is_address, n.version_id, n.grid_version, n.street_id
FROM read_name n JOIN gazetteer_stem s USING (stem);
"""

COLUMNS = ("stem", "numbers", "counts", "upto", "is_address", "version_id", "grid_version", "street_id")


def refresh_gazetteer(connection: Connection) -> int:
    """Read all names that are pending, in the caller's transaction; returns how many things bear them.

    Whoever writes elements, units or streets calls it last, so that an answer never lacks what is stored.
    """
    rows = connection.execute(text(TAKE_PENDING)).all()
    if not rows:
        return 0
    above = above_of(connection.execute(text(ABOVE)).scalars())
    called_by = lru_cache(maxsize=10_000)(lambda address: names_in_address(address, above))  # many share a door plate
    connection.execute(text(STAGING))
    copy_rows(connection, "read_name", COLUMNS, (entry for row in rows for entry in _entries(row, called_by)))
    add_stems(connection, connection.execute(text(NEW_STEMS)).scalars().all())
    connection.execute(text(ADD_ENTRIES))
    return len(rows)


def read_pending(owner_url: str) -> int:
    """Read what is pending after a migration: names that were stored before there was a gazetteer."""
    engine = make_engine(owner_url, pool_size=1)
    try:
        with writing(engine) as connection:
            return refresh_gazetteer(connection)
    finally:
        engine.dispose()


def _entries(row: Any, called_by: Callable[[str], list[Name]]) -> Iterator[Sequence[Any]]:
    """What a pending thing answers to: its name, and what its address calls it otherwise."""
    bearer = tuple(row.id if row.kind == kind else None for kind in ("element", "grid", "street"))
    called = names_of(row.name) if row.name else []
    for name in called:
        yield _fields(name, bearer, is_address=False)
    # What an address ends with and is the name besides needs no second entry.
    for name in called_by(row.address.removesuffix(row.name or "")) if row.address else ():
        if name not in called:
            yield _fields(name, bearer, is_address=True)


def _fields(name: Name, bearer: tuple[int | None, ...], *, is_address: bool) -> Sequence[Any]:
    return (name.stem, _array(name.numbers), name.counts, name.upto, is_address, *bearer)


def _array(numbers: Iterable[int]) -> str:
    return "{" + ",".join(map(str, numbers)) + "}"


def add_stems(connection: Connection, stems: Sequence[str]) -> None:
    """Store stems that are not known yet, with what they are found by."""
    if not stems:
        return
    found = {stem: _found_by(stem) for stem in stems}
    connection.execute(text(STEM_STAGING))
    copy_rows(connection, "new_stem", ("stem", "size"), ((stem, len(by)) for stem, by in found.items()))
    copy_rows(connection, "new_gram", ("stem", "gram"), ((stem, gram) for stem, by in found.items() for gram in by))
    connection.execute(text(ADD_STEMS))


def _found_by(stem: str) -> set[str]:
    by = set(grams(spoken(stem)))
    for part in {stem, stem.removesuffix(kind_of(stem))}:
        if (letters := initials(spoken(part))) is not None:
            by.add(f"@{letters}")
    return by


# ── aliases ────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Alias:
    """What people call a place, the name that it stands for, and whether anything bears that name today."""

    alias: str
    means: str
    reviewed_by: str
    is_known: bool


KNOWN = """
SELECT s.stem_id FROM gazetteer_stem s
WHERE s.stem = :stem AND EXISTS (
    SELECT FROM gazetteer_entry e
    WHERE e.stem_id = s.stem_id
      AND e.numbers[1:cardinality(CAST(:numbers AS integer[]))] = CAST(:numbers AS integer[]))
"""

ADD_ALIAS = """
INSERT INTO gazetteer_alias (alias, stem_id, numbers, counts, means, means_stem, means_numbers, means_counts,
                             reviewed_by)
SELECT :alias, stem_id, :numbers, :counts, :means, :means_stem, :means_numbers, :means_counts, :actor
FROM gazetteer_stem WHERE stem = :stem
ON CONFLICT (alias) DO NOTHING
RETURNING alias
"""

ALIASES = """
SELECT a.alias, a.means, a.reviewed_by, EXISTS (
           SELECT FROM gazetteer_entry e
           LEFT JOIN element el USING (version_id) LEFT JOIN grid g USING (grid_version)
           WHERE e.stem_id = a.means_stem AND e.numbers[1:cardinality(a.means_numbers)] = a.means_numbers
             AND (e.street_id IS NOT NULL OR upper_inf(el.valid) OR upper_inf(g.valid))) AS is_known
FROM gazetteer_alias a ORDER BY a.alias
"""

REMOVE_ALIAS = "DELETE FROM gazetteer_alias WHERE alias = :alias RETURNING means"


def add_alias(connection: Connection, alias: str, means: str, *, actor: str) -> None:
    """Let `alias` stand for the name `means`, from the next question on; numbers may follow it (老家属院3号楼).

    Raises:
        BadInputError: nothing can be found by the alias, or it is the name itself.
        NotFoundError: nothing is called `means`.
        ConflictError: the alias stands for something already.
    """
    called, meant = _one_name(alias, "alias"), _one_name(means, "means")
    if called == meant:
        raise BadInputError(f"{alias!r} is found as {means!r} already", field="alias")
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('gazetteer_alias'))"))
    numbers = list(meant.numbers)
    known = connection.execute(text(KNOWN), {"stem": meant.stem, "numbers": numbers}).scalar()
    if known is None:
        raise NotFoundError(f"nothing is called {means!r}: give the name as the map writes it", field="means")
    add_stems(connection, [called.stem])
    row = {
        "alias": alias.strip(),
        "stem": called.stem,
        "numbers": list(called.numbers),
        "counts": called.counts,
        "means": means.strip(),
        "means_stem": known,
        "means_numbers": numbers,
        "means_counts": meant.counts,
        "actor": actor,
    }
    if connection.execute(text(ADD_ALIAS), row).scalar() is None:
        raise ConflictError(f"{alias!r} is an alias already: remove it first", field="alias")
    detail = {"means": means.strip()}
    audit.append(connection, actor=actor, action="add alias", subject=f"alias {alias.strip()}", detail=detail)


def list_aliases(connection: Connection) -> list[Alias]:
    """All aliases, in their order."""
    return [Alias(*row) for row in connection.execute(text(ALIASES))]


def remove_alias(connection: Connection, alias: str, *, actor: str) -> None:
    """Forget an alias.

    Raises:
        NotFoundError: there is no such alias.
    """
    means = connection.execute(text(REMOVE_ALIAS), {"alias": alias.strip()}).scalar()
    if means is None:
        raise NotFoundError(f"there is no alias {alias!r}", field="alias")
    audit.append(
        connection, actor=actor, action="remove alias", subject=f"alias {alias.strip()}", detail={"means": means}
    )


def _one_name(told: str, field: str) -> Name:
    names = names_of(told) if told.strip() and "\0" not in told and len(told) <= 100 else []
    if not names or len(names[0].stem) < 2:
        raise BadInputError(f"{told[:40]!r} holds no name of at least two characters", field=field)
    return names[0]
