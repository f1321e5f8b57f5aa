"""`drip diff` and `drip publish` of an edit, as a marketer types them."""

from __future__ import annotations

from pathlib import Path

import pytest
from edit_table import BASE, A, B, C, D, X
from terminal import Terminal

ADA = "ada@customer.example"
MONDAY = "2026-03-02T08:00:00+01:00"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    """A course that Ada is in: she has had a, and waits for b."""
    terminal = Terminal(folder=tmp_path, monkeypatch=monkeypatch, capsys=capsys).found()
    terminal.write("campaigns/tips.yaml", BASE)
    terminal.drip("publish", "tips")
    terminal.drip("learners", "add", ADA)
    terminal.drip("enrol", "tips", "--email", ADA, "--at", MONDAY)
    terminal.drip("run", "--until-idle", "--now", "2026-03-02T09:00:00+01:00")
    return terminal


def test_diff_tells_and_changes_nothing(here: Terminal) -> None:
    """Each edit with people and verdicts; what is published stays published."""
    here.write("campaigns/tips.yaml", BASE.replace(C, X + C.replace("Subject c", "New")))
    told = here.json("diff", "tips")
    assert (told["course"], told["changed"], told["in_it"], told["finished"]) == ("tips", True, 1, 0)
    assert [(e["step"], e["kind"], e["where"], e["verdict"], e["people"]) for e in told["effects"]] == [
        ("x", "added", "before", "will get it", 1),
        ("c", "words", "before", "will get it", 1),
    ]
    said = here.drip("diff", "tips").out
    assert "1 person is on the way, 0 have finished" in said
    assert here.json("diff", "tips")["before"] == told["before"]


def test_diff_of_what_is_not_published(here: Terminal) -> None:
    """It says so, and what to type; unchanged says so too."""
    here.write("campaigns/new.yaml", BASE)
    assert "not published yet" in here.drip("diff", "new").out
    assert here.json("diff", "new")["before"] is None
    assert "nothing has changed" in here.drip("diff", "tips").out


def test_diff_ends_as_publish_would(here: Terminal) -> None:
    """A step that is gone under somebody's feet: told in full, exit 1, in both; nothing of either course is stored."""
    here.write("campaigns/tips.yaml", BASE.replace(B, ""))
    told = here.drip("diff", "tips", code=1)
    assert "tip removed" in told.out
    assert '1 person stands at "b"' in told.err
    assert "removed: [b]" in told.err
    assert here.drip("publish", "tips", code=1).err == told.err
    here.write("campaigns/other.yaml", BASE)
    here.drip("publish", "other", "tips", code=1)
    assert "not published yet" in here.drip("diff", "other").out


def test_a_repeat_must_be_said(here: Terminal) -> None:
    """Refused with both ways out; said, it is done; a name that is no step is refused."""
    here.drip("run", "--until-idle", "--now", "2026-03-03T09:00:00+01:00")
    here.write("campaigns/tips.yaml", BASE.replace(A + B + C + D, A + C + D + B))
    assert "--allow-repeat b" in here.drip("publish", "tips", code=1).err
    assert 'no step "bee"' in here.drip("publish", "tips", "--allow-repeat", "bee", code=1).err
    here.drip("diff", "tips", "--allow-repeat", "b")
    here.drip("publish", "tips", "--allow-repeat", "b")
    here.drip("diff", "tips")  # once allowed, no longer a matter


def test_publish_extends_those_who_have_finished(here: Terminal) -> None:
    """`--extend` says how many go on."""
    for day in (3, 4, 5):
        here.drip("run", "--until-idle", "--now", f"2026-03-0{day}T09:00:00+01:00")
    here.write("campaigns/tips.yaml", BASE + X)
    assert [e["verdict"] for e in here.json("diff", "tips")["effects"]] == ["will not get it"]
    assert [e["verdict"] for e in here.json("diff", "tips", "--extend")["effects"]] == ["will get it"]
    [done] = here.json("publish", "tips", "--extend")
    assert done["extended"] == 1
    assert "1 person who had finished" not in here.drip("publish", "tips", "--extend").out


def test_a_changed_look_is_told_beside_changed_words(here: Terminal) -> None:
    """The brand and a text were changed: both are told. Nothing but the past in the file: nothing is."""
    here.write("drip.toml", '[brand]\nname = "Another"\n')
    here.write("campaigns/tips.yaml", BASE.replace("Subject c", "New words"))
    told = here.json("diff", "tips")["effects"]
    assert [(e["step"], e["what"]) for e in told] == [("", "the look of the mails changed"), ("c", "texts changed")]
    here.drip("publish", "tips")
    here.write(
        "campaigns/tips.yaml", BASE.replace("Subject c", "New words").replace("steps:", "removed: [gone]\nsteps:")
    )
    assert here.json("diff", "tips")["effects"] == []


def test_an_extension_without_an_edit_says_who_goes_on(here: Terminal) -> None:
    """Published with an appended step; `--extend` later: diff names the step, counts the people, re-times nobody."""
    for day in (3, 4, 5):
        here.drip("run", "--until-idle", "--now", f"2026-03-0{day}T09:00:00+01:00")
    here.write("campaigns/tips.yaml", BASE + X)
    here.drip("publish", "tips")
    told = here.json("diff", "tips", "--extend")
    assert (told["effects"], told["extends"]) == ([], [{"step": "x", "people": 1}])
    assert '1 person who has finished goes on with "x"' in here.drip("diff", "tips", "--extend").out
    here.drip("publish", "tips", "--extend")
    why = here.json("why", ADA, "tips")
    assert (why["next_step"], why["next_at"][11:19]) == ("x", "08:00:00")
