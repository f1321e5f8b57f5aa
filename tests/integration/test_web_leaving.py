"""Leaving: by the page's button, or by the press of a mail provider (RFC 8058)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from web_workspace import CHROME, NOW, Workspace, make_workspace

from drip.people import State
from drip.track.token import Purpose, Ring
from drip.web.serve import running

ONE_CLICK = "List-Unsubscribe=One-Click"
URLENCODED = "application/x-www-form-urlencoded"
#: A body as Gmail and others may send it: RFC 8058 prefers multipart/form-data.
MULTIPART = b'--2a1b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--2a1b--\r\n'


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return make_workspace(tmp_path)


@pytest.fixture
def client(workspace: Workspace) -> Iterator[httpx.Client]:
    with running(workspace.app()) as url, httpx.Client(base_url=url) as client:
        yield client


def nonce_in(page: httpx.Response) -> str:
    """The hidden field of a page's form."""
    found = re.search(r'name="nonce" value="([^"]+)"', page.text)
    assert found, page.text
    return found[1]


def post(client: httpx.Client, path: str, body: str | bytes, kind: str = URLENCODED) -> httpx.Response:
    """A POST of exactly these bytes."""
    return client.post(path, content=body, headers={"Content-Type": kind})


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (ONE_CLICK, URLENCODED),
        (ONE_CLICK, URLENCODED + "; charset=UTF-8"),
        (ONE_CLICK + "\r\n", "Application/X-WWW-Form-URLEncoded"),
        (MULTIPART, "multipart/form-data; boundary=2a1b"),
        (MULTIPART, 'multipart/form-data; charset=utf-8; boundary="2a1b"'),
    ],
)
def test_one_click_leaves_at_once(workspace: Workspace, client: httpx.Client, body: str | bytes, kind: str) -> None:
    """As Gmail does it, without a page before and without a user agent that we know: 200 and a short text."""
    path = workspace.path(Purpose.UNSUBSCRIBE)
    answer = post(client, path, body, kind)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert answer.text == "You are unsubscribed. Nothing more will be sent to you.\n"
    assert (workspace.kinds(), workspace.state(), workspace.suppressions()) == (["unsubscribe"], State.LEFT, 1)


def test_one_click_pressed_again_is_friendly_and_free(workspace: Workspace, client: httpx.Client) -> None:
    """A provider that tries again gets the same answer; one row stands."""
    path = workspace.path(Purpose.UNSUBSCRIBE)
    assert [post(client, path, ONE_CLICK).status_code for _ in range(3)] == [200, 200, 200]
    assert (workspace.kinds(), workspace.suppressions()) == (["unsubscribe"], 1)


def test_the_page_asks_one_question_with_one_button(workspace: Workspace, client: httpx.Client) -> None:
    """It says who sends and to whom, and changes nothing by being looked at."""
    page = client.get(workspace.path(Purpose.UNSUBSCRIBE))
    assert (page.status_code, page.text.count("<h1"), page.text.count("<button")) == (200, 1, 1)
    assert "Leave all mail from <bdi>Acme Academy</bdi>?" in page.text
    assert "a•••@acme.example" in page.text
    assert ([row.item for row in workspace.evidence()], workspace.state()) == (["unsubscribe"], State.ACTIVE)


