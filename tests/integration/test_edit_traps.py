"""Edits that once went wrong: ids that come back, times that an edit moves, repeats, places without an id, races."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from edit_table import HEAD, A, B, C, D, X
from stage import Clock, Stage, set_up, steps_of

from drip.engine.deliver import deliver_due
from drip.engine.diff import diff
from drip.engine.follow import catch_up
from drip.engine.settle import Decision, settle
from drip.errors import Refused
from drip.people import State
from drip.render.message import Message
from drip.store import courses
from drip.store.ledger import Phase
from drip.transports import Outcome, Receipt, Result

ADA, BO = "ada@customer.example", "bo@customer.example"
NINE = HEAD
FREE = HEAD.replace('at: "09:00", ', "")
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
ASKS = ", question: {ask: 'Q?', options: [{text: 'Yes', correct: true}, {text: 'No'}]}}"


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return set_up(tmp_path, clock=Clock(NOON))


def begun(stage: Stage, text: str, *emails: str) -> Stage:
    """Published, and these people enrolled with their first mail sent."""
    stage.publish(text)
    stage.add(*emails)
    stage.enrol(*emails)
    stage.deliver()
    return stage


def told(stage: Stage, text: str, **options: bool) -> set[tuple[str, str, str, int]]:
    """(step, where, verdict, people) of what diff says."""
    found = diff(stage.store, stage.compiled(text).plan, **options).impact
    return {(e.edit.step, str(e.where), str(e.verdict), e.people) for e in found.effects}


def wait(event: str, at_most: str) -> str:
    return f"  - wait: {{until: event('{event}'), at_most: {at_most}}}\n"


def removing(*ids: str) -> str:
    return FREE.replace("steps:", f"removed: [{', '.join(ids)}]\nsteps:")


def test_a_rename_taken_back_keeps_the_answers(stage: Stage) -> None:
    """There and back: what was answered under the first id is known under it again."""
    asks = A.replace("}", ASKS)
    then = D.replace("}", ", when: correct('a')}")
    begun(stage, FREE + asks + B + then, ADA)
    stage.recorder.answered(stage.rows()[0].id, 0, "certain", stage.visit("v1", method="POST"))
    renamed = asks.replace("tip: a", "tip: see, renamed_from: a")
    stage.publish(FREE + renamed + B + then.replace("('a')", "('see')"))
    stage.publish(FREE + asks + B + then)
    stage.live(days=4)
    assert steps_of(stage.rows()) == ["a", "b", "d"]


def test_a_question_id_that_was_renamed_cannot_be_anothers(stage: Stage) -> None:
    """Answers to the first would be taken for answers to the second."""
    asks = A.replace("}", ASKS)
    begun(stage, FREE + asks + B, ADA)
    renamed = FREE + asks.replace("tip: a", "tip: see, renamed_from: a") + B
    stage.publish(renamed)
    with pytest.raises(Refused, match="give the new question another id"):
        stage.publish(renamed + C.replace("}", ASKS.replace("{ask", "{id: a, ask")))


def test_another_zone_mails_nobody_at_a_strange_hour(stage: Stage) -> None:
    """Nine in New York, at 13:00 in Stockholm made nine in Stockholm: it goes the next morning."""
    begun(stage, NINE.replace("Europe/Stockholm", "America/New_York") + A + B, ADA)
    stage.live(days=1)
    assert stage.standing(ADA).due_at == NOON + timedelta(days=1, hours=2)
    stage.publish(NINE + A + B)
    assert stage.standing(ADA).due_at == datetime(2026, 3, 6, 8, tzinfo=UTC)
    assert stage.deliver().sent == 0


def test_a_cap_that_is_lifted_mails_nobody_at_a_strange_hour(stage: Stage) -> None:
    """Held for Monday by `1 per week`, which goes at 13:00 on Friday: it leaves on Saturday at nine."""
    begun(stage, NINE.replace("every: 1 day", "every: 1 day, limit: 1 per week") + A + B, ADA)
    stage.live(days=2)
    assert steps_of(stage.rows()) == ["a"]
    stage.publish(NINE + A + B)
    assert stage.standing(ADA).due_at == datetime(2026, 3, 7, 8, tzinfo=UTC)
    assert stage.deliver().sent == 0


def test_new_words_move_no_time(stage: Stage) -> None:
    """Whom a cap has shifted waits for the same instant after an edit of words, for the same reason."""
    capped = NINE.replace("every: 1 day", "every: 1 day, limit: 1 per week")
    begun(stage, capped + A + B, ADA)
    stage.live(days=2)
    before = stage.standing(ADA)
    stage.publish(capped + A + B.replace("Subject b", "New words"))
    after = stage.standing(ADA)
    assert (after.due_at, after.due_reason) == (before.due_at, before.due_reason)
    assert after.enrolment.target == before.enrolment.target


def test_a_repeat_is_allowed_for_one_edit(stage: Stage) -> None:
    """A tip that was allowed to go again is not allowed a third time by that."""
    begun(stage, FREE + A + B + C + D, ADA)
    stage.live(days=1)
    stage.publish(FREE + A + C + B + D, allow_repeat=["b"])
    stage.publish(FREE + A + C.replace("Subject c", "New words") + B + D)  # it is coming anyhow
    stage.live(days=2)
    assert steps_of(stage.rows()) == ["a", "b", "c", "b"]
    with pytest.raises(Refused, match="--allow-repeat b"):
        stage.publish(FREE + A + C + D + B)


def test_a_repeat_is_kept_through_a_rename(stage: Stage) -> None:
    """What was to go again goes again under its new id too."""
    begun(stage, FREE + A + B + C + D, ADA)
    stage.live(days=1)
    stage.publish(FREE + A + C + B + D, allow_repeat=["b"])
    stage.publish(FREE + A + C + B.replace("tip: b", "tip: b2, renamed_from: b") + D)
    stage.live(days=3)
    assert steps_of(stage.rows()) == ["a", "b", "c", "b2", "d"]


@pytest.mark.parametrize("again", [A, A.replace("tip: a", "tip: a2, renamed_from: a")], ids=["as it was", "renamed"])
def test_a_cap_counts_a_repeat_as_two(stage: Stage, again: str) -> None:
    """`3 per week`, one tip twice among them, also under another name: the fourth mail waits for Monday."""
    capped = FREE.replace("every: 1 day", "every: 1 hour, limit: 3 per week")
    begun(stage, capped + A + B + C, ADA)
    stage.publish(capped + B + A + C, allow_repeat=["a"])
    stage.publish(capped + B + again + C)
    stage.live(days=2)
    assert len(stage.rows()) == 3
    stage.live(days=4)
    assert stage.rows()[3].sent_at == datetime(2026, 3, 9, 15, tzinfo=UTC)


def test_a_tip_taken_out_and_put_back_later_is_a_repeat(stage: Stage) -> None:
    """The revision between does not know it, the ledger does."""
    begun(stage, FREE + A + B + C + D, ADA)
    stage.live(days=1)
    stage.publish(FREE + A + C + D)
    assert told(stage, FREE + A + C + D + B) == {("b", "before", "would get it twice", 1)}
    with pytest.raises(Refused, match='had "b", and would get it again'):
        stage.publish(FREE + A + C + D + B)


def test_extending_by_what_was_had_is_a_repeat(stage: Stage) -> None:
    """Those who have finished are asked about too."""
    begun(stage, FREE + A + X + B, ADA)
    stage.live(days=1)
    stage.publish(FREE + A + B)
    stage.live(days=2)
    assert stage.standing(ADA).enrolment.state is State.FINISHED
    assert told(stage, FREE + A + B + X, extend=True) == {("x", "past", "would get it twice", 1)}
    with pytest.raises(Refused, match='had "x"'):
        stage.publish(FREE + A + B + X, extend=True)


def test_what_now_comes_first_is_not_lost_with_a_step(stage: Stage) -> None:
    """Ada stands at b, which is taken out, while d is put before c: she gets d, then c."""
    begun(stage, FREE + A + B + C + D, ADA)
    stage.publish(removing("b") + A + D + C)
    stage.live(days=4)
    assert steps_of(stage.rows()) == ["a", "d", "c"]


def test_a_wait_keeps_its_people_when_another_is_put_before_it(stage: Stage) -> None:
    """Both are `a/wait` once: who waits for `one` waits for it still, as long as before."""
    begun(stage, FREE + A + wait("one", "4 days") + B, ADA)
    stage.live(days=3)
    edited = FREE + A + wait("two", "2 days") + wait("one", "4 days") + B
    assert told(stage, edited) == {("a/wait", "past", "will not get it", 1)}
    stage.publish(edited)
    stage.live(days=1)
    assert steps_of(stage.rows()) == ["a", "b"]


def test_a_wait_that_is_gone_is_said_though_the_next_has_its_name(stage: Stage) -> None:
    """Of two waits the first is taken out: refused until it is listed; who waits there goes on at the second."""
    begun(stage, FREE + A + wait("one", "4 days") + wait("two", "9 days") + B, ADA)
    stage.live(days=1)
    with pytest.raises(Refused, match=r"removed: \[a/wait\]"):
        stage.publish(FREE + A + wait("two", "9 days") + B)
    done = stage.publish(removing("a/wait") + A + wait("two", "9 days") + B)
    assert done.impact.goes_on == (("a/wait", "a/wait", 1),)
    stage.live(days=8.9)
    assert steps_of(stage.rows()) == ["a"]
    stage.live(days=0.1)
    assert steps_of(stage.rows()) == ["a", "b"]


def test_a_renamed_tip_keeps_the_wait_after_it(stage: Stage) -> None:
    """`a/wait` becomes `see/wait`: nobody is asked to list it, and the waiting goes on from when it began."""
    begun(stage, FREE + A + wait("one", "4 days") + B, ADA)
    stage.live(days=3)
    stage.publish(FREE + A.replace("tip: a", "tip: see, renamed_from: a") + wait("one", "4 days") + B)
    stage.live(days=1)
    assert steps_of(stage.rows()) == ["a", "b"]


def test_an_if_keeps_what_stands_in_it(stage: Stage) -> None:
    """A wait in the second of two `if`s is the same wait when the first is taken out."""
    first = "  - if: learner.ref == 'x'\n    then:\n    " + C
    second = "  - if: learner.ref != 'x'\n    then:\n    " + wait("one", "4 days") + "    " + D
    begun(stage, FREE + A + first + second + B, ADA)
    stage.live(days=3)
    assert stage.standing(ADA).enrolment.next_step == "a/if-2/then/wait"
    stage.publish(FREE + A + second + B)
    assert stage.standing(ADA).enrolment.next_step == "a/if/then/wait"
    stage.live(days=2)
    assert [row.sent_at for row in stage.rows()][1] == NOON + timedelta(days=5)


def test_a_survey_does_not_take_the_answers_of_another(stage: Stage) -> None:
    """Two surveys without ids after one tip: the second would be told what the first was answered."""
    nps, csat = "  - {survey: nps, ask: How likely?}\n", "  - {survey: csat, ask: How good?}\n"
    begun(stage, FREE + A + nps + B, ADA)
    with pytest.raises(Refused, match='another survey would be called "a/survey"'):
        stage.publish(FREE + A + csat + nps + B)
    stage.publish(FREE + A + csat.replace("}", ", id: good}") + nps + B)
    stage.live(days=3)
    assert steps_of(stage.rows()) == ["a", "a/survey", "b"]


def test_only_the_latest_run_has_finished(stage: Stage) -> None:
    """Who went through twice is one person, in diff as in what `--extend` does."""
    course = FREE.replace("steps:", "start: {event: go, reentry: after completion}\nsteps:")
    begun(stage, course + A, ADA)
    stage.live(days=1)
    stage.enrol(ADA)
    stage.deliver()
    assert stage.standing(ADA).enrolment.run == 2
    assert told(stage, course + A + B, extend=True) == {("b", "past", "will get it", 1)}
    assert stage.publish(course + A + B, extend=True).extended == 1


def test_what_a_person_left_out_may_come_at_its_new_place(stage: Stage) -> None:
    """A cancelled row is no mail that was had: diff says that it comes, and it does; nobody is stuck."""
    begun(stage, FREE + A + B + C + D, ADA)
    stage.clock.turn(days=1)
    deliver_due(stage.other_worker("refused", transport=_Says(Outcome.REFUSED)))
    settle(stage.store, Decision.CANCEL, now=stage.clock())
    assert ("b", "past", "will get it", 1) in told(stage, FREE + A + C + D + B)
    stage.publish(FREE + A + C + D + B)
    stage.live(days=4)
    assert stage.standing(ADA).problem is None
    assert [row.step for row in stage.rows() if row.sent_at] == ["a", "c", "d", "b"]


def test_the_last_mail_on_the_wire_ends_nobody_who_has_more_to_come(stage: Stage) -> None:
    """A tip is appended while the last one leaves: it comes, as for all who still waited for the last."""
    stage.publish(FREE + A)
    stage.add(ADA)
    stage.enrol(ADA)
    deliver_due(stage.other_worker("slow", transport=_Says(Outcome.SENT, lambda: stage.publish(FREE + A + B))))
    stage.live(days=2)
    assert steps_of(stage.rows()) == ["a", "b"]
    assert [row.kind for row in stage.why(ADA).rows].count("finish") == 1


def test_a_decision_on_the_last_mail_ends_nobody_who_has_more_to_come(stage: Stage) -> None:
    """The same, where a person decides on the last one after the publish."""
    stage.publish(FREE + A)
    stage.add(ADA)
    stage.enrol(ADA)
    deliver_due(stage.other_worker("refused", transport=_Says(Outcome.REFUSED)))
    stage.publish(FREE + A + B)
    settle(stage.store, Decision.SENT, now=stage.clock())
    stage.live(days=2)
    assert steps_of(stage.rows()) == ["a", "b"]


def test_a_recap_that_is_held_hides_nobody(stage: Stage) -> None:
    """Ada's recap waits for a person, and she is paused at b: taking b out is refused as for everybody else."""
    course = FREE.replace("steps:", "reviews: {after_days: [1]}\nsilent: {after: 1 mails, then: pause}\nsteps:")
    begun(stage, course + A.replace("}", ASKS) + B.replace("}", ", after: 9 days}") + C, ADA)
    stage.clock.turn(days=1)
    deliver_due(stage.other_worker("refused", transport=_Says(Outcome.REFUSED)))
    stage.live(days=9)
    assert stage.standing(ADA).enrolment.state is State.PAUSED
    assert [(row.step, row.state) for row in stage.rows()][1:] == [("review", Phase.HELD)]
    with pytest.raises(Refused, match='1 person stands at "b"'):
        stage.publish(course + A.replace("}", ASKS) + C)
    done = stage.publish(course + A.replace("}", ASKS) + B + C)
    assert stage.standing(ADA).enrolment.revision == done.revision


