"""What the machine offers for a private server: PostgreSQL's programs with PostGIS, and the OS user to run them as.

Nothing is started or written here.
"""

import os
import pwd
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gismap.errors import EnvironmentProblemError

OLDEST_POSTGRESQL = 15
OLDEST_POSTGIS = (3, 3)
EXTENSIONS = ("postgis", "pg_trgm", "btree_gist")
DEBIAN = Path("/usr/lib/postgresql")

INSTALL_HINT = (
    "On Debian 12: `apt-get install postgresql-15 postgresql-15-postgis-3` (`make run` does it), "
    "or name a server of your own in GISMAP_DATABASE_URL and GISMAP_DATABASE_OWNER_URL."
)


@dataclass(frozen=True, slots=True)
class Installation:
    """One PostgreSQL with the extensions that gismap needs; `bin` holds initdb, pg_ctl and postgres."""

    version: int
    bin: Path


@dataclass(frozen=True, slots=True)
class OsUser:
    """Whom the server runs as; `switch` holds the arguments of subprocess calls that change to that user."""

    name: str
    uid: int
    gid: int
    switch: dict[str, Any]


def find_installation(version: int | None = None) -> Installation:
    """The newest usable PostgreSQL of this machine, or the one of just that major version.

    Raises:
        EnvironmentProblemError: there is none; the text tells what to install.
    """
    reasons = []
    for found in sorted(_candidates(), key=lambda each: -each.version):
        if version is not None and found.version != version:
            continue
        reason = _shortcoming(found)
        if reason is None:
            return found
        reasons.append(reason)
    wanted = f"PostgreSQL {version}, which made the data folder," if version else "PostgreSQL with PostGIS"
    raise EnvironmentProblemError(f"{wanted} was not found{''.join(f'; {each}' for each in reasons)}. {INSTALL_HINT}")


def server_user() -> OsUser:
    """The user of this process, or postgres (made by Debian's package) for root, as whom PostgreSQL refuses to run.

    Raises:
        EnvironmentProblemError: root, and no user postgres.
    """
    uid = os.geteuid()
    if uid != 0:
        return OsUser(pwd.getpwuid(uid).pw_name, uid, os.getegid(), {})
    try:
        entry = pwd.getpwnam("postgres")
    except KeyError:
        raise EnvironmentProblemError(
            "PostgreSQL does not run as root, and there is no user postgres: "
            "`adduser --system --group --no-create-home postgres`."
        ) from None
    groups = os.getgrouplist("postgres", entry.pw_gid)
    switch = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": groups}
    return OsUser("postgres", entry.pw_uid, entry.pw_gid, switch)


def _candidates() -> list[Installation]:
    found = {path: int(path.parent.name) for path in DEBIAN.glob("*/bin") if path.parent.name.isdigit()}
    try:
        on_path = Path(_output("pg_config", "--bindir"))
        found[on_path] = int(re.findall(r"\d+", _output("pg_config", "--version"))[0])
    except (OSError, IndexError, subprocess.CalledProcessError):
        pass  # no pg_config on PATH: only Debian's folders count
    return [Installation(version, path) for path, version in found.items()]


def _shortcoming(installation: Installation) -> str | None:
    """Why this PostgreSQL cannot be used, or None."""
    if not all((installation.bin / program).exists() for program in ("postgres", "initdb", "pg_ctl")):
        return f"{installation.bin} holds no server"
    if installation.version < OLDEST_POSTGRESQL:
        return f"PostgreSQL {installation.version} is older than {OLDEST_POSTGRESQL}"
    extensions = Path(_output(str(installation.bin / "pg_config"), "--sharedir")) / "extension"
    missing = [name for name in EXTENSIONS if not (extensions / f"{name}.control").exists()]
    if missing:
        return f"PostgreSQL {installation.version} lacks {', '.join(missing)}"
    postgis = re.search(r"default_version = '(\d+)\.(\d+)", (extensions / "postgis.control").read_text())
    if postgis and tuple(map(int, postgis.groups())) < OLDEST_POSTGIS:
        return f"PostGIS {postgis[1]}.{postgis[2]} is older than 3.3"
    return None


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
