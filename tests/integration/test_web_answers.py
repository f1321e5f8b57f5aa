"""The answer page and its form: one press, at once a verdict, recorded once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from web_workspace import CHROME, NOW, QUESTION, Workspace, make_workspace

from drip.people import State
from drip.track.token import Purpose, Ring
from drip.web.serve import running


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return make_workspace(tmp_path)


@pytest.fixture
def client(workspace: Workspace) -> Iterator[httpx.Client]:
    with running(workspace.app()) as url, httpx.Client(base_url=url, headers={"User-Agent": CHROME}) as client:
        yield client


def nonce_in(page: httpx.Response) -> str:
    """The hidden field of a page's form."""
    found = re.search(r'name="nonce" value="([^"]+)"', page.text)
    assert found, page.text
    return found[1]


def press(client: httpx.Client, path: str, sure: str = "fairly", option: int | None = None) -> httpx.Response:
    """Open the page and press, as a person does."""
    form = {"nonce": nonce_in(client.get(path)), "sure": sure}
    return client.post(path, data=form if option is None else {**form, "option": str(option)})


def answers(workspace: Workspace) -> list[tuple[object, ...]]:
    """(item, option, correct, sure) of every answer that was recorded."""
    data = [(row.item, row.data) for row in workspace.evidence() if row.kind == "answer"]
    return [(item, said["option"], said["correct"], said["sure"]) for item, said in data]


def test_the_page_shows_all_options_and_the_pressed_one_is_chosen(workspace: Workspace, client: httpx.Client) -> None:
    """Three options of which one is checked, three equal buttons, a masked address; a visit, no answer."""
    page = client.get(workspace.path(Purpose.ANSWER, 1, days=30))
    assert page.status_code == 200
    for option in QUESTION.options:
        assert option.text in page.text
        assert option.because not in page.text
    assert re.findall(r'name="option" value="(\d)"( checked)?', page.text) == [("0", ""), ("1", " checked"), ("2", "")]
    assert re.findall(r'name="sure" value="(\w+)"', page.text) == ["guessed", "fairly", "certain"]
    assert "a•••@acme.example" in page.text
    assert "anna.berg" not in page.text
    assert [(row.kind, row.item) for row in workspace.evidence()] == [("visit", "answer/1")]


def test_a_right_answer_is_said_and_explained_at_once(workspace: Workspace, client: httpx.Client) -> None:
    """In words and with an icon; then when the next tip comes, in the learner's own zone."""
    page = press(client, workspace.path(Purpose.ANSWER, 0, days=30))
    assert page.status_code == 200
    assert "That’s right" in page.text
    assert "<svg" in page.text
    assert page.text.count("The view holds the filters.") == 1
    assert "There is no blank chart" not in page.text
    assert "The next tip comes tomorrow at 09:00." in page.text
    assert answers(workspace) == [("welcome", 0, True, "fairly")]


def test_a_wrong_answer_shows_both_explanations(workspace: Workspace, client: httpx.Client) -> None:
    """Why the chosen one is wrong, and what is right and why."""
    page = press(client, workspace.path(Purpose.ANSWER, 1, days=30), "certain")
    assert "Not quite" in page.text
    assert page.text.index("There is no blank chart; pick a view first.") < page.text.index(
        "The view holds the filters."
    )
    assert "You were certain." in page.text
    assert answers(workspace) == [("welcome", 1, False, "certain")]


def test_the_posted_option_decides(workspace: Workspace, client: httpx.Client) -> None:
    """A learner may change their mind on the page; the link names only what is chosen first."""
    page = press(client, workspace.path(Purpose.ANSWER, 1, days=30), "guessed", option=0)
    assert "That’s right" in page.text
    assert answers(workspace) == [("welcome", 0, True, "guessed")]


def test_the_same_form_sent_twice_is_recorded_once(workspace: Workspace, client: httpx.Client) -> None:
    """A double press, a reload, a retry on a bad line: the same page comes back, one row stands."""
    path = workspace.path(Purpose.ANSWER, 1, days=30)
    form = {"nonce": nonce_in(client.get(path)), "sure": "fairly", "option": "1"}
    first, *others = (client.post(path, data=form) for _ in range(4))
    style = re.compile(r'<style nonce="[^"]+">')
    assert {style.sub("", page.text) for page in others} == {style.sub("", first.text)}
    assert len(answers(workspace)) == 1


