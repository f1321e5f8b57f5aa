"""django-post_office with drip's messages: in an environment of its own, from its own queue, to the same sink."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from databases import Clones, Databases
from measures import Run
from sqlalchemy.engine import make_url

from drip.render.message import Message

_ROOT = Path(__file__).parents[1]
_REQUIREMENTS = Path(__file__).with_name("requirements-post-office.txt")
_INSIDE = Path(__file__).with_name("django_queue_inside.py")
#: Kept from one run to the next; `make clean` takes it away.
_HOME = _ROOT / ".venv-post-office"
#: Its documented settings that have to do with speed, as they were fastest on the machine of README.md.
WAY = {"processes": 2, "threads": 5, "batch": 1000}
#: Headers that Django writes by itself.
_ITS_OWN = {"From", "To", "Subject", "Date", "Message-ID"}


@dataclass(frozen=True, slots=True)
class PostOffice:
    """It, installed, with the messages to send in a file."""

    python: Path
    letters: Path
    port: int

    def run(self, databases: Databases, *, as_they_go: bool) -> Run:
        """What `send_queued_mail` does; filling the queue is not counted. All must be sent.

        Its mails are rendered when they are put into it, or `as_they_go` (its `render_on_delivery`), as drip's are.
        """
        database = self._database(databases)
        told = {
            **WAY,
            "database": database,
            "letters": str(self.letters),
            "port": self.port,
            "as_they_go": as_they_go,
            "lock": str(self.letters.with_name("post_office.lock")),
        }
        command = [self.python, _INSIDE, json.dumps(told)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=self.letters.parent)
        if done.returncode:
            sys.exit(f"bench: django-post_office did not send:\n{done.stderr}")
        for left in self.letters.parent.glob("post_office.db*"):
            left.unlink()
        if isinstance(databases, Clones):
            databases.server.drop(database["NAME"])
        came = json.loads(done.stdout.splitlines()[-1])
        return Run(rate=came["rate"], cpu=came["cpu"])

    def _database(self, databases: Databases) -> dict[str, str]:
        """An empty one of the same kind, as Django names it."""
        if not isinstance(databases, Clones):
            return {"ENGINE": "django.db.backends.sqlite3", "NAME": str(self.letters.with_name("post_office.db"))}
        url = make_url(databases.server.url(databases.server.create()))
        names = {"NAME": url.database, "USER": url.username, "HOST": url.query["host"]}
        return {"ENGINE": "django.db.backends.postgresql", **{key: str(name) for key, name in names.items()}}


def install() -> Path | str:
    """Its Python, in an environment made once; or why there is none."""
    made = _HOME / f".made-{sha256(_REQUIREMENTS.read_bytes()).hexdigest()[:12]}"
    python = _HOME / "bin" / "python"
    if made.exists():
        return python
    print(f"Installing django-post_office into {_HOME.name}: once", file=sys.stderr)
    pip = [python, "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "-q", "--require-hashes"]
    for step in ([sys.executable, "-m", "venv", "--clear", _HOME], [*pip, "-r", _REQUIREMENTS]):
        done = subprocess.run(step, capture_output=True, text=True, check=False)
        if done.returncode:
            return next(iter((done.stderr or done.stdout).strip().splitlines()[-1:]), f"exit {done.returncode}")
    made.touch()
    return python


def write_letters(file: Path, letters: Sequence[Message], *, base_url: str) -> None:
    """Write what its queue is filled with, a line of JSON each, after a line with the template that gives the same.

    Of the first message's texts, its addresses of ours become {{ u1 }}, {{ u2 }} … there.
    """
    ours = re.compile(re.escape(base_url) + r"[^\s\"'<>)\]]+")
    with file.open("w", encoding="utf-8") as lines:
        first = letters[0]
        names = {url: f"u{number}" for number, url in enumerate(_addresses(ours, first), 1)}
        parts = {"subject": first.subject, "text": first.text, "html": first.html}
        template = {
            part: ours.sub(lambda found: f"{{{{ {names[found.group()]}|safe }}}}", words)
            for part, words in parts.items()
        }
        lines.write(json.dumps(template) + "\n")
        for one in letters:
            headers = {name: value for name, value in one.headers if name not in _ITS_OWN}
            context = dict(zip(names.values(), _addresses(ours, one), strict=True))
            letter = {"to": one.rcpt_to, "subject": one.subject, "text": one.text, "html": one.html}
            lines.write(json.dumps({**letter, "headers": headers, "context": context}) + "\n")


def _addresses(ours: re.Pattern[str], message: Message) -> list[str]:
    """Its addresses of ours, each once, in order."""
    return list(dict.fromkeys(ours.findall(f"{message.subject}\n{message.text}\n{message.html}")))
