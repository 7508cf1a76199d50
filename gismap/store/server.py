"""The private PostGIS server of one data folder: made, started, recovered and stopped here; tables are not known here.

It listens on a Unix socket only and lets in whom the kernel vouches for (peer authentication): the OS user of this
process, as one of three roles. So there is no password to keep, and no other user of the machine gets in.
"""

import fcntl
import hashlib
import os
import pwd
import secrets
import shutil
import signal
import stat
import subprocess
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psycopg2

from gismap.errors import EnvironmentProblemError
from gismap.store.fitness import BE_DISCREET, MAKE_LEAKPROOF, assert_fit
from gismap.store.installation import EXTENSIONS, Installation, OsUser, find_installation, server_user
from gismap.store.orphans import end_orphans, holds

DATABASE = "gismap"
OWNER = "gismap_owner"
SERVICE = "gismap_service"
SUPERUSER = "postgres"

FALLBACK = Path("/var/lib/gismap")
"""Where clusters go whose data folder the server's OS user cannot reach."""

START_TIMEOUT_S = 60.0
"""Crash recovery of a large import takes seconds; more means that something is wrong."""
STOP_TIMEOUT_S = 20.0

# For 2 cores and a few gigabytes. `jit` costs more than it saves on short queries; the connection check ends statements
# whose client is gone within a second.
TUNING = {
    "max_connections": "60",
    "shared_buffers": "256MB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "effective_cache_size": "1GB",
    "max_wal_size": "2GB",
    "random_page_cost": "1.1",
    "jit": "off",
    "client_connection_check_interval": "1000",
    "timezone": "UTC",
    "lc_messages": "C",
    "log_min_error_statement": "panic",  # what fails while files are imported quotes their rows
    "log_min_messages": "log",
}
NOT_DURABLE = {"fsync": "off", "full_page_writes": "off"}


class DataFolderInUseError(EnvironmentProblemError):
    """Another gismap holds the data folder; its server can be joined, not started."""


@dataclass(frozen=True, slots=True)
class DatabaseUrls:
    """One database as each role sees it. `superuser_url` is known for private servers only."""

    service_url: str
    owner_url: str
    superuser_url: str | None = None


