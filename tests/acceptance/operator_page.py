"""A page of docs/ as an operator follows it: commands are typed, settings are written, in the order of the page.

What a reader would put in place of the page's examples is given by the test: where servers are, by variables; on which
ports drip listens, by itself. `systemctl` and `journalctl` are this module: they run what the page's unit says.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

#: Where a unit's drip is installed.
_INSTALLED = "/opt/drip/bin/drip"


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What a page shows in a block without a language, and what the commands before it said."""

    block: str
    said: str

    def is_so(self) -> bool:
        """Whether all of it was said, but for numbers, names and times; `…` stands for anything."""
        pattern = r".*?".join(re.escape(piece) for piece in _squeezed(self.block).split("…"))
        return re.search(pattern, _squeezed(self.said)) is not None


def _squeezed(text: str) -> str:
    """A text on one line, without what differs from run to run, or from the page's hosts to the test's."""
    for varying, kept in (
        (r"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\b", "Day"),
        (r"(?:…@)?(?:mail\.acme\.example|127\.0\.0\.1):\d+", "HOST"),
        (r"https://learn\.acme\.example(?::\d+)?", "WEB"),
        (r"worker=\S+", "worker=W"),
        (r"revision \w+", "revision R"),
        (r"\S+ process \d+", "M process #"),
        (r"\d+(?:\.\d+)?", "#"),
        (r"\b(?:second|minute|hour)s?\b", "span"),
        (r"─+", "─"),
        (r"\s+", " "),
    ):
        text = re.sub(varying, kept, text)
    return text.strip()


@dataclass(kw_only=True)
class Unit:
    """A service of the page: what it runs, and what it has said."""

    words: list[str]
    journal: Path
    process: subprocess.Popen[str] | None = None
    #: Where in the journal its present process begins.
    begins: int = 0

    def find(self, pattern: str) -> str:
        """What it says about itself, once it has said it."""
        for _ in range(1200):
            if found := re.findall(pattern, self.journal.read_text("utf-8")[self.begins :]):
                return str(found[-1])
            assert self.process is not None
            assert self.process.poll() is None, self.journal.read_text("utf-8")
            time.sleep(0.05)
        raise AssertionError(f"it never said {pattern}:\n{self.journal.read_text('utf-8')}")


