"""What a learner agrees to is kept word by word; the last word holds, also over what an import says."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from stage import START, Stage, set_up

from drip.engine import consent
from drip.engine.learners import import_csv
from drip.people import Learner
from drip.schedule.acts import consents_opens
from drip.store import consents, learners

pytestmark = pytest.mark.usefixtures("each_database")
WHO = "ada@customer.example"


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    stage = set_up(tmp_path)
    stage.add(WHO)
    return stage


def learner(stage: Stage) -> Learner:
    with stage.store.read() as conn:
        return learners.by_addresses(conn, [WHO])[WHO]


def say(stage: Stage, given: bool, *, what: str = consent.OPENS, minutes: int = 0) -> None:
    consent.give(
        *(stage.store, learner(stage).id, what, given),
        text_version="opens-1",
        text="May we see when you open a tip?",
        source="my course",
        at=START + timedelta(minutes=minutes),
    )


def test_every_word_is_kept_and_the_last_one_holds(stage: Stage) -> None:
    """Given and taken back: both stand there, with text, source and time, and the learner has not agreed."""
    assert consent.has_given(stage.store, learner(stage).id, consent.OPENS) is None
    say(stage, True)
    assert learner(stage).consents_opens is True
    say(stage, False, minutes=5)
    assert learner(stage).consents_opens is False
    assert consent.has_given(stage.store, learner(stage).id, consent.OPENS) is False
    with stage.store.read() as conn:
        kept = consents.of_learner(conn, learner(stage).id)
    assert [(one.given, one.source, one.at - START) for one in kept] == [
        (True, "my course", timedelta(0)),
        (False, "my course", timedelta(minutes=5)),
    ]
    assert {one.text for one in kept} == {"May we see when you open a tip?"}


def test_a_word_that_comes_late_does_not_go_over_a_later_one(stage: Stage) -> None:
    """The order in which they were said counts, not that in which they arrived; the same instant: that of arrival."""
    say(stage, False, minutes=5)
    say(stage, True)
    assert learner(stage).consents_opens is False
    say(stage, True, minutes=5)
    assert learner(stage).consents_opens is True


def test_consent_to_mail_says_nothing_about_opens(stage: Stage) -> None:
    """One kind of consent is not another."""
    say(stage, True, what=consent.MAIL)
    assert consent.has_given(stage.store, learner(stage).id, consent.MAIL) is True
    assert learner(stage).consents_opens is None
    with pytest.raises(ValueError, match="consent is to mail or opens"):
        say(stage, True, what="everything")


def test_an_import_does_not_bring_back_what_the_learner_took_away(stage: Stage) -> None:
    """A column `consent_opens` counts for whoever has said nothing themselves."""
    old_list = f"email,consent_opens\n{WHO},yes\n".encode()
    import_csv(stage.store, old_list, now=START)
    assert consents_opens(learner(stage)) is True
    say(stage, False)
    import_csv(stage.store, old_list, now=START)
    assert consents_opens(learner(stage)) is False
