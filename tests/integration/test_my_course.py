"""What learners change on their page of a course: at once, once for each press, and with evidence of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from threading import Barrier, Thread
from zoneinfo import ZoneInfo

import pytest
from stage import COURSE, KEY, Stage, send_group, set_up, steps_of

from drip.course.timing import Limit
from drip.engine.changes import (
    Change,
    Leave,
    Pause,
    Resume,
    SendNext,
    SetLanguage,
    SetTempo,
    SetTimes,
    SetZone,
)
from drip.engine.claim import claim_due
from drip.engine.learners import show
from drip.engine.my_changes import Changed, MyCourse, Outcome
from drip.engine.my_course import Ahead
from drip.engine.settle import Decision, settle
from drip.engine.switch import switch
from drip.people import State, Tempo
from drip.store import evidence, learners, ledger

ANNA = "anna@customer.example"
DAILY = """\
title: Daily
sender: {name: Acme, email: learn@acme.example}
timing: {every: 2 days, at: "09:00", timezone: Europe/Stockholm}
steps:
""" + "".join(f"  - {{tip: t{n}, subject: Tip {n}, body: B}}\n" for n in range(1, 7))


def begun(tmp_path: Path, text: str = DAILY, **changes: object) -> Stage:
    """Anna has had the first tip, at 09:00 on Monday 2 March; the next is due on Wednesday."""
    stage = set_up(tmp_path, **changes)
    stage.publish(text)
    stage.add(ANNA)
    stage.enrol(ANNA)
    stage.clock.now = datetime.fromisoformat("2026-03-02T08:00:00+00:00")
    assert stage.deliver().sent == 1
    stage.clock.turn(hours=2)
    return stage


def press(stage: Stage, change: Change, mark: str = "", limit: Limit | None = None) -> Changed:
    """A press on a page that was shown just now."""
    mine = MyCourse(stage.store, suppression_key=KEY, limit=limit)
    return mine.press(stage.rows()[0].id, change, stage.visit(mark or f"page-{len(noted(stage))}", method="POST"))


def ahead(stage: Stage) -> tuple[Ahead, datetime | None]:
    seen = MyCourse(stage.store, suppression_key=KEY).seen(stage.rows()[0].id, now=stage.clock())
    return seen.ahead, seen.next_at


def next_now(stage: Stage, mark: str = "", limit: Limit | None = None) -> Outcome:
    mine = MyCourse(stage.store, suppression_key=KEY, limit=limit)
    return press(stage, SendNext(mark=mine.seen(stage.rows()[0].id, now=stage.clock()).mark), mark, limit).outcome


def noted(stage: Stage) -> list[tuple[str, object, object]]:
    with stage.store.read() as conn:
        person = learners.by_addresses(conn, [ANNA])[ANNA]
        events = evidence.of_learner(conn, person.id)
    return [(e.item, e.data["from"], e.data["to"]) for e in events if e.kind == "change"]


def due(stage: Stage) -> str:
    at = stage.standing(ANNA).due_at
    return "" if at is None else f"{at:%a %d %H:%M}"


def test_half_as_often_moves_the_next_mail_at_once(tmp_path: Path, each_database: str) -> None:
    """From Wednesday to Friday; as planned again brings it back; each is evidence with what was and is."""
    stage = begun(tmp_path)
    assert due(stage) == "Wed 04 08:00"
    assert press(stage, SetTempo(tempo=Tempo.HALF)).outcome is Outcome.DONE
    assert due(stage) == "Fri 06 08:00"
    press(stage, SetTempo(tempo=Tempo.PLANNED))
    assert due(stage) == "Wed 04 08:00"
    assert noted(stage) == [("pace", "planned", "half"), ("pace", "half", "planned")]


def test_what_a_faster_pace_makes_due_in_the_past_comes_at_the_next_hour(tmp_path: Path, each_database: str) -> None:
    """On Tuesday afternoon "twice as often" was due on Tuesday morning: it comes on Wednesday morning, not at once."""
    stage = begun(tmp_path)
    stage.clock.turn(days=1)
    press(stage, SetTempo(tempo=Tempo.TWICE))
    assert stage.deliver().sent == 0
    assert due(stage) == "Wed 04 08:00"


def test_their_own_hour_and_days_hold_from_the_next_mail_on(tmp_path: Path, each_database: str) -> None:
    """Thursdays at 07:30; taking it back gives the course's own hour again."""
    stage = begun(tmp_path)
    press(stage, SetTimes(at=450, days=frozenset({3})))
    assert due(stage) == "Thu 05 06:30"
    press(stage, SetTimes(at=None, days=None))
    assert due(stage) == "Wed 04 08:00"
    assert noted(stage)[:2] == [("hour", None, "07:30"), ("days", None, "thu")]


