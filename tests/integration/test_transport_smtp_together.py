"""Several threads send at once over one transport: they share its connections, and trouble, and nothing else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from mail_server import MailServer

from drip.render.message import Message
from drip.transports import Outcome, Result
from drip.transports.smtp import Smtp

Mail = Callable[..., Message]
Start = Callable[..., MailServer]
SENT, UNTRIED = Outcome.SENT, Outcome.UNTRIED
#: Seconds before each reply of a server that is far away.
FAR = 0.02


@pytest.fixture
def over() -> Iterator[Callable[..., Smtp]]:
    """A transport to a server: `over(server, connections=4)`."""
    transports: list[Smtp] = []

    def smtp(server: MailServer, **options: Any) -> Smtp:
        transports.append(Smtp("127.0.0.1", server.port, **{"timeout": 20, **options}))
        return transports[-1]

    yield smtp
    for one in transports:
        one.close()


def send_at_once(smtp: Smtp, *batches: list[Message]) -> list[Result]:
    """Each batch from a thread of its own, all begun together."""
    ready = threading.Barrier(len(batches))

    def send(batch: list[Message]) -> Result:
        ready.wait()
        return smtp.send(batch)

    with ThreadPoolExecutor(len(batches)) as pool:
        return list(pool.map(send, batches))


def outcomes(results: list[Result]) -> set[Outcome]:
    return {receipt.outcome for result in results for receipt in result.receipts}


def most(server: MailServer, begin: str, end: str) -> int:
    """The most connections that were between these two of their events at one time. A line's event is its verb."""
    between: set[int] = set()
    highest = 0
    for event in server.events():
        what = event["line"][:4] if event["event"] == "line" else event["event"]
        if what == begin:
            between.add(event["connection"])
        elif what == end:
            between.discard(event["connection"])
        highest = max(highest, len(between))
    return highest


@pytest.mark.parametrize("connections", [10, 50, 100])
def test_connections_at_work_grow_with_what_is_allowed(
    start_smtp_server: Start, over: Callable[..., Smtp], mail: Mail, connections: int
) -> None:
    """Three groups of fifty to a server that takes its time: as many mails are under way at once as there may be
    connections, up to a hundred, and never more; so the rate grows with them."""
    server = start_smtp_server(script={}, extensions=["PIPELINING"], delay=FAR)
    smtp = over(server, connections=connections)
    groups = [[mail(100 * group + n) for n in range(50)] for group in (1, 2, 3)]
    results = send_at_once(smtp, *groups)
    assert outcomes(results) == {SENT}
    assert len(server.messages()) == 150
    assert most(server, "open", "close") == connections
    assert connections >= most(server, "MAIL", "message") > connections * 0.8


def test_groups_go_on_side_by_side(start_smtp_server: Start, over: Callable[..., Smtp], mail: Mail) -> None:
    """With fewer connections than mails, the connections take from both groups in turn: nobody waits for the other."""
    server = start_smtp_server(script={}, delay=FAR)
    results = send_at_once(
        over(server, connections=4), [mail(n) for n in range(1, 41)], [mail(n) for n in range(101, 141)]
    )
    assert outcomes(results) == {SENT}
    assert [receipt.delivery_id for receipt in results[1].receipts] == list(range(101, 141))
    assert most(server, "open", "close") == 4
    order = [
        int(message["rcpt_to"][0].removeprefix("learner").partition("@")[0]) > 100 for message in server.messages()
    ]
    assert 10 < sum(order[:40]) < 30, "half of the first half are of the second group"


def test_groups_share_the_only_connection(start_smtp_server: Start, over: Callable[..., Smtp], mail: Mail) -> None:
    """Eight threads, one connection, also where the server ends it after each mail."""
    server = start_smtp_server(script={"after": ["ok", "cut"] * 20})
    results = send_at_once(over(server, connections=1), *([mail(10 * n), mail(10 * n + 1)] for n in range(1, 9)))
    assert outcomes(results) == {SENT}
    assert len(server.messages()) == 16
    assert most(server, "open", "close") == 1


