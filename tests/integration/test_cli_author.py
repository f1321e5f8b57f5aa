"""What a marketer types, and what comes back: init, check, preview, simulate, schema."""

from __future__ import annotations

import email
import email.policy
import json
from pathlib import Path

import pytest
from terminal import COURSE, Terminal


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(folder=tmp_path, monkeypatch=monkeypatch, capsys=capsys)


def test_init_makes_a_workspace_in_which_everything_works(here: Terminal) -> None:
    """A new workspace checks without a finding, and each sample can be looked at in both languages, and simulated."""
    said = here.drip("init", "ny kurs")
    assert "cd 'ny kurs'" in said.out
    inside = Terminal(folder=here.folder / "ny kurs", monkeypatch=here.monkeypatch, capsys=here.capsys)
    assert inside.json("check", "--strict") == []
    for course in ("first-report", "safe-inbox", "trygg-start"):
        for language in ("en", "sv"):
            mails = inside.json("preview", course, "--language", language)
            assert {Path(one["html"]).is_absolute() for one in mails} == {False}
    for course in ("first-report", "safe-inbox"):
        assert "finish" in [row["kind"] for row in inside.json("simulate", course)]
    silent = inside.json("simulate", "trygg-start")[-1]
    assert (silent["kind"], silent["reason"]) == ("wait", "6 mails without a click or an answer")
    assert json.loads(inside.drip("schema").out) == json.loads(
        (inside.folder / "campaigns" / "course.schema.json").read_text("utf-8")
    )


def test_init_keeps_what_is_there(here: Terminal) -> None:
    """A file that is there stays as it is; a workspace is not made twice; the secret is for the owner's eyes."""
    here.write("people.csv", "email\n")
    written = here.json("init")
    assert "people.csv" not in written
    assert (here.folder / "people.csv").read_text() == "email\n"
    assert (here.folder / "drip.local.toml").stat().st_mode & 0o077 == 0
    assert "drip.local.toml" in (here.folder / ".gitignore").read_text()
    assert "already" in here.drip("init", code=1).err


def test_check_prints_rows_also_when_it_fails(here: Terminal) -> None:
    """Mistakes are rows on stdout with exit 1, as JSON, as text and for GitHub, each with its place."""
    here.found(COURSE.replace("when: correct", "wenn: correct"))
    rows = here.json("check", code=1)
    assert list(rows[0]) == ["file", "line", "column", "severity", "rule", "message", "hint"]
    assert [(row["file"], row["line"], row["severity"], row["rule"]) for row in rows] == [
        ("campaigns/hello.yaml", 17, "error", "unknown-key")
    ]
    text = here.drip("check", code=1)
    assert 'campaigns/hello.yaml:17:5: unknown key "wenn" in tip "export"' in text.out
    assert "1 course: 1 error, 0 warnings" in text.out
    assert text.err == ""
    github = here.drip("check", "--format", "github", code=1).out
    assert github.startswith("::error file=campaigns/hello.yaml,line=17,col=5,title=unknown-key::")


def test_check_lets_warnings_pass_unless_strict(here: Terminal) -> None:
    """Advice alone is exit 0, and exit 1 with --strict; the rows are the same."""
    here.found(COURSE.replace("    preheader: The last\n", ""))
    rows = here.json("check")
    assert {row["severity"] for row in rows} == {"warning"}
    assert here.json("check", "--strict", code=1) == rows


def test_check_tells_a_layout_s_mistake_once(here: Terminal) -> None:
    """Two courses with one broken layout are one row, in the layout's file; a missing one is told with what is near."""
    broken = COURSE.replace("steps:", "layout: broken\nsteps:", 1)
    here.found(broken)
    here.write("campaigns/other.yaml", broken)
    here.write("templates/broken.mjml", "<mjml><mj-body><mj-section></mj-body></mjml>")
    assert [(row["file"], row["rule"]) for row in here.json("check", code=1)] == [("templates/broken.mjml", "layout")]
    (here.folder / "templates" / "broken.mjml").unlink()
    (here.folder / "campaigns" / "other.yaml").write_text(COURSE.replace("steps:", "layout: tipp\nsteps:", 1))
    rows = here.json("check", code=1)
    assert [(row["file"], row["line"], row["column"]) for row in rows] == [
        ("campaigns/hello.yaml", 2, 1),
        ("campaigns/other.yaml", 2, 1),
    ]
    assert 'did you mean "tip"?' in rows[1]["message"]