def test_the_button_leaves(workspace: Workspace, client: httpx.Client) -> None:
    """A press leaves, a second press of the same page too; a page opened later says that it still holds."""
    path = workspace.path(Purpose.UNSUBSCRIBE)
    form = {"nonce": nonce_in(client.get(path)), "leave": "everything"}
    first, again = client.post(path, data=form), client.post(path, data=form)
    assert (first.status_code, "<h1>You have left</h1>" in first.text) == (200, True)
    assert (again.status_code, "You had left before" in again.text) == (200, True)
    later = client.get(path)
    assert ("You had left before" in later.text, "<button" in later.text) == (True, False)
    assert (workspace.kinds(), workspace.state()) == (["visit", "unsubscribe", "visit"], State.LEFT)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("", URLENCODED),
        ("List-Unsubscribe", URLENCODED),
        ("List-Unsubscribe=", URLENCODED),
        ("List-Unsubscribe=one click", URLENCODED),
        ("list-unsubscribe=One-Click", URLENCODED),
        ("List-Unsubscribe=No&List-Unsubscribe=One-Click", URLENCODED),
        ("leave=everything", URLENCODED),
        ("leave=everything&nonce=made.up", URLENCODED),
        ("leave=&List-Unsubscribe=One-Click", URLENCODED),
        ("action=unsubscribe", URLENCODED),
        (ONE_CLICK, "text/plain"),
        (ONE_CLICK, ""),
        (ONE_CLICK, URLENCODED + "; charset=utf-16"),
        ('{"List-Unsubscribe": "One-Click"}', "application/json"),
        (ONE_CLICK, "multipart/form-data; boundary=2a1b"),
        (MULTIPART, "multipart/form-data"),
        (MULTIPART, "multipart/form-data; boundary=other"),
        (MULTIPART.replace(b"name=", b'filename="a.txt"; name='), "multipart/form-data; boundary=2a1b"),
        (MULTIPART.replace(b"One-Click", b"One-Clack"), "multipart/form-data; boundary=2a1b"),
        (b"List-Unsubscribe=\xff\xfe", URLENCODED),
        (b"List-Unsubscribe=%ff%fe", URLENCODED),
        (ONE_CLICK.encode("utf-16"), URLENCODED),
        ("&".join(f"a{n}=b" for n in range(500)) + "&" + ONE_CLICK, URLENCODED),
    ],
)
def test_anything_else_leaves_nothing(workspace: Workspace, client: httpx.Client, body: str | bytes, kind: str) -> None:
    """A 400 with a friendly page; nobody is unsubscribed by half a form."""
    answer = post(client, workspace.path(Purpose.UNSUBSCRIBE), body, kind)
    assert (answer.status_code, "<h1" in answer.text) == (400, True)
    assert workspace.untouched()


def test_the_form_of_one_page_does_not_leave_for_another(
    workspace: Workspace, client: httpx.Client, tmp_path: Path
) -> None:
    """A page's mark is bound to its own link."""
    path = workspace.path(Purpose.UNSUBSCRIBE)
    answering = nonce_in(client.get(workspace.path(Purpose.ANSWER, 0, days=30)))
    seen = len(workspace.evidence())
    assert client.post(path, data={"nonce": answering, "leave": "everything"}).status_code == 400
    assert client.post(path, data={"nonce": nonce_in(client.get(path)), "leave": "course"}).status_code == 400
    assert (len(workspace.evidence()), workspace.state()) == (seen + 1, State.ACTIVE)


def test_an_unsubscribe_link_works_for_ever_with_a_retired_key(workspace: Workspace) -> None:
    """Ten years later, three keys on."""
    path = workspace.path(Purpose.UNSUBSCRIBE)
    workspace.now = NOW + timedelta(days=3650)
    newer = [Ring.of([f"secret {year}"]).keys[0] for year in (2036, 2033, 2030)]
    workspace.ring = Ring((*newer, *workspace.ring.keys))
    with running(workspace.app()) as url:
        assert httpx.get(url + path).status_code == 200
        assert httpx.post(url + path, data={"List-Unsubscribe": "One-Click"}).status_code == 200
    assert workspace.state() is State.LEFT


def test_leaving_in_swedish(tmp_path: Path) -> None:
    """The mail's language, in the page, the outcome and the short text."""
    workspace = make_workspace(tmp_path, language="sv-FI", sender="Skolan")
    path = workspace.path(Purpose.UNSUBSCRIBE)
    with running(workspace.app()) as url, httpx.Client(base_url=url, headers={"User-Agent": CHROME}) as client:
        page = client.get(path)
        assert "Vill du sluta få mejl från <bdi>Skolan</bdi>?" in page.text
        assert '<html lang="sv-FI" dir="ltr">' in page.text
        left = client.post(path, data={"nonce": nonce_in(page), "leave": "everything"})
        assert "<bdi>Skolan</bdi> skickar inga fler mejl till <bdi>a•••@acme.example</bdi>." in left.text
        assert post(client, path, ONE_CLICK).text.startswith("Du har avslutat prenumerationen.")
