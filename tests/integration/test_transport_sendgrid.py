"""SendGrid spoken to: connections that are kept, one request first, pauses, sandbox mode, and callers who leave."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import textwrap
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from mail_server import MailServer, self_signed
from sendgrid_server import SendGridServer, sendgrid_server

from drip.render.message import Message
from drip.transports import Outcome, Result
from drip.transports.batch import LOST_IN_A_ROW, REFUSED_IN_A_ROW
from drip.transports.sendgrid import SendGrid, parse_sendgrid_url

Mail = Callable[..., Message]
KEY = "SG.kept-to-itself.0123456789abcdef"


@pytest.fixture
def api(tmp_path: Path) -> Iterator[SendGridServer]:
    """A SendGrid that knows the key."""
    with sendgrid_server(tmp_path / "sendgrid.jsonl", key=KEY) as server:
        yield server


@pytest.fixture
def over(api: SendGridServer) -> Iterator[Callable[..., SendGrid]]:
    """Make transports towards it; they are closed when the test ends."""
    made: list[SendGrid] = []

    def make(key: str = KEY, **options: Any) -> SendGrid:
        made.append(SendGrid(key, api.host, **{"connections": 4, "timeout": 20, **options}))
        return made[-1]

    yield make
    for one in made:
        one.close()


def outcomes(result: Result) -> Counter[Outcome]:
    return Counter(receipt.outcome for receipt in result.receipts)


def mails(mail: Mail, number: int) -> list[Message]:
    return [mail(n) for n in range(1, number + 1)]


def test_connections_are_kept(api: SendGridServer, over: Callable[..., SendGrid], mail: Mail) -> None:
    """Three batches of forty mails go over four connections, and each answer's id is on the receipt."""
    way = over()
    for _ in range(3):
        result = way.send(mails(mail, 40))
        assert outcomes(result) == {Outcome.SENT: 40}
        assert all("X-Message-Id fake-" in receipt.answer for receipt in result.receipts)
    assert len(api.requests()) == 120
    assert len(api.events("open")) <= 4


