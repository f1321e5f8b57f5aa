"""drip.toml, drip.local.toml and DRIP_* variables become Settings, or a message that says what to write."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from drip.course.attributes import Attribute
from drip.course.timing import parse_clock, parse_gap, parse_limit
from drip.errors import SettingsError
from drip.settings import Settings, load, masked, require_secret


def settings(folder: Path, toml: str | None = None, local: str | None = None, **variables: str) -> Settings:
    """The settings of a folder with these files, under these variables and no others."""
    for name, text in (("drip.toml", toml), ("drip.local.toml", local)):
        if text is not None:
            (folder / name).write_text(text, "utf-8")
    return load(folder, environ=variables)


def test_a_folder_with_nothing_has_the_bare_defaults(tmp_path: Path) -> None:
    """Without files and variables: SQLite and an outbox here, UTC, every day, any time, one mail a day's gap."""
    bare = settings(tmp_path)
    assert (bare.database_url, bare.transport) == ("sqlite:///drip.db", "outbox:./outbox")
    assert (bare.base_url, bare.is_workspace, bare.secret_keys) == ("http://127.0.0.1:8000", False, ())
    assert (bare.defaults.every, bare.defaults.at) == (parse_gap("1 day"), None)
    assert (bare.defaults.timezone, len(bare.defaults.days)) == ("UTC", 7)
    assert bare.defaults.sender is not None


def test_a_variable_goes_over_the_secret_file_over_the_shared_one(tmp_path: Path) -> None:
    """The environment wins, then drip.local.toml, then drip.toml; what only one of them says stays."""
    shared = 'base_url = "https://shared.example"\ntransport = "outbox:shared"\nlease = 30\n'
    local = 'base_url = "https://local.example"\ntransport = "outbox:local"\n'
    found = settings(tmp_path, shared, local, DRIP_TRANSPORT="outbox:env", HOME="/", PATH="")
    assert found.transport == "outbox:env"
    assert found.base_url == "https://local.example"
    assert found.lease == timedelta(seconds=30)
    assert found.is_workspace


def test_sections_become_what_courses_get(tmp_path: Path) -> None:
    """[sender], [timing] and [brand] are read by the rules of course files."""
    found = settings(
        tmp_path,
        """\
language = "sv"
layout = "our-tip"
[sender]
name = "Akademin"
email = "Lär@Kund.example"
reply_to = "hjalp@kund.example"
[timing]
every = "2 business days"
at = "07:30"
days = ["tue", "thu"]
skip_holidays = "SE"
timezone = "Europe/Stockholm"
limit = "2 per week"
[brand]
name = "Kund"
accent = "#0F6B5C"
address = "Storgatan 1"
""".replace("Lär@", "lar@"),
    )
    assert found.defaults.sender is not None
    assert (found.defaults.sender.name, found.defaults.sender.email) == ("Akademin", "lar@kund.example")
    assert (found.defaults.language, found.defaults.layout) == ("sv", "our-tip")
    assert found.defaults.every == parse_gap("2 business days")
    assert found.defaults.at == parse_clock("07:30")
    assert found.defaults.days == {1, 3}
    assert (found.defaults.skip_holidays, found.defaults.timezone) == ("SE", "Europe/Stockholm")
    assert (found.brand.name, found.brand.address) == ("Kund", "Storgatan 1")
    assert found.limit == parse_limit("2 per week")
    assert found.defaults.limit is None, "it is not each course's own: it holds over all of them"