def test_an_hour_that_has_passed_today_is_tomorrow_s(tmp_path: Path, each_database: str) -> None:
    """At noon on the day on which the mail is due at 17:00, an hour of 09:00 sends nothing at noon."""
    stage = begun(tmp_path, DAILY.replace("every: 2 days", "every: 1 day"))
    press(stage, SetTimes(at=17 * 60, days=None))
    stage.clock.now = datetime.fromisoformat("2026-03-03T11:00:00+00:00")
    assert due(stage) == "Tue 03 16:00"
    press(stage, SetTimes(at=540, days=None))
    assert stage.deliver().sent == 0
    assert due(stage) == "Wed 04 08:00"


def test_a_zone_of_their_own_goes_over_an_import(tmp_path: Path, each_database: str) -> None:
    """In New York 09:00 is six hours later; an import that says Berlin changes nothing any more."""
    from drip.engine.learners import import_csv

    stage = begun(tmp_path)
    press(stage, SetZone(zone="America/New_York"))
    assert due(stage) == "Wed 04 14:00"
    import_csv(stage.store, f"email,timezone,language\n{ANNA},Europe/Berlin,de\n".encode(), now=stage.clock())
    stage.deliver()
    assert due(stage) == "Wed 04 14:00"


def test_a_language_of_their_own_goes_over_an_import(tmp_path: Path, each_database: str) -> None:
    """The next mail comes in it; a language that the course lacks cannot be chosen."""
    from drip.engine.learners import import_csv

    campaigns = tmp_path / "campaigns"
    campaigns.mkdir()
    (campaigns / "course.sv.yaml").write_text(
        "title: Varje dag\nsteps:\n" + "".join(f"  - {{tip: t{n}, subject: Tips {n}, body: B}}\n" for n in range(1, 7))
    )
    stage = begun(tmp_path)
    assert press(stage, SetLanguage(language="fi")).outcome is Outcome.CANNOT
    assert press(stage, SetLanguage(language="sv")).outcome is Outcome.DONE
    import_csv(stage.store, f"email,language\n{ANNA},en\n".encode(), now=stage.clock())
    stage.live(days=2)
    assert [row.language for row in stage.rows()] == ["en", "sv"]


def test_the_next_one_now_comes_at_once_and_once(tmp_path: Path, each_database: str) -> None:
    """In the middle of the day, before its gap; pressed twice it sends one; the rest counts from it."""
    stage = begun(tmp_path)
    mark = stage.rows()[-1].id
    assert press(stage, SendNext(mark=mark), "one").outcome is Outcome.DONE
    assert press(stage, SendNext(mark=mark), "two").outcome is Outcome.BEFORE
    assert stage.idle().sent == 1
    assert press(stage, SendNext(mark=mark), "three").outcome is Outcome.BEFORE
    assert stage.idle().sent == 0
    assert steps_of(stage.rows()) == ["t1", "t2"]
    assert due(stage) == "Wed 04 08:00"
    assert stage.why(ANNA).rows[-1].reason == "the learner asked for it now"


