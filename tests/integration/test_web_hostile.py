"""What a hostile learner, author, browser or stranger can do to the web side: nothing."""

from __future__ import annotations

import http.client
import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from web_workspace import CHROME, Workspace, make_workspace

from drip.errors import SettingsError
from drip.people import State
from drip.plan.model import Option, Question
from drip.track.token import Purpose
from drip.web import forms
from drip.web.serve import running

SCRIPT = "</title></style><script>alert('x')</script><img src=x onerror=\"alert(1)\">{{ 7*7 }}{% raw %}{sender}"


@pytest.fixture
def workspace(tmp_path: Path, each_database: str) -> Workspace:
    return make_workspace(tmp_path)


@pytest.fixture
def url(workspace: Workspace) -> Iterator[str]:
    with running(workspace.app()) as url:
        yield url


def test_whatever_people_wrote_is_text(tmp_path: Path) -> None:
    """Scripts, markup, Jinja and format fields in names, titles and questions come out as they were written."""
    question = Question(
        id="welcome",
        ask=f"Ask {SCRIPT}",
        options=(
            Option(text=f"Right {SCRIPT}", correct=True, because=f"Since {SCRIPT}"),
            Option(text=f"Wrong {SCRIPT}", because=f"Although {SCRIPT}"),
        ),
    )
    workspace = make_workspace(
        tmp_path,
        question=question,
        title=f"Title {SCRIPT}",
        sender=f"Sender {SCRIPT}",
        email="<b>@acme.example",
        first_name=SCRIPT,
        ref=SCRIPT,
        state=State.FINISHED,
        next_at=None,
    )
    answer, leave = workspace.path(Purpose.ANSWER, 1, days=30), workspace.path(Purpose.UNSUBSCRIBE)
    with running(workspace.app(brand="")) as url, httpx.Client(base_url=url) as client:
        pages = [client.get(answer), client.get(leave)]
        nonces = [page.text.partition('name="nonce" value="')[2].partition('"')[0] for page in pages]
        pages.append(client.post(answer, data={"nonce": nonces[0], "sure": "certain"}))
        pages.append(client.post(leave, data={"nonce": nonces[1], "leave": "everything"}))
        click = client.get(workspace.path(Purpose.CLICK, 0))
    for page in pages:
        assert page.status_code == 200
        assert "<script" not in page.text
        assert "<img" not in page.text
        assert "<b>" not in page.text
        assert page.text.count("</style>") == 1
        assert page.text.count("</title>") == 1
        assert SCRIPT in unescape(page.text)
        assert "49" not in re.sub('name="nonce" value="[^"]+"', "", page.text.partition("</style>")[2])
    location = click.headers["location"]
    assert urlsplit(location).netloc == "app.acme.example"
    assert not set(location) & set("<>\"'{} ")


def test_no_value_breaks_out_of_a_location(tmp_path: Path) -> None:
    """Line breaks and slashes in a learner's fields are quoted where they stand."""
    workspace = make_workspace(tmp_path, ref="a\r\nSet-Cookie: x=1\r\n\r\n<script>@evil.example//#?")
    with running(workspace.app()) as url:
        answer = httpx.get(url + workspace.path(Purpose.CLICK, 0))
    assert answer.headers["location"] == (
        "https://app.acme.example/views?u=a%0D%0ASet-Cookie%3A%20x%3D1%0D%0A%0D%0A%3Cscript%3E%40evil.example%2F%2F%23%3F"
        "&from=mail"
    )
    assert "set-cookie" not in answer.headers
    assert answer.text == ""


def test_a_link_that_can_no_longer_be_filled_is_a_page(tmp_path: Path) -> None:
    """A field that the learner has lost since, or a host from a field: a 404, not a way elsewhere."""
    workspace = make_workspace(
        tmp_path, links=["https://a.example/{{ learner.gone }}", "https://{{ learner.ref }}.example"]
    )
    with running(workspace.app()) as url:
        for link in (0, 1):
            answer = httpx.get(url + workspace.path(Purpose.CLICK, link))
            assert (answer.status_code, "location" in answer.headers) == (404, False)
    assert workspace.kinds() == ["click", "click"], "kept raw, as every click is"
    assert workspace.state() is State.ACTIVE


def test_a_long_or_strange_user_agent_is_kept_short(workspace: Workspace, url: str) -> None:
    """It is kept as text of at most 300 characters, and no other header is."""
    agent = "<script>å" + "A" * 5000
    headers = {"User-Agent": agent.encode("latin-1"), "X-Forwarded-For": "203.0.113.7", "Cookie": "a=b"}
    assert httpx.get(url + workspace.path(Purpose.OPEN), headers=headers).status_code == 200  # type: ignore[arg-type]
    (row,) = workspace.evidence()
    assert row.user_agent == agent[:300]
    assert "203.0.113.7" not in str(row)
    assert "127.0.0.1" not in str(row)


