"""A terminal for tests: types a command line, in this process or in one of its own, and keeps what came back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from drip.cli import main

#: A workspace whose courses go out at any time, so that what is enrolled now is due now.
SETTINGS = """\
secret_key = "a secret that is long enough for tests"

[sender]
name = "Acme Academy"
email = "learn@acme.example"

[timing]
every = "1 day"
timezone = "Europe/Stockholm"
"""
COURSE = """\
title: Hello there
steps:
  - tip: welcome
    subject: "Welcome, {{ learner.first_name | default('there') }}"
    preheader: The first of three
    body: A chart starts from a [saved view](https://app.acme.example/views).
    question:
      ask: Where does a chart start?
      options:
        - {text: From a saved view, correct: true, because: The view holds the filters.}
        - {text: From a blank page, because: There is no blank chart.}
  - wait: {until: answered("welcome"), at_most: 3 days}
  - tip: export
    subject: Export it
    preheader: The second of three
    body: Press *Export*.
    when: correct("welcome")
  - tip: goodbye
    preheader: The last
    body: Keep this.
    variants:
      - {name: short, weight: 1, subject: That was it}
      - {name: long, weight: 1, subject: That was the whole of it}
"""


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON value on stdout."""
        return json.loads(self.out)


@dataclass(frozen=True, kw_only=True)
class Terminal:
    """A working folder, and the keyboard in front of it."""

    folder: Path
    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    def drip(self, *words: str, code: int = 0, **variables: str) -> Said:
        """Type `drip …` in the folder, under these variables. It must end with that code, and without a traceback."""
        self.capsys.readouterr()
        with self.monkeypatch.context() as here:
            here.chdir(self.folder)
            here.setattr(sys, "argv", ["drip", *words])
            for name in [name for name in os.environ if name.startswith("DRIP_")]:
                here.delenv(name)
            for name, value in {"COLUMNS": "100", **variables}.items():
                here.setenv(name, value)
            with pytest.raises(SystemExit) as ended:
                main()
        out, err = self.capsys.readouterr()
        said = Said(code=ended.value.code if isinstance(ended.value.code, int) else 0, out=out, err=err)
        assert said.code == code, (words, said)
        assert "Traceback" not in err
        return said

    def json(self, *words: str, code: int = 0, **variables: str) -> Any:
        """The JSON that a command printed."""
        return self.drip(*words, "--format", "json", code=code, **variables).json

    def write(self, name: str, text: str) -> Path:
        """A file in the folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        return path

    def found(self, course: str = COURSE) -> Terminal:
        """A workspace with the course `hello`."""
        self.write("drip.toml", SETTINGS)
        self.write("campaigns/hello.yaml", course)
        return self

    def start(self, *words: str, **variables: str) -> subprocess.Popen[str]:
        """`drip …` in a process of its own, which the caller ends."""
        own = {name: value for name, value in os.environ.items() if not name.startswith("DRIP_")}
        return subprocess.Popen(
            [sys.executable, "-m", "drip", *words],
            cwd=self.folder,
            env={**own, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
