"""Taking back that one left; leaving as a hand-over is about to happen; leaving for people since erased."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from doors import all_evidence, door_app, fields, mails_to, suppressions
from stage import KEY, PLAIN_COURSE, Stage, send_group, set_up

from drip.engine.claim import claim_due
from drip.engine.enrol import enrol
from drip.engine.learners import import_csv
from drip.people import State
from drip.store import former, learners, ledger, suppression
from drip.store.ledger import Phase
from drip.store.tables import delivery, enrolment, learner
from drip.store.tables import evidence as evidence_table
from drip.track.token import Purpose, Ring, sign
from drip.web.serve import running

ANNA = "anna@customer.example"
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
def stage(tmp_path: Path, each_database: str) -> Stage:
    """Anna has the first of six tips, an hour apart."""
    stage = set_up(tmp_path)
    stage.publish(PLAIN_COURSE)
    stage.add(ANNA)
    stage.enrol(ANNA)
    stage.deliver()
    return stage


@pytest.fixture
def client(stage: Stage) -> Iterator[httpx.Client]:
    with running(door_app(stage)) as url, httpx.Client(base_url=url, timeout=60) as client:
        yield client


def link(stage: Stage, number: int = 0) -> str:
    """The link for leaving of a mail that was sent."""
    return f"/u/{sign(stage.sending.ring, Purpose.UNSUBSCRIBE, stage.rows()[number].id)}"


def leave(client: httpx.Client, path: str, scope: str = "everything") -> httpx.Response:
    """Open the page and press its button."""
    return client.post(path, data={**fields(client.get(path)), "leave": scope})


def undo_in(page: httpx.Response) -> str:
    """Where the form for taking it back posts to."""
    found = re.search(r'action="\.\.(/undo/[^"]+)"', page.text)
    assert found, page.text
    return found[1]


def test_a_mistake_is_taken_back(stage: Stage, client: httpx.Client) -> None:
    """List, enrolment and what comes next stand as before; the evidence tells both; nothing bursts."""
    before = stage.standing(ANNA)
    left = leave(client, link(stage))
    assert (suppressions(stage), stage.standing(ANNA).enrolment.state) == (["unsubscribed"], State.LEFT)
    stage.clock.turn(hours=5)
    assert stage.deliver().sent == 0
    back = client.post(undo_in(left), data={"undo": "1"})
    assert (back.status_code, "<h1>You are back</h1>" in back.text) == (200, True)
    after = stage.standing(ANNA)
    assert (suppressions(stage), after.enrolment.state, after.enrolment.ended_by) == ([], State.ACTIVE, None)
    assert (after.enrolment.next_step, after.enrolment.last_mail_at) == ("tip-2", before.enrolment.last_mail_at)
    assert [str(event.kind) for event in all_evidence(stage)][-2:] == ["unsubscribe", "return"]
    assert stage.deliver().sent == 1, "one mail, though five hours have passed"
    assert stage.deliver().sent == 0
    stage.live(days=1)
    assert [mail["Subject"] for mail in mails_to(stage, ANNA)] == [f"Tip {number}" for number in range(1, 7)]


def test_undo_sent_twice_and_at_once_is_one(stage: Stage, client: httpx.Client) -> None:
    """Eight presses at once, and a reload: everybody is told that they are back; one piece of evidence."""
    path = undo_in(leave(client, link(stage)))
    with ThreadPoolExecutor(8) as pool:
        told = list(
            pool.map(lambda _: httpx.post(client.base_url.join(path), data={"undo": "1"}, timeout=60), range(8))
        )
    assert {(one.status_code, "You are back" in one.text) for one in told} == {(200, True)}
    assert [str(event.kind) for event in all_evidence(stage)].count("return") == 1


def test_leaving_again_after_an_undo_holds(stage: Stage, client: httpx.Client) -> None:
    """By one-click twice, with an undo in between; the first undo's form, sent again, brings nobody back."""
    path = link(stage)
    undo = undo_in(leave(client, path))
    client.post(undo, data={"undo": "1"})
    assert client.post(path, data=ONE_CLICK).status_code == 200
    assert stage.standing(ANNA).enrolment.state is State.LEFT
    again = client.post(undo, data={"undo": "1"})
    assert (again.status_code, "You are back" in again.text) == (200, False)
    assert (stage.standing(ANNA).enrolment.state, suppressions(stage)) == (State.LEFT, ["unsubscribed"])
    assert [str(event.kind) for event in all_evidence(stage)].count("unsubscribe") == 2


