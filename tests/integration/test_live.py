"""A course that is watched while somebody writes it: compiled when a file changes, kept while it cannot be read."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from pictures import png
from preview_stage import COURSE, NOW, SWEDISH, Workspace, make_workspace

from drip.engine.live import Live, View


@pytest.fixture
def here(tmp_path: Path) -> Workspace:
    return make_workspace(tmp_path)


def _subject(view: View) -> str:
    assert view.good is not None
    return next(one.subject for one in view.good.compiled.templates if one.step == "export" and one.language == "en")


def test_nothing_is_done_while_nothing_changes(here: Workspace) -> None:
    """The same view again, and the same stamp also for another process that looks at the same files."""
    live = here.live("people.csv")
    first = live.look()
    assert live.look() is first
    assert here.live("people.csv").look().stamp == first.stamp
    assert first.mistakes == ()
    assert (first.file, len(first.people.learners)) == ("campaigns/hello.yaml", 2)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("campaigns/hello.yaml", "Export in one press", "Export now"),
        ("campaigns/hello.sv.yaml", "Ett diagram", "Varje diagram"),
        ("campaigns/tips/export.md", "Press", "Please press"),
        ("drip.toml", "Acme Academy", "Acme School"),
        ("people.csv", "Ada,Byron", "Ada,Lovelace"),
    ],
)
def test_every_file_of_it_counts(here: Workspace, name: str, old: str, new: str) -> None:
    """The course, a translation, a body, the settings, the people: whatever is saved makes another view."""
    live = here.live("people.csv")
    before = live.look()
    here.change(old, new, name)
    after = live.look()
    assert after.stamp != before.stamp
    assert after.mistakes == ()


def test_pictures_layouts_and_new_translations_count(here: Workspace) -> None:
    """Also files that are new, and one that goes away again."""
    live = here.live()
    seen = [live.look()]
    (here.folder / "campaigns" / "charts.png").write_bytes(png(400, 300))
    seen.append(live.look())
    here.save(SWEDISH.replace("ditt", "dit"), "campaigns/hello.da.yaml")
    seen.append(live.look())
    assert seen[-1].good is not None
    assert seen[-1].good.compiled.plan.languages == ("da", "sv")
    (here.folder / "campaigns" / "hello.da.yaml").unlink()
    assert live.look().stamp == seen[1].stamp
    layout = (Path(__file__).parents[2] / "templates" / "tip.mjml").read_text("utf-8")
    here.save(layout.replace('padding="24px 16px 40px"', 'padding="30px 16px 40px"'), "templates/tip.mjml")
    seen.append(live.look())
    assert len({view.stamp for view in seen}) == 4


def test_a_touch_is_no_change(here: Workspace) -> None:
    """The same words again have the same stamp: no page comes again for them."""
    live = here.live()
    before = live.look()
    here.save(COURSE)
    assert live.look().stamp == before.stamp


@pytest.mark.parametrize(
    ("broken", "line", "words"),
    [
        (
            COURSE.replace("subject: One number", "sbject: One number"),
            COURSE[: COURSE.index("subject: One number")].count("\n") + 1,
            'unknown key "sbject"',
        ),
        (COURSE[:300], 0, ""),
        ("", 1, ""),
        ("title: [\n", 0, ""),
    ],
    ids=["a slip", "half of it", "nothing", "no YAML"],
)
def test_a_broken_file_keeps_the_last_good_view(here: Workspace, broken: str, line: int, words: str) -> None:
    """All mistakes with their places, and what could be read before them; mended, everything is as it was."""
    live = here.live()
    before = live.look()
    here.save(broken)
    view = live.look()
    assert view.mistakes
    assert (view.mistakes[0].file, view.mistakes[0].severity) == ("campaigns/hello.yaml", "error")
    assert [row for row in view.mistakes if words in row.message and row.line == (line or row.line)]
    assert view.good is before.good
    assert view.stamp != before.stamp
    here.save(COURSE)
    assert live.look().stamp == before.stamp


def test_files_that_are_away_for_a_moment(here: Workspace) -> None:
    """The course, and a body that it names: each is told, and noticed when it is back."""
    live = here.live()
    before = live.look()
    for name in ("hello.yaml", "tips/export.md", "charts.png"):
        good = live.look().good
        path = here.folder / "campaigns" / name
        content = path.read_bytes()
        path.unlink()
        away = live.look()
        assert away.mistakes, name
        assert away.good is good
        path.write_bytes(content)
        assert live.look().stamp == before.stamp, name


def test_a_first_look_at_a_broken_file_waits(here: Workspace) -> None:
    """There is no view yet, only mistakes; a body that comes into being is noticed too."""
    (here.folder / "campaigns" / "tips" / "export.md").unlink()
    live = here.live()
    view = live.look()
    assert (view.good, [row.rule for row in view.mistakes]) == (None, ["missing-file"])
    here.save("Press *Export*.\n", "campaigns/tips/export.md")
    assert live.look().good is not None


def test_broken_settings_are_told_at_their_line(here: Workspace) -> None:
    """What is no TOML has its line, and the course stays in sight; so has a setting that there is not."""
    live = here.live()
    good = live.look().good
    here.change('email = "learn@acme.example"', 'email = "learn@acme.example', "drip.toml")
    (row,) = live.look().mistakes
    assert (row.file, row.line, row.excerpt) == ("drip.toml", 6, 'email = "learn@acme.example')
    here.change('email = "learn@acme.example', 'emial = "x"\nemail = "learn@acme.example"', "drip.toml")
    view = live.look()
    assert "emial" in view.mistakes[0].message
    assert view.good is good


def test_people_that_cannot_be_read_leave_those_of_before(here: Workspace) -> None:
    """With a note that says so; bad rows are noted and the good ones taken."""
    live = here.live("people.csv")
    live.look()
    here.save("who,what\n1,2\n", "people.csv")
    view = live.look()
    assert [one.first_name for one in view.people.learners] == ["Ada", "Astrid"]
    assert "those of before are kept" in view.people.notes[0]
    here.save("email,plan\nbo@acme.example,pro\nnobody,pro\n", "people.csv")
    view = live.look()
    assert [one.email for one in view.people.learners] == ["bo@acme.example"]
    assert view.people.notes[0].startswith("line 3: ")


def test_a_file_that_is_written_piece_by_piece_is_read_whole(here: Workspace) -> None:
    """Whatever was seen on the way, the last look shows the whole; and no look raises."""
    live = here.live()
    live.look()
    text = COURSE.replace("Export in one press", "The last words")
    done = threading.Event()

    def write() -> None:
        with here.file.open("w", encoding="utf-8") as opened:
            for start in range(0, len(text), 97):
                opened.write(text[start : start + 97])
                opened.flush()
                os.fsync(opened.fileno())
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    while not done.is_set():
        live.look()
    writer.join()
    view = live.look()
    assert (view.mistakes, _subject(view)) == ((), "The last words")


def test_many_may_look_at_once(here: Workspace) -> None:
    """One thread reads what has changed, and nobody waits for it or reads it twice; a first view is waited for."""
    live = here.live()
    found: list[View] = []

    def look_from_many() -> None:
        found.clear()
        threads = [threading.Thread(target=lambda: found.append(live.look())) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    look_from_many()
    before = live.look()
    assert [view is before for view in found] == [True] * 8
    here.change("Export in one press", "Export now")
    look_from_many()
    after = live.look()
    assert _subject(after) == "Export now"
    assert [view is before or view is after for view in found] == [True] * 8
    assert any(view is after for view in found)


def test_when_a_view_was_made(here: Workspace) -> None:
    """The last good one says since when it stands."""
    view = here.live().look()
    assert view.good is not None
    assert view.good.since == NOW
    assert isinstance(here.live(), Live)
