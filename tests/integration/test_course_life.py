"""What a course may say beyond tips and waits: goals, holds, silence, dates, events, reviews, surveys, holdouts."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update
from stage import KEY, START, Stage, set_up

from drip.course.attributes import declared as declare
from drip.engine.enrol import enrol
from drip.engine.learners import import_csv
from drip.engine.outcomes import happened
from drip.engine.switch import switch
from drip.people import State
from drip.store import webhooks
from drip.store.ledger import Phase
from drip.store.tables import delivery
from drip.track.token import answer_item
from drip.transports.smtp import Smtp

pytestmark = pytest.mark.usefixtures("each_database")

ADA = "ada@customer.example"
HEAD = """\
title: A course
sender: {name: Acme Academy, email: learn@acme.example}
timing: {every: 1 day, at: "09:00", timezone: Europe/Stockholm}
"""
QUESTION = "question: {ask: Q?, options: [{text: 'Y', correct: true, because: b}, {text: 'N', because: b}]}"
TIPS = "".join(
    f"  - {{tip: t{n}, subject: Tip {n}, body: 'See [this](https://a.example/{n}).', {QUESTION}}}\n"
    for n in range(1, 5)
)


def stage_of(tmp_path: Path, top: str = "", steps: str = TIPS, **values: object) -> Stage:
    stage = set_up(tmp_path)
    stage.publish(f"{HEAD}{top}steps:\n{steps}")
    stage.add(ADA, **values)
    return stage


def steps(stage: Stage) -> list[str]:
    return [row.step for row in stage.rows() if row.state is Phase.SENT]


def days(stage: Stage) -> list[tuple[str, int]]:
    """(step, day of the course) of every mail, the first day being 0."""
    return [(row.step, (row.sent_at - START).days) for row in stage.rows() if row.sent_at is not None]


def tell(stage: Stage, name: str, **values: object) -> tuple[str, ...]:
    return happened(stage.store, ADA, name, at=stage.clock(), suppression_key=KEY, **values).enrolled  # type: ignore[arg-type]


def test_a_goal_ends_the_course_as_a_success(tmp_path: Path) -> None:
    """The event comes after two tips: the rest is not sent, and the enrolment has finished by its goal."""
    stage = stage_of(tmp_path, 'goal: event("subscription.started")\n')
    stage.enrol(ADA)
    stage.live(days=2)
    tell(stage, "subscription.started")
    stage.deliver()
    stands = stage.standing(ADA).enrolment
    assert (stands.state, stands.ended_by) == (State.FINISHED, "goal")
    assert stage.live(days=5).sent == 0


def test_a_goal_reached_before_the_enrolment_does_not_count(tmp_path: Path) -> None:
    """Only what happens while somebody is in the course can be its success."""
    stage = stage_of(tmp_path, 'goal: event("subscription.started")\n')
    tell(stage, "subscription.started")
    stage.clock.turn(hours=1)
    stage.enrol(ADA)
    stage.live(days=5)
    assert len(steps(stage)) == 4


def test_a_goal_cancels_a_mail_that_waits_to_be_tried_again(tmp_path: Path) -> None:
    """The server was down when the tip was due; meanwhile the goal was reached: it is not sent any more."""
    stage = stage_of(tmp_path, 'goal: event("subscription.started")\n')
    stage.enrol(ADA)
    way_out, down = stage.sending.transport, Smtp(host="127.0.0.1", port=1, timeout=1)
    stage.clock.turn(hours=3)
    stage.sending = stage.other_worker("worker-1", transport=down)
    stage.deliver()
    tell(stage, "subscription.started")
    stage.sending = stage.other_worker("worker-1", transport=way_out)
    stage.live(days=2)
    assert [row.state for row in stage.rows()] == [Phase.CANCELLED]
    assert stage.standing(ADA).enrolment.ended_by == "goal"


def test_stop_ends_it_quietly(tmp_path: Path) -> None:
    """An attribute that an import changes."""
    stage = stage_of(tmp_path, 'stop: learner.status == "churned"\n')
    stage.enrol(ADA)
    stage.live(days=1)
    import_csv(stage.store, f"email,status\n{ADA},churned\n".encode(), now=stage.clock())
    assert stage.live(days=5).sent == 0
    assert stage.standing(ADA).enrolment.ended_by == "stop"


def test_a_hold_shifts_and_does_not_burst(tmp_path: Path) -> None:
    """Held for a week after the first tip: nothing comes meanwhile, one mail the day it is over, the rest counting."""
    stage = stage_of(tmp_path, 'hold_while: learner.ticket == "open"\n')
    stage.enrol(ADA)
    stage.live(days=1)
    import_csv(stage.store, f"email,ticket\n{ADA},open\n".encode(), now=stage.clock())
    assert stage.live(days=7).sent == 0
    assert stage.standing(ADA).due_at is None, "the held leave the due index"
    import_csv(stage.store, f"email,ticket\n{ADA},closed\n".encode(), now=stage.clock())
    stage.live(days=4)
    assert days(stage) == [("t1", 0), ("t2", 8), ("t3", 9), ("t4", 10)]


def test_silence_pauses_and_a_sign_of_life_goes_on(tmp_path: Path) -> None:
    """Two mails without a click or an answer: paused. An answer days later: the next tip comes."""
    stage = stage_of(tmp_path, "silent: {after: 2 mails, then: pause}\n")
    stage.enrol(ADA)
    assert stage.live(days=6).sent == 2
    assert stage.standing(ADA).enrolment.state is State.PAUSED
    stage.recorder.answered(2, 0, "fairly", stage.visit("n1", method="POST"))
    stage.live(days=1)
    assert steps(stage) == ["t1", "t2", "t3"]
    assert stage.standing(ADA).enrolment.state is State.ACTIVE


STALE = HEAD.replace("every: 1 day", "every: 1 day, stale_after: 7 days") + 'hold_while: learner.ticket == "open"\n'


def test_what_is_stale_is_skipped(tmp_path: Path) -> None:
    """No worker for ten days: the tip that was due is skipped, with the reason, and the next one comes."""
    stage = set_up(tmp_path)
    stage.publish(f"{STALE}steps:\n{TIPS}")
    stage.add(ADA)
    stage.enrol()
    stage.clock.turn(days=10)
    stage.live(days=1)
    assert any("stale" in row.reason for row in stage.why(ADA).rows)
    assert "t1" not in steps(stage)


def test_a_hold_does_not_make_stale(tmp_path: Path) -> None:
    """Held for ten days by what the course itself says: the tip still comes."""
    stage = set_up(tmp_path)
    stage.publish(f"{STALE}steps:\n{TIPS}")
    stage.add(ADA, attributes={"ticket": "open"})
    stage.enrol()
    stage.live(days=10)
    import_csv(stage.store, f"email,ticket\n{ADA},closed\n".encode(), now=stage.clock())
    stage.live(days=1)
    assert steps(stage)[0] == "t1"


def test_an_event_begins_a_course_and_reentry_lets_it_begin_again(tmp_path: Path) -> None:
    """`after completion`: a second event in the middle does nothing, one after the end begins the course anew."""
    stage = stage_of(tmp_path, "start: {event: trial.started, reentry: after completion}\n")
    assert tell(stage, "something.else") == ()
    assert tell(stage, "trial.started") == ("course",)
    stage.live(days=1)
    assert tell(stage, "trial.started") == ()
    stage.live(days=5)
    assert stage.standing(ADA).enrolment.state is State.FINISHED
    assert tell(stage, "trial.started") == ("course",)
    assert stage.standing(ADA).enrolment.run == 2


def test_an_event_twice_is_once(tmp_path: Path) -> None:
    """The same id again writes nothing and begins nothing."""
    stage = stage_of(tmp_path, "start: {event: trial.started, reentry: after completion}\n")
    assert tell(stage, "trial.started", source_id="crm-1") == ("course",)
    stage.live(days=6)
    assert tell(stage, "trial.started", source_id="crm-1") == ()


def test_after_so_many_days_counts_from_the_last_start(tmp_path: Path) -> None:
    """`reentry: after 10 days`."""
    stage = stage_of(tmp_path, "start: {event: trial.started, reentry: after 10 days}\n")
    tell(stage, "trial.started")
    stage.live(days=9)
    assert tell(stage, "trial.started") == ()
    stage.clock.turn(days=1)
    assert tell(stage, "trial.started") == ("course",)


def test_a_date_begins_a_course(tmp_path: Path) -> None:
    """Two weeks before the renewal, on that local day; a date long past begins nothing; a changed one moves."""
    stage = stage_of(
        tmp_path, "start: {date: learner.renewal, offset: -14 days}\n", attributes={"renewal": "2026-03-26"}
    )
    stage.add("past@customer.example", attributes={"renewal": "2025-01-01"})
    stage.publish(f"{HEAD}start: {{date: learner.renewal, offset: -14 days}}\nsteps:\n{TIPS}")
    import_csv(stage.store, f"email,renewal\n{ADA},2026-03-20\n".encode(), now=stage.clock())
    stage.live(days=7)
    assert days(stage) == [("t1", 4), ("t2", 5), ("t3", 6)]
    stage.live(days=20)
    assert len(stage.rows()) == 4


def test_leaving_blocks_every_way_in(tmp_path: Path) -> None:
    """Whoever left the course does not come in by an event again."""
    stage = stage_of(tmp_path, "start: {event: trial.started, reentry: after completion}\nunsubscribe: course\n")
    tell(stage, "trial.started")
    stage.live(days=1)
    assert stage.recorder.left(1, stage.visit("u1", method="POST"))
    assert tell(stage, "trial.started") == ()
    assert stage.standing(ADA).enrolment.state is State.LEFT


def test_leaving_one_course_leaves_the_other(tmp_path: Path) -> None:
    """`unsubscribe: course` is about that course alone."""
    stage = stage_of(tmp_path, "unsubscribe: course\n")
    stage.enrol(ADA)
    stage.publish(f"{HEAD}steps:\n{TIPS}", name="other")
    enrol(stage.store, "other", emails=[ADA], at=stage.clock(), suppression_key=KEY)
    stage.clock.turn(hours=3)
    stage.deliver()
    stage.recorder.left(1, stage.visit("u1", method="POST"))
    stage.live(days=5)
    assert len([row for row in stage.rows() if row.state is Phase.SENT]) == 1 + 4


def test_the_held_out_are_enrolled_and_never_mailed(tmp_path: Path) -> None:
    """About the share that was said, always the same people, and nothing is done for them."""
    stage = stage_of(tmp_path, "experiment: {holdout: 30%}\n", "  - {notify: crm.started}\n" + TIPS)
    emails = stage.people(100)
    held = [email for email in emails if stage.standing(email).enrolment.held_out]
    assert 15 <= len(held) <= 45
    stage.live(days=5)
    assert {stage.standing(email).enrolment.state for email in held} == {State.ACTIVE}
    assert len({row.learner_id for row in stage.rows()}) == 100 - len(held)
    with stage.store.read() as conn:
        assert webhooks.waiting(conn) == 100 - len(held)


def test_notify_and_award_happen_once_when_they_are_reached(tmp_path: Path) -> None:
    """A webhook is written after the tip before it was sent, a certificate at the end; a second look adds none."""
    first, rest = TIPS.split("\n", 1)
    tail = "  - notify: crm.course_begun\n" + rest.rstrip() + "\n  - award: certificate\n"
    stage = stage_of(tmp_path, "", f"{first}\n{tail}")
    stage.enrol(ADA)
    stage.clock.turn(hours=3)
    stage.deliver()
    stage.deliver()
    with stage.store.read() as conn:
        assert webhooks.waiting(conn) == 1
    stage.live(days=5)
    kinds = [row.kind for row in stage.why(ADA).rows]
    assert (kinds.count("notify"), kinds.count("award"), kinds[-1]) == (1, 1, "finish")


REVIEWS = "reviews: {strategy: fixed, after_days: [2, 5], per_email: 2}\n"


def test_questions_ride_in_the_tips_of_their_days(tmp_path: Path) -> None:
    """t1's question comes back with the tip of day 2; its answer is graded as its own."""
    stage = stage_of(tmp_path, REVIEWS)
    stage.enrol(ADA)
    stage.live(days=3)
    third = stage.rows()[2]
    assert (third.step, third.riders) == ("t3", ("t1",))
    text = stage.mails()[2].read_text()
    assert text.count("Content-Type: text/html") == 1
    graded = stage.recorder.answered(third.id, answer_item(1, 0), "certain", stage.visit("n1", method="POST"))
    assert (graded.question.id, graded.correct) == ("t1", True)