def test_a_workspace_names_its_own_sender(tmp_path: Path) -> None:
    """With a drip.toml there is no placeholder of a sender: courses must say one, or it does."""
    assert settings(tmp_path, 'language = "en"\n').defaults.sender is None


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ('langauge = "en"', "drip.toml: langauge: there is no such setting; did you mean language?"),
        ('[timing]\nevry = "1 day"', "drip.toml: [timing] evry: there is no such setting; did you mean timing.every?"),
        ('[timing]\nevery = "soon"', 'drip.toml: [timing] every: "soon" is not a gap'),
        ("[timing]\nevery = 1", "drip.toml: [timing] every:"),
        ("[timing]\nat = 09:00:00", "drip.toml: [timing] at:"),
        ('[timing]\nat = "25:00"', "drip.toml: [timing] at:"),
        ('[timing]\nat = "09:00"\nbetween = "08:00-10:00"', "exclude each other"),
        ('[timing]\ndays = ["someday"]', "drip.toml: [timing] days:"),
        ('[timing]\ntimezone = "Europe/Stokholm"', 'did you mean "Europe/Stockholm"?'),
        ('[timing]\nskip_holidays = "ZZ"', "drip.toml: [timing] skip_holidays:"),
        ('[timing]\nlimit = "now and then"', "drip.toml: [timing] limit: "),
        ("timing = 5", "drip.toml: timing: a section is wanted"),
        ('sender = "Acme"', "drip.toml: sender: a section is wanted"),
        ('[sender]\nname = "Acme"', "drip.toml: [sender] needs a name and an email"),
        ('[sender]\nname = "Acme"\nemail = "nope"', "drip.toml: [sender] email: not an address"),
        ('[sender]\nname = "A\\nB"\nemail = "a@acme.example"', "drip.toml: [sender] name:"),
        ('[brand]\naccent = "red"', 'drip.toml: [brand] accent: "red" is not a colour'),
        ('[brand]\ncolour = "#000000"', "drip.toml: [brand] colour: there is no such setting"),
        ('[learner]\nseats = "nummer"', "drip.toml: [learner] seats: 'nummer' is not a type: did you mean number?"),
        ('[learner]\nemail = "text"', "drip.toml: [learner] email: learner.email is drip's own"),
        ('[learner]\nSeats = "number"', "drip.toml: [learner] Seats: a name has small letters"),
        ('[learner]\nseats = {type = "number", default = "many"}', "drip.toml: [learner] seats: its default 'many'"),
        ("learner = 5", "drip.toml: learner: a section is wanted"),
        ('[timing]\nstale_after = "soon"', "drip.toml: [timing] stale_after:"),
        ('[sender]\nname = "A"\nemail = "a@acme.example"\nbounces = "no domain"', "drip.toml: [sender] bounces:"),
        ("language = 5", "drip.toml: language: a text of one line is wanted"),
        ('language = "x y"', "drip.toml: language:"),
        ('layout = "../tip"', "drip.toml: layout:"),
        ("lease = true", "drip.toml: lease: a number of seconds is wanted"),
        ("lease = 0.1", "drip.toml: lease: a lease of less than half a second"),
        ("lease = nan", "drip.toml: lease:"),
        ('in_doubt = "maybe"', 'drip.toml: in_doubt: "resend" or "hold"'),
        ("only_to = []", "drip.toml: only_to: no address stands there"),
        ("x = [", "drip.toml: not TOML"),
    ],
)
def test_a_mistake_names_the_key_and_what_to_write(tmp_path: Path, toml: str, words: str) -> None:
    """Each wrong key or value is refused with the file, the key and the way out."""
    with pytest.raises(SettingsError) as refused:
        settings(tmp_path, toml)
    assert words in str(refused.value)


def test_the_learners_attributes_are_declared(tmp_path: Path) -> None:
    """Each line of [learner] is one: a type, a list of values, or a table; the local file may add to them."""
    shared = (
        '[learner]\nplan = ["trial", "pro"]\nseats = {type = "number", default = 1}\nrenewal_date = "date"\n'
        'open_ticket = {type = "yes/no", default = false}\n'
    )
    found = settings(tmp_path, shared, '[learner]\nnickname = "text"\n').defaults.attributes
    assert found == {
        "plan": Attribute(type="choice", choices=("trial", "pro")),
        "seats": Attribute(type="number", default=1),
        "renewal_date": Attribute(type="date"),
        "open_ticket": Attribute(type="yes/no", default=False),
        "nickname": Attribute(type="text"),
    }


def test_without_a_section_nothing_is_declared(tmp_path: Path) -> None:
    """No [learner] takes everything; an empty one declares that there are none."""
    assert settings(tmp_path, 'language = "sv"').defaults.attributes is None
    assert settings(tmp_path, "[learner]").defaults.attributes == {}