def test_two_presses_at_the_same_moment_send_one(tmp_path: Path, each_database: str) -> None:
    """Whichever comes first does it; the other is told that it is on its way."""
    stage = begun(tmp_path)
    mark, together, came = stage.rows()[-1].id, Barrier(4), []

    def go(name: str) -> None:
        together.wait()
        came.append(press(stage, SendNext(mark=mark), name).outcome)

    threads = [Thread(target=go, args=(f"press-{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(came) == [Outcome.BEFORE] * 3 + [Outcome.DONE]
    assert stage.idle().sent == 1


def test_a_wait_is_not_skipped(tmp_path: Path, each_database: str) -> None:
    """Where the course waits for an answer, the page names the question, and a press sends nothing."""
    stage = begun(tmp_path, COURSE)
    mine = MyCourse(stage.store, suppression_key=KEY)
    seen = mine.seen(stage.rows()[0].id, now=stage.clock())
    assert seen.ahead is Ahead.WAITS
    assert seen.asks is not None
    assert seen.asks.ask == "Where does a chart start?"
    assert next_now(stage) is Outcome.CANNOT
    assert stage.idle().sent == 0
    assert noted(stage) == []


def test_caps_of_course_and_workspace_hold(tmp_path: Path, each_database: str) -> None:
    """One a day is one a day, whoever asks: nothing goes today, and the page says so."""
    stage = begun(tmp_path, DAILY.replace("every: 2 days", "every: 2 days, limit: 1 per day"))
    assert ahead(stage)[0] is Ahead.FULL
    assert next_now(stage) is Outcome.CANNOT
    (tmp_path / "other").mkdir()
    other = begun(tmp_path / "other", limit=Limit(count=1, per="day"))
    assert next_now(other, limit=Limit(count=1, per="day")) is Outcome.CANNOT
    assert other.idle().sent == 0


def test_a_paused_course_is_paused_for_all(tmp_path: Path, each_database: str) -> None:
    """The sender's switch holds over the learner's press."""
    stage = begun(tmp_path)
    switch(stage.store, "course", paused_at=stage.clock(), now=stage.clock())
    assert next_now(stage) is Outcome.CANNOT
    assert ahead(stage) == (Ahead.HELD, None)


def test_a_pause_until_a_day_ends_by_itself(tmp_path: Path, each_database: str) -> None:
    """Nothing comes meanwhile; then one mail at the first allowed instant, the rest counting from it."""
    stage = begun(tmp_path)
    assert press(stage, Pause(until=date(2026, 3, 9))).outcome is Outcome.DONE
    standing = stage.standing(ANNA)
    assert (standing.enrolment.state, standing.enrolment.paused_by, standing.due_at) == (State.PAUSED, "learner", None)
    assert stage.live(days=6).sent == 0
    assert stage.live(days=1.5).sent == 1
    sent = stage.rows()[-1].sent_at
    assert sent is not None
    assert f"{sent:%a %d %H:%M}" == "Mon 09 08:00"
    assert stage.standing(ANNA).enrolment.paused_by is None
    assert due(stage) == "Wed 11 08:00"


def test_a_pause_without_end_ends_when_they_come_back(tmp_path: Path, each_database: str) -> None:
    """A month changes nothing; their own press does."""
    stage = begun(tmp_path)
    press(stage, Pause())
    assert stage.live(days=30, hours=12).sent == 0
    assert press(stage, Resume()).outcome is Outcome.DONE
    assert stage.live(days=1).sent == 1
    assert [item for item, _, _ in noted(stage)] == ["pause", "resume"]


def test_a_day_in_the_past_or_beyond_a_year_is_no_pause(tmp_path: Path, each_database: str) -> None:
    """Today is too late, and so is next year but one: nothing changes."""
    stage = begun(tmp_path)
    for day in (date(2026, 3, 2), date(2020, 1, 1), date.min, date(2028, 1, 1), date.max):
        assert press(stage, Pause(until=day)).outcome is Outcome.CANNOT
    assert stage.standing(ANNA).enrolment.state is State.ACTIVE


def test_a_mail_that_was_claimed_stays_here_when_its_learner_pauses(tmp_path: Path, each_database: str) -> None:
    """Claimed and not handed: it does not go. After the pause it does, once."""
    stage = begun(tmp_path)
    stage.clock.now = datetime.fromisoformat("2026-03-04T08:00:00+00:00")
    claimed = claim_due(stage.sending, now=stage.clock())
    press(stage, Pause())
    assert send_group(stage.sending, claimed.parcels).sent == 0
    assert steps_of(stage.rows()) == ["t1"]
    press(stage, Resume())
    assert stage.idle().sent == 1
    assert steps_of(stage.rows()) == ["t1", "t2"]


class _WhileSending:
    """A way out in whose middle something happens."""

    name, connections = "outbox", 1

    def __init__(self, inner: object, happens: object) -> None:
        self._inner, self._happens = inner, happens

    def allow(self, connections: int) -> None:
        pass

    def send(self, messages: object) -> object:
        result = self._inner.send(messages)  # type: ignore[attr-defined]
        self._happens()  # type: ignore[operator]
        return result

    def close(self) -> None:
        pass


@pytest.mark.parametrize("change", [Pause(), SetTempo(tempo=Tempo.HALF), SetTimes(at=600, days=frozenset({4}))])
def test_a_change_while_a_mail_is_handed_holds_for_the_next(tmp_path: Path, each_database: str, change: Change) -> None:
    """The mail has gone and counts; what was asked meanwhile decides when the next one comes."""
    stage = begun(tmp_path)
    stage.clock.now = datetime.fromisoformat("2026-03-04T08:00:00+00:00")
    way = _WhileSending(stage.sending.transport, lambda: press(stage, change, "meanwhile"))
    claimed = claim_due(stage.sending, now=stage.clock())
    assert send_group(stage.other_worker("worker-1", transport=way), claimed.parcels).sent == 1
    stands = stage.standing(ANNA).enrolment
    assert (stands.next_step, stands.last_mail_at) == ("t3", stage.clock())
    if isinstance(change, Pause):
        assert (stands.state, due(stage)) == (State.PAUSED, "")
        assert stage.live(days=5).sent == 0
    else:
        assert stage.deliver().sent == 0
        assert due(stage) == {SetTempo: "Sun 08 08:00", SetTimes: "Fri 06 09:00"}[type(change)]


@pytest.mark.parametrize("by", ["themselves", "an import"])
def test_a_zone_that_changes_while_a_mail_is_handed_holds_for_the_next(
    tmp_path: Path, each_database: str, by: str
) -> None:
    """Nine in Tokyo is eight hours before nine in Stockholm: the next mail is not late, and none comes twice."""
    stage = begun(tmp_path)
    stage.clock.now = datetime.fromisoformat("2026-03-04T08:00:00+00:00")

    def changes() -> None:
        if by == "themselves":
            press(stage, SetZone(zone="Asia/Tokyo"), "meanwhile")
        else:
            from drip.engine.learners import import_csv

            import_csv(stage.store, f"email,timezone\n{ANNA},Asia/Tokyo\n".encode(), now=stage.clock())

    way = _WhileSending(stage.sending.transport, changes)
    claimed = claim_due(stage.sending, now=stage.clock())
    assert send_group(stage.other_worker("worker-1", transport=way), claimed.parcels).sent == 1
    assert stage.deliver().sent == 0
    assert due(stage) == "Fri 06 00:00"
    stage.live(days=3)
    assert [row.claimed_at.strftime("%d %H") for row in stage.rows()] == ["02 08", "04 08", "06 00"]


def test_the_same_form_twice_does_it_once(tmp_path: Path, each_database: str) -> None:
    """A reload, a second click, a retry: one piece of evidence, and nothing is done again."""
    stage = begun(tmp_path)
    assert press(stage, Pause(), "page").outcome is Outcome.DONE
    assert press(stage, Resume(), "other").outcome is Outcome.DONE
    assert press(stage, Pause(), "page").outcome is Outcome.BEFORE
    assert stage.standing(ANNA).enrolment.state is State.ACTIVE
    assert len(noted(stage)) == 2


def test_two_courses_are_changed_apart(tmp_path: Path, each_database: str) -> None:
    """A pause and a pace are this course's; a zone is the person's, everywhere."""
    stage = begun(tmp_path)
    stage.publish(DAILY, "other")
    stage.course_id = "other"
    stage.enrol(ANNA)
    stage.clock.turn(days=1)
    stage.deliver()
    press(stage, SetTempo(tempo=Tempo.HALF))
    assert due(stage) == "Thu 05 08:00"
    press(stage, SetZone(zone="America/New_York"))
    assert due(stage) == "Thu 05 14:00"
    press(stage, Pause())
    assert stage.standing(ANNA).enrolment.state is State.ACTIVE


def test_leaving_this_course_leaves_the_other(tmp_path: Path, each_database: str) -> None:
    """And can be taken back; leaving everything ends both."""
    stage = begun(tmp_path)
    stage.publish(DAILY, "other")
    stage.course_id = "other"
    stage.enrol(ANNA)
    left = press(stage, Leave(scope="course"), "leave")
    assert left.undo is not None
    assert left.seen.enrolment.state is State.LEFT
    assert stage.standing(ANNA).enrolment.state is State.ACTIVE
    assert stage.recorder.came_back(stage.rows()[0].id, left.undo, stage.visit("undo", method="POST"))
    assert press(stage, Leave(scope="everything"), "all").seen.left_all
    assert stage.standing(ANNA).enrolment.state is State.LEFT
    assert stage.live(days=5).sent == 0


@pytest.mark.parametrize("change", [Pause(), Resume(), SendNext(mark=1)])
def test_who_has_left_or_finished_changes_nothing(tmp_path: Path, each_database: str, change: Change) -> None:
    """What has ended goes on for nobody's press."""
    stage = begun(tmp_path)
    stage.live(days=14)
    assert stage.standing(ANNA).enrolment.state is State.FINISHED
    assert press(stage, change).outcome is Outcome.CANNOT
    press(stage, Leave(scope="course"), "leave")
    assert press(stage, change).outcome is Outcome.CANNOT
    assert stage.standing(ANNA).enrolment.state is State.LEFT


def test_a_press_holds_when_the_course_has_changed_meanwhile(tmp_path: Path, each_database: str) -> None:
    """Published anew between the page and the press: the wish holds in the new plan."""
    stage = begun(tmp_path)
    stage.publish(DAILY.replace("every: 2 days", "every: 3 days"))
    press(stage, SetTempo(tempo=Tempo.HALF))
    stage.deliver()
    assert due(stage) == "Sun 08 08:00"


def test_a_wish_survives_edits_and_new_runs(tmp_path: Path, each_database: str) -> None:
    """An edit keeps it, and so does the next run of the course; a pause is not carried over."""
    stage = begun(tmp_path, DAILY.replace("steps:", "start: {reentry: after completion}\nsteps:"))
    press(stage, SetTimes(at=450, days=None))
    stage.publish(DAILY.replace("Tip 6", "Tip six").replace("steps:", "start: {reentry: after completion}\nsteps:"))
    stage.live(days=14)
    assert stage.standing(ANNA).enrolment.state is State.FINISHED
    stage.enrol(ANNA)
    assert stage.standing(ANNA).enrolment.run == 2
    assert due(stage).endswith("06:30")


def test_silence_ends_with_a_press(tmp_path: Path, each_database: str) -> None:
    """Whoever changes something is there: `silent` counts from then, and a pause for silence is over."""
    stage = begun(tmp_path, DAILY.replace("steps:", "silent: {after: 2 mails, then: pause}\nsteps:"))
    stage.live(days=7)
    assert stage.standing(ANNA).enrolment.paused_by == "silent"
    assert ahead(stage)[0] is Ahead.PAUSED
    press(stage, SetTempo(tempo=Tempo.HALF))
    assert stage.live(days=3).sent == 1
    assert stage.standing(ANNA).enrolment.state is State.ACTIVE


def test_what_was_asked_is_shown_to_the_operator(tmp_path: Path, each_database: str) -> None:
    """`drip why` tells the change between the mails, and the reason of each by what was wished then."""
    stage = begun(tmp_path)
    press(stage, SetTempo(tempo=Tempo.HALF))
    stage.live(days=5)
    rows = [(row.kind, row.reason) for row in stage.why(ANNA).rows]
    assert rows[1:] == [
        ("mail", "the first mail, enrolled before 09:00"),
        ("change", "pace: as planned → half as often"),
        ("mail", "4 days after t1; half as often, as the learner wishes"),
    ]
    shown = show(stage.store, ANNA)["enrolments"]
    assert isinstance(shown, list)
    first: Mapping[str, object] = shown[0]
    assert (first["pace"], first["hour"], first["days"], first["paused_by"]) == ("half", None, None, None)


def test_the_day_of_a_pause_is_the_learner_s(tmp_path: Path, each_database: str) -> None:
    """In Auckland the 4th begins thirteen hours before it does in Greenwich."""
    stage = begun(tmp_path)
    press(stage, SetZone(zone="Pacific/Auckland"))
    press(stage, Pause(until=date(2026, 3, 4)))
    until = stage.standing(ANNA).enrolment.paused_until
    assert until == datetime.fromisoformat("2026-03-03T11:00:00+00:00")
    assert until - stage.clock() < timedelta(days=2)


def test_a_mail_that_a_person_decides_on_leaves_a_pause_alone(tmp_path: Path, each_database: str) -> None:
    """Settled while its learner has paused: the enrolment moves on, stays paused, and nothing is due for ever."""
    stage = begun(tmp_path)
    stage.clock.now = datetime.fromisoformat("2026-03-04T08:00:00+00:00")
    (parcel,) = claim_due(stage.sending, now=stage.clock()).parcels
    with stage.store.write() as conn:
        ledger.hand(conn, stage.sending.lease(conn), [parcel.delivery_id], now=stage.clock())
        ledger.hold(conn, stage.sending.worker, parcel.delivery_id, answer="550 what is this")
    press(stage, Pause(until=date(2026, 3, 10)))
    assert settle(stage.store, Decision.SENT, now=stage.clock(), email=ANNA, course_id="course")
    stands = stage.standing(ANNA)
    assert (stands.enrolment.next_step, stands.enrolment.state, stands.due_at) == ("t3", State.PAUSED, None)
    assert stage.idle().sent == 0
    assert stage.live(days=7).sent == 1


def test_questions_that_come_back_are_not_the_next_tip(tmp_path: Path, each_database: str) -> None:
    """A recap that comes between the page and the press does not stand for the tip that was asked for."""
    text = COURSE.split("  - wait:")[0].replace("every: 1 day", "every: 6 days") + (
        "  - {tip: later, subject: Later, body: B}\nreviews: {strategy: fixed, after_days: [1], per_email: 1}\n"
    )
    stage = begun(tmp_path, text)
    mine = MyCourse(stage.store, suppression_key=KEY)
    mark = mine.seen(stage.rows()[0].id, now=stage.clock()).mark
    stage.live(days=2)
    assert steps_of(stage.rows()) == ["welcome", "review"]
    assert press(stage, SendNext(mark=mark)).outcome is Outcome.DONE
    assert stage.idle().sent == 1


def test_a_pause_until_a_day_ends_where_its_learner_is(tmp_path: Path, each_database: str) -> None:
    """Paused in Stockholm until the 10th, then in Los Angeles: it is the 10th there, and not the 9th's afternoon."""
    stage = begun(tmp_path)
    press(stage, Pause(until=date(2026, 3, 10)))
    press(stage, SetZone(zone="America/Los_Angeles"))
    stands = stage.standing(ANNA).enrolment
    assert (stands.state, stands.paused_until) == (State.PAUSED, datetime.fromisoformat("2026-03-10T00:00:00-07:00"))
    stage.live(days=10)
    local = stage.rows()[1].claimed_at.astimezone(ZoneInfo("America/Los_Angeles"))
    assert (local.date(), local.hour) == (date(2026, 3, 10), 9)
