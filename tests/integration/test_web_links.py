"""Every endpoint and method, with every kind of token: what comes back, and what was written down."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from web_workspace import CHROME, LINKS, NOW, Workspace, make_workspace, path_of

from drip.people import State, summarise
from drip.track.token import Purpose, Ring, sign
from drip.web.serve import running

#: Those of every mail from the beginning; test_web_forged.py walks over all.
PURPOSES = (Purpose.OPEN, Purpose.CLICK, Purpose.ANSWER, Purpose.UNSUBSCRIBE)
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return make_workspace(tmp_path)


@pytest.fixture
def client(workspace: Workspace) -> Iterator[httpx.Client]:
    with running(workspace.app()) as url, httpx.Client(base_url=url, headers={"User-Agent": CHROME}) as client:
        yield client


def bad_tokens(workspace: Workspace, purpose: Purpose) -> dict[str, tuple[str, int]]:
    """What is wrong with it → (token, the status that it deserves)."""
    good = workspace.token(purpose)
    stranger = Ring.of(["a secret of somebody else"])
    swapped = {other.name: (workspace.token(other), 404) for other in PURPOSES if other is not purpose}
    flipped = good[:-1] + ("A" if good[-1] != "A" else "B")
    return {
        **{f"for {name}": case for name, case in swapped.items()},
        "forged": (sign(stranger, purpose, workspace.delivery), 404),
        "altered at its end": (flipped, 404),
        "altered at its start": (("B" if good[0] == "A" else "A") + good[1:], 404),
        "truncated": (good[:-4], 404),
        "lengthened": (good + "AAAA", 404),
        "padded": (good + "==", 404),
        "expired": (sign(workspace.ring, purpose, workspace.delivery, expires_at=NOW - timedelta(days=2)), 410),
        "a word": ("unsubscribe", 404),
        "huge": ("A" * 5000, 404),
        "not ASCII": ("åäö%00%ff", 404),
    }


@pytest.mark.parametrize("purpose", PURPOSES)
def test_bad_tokens_get_a_4xx_on_every_method_and_write_nothing(
    workspace: Workspace, client: httpx.Client, purpose: Purpose
) -> None:
    """Forged, altered, swapped, truncated or expired: the same answer everywhere, no Location, no row."""
    for what, (token, status) in bad_tokens(workspace, purpose).items():
        for method in METHODS:
            answer = client.request(method, path_of(purpose, token), data={"List-Unsubscribe": "One-Click"})
            takes = method in ("GET", "HEAD") or (method == "POST" and purpose in (Purpose.ANSWER, Purpose.UNSUBSCRIBE))
            assert answer.status_code == (status if takes else 405), (what, method)
            assert "location" not in answer.headers, (what, method)
            no_page = method == "HEAD" or (takes and purpose is Purpose.OPEN)  # nobody reads one in place of a picture
            assert no_page or "<h1" in answer.text, (what, method)
    assert workspace.untouched()


def test_a_bad_token_asks_the_database_nothing(workspace: Workspace, client: httpx.Client) -> None:
    """It is refused though the database is gone, while a good one says that we are in trouble."""
    bad, good = path_of(Purpose.CLICK, "x" * 40), workspace.path(Purpose.CLICK)
    workspace.store.close()
    assert workspace.store.file is not None
    for file in workspace.store.file.parent.glob("drip.db*"):
        file.unlink()
    assert client.get(bad).status_code == 404
    trouble = client.get(good)
    assert (trouble.status_code, trouble.headers["retry-after"]) == (503, "60")
    assert "drip.db" not in trouble.text


def test_the_pixel_is_a_gif_and_an_open(workspace: Workspace, client: httpx.Client) -> None:
    """43 bytes that nobody may keep; a HEAD is an open too, marked as one."""
    path = workspace.path(Purpose.OPEN)
    got, head = client.get(path), client.head(path)
    assert (got.status_code, got.headers["content-type"], len(got.content)) == (200, "image/gif", 43)
    assert got.content.startswith(b"GIF89a")
    assert got.headers["cache-control"] == "no-store"
    assert (head.status_code, head.content) == (200, b"")
    rows = workspace.evidence()
    assert [(row.kind, row.method, row.user_agent) for row in rows] == [
        ("open", "GET", CHROME),
        ("open", "HEAD", CHROME),
    ]
    assert {row.delivery_id for row in rows} == {workspace.delivery}
    assert len({row.source_id for row in rows}) == 2


def test_a_click_leads_where_the_plan_says(workspace: Workspace, client: httpx.Client) -> None:
    """The learner's values are filled in; it is recorded with the link's number."""
    got = client.get(workspace.path(Purpose.CLICK, 0))
    assert (got.status_code, got.headers["location"]) == (302, "https://app.acme.example/views?u=an-1&from=mail")
    assert (got.headers["cache-control"], got.headers["referrer-policy"]) == ("no-store", "no-referrer")
    assert client.head(workspace.path(Purpose.CLICK, 1)).headers["location"] == LINKS[1]
    assert [(row.kind, row.item, row.method) for row in workspace.evidence()] == [
        ("click", "0", "GET"),
        ("click", "1", "HEAD"),
    ]


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "gopher", "Forwarded": "host=evil.example"},
        {"Referer": "https://evil.example/", "Origin": "https://evil.example"},
        {"X-Original-URL": "/c/evil", "X-Rewrite-URL": "https://evil.example"},
    ],
)
def test_nothing_in_a_request_shapes_where_a_click_leads(
    workspace: Workspace, client: httpx.Client, headers: dict[str, str]
) -> None:
    """Neither headers nor a query nor a slash too many."""
    path = workspace.path(Purpose.CLICK, 1)
    query = "?url=https://evil.example&next=//evil.example&u=https://evil.example"
    assert client.get(path + query, headers=headers).headers["location"] == LINKS[1]
    for other in (path + "/", "/" + path, path + "//evil.example", "/c/", "/c", "//evil.example/..", "/a/x/"):
        answer = client.get(other, headers=headers)
        assert answer.status_code == 404, other
        assert "location" not in answer.headers, other


def test_a_token_of_a_mail_that_is_gone_is_a_404(workspace: Workspace, client: httpx.Client) -> None:
    """Of an erased learner, or of a link or an option that the mail never had: a page (or a pixel), no row."""
    for purpose in PURPOSES:
        answer = client.get(workspace.path(purpose, delivery=987_654_321_098))
        if purpose is Purpose.OPEN:  # an old mail shows no broken picture, whosever it was
            assert (answer.status_code, answer.headers["content-type"]) == (200, "image/gif")
        else:
            assert (answer.status_code, "<h1" in answer.text) == (404, True), purpose
    for purpose in (Purpose.CLICK, Purpose.ANSWER):
        assert client.get(workspace.path(purpose, 25)).status_code == 404
    assert workspace.untouched()


def test_links_of_a_test_message_do_nothing(workspace: Workspace, client: httpx.Client) -> None:
    """A friendly page, also where a form or a mail provider posts; the pixel is still a picture."""
    pixel = client.get(workspace.path(Purpose.OPEN, delivery=0))
    assert (pixel.status_code, pixel.headers["content-type"]) == (200, "image/gif")
    click = client.get(workspace.path(Purpose.CLICK, delivery=0))
    assert (click.status_code, "location" in click.headers) == (404, False)
    for purpose in (Purpose.ANSWER, Purpose.UNSUBSCRIBE):
        path = workspace.path(purpose, delivery=0)
        for answer in (client.get(path), client.post(path, data={"List-Unsubscribe": "One-Click"})):
            assert answer.status_code == 200
            assert "This is a test message" in answer.text
            assert "<form" not in answer.text
    assert workspace.untouched()


def test_following_every_link_changes_neither_answers_nor_state(workspace: Workspace, client: httpx.Client) -> None:
    """A scanner that gets every address, thrice, and every address in the pages that it gets, leaves evidence only."""
    paths = [workspace.path(Purpose.OPEN), workspace.path(Purpose.UNSUBSCRIBE)]
    paths += [workspace.path(Purpose.CLICK, link) for link in range(len(LINKS))]
    paths += [workspace.path(Purpose.ANSWER, option, days=30) for option in range(3)]
    for path in paths * 3:
        page = client.get(path)
        for found in re.findall(r'(?:href|src|action)="(/[^"]*)"', page.text):
            client.get(found)
        # and what a form of the page would have sent, as a query
        nonce = re.search(r'name="nonce" value="([^"]+)"', page.text)
        if nonce:
            client.get(path, params={"nonce": nonce[1], "sure": "certain", "leave": "everything"})
    kinds = workspace.kinds()
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {"open": 3, "click": 6, "visit": 24}
    assert (workspace.state(), workspace.suppressions()) == (State.ACTIVE, 0)
    facts = summarise({"welcome": (workspace.delivery, NOW - timedelta(hours=1))}, workspace.evidence())
    assert (facts.answers, facts.clicked) == ({}, {})  # so many different links at once: a machine


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_other_methods_are_refused(workspace: Workspace, client: httpx.Client, method: str) -> None:
    """405 with what is allowed, and nothing recorded."""
    for purpose in PURPOSES:
        if method == "POST" and purpose in (Purpose.ANSWER, Purpose.UNSUBSCRIBE):
            continue
        answer = client.request(method, workspace.path(purpose))
        assert (answer.status_code, "GET" in answer.headers["allow"]) == (405, True)
    assert workspace.untouched()


def test_every_page_is_private_and_can_run_no_script(workspace: Workspace, client: httpx.Client) -> None:
    """Good, refused, missing and test pages alike: not kept, not framed, no script, no referrer, no cookie."""
    answer, leave = workspace.path(Purpose.ANSWER), workspace.path(Purpose.UNSUBSCRIBE)
    bad = path_of(Purpose.ANSWER, "x" * 40)
    responses = [client.get(path) for path in (answer, leave, bad, "/", workspace.path(Purpose.ANSWER, delivery=0))]
    responses += [client.post(path, data={"x": "y"}) for path in (answer, leave, bad)]
    responses += [client.delete(answer), client.get(answer + "/")]
    for response in responses:
        headers = response.headers
        policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
        assert policy["default-src"] == "'none'"
        assert policy["frame-ancestors"] == "'none'"
        assert policy["base-uri"] == "'none'"
        assert policy["form-action"] == "'self'"
        assert "script-src" not in policy
        assert policy["style-src"].startswith("'nonce-")
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-frame-options"] == "DENY"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"
        assert "set-cookie" not in headers
        assert "server" not in headers
        assert "<script" not in response.text
        assert " style=" not in response.text


def test_healthz_answers_for_the_process(client: httpx.Client) -> None:
    """A load balancer sees that the process lives; there is no other door, such as API docs."""
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.head("/healthz").status_code == 200
    for path in ("/", "/docs", "/redoc", "/openapi.json", "/pages/page.css", "/favicon.ico"):
        assert client.get(path).status_code == 404


def test_a_page_of_no_mail_speaks_the_browsers_language(workspace: Workspace, client: httpx.Client) -> None:
    """What the browser prefers of the languages that we speak; else the workspace's."""
    path = path_of(Purpose.ANSWER, "x" * 40)
    asked = {
        "sv-SE,sv;q=0.9,en;q=0.8": "sv-SE",
        "fi, sv;q=0.4, en;q=0.5": "en",
        "sv;q=0": "en",
        "": "en",
        ";;q=x,": "en",
    }
    for accept, language in asked.items():
        page = client.get(path, headers={"Accept-Language": accept}).text
        assert f'<html lang="{language}" dir="ltr">' in page, accept
        assert ("Länken fungerar inte" in page) == language.startswith("sv")