def test_after_the_last_tip_recaps_go_on(tmp_path: Path) -> None:
    """Finished after four days; what is still to come back comes in recaps on later days, and then it is over."""
    stage = stage_of(tmp_path, REVIEWS)
    stage.enrol(ADA)
    stage.live(days=20)
    assert stage.standing(ADA).enrolment.state is State.FINISHED
    recaps = [(row.step, row.occurrence, row.riders) for row in stage.rows() if row.step == "review"]
    assert len(recaps) >= 2
    assert [occurrence for _, occurrence, _ in recaps] == list(range(1, len(recaps) + 1))
    asked = [question for row in stage.rows() for question in row.riders]
    assert all(asked.count(f"t{n}") == 2 for n in range(1, 5)), asked
    sent_on = [row.sent_at.date() for row in stage.rows() if row.sent_at is not None]
    assert len(sent_on) == len(set(sent_on)), "never two mails on one day"


def test_recaps_come_although_every_tick_is_late(tmp_path: Path) -> None:
    """A worker never looks at nine sharp; seconds after it is soon enough, for a recap as for a tip."""
    stage = stage_of(tmp_path, REVIEWS)
    stage.enrol(ADA)
    stage.clock.turn(seconds=3.5)
    stage.live(days=15, hours=0.25)
    asked = [question for row in stage.rows() for question in row.riders]
    assert all(asked.count(f"t{n}") == 2 for n in range(1, 5)), asked
    assert {row.sent_at.hour for row in stage.rows() if row.sent_at is not None} == {8}