def test_no_more_requests_at_a_time_than_connections(
    api: SendGridServer, over: Callable[..., SendGrid], mail: Mail
) -> None:
    """Six callers at once share the transport's connections."""
    api.become(key=KEY, latency=0.01)
    way = over(connections=3)
    threads = [threading.Thread(target=way.send, args=(mails(mail, 10),)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(api.messages()) == 60
    assert len(api.events("open")) <= 3


def test_a_connection_that_ended_between_batches_is_no_fault(
    api: SendGridServer, over: Callable[..., SendGrid], mail: Mail
) -> None:
    """Whether the server says that it ends a connection or just does it: the next batch goes over a new one."""
    way = over(connections=1)
    for action in ("ok, close", "ok, hang up"):
        api.become(key=KEY, script=[action])
        for _ in range(3):
            assert outcomes(way.send([mail(1)])) == {Outcome.SENT: 1}
            while len(api.events("close")) < len(api.events("open")):
                pass  # until it has hung up


def test_a_wrong_key_is_tried_once(api: SendGridServer, over: Callable[..., SendGrid], mail: Mail) -> None:
    """A key that is refused costs one request, not one a connection; nobody's attempt counts."""
    way = over("SG.another")
    for number in (1, 2):
        result = way.send(mails(mail, 40))
        assert outcomes(result) == {Outcome.UNTRIED: 40}
        assert not any(receipt.met_trouble for receipt in result.receipts)
        assert "DRIP_SENDGRID_API_KEY" in str(result.trouble)
        assert len(api.requests()) == number


def test_a_key_that_is_taken_back_in_the_middle(api: SendGridServer, over: Callable[..., SendGrid], mail: Mail) -> None:
    """401 after twenty mails: those are sent, the others untried, at most one request a connection was in vain."""
    api.become(key=KEY, script=[*["ok"] * 20, 401])
    result = over().send(mails(mail, 60))
    assert outcomes(result) == {Outcome.SENT: 20, Outcome.UNTRIED: 40}
    assert len(api.requests()) <= 24
    assert len(api.messages()) == 20


def test_a_short_pause_is_waited_for(api: SendGridServer, over: Callable[..., SendGrid], mail: Mail) -> None:
    """429 with a reset that is near: nothing is told, no attempt is counted, and the same mail goes afterwards."""
    api.become(key=KEY, script=["ok", "ok", {"status": 429, "headers": {"Retry-After": "0"}}, "ok"])
    result = over(connections=1).send(mails(mail, 5))
    assert (outcomes(result), result.trouble) == ({Outcome.SENT: 5}, None)
    assert [request["status"] for request in api.requests()] == [202, 202, 429, 202, 202, 202]
    assert len(api.messages()) == 5


def test_a_pause_that_comes_back_is_no_matter_of_seconds(
    api: SendGridServer, over: Callable[..., SendGrid], mail: Mail
) -> None:
    """429 again after each pause: after four requests it is told, with what SendGrid says, and nothing spins."""
    api.become(key=KEY, script=[{"status": 429, "headers": {"Retry-After": "0"}}])
    result = over().send(mails(mail, 40))
    assert outcomes(result) == {Outcome.UNTRIED: 40}
    assert result.trouble == "SendGrid asks us to slow down: 429 too many requests"
    assert len(api.requests()) == 4


def test_a_long_pause_is_told_with_its_span(api: SendGridServer, over: Callable[..., SendGrid], mail: Mail) -> None:
    """429 with a reset in ten minutes: one request, and the span until then."""
    api.become(key=KEY, script=[{"status": 429, "reset": 600}])
    result = over().send(mails(mail, 40))
    assert outcomes(result) == {Outcome.UNTRIED: 40}
    assert result.pause is not None
    assert timedelta(seconds=590) < result.pause <= timedelta(seconds=600)
    assert len(api.requests()) == 1


def test_many_refused_in_a_row_are_not_about_people(
    api: SendGridServer, over: Callable[..., SendGrid], mail: Mail
) -> None:
    """400 to everybody: it stops after ten or so, tells it, and refuses nobody."""
    api.become(key=KEY, script=[{"status": 400, "message": "Bad Request"}])
    result = over().send(mails(mail, 40))
    assert outcomes(result) == {Outcome.UNTRIED: 40}
    assert "refused in a row, the last: 400 Bad Request" in str(result.trouble)
    assert len(api.requests()) < REFUSED_IN_A_ROW + 4


def test_an_api_that_loses_connections_risks_few_mails(
    api: SendGridServer, over: Callable[..., SendGrid], mail: Mail
) -> None:
    """Cut after each request: three in doubt, the rest untried; the next time one mail is risked."""
    api.become(key=KEY, script=["take and cut"])
    way = over()
    result = way.send(mails(mail, 40))
    assert outcomes(result) == {Outcome.IN_DOUBT: LOST_IN_A_ROW, Outcome.UNTRIED: 40 - LOST_IN_A_ROW}
    assert "lost in a row" in str(result.trouble)
    assert outcomes(way.send(mails(mail, 40)))[Outcome.IN_DOUBT] == 1


def test_trouble_of_one_batch_stops_the_others(api: SendGridServer, over: Callable[..., SendGrid], mail: Mail) -> None:
    """Two callers, one key that is refused: both are told, and one request was made for each at most."""
    api.become(key=KEY, latency=0.2)
    way = over("SG.another")
    results: list[Result] = []
    threads = [threading.Thread(target=lambda: results.append(way.send(mails(mail, 20)))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [outcomes(result) for result in results] == [{Outcome.UNTRIED: 20}] * 2
    assert all("401" in str(result.trouble) for result in results)
    assert len(api.requests()) <= 2


def test_sandbox_checks_and_mails_nothing(
    api: SendGridServer, over: Callable[..., SendGrid], mail: Mail, caplog: pytest.LogCaptureFixture
) -> None:
    """In sandbox mode SendGrid looks at each request, says yes or no, and keeps nothing; a warning says that once."""
    way = over(sandbox=True)
    assert outcomes(way.send(mails(mail, 5))) == {Outcome.SENT: 5}
    assert {request["status"] for request in api.requests()} == {200}
    assert api.messages() == []
    assert "sandbox" in way.name
    way.send(mails(mail, 5))
    assert caplog.messages == ["sandbox mode: SendGrid checks each mail, and sends none"]


def test_a_mail_that_is_too_large_is_not_sent_in_vain(
    api: SendGridServer, over: Callable[..., SendGrid], mail: Mail
) -> None:
    """More than 30 MB, and the request stays here; a mail of 9 MB goes."""
    result = over().send([mail(1, html="<p>x</p>" * 4_000_000), mail(2, html="<p>x</p>" * 1_200_000), mail(3)])
    assert [receipt.outcome for receipt in result.receipts] == [Outcome.REFUSED, Outcome.SENT, Outcome.SENT]
    assert "SendGrid takes 30000000 at most" in result.receipts[0].answer
    assert {len(body["content"][1]["value"]) for body in api.bodies()} == {9_600_000, len(mail(3).html)}


def test_an_answer_without_an_end_is_not_read_to_it(
    api: SendGridServer, over: Callable[..., SendGrid], mail: Mail
) -> None:
    """An answer of any length is read to 64 kB: its status is known, and the memory stays."""
    api.become(key=KEY, script=["endless", "ok"])
    result = over(connections=1).send(mails(mail, 2))
    assert [receipt.outcome for receipt in result.receipts] == [Outcome.RETRY, Outcome.SENT]


def test_a_server_that_reads_no_further_gets_half_a_mail_at_most(
    api: SendGridServer, over: Callable[..., SendGrid], mail: Mail
) -> None:
    """A large mail of which the system could not send all was not taken by anybody: it is tried again, not in doubt."""
    api.become(key=KEY, script=["hang before", "ok"])
    large = mail(1, html="<p>x</p>" * 2_000_000)
    result = over(connections=1, timeout=0.5).send([large, mail(2)])
    assert [receipt.outcome for receipt in result.receipts] == [Outcome.RETRY, Outcome.SENT]
    assert "before the mail had left" in result.receipts[0].answer


def test_an_unknown_host_is_nobodys_fault(mail: Mail) -> None:
    """A name that does not resolve, or a port where nobody listens: untried, and told in the system's words."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        for host in ("https://sendgrid.invalid", f"http://127.0.0.1:{free.getsockname()[1]}"):
            way = SendGrid(KEY, host, timeout=10)
            result = way.send(mails(mail, 3))
            way.close()
            assert outcomes(result) == {Outcome.UNTRIED: 3}
            assert "cannot be reached: [Errno" in str(result.trouble)


def test_a_certificate_that_nobody_vouches_for_gets_no_key(
    tmp_path: Path, start_smtp_server: Callable[..., MailServer], mail: Mail
) -> None:
    """https is verified, towards this machine too: nothing is said to a server that cannot show who it is."""
    server = start_smtp_server(implicit=True, **self_signed(tmp_path))
    way = SendGrid(KEY, f"https://127.0.0.1:{server.port}", timeout=10)
    result = way.send(mails(mail, 3))
    way.close()
    assert outcomes(result) == {Outcome.UNTRIED: 3}
    assert "certificate verify failed" in str(result.trouble)


def test_what_is_no_api_is_told_so(api: SendGridServer, over: Callable[..., SendGrid], mail: Mail) -> None:
    """A page that says 200, a redirect, a 404: nothing was sent, the key follows no redirect, host= is named."""
    for status in (200, 302, 404):
        api.become(script=[{"status": status, "body": "<h1>Welcome</h1>", "headers": {"Location": "/elsewhere"}}])
        result = over().send(mails(mail, 3))
        assert outcomes(result) == {Outcome.UNTRIED: 3}
        assert "host= in DRIP_TRANSPORT" in str(result.trouble)
    assert len(api.requests()) == 3


def test_fewer_connections_when_told_so(api: SendGridServer, over: Callable[..., SendGrid], mail: Mail) -> None:
    """`allow` closes what is idle above it, and keeps to the number; more than it was made with is not to be had."""
    api.become(key=KEY, latency=0.01)
    way = over(connections=4)
    way.send(mails(mail, 20))
    way.allow(1)
    assert way.connections == 1
    opened = len(api.events("open"))
    way.send(mails(mail, 10))
    assert len(api.events("open")) == opened + 1
    way.allow(50)
    assert way.connections == 4


def test_an_interrupted_caller_leaves_nothing_running(api: SendGridServer) -> None:
    """Ctrl-C while SendGrid is silent: the process ends at once."""
    api.become(key=KEY, script=["hang"])
    code = textwrap.dedent("""
        import sys
        from datetime import UTC, datetime
        from drip.render.message import Message
        from drip.transports.sendgrid import SendGrid

        way = SendGrid("KEY", sys.argv[1], timeout=3000)
        mail = Message(delivery_id=1, mail_from="a@acme.example", rcpt_to="b@acme.example",
                       message_id="<1@acme.example>", date=datetime(2026, 1, 1, tzinfo=UTC), subject="s",
                       headers=(("From", "a@acme.example"),), text="t", html="")
        try:
            way.send([mail])
        except KeyboardInterrupt:
            way.close()
            print("closed")
    """).replace("KEY", KEY)
    process = subprocess.Popen([sys.executable, "-c", code, api.host], stdout=subprocess.PIPE, text=True)
    while not api.requests():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=60)[0] == "closed\n"


def test_urls_make_transports(api: SendGridServer, mail: Mail) -> None:
    """What DRIP_TRANSPORT says is what is done."""
    way = SendGrid(KEY, **parse_sendgrid_url(f"{api.url}&connections=2&timeout=9"))
    assert outcomes(way.send(mails(mail, 4))) == {Outcome.SENT: 4}
    way.close()
    assert len(api.events("open")) <= 2
