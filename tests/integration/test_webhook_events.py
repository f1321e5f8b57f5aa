"""What endpoints are told: each event once, in the transaction of what it tells, and nothing that they did not want."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from stage import KEY, PLAIN_COURSE, START, Stage, open_store, set_up
from webhook_receiver import Receiver, webhook_receiver
from webhook_stage import endpoint, log_of, mailed, posting_of, secret

from drip.engine.announce import Announcement, Event, announce, click_key
from drip.engine.enrol import enrol
from drip.engine.webhooks import BATCH, Posted, send_due, send_to
from drip.plan.choice import is_held_out
from drip.schedule.patience import ALONE_AFTER
from drip.store import endpoints, learners, webhooks
from drip.track.token import answer_item

pytestmark = pytest.mark.usefixtures("each_database")
ADA = "ada@customer.example"
SURVEY = """\
title: Rated
sender: {name: Acme Academy, email: learn@acme.example}
timing: {every: 1 hour}
steps:
  - {tip: only, subject: Only, body: Body.}
  - {notify: crm.nearly_done}
  - {survey: nps, ask: How likely?}
"""


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    stage = set_up(tmp_path)
    stage.publish()
    stage.add(ADA)
    return stage


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with webhook_receiver() as receiver:
        yield receiver


def tell_all(stage: Stage) -> None:
    posting = posting_of(stage)
    send_due(posting)
    posting.poster.close()


def test_a_course_is_told_from_its_begin_to_its_end(stage: Stage, receiver: Receiver) -> None:
    """Enrolled, sent, clicked, answered, finished: in this order, signed, with the learner's ref and address alone."""
    endpoint(stage, receiver)
    mail = mailed(stage, ADA)
    stage.clock.turn(minutes=10)
    stage.recorder.clicked(mail, 0, stage.visit("click-1"))
    stage.recorder.answered(mail, answer_item(0, 0), "certain", stage.visit("answer-1"))
    stage.live(days=8)
    tell_all(stage)
    told = [got.verified(secret()) for got in receiver.got]
    assert [one["type"] for one in told] == [
        *("enrolled", "sent", "clicked", "answered", "sent", "sent", "finished"),
    ]
    who = {"learner": {"ref": f"ref-{ADA}", "email": ADA}, "course": "course"}
    assert [one["data"] for one in told] == [
        who | {"run": 1},
        who | {"step": "welcome", "variant": "default", "language": "en"},
        who | {"step": "welcome", "link": 0, "url": "https://app.acme.example/views"},
        who | {"step": "welcome", "question": "welcome", "option": 0, "correct": True, "sure": "certain"},
        who | {"step": "advanced", "variant": "default", "language": "en"},
        who | {"step": "goodbye", "variant": "default", "language": "en"},
        who | {"by": "last step"},
    ]
    assert told[0]["timestamp"] == START.isoformat()
    assert told[2]["timestamp"] == (START + timedelta(hours=3, minutes=10)).isoformat()
    assert {one.sent_at is not None for one in log_of(stage)} == {True}


def test_leaving_is_told_with_what_was_left(stage: Stage, receiver: Receiver) -> None:
    """Who leaves everything is told as that, and leaving once more tells nothing more."""
    endpoint(stage, receiver, events=["left"])
    stage.enrol(ADA)
    stage.clock.turn(hours=3)
    stage.deliver()
    for press in ("press-1", "press-2"):
        stage.recorder.left(stage.rows()[0].id, stage.visit(press))
    tell_all(stage)
    assert [(got.type, got.told["data"]["scope"]) for got in receiver.got] == [("left", "everything")]


def test_ratings_and_steps_that_notify_are_told(stage: Stage, receiver: Receiver) -> None:
    """A rating comes with its scale, and what a course says by `notify` under its own name; a second press is none."""
    stage.publish(SURVEY)
    endpoint(stage, receiver, events=["rated", "crm.nearly_done"])
    stage.enrol(ADA)
    stage.live(days=1)
    for press in ("press-1", "press-1", "press-2"):
        stage.recorder.rated(stage.rows()[1].id, 9, stage.visit(press))
    tell_all(stage)
    told = {got.type: got.told["data"] for got in receiver.got}
    assert sorted(got.type for got in receiver.got) == ["crm.nearly_done", "rated"]
    del told["rated"]["learner"], told["crm.nearly_done"]["learner"]
    survey = "only/survey"
    assert told["rated"] == {"course": "course", "step": survey, "survey": survey, "rating": 9, "low": 0, "high": 10}
    assert told["crm.nearly_done"] == {"course": "course", "step": "only/notify"}