class PrivateServer:
    """The PostGIS server whose data lives under `data_dir`.

    Exactly one process holds a data folder. The server ends with the thread that started it, however that ends: the
    kernel then sends it the signal for a fast, clean shutdown.

    >>> with PrivateServer(Path(".gismap")) as urls:  # doctest: +SKIP
    ...     upgrade(urls.owner_url)
    """

    def __init__(self, data_dir: Path, *, durable: bool = True) -> None:
        """`durable=False` trades safety against power cuts for speed: for tests alone."""
        self._data_dir = data_dir.absolute()
        self._durable = durable
        self._user: OsUser = server_user()
        self._lock: IO[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def _place(self) -> Path:
        """The folder that holds the cluster, its log and its lock: the data folder or what its pointer names."""
        pointer = self._data_dir / "pg-location"
        return Path(pointer.read_text().strip()) if pointer.exists() else self._data_dir

    @property
    def _cluster(self) -> Path:
        return self._place / "pg"

    @property
    def _socket_dir(self) -> Path:
        """A short path, since that of a socket may have 107 bytes at most."""
        return Path("/tmp") / f"gismap-{hashlib.sha256(bytes(self._place)).hexdigest()[:12]}"

    def __enter__(self) -> DatabaseUrls:
        return self.start()

    def __exit__(self, *error: object) -> None:
        self.stop()

    def start(self) -> DatabaseUrls:
        """Start the server, making the cluster when there is none, and return the URLs of its database.

        Raises:
            DataFolderInUseError: another process holds the folder.
            EnvironmentProblemError: no PostgreSQL, no right to write, or a cluster that does not start.
        """
        try:
            self._settle()
            self._take_lock()
            installation = find_installation(self._made_by())
            end_orphans(self._cluster)
            self._make_cluster(installation)
            self._launch(installation)
            self._prepare()
        except OSError as error:
            self.stop()
            raise EnvironmentProblemError(f"The data folder {self._data_dir} cannot be used: {error}.") from error
        except BaseException:
            self.stop()
            raise
        return self.urls()

    def stop(self) -> None:
        """Stop the server cleanly, or by force when it does not follow, and let go of the data folder."""
        if self._process is not None:
            for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
                self._process.send_signal(number)
                try:
                    self._process.wait(STOP_TIMEOUT_S)
                    break
                except subprocess.TimeoutExpired:
                    continue
            self._process = None
            with suppress(OSError):
                self._socket_dir.rmdir()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def wait(self) -> None:
        """Block until the server has ended, by whatever cause."""
        if self._process is not None:
            self._process.wait()

    def urls(self, database: str = DATABASE) -> DatabaseUrls:
        """The URLs of a database of this server, whether it runs or not."""
        base = f"@/{database}?host={self._socket_dir}"
        return DatabaseUrls(*(f"postgresql+psycopg2://{role}{base}" for role in (SERVICE, OWNER, SUPERUSER)))

    def create_database(self, name: str, template: str | None = None) -> DatabaseUrls:
        """Make a further database, empty but for the extensions or a copy of `template`, which nobody may be using."""
        self._execute("postgres", f'CREATE DATABASE "{name}" OWNER {OWNER} TEMPLATE "{template or "template1"}"')
        return self.urls(name)

    # ── the place ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _settle(self) -> None:
        """Make the folders, choosing a reachable place when the server's user cannot reach the data folder."""
        self._data_dir.mkdir(parents=True, exist_ok=True)
        if self._place == self._data_dir and not self._cluster.exists() and not self._reachable(self._data_dir):
            place = FALLBACK / secrets.token_hex(6)
            place.mkdir(parents=True, mode=0o755)
            (self._data_dir / "pg-location").write_text(f"{place}\n")
        if not self._place.is_dir():
            raise EnvironmentProblemError(
                f"{self._data_dir / 'pg-location'} names {self._place}, which does not exist; "
                "restore that folder, or delete the file to begin with an empty database."
            )

    def _reachable(self, folder: Path) -> bool:
        """Whether the server's user can enter the folder; the kernel is asked, since modes are not the whole truth."""
        return subprocess.run(["test", "-x", str(folder)], check=False, cwd="/", **self._user.switch).returncode == 0

    def _take_lock(self) -> None:
        """Hold the folder while this process lives. Children do not inherit the file, or they would hold it too."""
        self._lock = (self._place / "lock").open("a+")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.seek(0)
            holder = self._lock.read().strip()
            raise DataFolderInUseError(
                f"The data folder {self._data_dir} is in use by another gismap (process {holder}). "
                "Stop that one, or choose another folder with --data-dir."
            ) from None
        self._lock.truncate(0)
        self._lock.write(f"{os.getpid()}\n")
        self._lock.flush()

    def _made_by(self) -> int | None:
        version = self._cluster / "PG_VERSION"
        return int(version.read_text()) if version.exists() else None

    # ── the cluster ────────────────────────────────────────────────────────────────────────────────────────────────

    def _make_cluster(self, installation: Installation) -> None:
        """Run initdb beside the final place, so that a cluster that exists is whole.

        C.UTF-8 is the locale that every Debian has and in which pg_trgm takes Chinese characters for letters.
        """
        if self._cluster.exists():
            return
        unfinished = self._place / "pg.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        os.chown(unfinished, self._user.uid, self._user.gid)
        command = [str(installation.bin / "initdb"), "-D", str(unfinished), "-U", SUPERUSER, "-A", "peer", "-k"]
        command += ["--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions"]
        command += [] if self._durable else ["--no-sync"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", **self._user.switch)
        if done.returncode:
            raise EnvironmentProblemError(f"initdb failed in {self._place}: {_last_line(done.stderr)}")
        unfinished.rename(self._cluster)

    def _launch(self, installation: Installation) -> None:
        self._make_socket_dir()
        options = TUNING | ({} if self._durable else NOT_DURABLE) | self._access_files()
        options |= {"listen_addresses": "", "unix_socket_directories": str(self._socket_dir)}
        command = ["setpriv", "--pdeathsig", "INT", str(installation.bin / "postgres"), "-D", str(self._cluster)]
        command += [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        log = self._place / "postgres.log"
        if log.exists() and log.stat().st_size > 10_000_000:
            log.replace(log.with_suffix(".log.old"))
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                start_new_session=True,  # Ctrl-C is for gismap, which stops the server last
                **self._user.switch,
            )
        if not holds(lambda: self._answers() or self._ended(), START_TIMEOUT_S) or self._ended():
            reason = _last_line(log.read_text(errors="replace"), "FATAL")
            raise EnvironmentProblemError(f"PostgreSQL did not start: {reason} (all of it: {log})")

    def _make_socket_dir(self) -> None:
        """Only the server's user (and root) may enter; a folder that somebody else put there is refused."""
        folder = self._socket_dir
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:
            found = folder.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (os.geteuid(), self._user.uid):
                raise EnvironmentProblemError(f"{folder} belongs to somebody else; remove it and try again.") from None
        folder.chmod(0o700)
        os.chown(folder, self._user.uid, self._user.gid)

    def _access_files(self) -> dict[str, str]:
        """Who may connect: this process's OS user and the server's, as each role, by the socket alone."""
        access, names = self._place / "pg_hba.conf", self._place / "pg_ident.conf"
        access.write_text("local all all peer map=gismap\n")
        people = sorted({pwd.getpwuid(os.geteuid()).pw_name, self._user.name})
        names.write_text("".join(f"gismap {who} {role}\n" for who in people for role in (SERVICE, OWNER, SUPERUSER)))
        return {"hba_file": str(access), "ident_file": str(names)}

    def _answers(self) -> bool:
        try:
            self._connect("postgres").close()
        except psycopg2.OperationalError:
            return False
        return True

    def _ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    # ── its contents ───────────────────────────────────────────────────────────────────────────────────────────────

    def _prepare(self) -> None:
        """Roles, extensions and the database, each unless it is there: a start that was cut short is completed."""
        roles = self._column("SELECT rolname FROM pg_roles")
        for role in (OWNER, SERVICE):
            if role not in roles:
                self._execute("postgres", f"CREATE ROLE {role} LOGIN")
        self._execute("postgres", *BE_DISCREET)
        if DATABASE not in self._column("SELECT datname FROM pg_database"):
            extensions = (f"CREATE EXTENSION IF NOT EXISTS {name}" for name in EXTENSIONS)
            self._execute("template1", *extensions, MAKE_LEAKPROOF)
            self.create_database(DATABASE)
        self._execute(DATABASE, MAKE_LEAKPROOF)
        assert_fit(self.urls().service_url)

    def _connect(self, database: str) -> psycopg2.extensions.connection:
        connection = psycopg2.connect(host=str(self._socket_dir), dbname=database, user=SUPERUSER, connect_timeout=5)
        connection.autocommit = True
        return connection

    def _execute(self, database: str, *statements: str) -> None:
        with closing(self._connect(database)) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def _column(self, query: str) -> set[str]:
        with closing(self._connect("postgres")) as connection, connection.cursor() as cursor:
            cursor.execute(query)
            return {row[0] for row in cursor.fetchall()}


def _last_line(text: str, mark: str = "") -> str:
    lines = [line for line in text.strip().splitlines() if mark in line] or text.strip().splitlines()
    return lines[-1].strip() if lines else "no reason given"
