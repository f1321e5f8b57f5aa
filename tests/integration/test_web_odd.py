"""Requests that no browser of a person sends: whatever stands in them, they are answered, and never by a 5xx."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from states import form_of
from ways import FORMS, WAYS, House, Way, kept_house, name_of, on_each_database

from drip.track.network import Network
from drip.web.serve import running

LONG = "x" * 8_000
HEADERS = {
    "Accept-Language": (
        ";q=nan",
        ";;q=,,;",
        "sv;q=inf,en;q=-1",
        "*;q=1e999",
        "x-" * 500,
        "sv" * 9_000,
        "\u00e5;q=\u00bd",
    ),
    "X-Forwarded-For": (
        "127.0.0.1, evil",
        ", , ,",
        "::1%eth0",
        "999.1.1.1",
        "[::ffff:1.2.3.4]:80",
        "1" * 500,
        "unknown",
    ),
    "User-Agent": ("", "\x80\xff", LONG, "Mozilla/5.0\t(x)", "{{7*7}}"),
    "If-None-Match": ("*", '"', "W/" * 1_000, LONG),
    "Cookie": (LONG, "=;=;", "a=b; a=b"),
    "Sec-Fetch-Site": ("", "cross-site, same-origin", "CROSS-SITE", LONG),
    "Range": ("bytes=0-0,1-1,2-2", "bytes=-1", "bytes=9999999999999-"),
    "Expect": ("100-continue", "nothing"),
    "Accept": ("text/html;q=x", ",", LONG),
    "Forwarded": ("for=evil;host=evil;proto=javascript",),
}
QUERIES = ("?", "?&&&", "?a", "?=", "?%", "?%zz=%zz", "?%00=%00", "?" + "a=b&" * 2_000, "?nonce=x&do=leave", "#x", ";x")
VALUES = (
    "",
    "\0",
    "-1",
    "0",
    "64",
    "99",
    "999",
    "-999",
    "1e9",
    "\u0661",
    " 1 ",
    "1\n",
    "9" * 18,
    "9" * 30,
    "None",
    "[]",
    LONG,
)
DATES = ("0000-00-00", "9999-12-31", "2026-02-30", "1000-01-01", "2026-11-24T00:00", "24.11.2026")
NAMED = {
    "zone": ("../../etc/passwd", "/etc/passwd", "Europe", "UTC\0", "posix/UTC"),
    "at": ("25:00", "24:00", "07:60", "7"),
}


@pytest.fixture(scope="module")
def house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    yield from kept_house(request, tmp_path_factory.mktemp("odd"))


@pytest.fixture(scope="module")
def client(house: House) -> Iterator[httpx.Client]:
    from ipaddress import ip_network

    proxies: list[Network] = [ip_network("127.0.0.0/8")]
    with running(house.app(proxies=proxies)) as url, httpx.Client(base_url=url, timeout=60) as client:
        yield client


@pytest.mark.parametrize("way", WAYS, ids=name_of)
def test_odd_headers_and_queries_are_answered(client: httpx.Client, house: House, way: Way) -> None:
    """Whatever they say, a good link does what it does; at worst the request is refused."""
    for name, said in HEADERS.items():
        for value in said:
            answer = client.get(way.path(house), headers={name: value.encode("latin-1", "replace")})  # type: ignore[dict-item]
            assert answer.status_code in (way.status, 304, 400), (name, value[:40])
    for query in QUERIES:
        answer = client.get(way.path(house) + query)
        assert answer.status_code in (way.status, 404), query[:40]


@on_each_database
@pytest.mark.parametrize("way", FORMS, ids=name_of)
def test_odd_values_in_a_good_form_are_answered(client: httpx.Client, house: House, way: Way) -> None:
    """Every field of every form, with the page's own mark: a page that says so, or a 4xx."""
    for number, press in enumerate(way.presses):
        for name in press:
            if name in ("undo", "leave"):
                continue
            for value in (*VALUES, *DATES, *NAMED.get(name, ())):
                form = {**form_of(client, house, way, number), name: value}
                assert client.post(way.path(house), data=form).status_code < 500, (name, value[:40])
        if name_of(way) == "my":
            form = form_of(client, house, way, number)
            for value in VALUES:
                assert client.post(way.path(house), data={**form, "mark": value}).status_code < 500


@pytest.mark.parametrize("way", FORMS, ids=name_of)
def test_odd_bodies_are_answered(client: httpx.Client, house: House, way: Way) -> None:
    """Broken escapes, no names, endless names, parts without an end: a 4xx, and nothing is written."""
    urlencoded = {"Content-Type": "application/x-www-form-urlencoded"}
    before = house.dump()
    for body in (b"&&&", b"=&=", b"%", b"a=%zz", b"a", b"\xff\xfe", b"a=b;c=d", b"[]=1&[]=2", b"\0", b"a" * 16_000):
        assert client.post(way.path(house), content=body, headers=urlencoded).status_code < 500, body[:20]
    part = b'--x\r\nContent-Disposition: form-data; name="leave"\r\n\r\neverything\r\n'
    for body in (
        b"",
        part,
        part + b"--x--",
        part * 30 + b"--x--",
        b"--x\r\n" + b"A: b\r\n" * 500,
        b"--x--",
        b"\r\n" * 100,
    ):
        for kind in (
            "multipart/form-data",
            "multipart/form-data; boundary=x",
            'multipart/form-data; boundary="',
            "multipart/x",
        ):
            answer = client.post(way.path(house), content=body, headers={"Content-Type": kind})
            assert 400 <= answer.status_code < 500, (kind, body[:20])
    assert house.dump() == before