@dataclass(kw_only=True)
class Operator:
    """Somebody who follows a page. `variables` go over what the page sets; `where` gives more for a command.

    `started` is called when a unit has been started, with its name.
    """

    folder: Path
    variables: dict[str, str]
    where: Callable[[str], Mapping[str, str]] = lambda command: {}
    started: Callable[[str], None] = lambda name: None
    nameserver: str = ""
    units: dict[str, Unit] = field(default_factory=dict)
    ports: dict[str, str] = field(default_factory=dict)
    shown: list[Shown] = field(default_factory=list)

    def follow(self, text: str) -> str:
        """Do what a part of the page says, from top to bottom; all that was said."""
        said = everything = ""
        for language, block in _blocks(text):
            if language == "sh":
                said = "".join(self.type(line) for line in block.splitlines())
                everything += said
            elif language == "toml":
                name, _, settings = block.removeprefix("# ").partition("\n")
                write_in(self.folder / name, settings)
            elif language == "ini":
                self._unit(block)
            elif not language:
                self.shown.append(Shown(block=block, said=said))
        return everything

    def stop(self) -> None:
        for name in self.units:
            self._systemctl("stop", name)

    def type(self, line: str) -> str:
        """What a command said: a line of the page, or one that it does not show."""
        command, _, comment = line.partition("   #")
        command = command.strip()
        first, _, rest = command.partition(" ")
        if first == "cd":
            self.folder /= rest
        elif first == "export":
            name, _, value = rest.partition("=")
            self.variables[name] = value
        elif first == "unset":
            del self.variables[rest]
        elif first == "systemctl":
            action, *names = [word for word in rest.split() if not word.startswith("--")]
            for name in names:
                self._systemctl(action, name)
        elif first == "journalctl":
            return self.units[rest.removeprefix("-u ")].journal.read_text("utf-8")
        elif command:
            return self._run(command, int((re.findall(r"^ *exit (\d)", comment) or [0])[0]))
        return ""

    def _run(self, command: str, code: int) -> str:
        shell = command
        if command.startswith("drip doctor"):
            shell += f" --nameserver {self.nameserver}"
        for port, real in self.ports.items():
            shell = shell.replace(f"127.0.0.1:{port}/", f"127.0.0.1:{real}/")
        done = subprocess.run(
            ["bash", "-c", shell],
            cwd=self.folder,
            env=self._environment(command),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == code, f"$ {shell}\n{done.stdout}"
        assert "Traceback" not in done.stdout
        return done.stdout

    def _environment(self, command: str) -> dict[str, str]:
        own = {name: value for name, value in os.environ.items() if not name.startswith("DRIP_")}
        path = f"{Path(sys.executable).parent}{os.pathsep}{own['PATH']}"
        return {**own, "PATH": path, "COLUMNS": "100", **self.variables, **self.where(command)}

    def _unit(self, block: str) -> None:
        name = re.findall(r"\A# ([\w-]+)\.service\n", block)[0]
        (command,) = re.findall(r"^ExecStart=(.*)$", block, re.MULTILINE)
        assert command.startswith(f"{_INSTALLED} ")
        self.units[name] = Unit(words=command.split()[1:], journal=self.folder.parent / f"{name}.journal")

    def _systemctl(self, action: str, name: str) -> None:
        unit = self.units[name]
        if action in ("stop", "restart") and unit.process is not None:
            unit.process.send_signal(signal.SIGTERM)
            assert unit.process.wait(120) == 0, unit.journal.read_text("utf-8")
            unit.process = None
        if action in ("enable", "start", "restart"):
            self._start(name, unit)
            self.started(name)

    def _start(self, name: str, unit: Unit) -> None:
        words = [sys.executable, "-m", "drip", *unit.words]
        asked = {}
        for option in ("--port", "--metrics"):
            if option in words:
                place = words.index(option) + 1
                asked[option], words[place] = words[place], "0"
        unit.begins = len(unit.journal.read_text("utf-8")) if unit.journal.exists() else 0
        with unit.journal.open("a", encoding="utf-8") as journal:
            unit.process = subprocess.Popen(
                words,
                cwd=self.folder,
                env=self._environment(" ".join(unit.words)),
                stdin=subprocess.DEVNULL,
                stdout=journal,
                stderr=subprocess.STDOUT,
                text=True,
            )
        unit.find("worker_started|listening on")
        if "--metrics" in asked:
            self.ports[asked["--metrics"]] = unit.find(r"metrics on http://127\.0\.0\.1:(\d+)")
        if "--port" in asked:
            self.ports[asked["--port"]] = unit.find(r"listening on http://127\.0\.0\.1:(\d+)")


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    """(language, text) of each fenced block."""
    yield from re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def write_in(file: Path, settings: str) -> None:
    """Write settings into a TOML file as a person does: a key over the one that is there, a section where it is."""
    sections: dict[str, list[str]] = {"": []}
    for text in (file.read_text("utf-8"), settings):
        section = ""
        for line in text.splitlines():
            if line.startswith("["):
                section = line.partition("]")[0] + "]"
                sections.setdefault(section, [])
            elif line.strip():
                key = line.partition("=")[0].strip()
                kept = [one for one in sections[section] if one.startswith("#") or one.partition("=")[0].strip() != key]
                sections[section] = [*kept, line]
    written = ("\n".join([*([name] if name else []), *lines]) for name, lines in sections.items())
    mode = file.stat().st_mode
    file.write_text("\n\n".join(written) + "\n", "utf-8")
    file.chmod(mode)
