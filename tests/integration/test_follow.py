"""People follow their course through an edit: positions, times, names, and what is under way meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from edit_table import BASE, HEAD, A, B, C, D, X
from stage import KEY, PLAIN_COURSE, Clock, Stage, set_up, steps_of

from drip.course.parse import parse
from drip.engine.deliver import deliver_due
from drip.engine.diff import diff
from drip.engine.follow import catch_up
from drip.engine.measure import report
from drip.engine.outcomes import happened
from drip.errors import Refused
from drip.people import State
from drip.plan.compile import compile_plan
from drip.render.message import Message
from drip.schedule.migrate import coming
from drip.store import courses, edits, learners, suppression
from drip.store.ledger import Phase
from drip.transports import Outcome, Receipt, Result

ADA, BO, CY = "ada@customer.example", "bo@customer.example", "cy@customer.example"
FREE = HEAD.replace('at: "09:00", ', "")
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return set_up(tmp_path, clock=Clock(NOON))


def begun(stage: Stage, text: str, *emails: str) -> Stage:
    """Published, and these people enrolled with their first mail sent."""
    stage.publish(text)
    stage.add(*emails, attributes={"plan": "pro"})
    stage.enrol(*emails)
    stage.deliver()
    return stage


def test_a_lengthened_delay_counts_from_the_last_mail(stage: Stage) -> None:
    """23 hours into `1 day`, which becomes `2 days`: it leaves in 25 hours, and not before."""
    begun(stage, FREE + A + B, ADA)
    stage.clock.turn(hours=23)
    stage.publish(FREE + A + B.replace("}", ", after: 2 days}"))
    assert stage.standing(ADA).due_at == stage.clock() + timedelta(hours=25)
    stage.clock.turn(hours=25, minutes=-1)
    assert stage.deliver().sent == 0
    stage.clock.turn(minutes=1)
    assert stage.deliver().sent == 1


def test_a_shortened_delay_takes_effect_at_once(stage: Stage) -> None:
    """30 hours into `2 days`, which becomes `1 day`: it is due at once, by the publish alone."""
    begun(stage, FREE + A + B.replace("}", ", after: 2 days}"), ADA)
    stage.clock.turn(hours=30)
    stage.publish(FREE + A + B)
    assert stage.standing(ADA).due_at == stage.clock()
    assert stage.deliver().sent == 1


def test_an_edit_makes_nothing_stale(stage: Stage) -> None:
    """A delay of thirty days that becomes one day, twenty days in: the tip goes, for it is not late."""
    stale = FREE.replace("every: 1 day", "every: 1 day, stale_after: 7 days")
    begun(stage, stale + A + B.replace("}", ", after: 30 days}"), ADA)
    stage.clock.turn(days=20)
    stage.publish(stale + A + B)
    assert stage.deliver().sent == 1


def test_an_edit_mails_nobody_outside_the_hours(stage: Stage) -> None:
    """Shortened at 13:00 to what was due at 09:00 today: it goes tomorrow at 09:00."""
    begun(stage, HEAD + A + B.replace("}", ", after: 3 days}"), ADA)
    stage.live(days=1)  # the first mail went at nine this morning
    stage.clock.turn(days=1)
    stage.publish(BASE)
    assert stage.standing(ADA).due_at == datetime(2026, 3, 7, 8, tzinfo=UTC)


def test_a_mail_under_way_stays_as_it_is(stage: Stage) -> None:
    """Handed, then in doubt: it is sent again with its own revision and bytes; afterwards its person follows."""
    begun(stage, PLAIN_COURSE)
    stage.add(ADA)
    stage.enrol(ADA)
    lost = stage.other_worker("lost", transport=_Deaf())
    deliver_due(lost)
    [row] = stage.rows()
    assert row.state is Phase.IN_DOUBT
    edited = PLAIN_COURSE.replace("subject: Tip 1", "subject: New 1").replace("subject: Tip 2", "subject: New 2")
    found = diff(stage.store, stage.compiled(edited).plan)
    assert {(e.edit.step, e.where, e.verdict) for e in found.impact.effects} == {
        ("tip-1", "past", "unaffected"),
        ("tip-2", "waiting at", "will get it"),
    }
    stage.publish(edited)
    assert stage.standing(ADA).enrolment.revision == row.revision
    stage.live(days=1)
    said = [mail.read_text() for mail in stage.mails()]
    assert any("Subject: Tip 1" in text for text in said)
    assert not any("Subject: New 1" in text for text in said)
    assert any("Subject: New 2" in text for text in said)
    assert steps_of(stage.rows()) == [f"tip-{n}" for n in range(1, 7)]


def test_published_while_a_mail_is_on_the_wire(stage: Stage) -> None:
    """A removed step whose mail is just leaving: it is marked as sent, and the next is the one that remains."""
    stage.publish(PLAIN_COURSE)
    stage.add(ADA)
    stage.enrol(ADA)
    without = "".join(line for line in PLAIN_COURSE.splitlines(True) if "tip-1" not in line)
    without = without.replace("steps:", "removed: [tip-1]\nsteps:").replace("every: 1 hour", "every: 2 hours")
    sending = stage.other_worker("slow", transport=_Meanwhile(lambda: stage.publish(without)))
    deliver_due(sending)
    assert [(row.step, row.state) for row in stage.rows()] == [("tip-1", Phase.SENT)]
    stage.deliver()
    assert stage.standing(ADA).due_at == NOON + timedelta(hours=2)
    stage.live(days=1)
    assert steps_of(stage.rows()) == [f"tip-{n}" for n in range(1, 7)]


def test_a_claim_that_was_given_back_takes_the_new_words(stage: Stage) -> None:
    """A row that was never handed is claimed anew under the new revision; there is one row."""
    stage.publish(PLAIN_COURSE)
    stage.add(ADA)
    stage.enrol(ADA)
    guarded = stage.other_worker("guarded", only_to=frozenset({"nobody@acme.example"}))
    deliver_due(guarded)
    assert [(row.state, row.attempts) for row in stage.rows()] == [(Phase.RETRY, 0)]
    stage.publish(PLAIN_COURSE.replace("subject: Tip 1", "subject: New 1"))
    stage.deliver()
    assert [(row.step, row.state) for row in stage.rows()] == [("tip-1", Phase.SENT)]
    assert "Subject: New 1" in stage.mails()[0].read_text()


def test_what_could_not_be_rendered_goes_once_the_text_is_mended(stage: Stage) -> None:
    """A mail that is held because its text could not be filled in is released by the publish that mends it."""
    stage.publish(FREE + A.replace("Body a.", "'Body {{ learner.company }}.'"))
    stage.add(ADA)
    stage.enrol(ADA)
    assert stage.deliver().held == 1
    stage.publish(FREE + A.replace("Body a.", "Body for all."))
    assert stage.deliver().sent == 1
    assert [row.state for row in stage.rows()] == [Phase.SENT]


def test_conditions_know_a_renamed_tip_by_its_new_name(stage: Stage) -> None:
    """What was answered and sent under the old id counts under the new one, even once the file has forgotten it."""
    question = ", question: {ask: 'Q?', options: [{text: 'Yes', correct: true}, {text: 'No'}]}}"
    after = D.replace("}", ", when: correct('see') and sent('see')}")
    begun(stage, FREE + A.replace("}", question) + D, ADA)
    [row] = stage.rows()
    stage.recorder.answered(row.id, 0, "certain", stage.visit("v1", method="POST"))
    see = A.replace("}", question).replace("tip: a", "tip: see")
    stage.publish(FREE + see.replace("tip: see", "tip: see, renamed_from: a") + after)
    stage.publish(FREE + see + B + after)
    stage.live(days=4)
    assert steps_of(stage.rows()) == ["a", "d"]
    told = {step.step: step for step in report(stage.store, "course").steps}
    assert list(told) == ["see", "b", "d"]
    assert (told["see"].sent, told["see"].answers.correct.n) == (1, 1)


def test_an_id_that_was_renamed_cannot_mean_another_tip(stage: Stage) -> None:
    """After c has become `see`, a new tip `c` is refused; with `see` gone, `c` is the same tip again."""
    begun(stage, FREE + A + C, ADA)
    renamed = FREE + A + C.replace("tip: c", "tip: see, renamed_from: c")
    stage.publish(renamed)
    with pytest.raises(Refused, match='the id "c" was that of "see"'):
        stage.publish(FREE + A + C + C.replace("tip: c", "tip: see"))
    stage.live(days=2)
    stage.publish(FREE + A + C + D)
    with stage.store.read() as conn:
        revision = courses.current_revisions(conn, ["course"])["course"]
        assert courses.names_of(conn, [revision])[revision].steps == {"see": "c"}
    assert "it was sent before" not in {row.reason for row in stage.why(ADA).rows}


def test_two_edits_behind_is_no_further_than_one(stage: Stage) -> None:
    """Whoever's mail was in doubt during two renames stands where both lead."""
    stage.publish(FREE + A + B + C)
    stage.add(ADA)
    stage.enrol(ADA)
    deliver_due(stage.other_worker("lost", transport=_Deaf()))
    stage.publish(FREE + A + B.replace("tip: b", "tip: b2, renamed_from: b") + C)
    stage.publish(FREE + A + B.replace("tip: b", "tip: b3, renamed_from: b2") + C)
    stage.live(days=4)
    assert steps_of(stage.rows()) == ["a", "b3", "c"]


