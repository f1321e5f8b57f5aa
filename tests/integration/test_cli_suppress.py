"""`drip suppress` as it is typed."""

from __future__ import annotations

from pathlib import Path

import pytest
from terminal import Terminal

ADA, BO = "ada@customer.example", "bo@customer.example"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    terminal = Terminal(folder=tmp_path, monkeypatch=monkeypatch, capsys=capsys).found()
    terminal.drip("publish", "hello")
    terminal.drip("learners", "add", ADA)
    return terminal


def test_add_list_and_remove(here: Terminal) -> None:
    """What is put on the list is listed, bars the learner, and is taken off again."""
    assert here.drip("suppress", "list").out == "Nobody is on the suppression list.\n"
    assert here.drip("suppress", "add", ADA, BO).out.splitlines() == [
        f"{ADA} gets no mail: by hand",
        f"{BO} gets no mail: by hand",
    ]
    assert "until 20" in here.drip("suppress", "add", "c@x.example", "--for", "4 weeks", "--reason", "on leave").out
    told = here.drip("suppress", "list").out
    assert ADA in told
    assert BO not in told  # no learner: the list itself names nobody
    assert here.json("suppress", "list", "--reason", "on leave")[0]["email"] is None
    assert here.json("learners", "show", ADA)["suppressed"] == "by hand"
    here.drip("enrol", "hello", "--email", ADA, code=1)
    assert here.drip("suppress", "remove", ADA).out == f"{ADA} may get mail again (it was there for: by hand)\n"
    assert here.json("learners", "show", ADA)["suppressed"] is None


def test_what_cannot_be_done_is_said(here: Terminal) -> None:
    """No address, no such row, a span that is none, somebody who has left: exit 1 with words."""
    assert "not an email address" in here.drip("suppress", "add", "ada", code=1).err
    assert "is not on the suppression list" in here.drip("suppress", "remove", ADA, code=1).err
    for span in ("soon", "0d", "2 business days", "9999999 weeks"):
        assert "write 90d" in here.drip("suppress", "add", ADA, "--for", span, code=1).err
    here.drip("suppress", "add", ADA, "--reason", "unsubscribed")
    assert "only they take that back" in here.drip("suppress", "remove", ADA, "--yes", code=1).err
    here.drip("suppress", "add", BO, "--reason", "complained")
    assert "--yes" in here.drip("suppress", "remove", BO, code=1).err
    here.drip("suppress", "remove", BO, "--yes")


def test_out_and_in_again(here: Terminal) -> None:
    """The list goes into a file and back; bad rows are listed, with exit 1."""
    here.drip("suppress", "add", ADA, BO)
    here.drip("suppress", "export", "--out", "list.csv")
    text = (here.folder / "list.csv").read_text("utf-8")
    assert text == here.drip("suppress", "export").out
    here.drip("suppress", "remove", ADA, BO)
    assert here.drip("suppress", "import", "list.csv").out == "2 taken, 0 refused\n"
    assert len(here.json("suppress", "list")) == 2
    here.write("bad.csv", f"email\n{ADA}\nno address\n")
    said = here.drip("suppress", "import", "bad.csv", code=1)
    assert (said.out, "bad.csv: line 3" in said.err) == ("1 taken, 1 refused\n", True)
    assert "the first line must name" in here.drip("suppress", "import", "drip.toml", code=1).err
    here.drip("suppress", "export", "--out", "no/such/folder.csv", code=1)


def test_a_long_reason_folds_and_the_times_stay_whole(here: Terminal) -> None:
    """The list is readable at 100 columns: each row's dates and *for ever* stand on one line."""
    here.drip("suppress", "add", ADA, "--reason", "ringde i tisdags och vill inte ha fler mejl från oss – åäö")
    told = here.drip("suppress", "list").out.splitlines()
    assert max(map(len, told)) <= 100
    assert told[0].split() == ["address", "reason", "by", "since", "until"]
    assert any(line.startswith(ADA) and line.endswith("for ever") for line in told)


def test_a_reason_that_nobody_has_is_named(here: Terminal) -> None:
    """An empty answer about one reason does not say that the whole list is empty."""
    here.drip("suppress", "add", ADA)
    assert here.drip("suppress", "list", "--reason", "bounced").out == (
        "Nobody is on the suppression list for “bounced”.\n"
    )


def test_outside_a_workspace_nothing_is_done_to_a_list_that_nobody_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the wrong folder no address is suppressed, no endpoint added, no mailbox missed, and no database made."""
    elsewhere = Terminal(folder=tmp_path, monkeypatch=monkeypatch, capsys=capsys)
    for words in (
        ("suppress", "add", ADA),
        ("webhook", "add", "crm", "https://crm.example/x"),
        ("webhook", "list"),
        ("bounces", "fetch"),
    ):
        assert "cd to a workspace" in elsewhere.drip(*words, code=1).err
    assert list(tmp_path.iterdir()) == []