@pytest.mark.parametrize(
    ("agent", "after", "told"),
    [
        pytest.param("Mozilla/5.0 (X11; rv:140.0) Firefox/140.0", timedelta(minutes=10), 1, id="a person"),
        pytest.param("Barracuda Sentinel", timedelta(minutes=10), 0, id="a scanner"),
        pytest.param("Mozilla/5.0 (X11; rv:140.0) Firefox/140.0", timedelta(seconds=3), 0, id="too soon"),
    ],
)
def test_only_a_persons_click_is_told(
    stage: Stage, receiver: Receiver, agent: str, after: timedelta, told: int
) -> None:
    """A click is judged once it has settled; a machine's is forgotten."""
    endpoint(stage, receiver, events=["clicked"])
    stage.enrol(ADA)
    stage.clock.turn(hours=3)
    stage.deliver()
    stage.clock.now += after
    stage.recorder.clicked(stage.rows()[0].id, 0, stage.visit("click-1", user_agent=agent))
    stage.clock.turn(seconds=59)
    tell_all(stage)
    assert receiver.got == []
    stage.clock.turn(seconds=1)
    tell_all(stage)
    assert len(receiver.got) == told == len(log_of(stage))


def test_a_persons_click_behind_a_scanners_is_told_when_it_has_settled(stage: Stage, receiver: Receiver) -> None:
    """The person comes while the scanner's click is waiting to be judged, and again later: told once."""
    endpoint(stage, receiver, events=["clicked"])
    mail = mailed(stage, ADA)
    stage.clock.turn(seconds=3)
    stage.recorder.clicked(mail, 0, stage.visit("scanner"))
    stage.clock.turn(seconds=50)
    stage.recorder.clicked(mail, 0, stage.visit("person"))
    at = stage.clock()
    stage.clock.turn(seconds=10)
    tell_all(stage)
    assert receiver.got == []
    stage.clock.turn(seconds=50)
    tell_all(stage)
    stage.recorder.clicked(mail, 0, stage.visit("again"))
    stage.clock.turn(minutes=5)
    tell_all(stage)
    assert [got.told["timestamp"] for got in receiver.got] == [at.isoformat()]


def test_a_click_that_is_tried_again_says_the_same(stage: Stage, receiver: Receiver) -> None:
    """When the person clicked, not the scanner before: at the second attempt too, under the same webhook-id."""
    endpoint(stage, receiver, events=["clicked"])
    mail = mailed(stage, ADA)
    stage.clock.turn(seconds=3)
    stage.recorder.clicked(mail, 0, stage.visit("scanner"))
    stage.clock.turn(seconds=50)
    stage.recorder.clicked(mail, 0, stage.visit("person"))
    receiver.script = [503, 200]
    stage.clock.turn(minutes=2)
    tell_all(stage)
    stage.clock.turn(minutes=1)
    tell_all(stage)
    assert [got.taken for got in receiver.got] == [False, True]
    assert len({(got.id, got.body) for got in receiver.got}) == 1


@pytest.mark.parametrize("in_trouble", [False, True])
def test_scanners_clicks_are_judged_a_lot_at_a_time(stage: Stage, receiver: Receiver, in_trouble: bool) -> None:
    """However many there are, the mails have the database to themselves in between; what is behind them is told."""
    endpoint(stage, receiver, events=["clicked", "crm.thing"])
    with stage.store.write() as conn:
        at = stage.clock() - timedelta(hours=1)
        clicks = [
            Announcement(type="clicked", key=click_key(1, mail, 0), learner_id=None, at=at) for mail in range(BATCH + 5)
        ]
        announce(conn, clicks, now=stage.clock())
        announce(conn, [Announcement(type="crm.thing", key="thing/1", learner_id=None)], now=stage.clock())
        if in_trouble:
            endpoints.went_wrong(conn, "endpoint-crm", ALONE_AFTER, words="503", now=stage.clock())
    posting, once = posting_of(stage), iter([False, True])
    assert send_to(posting, "endpoint-crm", stop=lambda: next(once)) == Posted()
    assert len(log_of(stage)) == BATCH + 6 - (1 if in_trouble else BATCH)
    assert send_due(posting) == Posted(sent=1)
    posting.poster.close()
    assert [line.name for line in log_of(stage)] == ["crm.thing"]


def test_a_person_who_comes_after_a_scanner_was_forgotten_is_told(stage: Stage, receiver: Receiver) -> None:
    """The judged machine leaves nothing behind that would swallow the first click of a person."""
    endpoint(stage, receiver, events=["clicked"])
    mail = mailed(stage, ADA)
    stage.clock.turn(seconds=3)
    stage.recorder.clicked(mail, 0, stage.visit("scanner"))
    stage.clock.turn(minutes=2)
    tell_all(stage)
    stage.recorder.clicked(mail, 0, stage.visit("person"))
    stage.clock.turn(minutes=2)
    tell_all(stage)
    assert [got.type for got in receiver.got] == ["clicked"]