def test_an_outage_over_tips_and_recaps_asks_nothing_twice_a_day(tmp_path: Path) -> None:
    """Both are overdue when a worker comes back: one mail that day, and no question in two mails of one day."""
    stage = stage_of(tmp_path, REVIEWS)
    stage.enrol(ADA)
    stage.live(days=2)
    stage.clock.turn(days=4)
    stage.live(days=12)
    by_day: dict[object, list[str]] = {}
    for row in stage.rows():
        assert row.sent_at is not None
        by_day.setdefault(row.sent_at.date(), []).append(row.step)
    assert all(len(mails) == 1 for mails in by_day.values()), by_day


def test_leaving_a_finished_course_ends_its_recaps_and_blocks_it(tmp_path: Path) -> None:
    """`unsubscribe: course` from the last mail: nothing comes back, and no event begins it again."""
    start = "start: {event: trial.started, reentry: after completion}\nunsubscribe: course\n"
    stage = stage_of(tmp_path, f"{start}{REVIEWS}")
    tell(stage, "trial.started")
    stage.live(days=4)
    assert stage.standing(ADA).enrolment.state is State.FINISHED
    before = len(stage.rows())
    assert stage.recorder.left(4, stage.visit("u1", method="POST"))
    stage.live(days=15)
    assert len(stage.rows()) == before
    assert tell(stage, "trial.started") == ()


