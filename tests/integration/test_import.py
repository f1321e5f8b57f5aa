"""Learners from files: what a spreadsheet writes is taken in, mistakes are named by line, again is an update."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stage import KEY, START, Stage, set_up

from drip.engine.learners import Imported, add, import_csv, import_json, listed, normal_email, show
from drip.engine.roster import Roster, read_csv, read_json
from drip.errors import ImportRefused, NotFound, Refused
from drip.people import Learner
from drip.store import learners, suppression

pytestmark = pytest.mark.usefixtures("each_database")

ADA = b"email,first_name,last_name,language,timezone\nada@acme.example,Ada,Ek,sv,Europe/Stockholm\n"


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return set_up(tmp_path)


def take(stage: Stage, data: bytes | str, **options: Any) -> Imported:
    raw = data.encode() if isinstance(data, str) else data
    return import_csv(stage.store, raw, now=stage.clock(), **options)


def ada(stage: Stage) -> Learner:
    (found,) = [learner for learner in listed(stage.store) if learner.email == "ada@acme.example"]
    return found


def counts(done: Imported) -> tuple[int, int, int, int]:
    return done.added, done.updated, done.unchanged, len(done.refused)


def problems(data: bytes | str) -> list[tuple[int, str | None]]:
    roster = read_csv(data.encode() if isinstance(data, str) else data)
    return [(problem.line, problem.column) for problem in roster.problems]


def test_columns_become_the_learner(stage: Stage) -> None:
    """The five known columns are the learner's own, every other one an attribute; the public id is random."""
    done = take(stage, "Email,First Name,last-name,LANGUAGE,timezone,Plan Name,Säljare,seats\n"
                       "ada@acme.example, Ada ,Ek,sv_se,Europe/Stockholm,pro,Örjan,07\n")  # fmt: skip
    assert counts(done) == (1, 0, 0, 0)
    one = ada(stage)
    assert (one.first_name, one.last_name, one.language) == ("Ada", "Ek", "sv-SE")
    assert (one.imported_timezone, one.timezone) == ("Europe/Stockholm", None)
    assert one.attributes == {"plan_name": "pro", "saljare": "Örjan", "seats": "07"}
    assert len(one.ref) == 12


def test_again_changes_nothing(stage: Stage) -> None:
    """The same file twice: everybody is there once, as before, with the same public id."""
    take(stage, ADA)
    before = ada(stage)
    assert counts(take(stage, ADA)) == (0, 0, 1, 0)
    assert listed(stage.store) == [before]


def test_again_is_an_update(stage: Stage) -> None:
    """Another value goes over the old one; what the file does not speak of stays."""
    take(stage, "email,first_name,plan,seats\nada@acme.example,Ada,trial,5\n")
    assert counts(take(stage, "email,plan,city\nADA@ACME.example,pro,Malmö\n")) == (0, 1, 0, 0)
    one = ada(stage)
    assert one.first_name == "Ada"
    assert one.attributes == {"plan": "pro", "seats": "5", "city": "Malmö"}


def test_empty_cell_leaves_alone_what_is_known(stage: Stage) -> None:
    """An empty cell is silence, not an order to forget."""
    take(stage, ADA)
    assert counts(take(stage, "email,first_name,timezone\nada@acme.example,, \n")) == (0, 0, 1, 0)
    assert (ada(stage).first_name, ada(stage).imported_timezone) == ("Ada", "Europe/Stockholm")


def test_own_zone_outranks_the_imported_one(stage: Stage) -> None:
    """What a learner has said about their zone is not written over by an import."""
    take(stage, ADA)
    with stage.store.write() as conn:
        learners.change(conn, ada(stage).id, {"timezone": "Asia/Tokyo"})
    take(stage, "email,timezone\nada@acme.example,Europe/Paris\n")
    assert (ada(stage).timezone, ada(stage).imported_timezone) == ("Asia/Tokyo", "Europe/Paris")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_every_dialect_of_a_spreadsheet(delimiter: str, end: str, encoding: str) -> None:
    """Comma, semicolon, tab or bar; any line end; UTF-8, marked or not, UTF-16, Windows-1252: the same people."""
    rows = [
        ["email", "first_name", "note"],
        ["åsa".replace("å", "a") + "@acme.example", "Åsa", f'"a{delimiter} b"'],
        ["bo@acme.example", "Bo", "ü"],
    ]
    text = end.join(delimiter.join(row) for row in rows) + end
    roster = read_csv(text.encode(encoding))
    assert roster.problems == ()
    assert [(e.email, e.first_name, e.line) for e in roster.entries] == [
        ("asa@acme.example", "Åsa", 2), ("bo@acme.example", "Bo", 3),
    ]  # fmt: skip
    assert roster.entries[1].attributes == {"note": "ü"}
    assert any("Windows-1252" in note for note in roster.notes) is (encoding == "cp1252")


