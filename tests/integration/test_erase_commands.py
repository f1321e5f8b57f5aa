"""`drip learners export, erase, consent, pause, resume`: as a marketer types them."""

from __future__ import annotations

import json
import resource
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from erased import ADDRESS, COURSE
from stage import Stage, set_up
from typer.testing import CliRunner

from drip.cli import app
from drip.engine.pausing import pause, resume
from drip.errors import NotFound, Refused
from drip.people import State

ADA = "ada@customer.example"


@pytest.fixture
def stage(tmp_path: Path, each_database: str) -> Stage:
    """Ada has had the first mail of three, a day apart."""
    stage = set_up(tmp_path)
    stage.publish(COURSE)
    stage.add(ADA, first_name="Ada")
    stage.enrol(ADA)
    stage.live(days=0.5)
    return stage


def sent(stage: Stage) -> list[str]:
    return [row.step for row in stage.rows() if row.sent_at is not None]


def test_a_pause_holds_until_it_is_lifted(stage: Stage) -> None:
    """Nothing comes while a marketer has paused it; afterwards one mail does, and the next a day later."""
    (done,) = pause(stage.store, ADA, now=stage.clock())
    assert (done.course, done.done) == ("course", True)
    stage.live(days=4)
    assert sent(stage) == ["welcome"]
    (done,) = resume(stage.store, ADA, now=stage.clock())
    assert done.done
    stage.live(days=1)
    assert sent(stage) == ["welcome", "second"]
    assert "paused by a person" in str(stage.why(ADA))


def test_until_a_day(stage: Stage) -> None:
    """A pause until a day ends by itself when that day begins where the learner is."""
    pause(stage.store, ADA, until=(stage.clock() + timedelta(days=3)).date(), now=stage.clock())
    stage.live(days=2)
    assert sent(stage) == ["welcome"]
    stage.live(days=1.5)
    assert sent(stage) == ["welcome", "second"]


def test_each_lifts_their_own(stage: Stage) -> None:
    """What the marketer has paused, the learner cannot lift, and the other way round."""
    pause(stage.store, ADA, now=stage.clock())
    with stage.store.write() as conn:
        from drip.store import wishes

        id_ = stage.standing(ADA).enrolment.id
        assert not wishes.resume(conn, id_, now=stage.clock())
        assert wishes.resume(conn, id_, now=stage.clock(), by=wishes.MARKETER)
        assert wishes.pause(conn, id_, until=None, now=stage.clock())
    (kept,) = pause(stage.store, ADA, now=stage.clock())
    assert (kept.done, kept.why) == (False, "paused by the learner")
    (kept,) = resume(stage.store, ADA, now=stage.clock())
    assert (kept.done, kept.why) == (False, "paused by the learner, who lifts it")
    assert stage.standing(ADA).enrolment.state is State.PAUSED


def test_twice_and_strangers(stage: Stage) -> None:
    """Twice is once; a day gone by is refused; somebody in no course is told so."""
    for _ in range(2):
        assert [one.done for one in pause(stage.store, ADA, now=stage.clock())] == [True]
    assert [one.done for one in resume(stage.store, ADA, now=stage.clock())] == [True]
    assert [one.why for one in resume(stage.store, ADA, now=stage.clock())] == ["not paused"]
    with pytest.raises(Refused, match="a day to come"):
        pause(stage.store, ADA, until=stage.clock().date(), now=stage.clock())
    with pytest.raises(NotFound):
        pause(stage.store, "stranger@customer.example", now=stage.clock())
    with pytest.raises(NotFound, match="not on the way in other"):
        pause(stage.store, ADA, course_id="other", now=stage.clock())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace in which three people have had a mail."""
    monkeypatch.chdir(tmp_path)
    for name in ("DRIP_DATABASE_URL", "DRIP_TRANSPORT"):
        monkeypatch.delenv(name, raising=False)
    drip("init", ".")
    (tmp_path / "campaigns" / "course.yaml").write_text(
        COURSE.replace('at: "09:00"', "between: 00:00-24:00, days: mon-sun"), "utf-8"
    )
    drip("publish", "course")
    for email in (ADA, ADDRESS, "bo@customer.example"):
        drip("learners", "add", email, "--first-name", "Åsa-Märta")
        drip("enrol", "course", "--email", email)
    drip("run", "--until-idle")
    return tmp_path


def drip(*words: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, list(words))
    error = done.exception
    assert getattr(error, "exit_code", done.exit_code) == code, f"{done.output}\n{error!r}"
    return f"{done.output}{error or ''}"


def test_export_and_erase(folder: Path) -> None:
    """Export prints JSON; erase says what went, and which files name them still; afterwards the file holds nothing."""
    assert len(list((folder / "outbox").glob("*.eml"))) == 3
    told = json.loads(drip("learners", "export", ADA.upper()))
    assert (told["address"], len(told["mails"])) == (ADA, 1)
    (folder / "drip.db.20260101T000000.bak").write_bytes(b"x" * 3_000_000 + ADA.encode())
    said = drip("learners", "erase", ADA, "bo@customer.example")
    assert "erased ada@customer.example: 1 enrolment, 1 mail" in said
    assert said.count("names them still; delete it") == 3
    data = b"".join(path.read_bytes() for path in folder.glob("drip.db*") if path.suffix != ".bak")
    assert b"ada@" not in data
    assert b"bo@" not in data
    assert b"asa.oberg" in data
    assert json.loads(drip("report", "course", "--format", "json"))["sent"] == 3


def test_files_too(folder: Path) -> None:
    """With --files the mails of the outbox folder that name them are deleted, and nobody else's."""
    said = json.loads(drip("learners", "erase", ADA, "--files", "--format", "json"))
    assert len(said["files"]["deleted"]) == 1
    assert said["emptied"] is True
    assert len(list((folder / "outbox").glob("*.eml"))) == 2


