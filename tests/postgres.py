"""A real PostgreSQL for tests: one server for all of a run's processes, and servers of its own for who ends one.

The server runs in a folder of its own and listens on a socket in it, on no network. It refuses to run as root, so root
starts it as another user. Whatever becomes of the tests, it ends with them: see `shared`.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from drip.store import Store

#: Nothing survives a crash of the machine, and nobody waits for a disk: for tests that end no server.
QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
#: As an operator runs it.
DURABLE = ("fsync=on", "synchronous_commit=on", "full_page_writes=on")
_SETTINGS = ("listen_addresses=", "max_connections=120", "shared_buffers=64MB", "timezone=America/New_York")
_LIKE_AN_OPERATORS = ("-U", "drip", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8")
_PR_SET_PDEATHSIG = 1
_NAMES = count()


@dataclass(frozen=True, kw_only=True)
class Server:
    """A cluster in `folder`, whose socket stands there too."""

    folder: Path
    settings: tuple[str, ...]

    def url(self, database: str) -> str:
        """What DRIP_DATABASE_URL takes."""
        return f"postgresql://drip@/{database}?host={quote(str(self.folder))}"

    def connect(self, database: str = "postgres") -> psycopg.Connection[tuple[object, ...]]:
        """A connection of a test's own."""
        return psycopg.connect(host=str(self.folder), user="drip", dbname=database, autocommit=True)

    def create(self, template: str = "template0") -> str:
        """A new database; its name."""
        name = f"test_{os.getpid()}_{next(_NAMES)}"
        with self.connect() as conn:
            conn.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
            )
        return name

    def migrated(self) -> str:
        """A new database with drip's tables: a copy of the first, which is migrated."""
        with (self.folder / "template").open("ab") as first:
            fcntl.flock(first, fcntl.LOCK_EX)
            with self.connect() as conn:
                if conn.execute("SELECT FROM pg_database WHERE datname = 'migrated'").fetchone() is None:
                    conn.execute("CREATE DATABASE being_migrated TEMPLATE template0")
                    store = Store(self.url("being_migrated"))
                    store.upgrade()
                    store.close()
                    conn.execute("ALTER DATABASE being_migrated RENAME TO migrated")
        return self.create("migrated")

    def drop(self, database: str) -> None:
        """Take a database away, whoever is connected."""
        with self.connect() as conn:
            conn.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database)))

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[bytes]]:
        """The server, up for as long as the block lasts; then it is ended at once, as by a crash."""
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [_program("postgres"), "-D", self.folder / "data", "-k", self.folder, *self._options()],
                stdout=log,
                stderr=log,
                preexec_fn=_ends_with_its_parent,
                **_somebody(),
            )
        try:
            self._wait(process)
            yield process
        finally:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGQUIT)
            process.wait(60)

    def _options(self) -> Iterator[str]:
        for setting in (*_SETTINGS, *self.settings):
            yield from ("-c", setting)

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        for _ in range(6000):
            with suppress(psycopg.OperationalError), self.connect():
                return
            if process.poll() is not None:
                break
            time.sleep(0.01)
        raise RuntimeError(f"PostgreSQL does not start:\n{(self.folder / 'log').read_text()}")


@contextmanager
def cluster(*settings: str) -> Iterator[Server]:
    """A new cluster, not started yet; its folder is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="drip-pg-"))
    try:
        somebody = _somebody()
        if somebody:
            os.chown(folder, somebody["user"], somebody["group"])
        made = subprocess.run(
            [_program("initdb"), "-D", folder / "data", "--no-sync", *_LIKE_AN_OPERATORS],
            capture_output=True,
            text=True,
            check=False,
            cwd=folder,
            **somebody,
        )
        if made.returncode:
            raise RuntimeError(f"initdb: {made.stdout}\n{made.stderr}")
        yield Server(folder=folder, settings=settings)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _program(name: str) -> str:
    """Where a program of PostgreSQL's is. Debian keeps the newest it has beside the PATH."""
    debian = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda file: float(file.parts[4]))
    found = shutil.which(name) or (str(debian[-1]) if debian else None)
    if found is None:
        raise RuntimeError(f"there is no {name} here: install PostgreSQL (Debian: postgresql), as `make test` does")
    return found


def _somebody() -> dict[str, int]:
    """Who runs the server, as subprocess takes it: anybody but root."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            user = pwd.getpwnam(name)
            return {"user": user.pw_uid, "group": user.pw_gid}
    raise RuntimeError("root may not run PostgreSQL, and there is no other user")


def _ends_with_its_parent() -> None:
    """In the new process: end at once when the one that started it has ended, however that came."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)


@contextmanager
def shared(folder: Path) -> Iterator[Server]:
    """The server that everybody shares who names this folder. The first starts it, and it ends after the last.

    Everybody holds a lock on one file for as long as they live, so that it is let go however they end. A process of
    its own (this file as a program) runs the server until it gets that lock for itself.
    """
    with ExitStack() as held:
        users = held.enter_context((folder / "users").open("ab"))
        starting = held.enter_context((folder / "starting").open("ab"))
        fcntl.flock(starting, fcntl.LOCK_EX)
        fcntl.flock(users, fcntl.LOCK_SH)
        told = folder / "server.json"
        if not told.exists():
            keeper = subprocess.Popen(
                [sys.executable, __file__, str(folder)], stdout=subprocess.PIPE, start_new_session=True
            )
            assert keeper.stdout
            with keeper.stdout:
                if keeper.stdout.readline() != b"ready\n":
                    raise RuntimeError(f"PostgreSQL does not start (exit {keeper.wait()}); why stands above")
            keeper.returncode = 0  # it ends after us: nobody waits for it
        fcntl.flock(starting, fcntl.LOCK_UN)
        known = json.loads(told.read_text())
        yield Server(folder=Path(known["folder"]), settings=tuple(known["settings"]))


def _keep(folder: Path) -> None:
    """Run the shared server until nobody uses it."""
    with cluster(*QUICK, "autovacuum=off") as server, server.running():
        told = folder / "server.json"
        told.write_text(json.dumps({"folder": str(server.folder), "settings": server.settings}))
        print("ready", flush=True)
        with (folder / "users").open("ab") as users:
            fcntl.flock(users, fcntl.LOCK_EX)
            told.unlink()  # whoever comes now waits for the lock, and starts another


if __name__ == "__main__":
    _keep(Path(sys.argv[1]))
