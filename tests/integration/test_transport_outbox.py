"""A folder of .eml files: each whole or not there, and a delivery sent again writes over its own."""

from __future__ import annotations

import email
import email.policy
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from drip.render.message import Message
from drip.render.mime import to_bytes
from drip.transports.outbox import Outbox, file_name

Mail = Callable[..., Message]

#: A process that fills an outbox, one file a message, for ever.
WRITER = """
    import resource, sys
    from datetime import datetime, UTC
    from drip.render.message import Message
    from drip.transports.outbox import Outbox

    def mail(number, size):
        return Message(delivery_id=number, mail_from="b@acme.example", rcpt_to="ada@lovelace.example",
                       message_id=f"<{number}@acme.example>", date=datetime(2026, 11, 5, tzinfo=UTC), subject="Hej",
                       headers=(("From", "learn@acme.example"),), text="Hej", html="x" * size)
"""


def run(code: str, folder: Path) -> subprocess.Popen[str]:
    source = textwrap.dedent(WRITER) + textwrap.dedent(code)
    return subprocess.Popen([sys.executable, "-c", source, str(folder)], stdout=subprocess.PIPE, text=True)


def test_file_is_named_by_time_delivery_and_recipient(tmp_path: Path, mail: Mail) -> None:
    """The name sorts by the instant in UTC, whatever zone the date is told in, and can be read by a person."""
    nine_in_paris = datetime(2026, 11, 5, 9, 0, tzinfo=timezone(timedelta(hours=1)))
    Outbox(tmp_path).send([mail(7, "Ada.Lovelace@Example.com", date=nine_in_paris)])
    assert [path.name for path in tmp_path.iterdir()] == ["20261105T080000Z-00000007-ada.lovelace@example.com.eml"]


@pytest.mark.parametrize(
    "rcpt_to", ["../../etc/passwd@x", "a/b@c", "a\\b:c@d", ".hidden@x", "x" * 300 + "@y", "å@ö", "-rf@x", "a\n@b", ""]
)
def test_hostile_recipient_stays_in_the_folder(tmp_path: Path, mail: Mail, rcpt_to: str) -> None:
    """Whatever an address holds, its file is one plain name in this folder, or not written."""
    named = file_name(mail(9, date=datetime(2026, 1, 1, tzinfo=UTC), rcpt_to=rcpt_to))
    folder = tmp_path / "a" / "b" / "outbox"
    Outbox(folder).send([mail(9, rcpt_to=rcpt_to, headers=(("From", "learn@acme.example"),))])
    assert {path.parent for path in tmp_path.rglob("*") if path.is_file()} <= {folder}
    assert named.isascii()
    assert not set(named) & set("/\\:\n\0 ")
    assert named.startswith("2026")
    assert len(named) < 200


def test_same_delivery_again_writes_over_its_own_file(tmp_path: Path, mail: Mail) -> None:
    """A retry makes no second file; another delivery at the same time to the same person does."""
    outbox = Outbox(tmp_path)
    for _ in range(3):
        outbox.send([mail(7, "ada@lovelace.example"), mail(8, "ada@lovelace.example")])
    assert len(list(tmp_path.iterdir())) == 2


def test_test_sends_do_not_overwrite_each_other(tmp_path: Path, mail: Mail) -> None:
    """Messages without a ledger row are told apart by their Message-ID."""
    Outbox(tmp_path).send([mail(0, "ada@lovelace.example", message_id=f"<{name}@acme.example>") for name in "abc"])
    assert len(list(tmp_path.glob("*.eml"))) == 3


def test_file_is_the_mail(tmp_path: Path, mail: Mail) -> None:
    """What lies in the folder opens in any mail program."""
    Outbox(tmp_path).send([mail(7)])
    [path] = tmp_path.iterdir()
    assert path.read_bytes() == to_bytes(mail(7))
    parsed = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    assert parsed["Subject"] == "Börja från en sparad vy, 7"


def test_kill_leaves_no_half_file(tmp_path: Path) -> None:
    """kill -9 while a large mail is being written: every .eml is whole, and the same batch sent again is too."""
    batch = """
        Outbox(sys.argv[1]).send([mail(1, 100), mail(2, 20_000_000)])
    """
    process = run(batch, tmp_path)
    while len(list(tmp_path.iterdir())) < 2 and process.poll() is None:
        pass  # the first mail, and whatever there is of the second
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert all(path.read_bytes().endswith(b"--\r\n") for path in tmp_path.glob("*.eml"))

    run(batch, tmp_path).communicate()
    whole = [path.read_bytes().endswith(b"--\r\n") for path in tmp_path.glob("*.eml")]
    assert whole == [True, True]


@pytest.mark.skipif(not hasattr(os, "setsid"), reason="file size limits are POSIX's")
def test_disk_that_refuses_is_the_senders_trouble(tmp_path: Path) -> None:
    """A disk that takes the first mail and not the second: one SENT, the rest UNTRIED, no half file, and later all."""
    limited = """
        outbox = Outbox(sys.argv[1])
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
        result = outbox.send([mail(1, 100), mail(2, 100_000), mail(3, 100)])
        print([receipt.outcome.value for receipt in result.receipts], "too large" in result.trouble, flush=True)
        print(len(list(outbox.folder.iterdir())))
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        result = outbox.send([mail(1, 100), mail(2, 100_000), mail(3, 100)])
        print([receipt.outcome.value for receipt in result.receipts], result.trouble, flush=True)
    """
    out, _ = run(limited, tmp_path).communicate()
    assert out.splitlines() == ["['sent', 'untried', 'untried'] True", "1", "['sent', 'sent', 'sent'] None"]
    assert len(list(tmp_path.iterdir())) == 3


def test_no_drafts_are_left(tmp_path: Path, mail: Mail) -> None:
    """After a batch the folder holds mails and nothing else."""
    Outbox(tmp_path).send([mail(number) for number in range(1, 20)])
    assert {path.suffix for path in tmp_path.iterdir()} == {".eml"}
