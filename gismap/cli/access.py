"""`gismap user` and `gismap key`: who may sign in, what they are granted and until when, and keys for devices.

Whoever may run these commands owns the database; they are entered in the audit log under the name of their account on
this machine.
"""

import getpass
import sys
from datetime import date, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from sqlalchemy import Connection

from gismap.access import accounts, keys
from gismap.access.sessions import end_sessions
from gismap.access.values import Role
from gismap.boundaries.service import find_unit
from gismap.cli import app
from gismap.cli.common import FromStdin, ask_password, engine, parse_day
from gismap.errors import BadInputError
from gismap.settings import get_settings
from gismap.store import audit
from gismap.store.session import reading, writing

GRANT_DAYS, LONGEST_DAYS = 365, 3 * 366
"""How long a grant or key lasts unless told, and at most: whoever moves on must not keep what they had."""

user = typer.Typer(help="Accounts: who may sign in, as what, where, until when.", no_args_is_help=True)
key = typer.Typer(help="Keys for devices and programs, which send `Authorization: Bearer KEY`.", no_args_is_help=True)
app.add_typer(user, name="user")
app.add_typer(key, name="key")

Username = Annotated[str, typer.Argument(metavar="NAME", help="The username.", show_default=False)]
RoleOption = Annotated[Role, typer.Option(help="What is granted.", show_default=False)]
UnitOption = Annotated[str | None, typer.Option(help="Code of the unit it holds in; the whole district.")]
Until = Annotated[
    date | None, typer.Option(parser=parse_day, metavar="DAY", help="Last day of the grant; a year from today.")
]


@user.command(name="add")
def add_user(
    username: Username,
    role: RoleOption,
    name: Annotated[str | None, typer.Option(help="The person's name; the username when not given.")] = None,
    unit: UnitOption = None,
    until: Until = None,
    password_stdin: FromStdin = False,
    no_password: Annotated[bool, typer.Option("--no-password", help="For keys alone.")] = False,
) -> None:
    """Make an account with one grant; more come with `user grant`. Its password is asked for, never an argument."""
    ends_at, normal = _end_of(until), accounts.normal_username(username)
    shown = (name or username).strip()
    if not 1 <= len(shown) <= accounts.LONGEST_NAME or not shown.isprintable():
        raise BadInputError(f"a name has 1 to {accounts.LONGEST_NAME} printable characters", field="name")
    password = None if no_password else ask_password(from_stdin=password_stdin, is_new=True)
    actor = getpass.getuser()
    with engine() as database, writing(database) as connection:
        unit_id = _unit_id(connection, unit)
        account_id = accounts.add_account(connection, username, shown, password, made_by=actor)
        number = accounts.grant(connection, account_id, role, unit_id, ends_at=ends_at, granted_by=actor)
    print(f"{normal}: {_granted(number, role, unit, ends_at)}")


@user.command(name="list")
def list_users() -> None:
    """Print all accounts with their grants in force and those yet to begin."""
    with engine() as database, reading(database) as connection:
        rows = accounts.list_accounts(connection, get_settings().today())
    for row in rows:
        state = "  disabled" if row["disabled_at"] else "" if row["has_password"] else "  no password"
        print(f"{row['username']}  {row['name']}{state}")
        for each in row["grants"] or []:
            where = "district" if each["unit"] is None else each["unit_name"] or each["unit"]
            begins = f" from {_day(each['starts_at'])}" if each["starts_at"] else ""
            print(f"  grant {each['grant']}: {each['role']} in {where}{begins} until {_last_day(each['ends_at'])}")


@user.command()
def password(username: Username, password_stdin: FromStdin = False) -> None:
    """Set another password; whoever is signed in by the old one is signed out."""
    with engine() as database:
        with reading(database) as connection:
            account_id = accounts.find_account(connection, username)
        chosen = ask_password(from_stdin=password_stdin, is_new=True)
        with writing(database) as connection:
            accounts.set_password(connection, account_id, chosen, actor=getpass.getuser())
    print(f"{username}: password set, sessions ended")


@user.command()
def disable(username: Username) -> None:
    """Let nobody in by this account any more: sessions and keys end, the name stays taken."""
    with engine() as database, writing(database) as connection:
        accounts.disable(connection, accounts.find_account(connection, username), actor=getpass.getuser())
    print(f"{username}: disabled")


@user.command()
def enable(username: Username) -> None:
    """Let an account in again; what it had open stays ended, its grants count as far as they run."""
    with engine() as database, writing(database) as connection:
        accounts.enable(connection, username, actor=getpass.getuser())
    print(f"{username}: enabled")


