"""A workspace with a course that says most of what a course can say, and its preview.

Tests of the preview import it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pictures import png

from drip.engine.live import Live
from drip.settings import load

SETTINGS = """\
secret_key = "a secret that is long enough for tests"
base_url = "https://learn.acme.example"

[sender]
name = "Acme Academy"
email = "learn@acme.example"

[timing]
every = "1 day"
at = "09:00"
days = "mon-fri"
timezone = "Europe/Stockholm"

[learner]
plan = ["trial", "pro"]
seats = "number"
status = {values = ["active", "left"], default = "active"}
"""
COURSE = """\
title: Your first report
language: en
start: {when: learner.plan == "trial"}
goal: event("subscription.started")
reviews: {strategy: fixed, after_days: [2, 5], per_email: 2}
steps:
  - tip: welcome
    subject: "Welcome, {{ learner.first_name | default('there') }}"
    preheader: Two minutes to your first chart
    body: |
      A chart starts from a [saved view](https://app.acme.example/views?u={{ learner.ref }}).
      {% if learner.plan == "pro" %}You already have three.{% endif %}
    image: {src: charts.png, alt: A bar chart of sales by week}
    question:
      ask: Where does a chart start?
      options:
        - {text: From a saved view, correct: true, because: The view holds the filters.}
        - {text: From a blank page, because: There is no blank chart.}
  - wait: {until: answered("welcome"), at_most: 4 days}
  - if: correct("welcome")
    then:
      - tip: advanced
        subject: Two views in one chart
        preheader: A way to compare
        body: Lay one over the other.
        after: 2 days
    else:
      - {tip: basics, subject: The saved view again, preheader: What a view keeps, body: A view keeps your filters.}
  - tip: export
    when: not clicked("welcome")
    body_file: tips/export.md
    variants:
      - {name: short, weight: 1, subject: Export in one press, preheader: Press once}
      - {name: long, weight: 1, subject: How to export a chart, preheader: Every step of it}
  - survey: nps
    ask: How likely are you to recommend us?
    subject: One number
  - notify: crm.done
  - award: certificate
"""
SWEDISH = """\
title: Din första rapport
steps:
  - tip: welcome
    subject: "Välkommen, {{ learner.first_name | default('du') }}"
    preheader: Två minuter till ditt första diagram
    body: Ett diagram börjar från en sparad vy.
    image: {alt: Ett stapeldiagram}
    question:
      ask: Var börjar ett diagram?
      options:
        - {text: Från en sparad vy, because: Vyn håller filtren.}
        - {text: Från en tom sida, because: Det finns inget tomt diagram.}
"""
PEOPLE = """\
email,first_name,last_name,language,timezone,plan,seats
ada@customer.example,Ada,Byron,en,Europe/London,trial,3
astrid@kund.example,Astrid,Öberg,sv,Europe/Stockholm,pro,
"""
NOW = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """A folder with the course `hello`, ready to be changed."""

    folder: Path

    @property
    def file(self) -> Path:
        return self.folder / "campaigns" / "hello.yaml"

    def save(self, text: str, name: str = "campaigns/hello.yaml") -> None:
        """Write a file as most editors do: beside it, and renamed over it."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.new")
        beside.write_text(text, "utf-8")
        beside.replace(path)

    def change(self, old: str, new: str, name: str = "campaigns/hello.yaml") -> None:
        """Save a file with other words in it."""
        text = (self.folder / name).read_text("utf-8")
        assert old in text
        self.save(text.replace(old, new), name)

    def live(self, people: str | None = None) -> Live:
        """The course, watched from this process."""
        return Live(
            self.file,
            self.folder,
            load=lambda: load(self.folder, {}),
            clock=lambda: NOW,
            people=self.folder / people if people else None,
        )


def make_workspace(folder: Path) -> Workspace:
    """The workspace in a folder."""
    here = Workspace(folder=folder)
    here.save(SETTINGS, "drip.toml")
    here.save(COURSE)
    here.save(SWEDISH, "campaigns/hello.sv.yaml")
    here.save("Press *Export*, then choose a format.\n", "campaigns/tips/export.md")
    here.save(PEOPLE, "people.csv")
    (folder / "campaigns" / "charts.png").write_bytes(png(600, 300))
    return here


@contextmanager
def previewing(folder: Path, *words: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """(address, process) of `drip preview hello --serve`; at the end it is asked to stop, and must do so well."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("DRIP_")}
    command = [sys.executable, "-m", "drip", "preview", "hello", "--serve", "--port", "0", *words]
    with subprocess.Popen(
        command, cwd=folder, env=own, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            said = process.stdout.readline()
            assert " shown on http://" in said, said + (process.stderr.read() if process.stderr else "")
            yield said.split(" shown on ")[1].split(";")[0], process
            process.send_signal(signal.SIGTERM)
            out, err = process.communicate(timeout=60)
            assert (process.returncode, out, err) == (0, "", "")
        finally:
            process.kill()