def test_files_of_one_whose_domain_is_no_ascii(folder: Path) -> None:
    """A mail has the domain in ASCII, in its name and in its To: it is found, told, and deleted where that is meant."""
    drip("learners", "add", "asa@företag.example")
    drip("enrol", "course", "--email", "asa@företag.example")
    drip("run", "--until-idle")
    said = json.loads(drip("learners", "erase", "Asa@Företag.example", "--files", "--format", "json"))
    (deleted,) = said["files"]["deleted"]
    assert "asa@xn--fretag-wxa.example" in deleted
    assert not (folder / deleted).exists()


def test_files_of_those_whose_addresses_are_longer(folder: Path) -> None:
    """Erasing bo@ deletes no mail of jumbo@, nor of bo@ in a domain that begins with the same words."""
    for other in ("jumbo@customer.example", "jum.bo@customer.example", "bo@customer.example.org"):
        drip("learners", "add", other)
        drip("enrol", "course", "--email", other)
    drip("run", "--until-idle")
    said = json.loads(drip("learners", "erase", "bo@customer.example", "--files", "--format", "json"))
    (deleted,) = said["files"]["deleted"]
    assert deleted.endswith("-bo@customer.example.eml")
    assert len(list((folder / "outbox").glob("*.eml"))) == 5


def test_no_room_to_write_the_file_anew(folder: Path) -> None:
    """On a full disk who was erased is erased, and told; that the file holds them still is said, with exit 3."""
    large = sqlite3.connect(folder / "drip.db", isolation_level=None)
    large.execute("INSERT INTO media VALUES ('a.png', zeroblob(2000000), '2026-03-02 06:00:00.000000')")
    large.close()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))  # erasing needs less, and a new file more
    try:
        said = drip("learners", "erase", ADA, code=3)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert f"erased {ADA}: 1 enrolment" in said
    assert "is not written anew" in said
    assert "type: drip forget" in said
    assert "written anew" in drip("forget")
    assert ADA.encode() not in (folder / "drip.db").read_bytes()


def test_some_are_unknown(folder: Path) -> None:
    """A slip among several is told, with exit 1; the others are erased."""
    said = drip("learners", "erase", "adda@customer.example", "bo@customer.example", "nobody", code=1)
    assert "erased bo@customer.example" in said
    assert "did you mean ada@customer.example" in said
    assert "nobody" in said
    drip("learners", "erase", "bo@customer.example", code=1)


def test_consent_is_kept_with_its_text(folder: Path) -> None:
    """What somebody agreed to elsewhere is kept with words, their version and the source, and shown."""
    drip("learners", "consent", ADA, "--opens", "yes", code=2)
    drip("learners", "consent", ADA, "--opens", "maybe", "--source", "call", code=2)
    said = drip("learners", "consent", ADA, "--opens", "yes", "--source", "call of 3 May", "--text", "You may look.")
    assert "call of 3 May" in said
    drip("learners", "consent", ADA, "--opens", "no", "--source", "mail of 4 May", "--text-version", "v2")
    told = json.loads(drip("learners", "show", ADA, "--format", "json"))
    assert [(one["given"], one["source"]) for one in told["consents"]] == [
        (True, "call of 3 May"),
        (False, "mail of 4 May"),
    ]
    assert told["consents"][0]["text"] == "You may look."
    assert told["consents"][0]["text_version"] != told["consents"][1]["text_version"] == "v2"
    assert json.loads(drip("learners", "export", ADA))["learner"][0]["consents_opens"] is False
    assert "has said nothing" in drip("learners", "consent", "bo@customer.example")


def test_until_is_told_by_the_clock_of_the_learner(folder: Path) -> None:
    """The day that was typed is the day that is shown, also where it begins while it is still yesterday in UTC."""
    day = (datetime.now(UTC) + timedelta(days=20)).date()
    drip("learners", "add", ADA, "--timezone", "Asia/Tokyo")
    for _ in range(2):
        assert f"{day} 00:00 +0900" in drip("learners", "pause", ADA, "--until", str(day))


def test_pause_and_resume(folder: Path) -> None:
    """The commands say what they did, for each course."""
    assert "a day to come" in drip("learners", "pause", ADA, "--until", "2199-01-01", code=1)
    assert drip("learners", "pause", ADA, "--until", "soon", code=2)
    assert drip("learners", "pause", ADA) == "course: paused\n"
    assert json.loads(drip("learners", "show", ADA, "--format", "json"))["enrolments"][0]["paused_by"] == "marketer"
    assert drip("learners", "resume", ADA, "--course", "course") == "course: goes on\n"