@user.command()
def grant(username: Username, role: RoleOption, unit: UnitOption = None, until: Until = None) -> None:
    """Grant a role in a unit or the district until a day."""
    ends_at = _end_of(until)
    with engine() as database, writing(database) as connection:
        account_id, unit_id = accounts.find_account(connection, username), _unit_id(connection, unit)
        actor = getpass.getuser()
        number = accounts.grant(connection, account_id, role, unit_id, ends_at=ends_at, granted_by=actor)
    print(f"{username}: {_granted(number, role, unit, ends_at)}")


@user.command()
def revoke(number: Annotated[int, typer.Argument(metavar="GRANT", help="The number that `user list` prints.")]) -> None:
    """End a grant now."""
    with engine() as database, writing(database) as connection:
        accounts.end_grant(connection, number, actor=getpass.getuser())
    print(f"grant {number}: ended")


@user.command(name="sign-out")
def sign_out(username: Username) -> None:
    """End all sessions and keys of an account."""
    with engine() as database, writing(database) as connection:
        account_id = accounts.find_account(connection, username)
        ended = end_sessions(connection, account_id)
        subject, detail = f"account {account_id}", {"ended": len(ended)}
        audit.append(connection, actor=getpass.getuser(), action="sign out everywhere", subject=subject, detail=detail)
    print(f"{username}: {len(ended)} ended")


@key.command(name="add")
def add_key(
    username: Username,
    title: Annotated[str, typer.Option(help="What the key is for.", show_default=False)],
    days: Annotated[int, typer.Option(min=1, max=LONGEST_DAYS, help="How long it lasts.", show_default=False)],
    role: Annotated[
        list[Role] | None, typer.Option(help="Only these of the account's roles (repeatable); all of them.")
    ] = None,
) -> None:
    """Print a new key, once: it is stored nowhere. It may do what its account may, or what these roles may."""
    settings = get_settings()
    with engine() as database, writing(database) as connection:
        account_id = accounts.find_account(connection, username)
        token, session_id = keys.add_key(
            connection,
            account_id,
            title=title,
            seconds=days * 86_400,
            roles=role or None,
            today=settings.today(),
            actor=getpass.getuser(),
        )
    print(f"key {session_id} for {days} day{'s' * (days > 1)}; it is not shown again:", file=sys.stderr)
    print(token)


@key.command(name="list")
def list_keys(username: Username) -> None:
    """Print an account's keys and sessions, without what they are recognised by."""
    with engine() as database, reading(database) as connection:
        account_id = accounts.find_account(connection, username)
        for row in keys.list_sessions(connection, account_id):
            roles = f"  {', '.join(row['roles'])}" if row["roles"] else ""
            title = f"  {row['title']}" if row["title"] else ""
            print(f"{row['session']}  {row['kind']}{title}{roles}  until {row['ends_at']:%Y-%m-%d %H:%M} UTC")


@key.command(name="revoke")
def revoke_key(
    session_id: Annotated[str, typer.Argument(metavar="KEY", help="What `key list` calls it.")],
) -> None:
    """End a key now."""
    with engine() as database, writing(database) as connection:
        keys.end_key(connection, session_id, actor=getpass.getuser())
    print(f"{session_id}: ended")


def _unit_id(connection: Connection, code: str | None) -> str | None:
    return None if code is None else find_unit(connection, code, get_settings().today()).unit_id


def _end_of(until: date | None) -> datetime:
    """The end of the grant's last day, where the district lies."""
    settings = get_settings()
    today = settings.today()
    day = until or today + timedelta(days=GRANT_DAYS)
    if not today <= day <= today + timedelta(days=LONGEST_DAYS):
        raise BadInputError("a grant ends today or later, and within three years", field="until")
    return datetime.combine(day + timedelta(days=1), time(), ZoneInfo(settings.timezone))


def _day(moment: str) -> date:
    return datetime.fromisoformat(moment).astimezone(ZoneInfo(get_settings().timezone)).date()


def _last_day(ends_at: str) -> date:
    return (datetime.fromisoformat(ends_at).astimezone(ZoneInfo(get_settings().timezone)) - timedelta.resolution).date()


def _granted(number: int, role: Role, unit: str | None, ends_at: datetime) -> str:
    return f"grant {number}: {role} in {unit or 'district'} until {(ends_at - timedelta(microseconds=1)).date()}"