def test_a_second_answer_is_kept_and_the_first_counts(workspace: Workspace, client: httpx.Client) -> None:
    """A page opened anew is a new answer, and says that the first one counts."""
    press(client, workspace.path(Purpose.ANSWER, 1, days=30))
    page = press(client, workspace.path(Purpose.ANSWER, 0, days=30))
    assert "your first answer is the one that counts" in page.text
    assert [row[2] for row in answers(workspace)] == [False, True]


def test_what_is_no_answer_is_refused(workspace: Workspace, client: httpx.Client) -> None:
    """A field missing, made up, of another page or of another ring: a 400, a friendly page, no row."""
    path, other = (workspace.path(Purpose.ANSWER, option, days=30) for option in (0, 1))
    nonce, elsewhere = nonce_in(client.get(path)), nonce_in(client.get(other))
    leaving = nonce_in(client.get(workspace.path(Purpose.UNSUBSCRIBE)))
    seen = len(workspace.evidence())
    good = {"nonce": nonce, "sure": "fairly", "option": "0"}
    wrong: list[dict[str, str]] = [
        {},
        {"nonce": nonce},
        {"sure": "fairly"},
        good | {"sure": "very"},
        good | {"sure": ""},
        good | {"nonce": ""},
        good | {"nonce": elsewhere},
        good | {"nonce": leaving},
        good | {"nonce": nonce[:-1]},
        good | {"nonce": "x" + nonce},
        good | {"nonce": nonce.partition(".")[0]},
        good | {"nonce": "å.ä"},
        *(good | {"option": option} for option in ("3", "-1", "", "1e0", "0 ", "٠", "²", "99999999", "0x0")),
    ]
    for form in wrong:
        answer = client.post(path, data=form)
        assert (answer.status_code, "Nothing was recorded" in answer.text) == (400, True), form
    assert len(workspace.evidence()) == seen
    assert client.post(path, data=good).status_code == 200


def test_keys_may_rotate_while_a_page_is_open(workspace: Workspace, client: httpx.Client) -> None:
    """A page shown before the rotation still answers; its link, too."""
    path = workspace.path(Purpose.ANSWER, 0, days=30)
    nonce = nonce_in(client.get(path))
    workspace.ring = Ring((Ring.of(["a newer secret"]).keys[0], *workspace.ring.keys))
    with running(workspace.app()) as url:
        assert httpx.post(url + path, data={"nonce": nonce, "sure": "fairly"}).status_code == 200
    assert len(answers(workspace)) == 1


def test_an_answer_link_is_good_for_its_days(workspace: Workspace, client: httpx.Client) -> None:
    """To the end of the day, then a 410 for the page and for its form."""
    path = workspace.path(Purpose.ANSWER, 0, days=30)
    nonce = nonce_in(client.get(path))
    workspace.now = NOW + timedelta(days=30)
    assert client.get(path).status_code == 200
    workspace.now = NOW + timedelta(days=31)
    page = client.get(path)
    assert (page.status_code, "This link has expired" in page.text) == (410, True)
    assert client.post(path, data={"nonce": nonce, "sure": "fairly"}).status_code == 410
    assert answers(workspace) == []


def test_an_answer_link_of_a_mail_without_a_question_is_a_404(tmp_path: Path) -> None:
    """Nobody is asked nothing."""
    workspace = make_workspace(tmp_path, question=None)
    with running(workspace.app()) as url:
        assert httpx.get(url + workspace.path(Purpose.ANSWER, 0, days=30)).status_code == 404
    assert workspace.untouched()