def test_the_held_out_are_told_to_nobody(tmp_path: Path, receiver: Receiver) -> None:
    """Nothing is done for those that an experiment holds out."""
    stage = set_up(tmp_path)
    stage.publish(PLAIN_COURSE.replace("timing:", "experiment: {holdout: 50%}\ntiming:"))
    endpoint(stage, receiver)
    people = stage.people(20)
    held = {one for one in people if is_held_out(0.5, course_id="course", ref=f"ref-{one}")}
    assert {one.learner for one in log_of(stage)} == set(people) - held
    assert held


def test_what_an_endpoint_does_not_want_is_not_written(stage: Stage, receiver: Receiver) -> None:
    """Two endpoints get what they want, each on its own."""
    endpoint(stage, receiver, "crm", ["enrolled"])
    endpoint(stage, receiver, "board", ["sent"])
    stage.enrol(ADA)
    stage.clock.turn(hours=3)
    stage.deliver()
    assert [(one.endpoint, one.name) for one in log_of(stage)] == [("crm", "enrolled"), ("board", "sent")]


def test_nothing_is_told_of_what_was_undone(stage: Stage, receiver: Receiver) -> None:
    """An announcement stands and falls with its transaction; the same key twice is one."""
    endpoint(stage, receiver)
    one = Announcement(type=Event.SENT, key="sent/1", learner_id=None)
    with suppress(RuntimeError), stage.store.write() as conn:
        announce(conn, [one], now=START)
        raise RuntimeError("undone")
    assert log_of(stage) == []
    for _ in range(2):
        with stage.store.write() as conn:
            announce(conn, [one, one], now=START)
    assert len(log_of(stage)) == 1


def test_what_a_course_notifies_waits_for_an_endpoint(stage: Stage, receiver: Receiver) -> None:
    """A `notify` step is kept where no endpoint wants it; one that is added later gets it, once."""
    stage.publish(SURVEY)
    stage.enrol(ADA)
    stage.live(days=1)
    with stage.store.read() as conn:
        assert webhooks.waiting(conn) == 1
    tell_all(stage)
    endpoint(stage, receiver, "board", ["sent"])
    endpoint(stage, receiver, "crm")
    tell_all(stage)
    tell_all(stage)
    assert [got.type for got in receiver.got] == ["crm.nearly_done"]
    assert receiver.got[0].email == ADA


def test_another_process_knows_a_new_endpoint_within_seconds(
    stage: Stage, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes by what it has seen, for a few seconds; whoever looks at what is due there looks anew for all."""
    other = open_store(stage.folder)
    happened = [Announcement(type=Event.SENT, key="sent/1", learner_id=None)]

    def announced() -> int:
        with other.write() as conn:
            announce(conn, happened, now=START)
        return len(log_of(stage))

    assert announced() == 0
    endpoint(stage, receiver)
    assert announced() == 0
    monkeypatch.setattr(endpoints, "KNOWN_FOR_SECONDS", 0)
    assert announced() == 1


def test_an_erased_learner_is_told_to_nobody(stage: Stage, receiver: Receiver) -> None:
    """What waits about somebody goes with them."""
    endpoint(stage, receiver, events=["enrolled"])
    stage.enrol(ADA)
    with stage.store.write() as conn:
        learner = learners.by_addresses(conn, [ADA])[ADA]
        assert webhooks.forget_learner(conn, learner.id) == 1
    tell_all(stage)
    assert receiver.got == []


def test_enrolling_twice_is_told_once(stage: Stage, receiver: Receiver) -> None:
    """The second time nobody comes in."""
    endpoint(stage, receiver, events=["enrolled"])
    for _ in range(2):
        enrol(stage.store, "course", emails=[ADA], at=stage.clock(), suppression_key=KEY)
    assert len(log_of(stage)) == 1


def test_what_was_sent_is_forgotten_after_a_while(stage: Stage, receiver: Receiver) -> None:
    """What was sent, and what nobody wanted, goes; what waits stays, unless its endpoint has been asleep as long."""
    endpoint(stage, receiver, "crm", ["enrolled"])
    asleep = endpoint(stage, receiver, "board", ["enrolled"])
    with stage.store.write() as conn:
        endpoints.pause(conn, asleep.id, why="test", now=stage.clock())
    stage.enrol(ADA)
    later = stage.clock() + timedelta(days=30)
    with stage.store.write() as conn:
        assert webhooks.forget_sent(conn, stage.clock()) == 0
    tell_all(stage)
    with stage.store.write() as conn:
        assert webhooks.forget_sent(conn, later) == 2
    assert log_of(stage) == []