def test_one_click_again_after_an_undo_leaves_again(stage: Stage, client: httpx.Client) -> None:
    """What a provider presses is the same press each time: after coming back it counts anew."""
    path = link(stage)
    client.post(path, data=ONE_CLICK)
    number = all_evidence(stage)[-1]
    found = stage.recorder.left_by(stage.rows()[0].id, number.source_id, now=stage.clock())
    assert found is None, "one-click is answered to nobody who could undo it"
    found = stage.recorder.left_by(stage.rows()[0].id, "one-click", now=stage.clock())
    assert found is not None
    assert stage.recorder.came_back(stage.rows()[0].id, found[0], stage.visit("y", method="POST"))
    client.post(path, data=ONE_CLICK)
    assert (stage.standing(ANNA).enrolment.state, suppressions(stage)) == (State.LEFT, ["unsubscribed"])


def test_looking_takes_nothing_back(stage: Stage, client: httpx.Client) -> None:
    """A scanner that follows the undo's address sees one question; only the form's own field acts."""
    path = undo_in(leave(client, link(stage)))
    seen = client.get(path)
    assert (seen.status_code, "Undo that you left?" in seen.text) == (200, True)
    for form in ({}, {"undo": "2"}, {"leave": "everything"}, ONE_CLICK):
        assert client.post(path, data=form).status_code == 400
    assert stage.standing(ANNA).enrolment.state is State.LEFT


def test_after_a_day_it_is_too_late(stage: Stage, client: httpx.Client) -> None:
    """To the second, though the token itself lives to the end of that day."""
    path = undo_in(leave(client, link(stage)))
    stage.clock.turn(hours=24)
    late = client.post(path, data={"undo": "1"})
    assert (late.status_code, "That was too long ago" in late.text) == (410, True)
    assert stage.standing(ANNA).enrolment.state is State.LEFT
    stage.clock.turn(days=2)
    assert client.get(path).status_code == 410


def test_only_that_leaving_is_lifted(stage: Stage, client: httpx.Client) -> None:
    """Who left by an earlier mail, or was put on the list for something else, stays so."""
    stage.clock.turn(hours=1)
    stage.deliver()
    first = undo_in(leave(client, link(stage, 0)))
    second = leave(client, link(stage, 1))
    assert "/undo/" not in second.text, "whoever had left before has nothing to take back"
    client.post(first, data={"undo": "1"})
    path = undo_in(leave(client, link(stage, 1)))
    with stage.store.write() as conn:
        key = learners.suppression_hash(KEY, ANNA)
        conn.exec_driver_sql("UPDATE suppression SET reason = 'complained'")
    client.post(path, data={"undo": "1"})
    with stage.store.read() as conn:
        assert suppression.suppressed(conn, [key], now=stage.clock()) == {key: "complained"}
    assert stage.deliver().sent == 0
    stage.clock.turn(hours=3)
    assert stage.deliver().sent == 0


def test_undo_of_one_course_leaves_the_others_alone(tmp_path: Path, each_database: str) -> None:
    """Where leaving means the course, so does coming back, also for one that had finished with reviews to come."""
    stage = set_up(tmp_path)
    for name in ("course", "other"):
        stage.publish(PLAIN_COURSE + "unsubscribe: course\n", name=name)
    stage.add(ANNA)
    for name in ("course", "other"):
        enrol(stage.store, name, emails=[ANNA], at=stage.clock(), suppression_key=KEY)
    stage.live(days=1)
    with running(door_app(stage)) as url, httpx.Client(base_url=url) as client:
        left = leave(client, link(stage), "course")
        with stage.store.read() as conn:
            states = dict(
                conn.execute(enrolment.select().with_only_columns(enrolment.c.course_id, enrolment.c.state)).all()
            )
        assert states == {"course": "left", "other": "finished"}
        assert "comes to" in client.post(undo_in(left), data={"undo": "1"}).text
    with stage.store.read() as conn:
        rows = conn.execute(enrolment.select()).all()
    assert {(row.course_id, row.state, row.ended_by) for row in rows} == {
        ("course", "finished", "last step"),
        ("other", "finished", "last step"),
    }


