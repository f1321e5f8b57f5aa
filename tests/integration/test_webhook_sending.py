"""Webhooks over real HTTP, to receivers that are down, slow, wrong and back: nothing is missed, nothing waits."""

from __future__ import annotations

import ssl
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Event as Flag
from threading import Thread

import pytest
from https_front import certificate
from sqlalchemy import update
from stage import SECRET, START, Stage, open_store, set_up
from standardwebhooks.webhooks import WebhookVerificationError
from webhook_receiver import Action, Receiver, webhook_receiver
from webhook_stage import endpoint, found, log_of, posting_of, real_clock, secret

from drip.engine import tell
from drip.engine.announce import Announcement, announce
from drip.engine.webhooks import Posted, Posting, message_id, number_of, send_due
from drip.errors import NotFound, Refused
from drip.outbound import webhooks as outbound
from drip.outbound.signing import signed
from drip.runners.webhooks import telling
from drip.schedule.patience import ALONE_AFTER, SPANS
from drip.store import webhooks
from drip.store.tables import outbox
from drip.store.troubles import Undone


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    stage = set_up(tmp_path)
    stage.publish()
    return stage


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with webhook_receiver() as receiver:
        yield receiver


@contextmanager
def posting_for(stage: Stage, worker: str = "worker-1", **changes: object) -> Iterator[Posting]:
    posting = posting_of(stage, worker, **changes)
    try:
        yield posting
    finally:
        posting.poster.close()


def happen(stage: Stage, number: int, *, of: int = 1, first: int = 0) -> None:
    """So many things happen to each of so many learners, who are there."""
    with stage.store.write() as conn:
        for n in range(first, first + number):
            these = [
                Announcement(type="crm.thing", key=f"thing/{n}/{who}", learner_id=who, data={"n": n})
                for who in range(1, of + 1)
            ]
            announce(conn, these, now=stage.clock())


def told_in_order(receiver: Receiver) -> dict[str, list[int]]:
    """learner → the numbers of what was taken, in the order in which it came."""
    found: dict[str, list[int]] = defaultdict(list)
    for got in receiver.taken:
        found[got.email].append(got.told["data"]["n"])
    return dict(found)


FAULTS: list[Action] = [
    500, 503, 404, 400, 401, "redirect", "close", "garbage", {"status": 429},
    {"status": 500, "body": b"\xff\x00" * 9000},
]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_what_goes_wrong_is_tried_again_under_the_same_id(stage: Stage, receiver: Receiver, fault: Action) -> None:
    """Whatever the receiver does but say 2xx, it hears of it again, verifiable and under the same webhook-id."""
    endpoint(stage, receiver)
    stage.add("ada@customer.example")
    happen(stage, 1)
    receiver.script = [fault, 200]
    with posting_for(stage) as posting:
        assert send_due(posting) == Posted(retried=1)
        assert send_due(posting) == Posted()
        (line,) = log_of(stage)
        assert line.attempts == 1
        assert line.answer
        assert line.due_at is not None
        stage.clock.now = line.due_at
        assert send_due(posting) == Posted(sent=1)
    assert [got.path for got in receiver.got] == ["/hook", "/hook"]
    assert len({got.id for got in receiver.got}) == 1
    assert [got.verified(secret())["data"]["n"] for got in receiver.got] == [0, 0]
    assert found(stage).failures == 0


def test_a_body_without_an_end_is_not_read_to_its_end(stage: Stage, receiver: Receiver) -> None:
    """200 counts, however much the receiver has to say."""
    endpoint(stage, receiver)
    stage.add("ada@customer.example")
    happen(stage, 1)
    receiver.script = ["endless"]
    with posting_for(stage) as posting:
        assert send_due(posting) == Posted(sent=1)


