"""A real `drip serve` over a workspace with one course that begins by an event, and tokens for its API."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

DRIP = Path(sys.executable).with_name("drip")
SECRET = "a secret that is long enough for tests"
COURSE = """\
title: Your first report in a week
sender: {name: Acme Academy, email: learn@acme.example}
timing: {every: 1 day}
start: {event: trial.started, reentry: after completion}
steps:
  - {tip: welcome, subject: Start from a saved view, body: A chart starts from a view.}
  - {tip: goodbye, subject: That was it, body: Keep this.}
"""
#: Two courses besides: one that nobody begins by an event, and one for some people only.
OTHERS = {
    "plain": COURSE.replace("start: {event: trial.started, reentry: after completion}\n", ""),
    "picky": COURSE.replace("{event: trial.started, reentry: after completion}", '{when: learner.plan == "pro"}'),
}
ALL = "learners:read,learners:write,learners:erase,enrolments:read,enrolments:write,events:write,reports:read"


@dataclass
class ApiHouse:
    """A folder that is a workspace, and what its web side answers."""

    folder: Path
    database: str = ""
    url: str = ""
    token: str = ""
    process: subprocess.Popen[str] | None = None
    env: dict[str, str] = field(default_factory=dict)

    def drip(self, *words: str, ok: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command in the workspace."""
        done = subprocess.run(
            [str(DRIP), *words], cwd=self.folder, env=self.env, capture_output=True, text=True, timeout=120, check=False
        )
        assert not ok or done.returncode == 0, f"drip {' '.join(words)}\n{done.stdout}\n{done.stderr}"
        return done

    def json(self, *words: str) -> Any:
        """What a command prints as JSON."""
        return json.loads(self.drip(*words, "--format", "json").stdout)

    def new_token(self, name: str = "crm", scopes: str = ALL, *more: str) -> str:
        """A token."""
        return str(self.json("token", "new", name, "--scopes", scopes, *more)["token"])

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        token: str | None = None,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        **how: Any,
    ) -> httpx.Response:
        """One request to the API, on a connection of its own."""
        said = {"Authorization": f"Bearer {self.token if token is None else token}"}
        if key is not None:
            said["Idempotency-Key"] = key
        if body is not None:
            how["json"] = body
        address = path if path.startswith("http") else f"{self.url}/api/v1{path}"
        return httpx.request(method, address, headers={**said, **(headers or {})}, timeout=60, **how)

    def add(self, email: str, **said: object) -> str:
        """A learner; their ref."""
        done = self.ask("PUT", f"/learners/{email}", said)
        assert done.status_code in (200, 201), done.text
        return str(done.json()["ref"])

    def serve(self) -> None:
        """Start the web side on a free port."""
        with (self.folder / "serve.log").open("a") as log:
            self.process = subprocess.Popen(
                [str(DRIP), "serve", "--port", "0"],
                cwd=self.folder,
                env=self.env,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self.process.stdout is not None
        said = self.process.stdout.readline()
        found = re.search(r"http://\S+", said)
        assert found, said + self.log()
        self.url = found[0]

    def kill(self) -> None:
        """Kill the web side: kill -9."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()

    def stop(self) -> None:
        """Ask the web side to end."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.communicate(timeout=60)

    def log(self) -> str:
        """What it has said on stderr."""
        return (self.folder / "serve.log").read_text("utf-8")


def make_folder(
    folder: Path, database: str = "", toml: str = "", courses: Mapping[str, str] | None = None, **env: str
) -> ApiHouse:
    """A workspace with its courses published, and nobody in it."""
    (folder / "campaigns").mkdir(parents=True, exist_ok=True)
    courses = courses or {"first-report": COURSE, **OTHERS}
    for name, text in courses.items():
        (folder / "campaigns" / f"{name}.yaml").write_text(text, "utf-8")
    (folder / "drip.toml").write_text(
        f'{toml}\n[sender]\nname = "Acme"\nemail = "learn@acme.example"\n[timing]\nevery = "1 day"\n', "utf-8"
    )
    plain = {name: value for name, value in os.environ.items() if not name.startswith("DRIP_")}
    house = ApiHouse(folder=folder, env={**plain, "DRIP_SECRET_KEY": SECRET, **env})
    if database:
        house.env["DRIP_DATABASE_URL"] = database
        house.drip("db", "upgrade")
    house.drip("publish", *(f"campaigns/{name}.yaml" for name in courses))
    return house


@contextmanager
def api_house(
    folder: Path, database: str = "", toml: str = "", courses: Mapping[str, str] | None = None, **env: str
) -> Iterator[ApiHouse]:
    """Such a workspace, with a token for everything, and its web side answering."""
    house = make_folder(folder, database, toml, courses, **env)
    house.token = house.new_token()
    house.serve()
    try:
        yield house
    finally:
        house.stop()


def a_key() -> str:
    """An Idempotency-Key."""
    return str(uuid.uuid4())
