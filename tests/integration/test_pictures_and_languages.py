"""A picture beside a course, and a course in two languages: what `preview` writes, and what a published mail shows."""

from __future__ import annotations

import email
import email.policy
import re
from pathlib import Path

import httpx
import pytest
from pictures import png
from terminal import Terminal

from drip import wiring
from drip.cli.running import web_app
from drip.settings import load
from drip.web.serve import running

COURSE = """\
title: Your first report
language: en
sender: {name: Acme Academy, email: learn@acme.example}
steps:
  - tip: welcome
    subject: Start from a saved view
    body: |
      A chart starts from a *saved view*.

      ![The list of views](views.png)
    image: {src: chart.png, alt: A bar chart of sales by week}
    question:
      ask: Where does a chart start?
      options:
        - {text: From a saved view, correct: true, because: The view holds the filters.}
        - {text: From a blank page, because: There is no blank chart.}
"""
SWEDISH = """\
title: Din första rapport
steps:
  - tip: welcome
    subject: Börja i en sparad vy
    body: Ett diagram börjar i en *sparad vy*.
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    terminal = Terminal(folder=tmp_path, monkeypatch=monkeypatch, capsys=capsys)
    terminal.drip("init")
    terminal.write("campaigns/hello.yaml", COURSE)
    for name, width in (("chart.png", 1200), ("views.png", 40)):
        (tmp_path / "campaigns" / name).write_bytes(png(width, 20))
    return terminal


def test_a_preview_has_its_pictures_beside_it(here: Terminal) -> None:
    """The .html shows files that lie in m/; the .eml is the real message, whose pictures are where drip serves."""
    (row,) = here.json("preview", "hello")
    html = (here.folder / row["html"]).read_text("utf-8")
    shown = re.findall(r'src="(m/[^"]+)"', html)
    assert [(here.folder / "preview" / name).read_bytes() for name in shown] == [png(40, 20), png(1200, 20)]
    assert 'width="568"' in html
    mail = email.message_from_bytes((here.folder / row["eml"]).read_bytes(), policy=email.policy.default)
    part = mail.get_body(("html",))
    assert part is not None
    for name in shown:
        assert f'src="http://127.0.0.1:8000/{name}"' in part.get_content()


def test_a_published_picture_is_served(here: Terminal) -> None:
    """What the mail refers to is what `drip serve` answers with, byte for byte; publishing twice is free."""
    here.drip("publish", "hello")
    here.drip("publish", "hello")
    (row,) = here.json("preview", "hello")
    names = re.findall(r'src="(m/[^"]+)"', (here.folder / row["html"]).read_text("utf-8"))
    chosen = load(here.folder)
    with running(web_app(chosen, wiring.store(chosen), wiring.system_clock)) as url:
        answers = [httpx.get(f"{url}/{name}") for name in names]
    assert [(one.headers["content-type"], one.content) for one in answers] == [
        ("image/png", png(40, 20)),
        ("image/png", png(1200, 20)),
    ]


def test_a_preview_is_in_the_language_that_is_asked_for(here: Terminal) -> None:
    """By name, by the learner's own language, or in the course's; any other is refused with those that there are."""
    here.write("campaigns/hello.sv.yaml", SWEDISH)
    here.write("learner.yaml", "email: astrid@kund.example\nlanguage: sv-FI\n")
    for arguments, subject in (
        ([], "Start from a saved view"),
        (["--language", "en"], "Start from a saved view"),
        (["--language", "SV"], "Börja i en sparad vy"),
        (["--learner", "learner.yaml"], "Börja i en sparad vy"),
        (["--learner", "learner.yaml", "--language", "en"], "Start from a saved view"),
    ):
        (row,) = here.json("preview", "hello", *arguments)
        assert row["subject"] == subject
    said = here.drip("preview", "hello", "--language", "sv").out
    assert said
    text = (here.folder / "preview" / "welcome.txt").read_text("utf-8")
    assert "kursen ”Din första rapport”" in text
    assert "Where does a chart start?" in text, "a missing text falls back"
    assert 'written in "en", "sv", not in "fi"' in here.drip("preview", "hello", "--language", "fi", code=1).err