@pytest.mark.parametrize("purpose", [Purpose.ANSWER, Purpose.UNSUBSCRIBE])
def test_a_huge_body_is_refused_before_it_is_read(workspace: Workspace, url: str, purpose: Purpose) -> None:
    """By its announced length without a byte of it, and without one as soon as it passes the cap."""
    place = urlsplit(url)
    path = workspace.path(purpose)
    announced = http.client.HTTPConnection(place.netloc, timeout=20)
    announced.putrequest("POST", path)
    announced.putheader("Content-Type", "application/x-www-form-urlencoded")
    announced.putheader("Content-Length", str(10**9))
    announced.endheaders()
    assert announced.getresponse().status == 413
    announced.close()

    def endless() -> Iterator[bytes]:
        for _ in range(forms.LONGEST_BYTES // 1024 + 1):
            yield b"a" * 1024

    chunked = httpx.post(url + path, content=endless(), headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert chunked.status_code == 413
    assert workspace.untouched()


def test_a_body_that_stops_halfway_is_given_up(workspace: Workspace, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It gets a 408 after the patience is over, or nothing where the other side is gone; the server goes on."""
    monkeypatch.setattr(forms, "PATIENCE_SECONDS", 0.2)
    place, path = urlsplit(url), workspace.path(Purpose.UNSUBSCRIBE)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        "Content-Length: 26\r\n\r\nList-Unsub"
    ).encode()
    assert place.hostname
    with socket.create_connection((place.hostname, place.port or 0), timeout=20) as slow:
        slow.sendall(head)
        assert slow.recv(64).startswith(b"HTTP/1.1 408")
    with socket.create_connection((place.hostname, place.port or 0), timeout=20) as gone:
        gone.sendall(head)
    assert httpx.get(url + "/healthz").status_code == 200
    assert workspace.untouched()


@pytest.mark.parametrize("encoding", ["gzip", "br", "x-unknown"])
def test_a_packed_body_is_refused(workspace: Workspace, url: str, encoding: str) -> None:
    """Nothing is unpacked for a stranger."""
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Content-Encoding": encoding}
    answer = httpx.post(
        url + workspace.path(Purpose.UNSUBSCRIBE), content=b"List-Unsubscribe=One-Click", headers=headers
    )
    assert answer.status_code == 400
    assert workspace.untouched()


def test_many_at_once_lose_nothing(workspace: Workspace, url: str) -> None:
    """Sixty opens, clicks and visits at the same time, over one SQLite file: each is answered and recorded."""
    paths = [workspace.path(Purpose.OPEN), workspace.path(Purpose.CLICK), workspace.path(Purpose.ANSWER, 1, days=30)]
    with (
        httpx.Client(base_url=url, headers={"User-Agent": CHROME}, timeout=60) as client,
        ThreadPoolExecutor(20) as pool,
    ):
        statuses = list(pool.map(lambda path: client.get(path).status_code, paths * 20))
    assert sorted(statuses) == [200] * 40 + [302] * 20
    assert sorted(workspace.kinds()) == ["click"] * 20 + ["open"] * 20 + ["visit"] * 20


def test_the_same_form_sent_by_many_at_once_is_one_answer(workspace: Workspace, url: str) -> None:
    """A race of replays writes one row, and every one of them gets the verdict."""
    path = url + workspace.path(Purpose.ANSWER, 0, days=30)
    nonce = httpx.get(path).text.partition('name="nonce" value="')[2].partition('"')[0]
    with ThreadPoolExecutor(10) as pool:
        pages = list(
            pool.map(lambda _: httpx.post(path, data={"nonce": nonce, "sure": "fairly"}, timeout=60), range(10))
        )
    assert {page.status_code for page in pages} == {200}
    assert all("That’s right" in page.text for page in pages)
    assert workspace.kinds().count("answer") == 1


def test_an_unforeseen_error_is_a_calm_page(tmp_path: Path) -> None:
    """A broken page of the workspace's own tells the learner nothing of the machine."""
    own = tmp_path / "web"
    own.mkdir()
    (own / "leave.html").write_text("{{ nothing.such }}", "utf-8")
    workspace = make_workspace(tmp_path)
    with running(workspace.app(templates_dir=own)) as url:
        answer = httpx.get(url + workspace.path(Purpose.UNSUBSCRIBE))
    assert (answer.status_code, "This does not work just now" in answer.text) == (500, True)
    assert "Traceback" not in answer.text
    assert "nothing" not in answer.text


def test_a_brand_may_bring_its_own_pages(tmp_path: Path) -> None:
    """Templates of the workspace come before ours, one by one; the frame and the rest stay."""
    own = tmp_path / "web"
    own.mkdir()
    (own / "left.html").write_text(
        '{% extends "base.html" %}{% block main %}<h1>Farewell from {{ brand }}</h1>{% endblock %}', "utf-8"
    )
    workspace = make_workspace(tmp_path, state=State.LEFT, next_at=None)
    workspace.recorder.left(workspace.delivery, _press(workspace))
    with running(workspace.app(templates_dir=own, brand="Tom & Jerry", accent="#05a")) as url:
        page = httpx.get(url + workspace.path(Purpose.UNSUBSCRIBE)).text
        other = httpx.get(url + workspace.path(Purpose.ANSWER, 0, days=30)).text
    assert "<h1>Farewell from Tom &amp; Jerry</h1>" in page
    assert "#0055AA" in page
    assert "How sure are you?" in other


def test_an_accent_that_is_no_colour_is_refused(workspace: Workspace) -> None:
    """It would stand inside the style of every page."""
    with pytest.raises(SettingsError):
        workspace.app(accent="red; } body { display: none")


def _press(workspace: Workspace) -> object:
    from drip.engine.record import Visit

    return Visit(at=workspace.now, source_id="a press", method="POST", user_agent="")
