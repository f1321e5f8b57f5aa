"""What providers and mail servers say of a mail, taken in: evidence, ledger, suppression, and what was in doubt."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path
from threading import Barrier
from time import sleep
from typing import Any

import pytest
from sqlalchemy import func, select
from stage import KEY, PLAIN_COURSE, START, Stage, send_group, set_up

from drip.course.timing import parse_limit
from drip.engine.claim import claim_due
from drip.engine.feedback import Judged, hear
from drip.engine.measure import report
from drip.engine.settle import Decision, settle
from drip.engine.status import status
from drip.people import State
from drip.store import endpoints, erasing, evidence, former, learners, ledger, suppression
from drip.store.endpoints import Endpoint
from drip.store.ledger import Phase
from drip.store.tables import evidence as evidence_table
from drip.track.evidence import Evidence, Kind
from drip.track.heard import Heard, News, Verdict

ADA = "ada@customer.example"
pytestmark = pytest.mark.usefixtures("each_database")


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """One learner whose first mail has gone."""
    stage = set_up(tmp_path)
    stage.publish(PLAIN_COURSE)
    stage.add(ADA)
    stage.enrol(ADA)
    stage.deliver()
    stage.clock.turn(minutes=10)
    return stage


def told(stage: Stage, news: News, delivery: int | None = None, **values: Any) -> Heard:
    row = stage.rows()[0].id if delivery is None else delivery
    start = {"at": stage.clock(), "source": "sendgrid", "source_id": f"{news}-{row}", "recipient": ADA}
    return Heard(**{"news": news, "delivery_id": row, **start, **values})


def take(stage: Stage, *heard: Heard, **options: Any) -> list[Judged]:
    return hear(stage.store, heard, suppression_key=KEY, now=stage.clock(), **options)


def barred(stage: Stage, email: str = ADA) -> str | None:
    with stage.store.read() as conn:
        key = learners.suppression_hash(KEY, email)
        return suppression.suppressed(conn, [key], now=stage.clock()).get(key)


def kinds(stage: Stage) -> list[Kind]:
    with stage.store.read() as conn:
        found = learners.by_addresses(conn, [ADA])[ADA]
        return [event.kind for event in evidence.of_learner(conn, found.id)]


def hard(stage: Stage, **values: Any) -> Heard:
    known = {"verdict": Verdict.HARD, "status": "5.1.1", "said": "no such user"}
    return told(stage, News.BOUNCED, **{**known, **values})


def test_a_delivery_is_written_down_once(stage: Stage) -> None:
    """Delivered goes into the ledger and the evidence; the same event again changes nothing."""
    first = take(stage, told(stage, News.DELIVERED))
    again = take(stage, told(stage, News.DELIVERED), told(stage, News.DELIVERED))
    assert [one.new for one in (*first, *again)] == [True, False, False]
    assert (stage.rows()[0].state, kinds(stage)) == (Phase.DELIVERED, [Kind.DELIVERED])
    assert stage.rows()[0].sent_at == START


def test_a_dead_address_ends_what_it_is_in_and_gets_no_mail(stage: Stage) -> None:
    """Promise 7: a hard bounce ends the enrolments with the reason, and puts the address on the list."""
    (done,) = take(stage, hard(stage))
    ended = stage.standing(ADA).enrolment
    assert (done.suppressed, done.email, barred(stage)) == ("bounced", ADA, "bounced")
    assert (ended.state, ended.ended_by) == (State.FAILED, "the address is dead: 5.1.1 no such user")
    assert stage.rows()[0].state is Phase.BOUNCED
    stage.live(days=1)
    assert len(stage.mails()) == 1
    assert stage.enrol(ADA).refused == {ADA: "on the suppression list: bounced"}


@pytest.mark.parametrize("order", list(permutations((News.DELIVERED, News.BOUNCED, News.COMPLAINED))))
def test_the_order_makes_no_difference(stage: Stage, order: tuple[News, ...]) -> None:
    """Whatever comes first: a complaint wins over a bounce, and a bounce over a delivery."""
    for news in order:
        take(stage, hard(stage) if news is News.BOUNCED else told(stage, news))
    assert (stage.rows()[0].state, barred(stage)) == (Phase.COMPLAINED, "complained")


@pytest.mark.parametrize("late", [False, True])
def test_a_late_bounce_wins(stage: Stage, late: bool) -> None:
    """A gateway may take a mail and give it back: bounced goes over delivered, in either order."""
    news = [told(stage, News.DELIVERED), told(stage, News.BOUNCED, verdict=Verdict.OTHER, said="too big")]
    for one in news if late else reversed(news):
        take(stage, one)
    row = stage.rows()[0]
    assert (row.state, row.answer, barred(stage)) == (Phase.BOUNCED, "too big", None)
    assert stage.standing(ADA).enrolment.state is State.ACTIVE


def test_a_complaint_leaves_everything(stage: Stage) -> None:
    """Who calls a mail spam gets none any more, and no link brings them back."""
    take(stage, told(stage, News.COMPLAINED))
    ended = stage.standing(ADA).enrolment
    assert (ended.state, ended.ended_by, barred(stage)) == (State.LEFT, "complained", "complained")


def test_leaving_by_the_providers_own_way(stage: Stage) -> None:
    """A provider's own unsubscribe is a leaving of everything, kept as one, and without an undo."""
    take(stage, told(stage, News.LEFT))
    ended = stage.standing(ADA).enrolment
    assert (ended.state, ended.ended_by, barred(stage)) == (State.LEFT, "unsubscribed", "unsubscribed")
    assert kinds(stage) == [Kind.UNSUBSCRIBE]
    take(stage, told(stage, News.COMPLAINED))
    assert barred(stage) == "complained"