def test_the_first_publish_again_brings_everybody_back(stage: Stage) -> None:
    """There and back: the earlier revision is current again, and nobody is sent anything twice or left out."""
    begun(stage, FREE + A + B + C + D, ADA)
    stage.publish(FREE + A + X + B + C + D)
    stage.publish(FREE + A + B + C + D)
    stage.live(days=5)
    assert steps_of(stage.rows()) == ["a", "b", "c", "d"]


def test_a_step_that_people_stand_at_is_not_forgotten(stage: Stage) -> None:
    """Refused, and nothing is stored; a wait without an id is named so that it can be listed."""
    wait = "  - wait: {until: event('done'), at_most: 9 days}\n"
    begun(stage, FREE + A + wait + B, ADA, BO)
    before = stage.standing(ADA)
    with pytest.raises(Refused) as refused:
        stage.publish(FREE + A + B)
    assert '2 people stand at "a/wait"' in str(refused.value)
    assert "removed: [a/wait]" in str(refused.value)
    assert stage.standing(ADA) == before
    listed = FREE.replace("steps:", "removed: [a/wait]\nsteps:") + A + B
    assert stage.publish(listed).impact.goes_on == (("a/wait", "b", 2),)
    stage.live(days=2)
    assert steps_of(stage.rows()) == ["a", "b", "a", "b"]