def test_wrong_password_is_tried_once_for_all(start_smtp_server: Start, over: Callable[..., Smtp], mail: Mail) -> None:
    """The first connection goes alone, whoever it is for; what it meets is told to all."""
    server = start_smtp_server(script={"AUTH": ["535 5.7.8 No"]}, extensions=["AUTH PLAIN"], delay=FAR)
    smtp = over(server, username="asa", password="wrong")
    results = send_at_once(smtp, *([mail(100 * group + n) for n in range(30)] for group in (1, 2, 3)))
    assert outcomes(results) == {UNTRIED}
    assert all("535 5.7.8 No" in str(result.trouble) for result in results)
    assert len([event for event in server.events("line") if event["line"].startswith("AUTH")]) == 1


def test_trouble_of_one_stops_the_other(start_smtp_server: Start, over: Callable[..., Smtp], mail: Mail) -> None:
    """What one group meets is the sender's: the other tries no more, fails nobody, and is told."""
    server = start_smtp_server(script={"dot": ["ok"] * 9 + ["550 5.7.1 Daily quota exceeded"]}, delay=FAR)
    results = send_at_once(
        over(server, connections=2), [mail(n) for n in range(1, 41)], [mail(n) for n in range(101, 141)]
    )
    assert outcomes(results) == {SENT, UNTRIED}
    assert all("quota" in str(result.trouble) for result in results)
    assert len(server.messages()) == 9
    assert len(server.events("body")) <= 11


def test_refusals_are_a_row_only_while_nothing_is_accepted(
    start_smtp_server: Start, over: Callable[..., Smtp], mail: Mail
) -> None:
    """A group of thirty dead addresses beside one of living ones: all are believed, since mail was taken between."""
    dead = [mail(n, f"d{n}@dead{n}.example") for n in range(1, 31)]
    living = [mail(n) for n in range(101, 141)]
    no = {one.rcpt_to: "550 5.1.1 No such user" for one in dead}
    server = start_smtp_server(script={"RCPT": no}, delay=FAR)
    results = send_at_once(over(server, connections=4), dead, living)
    assert [receipt.outcome for receipt in results[1].receipts] == [SENT] * 40
    believed = [receipt for receipt in results[0].receipts if receipt.dead_address]
    assert len(believed) >= 20, "those that went while living ones did"


def test_mail_that_breaks_drip_is_told_to_its_own_caller(
    start_smtp_server: Start, over: Callable[..., Smtp], mail: Mail
) -> None:
    """An error that nobody foresaw ends the call it belongs to, and no other."""
    server = start_smtp_server(script={}, extensions=["PIPELINING"], delay=FAR)
    smtp = over(server, connections=2)
    impossible = mail(1, headers=None)
    with ThreadPoolExecutor(2) as pool:
        good = pool.submit(smtp.send, [mail(n) for n in range(101, 121)])
        broken = pool.submit(smtp.send, [*(mail(n) for n in range(2, 10)), impossible])
        assert isinstance(broken.exception(), TypeError)
        assert outcomes([good.result()]) == {SENT}
    assert smtp.send([mail(999)]).receipts[0].outcome is SENT


def test_closing_waits_for_whoever_sends(start_smtp_server: Start, over: Callable[..., Smtp], mail: Mail) -> None:
    """`close` from another thread lets what was begun be finished, and says QUIT."""
    server = start_smtp_server(script={}, delay=FAR)
    smtp = over(server, connections=3)
    with ThreadPoolExecutor(1) as pool:
        going = pool.submit(smtp.send, [mail(n) for n in range(1, 21)])
        while not server.events("line"):
            pass
        smtp.close()
        assert going.done()
        assert outcomes([going.result()]) == {SENT}
    assert len([event for event in server.events("line") if event["line"] == "QUIT"]) == len(server.events("open"))


def test_closing_does_not_wait_for_a_server_that_is_silent(
    start_smtp_server: Start, over: Callable[..., Smtp], mail: Mail
) -> None:
    """A connection that is being opened, and that nobody needs any more, is given up; again and again."""
    others = set(threading.enumerate())
    server = start_smtp_server(script={"connect": ["ok", "hang"] * 12})
    smtp = over(server, connections=2, timeout=600)
    for number in range(10):
        assert outcomes([smtp.send([mail(10 * number + n) for n in range(3)])]) == {SENT}
        smtp.close()
    assert not [thread for thread in set(threading.enumerate()) - others if thread.name == "drip-smtp"]