def test_an_address_alone_acts_on_nothing(stage: Stage) -> None:
    """Without a proven delivery neither ledger nor list is touched, and nothing is stored."""
    news = [replace(hard(stage), delivery_id=None), replace(told(stage, News.COMPLAINED), delivery_id=0)]
    done = take(stage, *news, replace(hard(stage), delivery_id=77_777), replace(hard(stage), delivery_id=2**80))
    assert [one.delivery_id for one in done] == [None] * 4
    assert not any(one.new or one.suppressed for one in done)
    assert (stage.rows()[0].state, barred(stage), kinds(stage)) == (Phase.SENT, None, [])


def test_what_is_said_of_the_sender_says_nothing_of_the_address(stage: Stage) -> None:
    """A block is kept and marks the mail; the learner goes on."""
    take(stage, told(stage, News.BOUNCED, verdict=Verdict.OTHER, status="5.7.1", said="blocked"))
    assert (stage.rows()[0].state, barred(stage)) == (Phase.BOUNCED, None)
    stage.clock.turn(hours=1)
    assert stage.deliver().sent == 1


def in_doubt(stage: Stage, state: Phase) -> int:
    """A second mail that was handed over without an answer, as a killed worker leaves it."""
    stage.clock.turn(hours=1)
    (parcel,) = claim_due(stage.sending, now=stage.clock()).parcels
    with stage.store.write() as conn:
        ledger.hand(conn, stage.sending.lease(conn), [parcel.delivery_id], now=stage.clock())
        if state is Phase.IN_DOUBT:
            ledger.doubt(conn, "worker-1", parcel.delivery_id, due_at=stage.clock(), answer="lost")
        elif state is Phase.HELD:
            ledger.hold(conn, "worker-1", parcel.delivery_id, answer="in doubt")
        elif state is Phase.RETRY:
            ledger.put_back(conn, "worker-1", parcel.delivery_id, due_at=stage.clock(), answer="again")
    assert stage.rows()[-1].state is state
    return parcel.delivery_id