def test_line_that_names_the_delimiter_is_no_header() -> None:
    """Excel's `sep=;` above the header is understood, and lines still count from the top of the file."""
    roster = read_csv(b"sep=;\r\nemail;plan\r\nada@acme.example;a,b\r\nnobody;x\r\n")
    assert [entry.attributes for entry in roster.entries] == [{"plan": "a,b"}]
    assert [problem.line for problem in roster.problems] == [4]


def test_quoted_line_breaks_become_spaces() -> None:
    """A cell may hold line breaks; none reaches a name, where it could break a header. Later lines keep theirs."""
    roster = read_csv(b'email,first_name\nada@acme.example,"Ada\r\nBcc: x@y.example"\nbad,x\n')
    assert roster.entries[0].first_name == "Ada Bcc: x@y.example"
    assert [problem.line for problem in roster.problems] == [4]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "the file is empty"),
        (b"\n\r\n , \n", "the file is empty"),
        (b"\xef\xbb\xbf", "the file is empty"),
        (b"first_name,last_name\nAda,Ek\n", 'no column is named "email"'),
        (b"E-mail Address,name\nada@acme.example,Ada\n", 'rename "E-mail Address" to "email"'),
        (b"emial\nada@acme.example\n", 'rename "emial" to "email"'),
        (b"ada@acme.example,Ada\n", "holds an address: write a line above it"),
        (b"email,plan,Plan\n", "columns 2 and 3 are both named plan"),
        (b"email,email\n", "columns 1 and 2 are both named email"),
        (b"email,_secret\n", 'column 2: a column cannot be named "_secret"'),
        (b"email,2024 plan\n", "begin with a letter"),
        ("email,名前\n".encode(), "begin with a letter"),
        (b"email,ref\n", "learner.ref is drip's own"),
        (b"email," + b"x" * 200 + b"\n", "a column cannot be named"),
        (b"email," + b",".join(b"c%d" % n for n in range(300)), "301 columns; 200 is the most"),
        (b"PK\x03\x04 and more", "a workbook of Excel's own kind"),
        (b"\x00\x01\x02email", "not a text file"),
        ("email,namn\n".encode("utf-16-le"), "not a text file"),
        (b"email\n\x81\x8d\n", "neither UTF-8 nor Windows-1252"),
        (b'"email,first_name\nada@acme.example,Ada\n', "the header cannot be read"),
    ],
)
def test_file_that_cannot_be_read_is_refused_with_what_to_write(data: bytes, words: str) -> None:
    """A mistake in the header refuses the file, in words that say what to write instead."""
    with pytest.raises(ImportRefused) as caught:
        read_csv(data)
    assert words in str(caught.value)


def test_all_mistakes_of_a_header_at_once() -> None:
    """Nobody mends a header one mistake at a time."""
    with pytest.raises(ImportRefused) as caught:
        read_csv(b"name,_x,ref,name\n")
    assert len(str(caught.value).splitlines()) == 4


def test_header_alone_is_no_mistake(stage: Stage) -> None:
    """A file without rows takes in nobody, and says so."""
    done = take(stage, "email,first_name\n")
    assert counts(done) == (0, 0, 0, 0)
    assert done.notes == ("there are no rows below the header",)


