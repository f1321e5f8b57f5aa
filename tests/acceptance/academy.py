"""An academy: a workspace that is used the way its people use it, through `python -m drip` in processes of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

#: What the links in the mails begin with. Where it leads is up to the reader's network: here, to whatever serves.
BASE_URL = "https://learn.acme.example"


@dataclass(frozen=True, kw_only=True)
class Academy:
    """A workspace and the DRIP_* variables over it."""

    folder: Path
    variables: Mapping[str, str]

    @property
    def database(self) -> Path | str:
        """SQLite's file, or the address of a PostgreSQL database."""
        return self.variables.get("DRIP_DATABASE_URL") or self.folder / "drip.db"

    def drip(self, *words: str, exit_code: int = 0) -> str:
        """What a command printed. It must end with that code, and show no traceback."""
        done = subprocess.run(
            self._command(words), cwd=self.folder, env=self._environment(), capture_output=True, text=True, check=False
        )
        said = f"$ drip {' '.join(words)}\n{done.stdout}\n{done.stderr}"
        assert done.returncode == exit_code, said
        assert "Traceback" not in done.stderr, said
        return done.stdout + done.stderr

    def told(self, *words: str) -> Any:
        """The JSON that a command printed."""
        return json.loads(self.drip(*words, "--format", "json"))

    @contextmanager
    def started(self, *words: str, stderr: IO[str] | None = None) -> Iterator[subprocess.Popen[str]]:
        """A command in a process of its own; when the block ends, it and all that it started are gone."""
        process = subprocess.Popen(
            self._command(words),
            cwd=self.folder,
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()

    @contextmanager
    def serving(self, now: str) -> Iterator[str]:
        """Where `drip serve --now …` answers, for as long as the block lasts; then it ends well."""
        with self.started("serve", "--port", "0", "--now", now) as process:
            assert process.stdout
            told = process.stdout.readline()
            yield re.findall(r"listening on (http://[0-9.:]+)", told)[0]
            process.terminate()
            assert process.wait(60) == 0

    def copy(self, folder: Path, **variables: str) -> Academy:
        """The same academy once more, with its database and its secret, under other variables."""
        shutil.copytree(self.folder, folder)
        return replace(self, folder=folder, variables={**self.variables, **variables})

    def _command(self, words: tuple[str, ...]) -> list[str]:
        return [sys.executable, "-m", "drip", *words]

    def _environment(self) -> dict[str, str]:
        own = {name: value for name, value in os.environ.items() if not name.startswith("DRIP_")}
        return {**own, "DRIP_BASE_URL": BASE_URL, **self.variables}


def found_academy(
    folder: Path, courses: Mapping[str, str], people: str, *, layouts: Mapping[str, str] | None = None, **variables: str
) -> Academy:
    """`drip init`, these courses (id → YAML) published, these people (CSV) imported; nobody is enrolled.

    It stands on SQLite, unless a variable DRIP_DATABASE_URL names another database, which is migrated first.
    """
    folder.mkdir()
    academy = Academy(folder=folder, variables=variables)
    academy.drip("init")
    for name, text in courses.items():
        (folder / "campaigns" / f"{name}.yaml").write_text(text, "utf-8")
    for name, text in (layouts or {}).items():
        (folder / "templates" / f"{name}.mjml").write_text(text, "utf-8")
    (folder / "people.csv").write_text(people, "utf-8")
    if "DRIP_DATABASE_URL" in variables:
        academy.drip("db", "upgrade")
    academy.drip("publish", *courses)
    academy.drip("learners", "import", "people.csv")
    return academy