def test_check_takes_files_folders_and_foreign_places(here: Terminal) -> None:
    """A path may be a file, a folder of courses, a workspace, or lie outside of this one."""
    here.found()
    outside = here.folder.parent / f"{here.folder.name}-outside"
    outside.mkdir()
    (outside / "långsam.yaml").write_text(COURSE + "    shout: true\nid: langsam\n", "utf-8")
    advice = here.json("check", "campaigns/hello.yaml", "campaigns", ".")
    assert {(row["file"], row["severity"]) for row in advice} == {("campaigns/hello.yaml", "warning")}
    rows = here.json("check", str(outside), code=1)
    assert {row["file"] for row in rows} == {str(outside / "långsam.yaml")}


def test_check_says_where_no_course_is(here: Terminal) -> None:
    """No course at all, a path that is not there, and an unreadable file are said in words."""
    assert "drip init" in here.drip("check", code=1).err
    here.found()
    assert "there is no file or folder nope.yaml" in here.drip("check", "nope.yaml", code=1).err
    here.write("campaigns/bytes.yaml", "").write_bytes(b"title: \xff\xfe\n")
    errors = [row["file"] for row in here.json("check", code=1) if row["severity"] == "error"]
    assert set(errors) == {"campaigns/bytes.yaml"}


def test_preview_writes_the_real_message(here: Terminal) -> None:
    """One file a part; the .eml parses, the .html and .txt say the same; variants are apart."""
    here.found()
    rows = here.json("preview", "hello")
    assert [(row["step"], row["variant"]) for row in rows] == [
        ("welcome", "default"),
        ("export", "default"),
        ("goodbye", "short"),
        ("goodbye", "long"),
    ]
    first = rows[0]
    raw = (here.folder / first["eml"]).read_bytes()
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert str(message["Subject"]) == first["subject"] == "Welcome, Ada"
    assert "saved view" in (here.folder / first["txt"]).read_text("utf-8")
    assert "saved view" in (here.folder / first["html"]).read_text("utf-8")
    assert not (here.folder / "drip.db").exists()


def test_preview_chooses_step_variant_learner_and_folder(here: Terminal) -> None:
    """STEP, --variant, --learner, --language and --out choose what is written, where, and for whom."""
    here.found()
    here.write("åsa.json", '{"first_name": "Åsa", "seats": 5, "attributes": {"plan": "pro"}}')
    rows = here.json("preview", "hello", "welcome", "--learner", "åsa.json", "--out", "ut/så", "--language", "EN")
    assert [(row["subject"], row["html"]) for row in rows] == [("Welcome, Åsa", "ut/så/welcome.html")]
    here.write("nobody.yaml", "email: bo@kund.example\n")
    assert here.json("preview", "hello", "welcome", "--learner", "nobody.yaml")[0]["subject"] == "Welcome, there"
    assert [row["subject"] for row in here.json("preview", "hello", "--variant", "short")] == ["That was it"]


def test_a_course_goes_by_its_id_its_file_s_name_or_a_path(here: Terminal) -> None:
    """An id said in the file is found, and so are its name, a relative path and an absolute one elsewhere."""
    here.found("id: greetings\n" + COURSE)
    outside = here.folder.parent / f"{here.folder.name}-elsewhere.yaml"
    outside.write_text("id: elsewhere\n" + COURSE)
    for course in ("greetings", "hello", "campaigns/hello.yaml", str(here.folder / "campaigns/hello.yaml")):
        assert len(here.json("preview", course)) == 4
    assert len(here.json("simulate", str(outside))) == 5