@pytest.mark.parametrize("state", [Phase.IN_DOUBT, Phase.HELD, Phase.HANDED, Phase.RETRY])
@pytest.mark.parametrize("news", [News.ACCEPTED, News.DELIVERED, News.DELAYED, News.BOUNCED])
def test_an_event_settles_what_was_in_doubt(stage: Stage, state: Phase, news: News) -> None:
    """Promise 5: the mail is sent as of the event, the enrolment goes on from then, and nothing is sent twice."""
    one = in_doubt(stage, state)
    stage.clock.turn(minutes=4)
    at = stage.clock()
    stage.clock.turn(minutes=30)
    verdict = Verdict.SOFT if news is News.BOUNCED else None
    (done,) = take(stage, told(stage, news, one, at=at, verdict=verdict))
    row, stands = stage.rows()[-1], stage.standing(ADA)
    assert (done.settled, row.sent_at) == (True, at)
    assert row.state is {News.DELIVERED: Phase.DELIVERED, News.BOUNCED: Phase.BOUNCED}.get(news, Phase.SENT)
    assert (stands.enrolment.next_step, stands.enrolment.last_mail_at) == ("tip-3", at)
    assert stands.due_at == at + timedelta(hours=1)
    stage.live(days=1)
    assert [row.step for row in stage.rows()] == [f"tip-{n}" for n in range(1, 7)]
    assert len(stage.mails()) == 5  # all but the one whose bytes this test has kept


@pytest.mark.parametrize("when", ["rendered", "handed"])
def test_an_event_calls_off_a_retry_that_a_worker_is_at(stage: Stage, when: str) -> None:
    """A worker has claimed the retry, or its second copy is on its way: the first one's news settles it, once."""
    one = in_doubt(stage, Phase.RETRY)
    parcels = claim_due(stage.sending, now=stage.clock()).parcels
    assert ([parcel.delivery_id for parcel in parcels], stage.rows()[-1].state) == ([one], Phase.CLAIMED)
    if when == "handed":
        with stage.store.write() as conn:
            assert ledger.hand(conn, stage.sending.lease(conn), [one], now=stage.clock()) == {one}
    (done,) = take(stage, told(stage, News.DELIVERED, one))
    before = stage.rows()[-1]
    tally = send_group(stage.sending, parcels)
    assert (done.settled, tally.sent, len(stage.mails())) == (True, 0, 1)
    assert (stage.rows()[-1], before.state) == (before, Phase.DELIVERED)
    assert stage.standing(ADA).enrolment.next_step == "tip-3"
    stage.live(days=1)
    assert [row.step for row in stage.rows()] == [f"tip-{n}" for n in range(1, 7)]


def test_news_of_a_mail_that_the_learner_has_moved_on_from(stage: Stage) -> None:
    """A person left it out, and the next one has gone: that it did arrive is written down, and moves nobody."""
    one = in_doubt(stage, Phase.HELD)
    settle(stage.store, Decision.CANCEL, now=stage.clock(), email=ADA)
    stage.clock.turn(hours=1)
    stage.deliver()
    before = stage.standing(ADA)
    (done,) = take(stage, told(stage, News.DELIVERED, one))
    states = {row.step: row.state for row in stage.rows()}
    assert (done.settled, states["tip-2"], states["tip-3"]) == (True, Phase.DELIVERED, Phase.SENT)
    assert stage.standing(ADA) == before


def test_what_the_provider_did_not_want_to_send_waits_for_a_person(stage: Stage) -> None:
    """Dropped for a reason of the sender's own, while in doubt: it has not gone, and a person sees why."""
    one = in_doubt(stage, Phase.IN_DOUBT)
    (done,) = take(stage, told(stage, News.DROPPED, one, verdict=Verdict.OTHER, said="over the package's quota"))
    row = stage.rows()[-1]
    assert (done.held, done.settled, row.state) == (True, False, Phase.HELD)
    assert "quota" in row.answer


def test_a_mail_that_was_never_handed_over_is_settled_by_nothing(stage: Stage) -> None:
    """An event about a row that nobody has sent, after a database was put back say, moves nobody on."""
    stage.clock.turn(hours=1)
    (parcel,) = claim_due(stage.sending, now=stage.clock()).parcels
    take(stage, told(stage, News.DELIVERED, parcel.delivery_id))
    assert stage.rows()[-1].state is Phase.CLAIMED
    assert stage.standing(ADA).enrolment.next_step == "tip-2"


