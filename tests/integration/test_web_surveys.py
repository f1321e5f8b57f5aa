"""The page of a survey: one press, once; and what cannot be a rating."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from web_workspace import CHROME, QUESTION, Workspace, make_workspace

from drip.people import State
from drip.plan.model import Survey
from drip.track.token import Purpose, answer_item
from drip.web.serve import running

NPS = Survey(id="welcome", kind="nps", ask="How likely are you to recommend us?", low=0, high=10)
CSAT = Survey(id="welcome", kind="csat", ask="Hur nöjd är du?", low=1, high=5)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return make_workspace(tmp_path, question=None, survey=NPS)


@pytest.fixture
def client(workspace: Workspace) -> Iterator[httpx.Client]:
    with running(workspace.app()) as url, httpx.Client(base_url=url, headers={"User-Agent": CHROME}) as client:
        yield client


def nonce_in(page: httpx.Response) -> str:
    found = re.search(r'name="nonce" value="([^"]+)"', page.text)
    assert found, page.text
    return found[1]


def ratings(workspace: Workspace) -> list[tuple[str, object]]:
    """(survey, rating) of all that were recorded."""
    return [(row.item, row.data["rating"]) for row in workspace.evidence() if row.kind == "rating"]


def test_looking_rates_nothing(workspace: Workspace, client: httpx.Client) -> None:
    """All eleven ratings with the pressed one chosen, the ends in words, one button; a visit, no rating."""
    page = client.get(workspace.path(Purpose.ANSWER, 9, days=30))
    assert page.status_code == 200
    chosen = re.findall(r'name="rating" value="(\d+)"( checked)?', page.text)
    assert chosen == [(str(number), " checked" if number == 9 else "") for number in range(11)]
    assert "0 = not at all likely, 10 = extremely likely" in page.text
    assert page.text.count("<button") == 1
    assert [(row.kind, row.item) for row in workspace.evidence()] == [("visit", "answer/9")]


def test_a_press_rates_once(workspace: Workspace, client: httpx.Client) -> None:
    """Thanks, the rating in words, when the next tip comes; a double press changes nothing."""
    path = workspace.path(Purpose.ANSWER, 9, days=30)
    form = {"nonce": nonce_in(client.get(path)), "rating": "9"}
    pages = [client.post(path, data=form) for _ in range(3)]
    for page in pages:
        assert page.status_code == 200
        assert "Thank you" in page.text
        assert "Your rating is 9, on a scale from 0 to 10." in page.text
        assert "The next tip comes tomorrow at 09:00." in page.text
    assert ratings(workspace) == [("welcome", 9)]


def test_the_posted_rating_decides_and_the_first_counts(workspace: Workspace, client: httpx.Client) -> None:
    """A learner may choose another on the page; opening the page anew says that the first one counts."""
    path = workspace.path(Purpose.ANSWER, 9, days=30)
    client.post(path, data={"nonce": nonce_in(client.get(path)), "rating": "0"})
    again = client.post(path, data={"nonce": nonce_in(client.get(path)), "rating": "10"})
    assert "your first rating is the one that counts" in again.text
    assert [rating for _, rating in ratings(workspace)] == [0, 10]


@pytest.mark.parametrize("rating", ["", "11", "-1", "9.0", "1e1", "٩", " 9", "9999", "x"])
def test_what_is_no_rating_is_a_400(workspace: Workspace, client: httpx.Client, rating: str) -> None:
    """Nothing is recorded."""
    path = workspace.path(Purpose.ANSWER, 9, days=30)
    nonce = nonce_in(client.get(path))
    assert client.post(path, data={"nonce": nonce, "rating": rating}).status_code == 400
    assert client.post(path, data={"nonce": nonce}).status_code == 400
    assert client.post(path, data={"nonce": nonce[:-1], "rating": "9"}).status_code == 400
    assert ratings(workspace) == []


def test_a_link_beyond_the_scale_is_a_404(workspace: Workspace, client: httpx.Client) -> None:
    """Nobody signed such a link for this mail; it writes nothing."""
    for item in (11, 63, 64):
        assert client.get(workspace.path(Purpose.ANSWER, item, days=30)).status_code == 404
    assert workspace.untouched()


def test_a_question_that_came_back_with_a_survey_is_a_question(tmp_path: Path) -> None:
    """Its links show and answer it, and the survey's rate: each mail may hold both."""
    workspace = make_workspace(tmp_path, survey=NPS, riders=["welcome"])
    path = workspace.path(Purpose.ANSWER, answer_item(1, 1), days=30)
    with running(workspace.app()) as url, httpx.Client(base_url=url, headers={"User-Agent": CHROME}) as client:
        page = client.get(path)
        assert QUESTION.ask in page.text
        client.post(path, data={"nonce": nonce_in(page), "sure": "fairly"})
        assert 'name="rating"' in client.get(workspace.path(Purpose.ANSWER, 9, days=30)).text
    assert [(row.item, row.data["option"]) for row in workspace.evidence() if row.kind == "answer"] == [("welcome", 1)]
    assert ratings(workspace) == []


def test_a_swedish_survey_is_swedish(tmp_path: Path) -> None:
    """From its lowest rating on, in the mail's language."""
    workspace = make_workspace(tmp_path, question=None, survey=CSAT, language="sv", title="Trygg start")
    path = workspace.path(Purpose.ANSWER, 3, days=30)
    with running(workspace.app()) as url, httpx.Client(base_url=url) as client:
        page = client.get(path)
        assert 'value="4" checked' in page.text
        assert "1 = mycket missnöjd, 5 = mycket nöjd" in page.text
        thanks = client.post(path, data={"nonce": nonce_in(page), "rating": "5"})
    for words in ("Tack", "Ditt betyg är 5, på en skala från 1 till 5.", "Nästa tips kommer i morgon kl. 09:00."):
        assert words in thanks.text
    assert ratings(workspace) == [("welcome", 5)]


def test_after_the_last_tip_it_says_so(tmp_path: Path) -> None:
    """A survey is often the last mail."""
    workspace = make_workspace(tmp_path, question=None, survey=NPS, state=State.FINISHED, next_at=None)
    path = workspace.path(Purpose.ANSWER, 9, days=30)
    with running(workspace.app()) as url, httpx.Client(base_url=url) as client:
        thanks = client.post(path, data={"nonce": nonce_in(client.get(path)), "rating": "9"})
    assert "That was the last tip of" in thanks.text