def test_a_recap_to_be_tried_again_is_not_sent_to_who_has_left(tmp_path: Path) -> None:
    """The recap met a 4xx, and meanwhile its learner left."""
    stage = stage_of(tmp_path, f"unsubscribe: course\n{REVIEWS}")
    stage.enrol(ADA)
    stage.live(days=6)
    recap = next(row for row in stage.rows() if row.step == "review")
    stage.recorder.left(1, stage.visit("u1", method="POST"))
    with stage.store.write() as conn:
        row = delivery.c.id == recap.id
        conn.execute(update(delivery).where(row).values(state="retry", sent_at=None, due_at=stage.clock()))
    stage.live(days=2)
    assert next(row for row in stage.rows() if row.id == recap.id).state is Phase.CANCELLED


def test_a_hold_on_the_day_of_a_recap_only_shifts_it(tmp_path: Path) -> None:
    """Held when the recap was due, released two days later: it comes."""
    stage = stage_of(tmp_path, f'hold_while: learner.ticket == "open"\n{REVIEWS}', TIPS.split("\n", 1)[0] + "\n")
    stage.enrol(ADA)
    stage.live(days=1)
    import_csv(stage.store, f"email,ticket\n{ADA},open\n".encode(), now=stage.clock())
    stage.live(days=3)
    import_csv(stage.store, f"email,ticket\n{ADA},closed\n".encode(), now=stage.clock())
    stage.live(days=10)
    assert [row.riders for row in stage.rows() if row.step == "review"] == [("t1",), ("t1",)]


