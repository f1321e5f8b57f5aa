"""What a marketer types to see a course before it is sent: one learner, a script, a cohort, a recorded timeline."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from terminal import COURSE, Terminal

START = "2026-03-02T08:00"
#: Seconds of CPU after which a process has everything imported, and is simulating.
AT_WORK = 2.0
ANSWERS = "every: {click: 1 hour, answer: right}\n"
PEOPLE = """\
email,first_name,timezone,plan
ada@customer.example,Ada,Asia/Tokyo,trial
åsa@kund.example,Åsa,,trial
astrid@kund.example,Åsa,,trial
bo@kund.example,Bo,Europe/Stokholm,trial
astrid@kund.example,Astrid,,trial
carla@customer.example,Carla,America/Sao_Paulo,pro
"""
TRIAL = COURSE.replace("steps:", 'start: {when: learner.plan == "trial"}\nsteps:', 1)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    """A workspace with the course `hello`, that declares a learner's plan."""
    terminal = Terminal(folder=tmp_path, monkeypatch=monkeypatch, capsys=capsys).found()
    toml = terminal.folder / "drip.toml"
    toml.write_text(toml.read_text() + '\n[learner]\nplan = ["trial", "pro"]\n', "utf-8")
    return terminal


def test_a_script_is_lived(here: Terminal) -> None:
    """An answer ends the wait, and the tip for whoever is right is sent."""
    here.write("answers.yaml", ANSWERS)
    rows = here.json("simulate", "hello", "--start", START, "--answers", "answers.yaml")
    assert [(row["kind"], row["step"], row["local"][:16]) for row in rows] == [
        ("mail", "welcome", "2026-03-02T08:00"),
        ("wait", "welcome/wait", "2026-03-02T08:10"),
        ("mail", "export", "2026-03-03T08:00"),
        ("mail", "goodbye", "2026-03-04T08:00"),
        ("finish", "", "2026-03-04T08:00"),
    ]


def test_mistakes_in_a_script_are_shown_in_it(here: Terminal) -> None:
    """File, line, column, the line itself and what was meant; nothing on stdout, and exit 1."""
    here.write("answers.yaml", "steps:\n  welcom: {answer: right}\n")
    said = here.drip("simulate", "hello", "--answers", "answers.yaml", code=1)
    assert said.out == ""
    assert said.err == (
        'answers.yaml:2:3: no mail is called "welcom"\n'
        "     2 |   welcom: {answer: right}\n           ^^^^^^\n"
        '  did you mean "welcome"?\n'
    )


def test_somebody_for_whom_the_course_is_not_gets_nothing(here: Terminal) -> None:
    """Whoever is named and fails `start.when` has one row that says why; nobody in particular is one who fits."""
    here.write("campaigns/hello.yaml", TRIAL)
    here.write("pro.yaml", "{email: carla@customer.example, plan: pro}")
    (row,) = here.json("simulate", "hello", "--start", START, "--learner", "pro.yaml")
    assert (row["kind"], row["reason"]) == ("skip", 'not enrolled: learner.plan == "trial" is false')
    assert len(here.json("simulate", "hello", "--start", START)) == 5


@pytest.mark.parametrize(
    ("start", "zone", "first"),
    [
        ("2026-03-29T02:30", "Europe/Stockholm", "2026-03-29T01:00:00+00:00"),
        ("2026-10-25T02:30", "Europe/Stockholm", "2026-10-25T00:30:00+00:00"),
        ("1970-01-01T00:00", "Pacific/Apia", "1970-01-01T11:00:00+00:00"),
        ("2200-12-31T23:59", "Asia/Kathmandu", "2200-12-31T18:14:00+00:00"),
    ],
)
def test_a_start_that_the_clock_skips_or_repeats(here: Terminal, start: str, zone: str, first: str) -> None:
    """A missing hour is the first instant after it, a repeated one the first of the two; far off years work."""
    rows = here.json("simulate", "hello", "--start", start, "--timezone", zone)
    assert rows[0]["at"] == first


