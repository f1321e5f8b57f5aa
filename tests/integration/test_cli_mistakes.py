"""What a user gets wrong, and what the machine cannot do: words on stderr, the right exit code, never a traceback."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from terminal import Terminal

ADA = "ada@customer.example"
#: Stands for a password everywhere below.
PASSWORD = "hemligt"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the course `hello` is published and Ada is a learner; each test works on a copy."""
    folder = tmp_path_factory.mktemp("prepared")
    with pytest.MonkeyPatch.context() as monkeypatch:
        terminal = Terminal(folder=folder, monkeypatch=monkeypatch, capsys=None)  # type: ignore[arg-type]
        terminal.found()
        for words in (["publish", "hello"], ["learners", "add", ADA]):
            with terminal.start(*words) as process:
                assert process.wait(60) == 0, process.communicate()
    return folder


@pytest.fixture
def here(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Terminal:
    shutil.copytree(prepared, tmp_path / "här")
    return Terminal(folder=tmp_path / "här", monkeypatch=monkeypatch, capsys=capsys)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("preview helo", 'did you mean "hello"?'),
        ("preview hello welcom", 'has no tip "welcom"; did you mean "welcome"?'),
        ("preview hello goodbye --variant shrt", 'has no variant "shrt"; did you mean "short"?'),
        ("preview hello --language sv", 'is written in "en" only'),
        ("preview ../nope.yaml", "there is no file ../nope.yaml"),
        ("preview drip.toml", "drip.toml is no course file: its name ends in .yaml"),
        ("preview hello --out drip.toml", "cannot write into drip.toml: File exists"),
        ("preview hello --learner nope.json", "there is no file nope.json"),
        ("simulate hello --start yesterday", '"yesterday" is not a time'),
        ("simulate hello --start 2026-13-01", '"2026-13-01" is not a time'),
        ("simulate hello --start 9999-01-01", "not in a year"),
        ("simulate hello --timezone Europe/Stokholm", 'did you mean "Europe/Stockholm"?'),
        ("simulate hello --timezone Mars/Base", "is not a time zone"),
        ("publish helo", 'did you mean "hello"?'),
        ("learners import nope.csv", "there is no file nope.csv"),
        ("learners import campaigns", "campaigns: cannot be read: Is a directory"),
        ("learners import drip.db", "drip.db: this is not a text file"),
        ("learners import drip.toml", "drip.toml: "),
        ("learners add nope", '"nope" is not an email address'),
        ("learners add bo@kund.example --timezone Europe/Stokholm", 'did you mean "Europe/Stockholm"?'),
        ("learners add bo@kund.example --language klingon-language", "is not a language tag"),
        ("learners add bo@kund.example --set _x=1", "a column cannot be named"),
        ("learners show adda@customer.example", f"did you mean {ADA}?"),
        ("enrol helo --all", 'did you mean "hello"?'),
        ("enrol hello --email adda@customer.example", f"did you mean {ADA}?"),
        (f"enrol hello --email {ADA} --at 2026-03-02T08:00", '"2026-03-02T08:00" has no offset'),
        ("enrol hello --file nope.txt", "there is no file nope.txt"),
        ("run --until-idle --now 2026-03-02T08:00", "has no offset"),
        ("run --until-idle --now soon", '"soon" is not a time'),
        ("serve --now soon --port 0", '"soon" is not a time'),
        ("pause helo", 'did you mean "hello"?'),
        (f"why {ADA} helo", 'did you mean "hello"?'),
        (f"why {ADA} hello", f"`drip enrol hello --email {ADA}`"),
        ("why adda@customer.example hello", f"did you mean {ADA}?"),
        ("report helo", 'did you mean "hello"?'),
        ("send hello welcom --to boss@acme.example", 'did you mean "welcome"?'),
        ("send hello welcome --to boss", '"boss" is not an email address'),
        ("init", "drip.toml is there already"),
        ("init drip.toml/x", "cannot write into drip.toml/x: Not a directory"),
        ("demo", "drip.toml is there already"),
    ],
)
def test_a_user_s_mistake_is_exit_1(here: Terminal, line: str, words: str) -> None:
    """What was typed is wrong: exit 1, what is wrong and what to write on stderr, nothing on stdout."""
    words_typed = [*line.split(), "."] if line == "demo" else line.split()
    said = here.drip(*words_typed, code=1)
    assert words in said.err
    assert "helo" not in said.out


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", "Usage: drip"),
        ("nonsense", "No such command 'nonsense'"),
        ("staus", "Did you mean 'status'"),
        ("status --nonsense", "No such option"),
        ("status --format yaml", "--format"),
        ("preview", "Missing argument 'COURSE'"),
        ("send hello welcome", "--to"),
        ("run --workers 0", "--workers"),
        ("serve --port 65536", "--port"),
        ("serve --port abc", "--port"),
        ("enrol hello", "say whom"),
        (f"enrol hello --all --email {ADA}", "say whom"),
        ("pause", "say which course"),
        ("resume hello --all", "say which course"),
        ("learners add bo@kund.example --set plan", "--set wants KEY=VALUE"),
    ],
)
def test_a_misused_command_is_exit_2(here: Terminal, line: str, words: str) -> None:
    """Options that are missing, unknown, malformed or contradict each other: exit 2."""
    said = here.drip(*line.split(), code=2)
    assert words in said.err
    assert said.out == ""


