"""What comes at the same time, as a click while the one before it is being judged: each is told, and told once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event as Flag

import pytest
from stage import KEY, Stage, open_store, set_up
from webhook_receiver import webhook_receiver
from webhook_stage import endpoint, log_of, mailed, posting_of

from drip.engine.clicks_told import judged
from drip.engine.record import Recorder
from drip.engine.webhooks import send_due
from drip.store import endpoints, webhooks
from drip.track.evidence import Kind
from drip.track.token import answer_item

pytestmark = pytest.mark.usefixtures("each_database")
ADA = "ada@customer.example"


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    stage = set_up(tmp_path)
    stage.publish()
    stage.add(ADA)
    return stage


def test_a_click_while_the_one_before_is_forgotten_is_told(stage: Stage) -> None:
    """The judge has looked, found a machine and forgotten it, and has not committed: the person's click waits for it,
    and stands for itself then."""
    with webhook_receiver() as receiver:
        endpoint(stage, receiver, events=["clicked"])
        mail = mailed(stage, ADA)
        stage.clock.turn(seconds=3)
        stage.recorder.clicked(mail, 0, stage.visit("scanner"))
        stage.clock.turn(minutes=2)
        posting = posting_of(stage)
        other = open_store(stage.folder)
        with other.read() as conn:
            endpoints.look_again(conn)
        recorder = Recorder(other, suppression_key=KEY)
        with ThreadPoolExecutor(1) as pool:
            with stage.store.write() as conn:
                (post,) = webhooks.lease(conn, "endpoint-crm", posting.lease(conn), now=stage.clock(), limit=9)
                assert judged(conn, posting.worker, [post], now=stage.clock()) == []
                person = pool.submit(recorder.clicked, mail, 0, stage.visit("person"))
                Flag().wait(0.2)  # it waits, or is about to: both orders must end well
            person.result()
        assert len(log_of(stage)) == 1
        stage.clock.turn(minutes=2)
        assert send_due(posting).sent == 1
        posting.poster.close()


def test_of_two_answers_at_once_one_is_told(stage: Stage) -> None:
    """Neither press sees the other; an endpoint hears of one first answer."""
    inside, other = Flag(), open_store(stage.folder)

    def lingers(_kind: Kind) -> None:
        inside.set()
        Flag().wait(0.5)  # the other one is at it meanwhile, or waits: both orders must end well

    with webhook_receiver() as receiver:
        endpoint(stage, receiver, events=["answered"])
        mail = mailed(stage, ADA)
        with other.read() as conn:
            endpoints.look_again(conn)
        slow, quick = Recorder(stage.store, suppression_key=KEY, told=lingers), Recorder(other, suppression_key=KEY)
        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(slow.answered, mail, answer_item(0, 0), "fairly", stage.visit("one"))
            assert inside.wait(60)
            quick.answered(mail, answer_item(0, 1), "fairly", stage.visit("another"))
            first.result()
    assert [line.name for line in log_of(stage)] == ["answered"]