def soft(stage: Stage, *, times: int, days: float) -> list[str | None]:
    """So many mails, each given back by a full mailbox."""
    found = []
    for number in range(times):
        stage.deliver()
        last = stage.rows()[-1].id
        news = told(stage, News.BOUNCED, last, verdict=Verdict.SOFT, said="full", source_id=f"soft-{last}-{number}")
        (done,) = take(stage, news)
        found.append(done.suppressed)
        stage.clock.turn(days=days)
    return found


def test_many_soft_bounces_in_a_row_end_in_a_rest(stage: Stage) -> None:
    """Five mails in a row over a week that a mailbox did not take: it rests for 90 days, and may then be enrolled."""
    assert soft(stage, times=5, days=2) == [None, None, None, None, "soft-bounces"]
    ended = stage.standing(ADA).enrolment
    assert ended.ended_by == "the mailbox takes nothing: 5 mails in a row since 2026-03-02; the last time: full"
    assert (ended.state, barred(stage)) == (State.FAILED, "soft-bounces")
    stage.clock.turn(days=89)
    assert barred(stage) is None


def test_soft_bounces_within_a_few_days_are_a_bad_week(stage: Stage) -> None:
    """However many there are: under a week, nobody is given up."""
    assert soft(stage, times=6, days=1) == [None] * 6


@pytest.mark.parametrize("sign", ["delivered", "click"])
def test_a_sign_of_life_begins_the_count_anew(stage: Stage, sign: str) -> None:
    """A delivery, or somebody who reads, between soft bounces: they are not in a row."""
    assert soft(stage, times=4, days=3) == [None] * 4
    if sign == "delivered":
        stage.deliver()
        take(stage, told(stage, News.DELIVERED, stage.rows()[-1].id))
    else:
        with stage.store.write() as conn:
            told_us = {"at": stage.clock(), "source": "link", "source_id": "click", "learner_id": 1}
            evidence.add(conn, Evidence(kind=Kind.CLICK, **told_us))
    stage.clock.turn(days=3)
    assert soft(stage, times=1, days=3) == [None]


@pytest.mark.parametrize("over_smtp", [False, True])
def test_mails_that_arrive_between_begin_the_count_anew(stage: Stage, over_smtp: bool) -> None:
    """Full five times in ten mails, with others between that stayed there: not in a row, also where nobody tells so."""
    stage.publish(PLAIN_COURSE + "".join(f"  - {{tip: more-{n}, subject: '{n}', body: B}}\n" for n in range(4)))
    found: list[str | None] = []
    for _ in range(5):
        found += soft(stage, times=1, days=3)
        stage.deliver()
        if not over_smtp:
            take(stage, told(stage, News.DELIVERED, stage.rows()[-1].id))
        stage.clock.turn(days=3)
    assert found == [None] * 5
    assert len(stage.rows()) == 10


@pytest.mark.parametrize("order", [(0, 1, 2, 3, 4), (4, 3, 2, 1, 0), (4, 0, 3, 1, 2)])
def test_soft_bounces_that_come_late_are_in_a_row_too(stage: Stage, order: tuple[int, ...]) -> None:
    """A server tries for days, and gives mails back in any order, after the next have gone: the row is one of mails."""
    for _ in range(5):
        stage.clock.turn(days=3)
        stage.deliver()
    rows = [row.id for row in stage.rows()]
    begun, now = stage.clock(), stage.clock() + timedelta(days=10)
    found = []
    for number in order:
        at = begun + timedelta(days=2 * number)
        news = told(stage, News.BOUNCED, rows[number], verdict=Verdict.SOFT, said="full", at=at, source_id=f"s{number}")
        (done,) = hear(stage.store, [news], suppression_key=KEY, now=now)
        found.append(done.suppressed)
    assert found == [None] * 4 + ["soft-bounces"]