def test_whoever_left_at_the_hand_comes_back_to_the_same_tip(stage: Stage, client: httpx.Client) -> None:
    """A mail that a worker holds, and has not handed, does not go; after an undo that tip comes, once."""
    stage.clock.turn(hours=1)
    claimed = claim_due(stage.sending, now=stage.clock())
    assert len(claimed.parcels) == 1
    left = leave(client, link(stage))
    assert [row.state for row in stage.rows()] == [Phase.SENT, Phase.CANCELLED]
    send_group(stage.sending, claimed.parcels)
    assert len(mails_to(stage, ANNA)) == 1
    client.post(undo_in(left), data={"undo": "1"})
    stage.live(days=1)
    assert [mail["Subject"] for mail in mails_to(stage, ANNA)] == [f"Tip {number}" for number in range(1, 7)]


def test_what_arrived_meanwhile_starts_the_next_gap(stage: Stage, client: httpx.Client) -> None:
    """A mail that was handed when they left arrives; after an undo it is not sent again, and the next one waits."""
    stage.clock.turn(hours=1)
    parcels = claim_due(stage.sending, now=stage.clock()).parcels
    with stage.store.write() as conn:
        ledger.hand(conn, stage.sending.lease(conn), [parcels[0].delivery_id], now=stage.clock())
    left = leave(client, link(stage))
    with stage.store.write() as conn:
        ledger.mark_sent(conn, {parcels[0].delivery_id: "250 taken"}, now=stage.clock())
    client.post(undo_in(left), data={"undo": "1"})
    assert stage.deliver().sent == 0, "the third comes an hour after the second, not at once"
    assert stage.standing(ANNA).enrolment.next_step == "tip-3"
    stage.clock.turn(hours=1)
    assert stage.deliver().sent == 1


def test_an_edit_published_meanwhile_is_followed(stage: Stage, client: httpx.Client) -> None:
    """The tip that they waited for is gone by then, another stands in its place: that one comes."""
    left = leave(client, link(stage))
    stage.clock.turn(hours=1)
    stage.publish(PLAIN_COURSE.replace("{tip: tip-2, subject: Tip 2", "{tip: new, subject: New") + "removed: [tip-2]\n")
    client.post(undo_in(left), data={"undo": "1"})
    stage.live(days=1)
    told = [mail["Subject"] for mail in mails_to(stage, ANNA)]
    assert told == ["Tip 1", "New", "Tip 3", "Tip 4", "Tip 5", "Tip 6"]


def test_whoever_was_paused_is_paused_again(stage: Stage, client: httpx.Client) -> None:
    """An undo puts back what was, not more: nothing comes until whoever paused it lifts that."""
    with stage.store.write() as conn:
        paused = {"state": "paused", "paused_by": "marketer", "held_since": stage.clock(), "due_at": None}
        conn.execute(enrolment.update().values(**paused))
    left = leave(client, link(stage))
    assert stage.standing(ANNA).enrolment.state is State.LEFT
    client.post(undo_in(left), data={"undo": "1"})
    after = stage.standing(ANNA)
    assert (after.enrolment.state, after.enrolment.paused_by, after.due_at) == (State.PAUSED, "marketer", None)
    assert stage.live(days=2).sent == 0


def test_questions_that_come_back_come_back(tmp_path: Path, each_database: str) -> None:
    """Leaving stops them, for those who have finished too; an undo lets them go on."""
    stage = set_up(tmp_path)
    question = (
        "question: {ask: Where?, options: [{text: Here, correct: true, because: So.}, {text: There, because: No.}]}"
    )
    stage.publish(
        "title: One\nsender: {name: Acme, email: learn@acme.example}\ntiming: {every: 1 hour}\n"
        "reviews: {strategy: fixed, after_days: [2], per_email: 2}\n"
        f"steps:\n  - {{tip: only, subject: Only, body: Text., {question}}}\n"
    )
    stage.add(ANNA)
    stage.enrol(ANNA)
    stage.live(days=1)
    assert stage.standing(ANNA).enrolment.state is State.FINISHED
    with running(door_app(stage)) as url, httpx.Client(base_url=url) as client:
        left = leave(client, link(stage))
        assert stage.standing(ANNA).review_due_at is None
        client.post(undo_in(left), data={"undo": "1"})
    stage.live(days=3)
    assert len(mails_to(stage, ANNA)) == 2