@pytest.mark.parametrize(
    ("row", "column", "words"),
    [
        ("ada", "email", '"ada" is not an email address'),
        (",Ada", "email", "email is empty"),
        ("åsa@acme.example", "email", "only ASCII letters"),
        ("Ada <ada@acme.example>", "email", "is not an email address"),
        ("a\tb@acme.example", "email", "is not an email address"),
        ("x" * 65 + "@acme.example", "email", "is not an email address"),
        ("ada@acme.example,Ada,Europe/Stokholm", "timezone", 'did you mean "Europe/Stockholm"?'),
        ("ada@acme.example,Ada,CET+1", "timezone", "is not a time zone"),
        ("ada@acme.example,Ada,,swedish language", "language", "write en, sv, pt-BR"),
        ("ada@acme.example," + "x" * 201, "first_name", "201 characters; 200 is the most"),
        ("ada@acme.example,,,,," + "x" * 2_001, "note", "2,001 characters; 2,000 is the most"),
        ("ada@acme.example,Ek, Ada,,,,more", None, "7 cells for 6 columns"),
        ("ada@acme.example,,,,x", None, '"x" stands in column 5, which has no name'),
        ('ada@acme.example,"Ada" Ek', None, "a quote ends before its cell does"),
        ('ada@acme.example,"Ada', None, "is never closed"),
        ("ada@acme.example," + "x" * 140_000, None, "longer than 131,072 characters"),
    ],
)
def test_bad_row_is_named_and_the_good_are_taken(stage: Stage, row: str, column: str | None, words: str) -> None:
    """A row with a mistake is listed with its line and column; those around it are taken."""
    done = take(stage, f"email,first_name,timezone,language,,note\none@acme.example\n{row}\ntwo@acme.example\n")
    assert counts(done) == (2, 0, 0, 1)
    (problem,) = done.refused
    assert (problem.line, problem.column) == (3, column)
    assert words in problem.message


def test_misplaced_quote_is_told_from_an_open_one() -> None:
    """The last row of a file has nothing after it, and is yet told what is wrong with its quotes."""
    assert "ends before its cell" in read_csv(b'email,plan\na@b.example,"x" y').problems[0].message
    assert "never closed" in read_csv(b'email,plan\na@b.example,"x').problems[0].message


def test_open_quote_spoils_its_own_row_alone() -> None:
    """Reading goes on at the next line, however far the quote would have reached."""
    rows = "".join(f"p{n}@acme.example,x\n" for n in range(500))
    roster = read_csv(f'email,plan\nada@acme.example,"pro\n{rows}'.encode())
    assert len(roster.entries) == 500
    assert [problem.line for problem in roster.problems] == [2]


def test_open_quote_swallows_no_rows_up_to_a_far_inch_mark() -> None:
    """A quote that happens to stand before a delimiter hundreds of lines on does not close what was left open here."""
    rows = "".join(f"p{n}@acme.example,x\n" for n in range(300))
    roster = read_csv(f'email,plan\nada@acme.example,"pro\n{rows}last@acme.example,6"\n'.encode())
    assert len(roster.entries) == 301
    assert [problem.line for problem in roster.problems] == [2]


def test_wrong_bytes_in_good_utf8_spoil_their_own_row_alone() -> None:
    """One broken letter does not turn every å of the file into rubbish."""
    roster = read_csv(
        "email,first_name\na@acme.example,Åsa\nb@acme.example,X\nc@acme.example,Örjan\n".encode().replace(b"X", b"\xe5")
    )
    assert [entry.first_name for entry in roster.entries] == ["Åsa", "Örjan"]
    assert [(problem.line, problem.column) for problem in roster.problems] == [(3, "first_name")]


def test_what_nobody_sees_is_taken_away() -> None:
    """Control characters, NULs, marks and spaces of all kinds go; accents are written in one way."""
    roster = read_csv("email,plan,city\n\u200b ada@acme.example\u00a0,p\x00r\x1bo\x85,Malmo\u0308\n".encode())
    (entry,) = roster.entries
    assert (entry.email, entry.attributes) == ("ada@acme.example", {"plan": "pro", "city": "Malmö"})


def test_empty_lines_are_no_rows() -> None:
    """Blank lines, and the rows of delimiters that Excel leaves behind, are passed over."""
    assert problems("email,plan,\n\n,,\n \nada@acme.example,pro,\n,,,,,\n") == []


def test_same_address_twice_last_wins_and_it_is_said(stage: Stage) -> None:
    """One person on two lines is one learner, as if the lines were imported one after the other."""
    rows = "ada@acme.example,Ada,trial,Lund\nADA@acme.example,,pro,\nbo@acme.example,Bo,x,\n"
    done = take(stage, f"email,first_name,plan,city\n{rows}")
    assert counts(done) == (2, 0, 0, 0)
    assert (ada(stage).first_name, ada(stage).attributes) == ("Ada", {"plan": "pro", "city": "Lund"})
    assert done.notes == ("ada@acme.example stands on lines 2 and 3: the last one wins",)