def test_an_address_that_another_has_passed_the_mail_on_to_is_another(stage: Stage) -> None:
    """A mail server calls somebody dead who is not whom we wrote to: soft, for behind an alias may be several."""
    by_mail = {"source": "mail", "source_id": "one"}
    (done,) = take(stage, hard(stage, recipient="eva@home.example", **by_mail))
    assert (done.heard.verdict, done.heard.recipient, done.suppressed) == (Verdict.SOFT, ADA, None)
    assert stage.standing(ADA).enrolment.state is State.ACTIVE
    (done,) = take(stage, hard(stage, recipient=f"{ADA.upper()}.", **{**by_mail, "source_id": "two"}))
    assert (done.heard.verdict, done.suppressed) == (Verdict.HARD, "bounced")


def test_a_mail_of_somebody_erased_bars_their_address(stage: Stage) -> None:
    """What is said for ever of an address holds for people since erased too; nothing else is kept."""
    with stage.store.write() as conn:
        conn.execute(former.former.insert().values(delivery_id=900, address_hash="hash"))
    (done,) = take(stage, hard(stage, delivery=900))
    assert (done.suppressed, done.email) == ("bounced", None)
    with stage.store.read() as conn:
        assert suppression.suppressed(conn, ["hash"], now=stage.clock()) == {"hash": "bounced"}
        assert conn.execute(select(func.count()).select_from(evidence_table)).scalar_one() == 0


def test_who_is_erased_in_the_same_moment_is_not_in_the_way(stage: Stage) -> None:
    """An erasing under way is waited for: of that mail nothing is kept any more, and the others are heard."""
    stage.add("bo@customer.example")
    stage.enrol("bo@customer.example")
    stage.deliver()
    ours, other = (row.id for row in stage.rows())
    news = [told(stage, News.DELIVERED, ours), told(stage, News.DELIVERED, other)]
    with ThreadPoolExecutor(1) as threads:
        with stage.store.write() as conn:
            found = learners.by_addresses(conn, [ADA])[ADA]
            erasing.lock(conn, found.id)
            late = threads.submit(take, stage, *news)
            sleep(0.3)  # for whoever would not wait; the test holds without it
            former.keep(conn, found.id, "hash")
            erasing.forget(conn, found.id, words=[ADA], kept=[], now=stage.clock())
        assert [one.new for one in late.result()] == [False, True]
    assert [row.state for row in stage.rows()] == [Phase.SENT, Phase.DELIVERED]


def test_hostile_words_are_stored(stage: Stage) -> None:
    """NUL, half characters and a key without end: what a database does not take is made fit."""
    odd = "a\0b\ud800" * 400
    news = hard(stage, said=odd, status=odd, source_id=odd, data={odd: [odd, {"x": odd}]})
    assert [one.new for one in (*take(stage, news), *take(stage, news))] == [True, False]


def test_a_clock_that_is_wrong_is_not_believed(stage: Stage) -> None:
    """An event from before the mail, or from the future, counts as of the nearest possible moment."""
    one = in_doubt(stage, Phase.IN_DOUBT)
    take(stage, told(stage, News.ACCEPTED, one, at=datetime.fromisoformat("9999-01-01T00:00:00+00:00")))
    assert stage.rows()[-1].sent_at == stage.clock()


def test_endpoints_are_told_of_what_came_back_and_of_who_left(stage: Stage) -> None:
    """A bounce is told once a mail, a complaint as a leaving, a settled mail as sent; a replay tells nothing more."""
    with stage.store.write() as conn:
        endpoints.add(conn, Endpoint(id="e", name="crm", url="x", events=frozenset(), created_at=stage.clock()))
    one = in_doubt(stage, Phase.IN_DOUBT)
    late = told(stage, News.BOUNCED, verdict=Verdict.OTHER, said="too big")
    for _ in range(2):
        take(stage, told(stage, News.ACCEPTED, one), late, replace(late, source_id="another"), told(stage, News.LEFT))
        take(stage, told(stage, News.COMPLAINED))
    with stage.store.read() as conn:
        rows = conn.exec_driver_sql("SELECT name, payload FROM outbox").all()
    told_of = sorted(row.name for row in rows)
    assert told_of == ["bounced", "left", "left", "sent"]


