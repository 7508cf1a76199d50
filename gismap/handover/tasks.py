"""What is to be done the morning after a publication: cards, calls, posts, grants, rulings; nothing is done here.

Staff are named masked, with what they are to be told; whoever may call them finds the number at the grid's card.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, text

from gismap.errors import BadInputError, NotFoundError
from gismap.handover import queries
from gismap.handover.difference import between_revisions
from gismap.handover.values import Difference, Leaf, Pair
from gismap.i18n import Language, say
from gismap.workbooks import Sheet


@dataclass(frozen=True, slots=True)
class Task:
    """One thing to do: in which unit, what exactly, and with whom."""

    kind: str
    code: str | None
    unit: str
    what: str = ""
    who: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The task for machines."""
        return {"kind": self.kind, "code": self.code, "unit": self.unit, "what": self.what, "who": self.who}


def tasks_of(connection: Connection, number: int, language: Language) -> list[Task]:
    """The tasks of a revision; the first one of a district has none.

    Raises:
        NotFoundError: there is no such revision.
        BadInputError: it is the first one.
    """
    day = connection.execute(text(queries.DAY_OF), {"number": number}).scalar()
    if day is None:
        raise NotFoundError(f"there is no revision {number}, or it was withdrawn", field="revision")
    before = connection.execute(text(queries.REVISION_BEFORE), {"day": day}).scalar()
    if before is None:
        raise BadInputError(f"revision {number} is the first: nothing changed hands", field="revision")
    names = {row.unit_id: row for row in connection.execute(text(queries.NAMES), {"eve": day - timedelta(days=1)})}
    told = between_revisions(connection, before, number)
    return [
        *_calls(connection, told, day, language),
        *_cards(connection, told, day, language),
        *_ended_posts(connection, number, names, language),
        *_grants(connection, number, names, language),
        *_rulings(connection, number, names),
    ]


def sheet(tasks: Sequence[Task], language: Language) -> Sheet:
    """The tasks as a list to tick off."""
    columns = [say(f"tasks.{name}", language) for name in ("done", "kind", "code", "unit", "what", "who")]
    rows = [["☐", title(task, language), task.code, task.unit, task.what, task.who] for task in tasks]
    return Sheet(say("tasks.title", language), columns, rows)


def title(task: Task, language: Language) -> str:
    """What kind of task it is."""
    return say(f"tasks.{task.kind}", language)


def _calls(connection: Connection, told: Difference, day: date, language: Language) -> Iterator[Task]:
    """Whoever answers for a grid that gives or takes is told what: those on duty before, and those on duty then."""
    units = {leaf.key for pair in told.pairs for leaf in (pair.before, pair.after) if leaf}
    on_duty: dict[tuple[str, bool], list[str]] = defaultdict(list)
    for is_new, at in ((False, day - timedelta(days=1)), (True, day)):
        for post in connection.execute(text(queries.POSTS), {"units": sorted(units), "day": at}):
            if post.duty:
                role, duty = say(f"role.{post.role}", language), say(f"duty.{post.duty}", language)
                on_duty[post.unit, is_new].append(f"{post.name} {role} {duty} {post.phone}")
    for pair in told.pairs:
        for leaf, is_new in ((pair.before, False), (pair.after, True)):
            if leaf is not None:
                who = say("list_separator", language).join(on_duty[leaf.key, is_new]) or say("tasks.nobody", language)
                yield Task("call", leaf.code, leaf.name, _said(pair, is_new, language), who)


def _said(pair: Pair, takes: bool, language: Language) -> str:
    def named(leaf: Leaf | None) -> str:
        return leaf.name if leaf else say("handover.nobody", language)

    numbers = {
        "buildings": pair.count("buildings"),
        "households": pair.households,
        "places": pair.count("key_places") + pair.count("service_stations"),
    }
    if takes:
        return say("tasks.call.takes", language, from_=named(pair.before), **numbers)
    return say("tasks.call.what", language, to=named(pair.after), **numbers)


CARDS = {"created": "print_card", "retired": "withdraw_card"}


def _cards(connection: Connection, told: Difference, day: date, language: Language) -> Iterator[Task]:
    """Cards of units that are new, over, or not as they were; and new grids for which nobody answers yet."""
    new = [unit["unit"] for unit in told.units if unit["after"] and unit["after"]["is_leaf"] and not unit["before"]]
    vacant = set(connection.execute(text(queries.VACANT), {"units": new, "day": day}).scalars())
    for unit in told.units:
        side = unit["after"] or unit["before"]
        yield Task(CARDS.get(unit["change"][0], "reprint_card"), side["code"], side["name"])
        if unit["unit"] in vacant:
            yield Task("fill_post", side["code"], side["name"], say("tasks.fill_post.what", language))


def _ended_posts(connection: Connection, number: int, names: dict[str, Any], language: Language) -> Iterator[Task]:
    for row in connection.execute(text(queries.ENDED_POSTS), {"number": number}):
        unit = names.get(row.unit)
        duty = f" {say(f'duty.{row.duty}', language)}" if row.duty else ""
        what = f"{say(f'role.{row.role}', language)}{duty}"
        yield Task("post_ended", unit and unit.code, unit.name if unit else row.unit, what, f"{row.name} {row.phone}")


def _grants(connection: Connection, number: int, names: dict[str, Any], language: Language) -> Iterator[Task]:
    for row in connection.execute(text(queries.ENDED_GRANTS), {"number": number}):
        unit = names.get(row.unit)
        role = say(f"access.role.{row.role}", language)
        what = say("tasks.grant.what", language, role=role)
        if row.made:
            what = say(
                "tasks.grant.followed", language, role=role, units=say("list_separator", language).join(row.made)
            )
        kind = "grant_followed" if row.made else "grant_ended"
        yield Task(kind, unit and unit.code, unit.name if unit else row.unit, what, row.username)


def _rulings(connection: Connection, number: int, names: dict[str, Any]) -> Iterator[Task]:
    for row in connection.execute(text(queries.ENDED_RULINGS), {"by": f"revision {number}"}):
        unit = names.get(row.unit)
        what = " ".join(part for part in (row.name, row.door, row.reason) if part)
        yield Task("ruling_ended", unit and unit.code, unit.name if unit else row.unit, what)