@pytest.mark.parametrize(
    ("next_at", "zone", "said"),
    [
        (datetime(2026, 11, 24, 22, 30, tzinfo=UTC), "Europe/Stockholm", "today at 23:30"),
        (datetime(2026, 11, 24, 23, 30, tzinfo=UTC), "Europe/Stockholm", "tomorrow at 00:30"),
        (datetime(2026, 11, 24, 23, 30, tzinfo=UTC), "Pacific/Apia", "today at 12:30"),
        (datetime(2026, 11, 26, 8, 0, tzinfo=UTC), "Asia/Kathmandu", "on Thursday 26 November at 13:45"),
        (datetime(2026, 11, 26, 8, 0, tzinfo=UTC), None, "on Thursday 26 November at 08:00"),
        (datetime(2026, 11, 27, 8, 0, tzinfo=UTC), None, "on Friday 27 November at 08:00"),
        (datetime(2027, 1, 4, 8, 0, tzinfo=UTC), "Europe/Stockholm", "on Monday, 4 January 2027 at 09:00"),
    ],
)
def test_the_next_tip_is_dated_in_the_learners_zone(
    tmp_path: Path, next_at: datetime, zone: str | None, said: str
) -> None:
    """Today and tomorrow are the learner's own; another year is named; without a zone, the course's."""
    workspace = make_workspace(tmp_path, next_at=next_at, timezone=zone)
    with running(workspace.app()) as url, httpx.Client(base_url=url) as client:
        assert f"The next tip comes {said}." in press(client, workspace.path(Purpose.ANSWER, 0, days=30)).text


def test_a_tip_that_is_due_now_is_on_its_way(tmp_path: Path) -> None:
    """It is not dated back to a time that has passed."""
    workspace = make_workspace(tmp_path, next_at=NOW - timedelta(minutes=30))
    with running(workspace.app()) as url, httpx.Client(base_url=url) as client:
        assert "The next tip is on its way." in press(client, workspace.path(Purpose.ANSWER, 0, days=30)).text


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (State.FINISHED, "That was the last tip of “<bdi>Your first report in a week</bdi>”."),
        (State.PAUSED, "is paused for you"),
        (State.LEFT, "You have left, so no more tips will come."),
        (State.ACTIVE, "The next tip comes by mail when it is time."),
    ],
)
def test_where_no_date_is_known_it_says_why(tmp_path: Path, state: State, said: str) -> None:
    """The end, a pause, having left, a mail under way: each is said in words."""
    workspace = make_workspace(tmp_path, state=state, next_at=None)
    with running(workspace.app()) as url, httpx.Client(base_url=url) as client:
        assert said in press(client, workspace.path(Purpose.ANSWER, 0, days=30)).text


def test_swedish_pages_are_swedish_throughout(tmp_path: Path) -> None:
    """The mail's language decides, whatever the browser asks for; dates are Swedish ones; the reader is du."""
    workspace = make_workspace(
        tmp_path, language="sv", title="Din första rapport", next_at=datetime(2026, 11, 30, 8, 0, tzinfo=UTC)
    )
    headers = {"Accept-Language": "en"}
    with running(workspace.app()) as url, httpx.Client(base_url=url, headers=headers) as client:
        path = workspace.path(Purpose.ANSWER, 1, days=30)
        page, verdict = client.get(path).text, press(client, path).text
    assert '<html lang="sv" dir="ltr">' in page
    for words in ("Hur säker är du?", "Jag gissade", "Ganska säker", "Helt säker", "Du svarar som"):
        assert words in page
    for words in ("Inte riktigt", "Du valde", "Rätt svar", "Nästa tips kommer måndag 30 november kl. 09:00."):
        assert words in verdict
    for english in ("How sure", "You chose", "Answering", "tip comes"):
        assert english not in page + verdict


def test_an_arabic_page_runs_from_the_right_and_marks_what_is_english(tmp_path: Path) -> None:
    """The course's texts are Arabic, our fixed words are not: each says what it is."""
    workspace = make_workspace(tmp_path, language="ar", title="تقريرك الأول")
    with running(workspace.app()) as url:
        page = httpx.get(url + workspace.path(Purpose.ANSWER, 1, days=30)).text
    assert '<html lang="ar" dir="rtl">' in page
    assert re.search(r'<div role="group"[^>]* lang="en" dir="ltr">\s*<h2 id="how-sure">How sure', page)