def test_many_repeated_addresses_are_counted() -> None:
    """A file that was pasted twice does not print a page of notes."""
    rows = "".join(f"p{n}@acme.example\n" for n in range(30))
    assert len(read_csv(f"email\n{rows}{rows}".encode()).notes) == 11


def test_domain_in_letters_or_in_punycode_is_one_person(stage: Stage) -> None:
    """exämple.se and its ASCII form are one domain, so one learner."""
    assert counts(take(stage, "email\nada@exämple.se\nada@xn--exmple-cua.se\n")) == (1, 0, 0, 0)
    assert show(stage.store, "Ada@XN--exmple-cua.SE")["email"] == "ada@exämple.se"


def test_column_that_looks_like_ours_is_mentioned() -> None:
    """`firstname` is taken as an attribute, with a hint; a file that has the real column gets none."""
    assert "name it first_name" in read_csv(b"email,firstname\na@b.example,Ada\n").notes[0]
    assert read_csv(b"email,firstname,first_name\na@b.example,Ada,Ada\n").notes == ()


def test_changed_zone_moves_what_is_due(stage: Stage) -> None:
    """Who moves to another zone gets the next mail by the new one, not by an instant that was derived before."""
    stage.publish()
    take(stage, ADA)
    stage.enrol("ada@acme.example")
    assert str(stage.standing("ada@acme.example").due_at) == "2026-03-02 08:00:00+00:00"
    take(stage, "email,timezone\nada@acme.example,America/New_York\n")
    stage.deliver()
    assert stage.mails() == []
    assert str(stage.standing("ada@acme.example").due_at) == "2026-03-02 14:00:00+00:00"


def test_zone_to_the_east_is_not_missed(stage: Stage) -> None:
    """A move that makes a mail due sooner is seen sooner too."""
    stage.publish()
    take(stage, "email,timezone\nada@acme.example,America/New_York\n")
    stage.enrol("ada@acme.example")
    take(stage, "email,timezone\nada@acme.example,Europe/Stockholm\n")
    stage.live(days=0.125)
    assert str(stage.rows()[0].sent_at) == "2026-03-02 08:00:00+00:00"


def test_import_brings_nobody_back(stage: Stage) -> None:
    """An address that has left stays on the list; the import says how many of its people get nothing."""
    take(stage, ADA)
    with stage.store.write() as conn:
        suppression.suppress(conn, learners.suppression_hash(KEY, "ada@acme.example"), reason="unsubscribed", now=START)
    done = take(stage, ADA + b"bo@acme.example,Bo,,,\n", suppression_key=KEY)
    assert done.suppressed == 1
    assert show(stage.store, "ada@acme.example", suppression_key=KEY)["suppressed"] == "unsubscribed"
    assert show(stage.store, "bo@acme.example", suppression_key=KEY)["suppressed"] is None


def test_big_file_goes_in_parts(stage: Stage) -> None:
    """Thousands of rows go in over several transactions, with progress, and the second time nothing changes."""
    rows = "".join(f"p{n}@acme.example,{n}\n" for n in range(12_000))
    told: list[tuple[int, int]] = []
    data = f"email,number\n{rows}"
    assert counts(take(stage, data, on_progress=lambda done, of: told.append((done, of)))) == (12_000, 0, 0, 0)
    assert told == [(5_000, 12_000), (10_000, 12_000), (12_000, 12_000)]
    assert counts(take(stage, data)) == (0, 0, 12_000, 0)
    assert counts(take(stage, data.replace("p7@acme.example,7\n", "p7@acme.example,seven\n"))) == (0, 1, 11_999, 0)


def test_import_that_stopped_half_way_is_finished_by_the_next(stage: Stage) -> None:
    """What was taken in before the machine stopped stays, and importing the file again does the rest."""

    def stop(done: int, of: int) -> None:
        raise KeyboardInterrupt

    data = "email\n" + "".join(f"p{n}@acme.example\n" for n in range(6_000))
    with pytest.raises(KeyboardInterrupt):
        take(stage, data, on_progress=stop)
    assert counts(take(stage, data)) == (1_000, 0, 5_000, 0)