def test_the_last_step_taken_out_finishes_who_waits_for_it(stage: Stage) -> None:
    """There is nothing in its place: the enrolment finishes, and nobody returns to lesson one."""
    begun(stage, FREE + A + B, ADA)
    stage.publish(FREE.replace("steps:", "removed: [b]\nsteps:") + A)
    stage.deliver()
    stands = stage.standing(ADA).enrolment
    assert (stands.state, stands.ended_by) == (State.FINISHED, "last step")
    assert steps_of(stage.rows()) == ["a"]


def test_the_paused_are_moved_too(stage: Stage) -> None:
    """A paused person stands in the new plan, still paused and without a time."""
    silent = FREE.replace("steps:", "silent: {after: 1 mails, then: pause}\nsteps:")
    begun(stage, silent + A + B + C, ADA)
    stage.live(days=2)
    assert stage.standing(ADA).enrolment.state is State.PAUSED
    done = stage.publish(silent.replace("steps:", "removed: [b]\nsteps:") + A + C)
    standing = stage.standing(ADA)
    assert (standing.enrolment.next_step, standing.due_at, standing.enrolment.state) == ("c", None, State.PAUSED)
    assert standing.enrolment.revision == done.revision


def test_only_the_finished_are_extended_and_once(stage: Stage) -> None:
    """Twice is once; who left, or reached the goal, gets nothing; an extension counts from where each one ended."""
    begun(stage, FREE.replace("steps:", "goal: event('done')\nunsubscribe: course\nsteps:") + A + X, ADA, BO, CY)
    stage.recorder.left(stage.rows()[1].id, stage.visit("v", method="POST"))
    happened(stage.store, CY, "done", at=stage.clock(), suppression_key=KEY)
    stage.live(days=2)
    stage.publish(FREE + A)
    stage.publish(FREE + A + B)  # without --extend
    stage.live(days=2)
    assert steps_of(stage.rows()) == ["a", "x", "a", "a"]
    assert stage.publish(FREE + A + B + C, extend=True).extended == 1
    assert stage.publish(FREE + A + B + C, extend=True).extended == 0
    stage.live(days=4)
    assert steps_of(stage.rows()) == ["a", "x", "b", "c", "a", "a"]
    assert stage.publish(FREE + A + B + C, extend=True).extended == 0


