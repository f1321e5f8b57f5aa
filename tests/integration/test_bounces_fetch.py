"""Bounces are fetched from a Maildir and from a real IMAP server: none is lost, none counts twice, letters stay."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from came_back import LETTER, bounce
from dovecot import ELSEWHERE, PASSWORD, Dovecot, dovecot
from postfix import WANTS_ROOT
from stage import KEY, PLAIN_COURSE, SECRET, Stage, set_up

from drip.engine.bounces import Listener, Row, fetch
from drip.errors import MachineError, SettingsError
from drip.inbound.imap import MARK, Imap, parse_imap_url
from drip.inbound.mail import LARGEST
from drip.inbound.mailbox import Letter, Mailbox
from drip.inbound.maildir import Maildir, keep
from drip.people import State
from drip.track.token import Ring

RING = Ring.of([SECRET])


@pytest.fixture
def stage(tmp_path: Path, each_database: str) -> Stage:
    """The stage on both databases."""
    return sent(tmp_path)


def sent(folder: Path) -> Stage:
    """Three learners have got their first mail."""
    stage = set_up(folder)
    stage.publish(PLAIN_COURSE)
    stage.people(3)
    stage.deliver()
    stage.clock.turn(hours=0.5)
    return stage


def listener(stage: Stage) -> Listener:
    return Listener(store=stage.store, ring=RING, suppression_key=KEY, clock=stage.clock)


def mails(stage: Stage) -> list[bytes]:
    """A dead address, a letter, a full mailbox, a forged report about the third learner."""
    first, second, third = (row.id for row in stage.rows())
    return [
        bounce(RING, first, "learner0@customer.example"),
        LETTER,
        bounce(RING, second, "learner1@customer.example", code="5.2.2", said="552 5.2.2 Mailbox full"),
        bounce(RING, third, "learner2@customer.example", to="learn@acme.example"),
    ]


def words(rows: list[Row]) -> list[tuple[str, str, str]]:
    return [(row.kind, row.verdict or "", row.done) for row in rows]


WORDS = [
    ("bounce", "hard", "suppressed, bounced"),
    ("none", "", "a mail from somebody: left alone"),
    ("bounce", "soft", "noted"),
    ("bounce", "hard", "not provably a mail of ours, nothing done"),
]
AGAIN = [("bounce", "hard", "known already"), WORDS[1], ("bounce", "soft", "known already"), WORDS[3]]


def states(stage: Stage) -> list[State]:
    return [stage.standing(f"learner{n}@customer.example").enrolment.state for n in range(3)]


class Killed(Exception):
    """The process dies here."""


class Dies:
    """A mailbox whose reader dies before a mail is put away: what it says is in the database by then."""

    def __init__(self, mailbox: Mailbox, after: int) -> None:
        self._mailbox, self._left = mailbox, after

    def waiting(self) -> Iterator[Letter]:
        return self._mailbox.waiting()

    def put_away(self, name: str, *, understood: bool) -> None:
        if self._left == 0:
            raise Killed
        self._left -= 1
        self._mailbox.put_away(name, understood=understood)

    def close(self) -> None:
        self._mailbox.close()


def fill(folder: Path, contents: list[bytes]) -> Maildir:
    """A Maildir with these, in their order."""
    for number, content in enumerate(contents):
        keep(folder, content)
        (made,) = [file for file in (folder / "new").iterdir() if ".drip." in file.name]
        made.rename(folder / "new" / f"17{number:08}.x")
    return Maildir(folder)


def test_a_maildir_is_read_and_put_away(stage: Stage, tmp_path: Path) -> None:
    """The dead address is suppressed, the letter lies unread for a person, a second look finds nothing."""
    mailbox = fill(tmp_path / "box", mails(stage))
    assert words(list(fetch(listener(stage), mailbox))) == WORDS
    assert states(stage)[0] is not State.ACTIVE
    assert states(stage)[1:] == [State.ACTIVE, State.ACTIVE]
    assert list((tmp_path / "box" / "new").iterdir()) == []
    flags = [file.name.partition(":")[2] for file in sorted((tmp_path / "box" / "cur").iterdir())]
    assert flags == ["2,S", "2,", "2,S", "2,S"]
    assert list(fetch(listener(stage), mailbox)) == []


@pytest.mark.parametrize("after", range(5))
def test_who_is_killed_in_between_loses_nothing(stage: Stage, tmp_path: Path, after: int) -> None:
    """Whenever it dies, the next one finds what was not put away, and takes nothing twice."""
    mailbox = fill(tmp_path / "box", mails(stage))
    done: list[Row] = []
    try:
        for row in fetch(listener(stage), Dies(mailbox, after)):
            done.append(row)
    except Killed:
        assert len(done) == after < 4
    again = list(fetch(listener(stage), mailbox))
    assert words(done) == WORDS[: len(done)]
    assert words(again) == AGAIN[len(done) :]
    with stage.store.read() as conn:
        kinds = [row.kind for row in conn.exec_driver_sql("SELECT kind FROM evidence ORDER BY id")]
    assert kinds.count("bounce") == 2


def test_a_database_that_does_not_answer_leaves_all_mails_where_they_are(stage: Stage, tmp_path: Path) -> None:
    """Nothing is put away that is not durable."""
    mailbox = fill(tmp_path / "box", mails(stage))
    with stage.store.write() as conn:
        conn.exec_driver_sql("ALTER TABLE evidence RENAME TO gone")
    with pytest.raises(Exception, match="evidence"):
        list(fetch(listener(stage), mailbox))
    with stage.store.write() as conn:
        conn.exec_driver_sql("ALTER TABLE gone RENAME TO evidence")
    assert len(list((tmp_path / "box" / "new").iterdir())) == 4
    assert words(list(fetch(listener(stage), mailbox))) == WORDS


def test_two_readers_at_once_share_a_maildir(stage: Stage, tmp_path: Path) -> None:
    """What one has put away meanwhile, the other leaves out."""
    mailbox, other = fill(tmp_path / "box", mails(stage)), Maildir(tmp_path / "box")
    waiting = other.waiting()
    first = next(waiting)
    assert words(list(fetch(listener(stage), mailbox))) == WORDS
    assert list(waiting) == []
    other.put_away(first.name, understood=True)
    assert len(list((tmp_path / "box" / "cur").iterdir())) == 4


def test_odd_things_in_a_maildir_are_left(stage: Stage, tmp_path: Path) -> None:
    """A folder, a link, a pipe in `new`: nobody waits for them, and nothing outside is read."""
    mailbox = fill(tmp_path / "box", [])
    keep(tmp_path / "box", LETTER)
    (tmp_path / "box" / "new" / "folder").mkdir()
    os.mkfifo(tmp_path / "box" / "new" / "pipe")
    (tmp_path / "box" / "new" / "link").symlink_to(tmp_path / "drip.toml")
    assert words(list(fetch(listener(stage), mailbox))) == [WORDS[1]]


def test_no_maildir_is_said(stage: Stage, tmp_path: Path) -> None:
    """With what to do."""
    with pytest.raises(MachineError, match=r"Maildir .* cannot be used: No such file .*mkdir"):
        list(fetch(listener(stage), Maildir(tmp_path / "nowhere")))


@pytest.fixture(scope="module")
def server() -> Iterator[Dovecot]:
    """A real IMAP server."""
    with dovecot() as running:
        yield running


@pytest.fixture
def imap(server: Dovecot, monkeypatch: pytest.MonkeyPatch) -> Dovecot:
    """The same, trusted."""
    monkeypatch.setenv("SSL_CERT_FILE", server.cert)
    return server


@pytest.fixture
def plain_stage(tmp_path: Path) -> Stage:
    """The stage on SQLite: what is asked of the server is the same on both."""
    return sent(tmp_path)


def box(server: Dovecot, user: str, scheme: str = "imaps") -> Imap:
    return Imap(parse_imap_url(server.url(user, scheme)), PASSWORD)


@WANTS_ROOT
@pytest.mark.parametrize("scheme", ["imaps", "imap"])
def test_an_imap_mailbox_is_read_and_marked(plain_stage: Stage, imap: Dovecot, scheme: str) -> None:
    """Over TLS from the start and over STARTTLS: bounces are marked and seen, the letter is marked and stays unread."""
    stage, user = plain_stage, imap.user()
    imap.put(user, *mails(stage))
    mailbox = box(imap, user, scheme)
    assert words(list(fetch(listener(stage), mailbox))) == WORDS
    understood = {r"\Seen", MARK}
    assert [flags - {r"\Recent"} for flags in imap.flags(user)] == [understood, {MARK}, understood, understood]
    assert list(fetch(listener(stage), mailbox)) == []
    assert list(fetch(listener(stage), box(imap, user, scheme))) == []


@WANTS_ROOT
def test_a_bounce_that_a_person_has_opened_is_read_all_the_same(plain_stage: Stage, imap: Dovecot) -> None:
    """People look into mailboxes: what counts is our mark."""
    stage, user = plain_stage, imap.user()
    imap.put(user, *mails(stage))
    with imap.opened(user) as opened:
        opened.store("1:*", "+FLAGS", r"(\Seen)")
    assert words(list(fetch(listener(stage), box(imap, user)))) == WORDS


@WANTS_ROOT
def test_a_server_that_takes_no_marks(plain_stage: Stage, imap: Dovecot) -> None:
    """There "seen" says what was understood, and a letter is looked at once by one reader."""
    stage, user = plain_stage, imap.user(marks=False)
    folder = imap.folder / "mail" / user
    fill(folder, mails(stage))  # they arrive as mails do: this user may not mark any as they put it there
    for one in (folder, *folder.rglob("*")):
        shutil.chown(one, "nobody")
    mailbox = box(imap, user)
    assert words(list(fetch(listener(stage), mailbox))) == WORDS
    assert [flags & {r"\Seen", MARK} for flags in imap.flags(user)].count(set()) == 1
    assert list(fetch(listener(stage), mailbox)) == []
    assert words(list(fetch(listener(stage), box(imap, user)))) == [WORDS[1]]


@WANTS_ROOT
@pytest.mark.parametrize("after", [0, 2])
def test_who_is_killed_over_imap_loses_nothing(plain_stage: Stage, imap: Dovecot, after: int) -> None:
    """As with a Maildir."""
    stage, user = plain_stage, imap.user()
    imap.put(user, *mails(stage))
    with pytest.raises(Killed):
        list(fetch(listener(stage), Dies(box(imap, user), after)))
    assert words(list(fetch(listener(stage), box(imap, user)))) == AGAIN[after:]


@WANTS_ROOT
@pytest.mark.parametrize("which", [0, 1, 3])
def test_a_mail_that_the_server_cannot_read_keeps_no_other(plain_stage: Stage, imap: Dovecot, which: int) -> None:
    """Dovecot hangs up over a broken one: the others are taken in and put away, then it is said, at every look."""
    stage, user = plain_stage, imap.user()
    imap.put(user, *mails(stage))
    folder = imap.folder / "mail" / user
    files = sorted(file for name in ("new", "cur") for file in (folder / name).iterdir())
    os.chown(files[which], 0, 0)
    files[which].chmod(0)
    mailbox: Imap = box(imap, user)
    rows: list[Row] = []
    with pytest.raises(MachineError, match=r"cannot read number \d+:"):
        rows.extend(fetch(listener(stage), mailbox))
    assert words(rows) == [said for number, said in enumerate(WORDS) if number != which]
    assert [MARK in flags for flags in imap.flags(user)] == [number != which for number in range(4)]
    assert states(stage)[0] is (State.ACTIVE if which == 0 else State.FAILED)
    with pytest.raises(MachineError, match=r"cannot read number \d+:"):
        list(fetch(listener(stage), mailbox))


@WANTS_ROOT
def test_a_large_mail_is_fetched_to_its_beginning(plain_stage: Stage, imap: Dovecot) -> None:
    """No more than is read of it comes over the wire; it is said, and lies unread for a person."""
    stage, user = plain_stage, imap.user()
    imap.put(user, LETTER + b"x" * 79 + b"\n" + b"y" * LARGEST)
    (row,) = fetch(listener(stage), box(imap, user))
    assert (row.kind, row.done) == ("none", "larger than 10 MB: not read")
    assert imap.flags(user)[0] - {r"\Recent"} == {MARK}


@WANTS_ROOT
def test_a_server_that_is_not_to_be_trusted_gets_no_password(
    plain_stage: Stage, server: Dovecot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A certificate that nobody vouches for, or for another name: said, and nothing is sent."""
    user, log = server.user(), server.folder / "log"
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    for scheme in ("imaps", "imap"):
        with pytest.raises(MachineError, match="its certificate is not to be trusted: self-signed"):
            list(fetch(listener(plain_stage), box(server, user, scheme)))
    monkeypatch.setenv("SSL_CERT_FILE", server.cert)
    wrong = parse_imap_url(server.url(user, host=ELSEWHERE))
    with pytest.raises(MachineError, match=r"not to be trusted: (Hostname|IP address) mismatch"):
        list(fetch(listener(plain_stage), Imap(wrong, PASSWORD)))
    assert user not in log.read_text()


