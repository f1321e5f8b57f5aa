"""What nobody should send to the API, over HTTP and down bare sockets: a problem in one shape, and nothing written."""

from __future__ import annotations

import json
import re
import socket
import sqlite3
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from api_house import ApiHouse, api_house

MEDIA_TYPE = "application/problem+json"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiHouse]:
    """A workspace with one learner."""
    with api_house(tmp_path_factory.mktemp("api"), toml="[api]\nrate = 1000\nburst = 1000\n") as one:
        one.add("ada@customer.example", first_name="Ada")
        yield one


@pytest.fixture(autouse=True)
def _nothing_written(house: ApiHouse) -> Iterator[None]:
    before = rows(house)
    yield
    assert rows(house) == before
    assert "Traceback" not in house.log()


def rows(house: ApiHouse) -> dict[str, list[Any]]:
    """All learners, enrolments, evidence and keys."""
    conn = sqlite3.connect(house.folder / "drip.db")
    found = {
        name: conn.execute(f"SELECT * FROM {name}").fetchall()
        for name in ("learner", "enrolment", "evidence", "idempotency")
    }
    conn.close()
    return found


def is_problem(answer: httpx.Response, *statuses: int) -> bool:
    """Whether it is refused as everything is refused, with nothing internal in it."""
    assert answer.status_code in statuses, (answer.status_code, answer.text[:300])
    assert answer.headers["content-type"] == MEDIA_TYPE
    said = answer.json()
    assert set(said) == {"type", "title", "status", "detail", "errors"}
    assert said["status"] == answer.status_code
    assert not re.search(r"sqlite|Traceback|File \"|pydantic|drip\.web|None|<class", answer.text), answer.text
    assert answer.headers["cache-control"] == "no-store"
    return True


BODIES: dict[str, tuple[bytes, int]] = {
    "nothing": (b"", 422),
    "no JSON": (b"{", 400),
    "two values": (b'{"email": "a@b.example", "name": "x"} {}', 400),
    "NaN": (b'{"email": "ada@customer.example", "name": "x", "data": {"n": NaN}}', 400),
    "infinity by its size": (b'{"email": "ada@customer.example", "name": "x", "data": {"n": 1e999}}', 400),
    "a huge number": (b'{"email": "ada@customer.example", "name": "x", "data": {"n": 1' + b"0" * 30 + b"}}", 400),
    "a number of 100,000 digits": (b'{"data": {"n": ' + b"9" * 100_000 + b"}}", 400),
    "a key twice": (b'{"email": "x@y.example", "email": "ada@customer.example", "name": "x"}', 400),
    "a key twice after many": (b"{" + b"".join(b'"%x":1,' % n for n in range(100_000)) + b'"x":1,"x":1}', 400),
    "1,001 keys": (b'{"email": "ada@customer.example", "name": "x", "data": {"a": {'
                   + b",".join(b'"%x": []' % n for n in range(1001)) + b"}}}", 422),
    "a NUL": (b'{"email": "ada@customer.example", "name": "x", "data": {"a": "\\u0000"}}', 400),
    "a NUL in a key": (b'{"email": "ada@customer.example", "name": "x", "data": {"\\u0000": 1}}', 400),
    "half a character": (b'{"email": "ada@customer.example", "name": "x", "data": {"a": "\\ud83c"}}', 400),
    "not UTF-8": (b'{"email": "ada@customer.example", "name": "\xff"}', 400),
    "UTF-16": ('{"email": "ada@customer.example", "name": "x"}'.encode("utf-16"), 400),
    "a byte order mark": (b'\xef\xbb\xbf{"email": "ada@customer.example", "name": "x"}', 400),
    "deep": (b'{"email": "ada@customer.example", "name": "x", "data": {"a": ' + b"[" * 50 + b"]" * 50 + b"}}", 400),
    "very deep": (b"[" * 200_000, 400),
    "deep objects": (b'{"a":' * 100_000, 400),
    "a long text": (b'{"email": "ada@customer.example", "name": "x", "data": {"a": "' + b"a" * 20_000 + b'"}}', 422),
    "a long name": (b'{"email": "ada@customer.example", "name": "' + b"a" * 201 + b'"}', 422),
    "a name of two lines": (b'{"email": "ada@customer.example", "name": "a\\nb"}', 422),
    "a list": (b"[]", 422),
    "null": (b"null", 422),
    "a text": (b'"x"', 422),
    "a time that is a number": (b'{"email": "ada@customer.example", "name": "x", "at": 1700000000}', 422),
    "a time without an offset": (b'{"email": "ada@customer.example", "name": "x", "at": "2026-03-02T08:00:00"}', 422),
    "a time that is none": (b'{"email": "ada@customer.example", "name": "x", "at": "2026-02-30T08:00:00Z"}', 422),
    "the year 1": (b'{"email": "ada@customer.example", "name": "x", "at": "0001-01-01T00:00:00+14:00"}', 422),
    "the year 9999": (b'{"email": "ada@customer.example", "name": "x", "at": "9999-12-31T23:59:59-14:00"}', 422),
    "a stranger": (b'{"email": "\'; DROP TABLE learner; --@x.example", "name": "x"}', 404),
    "a ref that is none": (b'{"email": "%", "name": "x"}', 404),
}  # fmt: skip