def test_a_burst_for_a_reason_of_the_senders_is_said(stage: Stage) -> None:
    """Ten mails turned away in a day are an alarm that names the domain; three complaints are one too."""
    emails = stage.people(12)
    stage.deliver()
    rows = [row.id for row in stage.rows()[-12:]]
    blocked = [told(stage, News.BOUNCED, id_, verdict=Verdict.OTHER, said="550 blocked") for id_ in rows]
    take(stage, *blocked[:9])
    before = status(stage.store, now=stage.clock(), zone=UTC)
    assert (before.verdict.alarm, before.came_back.other) == (False, 9)
    take(stage, *blocked)
    found = status(stage.store, now=stage.clock(), zone=UTC)
    assert (found.verdict.kind, found.verdict.alarm) == ("turned-away", True)
    assert "TURNED AWAY: 12 mails in 24 hours (12 from customer.example)" in found.verdict.words
    assert "550 blocked" in found.verdict.words
    assert len(emails) == 12
    stage.clock.turn(days=1, seconds=1)
    assert status(stage.store, now=stage.clock(), zone=UTC).came_back.other == 0
    take(stage, *(told(stage, News.COMPLAINED, id_) for id_ in rows[:3]))
    stage.deliver()
    assert "CALLED SPAM: 3" in status(stage.store, now=stage.clock(), zone=UTC).verdict.words


def test_an_operator_who_asks_is_told(stage: Stage) -> None:
    """`drip why` shows what was told of each mail, in whose words; the report counts it beside what was sent."""
    take(stage, told(stage, News.DELAYED, said="450 try later"), told(stage, News.DELIVERED))
    take(stage, told(stage, News.BOUNCED, verdict=Verdict.OTHER, status="5.3.4", said="too big"))
    rows = [(row.kind, row.step, row.reason) for row in stage.why(ADA).rows]
    assert rows[1:] == [
        ("mail", "tip-1", "the first mail"),
        ("delayed", "tip-1", "450 try later"),
        ("delivered", "tip-1", ""),
        ("bounce", "tip-1", "other: 5.3.4 too big"),
    ]
    found = report(stage.store, "course")
    assert (found.sent, found.delivered, found.bounced, found.complained) == (1, 0, 1, 0)


def test_a_mail_counts_for_caps_whatever_is_told_of_it(stage: Stage) -> None:
    """A delivered mail is one that was sent: a workspace's cap holds, and the next mail waits for the next day."""
    capped = replace(stage, sending=replace(stage.sending, limit=parse_limit("1 per day")))
    take(capped, told(capped, News.DELIVERED))
    capped.clock.turn(hours=2)
    assert capped.deliver().sent == 0
    capped.clock.turn(days=1)
    assert capped.deliver().sent == 1


def test_the_same_news_at_once_is_heard_once(stage: Stage) -> None:
    """Two web sides get the same batch at the same moment, while a worker sends: each event is new to one of them."""
    stage.people(12)
    stage.deliver()
    rows = [row.id for row in stage.rows()]
    names = (News.DELIVERED, News.BOUNCED, News.COMPLAINED, News.DELAYED)
    news = [told(stage, names[n % 4], id_, verdict=Verdict.HARD, said="x") for n, id_ in enumerate(rows)]
    stage.clock.turn(hours=1)
    start = Barrier(3)

    def listen(heard: list[Heard]) -> int:
        start.wait()
        return sum(one.new for one in take(stage, *heard))

    def work() -> int:
        start.wait()
        return stage.deliver().sent

    with ThreadPoolExecutor(3) as pool:
        first, second, worker = pool.submit(listen, news), pool.submit(listen, news[::-1]), pool.submit(work)
        assert first.result() + second.result() == len(news)
        worker.result()
    states = {row.id: row.state for row in stage.rows()}
    expected = (Phase.DELIVERED, Phase.BOUNCED, Phase.COMPLAINED, Phase.SENT)
    assert [states[id_] for id_ in rows] == [expected[n % 4] for n in range(len(rows))]
