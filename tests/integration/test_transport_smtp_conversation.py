"""The conversation itself: dots, old servers, endless replies, and a caller who is interrupted."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from drip.render.message import Message
from drip.transports import Outcome
from drip.transports.smtp import Smtp
from drip.transports.smtp_batch import Batch, Record
from drip.transports.smtp_conversation import Conversation
from drip.transports.smtp_letter import Letter
from drip.transports.smtp_opening import Server, open_conversation

Mail = Callable[..., Message]


class OneLetter:
    """A desk with one letter, whose content need not be a mail."""

    def __init__(self, mail: Message, content: bytes) -> None:
        self.batch = Batch([mail], Record())
        letter = self.batch.take(0)
        assert letter is not None
        self.letter: Letter | None = replace(letter, content=content)

    def take(self, _talk: Conversation) -> Letter | None:
        letter, self.letter = self.letter, None
        return letter

    def take_ahead(self, _talk: Conversation) -> None:
        return None

    def ended(self, _letter: Letter) -> None:
        pass

    def rests(self, talk: Conversation) -> None:
        if talk.alive:
            talk.leave()


def deliver(port: int, mail: Message, content: bytes) -> Outcome:
    async def once() -> Outcome:
        server = Server(host="127.0.0.1", port=port, tls="none", timeout=20, local_hostname="drip.example")
        desk, talk = OneLetter(mail, content), await open_conversation(server, None)
        talk.go(desk)
        await talk.closed
        return desk.batch.result().receipts[0].outcome

    return asyncio.run(once())


@pytest.mark.parametrize(
    "content",
    [
        b".\r\n",
        b"..\r\n",
        b".hidden\r\n..two\r\n.\r\n\r\n",
        b"a\r\n.\r\nMAIL FROM:<x@y>\r\n",
        b"no line end",
        b"a.\r\n" * 99 + b".b\r\n",
    ],
)
@pytest.mark.parametrize("options", [{}, {"script": {}, "extensions": ["PIPELINING"]}])
def test_dots_survive(
    start_smtp_server: Callable[..., Any], mail: Mail, options: dict[str, Any], content: bytes
) -> None:
    """A line that begins with a dot arrives with that dot, and ends no message early."""
    server = start_smtp_server(**options)
    assert deliver(server.port, mail(1, "ada@lovelace.example"), content) is Outcome.SENT
    [message] = server.messages()
    assert message["data"].encode() == (content if content.endswith(b"\r\n") else content + b"\r\n")
    assert message["mail_from"] == "bounces@acme.example"
    assert message["rcpt_to"] == ["ada@lovelace.example"]


def test_own_name_is_said(start_smtp_server: Callable[..., Any], mail: Mail) -> None:
    """EHLO says `local_hostname`, or a name or address literal that RFC 5321 allows."""
    server = start_smtp_server(script={})
    deliver(server.port, mail(1), b"x\r\n")
    smtp = Smtp("127.0.0.1", server.port, timeout=20)
    smtp.send([mail(1)])
    smtp.close()
    first, second = [event["line"] for event in server.events("line") if event["line"].startswith("EHLO")]
    assert first == "EHLO drip.example"
    assert "." in second


@pytest.mark.parametrize("tls", ["auto", "none"])
def test_server_from_before_ehlo(start_smtp_server: Callable[..., Any], mail: Mail, tls: Any) -> None:
    """A server that knows only HELO gets its mail by HELO."""
    server = start_smtp_server(script={"EHLO": ["502 What is EHLO?", "ok"]})
    smtp = Smtp("127.0.0.1", server.port, timeout=20, tls=tls)
    result = smtp.send([mail(1)])
    smtp.close()
    assert [receipt.outcome for receipt in result.receipts] == [Outcome.SENT]
    assert [event["line"][:4] for event in server.events("line")][:2] == ["EHLO", "HELO"]


def test_answer_that_nobody_asked_for_is_not_taken_for_the_next(
    start_smtp_server: Callable[..., Any], mail: Mail
) -> None:
    """A server that answers one mail twice is not believed about the next one: that goes over a new connection."""
    server = start_smtp_server(script={"dot": ["250 2.0.0 Ok\n250 2.0.0 Ok again", "ok"]})
    smtp = Smtp("127.0.0.1", server.port, connections=1, timeout=20)
    result = smtp.send([mail(1), mail(2), mail(3)])
    smtp.close()
    assert [receipt.outcome for receipt in result.receipts] == [Outcome.SENT] * 3
    assert [message["connection"] for message in server.messages()] == [1, 2, 2]


def test_long_answers_are_read_and_endless_ones_are_not(start_smtp_server: Callable[..., Any], mail: Mail) -> None:
    """A reply of many lines is one answer; one without an end is a lost connection, not a full memory."""
    many = "\n".join(f"550-5.1.1 line {number}" for number in range(30)) + "\n550 5.1.1 end"
    server = start_smtp_server(script={"RCPT": [many, "250-" + "x" * 100_000, "ok"]})
    smtp = Smtp("127.0.0.1", server.port, connections=1, timeout=20)
    result = smtp.send([mail(1), mail(2), mail(3)])
    smtp.close()
    assert [receipt.outcome for receipt in result.receipts] == [Outcome.REFUSED, Outcome.RETRY, Outcome.SENT]
    assert result.receipts[0].dead_address
    assert result.receipts[0].answer.startswith("550 5.1.1 line 0 5.1.1 line 1 ")


def test_interrupted_caller_leaves_nothing_running(start_smtp_server: Callable[..., Any], tmp_path: Path) -> None:
    """Ctrl-C in the middle of a batch ends `send` and the connection that had the mail, and then the process ends."""
    server = start_smtp_server(script={"dot": ["hang"]})
    code = """
        import os, signal, sys, threading, time
        from datetime import datetime, UTC
        from drip.render.message import Message
        from drip.transports.smtp import Smtp
        mail = Message(delivery_id=1, mail_from="b@acme.example", rcpt_to="ada@lovelace.example",
                       message_id="<1@a.example>", date=datetime(2026, 11, 5, tzinfo=UTC), subject="Hej",
                       headers=(("From", "l@acme.example"),), text="Hej", html="Hej")
        smtp = Smtp("127.0.0.1", int(sys.argv[1]), timeout=600)
        def interrupt():
            while "DATA" not in open(sys.argv[2]).read():
                time.sleep(0.01)
            os.kill(os.getpid(), signal.SIGINT)
        threading.Thread(target=interrupt, daemon=True).start()
        try:
            smtp.send([mail])
        except KeyboardInterrupt:
            while '"close"' not in open(sys.argv[2]).read():
                time.sleep(0.01)
            smtp.close()
            print("interrupted")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(server.port), str(server.log)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("interrupted\n", "")
