"""Opens and clicks are recorded many at a time: each that can be, and only where it may be."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import delete, event
from stage import COURSE, KEY, Stage, set_up

from drip.engine import consent
from drip.engine.record import Recorder
from drip.engine.touches import Touch
from drip.errors import NotFound
from drip.people import State
from drip.store import evidence
from drip.store.tables import plan
from drip.track.evidence import Kind

pytestmark = pytest.mark.usefixtures("each_database")
ASKING = COURSE.replace("sender:", "tracking: {opens: consented}\nsender:")


def mailed(folder: Path, course: str = COURSE, **values: object) -> Stage:
    """Three learners who have just got the first tip: deliveries 1 to 3."""
    stage = set_up(folder)
    stage.publish(course)
    stage.people(3, **values)
    stage.clock.turn(hours=2.5)
    stage.deliver()
    stage.clock.turn(minutes=5)
    stage.deliver()
    return stage


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return mailed(tmp_path)


def touch(stage: Stage, delivery: int, link: int | None = None, source_id: str = "") -> Touch:
    visit = stage.visit(source_id or f"{delivery}/{link}", network="abcdefgh")
    return Touch(delivery_id=delivery, link=link, visit=visit)


def kinds(stage: Stage, learner: int) -> list[str]:
    with stage.store.read() as conn:
        return [str(one.kind) for one in evidence.of_learner(conn, learner)]


def learner_of(stage: Stage, delivery: int) -> int:
    return next(row.learner_id for row in stage.rows() if row.id == delivery)


def test_a_batch_is_recorded_as_one_by_one(stage: Stage) -> None:
    """Each gets its own answer, in order, and stands in the database as it came."""
    outcomes = stage.recorder.touches.record([touch(stage, 1), touch(stage, 2, 0), touch(stage, 3, 1)])
    assert outcomes == ["", "https://app.acme.example/views?u=ref-learner1%40customer.example",
                        "https://app.acme.example/views"]  # fmt: skip
    with stage.store.read() as conn:
        (found,) = evidence.of_learner(conn, learner_of(stage, 2))
    assert (found.kind, found.item, found.step, found.at) == (Kind.CLICK, "0", "welcome", stage.clock())
    assert (found.method, found.network, found.data) == ("GET", "abcdefgh", {})
    assert found.user_agent.endswith("Firefox/140.0")


def test_what_cannot_be_recorded_fails_alone(stage: Stage) -> None:
    """A mail that is gone, a link that it never had: the others are recorded and answered."""
    outcomes = stage.recorder.touches.record([touch(stage, 999), touch(stage, 1), touch(stage, 2, 7), touch(stage, 3)])
    assert [type(outcome) for outcome in outcomes] == [NotFound, str, NotFound, str]
    assert [kinds(stage, learner_of(stage, n)) for n in (1, 2, 3)] == [["open"], [], ["open"]]


def test_a_replay_is_free_within_a_batch_and_between_batches(stage: Stage) -> None:
    """The same request twice is one piece of evidence, and metrics hear of it once."""
    heard: list[Kind] = []
    recorder = Recorder(stage.store, suppression_key=KEY, told=heard.append)
    recorder.touches.record([touch(stage, 1, source_id="a"), touch(stage, 1, source_id="a")])
    recorder.touches.record([touch(stage, 1, source_id="a"), touch(stage, 1, source_id="b")])
    assert kinds(stage, learner_of(stage, 1)) == ["open", "open"]
    assert heard == [Kind.OPEN, Kind.OPEN]


def test_a_batch_costs_the_same_number_of_statements_however_large(stage: Stage) -> None:
    """Lookups, inserts and wake-ups are asked for all at once."""
    said: list[str] = []
    stage.recorder.touches.record([touch(stage, 1), touch(stage, 1, 0)])  # what is read once has been read

    @event.listens_for(stage.store.engine, "before_cursor_execute")
    def hear(_conn: object, _cursor: object, statement: str, *_rest: object) -> None:
        said.append(statement)

    numbers = []
    for size in (1, 60):
        said.clear()
        batch = [touch(stage, 1 + n % 3, n % 2, f"{size}/{n}") for n in range(size)]
        assert all(isinstance(one, str) for one in stage.recorder.touches.record(batch))
        numbers.append(len(said))
    few, many = numbers
    assert many <= few + 3, said  # a link that is filled for its learner asks who that is, once for all


def test_a_click_wakes_who_waits_for_it(tmp_path: Path) -> None:
    """A wait for a click ends 60 seconds after it, for those who clicked and nobody else."""
    waiting = COURSE.replace('answered("welcome"), at_most: 4 days', 'clicked("welcome"), at_most: 20 days')
    stage = mailed(tmp_path, waiting)
    stage.recorder.touches.record([touch(stage, 1, 1), touch(stage, 2)])
    stage.clock.turn(seconds=61)
    stage.deliver()
    steps = [stage.standing(f"learner{n}@customer.example").enrolment.next_step for n in range(3)]
    assert [step == "welcome/wait" for step in steps] == [False, True, True]


def test_withdrawing_consent_stops_recording_for_mails_that_are_out(stage: Stage) -> None:
    """`opens: always`: the pixel in the inbox records until the learner says no, and again once they say yes."""
    learner = learner_of(stage, 1)
    words = {"text_version": "opens-1", "source": "my course", "at": stage.clock()}
    stage.recorder.opened(1, stage.visit("a"))
    consent.give(stage.store, learner, consent.OPENS, False, **words)  # type: ignore[arg-type]
    stage.recorder.opened(1, stage.visit("b"))
    assert kinds(stage, learner) == ["open"]
    assert stage.recorder.clicked(1, 1, stage.visit("c")), "clicks are another matter"
    consent.give(stage.store, learner, consent.OPENS, True, **words)  # type: ignore[arg-type]
    stage.recorder.opened(1, stage.visit("d"))
    assert kinds(stage, learner) == ["open", "click", "open"]


@pytest.mark.parametrize(("imported", "recorded"), [({}, []), ({"consent_opens": "Yes"}, ["open"])])
def test_consented_records_those_who_agreed(tmp_path: Path, imported: dict[str, str], recorded: list[str]) -> None:
    """`opens: consented`: silence is no consent; what an import says counts until the learner speaks."""
    stage = mailed(tmp_path, ASKING, attributes=imported)
    stage.recorder.opened(1, stage.visit("a"))
    assert kinds(stage, learner_of(stage, 1)) == recorded


def test_a_course_that_gives_tracking_up_gives_it_up_for_mails_that_are_out(stage: Stage) -> None:
    """Published with `never`, the pixels and links of earlier mails still answer, and record nothing."""
    stage.publish(COURSE.replace("sender:", "tracking: {opens: never, clicks: never}\nsender:"))
    stage.recorder.opened(1, stage.visit("a"))
    assert stage.recorder.clicked(1, 1, stage.visit("b")) == "https://app.acme.example/views"
    assert kinds(stage, learner_of(stage, 1)) == []


def test_a_sign_of_life_ends_a_pause_for_silence(stage: Stage) -> None:
    """The same as one by one: who clicks goes on."""
    with stage.store.write() as conn:
        conn.exec_driver_sql("UPDATE enrolment SET state = 'paused', paused_by = 'silent', due_at = NULL")
    stage.recorder.touches.record([touch(stage, 1, 1)])
    states = [stage.standing(f"learner{n}@customer.example").enrolment.state for n in range(3)]
    assert states == [State.ACTIVE, State.PAUSED, State.PAUSED]


def test_clicks_carry_utm_parameters_where_they_are_set(stage: Stage) -> None:
    """They are appended as the click comes, also for mails that are out; the plan's own place stays."""
    recorder = Recorder(stage.store, suppression_key=KEY, utm={"campaign": "{course}", "content": "{step}"})
    assert recorder.clicked(1, 1, stage.visit("a")) == (
        "https://app.acme.example/views?utm_campaign=course&utm_content=welcome"
    )


def test_a_mail_whose_plan_is_lost_takes_no_other_link_with_it(tmp_path: Path) -> None:
    """Its own click is recorded and leads nowhere; those that came in the same group lead where they should."""
    stage = mailed(tmp_path)
    lost = stage.rows()[0].revision
    stage.publish(COURSE.replace("Press *Export*", "Press the button *Export*"))
    stage.add("new@customer.example")
    stage.enrol("new@customer.example")
    stage.live(days=1)
    new = next(row for row in stage.rows() if row.revision != lost and row.step == "welcome")
    with stage.store.write() as conn:
        conn.execute(delete(plan).where(plan.c.revision == lost))
    outcomes = stage.recorder.touches.record([touch(stage, 1, 0), touch(stage, new.id, 1), touch(stage, new.id)])
    assert [type(outcome) for outcome in outcomes] == [NotFound, str, str]
    assert kinds(stage, learner_of(stage, new.id)) == ["click", "open"]