def test_json_list_is_taken_the_same_way(stage: Stage) -> None:
    """Objects with the same keys; numbers stay as written, true and false are texts, null says nothing."""
    data = '[{"email": "ada@acme.example", "First Name": "Åsa", "seats": 1.10, "big": 1e400, "vip": true, "x": null}]'
    done = import_json(stage.store, data.encode(), now=START)
    assert counts(done) == (1, 0, 0, 0)
    assert ada(stage).first_name == "Åsa"
    assert ada(stage).attributes == {"seats": "1.10", "big": "1e400", "vip": "true"}


@pytest.mark.parametrize(
    ("item", "column", "words"),
    [
        ("3", None, "an object is wanted"),
        ('"ada@acme.example"', None, "an object is wanted"),
        ('{"email": "a@b.example", "email": "c@d.example"}', "email", "stands twice"),
        ('{"email": "a@b.example", "plan": "x", "Plan": "y"}', "plan", "stands twice"),
        ('{"email": "a@b.example", "tags": ["x"]}', "tags", "a text is wanted"),
        ('{"email": {"home": "a@b.example"}}', "email", "a text is wanted"),
        ('{"email": "a@b.example", "ref": "x"}', "ref", "drip's own"),
        ('{"email": 7}', "email", "not an email address"),
        ('{"first_name": "Ada"}', "email", "email is empty"),
    ],
)
def test_bad_object_is_named_and_the_good_are_taken(item: str, column: str | None, words: str) -> None:
    """A bad object is listed with the line on which it begins; those around it are taken."""
    roster = read_json(f'[{{"email": "one@acme.example"}},\n\n {item},\n{{"email": "two@acme.example"}}]'.encode())
    assert [entry.line for entry in roster.entries] == [1, 4]
    (problem,) = roster.problems
    assert (problem.line, problem.column) == (3, column)
    assert words in problem.message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "a JSON list of objects is wanted"),
        ('{"email": "ada@acme.example"}', "a JSON list of objects is wanted"),
        ('[{"email": "a@b.example"},\n {"email": }]', "line 2, column 12"),
        ('[{"email": "a@b.example"}\n {"email": "b@b.example"}]', "line 2"),
        ('[{"email": "a@b.example"},]', "line 1"),
        ('[{"email": "a@b.example"}', "is missing"),
        ("[] []", "after the end"),
        ("[" * 100_000, "nested too deeply"),
        ('[{"a":' * 50_000, "nested too deeply"),
    ],
)
def test_what_is_no_json_list_is_refused(text: str, words: str) -> None:
    """What is no list of objects is refused as a whole, with line and column where JSON breaks."""
    with pytest.raises(ImportRefused) as caught:
        read_json(text.encode())
    assert words in str(caught.value)


def test_half_a_letter_in_json_never_reaches_the_database(stage: Stage) -> None:
    """A lone surrogate is valid JSON, and no text: it is taken away, as control characters are."""
    data = rb'[{"email": "ada@acme.example", "first_name": "A\ud800da\u0000", "plan": "\ud83d\ude00"}]'
    assert counts(import_json(stage.store, data, now=START)) == (1, 0, 0, 0)
    assert (ada(stage).first_name, ada(stage).attributes) == ("Ada", {"plan": "😀"})


@given(st.binary(max_size=200) | st.binary(max_size=100).map(lambda tail: b"email,plan\n" + tail))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """Whatever bytes come, they are a roster or an ImportRefused, as CSV and as JSON."""
    for read in (read_csv, read_json):
        with suppress(ImportRefused):
            assert isinstance(read(data), Roster)


CELLS = st.text(st.sampled_from('ab@.,;\t"\n\r\x00 åé_|'), max_size=12)