def test_a_paused_course_makes_nothing_stale(tmp_path: Path) -> None:
    """The marketer pauses for ten days; `stale_after: 7 days` does not count them."""
    stage = set_up(tmp_path)
    stage.publish(f"{STALE}steps:\n{TIPS}")
    stage.add(ADA)
    stage.enrol()
    stage.live(days=1)
    switch(stage.store, "course", paused_at=stage.clock(), now=stage.clock())
    stage.live(days=10)
    switch(stage.store, "course", paused_at=None, now=stage.clock())
    stage.live(days=5)
    assert steps(stage) == ["t1", "t2", "t3", "t4"]


def test_a_date_begins_a_course_once(tmp_path: Path) -> None:
    """Something else is imported an hour after somebody came in by their date: they do not come in again."""
    top = "start: {date: learner.renewal, reentry: after completion}\n"
    stage = stage_of(tmp_path, top, TIPS.split("\n", 1)[0] + "\n")
    import_csv(stage.store, f"email,renewal\n{ADA},2026-03-03\n".encode(), now=stage.clock())
    stage.live(days=1.2)
    assert steps(stage) == ["t1"]
    import_csv(stage.store, f"email,color\n{ADA},blue\n".encode(), now=stage.clock())
    stage.publish(f"{HEAD}{top}steps:\n{TIPS.split(chr(10), 1)[0]}\n")
    stage.live(days=5)
    assert steps(stage) == ["t1"]


def test_a_course_that_no_longer_begins_by_a_date_forgets_the_dates(tmp_path: Path) -> None:
    """Published anew without `start.date`: nobody comes in by the old one."""
    stage = stage_of(tmp_path, "start: {date: learner.renewal}\n", attributes={"renewal": "2026-03-05"})
    stage.publish(f"{HEAD}start: {{date: learner.renewal}}\nsteps:\n{TIPS}")
    stage.publish(f"{HEAD}steps:\n{TIPS}")
    stage.live(days=6)
    assert stage.rows() == []


def test_an_event_from_the_past_begins_no_second_run(tmp_path: Path) -> None:
    """What happened before the last run began is told late: it is written down, and begins nothing."""
    stage = stage_of(tmp_path, "start: {event: trial.started, reentry: after completion}\n")
    tell(stage, "trial.started")
    stage.live(days=6)
    done = happened(stage.store, ADA, "trial.started", at=START - timedelta(days=1), suppression_key=KEY)
    assert (done.new, done.enrolled) == (True, ())


def test_missed_reviews_collapse_into_one(tmp_path: Path) -> None:
    """No worker for a month: each question comes back once, two a mail, and not once for every day that was missed."""
    stage = stage_of(tmp_path, REVIEWS, TIPS.split("\n", 2)[0] + "\n")
    stage.enrol(ADA)
    stage.live(days=1)
    stage.clock.turn(days=30)
    stage.live(days=10)
    asked = [question for row in stage.rows() for question in row.riders]
    assert asked == ["t1"]


def test_leaving_ends_the_recaps_too(tmp_path: Path) -> None:
    """Nothing comes after leaving, also for somebody who has finished."""
    stage = stage_of(tmp_path, REVIEWS)
    stage.enrol(ADA)
    stage.live(days=4)
    before = len(stage.rows())
    stage.recorder.left(1, stage.visit("u1", method="POST"))
    stage.live(days=20)
    assert len(stage.rows()) == before


def test_a_survey_is_rated_once(tmp_path: Path) -> None:
    """A rating is recorded, counts as an answer in conditions and not in the score; a replay is free."""
    stage = stage_of(tmp_path, "", "  - {survey: nps, ask: How likely are you to recommend us?}\n" + TIPS)
    stage.enrol(ADA)
    stage.clock.turn(hours=3)
    stage.deliver()
    survey = stage.rows()[0]
    rated = stage.recorder.rated(survey.id, 9, stage.visit("n1", method="POST"))
    again = stage.recorder.rated(survey.id, 3, stage.visit("n1", method="POST"))
    assert (rated.rating, again.rating, again.repeated) == (9, 9, False)
    assert stage.live(days=5).sent == 4


@pytest.mark.parametrize(("opens", "pixels"), [("always", 4), ("never", 0), ("consented", 0)])
def test_the_pixel_follows_the_course(tmp_path: Path, opens: str, pixels: int) -> None:
    """`tracking.opens`: always, never, or only for those who agreed."""
    stage = stage_of(tmp_path, f"tracking: {{opens: {opens}, clicks: never}}\n")
    stage.enrol(ADA)
    stage.live(days=5)
    import email
    from email import policy

    html = [
        email.message_from_bytes(mail.read_bytes(), policy=policy.default).get_body(("html",)) for mail in stage.mails()
    ]
    shown = [part.get_content() for part in html if part is not None]
    assert sum("/o/" in text for text in shown) == pixels
    assert not any("/c/" in text for text in shown)
    assert all("https://a.example/" in text for text in shown)


