"""`[bounces]` of drip.toml: one mailbox, and a password that stands in no file for sharing."""

from __future__ import annotations

from pathlib import Path

import pytest

from drip.errors import SettingsError
from drip.inbound.imap import Account
from drip.settings import Settings, load
from drip.settings.bounces import Bounces
from drip.wiring import mailbox

IMAP = '[bounces]\nimap = "imaps://bounces%40acme.example@mail.acme.example/Studsar"\n'


def settings(folder: Path, text: str, local: str = "", **environ: str) -> Settings:
    (folder / "drip.toml").write_text(text, "utf-8")
    (folder / "drip.local.toml").write_text(local, "utf-8")
    return load(folder, environ)


def test_a_maildir(tmp_path: Path) -> None:
    """A folder, without a password."""
    assert settings(tmp_path, '[bounces]\nmaildir = "box"\n').bounces == Bounces(maildir="box")
    assert settings(tmp_path, "").bounces is None


def test_a_mailbox_on_a_server(tmp_path: Path) -> None:
    """Its password comes from the environment, or from the file that is for the owner's eyes."""
    account = Account(host="mail.acme.example", port=993, user="bounces@acme.example", folder="Studsar", implicit=True)
    found = settings(tmp_path, IMAP, DRIP_BOUNCES_PASSWORD="a word")
    assert (found.bounces, found.bounces_password) == (Bounces(imap=account), "a word")
    assert settings(tmp_path, IMAP, 'bounces_password = "another"\n').bounces_password == "another"
    assert "another" not in repr(settings(tmp_path, IMAP, 'bounces_password = "another"\n'))
    plain = settings(tmp_path, '[bounces]\nimap = "imap://b@localhost"', DRIP_BOUNCES_PASSWORD="x").bounces
    assert plain == Bounces(imap=Account(host="localhost", port=143, user="b", folder="INBOX", implicit=False))


def test_a_password_is_missed_where_it_is_needed(tmp_path: Path) -> None:
    """Not by whoever only checks courses, or serves pages: by whoever opens the mailbox."""
    found = settings(tmp_path, IMAP)
    with pytest.raises(SettingsError, match=r"write its password in drip\.local\.toml"):
        mailbox(found)


@pytest.mark.parametrize(
    ("text", "local", "said"),
    [
        ('bounces_password = "hush"\n' + IMAP, "", "a password is a secret"),
        (IMAP + 'maildir = "box"\n', "", "exclude each other"),
        (
            '[bounces]\nimap = "imaps://b:hush@mail.acme.example/"\n',
            'bounces_password = "x"\n',
            "DRIP_BOUNCES_PASSWORD",
        ),
        ("[bounces]\nmaildir = 7\n", "", "a text of one line"),
        ('[bounces]\nmailbox = "box"\n', "", "there is no such setting"),
        (IMAP, 'bounces_password = ""\n', "a password of one line"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, local: str, said: str) -> None:
    """Where it stands and what to write, without what may be a password."""
    with pytest.raises(SettingsError, match=said) as error:
        settings(tmp_path, text, local)
    assert "hush" not in str(error.value)
