"""Pictures that mails show are served to anybody, kept for ever, and tell nothing about who looks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from web_workspace import Workspace, make_workspace

from drip.web.serve import running

NAME = "0123456789abcdef.png"
PICTURES = {NAME: ("image/png", b"\x89PNG\r\n\x1a\nall of it"), "fedcba9876543210.webp": ("image/webp", b"RIFF")}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return make_workspace(tmp_path)


@pytest.fixture
def asked() -> list[str]:
    return []


@pytest.fixture
def client(workspace: Workspace, asked: list[str]) -> Iterator[httpx.Client]:
    def find(name: str) -> tuple[str, bytes] | None:
        asked.append(name)
        return PICTURES.get(name)

    with running(workspace.app(media=find)) as url, httpx.Client(base_url=url) as client:
        yield client


def test_a_picture_is_served_to_be_kept(workspace: Workspace, client: httpx.Client) -> None:
    """Its bytes and type, for a year and longer, with nothing that a browser could run; nothing is recorded."""
    answer = client.get(f"/m/{NAME}")
    assert (answer.status_code, answer.content) == (200, PICTURES[NAME][1])
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "default-src 'none'"
    assert "set-cookie" not in answer.headers
    assert workspace.untouched()


def test_head_says_the_same_without_the_bytes(client: httpx.Client) -> None:
    """Mail proxies ask first."""
    answer = client.head(f"/m/{NAME}")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == str(len(PICTURES[NAME][1]))


@pytest.mark.parametrize("etag", [f'"{NAME}"', f'W/"{NAME}"', f'"x", "{NAME}"', "*"])
def test_a_browser_that_has_it_is_told_so(client: httpx.Client, etag: str) -> None:
    """304, without the bytes."""
    assert client.get(f"/m/{NAME}").headers["etag"] == f'"{NAME}"'
    answer = client.get(f"/m/{NAME}", headers={"If-None-Match": etag})
    assert (answer.status_code, answer.content) == (304, b"")
    assert client.get(f"/m/{NAME}", headers={"If-None-Match": '"other"'}).status_code == 200


@pytest.mark.parametrize(
    "name",
    [
        "drip.db",
        "..%2Fdrip.toml",
        "../drip.toml",
        "0123456789abcdef.svg",
        "0123456789abcdef.html",
        "0123456789ABCDEF.png",
        "0123456789abcdef.png%00",
        "0123456789abcdef.png%0a",
        "0123456789abcde.png",
        "x" * 5000,
        "",
    ],
)
def test_no_other_name_reaches_the_store(client: httpx.Client, asked: list[str], name: str) -> None:
    """A calm 404 for whatever is no name of ours."""
    assert client.get(f"/m/{name}").status_code == 404
    assert asked == []


def test_a_picture_that_is_gone_is_not_kept_as_missing(client: httpx.Client, asked: list[str]) -> None:
    """404, and no browser remembers it."""
    answer = client.get("/m/aaaaaaaaaaaaaaaa.png")
    assert (answer.status_code, answer.headers["cache-control"]) == (404, "no-store")
    assert asked == ["aaaaaaaaaaaaaaaa.png"]


def test_nothing_is_written_through_it(client: httpx.Client) -> None:
    """Only GET and HEAD."""
    for method in ("POST", "PUT", "DELETE"):
        assert client.request(method, f"/m/{NAME}").status_code == 405


def test_without_pictures_there_are_none(workspace: Workspace) -> None:
    """The default finds nothing."""
    with running(workspace.app()) as url:
        assert httpx.get(f"{url}/m/{NAME}").status_code == 404