def test_a_death_in_the_middle_is_caught_up_by_the_next_run(stage: Stage) -> None:
    """The plan is stored and nobody is moved yet: the next tick moves them, and a shortened delay is seen."""
    begun(stage, FREE + A + B.replace("}", ", after: 9 days}"), ADA)
    compiled = stage.compiled(FREE + A + B)
    with stage.store.write() as conn:  # all that publish does before it could have died
        found = diff(stage.store, compiled.plan)
        courses.put(conn, compiled.plan, compiled.templates, names=found.names, now=stage.clock())
        assert edits.groups(conn, "course")
    stage.clock.turn(days=2)
    assert stage.deliver().sent == 1
    with stage.store.read() as conn:
        assert courses.catching_up(conn) == []
    assert catch_up(stage.store, now=stage.clock()) == 0


def test_a_refused_publish_says_all_at_once(stage: Stage) -> None:
    """A vanished step and a repeat are told together, and nothing is stored."""
    begun(stage, FREE + A + B + C + D, ADA)
    stage.add(BO)
    stage.enrol(BO)
    stage.clock.turn(days=1)
    stage.deliver()
    before = stage.standing(ADA).enrolment.revision
    with pytest.raises(Refused) as refused:
        stage.publish(FREE + B + D + A)
    said = str(refused.value)
    assert 'had "a", and would get it again' in said
    assert 'stands at "c"' in said
    assert stage.standing(ADA).enrolment.revision == before


def test_a_suppressed_learner_stays_so(stage: Stage) -> None:
    """An edit brings nobody back who has left."""
    begun(stage, FREE + A + B, ADA)
    with stage.store.write() as conn:
        key = learners.suppression_hash(stage.sending.suppression_key, ADA)
        suppression.suppress(conn, key, reason="unsubscribed", now=stage.clock())
    stage.publish(FREE + A + X + B, extend=True)
    stage.live(days=3)
    assert steps_of(stage.rows()) == ["a"]


def test_coming_goes_both_ways_of_an_if() -> None:
    """What may come from a step: itself and whatever either way of an `if` leads to."""
    text = FREE + A + "  - if: learner.plan == 'pro'\n    then:\n    " + C + "    else:\n    " + D + B
    plan = compile_plan(parse("c.yaml", text.encode()), layout="")
    assert coming(plan, "a") == {"a", "a/if", "c", "d", "b"}
    assert coming(plan, "c") == {"c", "b"}
    assert coming(plan, None) == set()


class _Deaf:
    """A way out that takes everything and never answers."""

    name, connections = "deaf", 1
    outcome = Outcome.IN_DOUBT

    def send(self, messages: Sequence[Message]) -> Result:
        return Result(
            receipts=tuple(
                Receipt(delivery_id=one.delivery_id, outcome=self.outcome, answer="what it said") for one in messages
            )
        )

    def close(self) -> None:
        """Nothing is open."""


class _Meanwhile(_Deaf):
    """A way out over which everything goes, and during which something happens."""

    name = "meanwhile"
    outcome = Outcome.SENT

    def __init__(self, happens: Callable[[], object]) -> None:
        self.happens = happens

    def send(self, messages: Sequence[Message]) -> Result:
        self.happens()
        return super().send(messages)
