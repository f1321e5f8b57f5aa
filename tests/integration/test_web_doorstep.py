"""What strangers can do to a connection before anybody knows what they want: slow, huge, broken, smuggled."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from web_workspace import Workspace, make_workspace

from drip.track.token import Purpose
from drip.web import doorstep, forms
from drip.web.serve import running

FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"
LEAVES = b"List-Unsubscribe=One-Click"
CHUNKED = b"1a\r\n" + LEAVES + b"\r\n0\r\n\r\n"
#: name → (headers of the POST, its body); `\r\n` ends each header.
MALFORMED = {
    "two ways to say how long": (FORM + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", CHUNKED),
    "the other way round": (FORM + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", CHUNKED),
    "two lengths": (FORM + b"Content-Length: 26\r\nContent-Length: 4\r\n", LEAVES),
    "two lengths in one": (FORM + b"Content-Length: 26, 26\r\n", LEAVES),
    "a length below nothing": (FORM + b"Content-Length: -1\r\n", LEAVES),
    "a length with a sign": (FORM + b"Content-Length: +26\r\n", LEAVES),
    "a length in hex": (FORM + b"Content-Length: 0x1a\r\n", LEAVES),
    "a length beyond all numbers": (FORM + b"Content-Length: 99999999999999999999999\r\n", LEAVES),
    "an unknown coding": (FORM + b"Transfer-Encoding: xchunked\r\n", CHUNKED),
    "a coding twice": (FORM + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", CHUNKED),
    "a space before the colon": (FORM + b"Transfer-Encoding : chunked\r\n", CHUNKED),
    "a folded header": (FORM + b"Transfer-Encoding:\r\n chunked\r\n", CHUNKED),
    "a chunk without a size": (FORM + b"Transfer-Encoding: chunked\r\n", b"zz\r\n" + LEAVES + b"\r\n0\r\n\r\n"),
    "a chunk beyond all numbers": (FORM + b"Transfer-Encoding: chunked\r\n", b"f" * 20 + b"\r\n" + LEAVES),
    "a chunk of less than it says": (FORM + b"Transfer-Encoding: chunked\r\n", b"4\r\n" + LEAVES + b"\r\n0\r\n\r\n"),
    "a NUL in a header": (FORM + b"User-Agent: a\0b\r\nContent-Length: 26\r\n", LEAVES),
    "a line break in a header": (FORM + b"User-Agent: a\rb\r\nContent-Length: 26\r\n", LEAVES),
    "no name before the colon": (FORM + b": a\r\nContent-Length: 26\r\n", LEAVES),
}

#: Paths that would read our files, or lead to somebody else's host, if anybody let them.
ELSEWHERE = [
    "/m/../../../etc/passwd",
    "/m/..%2f..%2fdrip.toml",
    "/m/%2e%2e/drip.toml",
    "/m/%00.png",
    "/u/%00",
    "/u/%ff%fe",
    "/m/0123456789abcdef.png%00.html",
    "/m/0123456789abcdef.png/..",
    "//evil.example/u/a",
    "/\\evil.example",
    "/u/..%5c..%5cdrip.toml",
    "/a/{{7*7}}",
    "/a/%0d%0aLocation:%20https:%2f%2fevil.example",
    "/.env",
    "/drip.toml",
    "/static/../drip.toml",
    "/pages/base.html",
    "/templates/web/base.html",
    "/docs",
    "/redoc",
    "/openapi.json",
]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return make_workspace(tmp_path)


@pytest.fixture
def url(workspace: Workspace) -> Iterator[str]:
    with running(workspace.app()) as url:
        yield url


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that is waited for is waited for a moment only."""
    for name in ("HEAD_SECONDS", "REQUEST_SECONDS", "UNREAD_SECONDS"):
        monkeypatch.setattr(doorstep, name, 0.3)
    monkeypatch.setattr(doorstep, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(forms, "PATIENCE_SECONDS", 60.0)


def connected(url: str) -> socket.socket:
    place = urlsplit(url)
    assert place.hostname
    return socket.create_connection((place.hostname, place.port or 0), timeout=30)


def answers(url: str, raw: bytes) -> bytes:
    """Everything that comes back on a connection, until the other side ends it or falls silent for two seconds."""
    said = b""
    with connected(url) as line, suppress(ConnectionError, TimeoutError):
        line.sendall(raw)
        line.settimeout(2)
        while piece := line.recv(65536):
            said += piece
    return said


def is_cut(line: socket.socket) -> bool:
    """Whether the other side ends it, sooner or later."""
    with suppress(ConnectionError):
        while line.recv(65536):
            pass
    return True


@pytest.mark.parametrize("name", list(MALFORMED))
def test_what_two_might_read_in_two_ways_is_refused(workspace: Workspace, url: str, name: str) -> None:
    """Lengths and codings that contradict each other: one 400, the end of the connection, nobody has left.

    A request hidden behind it is not looked at.
    """
    headers, body = MALFORMED[name]
    line = f"POST {workspace.path(Purpose.UNSUBSCRIBE)} HTTP/1.1\r\nHost: x\r\n".encode()
    hidden = f"GET {workspace.path(Purpose.OPEN)} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    said = answers(url, line + headers + b"\r\n" + body + hidden)
    assert re.findall(rb"HTTP/1\.1 (\d+)", said)[:1] in ([b"400"], [b"413"])
    assert said.count(b"HTTP/1.1 ") == 1
    assert b"nosniff" in said
    assert b"no-store" in said
    assert workspace.untouched()


def test_requests_in_one_breath_are_answered_in_their_order(workspace: Workspace, url: str) -> None:
    """Pipelining is no smuggling: each stands for itself, and the first that says it is the last is the last."""
    paths = ["/healthz", "/a/cut-short", "/healthz"]
    raw = b"".join(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode() for path in paths)
    last = f"GET {workspace.path(Purpose.OPEN)} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
    said = answers(url, raw + last + last)
    assert re.findall(rb"HTTP/1\.1 (\d+)", said) == [b"200", b"404", b"200", b"200"]
    assert workspace.kinds() == ["open"]


@pytest.mark.parametrize("first", [b"", b"G", b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: "])
def test_a_head_that_does_not_come_is_not_waited_for(url: str, impatient: None, first: bytes) -> None:
    """Silence, one byte, a header that drips: cut, while others are answered."""
    with connected(url) as line:
        with suppress(ConnectionError):
            line.sendall(first)
            for _ in range(3):
                assert httpx.get(url + "/healthz").status_code == 200
                line.sendall(b"a" if first else b"")
        assert is_cut(line)


def test_a_body_that_drips_is_not_waited_for(workspace: Workspace, url: str, impatient: None) -> None:
    """On a page that reads it, and behind an answer that has come long ago."""
    for method, path in (("POST", workspace.path(Purpose.UNSUBSCRIBE)), ("GET", "/healthz")):
        with connected(url) as line:
            line.sendall(f"{method} {path} HTTP/1.1\r\nHost: x\r\n".encode() + FORM + b"Content-Length: 26\r\n\r\nList")
            assert httpx.get(url + "/healthz").status_code == 200
            assert is_cut(line)
    assert workspace.untouched()


def test_an_answer_that_nobody_reads_is_given_up(workspace: Workspace, impatient: None) -> None:
    """A large picture asked for and left unread: cut, and so is everything that was held for it."""
    picture = ("image/png", b"\0" * 20_000_000)
    name = "0123456789abcdef.png"
    with running(workspace.app(media=lambda _name: picture)) as url, connected(url) as line:
        line.sendall(f"GET /m/{name} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert line.recv(10).startswith(b"HTTP/1.1")
        while True:  # what the kernels hold between us is ours; the rest never comes
            assert httpx.get(url + "/healthz").status_code == 200
            line.setblocking(False)
            try:
                line.send(b"G")
            except (BrokenPipeError, ConnectionResetError):
                break
            except BlockingIOError:
                pass


def test_slow_readers_still_get_their_picture(workspace: Workspace, impatient: None) -> None:
    """Whoever takes a little now and then is not cut."""
    picture = ("image/png", b"\0" * 8_000_000)
    with running(workspace.app(media=lambda _name: picture)) as url, connected(url) as line:
        line.sendall(b"GET /m/0123456789abcdef.png HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        read = 0
        while piece := line.recv(200_000):
            read += len(piece)
        assert read > 8_000_000


@pytest.mark.parametrize(
    "raw",
    [
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X%d: a\r\n" % n for n in range(20_000)) + b"\r\n",
        b"GET /u/" + b"a" * 60_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /u/" + b"a" * 100_000,
    ],
    ids=["a long header", "many headers", "a long address", "an address without an end"],
)
def test_a_huge_head_is_refused(url: str, raw: bytes) -> None:
    """Nothing of ours needs more than 32 KB."""
    said = answers(url, raw)
    assert said == b"" or said.startswith(b"HTTP/1.1 400 ")


def test_heads_without_an_end_hold_no_memory(url: str) -> None:
    """A hundred connections that would send 2 MB of headers each: what is kept of all is a few MB."""

    def resident() -> int:
        return int(re.findall(r"VmRSS:\s+(\d+)", Path("/proc/self/status").read_text())[0]) * 1024

    before = resident()
    with ExitStack() as held:
        for _ in range(100):
            line = held.enter_context(connected(url))
            with suppress(ConnectionError):
                line.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: ")
                for _ in range(32):
                    line.sendall(b"a" * 65_536)
        assert httpx.get(url + "/healthz").status_code == 200
        assert resident() - before < 60_000_000


@pytest.mark.parametrize("path", ELSEWHERE)
def test_no_path_leads_out_of_the_house(workspace: Workspace, url: str, path: str) -> None:
    """No file, no place elsewhere, no trace of the path on the page: a 404."""
    said = answers(url, b"GET " + path.encode() + b" HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n")
    head, _, page = said.partition(b"\r\n\r\n")
    assert head.startswith((b"HTTP/1.1 404 ", b"HTTP/1.1 400 "))
    assert b"location:" not in head.lower()
    for told in (b"evil", b"passwd", b"secret", b"49", b"drip.toml"):
        assert told not in page.partition(b"</style>")[2]
    assert workspace.untouched()


def test_the_host_header_shapes_nothing(workspace: Workspace, url: str) -> None:
    """A redirect and a page are the same under any name, or none, and forwarded ones are not looked at."""
    shown = set()
    for host in (
        b"Host: learn.acme.example",
        b"Host: evil.example",
        b"Host: evil.example\r\nX-Forwarded-Host: evil.example",
    ):
        raw = f"GET {workspace.path(Purpose.CLICK, 1)} HTTP/1.1\r\n".encode() + host + b"\r\nConnection: close\r\n\r\n"
        said = answers(url, raw)
        assert b"evil" not in said
        shown.add(re.findall(rb"location: (\S+)", said)[0])
        page = answers(url, raw.replace(b"/c/", b"/a/"))
        assert b"evil" not in page
    assert shown == {b"https://help.acme.example/start"}


def test_an_upgrade_is_no_way_in(workspace: Workspace, url: str) -> None:
    """WebSocket, HTTP/2 and CONNECT: an ordinary answer, or none."""
    path = workspace.path(Purpose.UNSUBSCRIBE)
    for upgrade in ("websocket", "h2c"):
        raw = f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: {upgrade}\r\n\r\n".encode()
        assert answers(url, raw).startswith(b"HTTP/1.1 200 ")
    assert answers(url, b"CONNECT evil.example:443 HTTP/1.1\r\nHost: x\r\n\r\n").startswith(b"HTTP/1.1 400 ")
    assert answers(url, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").startswith(b"HTTP/1.1 400 ")