@pytest.mark.parametrize(
    ("name", "value", "line", "code", "words"),
    [
        ("DRIP_DATABASE_URL", "nonsense", "status", 1, "not a database address"),
        ("DRIP_DATABASE_URL", "", "status", 1, "DRIP_DATABASE_URL: an address of one line is wanted"),
        ("DRIP_DATABASE_URL", "oracel://u:hemligt@h/x", "status", 1, "DRIP_DATABASE_URL: oracel: is unknown"),
        ("DRIP_DATABASE_URL", "postgresql://u:p@h:hemligt/x", "status", 1, "not a database address"),
        ("DRIP_DATABASE_URL", "sqlite:////nonexistent/x.db", "status", 3, "unable to open database file"),
        ("DRIP_DATABASE_URL", "sqlite:///campaigns", "status", 3, "unable to open database file"),
        ("DRIP_DATABASE_URL", "sqlite:///campaigns/hello.yaml", "status", 3, "file is not a database"),
        ("DRIP_DATABASE_URL", "sqlite:///file:drip.db?mode=ro&uri=true", "pause --all", 3, "readonly database"),
        ("DRIP_TRANSPORT", "nonsense", "run --until-idle", 1, "DRIP_TRANSPORT: it names no way out"),
        ("DRIP_TRANSPORT", "hemligt@host", "run --until-idle", 1, "DRIP_TRANSPORT: it names no way out"),
        ("DRIP_TRANSPORT", "smpt://u:hemligt@h", "run --until-idle", 1, "did you mean smtp:?"),
        ("DRIP_TRANSPORT", "smtp://u:hemligt@h:port", "run --until-idle", 1, "DRIP_TRANSPORT: the SMTP URL"),
        ("DRIP_TRANSPORT", "smtp://u:hem/ligt?@h", "run --until-idle", 1, "DRIP_TRANSPORT: the SMTP URL"),
        ("DRIP_TRANSPORT", "smtp://u:hemligt@h\n", "status", 0, ""),
        ("DRIP_TRANSPORT", "smtp://u:hemligt@h\x07", "status", 1, "DRIP_TRANSPORT: an address of one line is wanted"),
        ("DRIP_TRANSPORT", "smtp://u:hemligt@127.0.0.1:1", "send hello welcome --to a@b.example", 3, "127.0.0.1:1"),
        ("DRIP_TRANSPORT", "outbox:drip.toml/x", "send hello welcome --to a@b.example", 3, "outbox"),
        ("DRIP_SECRET_KEY", "hemligt", "run --until-idle", 1, "shorter than 16 characters"),
        ("DRIP_SECRET_KEY", "", "serve --port 0", 1, "no secret to sign links with"),
        ("DRIP_SECRT_KEY", "hemligt", "check", 1, "did you mean DRIP_SECRET_KEY?"),
        ("DRIP_BASE_URL", "learn.acme.example", "check", 1, "such as https://learn.acme.example"),
        ("DRIP_LEASE", "soon", "check", 1, "DRIP_LEASE: a number of seconds is wanted"),
        ("DRIP_IN_DOUBT", "maybe", "check", 1, '"resend" or "hold"'),
        ("DRIP_ONLY_TO", "boss", "check", 1, "DRIP_ONLY_TO: not an address"),
        ("DRIP_ONLY_TO", " ", "check", 1, "DRIP_ONLY_TO: no address stands there"),
    ],
)
def test_a_wrong_setting_is_named_and_no_password_is_shown(
    here: Terminal, name: str, value: str, line: str, code: int, words: str
) -> None:
    """The variable, what is wrong and what to write; a password in it never comes out again."""
    said = here.drip(*line.split(), code=code, **{name: value})
    assert words in said.err
    assert PASSWORD not in said.out + said.err
    assert "ligt" not in said.out + said.err