@given(st.lists(st.lists(CELLS, max_size=5).map(",".join), max_size=8).map("\n".join))
def test_any_rows_below_a_header_are_read(rows: str) -> None:
    """Below a good header nothing refuses the file, and no line is told of twice."""
    roster = read_csv(f"email,first_name,plan\n{rows}\nada@acme.example,,\n".encode())
    lines = [entry.line for entry in roster.entries] + [problem.line for problem in roster.problems]
    assert len(set(lines)) == len(lines)
    assert all(2 <= line <= 2 + len(rows.splitlines()) + rows.count("\r") + 1 for line in lines)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(st.dictionaries(st.sampled_from(["email", "first_name", "plan", "city"]), st.text(max_size=8)), max_size=4)
)
def test_whatever_is_taken_can_be_stored_and_shown(stage: Stage, rows: list[dict[str, str]]) -> None:
    """Any text that gets through the door can be written, read back and printed; again changes nothing."""
    data = json.dumps([{**row, "email": f"p{n}@acme.example"} for n, row in enumerate(rows)]).encode()
    first = import_json(stage.store, data, now=START)
    assert first.refused == ()
    assert counts(import_json(stage.store, data, now=START)) == (0, 0, len(rows), 0)
    json.dumps([show(stage.store, f"p{n}@acme.example") for n in range(len(rows))], ensure_ascii=False).encode()


def test_add_one(stage: Stage) -> None:
    """One learner by hand: checked as in a file, again is an update, what is wrong is said."""
    one = add(stage.store, " Ada@Acme.Example ", now=START, first_name="Ada", attributes={"Plan Name": "pro"})
    assert (one.email, one.first_name, one.attributes) == ("Ada@acme.example", "Ada", {"plan_name": "pro"})
    again = add(stage.store, "ada@acme.example", now=START, timezone="Europe/Stockholm")
    assert (again.id, again.first_name, again.imported_timezone) == (one.id, "Ada", "Europe/Stockholm")
    for wrong in ({"timezone": "Stockholm"}, {"language": "??"}, {"attributes": {"ref": "x"}}):
        with pytest.raises(Refused):
            add(stage.store, "ada@acme.example", now=START, **wrong)  # type: ignore[arg-type]


def test_normal_email() -> None:
    """An address in one spelling, or a refusal that a person can read."""
    assert normal_email(" ada@EXÄMPLE.se ") == "ada@exämple.se"
    with pytest.raises(Refused, match="not an email address"):
        normal_email("ada")


def test_show_tells_everything_about_one(stage: Stage) -> None:
    """Enrolments with their mails, evidence in the order in which it happened and who did it; all of it is JSON."""
    stage.publish()
    take(stage, ADA + b"bo@acme.example,Bo,,,\n")
    stage.enrol("ada@acme.example", "bo@acme.example")
    stage.live(days=0.25)
    mail = next(row for row in stage.rows() if row.learner_id == ada(stage).id)
    stage.recorder.opened(mail.id, stage.visit("p", user_agent="Mozilla/5.0"))
    stage.clock.turn(minutes=1)
    stage.recorder.clicked(mail.id, 0, stage.visit("c"))
    stage.recorder.answered(mail.id, 0, "certain", stage.visit("a", method="POST"))
    found = json.loads(json.dumps(show(stage.store, "ADA@acme.example")))
    assert (found["email"], found["first_name"], found["timezone"]) == ("ada@acme.example", "Ada", "Europe/Stockholm")
    (enrolment,) = found["enrolments"]
    assert (enrolment["course"], enrolment["run"], enrolment["state"], enrolment["ended_by"]) == (
        "course",
        1,
        "active",
        None,
    )
    (sent,) = enrolment["deliveries"]
    assert (sent["step"], sent["state"], sent["sent_at"]) == ("welcome", "sent", "2026-03-02T08:00:00+00:00")
    told = [(one["kind"], one["origin"], one["reason"], one["step"]) for one in found["evidence"]]
    assert told == [
        ("open", "machine", "apple-prefetch", "welcome"), ("click", "human", "", "welcome"),
        ("answer", "human", "form", "welcome"),
    ]  # fmt: skip
    assert found["evidence"][2]["data"] == {"option": 0, "correct": True, "sure": "certain"}


def test_show_names_who_may_be_meant(stage: Stage) -> None:
    """A slip in an address brings up the one that is there; a stranger's brings up nobody."""
    take(stage, ADA)
    with pytest.raises(NotFound, match=r"did you mean ada@acme\.example"):
        show(stage.store, "aad@acme.example")
    with pytest.raises(NotFound) as caught:
        show(stage.store, "somebody@else.example")
    assert "did you mean" not in str(caught.value)