@pytest.mark.parametrize("name", BODIES)
def test_odd_bodies_are_refused(house: ApiHouse, name: str) -> None:
    """Each with what is wrong; no body is half taken."""
    body, status = BODIES[name]
    headers = {"Content-Type": "application/json", "Idempotency-Key": "odd"}
    assert is_problem(house.ask("POST", "/events", content=body, headers=headers), status)


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": ""},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/json; charset=utf-16"},
        {"Content-Type": "application/json, text/plain"},
        {"Content-Type": "application/vnd.api+json"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
        {"Content-Type": "multipart/form-data; boundary=x"},
    ],
)
def test_what_is_no_json_is_refused(house: ApiHouse, headers: dict[str, str]) -> None:
    """By its type, before it is looked at."""
    good = json.dumps({"email": "ada@customer.example", "name": "x"}).encode()
    assert is_problem(house.ask("POST", "/events", content=good, headers=headers), 415)


def test_a_huge_body_is_refused_before_it_is_read(house: ApiHouse) -> None:
    """By its announced length, or as soon as it passes the cap; for strangers, not at all."""
    host, port = house.url.removeprefix("http://").split(":")
    for token, said, status in (
        (house.token, b"Content-Length: 1000000000", b"413"),
        (house.token, b"Transfer-Encoding: chunked", b"413"),
        ("drip_" + "x" * 38, b"Content-Length: 1000000000", b"401"),
    ):
        with socket.create_connection((host, int(port)), timeout=30) as line:
            head = f"POST /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n".encode()
            line.sendall(head + b"Content-Type: application/json\r\n" + said + b"\r\n\r\n")
            if b"chunked" in said:
                try:
                    for _ in range(400):
                        line.sendall(b"1000\r\n" + b" " * 4096 + b"\r\n")
                except OSError:
                    pass
            found = line.recv(4096)
            assert found.startswith(b"HTTP/1.1 " + status), found
            assert MEDIA_TYPE.encode() in found
    assert is_problem(house.ask("POST", "/events", {"a": "x" * 1_000_001}), 413)