def test_the_held_out_stay_held_out(stage: Stage, client: httpx.Client) -> None:
    """Somebody who left another course of ours is put back into one that mails them nothing."""
    stage.publish(PLAIN_COURSE, name="other")
    enrol(stage.store, "other", emails=[ANNA], at=stage.clock(), suppression_key=KEY)
    with stage.store.write() as conn:
        conn.execute(enrolment.update().where(enrolment.c.course_id == "other").values(held_out=True, due_at=None))
    client.post(undo_in(leave(client, link(stage))), data={"undo": "1"})
    with stage.store.read() as conn:
        (row,) = conn.execute(enrolment.select().where(enrolment.c.course_id == "other"))
    assert (row.state, row.due_at) == ("active", None)


def test_who_has_left_is_brought_back_by_nothing_else(stage: Stage, client: httpx.Client) -> None:
    """Not by an import, by enrolling, by an event or a date, nor by publishing anew."""
    leave(client, link(stage))
    import_csv(stage.store, f"email,first_name\n{ANNA},Anna\n".encode(), now=stage.clock(), suppression_key=KEY)
    assert stage.enrol(ANNA).enrolled == 0
    assert stage.enrol().enrolled == 0
    stage.publish(PLAIN_COURSE.replace("Tip 2", "Tip two"))
    stage.live(days=2)
    assert len(mails_to(stage, ANNA)) == 1


def test_a_forged_or_swapped_undo_is_refused(stage: Stage, client: httpx.Client) -> None:
    """Every other purpose, a cut or altered token, one of another mail: 404 or 410, and the leaving holds."""
    leave(client, link(stage))
    ring, now = stage.sending.ring, stage.clock()
    good = sign(ring, Purpose.UNDO, stage.rows()[0].id, 99, expires_at=now + timedelta(days=1))
    for purpose in Purpose:
        if purpose is not Purpose.UNDO:
            assert client.post(f"/undo/{sign(ring, purpose, 1, 1)}", data={"undo": "1"}).status_code == 404
    for bad in (good, good[:-2], good[:-1] + "-", "x", sign(Ring.of(["another"]), Purpose.UNDO, 1, 1)):
        assert client.post(f"/undo/{bad}", data={"undo": "1"}).status_code == 404
    expired = sign(ring, Purpose.UNDO, 1, 1, expires_at=now - timedelta(days=2))
    assert client.post(f"/undo/{expired}", data={"undo": "1"}).status_code == 410
    for place in ("/u/", "/s/", "/certificate/", "/a/"):
        assert client.post(place + good, data={**ONE_CLICK, "undo": "1"}).status_code in (404, 405)
    assert stage.standing(ANNA).enrolment.state is State.LEFT


def erase(stage: Stage) -> None:
    """Forget Anna, as erasing will: nothing stays but what `former` keeps."""
    with stage.store.write() as conn:
        found = learners.by_addresses(conn, [ANNA])[ANNA]
        former.keep(conn, found.id, learners.suppression_hash(KEY, ANNA))
        for table in (evidence_table, delivery, enrolment):
            conn.execute(table.delete().where(table.c.learner_id == found.id))
        conn.execute(learner.delete().where(learner.c.id == found.id))


def test_the_links_of_the_erased_still_leave(stage: Stage, client: httpx.Client) -> None:
    """Their mails' links ask and act; if the address is imported again, nothing goes to it."""
    path = link(stage)
    erase(stage)
    page = client.get(path)
    assert (page.status_code, "has been erased" in page.text, suppressions(stage)) == (200, True, [])
    assert client.post(path, data={"leave": "everything"}).status_code == 400
    left = client.post(path, data={**fields(page), "leave": "everything"})
    assert (left.status_code, "You have left" in left.text, suppressions(stage)) == (200, True, ["unsubscribed"])
    stage.add(ANNA)
    assert stage.enrol(ANNA).enrolled == 0


