"""Questions that came back with a mail: each link answers its own question, in the mail's language."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from web_workspace import NEXT_AT, QUESTION, Workspace, make_workspace

from drip.people import State
from drip.plan.model import Question
from drip.track.token import Purpose, answer_item
from drip.web.serve import running


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A recap, in which the question of the first tip came back."""
    return make_workspace(tmp_path, sent="review", riders=["welcome"])


@pytest.fixture
def client(workspace: Workspace) -> Iterator[httpx.Client]:
    with running(workspace.app()) as url, httpx.Client(base_url=url) as client:
        yield client


def press(client: httpx.Client, path: str, option: int | None = None) -> httpx.Response:
    found = re.search(r'name="nonce" value="([^"]+)"', client.get(path).text)
    assert found
    form = {"nonce": found[1], "sure": "fairly"}
    return client.post(path, data=form if option is None else {**form, "option": str(option)})


def test_a_recap_asks_the_question_that_came_back(workspace: Workspace, client: httpx.Client) -> None:
    """The page shows its text with the pressed option chosen; the press is an answer to that question."""
    path = workspace.path(Purpose.ANSWER, answer_item(1, 1), days=30)
    page = client.get(path)
    assert QUESTION.ask in page.text
    assert 'value="1" checked' in page.text
    verdict = press(client, path)
    assert "There is no blank chart" in verdict.text
    answers = [row for row in workspace.evidence() if row.kind == "answer"]
    assert [(row.item, row.step, row.data["option"]) for row in answers] == [("welcome", "review", 1)]


def test_the_posted_option_stays_on_its_card(workspace: Workspace, client: httpx.Client) -> None:
    """Choosing another option on the page answers the same question."""
    verdict = press(client, workspace.path(Purpose.ANSWER, answer_item(1, 1), days=30), option=0)
    assert "That’s right" in verdict.text
    assert [row.item for row in workspace.evidence() if row.kind == "answer"] == ["welcome"]


def test_a_card_that_the_mail_never_had_is_a_404(workspace: Workspace, client: httpx.Client) -> None:
    """A recap has no question of its own, and no second card here; nothing is written."""
    for item in (answer_item(0, 0), answer_item(2, 0), answer_item(1, 3), answer_item(500, 0)):
        assert client.get(workspace.path(Purpose.ANSWER, item, days=30)).status_code == 404
    assert workspace.untouched()


def test_a_recap_can_be_left_as_any_mail(workspace: Workspace, client: httpx.Client) -> None:
    """Its unsubscribe link works, though it is no step of the plan."""
    assert client.get(workspace.path(Purpose.UNSUBSCRIBE)).status_code == 200
    one_click = {"List-Unsubscribe": "One-Click"}
    assert client.post(workspace.path(Purpose.UNSUBSCRIBE), data=one_click).status_code == 200
    assert workspace.state() is State.LEFT


def test_a_page_is_in_the_language_of_its_mail(tmp_path: Path) -> None:
    """Question and course title come from the translation; a date is written for the learner's own region."""
    english = Question(id="welcome", ask="Where?", options=QUESTION.options)
    workspace = make_workspace(
        tmp_path,
        question=QUESTION,
        language="en",
        titles={"en": "Your first report, briefly"},
        next_at=NEXT_AT.replace(day=30),
    )
    with running(workspace.app()) as url, httpx.Client(base_url=url) as client:
        page = press(client, workspace.path(Purpose.ANSWER, 0, days=30))
    assert english.ask not in page.text
    assert "Your first report, briefly" in page.text
    assert "on Monday 30 November at 09:00" in page.text


def test_leaving_one_course_says_so(tmp_path: Path) -> None:
    """Where the course says `unsubscribe: course`, page and form name the course, and only it is left."""
    workspace = make_workspace(tmp_path, unsubscribe="course")
    path = workspace.path(Purpose.UNSUBSCRIBE)
    with running(workspace.app()) as url, httpx.Client(base_url=url) as client:
        page = client.get(path)
        assert "Leave “<bdi>Your first report in a week</bdi>”?" in page.text
        assert "Other courses from" in page.text
        nonce = re.findall(r'name="nonce" value="([^"]+)"', page.text)[0]
        assert client.post(path, data={"nonce": nonce, "leave": "everything"}).status_code == 400
        assert workspace.state() is State.ACTIVE
        left = client.post(path, data={"nonce": nonce, "leave": "course"})
        assert "Nothing more from “<bdi>Your first report in a week</bdi>”" in left.text
        assert "You had left before" in client.get(path).text
    assert workspace.state() is State.LEFT
    assert workspace.suppressions() == 0