def test_learners_get_their_own_language(tmp_path: Path) -> None:
    """A translation beside the course: Swedes get Swedish, others the course's own; what is missing falls back."""
    stage = set_up(tmp_path)
    folder = tmp_path / "campaigns"
    folder.mkdir()
    (folder / "course.sv.yaml").write_text("steps:\n  - {tip: t1, subject: Tips ett, body: Hej på dig.}\n", "utf-8")
    stage.publish(f"{HEAD}steps:\n{TIPS}")
    stage.add(ADA, language="sv-SE")
    stage.add("eva@customer.example", language="de")
    stage.enrol()
    stage.clock.turn(hours=3)
    stage.deliver()
    assert {row.language for row in stage.rows()} == {"sv", "en"}
    assert any("Subject: Tips ett" in mail.read_text() for mail in stage.mails())
    stage.clock.turn(days=1)
    assert stage.deliver().sent == 2


def test_nothing_due_is_nothing_read(tmp_path: Path) -> None:
    """The held, the paused and the held-out cost the tick nothing: none of them is due."""
    stage = stage_of(tmp_path, 'hold_while: learner.ticket == "open"\n', attributes={"ticket": "open"})
    stage.enrol(ADA)
    stage.deliver()
    stage.clock.turn(days=30)
    from drip.engine.claim import claim_due

    stage.deliver()
    assert claim_due(stage.sending, now=stage.clock() + timedelta(days=1)).looked_at == 0


def test_a_declared_date_is_written_out_from_import_to_mail(tmp_path: Path) -> None:
    """`[learner] renewal = "date"`: imported as ISO, compared as ISO, and read in words in the learner's language."""
    stage = set_up(tmp_path)
    declared = {"renewal": declare("renewal", "date")}
    body = (
        "  - {tip: t1, subject: 'Renewal on {{ learner.renewal }}', body: B, when: learner.renewal > \"2026-01-01\"}\n"
    )
    stage.publish(f"{HEAD}steps:\n{body}", attributes=declared)
    people = f"email,renewal\n{ADA},2026-12-20\n".encode()
    import_csv(stage.store, people, now=stage.clock(), declared=declared)
    stage.enrol()
    stage.clock.turn(hours=3)
    assert stage.deliver().sent == 1
    assert "Subject: Renewal on 20 December 2026" in stage.mails()[0].read_text()


def test_an_answer_to_what_came_back_is_a_first_one_in_its_mail(tmp_path: Path) -> None:
    """Nobody who remembers is told that only their first answer counts; a second press in the same mail is."""
    stage = stage_of(tmp_path, REVIEWS)
    stage.enrol(ADA)
    stage.live(days=3)
    stage.recorder.answered(1, 0, "fairly", stage.visit("n1", method="POST"))
    back = stage.rows()[2]
    assert not stage.recorder.answered(back.id, answer_item(1, 0), "certain", stage.visit("n2", method="POST")).repeated
    assert stage.recorder.answered(back.id, answer_item(1, 0), "certain", stage.visit("n3", method="POST")).repeated


def test_a_branch_after_a_wait_is_decided_at_the_waits_end(tmp_path: Path) -> None:
    """A worker is always a little late; the mail after wait and if goes the same day, and not a day later."""
    stage = set_up(tmp_path)
    stage.publish(
        "title: T\nsender: {name: A, email: a@acme.example}\n"
        'timing: {every: 1 day, at: "09:00", timezone: Europe/Stockholm}\nsteps:\n'
        "  - {tip: one, subject: One, body: One.}\n"
        "  - wait: {until: event('done'), at_most: 2 days}\n"
        "  - if: event('done')\n"
        "    then: [{tip: two, subject: Two, body: Two.}]\n"
        "    else: [{tip: three, subject: Three, body: Three.}]\n"
    )
    stage.add(ADA)
    stage.enrol(ADA)
    stage.clock.turn(seconds=2)
    stage.live(days=4)
    assert [(row.step, row.sent_at and row.sent_at.day) for row in stage.rows()] == [("one", 2), ("three", 4)]