def test_one_click_of_the_erased_acts_at_once(stage: Stage, client: httpx.Client) -> None:
    """And somebody who was taken in again meanwhile gets nothing that is not handed yet."""
    path = link(stage)
    erase(stage)
    stage.clock.turn(hours=1)
    stage.add(ANNA)
    stage.enrol(ANNA)
    answer = client.post(path, data=ONE_CLICK)
    assert (answer.status_code, answer.text.startswith("You are unsubscribed")) == (200, True)
    assert stage.deliver().sent == 0
    assert stage.standing(ANNA).enrolment.state is State.LEFT


def test_the_page_after_an_undo_names_what_was_left(stage: Stage, client: httpx.Client) -> None:
    """One course left on the learner's own page is that course; everything is everything, whatever the course says."""
    delivery_id = stage.rows()[0].id
    mine = f"/my/{sign(stage.sending.ring, Purpose.COURSE, delivery_id)}"
    for do, says in (("course", "comes to"), ("everything", "and your courses go on")):
        page = client.get(f"{mine}/leave")
        left = client.post(f"{mine}/leave", data={**fields(page), "do": do})
        undo = re.search(r'href="\.\./\.\./(undo/[^"]+)"', left.text)
        assert undo, left.text
        back = client.post(f"/{undo[1]}", data={"undo": "1"})
        assert ("You are back" in back.text, says in back.text) == (True, True), back.text
        onward = re.search(r'href="\.\.(/my/[^"]+)"', back.text)
        assert onward, "whoever left on their own page may go back to it"
        assert client.get(onward[1]).status_code == 200
    assert stage.standing(ANNA).enrolment.state is State.ACTIVE


def test_an_unsubscribe_link_opens_nobody_elses_page(stage: Stage, client: httpx.Client) -> None:
    """The page after its undo has no way to *my course*: mails are passed on, and that link works for ever."""
    back = client.post(undo_in(leave(client, link(stage))), data={"undo": "1"})
    assert ("You are back" in back.text, "/my/" in back.text) == (True, False)


def test_whoever_has_left_the_course_again_is_not_told_they_are_back(stage: Stage, client: httpx.Client) -> None:
    """The form of an undo that is sent again, after the one course was left once more, on a course of any scope."""
    mine = f"/my/{sign(stage.sending.ring, Purpose.COURSE, stage.rows()[0].id)}"

    def leaves() -> str:
        page = client.post(f"{mine}/leave", data={**fields(client.get(f"{mine}/leave")), "do": "course"})
        found = re.search(r'href="\.\./\.\./(undo/[^"]+)"', page.text)
        assert found, page.text
        return f"/{found[1]}"

    undo = leaves()
    client.post(undo, data={"undo": "1"})
    leaves()
    again = client.post(undo, data={"undo": "1"})
    assert "You are back" not in again.text
    assert "Nothing from" in again.text


def test_one_click_that_leaves_a_course_says_so(tmp_path: Path) -> None:
    """Other courses go on, so that "nothing more" would be false."""
    stage = set_up(tmp_path)
    stage.publish("unsubscribe: course\n" + PLAIN_COURSE)
    stage.add(ANNA)
    stage.enrol(ANNA)
    stage.deliver()
    with running(door_app(stage)) as url, httpx.Client(base_url=url, timeout=60) as client:
        said = client.post(link(stage), data=ONE_CLICK).text
    assert (said.startswith("You have left “"), "Nothing more from this course" in said) == (True, True)


def test_after_an_undo_the_next_mail_has_its_real_time(tmp_path: Path) -> None:
    """What `drip why` says before the next run is what *my course* says; and the mail comes then, alone."""
    stage = set_up(tmp_path)
    stage.publish(PLAIN_COURSE.replace("1 hour", "2 days"))
    stage.add(ANNA)
    stage.enrol(ANNA)
    stage.deliver()
    planned = stage.standing(ANNA).due_at
    assert planned is not None
    assert planned > stage.clock()
    with running(door_app(stage)) as url, httpx.Client(base_url=url, timeout=60) as client:
        client.post(undo_in(leave(client, link(stage))), data={"undo": "1"})
    assert stage.standing(ANNA).due_at == planned
    assert stage.deliver().sent == 0
    stage.clock.now = planned
    assert stage.deliver().sent == 1