def test_odd_paths_and_methods_are_a_problem(house: ApiHouse) -> None:
    """Paths that climb, end oddly or hold odd bytes; methods that are not there. Nothing of them is echoed."""
    for path in (
        "/nowhere", "/..%2f..%2fetc/passwd", "/%2e%2e/%2e%2e/drip.db", "/learners/", "/learners/a/b/c", "//learners",
        "/learners/%00", "/learners/%ff%fe", "/learners/" + "a" * 2000, "/learners/%0d%0aSet-Cookie:x", "/LEARNERS",
        "/courses/..%2f..%2fdrip/report", "/enrolments/1e3", "/v1/learners",
    ):  # fmt: skip
        answer = house.ask("GET", path)
        assert is_problem(answer, 404, 422), path
        assert "set-cookie" not in answer.headers
        assert "Set-Cookie" not in answer.text
    for method in ("PATCH", "POST", "OPTIONS", "HEAD", "TRACE", "BREW"):
        answer = house.ask(method, "/learners/ada@customer.example")
        assert answer.status_code in (400, 405), method
        assert "access-control-allow-origin" not in answer.headers
    assert is_problem(
        httpx.get(f"{house.url}/api/v2/learners", headers={"Authorization": f"Bearer {house.token}"}), 404
    )
    assert is_problem(httpx.get(f"{house.url}/api/"), 401)
    assert is_problem(httpx.get(f"{house.url}/api"), 404)


def test_a_parameter_that_is_misspelt_shows_nobody(house: ApiHouse) -> None:
    """Left out of account, it would choose nobody out of all: the answer would be about others."""
    for path in ("/enrolments?emial=ada@customer.example", "/learners?Limit=1", "/learners/ada@customer.example?x%0a="):
        answer = house.ask("GET", path)
        assert is_problem(answer, 422)
        assert "there is no such parameter" in answer.json()["errors"][0]["message"], path
        assert "\\n" not in answer.text
    assert house.ask("GET", "/enrolments?email=ada@customer.example&limit=1").status_code == 200


def test_what_is_no_json_is_said_in_whole_words(house: ApiHouse) -> None:
    """Where it breaks off, and that there is nothing at all."""
    headers = {"Content-Type": "application/json"}
    said = house.ask("POST", "/events", content=b'{"email": "ada', headers=headers).json()["detail"]
    assert said == "The body is not JSON: line 1, column 11: unterminated string."
    said = house.ask("POST", "/events", content=b"", headers=headers).json()["detail"]
    assert said == "the body is missing: an object of JSON is wanted"


def test_no_page_of_another_site_comes_in(house: ApiHouse) -> None:
    """A preflight is not answered with leave, and no answer may be read from elsewhere."""
    origin = {"Origin": "https://evil.example", "Access-Control-Request-Method": "PUT"}
    asked = httpx.options(f"{house.url}/api/v1/learners/x@y.example", headers=origin)
    assert is_problem(asked, 401)
    answer = house.ask("GET", "/courses", headers={"Origin": "https://evil.example"})
    assert not [name for name in (*asked.headers, *answer.headers) if name.startswith("access-control")]


def test_a_body_that_drips_keeps_nobody_waiting(house: ApiHouse) -> None:
    """Thirty that send a byte and stop hold no place: others are answered meanwhile."""
    host, port = house.url.removeprefix("http://").split(":")
    lines = [socket.create_connection((host, int(port)), timeout=30) for _ in range(30)]
    try:
        for line in lines:
            head = f"POST /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {house.token}\r\n"
            line.sendall(head.encode() + b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
        assert house.ask("GET", "/courses").status_code == 200
        assert httpx.get(f"{house.url}/healthz").status_code == 200
        assert b"408" in lines[0].recv(4096).split(b"\r\n")[0]
    finally:
        for line in lines:
            line.close()


def test_two_headers_of_one_name_are_no_way_round(house: ApiHouse) -> None:
    """Two tokens, or two keys: neither is chosen."""
    body = {"email": "ada@customer.example", "name": "x"}
    token = ("Authorization", f"Bearer {house.token}")
    twice = [token, ("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    assert is_problem(httpx.post(f"{house.url}/api/v1/events", json=body, headers=twice), 400)
    assert is_problem(httpx.post(f"{house.url}/api/v1/events", json=body, headers=[token, token]), 401)