@WANTS_ROOT
def test_no_password_goes_in_the_clear_beyond_this_machine(plain_stage: Stage) -> None:
    """A server without TLS is refused, unless it is localhost."""
    with dovecot(ssl="no") as plain:
        user = plain.user()
        assert list(fetch(listener(plain_stage), box(plain, user, "imap"))) == []
        away = parse_imap_url(plain.url(user, "imap", ELSEWHERE))
        with pytest.raises(MachineError, match="no STARTTLS"):
            list(fetch(listener(plain_stage), Imap(away, PASSWORD)))
        assert (plain.folder / "log").read_text().count("Login:") == 1


@WANTS_ROOT
def test_what_is_wrong_with_the_mailbox_is_said_without_the_password(plain_stage: Stage, imap: Dovecot) -> None:
    """A wrong password, a folder that is not there, a server that is not there."""
    url = imap.url(imap.user())
    with pytest.raises(
        MachineError, match=r"mailbox of bounces\d+@acme.example at localhost:\d+: Auth.* failed"
    ) as wrong:
        list(fetch(listener(plain_stage), Imap(parse_imap_url(url), "a wrong password")))
    assert "a wrong password" not in str(wrong.value)
    with pytest.raises(MachineError, match=r"Mailbox doesn't exist: Nowhere"):
        list(fetch(listener(plain_stage), Imap(parse_imap_url(url.replace("INBOX", "Nowhere")), PASSWORD)))
    with pytest.raises(MachineError, match="Connection refused"):
        list(fetch(listener(plain_stage), Imap(parse_imap_url("imap://a@127.0.0.1:1/INBOX"), PASSWORD)))


@pytest.mark.parametrize(
    "url",
    ["", "INBOX", "http://a@b/INBOX", "imaps://mail.acme.example/INBOX", "imaps://a:secret@b/", "imaps://a@b:x/", "imaps://a%0Ab@c/",
     "imaps://[a@b/", "imaps://a@b/?x=secret"],
)  # fmt: skip
def test_an_address_that_is_none_is_refused(url: str) -> None:
    """What is wrong is said, and no secret with it."""
    with pytest.raises(SettingsError) as refused:
        parse_imap_url(url)
    assert "secret" not in str(refused.value)
