"""Databases with everybody due, a fresh one for each run: copies of a file, or of a PostgreSQL database."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import ClassVar, Protocol

from scene import DATABASE, Scene
from servers import Server
from sqlalchemy.engine import make_url

from drip.store import Store
from drip.store.moving import copy_all

_NUMBERS = count(1)
_TICKS = os.sysconf("SC_CLK_TCK")


class Databases(Protocol):
    """One kind of database."""

    name: ClassVar[str]

    def fresh(self) -> str:
        """The address of a new database, a copy of what `set_up` made."""
        ...

    def drop(self, address: str) -> None:
        """Take one away."""
        ...

    def cpu(self) -> float:
        """Seconds of CPU that a server of its own has used so far."""
        ...


@dataclass(frozen=True, slots=True)
class Files:
    """SQLite."""

    name: ClassVar[str] = "SQLite"
    scene: Scene

    def fresh(self) -> str:
        """Copy the file."""
        copy = f"run-{next(_NUMBERS)}.db"
        shutil.copyfile(self._file(DATABASE), self.scene.folder / copy)
        return f"sqlite:///{copy}"

    def drop(self, address: str) -> None:
        """Remove the file and what stands beside it."""
        file = self._file(address)
        for left in file.parent.glob(f"{file.name}*"):
            left.unlink()

    def cpu(self) -> float:
        """There is no server."""
        return 0.0

    def _file(self, address: str) -> Path:
        return self.scene.folder / str(make_url(address).database)


@dataclass(frozen=True, slots=True)
class Clones:
    """PostgreSQL: each is made of a template, vacuumed and analysed."""

    name: ClassVar[str] = "PostgreSQL"
    server: Server
    process: int
    template: str

    def fresh(self) -> str:
        """Clone the template. After a checkpoint each page is written whole when it is first touched, as always."""
        name = self.server.create(self.template)
        with self.server.connect() as conn:
            conn.execute("CHECKPOINT")
        return self.server.url(name)

    def drop(self, address: str) -> None:
        """Drop it."""
        self.server.drop(str(make_url(address).database))

    def cpu(self) -> float:
        """Of the server's first process, those that it started, and those of them that have ended."""
        used = 0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rpartition(")")[2].split()
            except OSError:  # it ended meanwhile
                continue
            if int(stat.parent.name) == self.process:
                used += sum(int(ticks) for ticks in fields[11:15])  # its own, and of its children that have ended
            elif int(fields[1]) == self.process:
                used += sum(int(ticks) for ticks in fields[11:13])
        return used / _TICKS


def clones(scene: Scene, server: Server, process: int) -> Clones:
    """The scene's SQLite database, moved to a server as `drip db copy` moves it, to be cloned from there."""
    template = server.create()
    there, here = Store(server.url(template)), scene.store()
    there.upgrade()
    copy_all(here, there)
    there.close()
    here.close()
    with server.connect(template) as conn:
        conn.execute("VACUUM (ANALYZE)")
    return Clones(server, process, template)