def test_a_cohort_is_told_in_numbers(here: Terminal) -> None:
    """The keys of the design, more beside them; bad rows are listed with exit 1, and the good ones are simulated."""
    here.write("campaigns/hello.yaml", TRIAL)
    here.write("people.csv", PEOPLE)
    said = here.drip(
        *("simulate", "hello", "--learners", "people.csv", "--enrol-over", "30d", "--seed", "7", "--start", START),
        *("--format", "json"),
        code=1,
    )
    found = said.json
    assert list(found)[:7] == ["timezone", "learners", "mails", "per_day", "peak_per_minute", "peak_at", "finished"]
    assert (found["learners"], found["not_enrolled"], found["finished"], found["mails"]) == (3, 1, 2, 4)
    assert sum(day["mails"] for day in found["per_day"]) == 4
    assert found["peak_per_minute"] == 1
    assert found["last_at"] > "2026-03-05"
    assert [line.split(" ")[:3] for line in said.err.splitlines()] == [
        ["people.csv:", "line", "3:"],
        ["people.csv:", "line", "5:"],
    ]
    again = here.drip("simulate", "hello", "--learners", "people.csv", "--start", START, code=1).out
    assert "for 3 learners enrolled from Mon 2026-03-02 08:00 +0100" in again
    assert "astrid@kund.example stands on lines 4 and 6: the last one wins" in again
    assert "Finished:  2 of 3, 67 % (2 by last step)" in again
    assert "1 not enrolled, since start.when does not hold" in again
    assert max(map(len, again.splitlines())) <= 100


def test_a_long_cohort_is_told_by_the_week(here: Terminal) -> None:
    """More days than fit a screen are summed by week, and the lines still fit."""
    here.write("people.csv", "email\n" + "".join(f"p{n}@a.example\n" for n in range(300)))
    told = here.drip("simulate", "hello", "--learners", "people.csv", "--enrol-over", "12 weeks", "--start", START).out
    assert "week from" in told
    assert "over 12 weeks" in told
    assert max(map(len, told.splitlines())) <= 100
    mails = [int(line.split()[2]) for line in told.splitlines() if line.startswith("Mon ")]
    assert sum(mails) == 600


def test_a_cohort_of_one_and_of_nobody(here: Terminal) -> None:
    """A header without rows is nobody, said in words; a file without a header is refused."""
    here.write("one.csv", "email\nada@customer.example\n")
    assert here.json("simulate", "hello", "--learners", "one.csv", "--start", START)["learners"] == 1
    here.write("none.csv", "email,plan\n")
    assert here.json("simulate", "hello", "--learners", "none.csv")["finished_share"] is None
    told = here.drip("simulate", "hello", "--learners", "none.csv").out
    assert "there are no rows below the header" in told
    assert "Finished:  0 of 0\n" in told
    here.write("empty.csv", "")
    said = here.drip("simulate", "hello", "--learners", "empty.csv", code=1)
    assert said.err.startswith("empty.csv: the file is empty")


def test_a_cohort_comes_from_a_json_list_too(here: Terminal) -> None:
    """As an import takes them."""
    here.write("people.json", '[{"email": "ada@customer.example", "timezone": "Asia/Tokyo", "plan": "trial"}]')
    found = here.json("simulate", "hello", "--learners", "people.json", "--start", START, "--timezone", "Asia/Tokyo")
    assert (found["learners"], found["timezone"]) == (1, "Asia/Tokyo")


def test_a_timeline_is_recorded_and_compared(here: Terminal) -> None:
    """A missing file is an error with what to type; recorded, it keeps its own words; a change is a diff, exit 1."""
    here.write("answers.yaml", ANSWERS)
    missing = here.drip("simulate", "hello", "--answers", "answers.yaml", "--golden", "hello.txt", code=1)
    type_this = "drip simulate hello --answers answers.yaml --golden hello.txt --start 2026-03-02T08:00 --update"
    assert missing.err.splitlines()[-1] == f"  {type_this}"
    assert not (here.folder / "hello.txt").exists()
    assert here.drip(*type_this.split()[1:]).out == "hello.txt: recorded\n"
    golden = (here.folder / "hello.txt").read_text("utf-8")
    assert "\nstart: 2026-03-02T08:00+01:00\nanswers: answers.yaml\n" in golden
    assert 'Mon 2026-03-02 08:10 +0100  wait    welcome/wait: answered("welcome") is true\n' in golden

    assert here.drip("simulate", "hello", "--golden", "hello.txt").out == "hello.txt: nothing has changed\n"
    assert len(here.json("simulate", "hello", "--golden", "hello.txt")) == 5
    here.write("campaigns/hello.yaml", COURSE.replace("tip: goodbye", "tip: goodbye\n    after: 2 days"))
    changed = here.drip("simulate", "hello", "--golden", "hello.txt", code=1)
    assert changed.out == ""
    assert "-Wed 2026-03-04 08:00 +0100  mail    goodbye: 1 day after export" in changed.err
    assert "+Thu 2026-03-05 08:00 +0100  mail    goodbye: 2 days after export" in changed.err
    assert changed.err.splitlines()[-1] == "  drip simulate hello --golden hello.txt --update"
    assert (here.folder / "hello.txt").read_text("utf-8") == golden
    assert here.drip("simulate", "hello", "--golden", "hello.txt", "--update").out == "hello.txt: recorded\n"
    assert here.drip("simulate", "hello", "--golden", "hello.txt").out == "hello.txt: nothing has changed\n"
    assert here.drip("simulate", "hello", "--golden", "hello.txt", "--update").out == "hello.txt: nothing has changed\n"


