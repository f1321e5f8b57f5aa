"""What comes back when people are taken in, listed, shown and enrolled."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from terminal import COURSE, Terminal

PEOPLE = """\
email,first_name,last_name,language,timezone,plan
ada@customer.example,Ada,Byron,en,Europe/London,trial
astrid@kund.example,Astrid,Öberg,sv,Europe/Stockholm,pro
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    terminal = Terminal(folder=tmp_path, monkeypatch=monkeypatch, capsys=capsys).found()
    terminal.write("people.csv", PEOPLE)
    return terminal


def test_import_takes_the_good_rows_and_lists_the_bad(here: Terminal) -> None:
    """Counts on stdout, each bad row with its line on stderr, exit 1; JSON has both; again is an update."""
    assert here.json("learners", "import", "people.csv") == {
        "added": 2,
        "updated": 0,
        "unchanged": 0,
        "refused": [],
        "notes": [],
        "suppressed": 0,
    }
    here.write("bad.csv", PEOPLE + "nope,Bo,,,,\nbo@kund.example,Bo,,,Mars/Base,\n")
    said = here.drip("learners", "import", "bad.csv", code=1)
    assert said.out == "0 added, 0 updated, 2 unchanged, 2 refused\n"
    assert [line.partition(": ")[::2][0] for line in said.err.splitlines()] == ["bad.csv", "bad.csv"]
    assert "line 4" in said.err
    assert "line 5" in said.err
    rows = here.json("learners", "import", "bad.csv", code=1)["refused"]
    assert [(row["line"], row["column"]) for row in rows] == [(4, "email"), (5, "timezone")]


def test_import_lists_no_more_bad_rows_than_a_person_reads(here: Terminal) -> None:
    """Of a thousand bad rows the first hundred are printed, and how many more there are."""
    here.write("bad.csv", "email\n" + "nope\n" * 1000)
    said = here.drip("learners", "import", "bad.csv", code=1)
    assert len(said.err.splitlines()) == 101
    assert "900 more" in said.err
    assert len(here.json("learners", "import", "bad.csv", code=1)["refused"]) == 1000


def test_import_reads_json_and_standard_input(here: Terminal) -> None:
    """A .json file is a list of objects; `-` is a CSV on standard input."""
    here.write("people.json", '[{"email": "bo@kund.example", "first_name": "Bo", "seats": 5}]')
    assert here.json("learners", "import", "people.json")["added"] == 1
    here.monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(PEOPLE.encode())))
    assert here.json("learners", "import", "-")["added"] == 2


def test_a_learner_is_added_listed_and_shown(here: Terminal) -> None:
    """add, list and show tell the same about one learner, with times that have an offset."""
    words = ["learners", "add", "Eva@kund.example", "--first-name", "Eva", "--timezone", "Asia/Tokyo"]
    eva = here.json(*words, "--set", "plan=trial")
    assert (eva["email"], eva["timezone"], eva["attributes"]) == ("Eva@kund.example", "Asia/Tokyo", {"plan": "trial"})
    assert here.json("learners", "list") == [eva]
    shown = here.json("learners", "show", "eva@KUND.example")
    assert {key: shown[key] for key in eva} == eva
    assert (shown["enrolments"], shown["evidence"], shown["suppressed"]) == ([], [], None)
    here.drip("publish", "hello")
    here.drip("enrol", "hello", "--email", "eva@kund.example", "--at", "2026-03-02T08:00+01:00")
    [enrolment] = here.json("learners", "show", "eva@kund.example")["enrolments"]
    assert (enrolment["course"], enrolment["state"]) == ("hello", "active")
    assert enrolment["enrolled_at"] == "2026-03-02T07:00:00+00:00"
    text = here.drip("learners", "show", "eva@kund.example").out
    assert "hello: active; next: welcome, Mon 2026-03-02 16:00" in text
    assert "Times in Asia/Tokyo." in text


def test_a_long_list_ends_for_a_person_and_not_for_a_program(here: Terminal) -> None:
    """A hundred learners are printed, all of them are JSON, and an empty list says what to type."""
    assert "drip learners import" in here.drip("learners", "list").out
    here.write("many.csv", "email\n" + "".join(f"learner{n}@kund.example\n" for n in range(150)))
    here.drip("learners", "import", "many.csv")
    text = here.drip("learners", "list").out
    assert "learner99@" in text
    assert "learner100@" not in text
    assert "--format json has all" in text
    assert len(here.json("learners", "list")) == 150


def test_enrolling_twice_changes_nothing(here: Terminal) -> None:
    """The second time nobody comes in, which is no mistake; a stranger is one, with the address that is near."""
    here.drip("learners", "import", "people.csv")
    here.drip("publish", "hello")
    one = ["enrol", "hello", "--email", "ada@customer.example"]
    assert here.json(*one) == {"enrolled": 1, "refused": {}}
    assert here.json(*one) == {"enrolled": 0, "refused": {"ada@customer.example": "is in the course already"}}
    said = here.drip("enrol", "hello", "--email", "adda@customer.example", code=1)
    assert "did you mean ada@customer.example?" in said.err
    assert here.json("enrol", "hello", "--all")["enrolled"] == 1


def test_enrolling_takes_a_file_and_a_condition(here: Terminal) -> None:
    """--file reads addresses, one a line, with or without a heading; --all takes those for whom start.when holds."""
    here.drip("learners", "import", "people.csv")
    here.write("campaigns/trial.yaml", 'start: {when: learner.plan == "trial"}\n' + COURSE)
    here.drip("publish", "hello", "trial")
    here.write("some.txt", "\ufeffEmail\r\nada@customer.example\r\n\r\nastrid@kund.example\r\n")
    assert here.json("enrol", "hello", "--file", "some.txt")["enrolled"] == 2
    assert here.json("enrol", "trial", "--all") == {"enrolled": 1, "refused": {}}