def test_bounces_and_staleness_are_defaults_too(tmp_path: Path) -> None:
    """What a course may say of its sender and timing may stand in drip.toml."""
    sender = '[sender]\nname = "A"\nemail = "a@acme.example"\nbounces = "bounces.acme.example"\n'
    defaults = settings(tmp_path, sender + '[timing]\nstale_after = "7 days"').defaults
    assert defaults.sender is not None
    assert defaults.sender.bounces == "bounces.acme.example"
    assert defaults.stale_after == parse_gap("7 days")


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    """Bytes that are not UTF-8, and a folder in the file's place, are said in words."""
    (tmp_path / "drip.toml").write_bytes(b"language = '\xff'")
    with pytest.raises(SettingsError, match=r"drip\.toml: not UTF-8"):
        load(tmp_path, environ={})
    (tmp_path / "drip.toml").unlink()
    (tmp_path / "drip.toml").mkdir()
    with pytest.raises(SettingsError, match=r"drip\.toml: cannot be read: Is a directory"):
        load(tmp_path, environ={})


def test_an_unknown_variable_is_refused(tmp_path: Path) -> None:
    """A slip in a DRIP_* name would be silent otherwise; a key for a way out that is not taken is no slip."""
    with pytest.raises(SettingsError, match=r"DRIP_BASE_ULR: .*did you mean DRIP_BASE_URL\?"):
        settings(tmp_path, DRIP_BASE_ULR="https://learn.acme.example")
    assert settings(tmp_path, DRIP_SENDGRID_API_KEY="SG.x").transport == "outbox:./outbox"


@pytest.mark.parametrize("value", ["ftp://x.example", "learn.acme.example", "https://", "https://x.example/?a=b", " "])
def test_the_base_url_is_an_address_of_the_web(tmp_path: Path, value: str) -> None:
    """Links are made by adding a path to it, so it has a scheme and a host and no query."""
    with pytest.raises(SettingsError, match="DRIP_BASE_URL"):
        settings(tmp_path, DRIP_BASE_URL=value)


def test_the_base_url_may_have_a_path_and_loses_its_last_slash(tmp_path: Path) -> None:
    """`https://x/learn/` and `https://x/learn` make the same links."""
    found = settings(tmp_path, DRIP_BASE_URL="https://x.example/learn/")
    assert found.base_url == "https://x.example/learn"


def test_a_secret_is_needed_and_must_be_long(tmp_path: Path) -> None:
    """None, an empty one and a short one are refused in words that do not hold it; several are taken newest first."""
    for value in ("", " , ", "hemligt", "long enough to be a secret,hemligt"):
        with pytest.raises(SettingsError) as refused:
            require_secret(settings(tmp_path, DRIP_SECRET_KEY=value))
        assert "hemligt" not in str(refused.value)
    found = settings(tmp_path, DRIP_SECRET_KEY="the newest of the secrets, one that is older by now")
    require_secret(found)
    assert found.secret_keys == ("the newest of the secrets", "one that is older by now")


@pytest.mark.parametrize("name", ["DRIP_TRANSPORT", "DRIP_DATABASE_URL"])
def test_an_address_with_a_password_is_never_repeated(tmp_path: Path, name: str) -> None:
    """What is wrong with it is said without it; an end of line that a shell left is no mistake."""
    with pytest.raises(SettingsError) as refused:
        settings(tmp_path, **{name: "smtp://ada:hemligt@\x07"})
    assert "hemligt" not in str(refused.value)
    assert settings(tmp_path, **{name: "outbox:x\n"}).is_workspace is False


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("outbox:./outbox", "outbox:./outbox"),
        ("sqlite:///drip.db", "sqlite:///drip.db"),
        ("smtp://mail.acme.example:587", "smtp://mail.acme.example:587"),
        ("smtp://ada:p@ss/w?rd#x@mail.acme.example?tls=auto", "smtp://…@mail.acme.example"),
        ("postgresql://u@db/drip?password=hemligt", "postgresql://…@db/drip"),
    ],
)
def test_a_masked_address_holds_no_password(url: str, shown: str) -> None:
    """What stands before the last @ and after a ? is left out, however it is spelled."""
    assert masked(url) == shown


def test_the_staging_guard_holds_addresses_and_never_nothing(tmp_path: Path) -> None:
    """Addresses are compared without their case; a guard that came out empty is refused: it would let mail out."""
    assert settings(tmp_path, DRIP_ONLY_TO="Boss@Acme.example, qa@acme.example").only_to == {
        "boss@acme.example",
        "qa@acme.example",
    }
    for value in ("", " ", ",", "boss"):
        with pytest.raises(SettingsError, match="DRIP_ONLY_TO"):
            settings(tmp_path, DRIP_ONLY_TO=value)