def test_a_recorded_cohort_is_compared(here: Terminal) -> None:
    """The file keeps the people, the period and the seed."""
    here.write("people.csv", "email\n" + "".join(f"p{n}@a.example\n" for n in range(20)))
    words = ("simulate", "hello", "--golden", "crowd.txt")
    here.drip(*words, "--learners", "people.csv", "--enrol-over", "2w", "--seed", "7", "--start", START, "--update")
    golden = (here.folder / "crowd.txt").read_text("utf-8")
    assert "\nlearners: people.csv\nenrol_over: 2 weeks\nseed: 7\n" in golden
    assert here.drip(*words).out == "crowd.txt: nothing has changed\n"
    assert "-seed: 7\n+seed: 8\n" in here.drip(*words, "--seed", "8", code=1).err


def test_line_ends_of_another_system_are_no_change(here: Terminal) -> None:
    """A checkout with CRLF compares equal."""
    here.drip("simulate", "hello", "--golden", "hello.txt", "--start", START, "--update")
    golden = here.folder / "hello.txt"
    golden.write_bytes(golden.read_bytes().replace(b"\n", b"\r\n"))
    assert here.drip("simulate", "hello", "--golden", "hello.txt").out == "hello.txt: nothing has changed\n"


def test_update_writes_over_nothing_but_a_timeline(here: Terminal) -> None:
    """A slip of the keyboard does not cost a course, and a folder that is not there is said in words."""
    words = ("simulate", "hello", "--start", START, "--update", "--golden")
    said = here.drip(*words, "campaigns/hello.yaml", code=1)
    assert "is no timeline of drip's: name another file" in said.err
    assert (here.folder / "campaigns/hello.yaml").read_text("utf-8") == COURSE
    assert "cannot write" in here.drip(*words, "nowhere/hello.txt", code=1).err
    assert "it is not a file" in here.drip(*words, "campaigns", code=1).err
    assert sorted(path.name for path in here.folder.iterdir()) == ["campaigns", "drip.toml"]


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ("--update", 2, "--update records into a file: say which, --golden FILE"),
        ("--golden new.txt --update", 1, "say when they are enrolled, since new.txt does not"),
        ("--learner a.yaml --learners b.csv", 2, "say one of them"),
        ("--enrol-over 30d", 2, "say whom, --learners CSV"),
        ("--learners p.csv --enrol-over soon", 1, '"soon" is not a time; write 30d, 12h or 4 weeks'),
        ("--learners p.csv --enrol-over 99999d", 1, "is not a time"),
        ("--learners nobody.csv", 1, "there is no file nobody.csv"),
        ("--answers nothing.yaml", 1, "there is no file nothing.yaml"),
        ("--answers campaigns", 1, "campaigns: cannot be read: it is not a file"),
        ("--seed seven", 2, "should be a valid integer"),
    ],
)
def test_words_that_do_not_fit(here: Terminal, words: str, code: int, told: str) -> None:
    """What is wrong with the command line is said, with what to write, and nothing is written."""
    here.write("p.csv", "email\nada@customer.example\n")
    said = here.drip("simulate", "hello", *words.split(), code=code)
    assert told in " ".join(said.err.split())
    assert not (here.folder / "new.txt").exists()


def cpu_seconds(pid: int) -> float:
    """The user time that a process has had (proc(5), field 14)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) / os.sysconf("SC_CLK_TCK")


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at how much a process has done")
def test_interrupted_it_goes_quietly(here: Terminal) -> None:
    """Ctrl-C in a long cohort ends it at once, without a traceback and without half an answer."""
    people = here.write("people.csv", "email\n" + "".join(f"p{n}@a.example\n" for n in range(30_000)))
    process = here.start("simulate", "hello", "--learners", str(people), "--enrol-over", "30d", "--start", START)
    while process.poll() is None and cpu_seconds(process.pid) < AT_WORK:
        time.sleep(0.05)
    assert process.poll() is None, process.communicate()
    os.kill(process.pid, signal.SIGINT)
    try:
        out, err = process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    assert process.returncode in (1, 130)
    assert "Traceback" not in err
    assert out == ""