def test_why_knows_renamed_and_removed_tips(stage: Stage) -> None:
    """Each mail tells what it counted from, also where that was renamed or taken out since; none is called late."""
    begun(stage, FREE + A + B + C + D, ADA)
    stage.live(days=2)
    stage.publish(FREE + A + C.replace("tip: c", "tip: see, renamed_from: c") + D)
    stage.live(days=1)
    assert [(row.step, row.reason) for row in stage.why(ADA).rows if row.kind == "mail"] == [
        ("a", "the first mail"),
        ("b", ""),
        ("c", "1 day after b"),
        ("d", "1 day after c"),
    ]


def test_whom_another_was_writing_to_is_moved_by_the_next_run(each_database: str, tmp_path: Path) -> None:
    """A mail on the wire while the course is published: the course is not caught up until its person is."""
    stage = set_up(tmp_path, clock=Clock(NOON))
    begun(stage, FREE + A + B.replace("}", ", after: 9 days}") + C, ADA)
    stage.add(BO)
    stage.enrol(BO)
    waiting: list[list[str]] = []

    def meanwhile() -> None:
        stage.publish(FREE + A + B + C)
        with stage.store.read() as conn:
            waiting.append(courses.catching_up(conn))

    deliver_due(stage.other_worker("slow", transport=_Says(Outcome.SENT, meanwhile)))
    assert waiting == [["course"]]
    catch_up(stage.store, now=stage.clock())
    with stage.store.read() as conn:
        assert courses.catching_up(conn) == []
    assert [stage.standing(one).due_at for one in (ADA, BO)] == [NOON + timedelta(days=1)] * 2


class _Says:
    """A way out that always says the same, and while which something may happen."""

    name, connections = "says", 1

    def __init__(self, outcome: Outcome, happens: Callable[[], object] = lambda: None) -> None:
        self.outcome, self.happens = outcome, happens

    def send(self, messages: Sequence[Message]) -> Result:
        self.happens()
        receipts = (Receipt(delivery_id=one.delivery_id, outcome=self.outcome, answer="it said") for one in messages)
        return Result(receipts=tuple(receipts))

    def close(self) -> None:
        """Nothing is open."""