def test_simulate_says_who_gets_what_when_and_why(here: Terminal) -> None:
    """Rows are {at, local, step, kind, reason}; every mail has a reason, and no reason says a thing twice."""
    timing = 'timing: {at: "09:00", days: mon-fri}\nsteps:'
    here.found(COURSE.replace("steps:", timing, 1))
    rows = here.json("simulate", "hello", "--start", "2026-03-05T10:00", "--timezone", "Asia/Tokyo")
    assert {tuple(row) for row in rows} == {("at", "local", "step", "kind", "reason")}
    assert [(row["local"], row["step"], row["kind"]) for row in rows] == [
        ("2026-03-06T09:00:00+09:00", "welcome", "mail"),
        ("2026-03-09T09:00:00+09:00", "welcome/wait", "wait"),
        ("2026-03-09T09:00:00+09:00", "export", "skip"),
        ("2026-03-09T09:00:00+09:00", "goodbye", "mail"),
        ("2026-03-09T09:00:00+09:00", "", "finish"),
    ]
    assert rows[0]["at"] == "2026-03-06T00:00:00+00:00"
    assert rows[0]["reason"] == "the first mail, enrolled after 09:00"
    assert rows[2]["reason"] == 'correct("welcome") is false'
    parts = [part for row in rows for part in row["reason"].split("; ")]
    assert "" not in parts
    assert all(len(row["reason"].split("; ")) == len(set(row["reason"].split("; "))) for row in rows)


def test_simulate_names_what_moved_a_mail(here: Terminal) -> None:
    """The gap, the weekend, the holiday, the cap and the end of a wait are told in words."""
    here.found(
        """\
title: Moved
timing: {every: 1 day, at: "09:00", days: mon-fri, skip_holidays: SE, limit: 2 per week}
steps:
  - {tip: one, subject: S, preheader: P, body: "[B](https://acme.example)"}
  - {tip: two, subject: S, preheader: P, body: B, after: 3 hours}
  - {tip: three, subject: S, preheader: P, body: B}
  - {tip: four, subject: S, preheader: P, body: B}
  - wait: {until: clicked("one"), at_most: 5 days}
  - {tip: five, subject: S, preheader: P, body: B, after: 0 days}
"""
    )
    rows = here.json("simulate", "hello", "--start", "2026-06-18T08:00")
    told = {row["step"]: (row["local"][:10], row["reason"]) for row in rows if row["kind"] == "mail"}
    assert told == {
        "one": ("2026-06-18", "the first mail, enrolled before 09:00"),
        "two": (
            "2026-06-22",
            "3 hours after one, after 09:00; holiday: Midsommarafton; Saturday and Sunday are not sending days",
        ),
        "three": ("2026-06-23", "1 day after two"),
        "four": (
            "2026-06-29",
            "1 day after three; limit: Wednesday to Friday are full; Saturday and Sunday are not sending days",
        ),
        "five": ("2026-07-06", "as soon as the wait is over; Saturday and Sunday are not sending days"),
    }


def test_simulate_s_table_fits_the_terminal(here: Terminal) -> None:
    """No line is wider than the terminal says that it is, and none ends in spaces."""
    here.found()
    for wide in (60, 80, 100):
        lines = here.drip("simulate", "hello", COLUMNS=str(wide)).out.splitlines()[2:]
        assert max(map(len, lines)) <= wide
        assert [line for line in lines if line != line.rstrip()] == []


def test_a_learner_s_file_is_read_as_an_import_reads_one(here: Terminal) -> None:
    """What an import would refuse is refused in a learner's file too, with the file's name."""
    here.found()
    for text, words in (
        ("[", "l.yaml:2:1: neither JSON nor YAML"),
        ("- 1", "one learner is wanted"),
        ("timezone: Mars/Base", "not a time zone"),
        ("email: nope", "not an email address"),
        ("plan: [a]", "plan is a list"),
    ):
        here.write("l.yaml", text + "\n")
        said = here.drip("simulate", "hello", "--learner", "l.yaml", code=1)
        assert said.err.removeprefix("drip: ").startswith("l.yaml")
        assert words in said.err