def test_a_password_is_masked_where_the_way_out_is_named(here: Terminal) -> None:
    """`run` names where it sends, without user and password, whatever these hold."""
    from drip.settings import masked

    assert masked("smtp://ada:p@ss/w?rd@mail.acme.example:587?tls=auto") == "smtp://…@mail.acme.example:587"
    assert masked("outbox:./outbox") == "outbox:./outbox"
    assert masked("postgresql://u:p@db/drip?password=hemligt") == "postgresql://…@db/drip"


def test_a_file_that_cannot_be_read_or_written_is_named(here: Terminal) -> None:
    """A loop of links, a folder in the place of a file, and a file that is no YAML end in words."""
    (here.folder / "campaigns" / "loop.yaml").symlink_to("loop.yaml")
    assert "campaigns/loop.yaml" in here.drip("check", code=1).out
    here.write("templates/tip.mjml", "").write_bytes(b"<mjml>\xff</mjml>")
    assert "templates/tip.mjml: not UTF-8" in here.drip("preview", "hello", code=1).err


@pytest.mark.parametrize("line", ["status", "check", "learners list", "simulate hello", "report hello"])
def test_an_empty_folder_is_no_accident(tmp_path: Path, here: Terminal, line: str) -> None:
    """In a folder with nothing in it every command answers in words, or with nothing to tell."""
    folder = tmp_path / "tom"
    folder.mkdir()
    empty = Terminal(folder=folder, monkeypatch=here.monkeypatch, capsys=here.capsys)
    code = 0 if line == "learners list" else 1
    said = empty.drip(*line.split(), code=code)
    assert (said.err != "") == (code == 1)
    assert (said.out != "") == (code == 0)


def test_a_folder_without_settings_works_from_a_path(tmp_path: Path, here: Terminal) -> None:
    """Outside a workspace a course file is checked, previewed and simulated with the bare defaults, in UTC."""
    folder = tmp_path / "lös"
    folder.mkdir()
    shutil.copy(here.folder / "campaigns" / "hello.yaml", folder / "hej.yaml")
    loose = Terminal(folder=folder, monkeypatch=here.monkeypatch, capsys=here.capsys)
    assert all(row["severity"] == "warning" for row in loose.json("check", "hej.yaml"))
    assert len(loose.json("preview", "hej.yaml")) == 4
    rows = loose.json("simulate", "hej.yaml", "--start", "2026-03-02T08:00")
    assert rows[0]["local"] == "2026-03-02T08:00:00+00:00"
    assert "no sender" in loose.drip("publish", "hej.yaml", code=1).err, "nobody is mailed in the placeholder's name"
    with (folder / "hej.yaml").open("a", encoding="utf-8") as file:
        file.write("sender: {name: Acme, email: learn@acme.example}\n")
    loose.drip("publish", "hej.yaml")
    assert [course["id"] for course in loose.json("status")["courses"]] == ["hej"]