def test_an_answer_that_trickles_for_ever_counts_from_its_status(
    stage: Stage, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The receiver has said that it has it: how slowly it says the rest makes us tell it nothing twice."""
    monkeypatch.setattr(outbound, "IN_ALL_SECONDS", 1.0)
    endpoint(stage, receiver)
    stage.add("ada@customer.example")
    happen(stage, 1)
    receiver.script = ["trickle"]
    with posting_for(stage) as posting:
        assert send_due(posting) == Posted(sent=1)


def test_what_a_receiver_would_have_us_remember_is_not_kept(stage: Stage, receiver: Receiver) -> None:
    """Cookies would grow with every post, and go out with the next."""
    endpoint(stage, receiver)
    stage.add("ada@customer.example")
    happen(stage, 2)
    receiver.script = [{"status": 200, "headers": {"Set-Cookie": "session=7; Path=/"}}]
    with posting_for(stage) as posting:
        assert send_due(posting) == Posted(sent=2)
    assert [got.headers.get("cookie") for got in receiver.got] == [None, None]


def test_a_proxy_that_this_machine_cannot_speak_with_is_an_answer_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A poster raises nothing: a batch would lose its outcomes, and be posted anew for ever."""
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    poster = outbound.HttpPoster(real_clock)
    answer = poster.post("https://crm.acme.example/hook", {}, b"{}")
    poster.close()
    assert (answer.taken, answer.status) == (False, None)
    assert "SOCKS" in answer.words


@pytest.mark.parametrize("way", ["hold", "half"])
def test_a_receiver_that_never_answers_is_given_up_in_time(
    stage: Stage, receiver: Receiver, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one that begins to answer, and goes on for ever."""
    monkeypatch.setattr(outbound, "IN_ALL_SECONDS", 0.2)
    endpoint(stage, receiver)
    stage.add("ada@customer.example")
    happen(stage, 1)
    receiver.script = [way]
    with posting_for(stage) as posting:
        assert send_due(posting) == Posted(retried=1)
    assert log_of(stage)[0].answer.startswith("no answer within")


@pytest.mark.parametrize("trusted", [False, True])
def test_a_certificate_that_nobody_vouches_for_is_trusted_with_nothing(
    stage: Stage, tmp_path: Path, trusted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TLS is checked before anything leaves; an authority of one's own is named by SSL_CERT_FILE."""
    pair = certificate(tmp_path, days=2, name="localhost")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pair["cert"], pair["key"])
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", pair["cert"])
    with webhook_receiver(tls=context) as receiver:
        url = receiver.url.replace("127.0.0.1", "localhost")
        tell.add(stage.store, "crm", url, events=[], id="endpoint-crm", now=stage.clock())
        stage.add("ada@customer.example")
        happen(stage, 1)
        with posting_for(stage) as posting:
            assert send_due(posting) == (Posted(sent=1) if trusted else Posted(retried=1))
        assert len(receiver.got) == trusted
    assert trusted or "certificate" in log_of(stage)[0].answer.lower()


def test_an_endpoint_that_is_slow_delays_no_other(stage: Stage, receiver: Receiver) -> None:
    """One receiver has not answered its first post when the other has everything, also what happens meanwhile."""
    stage.add("ada@customer.example")
    with webhook_receiver("hold") as slow, posting_for(stage) as posting:
        endpoint(stage, slow, "slow")
        endpoint(stage, receiver, "quick")
        happen(stage, 5)
        with telling(posting, every=0.05):
            slow.wait_for(1)
            receiver.wait_for(5)
            happen(stage, 5, first=5)
            receiver.wait_for(10)
            assert len(slow.got) == 1
            slow.release()
            slow.wait_for(10)
    assert told_in_order(receiver) == told_in_order(slow) == {"ada@customer.example": list(range(10))}


def test_an_endpoint_that_is_slow_delays_no_mail(stage: Stage) -> None:
    """Mails go out while a post hangs, and are told when it does not hang any more."""
    with webhook_receiver("hold") as slow, posting_for(stage) as posting:
        endpoint(stage, slow)
        stage.people(3)
        with telling(posting, every=0.05):
            slow.wait_for(3)
            stage.clock.turn(hours=3)
            assert stage.deliver().sent == 3
            assert [got.type for got in slow.got] == ["enrolled"] * 3
            slow.release()
            slow.wait_for(6)
    assert [got.type for got in slow.got] == ["enrolled"] * 3 + ["sent"] * 3


@pytest.mark.usefixtures("each_database")
def test_a_receiver_that_is_down_for_a_day_misses_nothing(stage: Stage, receiver: Receiver) -> None:
    """A day of refused connections on a virtual clock: when it is back, all of it comes at once, each learner's in
    its order, each once; and it was not hammered meanwhile."""
    endpoint(stage, receiver)
    stage.add(*(f"learner{n}@customer.example" for n in range(5)))
    tries = 0
    with posting_for(stage) as posting:
        happen(stage, 1, of=5)
        send_due(posting)
        assert len(receiver.taken) == 5
        receiver.down()
        for hour in range(24):
            happen(stage, 1, of=5, first=hour + 1)
            for _ in range(12):
                tries += send_due(posting).retried
                stage.clock.turn(minutes=5)
        assert found(stage).failures == tries
        assert tries < 24 * 12
        receiver.up()
        for _ in range(4):
            send_due(posting)
            stage.clock.turn(minutes=5)
    assert told_in_order(receiver) == {f"learner{n}@customer.example": list(range(25)) for n in range(5)}
    assert {line.sent_at is not None for line in log_of(stage)} == {True}
    assert found(stage).trouble_since is None


def test_one_in_trouble_is_tried_with_one_post_at_a_time(stage: Stage, receiver: Receiver) -> None:
    """Once it has failed a few times in a row, what waits is not poured over it."""
    endpoint(stage, receiver)
    stage.add(*(f"learner{n}@customer.example" for n in range(40)))
    happen(stage, 1, of=40)
    receiver.script = [503]
    with posting_for(stage) as posting:
        send_due(posting)
        met = len(receiver.got)
        assert ALONE_AFTER <= met <= 8
        for _ in range(3):
            stage.clock.turn(hours=1)
            send_due(posting)
            send_due(posting)
        assert len(receiver.got) == met + 3


def test_what_it_never_takes_stands_in_the_way_of_nothing(stage: Stage, receiver: Receiver) -> None:
    """One post that the receiver cannot bear is tried again by itself; the others go on."""
    endpoint(stage, receiver)
    stage.add(*(f"learner{n}@customer.example" for n in range(30)))
    happen(stage, 1, of=30)
    receiver.script = [500, 200]
    with posting_for(stage) as posting:
        assert send_due(posting) == Posted(sent=29, retried=1)
    assert found(stage).failures == 0


@pytest.mark.parametrize(
    ("asked", "seconds"), [("120", 120), ("Wed, 01 Jan 2200 00:00:00 GMT", 24 * 3600), ("soon", 5), ("-1", 5)]
)
def test_retry_after_is_honoured(stage: Stage, receiver: Receiver, asked: str, seconds: int) -> None:
    """The whole endpoint is left alone for as long as it asks, a day at most; nonsense asks for nothing."""
    endpoint(stage, receiver)
    stage.add("ada@customer.example", "bo@customer.example")
    happen(stage, 1)
    receiver.script = [{"status": 429, "headers": {"Retry-After": asked}}, 200]
    with posting_for(stage) as posting:
        send_due(posting)
        with stage.store.write() as conn:
            one = Announcement(type="crm.more", key="more", learner_id=2)
            announce(conn, [one], now=stage.clock())
        stage.clock.turn(seconds=seconds - 1)
        sent = send_due(posting)
        stage.clock.turn(seconds=2 + seconds * 0.2)
        sent += send_due(posting)
    assert sent.sent == 2
    due = [line.due_at for line in log_of(stage)]
    assert due == [None, None]


def test_one_that_is_gone_is_told_nothing_more_until_a_person_says_so(stage: Stage, receiver: Receiver) -> None:
    """410 pauses it; what happens meanwhile waits, and nothing is lost by it."""
    endpoint(stage, receiver)
    stage.add("ada@customer.example")
    happen(stage, 1)
    receiver.script = [410, 200]
    with posting_for(stage) as posting:
        send_due(posting)
        happen(stage, 1, first=1)
        stage.clock.turn(days=2)
        assert send_due(posting) == Posted()
        assert "gone" in found(stage).paused_why
        tell.resume(stage.store, "crm", now=stage.clock())
        assert send_due(posting) == Posted(sent=2)
    assert told_in_order(receiver) == {"ada@customer.example": [0, 1]}


def test_what_is_given_up_stays_and_is_sent_again_by_replay(stage: Stage, receiver: Receiver) -> None:
    """After more than three days it is tried no more by itself; `replay --failed` sends it, under the same id."""
    endpoint(stage, receiver)
    stage.add("ada@customer.example")
    happen(stage, 1)
    receiver.script = [500]
    began = stage.clock()
    with posting_for(stage) as posting:
        for _ in range(len(SPANS) + 1):
            (line,) = log_of(stage)
            assert line.due_at is not None
            stage.clock.now = max(stage.clock(), line.due_at, found(stage).quiet_until or line.due_at)
            send_due(posting)
        (line,) = log_of(stage)
        assert (line.due_at, line.sent_at, line.attempts) == (None, None, len(SPANS) + 1)
        assert stage.clock() - began > timedelta(days=3)
        receiver.script = [200]
        stage.clock.turn(days=1)
        assert send_due(posting) == Posted()
        assert tell.replay(stage.store, "crm", now=stage.clock(), failed=True) == 1
        assert send_due(posting) == Posted(sent=1)
    assert len({got.id for got in receiver.got}) == 1


def test_an_endpoint_that_takes_nothing_for_days_is_paused_with_the_reason(stage: Stage, receiver: Receiver) -> None:
    """A person has to look; everything waits for them."""
    endpoint(stage, receiver)
    stage.add(*(f"learner{n}@customer.example" for n in range(20)))
    happen(stage, 1, of=20)
    receiver.down()
    with posting_for(stage) as posting:
        for _ in range(24 * 6):
            send_due(posting)
            stage.clock.turn(hours=1)
        assert "taken nothing since" in found(stage).paused_why
        receiver.up()
        tell.resume(stage.store, "crm", now=stage.clock())
        tell.replay(stage.store, "crm", now=stage.clock(), failed=True)
        assert send_due(posting) == Posted(sent=20)


@pytest.mark.usefixtures("each_database")
def test_two_workers_share_without_telling_anything_twice(stage: Stage, receiver: Receiver) -> None:
    """Each post goes out once, whoever takes it."""
    endpoint(stage, receiver)
    stage.add(*(f"learner{n}@customer.example" for n in range(30)))
    happen(stage, 10, of=30)
    with posting_for(stage) as first, posting_for(stage, "worker-2", store=open_store(stage.folder)) as second:
        threads = [Thread(target=send_due, args=(one,)) for one in (first, second)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(receiver.got) == len({got.id for got in receiver.got}) == 300


@pytest.mark.usefixtures("each_database")
def test_what_was_taken_is_marked_though_another_transaction_stands_in_the_way(
    stage: Stage, receiver: Receiver
) -> None:
    """Where the database undoes the marking for the other's sake, it is written once more: nothing is posted twice."""
    endpoint(stage, receiver)
    for name in ("ada", "bob"):
        stage.add(f"{name}@customer.example")
    happen(stage, 1, of=2)
    first, second = (line.id for line in log_of(stage))
    receiver.script = ["hold"]
    with posting_for(stage) as posting, ThreadPoolExecutor(1) as pool:
        done = pool.submit(send_due, posting)
        receiver.wait_for(2)
        with suppress(Undone), stage.store.write() as conn:  # PostgreSQL undoes one of the two, mostly the other
            words = update(outbox).values(answer="mine")
            conn.execute(words.where(outbox.c.id == second))
            receiver.release()
            Flag().wait(0.4)
            conn.execute(words.where(outbox.c.id == first))
        assert done.result() == Posted(sent=2)
        assert [line.due_at for line in log_of(stage)] == [None, None]


@pytest.mark.usefixtures("each_database")
def test_what_another_worker_holds_is_left_to_it_until_its_lease_ends(stage: Stage, receiver: Receiver) -> None:
    """A worker that died in the middle of a post has its rows taken over, under the same webhook-id."""
    endpoint(stage, receiver)
    stage.add("ada@customer.example")
    happen(stage, 1)
    with posting_for(stage) as first, posting_for(stage, "worker-2") as second:
        with stage.store.write() as conn:
            lease = replace(first.lease(conn), lasts_for=3600)
            (post,) = webhooks.lease(conn, "endpoint-crm", lease, now=stage.clock(), limit=10)
        assert send_due(second) == Posted()
        with stage.store.write() as conn:
            webhooks.renew(conn, replace(lease, lasts_for=-1), [post.id])
        assert send_due(second) == Posted(sent=1)
    assert [got.id for got in receiver.got] == [message_id(post.id, post.key)]


def test_after_a_rotation_both_the_new_and_the_old_secret_verify(stage: Stage, receiver: Receiver) -> None:
    """A receiver needs no change at the moment of `drip keys rotate`; a key that was never ours verifies nothing."""
    endpoint(stage, receiver)
    stage.add("ada@customer.example")
    happen(stage, 1)
    new = "another secret that is long enough"
    with posting_for(stage, secrets=(new, SECRET)) as posting:
        send_due(posting)
        assert tell.secrets_of(stage.store, "crm", posting.secrets) == [secret(of=new), secret()]
    (got,) = receiver.got
    assert got.verified(secret()) == got.verified(secret(of=new)) == got.told
    for wrong in (secret(of="no secret of ours, though long"), secret("another-endpoint")):
        with pytest.raises(WebhookVerificationError):
            got.verified(wrong)


def test_headers_are_those_of_the_specification() -> None:
    """An id without dots, the second, and a signature for each key, parted by spaces."""
    headers = signed(["one secret", "another"], "e", id="msg_1_x", at=real_clock(), body="{}")
    assert sorted(headers) == ["webhook-id", "webhook-signature", "webhook-timestamp"]
    assert headers["webhook-timestamp"].isdigit()
    assert [part.partition(",")[0] for part in headers["webhook-signature"].split(" ")] == ["v1", "v1"]
    assert number_of(message_id(17, "key")) == 17
    assert "." not in message_id(17, "a.b@c")
    assert number_of("msg_x_1") is None


@pytest.mark.usefixtures("each_database")
def test_replay_sends_what_was_told_since_or_what_is_named(stage: Stage, receiver: Receiver) -> None:
    """What has been sent is sent again under the id that it had; what waits anyway is left alone."""
    endpoint(stage, receiver)
    stage.add("ada@customer.example")
    with posting_for(stage) as posting:
        for n in range(3):
            happen(stage, 1, first=n)
            stage.clock.turn(hours=1)
        send_due(posting)
        before = [got.id for got in receiver.got]
        assert tell.replay(stage.store, "crm", now=stage.clock(), since=START + timedelta(hours=1)) == 2
        send_due(posting)
        assert [got.id for got in receiver.got[3:]] == before[1:]
        assert tell.replay(stage.store, "crm", now=stage.clock(), ids=[before[0]]) == 1
        send_due(posting)
        assert receiver.got[-1].id == before[0]
    with pytest.raises(Refused, match="webhook-id"):
        tell.replay(stage.store, "crm", now=stage.clock(), ids=["17"])
    with pytest.raises(Refused, match="webhook-id"):
        tell.replay(stage.store, "crm", now=stage.clock(), ids=[f"msg_{'9' * 30}_0123456789abcdef"])
    with pytest.raises(NotFound, match='did you mean "crm"'):
        tell.replay(stage.store, "cram", now=stage.clock(), failed=True)


def test_a_paused_endpoint_gets_everything_later(stage: Stage, receiver: Receiver) -> None:
    """What happens while it is paused waits; removing it takes that away."""
    endpoint(stage, receiver)
    stage.add("ada@customer.example")
    tell.pause(stage.store, "crm", now=stage.clock())
    happen(stage, 2)
    with posting_for(stage) as posting:
        assert send_due(posting) == Posted()
        tell.resume(stage.store, "crm", now=stage.clock())
        assert send_due(posting) == Posted(sent=2)
        happen(stage, 1, first=2)
        assert tell.remove(stage.store, "crm") == 1
        assert send_due(posting) == Posted()
    assert log_of(stage) == []
