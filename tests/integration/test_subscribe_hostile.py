"""What a machine, a stranger or another site can do with the form: ask, like anybody, and nothing more."""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, timedelta
from html import unescape
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from doors import CONSENT, OFFER, ask, door_app, fields, link_in, mails_to, press, requests_of, text_of
from stage import PLAIN_COURSE, Stage, set_up

from drip.engine.ask_back import ask_back
from drip.engine.deliver import until_idle
from drip.engine.mark import Tally
from drip.engine.status import status
from drip.engine.subscribe import Offer
from drip.store import requests
from drip.store.requests import ASKED, ASKING, WAITING
from drip.transports import Outcome, Receipt, Result
from drip.transports.outbox import Outbox
from drip.web.serve import running

NEW = "new@customer.example"
SCRIPT = "</title></style><script>alert('x')</script><img src=x onerror=\"alert(1)\">{{ 7*7 }}{sender}"


@pytest.fixture
def stage(tmp_path: Path, each_database: str) -> Stage:
    stage = set_up(tmp_path)
    stage.publish(PLAIN_COURSE)
    return stage


@pytest.fixture
def client(stage: Stage) -> Iterator[httpx.Client]:
    with running(door_app(stage)) as url, httpx.Client(base_url=url, timeout=60) as client:
        yield client


def is_form(page: httpx.Response) -> bool:
    """Whether it shows the form once more."""
    return 'name="email"' in page.text


def test_whoever_fills_in_the_hidden_field_is_told_what_all_are_told(stage: Stage, client: httpx.Client) -> None:
    """And nothing is kept of it."""
    trapped = ask(stage, client, topic="cheap watches")
    assert trapped.status_code == 200
    assert requests_of(stage) == []
    taken = ask(stage, client)
    assert trapped.text.partition("<body>")[2] == taken.text.partition("<body>")[2]
    assert len(requests_of(stage)) == 1


@pytest.mark.parametrize("seconds", [0, 1.9, 12 * 3600 + 1, -5])
def test_too_fast_or_too_late_is_asked_to_press_again(stage: Stage, client: httpx.Client, seconds: float) -> None:
    """What was written stands in the form once more; nothing is kept. A person's second press goes through."""
    form = fields(client.get("/subscribe/course"))
    stage.clock.turn(seconds=seconds)
    again = client.post("/subscribe/course", data={**form, "email": NEW, "first_name": "Åsa"})
    assert (is_form(again), NEW in again.text, "Åsa" in again.text, requests_of(stage)) == (True, True, True, [])
    stage.clock.turn(seconds=2)
    assert not is_form(client.post("/subscribe/course", data={**fields(again), "email": NEW}))
    assert len(requests_of(stage)) == 1


def test_a_form_is_good_once(stage: Stage, client: httpx.Client) -> None:
    """One showing asks for one address: pressed twice it is the same request, for another address it is refused."""
    form = fields(client.get("/subscribe/course"))
    stage.clock.turn(seconds=3)
    told = [client.post("/subscribe/course", data={**form, "email": who}) for who in (NEW, NEW, "b@customer.example")]
    assert [is_form(one) for one in told] == [False, False, True]
    assert [row.email for row in requests_of(stage)] == [NEW]


def test_a_stamp_is_bound_to_its_form_and_cannot_be_made_up(stage: Stage) -> None:
    """Of another course, of another key, altered, with an earlier time written into it: the form is shown again."""
    stage.publish(PLAIN_COURSE, name="other")
    offer = Offer(courses=("course", "other"), consent={"en": CONSENT})
    with running(door_app(stage, offer)) as url, httpx.Client(base_url=url) as client:
        form, other = fields(client.get("/subscribe/course")), fields(client.get("/subscribe/other"))
        page, at, mac = form["stamp"].split(".")
        stage.clock.turn(seconds=3)
        for bad in (other["stamp"], f"{page}.{int(at) - 9000}.{mac}", f"{page}.{at}.{'A' * 22}", "", "a.1.b", "é" * 50):
            answer = client.post("/subscribe/course", data={**form, "stamp": bad, "email": NEW})
            assert (answer.status_code, is_form(answer)) == (200, True)
    assert requests_of(stage) == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    ],
)
def test_another_site_cannot_send_it_for_somebody(stage: Stage, client: httpx.Client, headers: dict[str, str]) -> None:
    """Even with a good stamp: it leads to the form, filled in."""
    form = fields(client.get("/subscribe/course"))
    stage.clock.turn(seconds=3)
    answer = client.post("/subscribe/course", data={**form, "email": NEW}, headers=headers)
    assert (is_form(answer), f'value="{NEW}"' in answer.text, requests_of(stage)) == (True, True, [])


def test_a_snippet_on_another_page_leads_to_the_form(stage: Stage, client: httpx.Client) -> None:
    """Without any stamp: address and name are filled in, and one press there goes through."""
    headers = {"Origin": "https://www.acme.example", "Sec-Fetch-Site": "cross-site"}
    shown = client.post("/subscribe/course", data={"email": NEW, "first_name": "Åsa"}, headers=headers)
    assert (shown.status_code, is_form(shown), requests_of(stage)) == (200, True, [])
    stage.clock.turn(seconds=3)
    asked = client.post(
        "/subscribe/course", data={**fields(shown), "email": NEW}, headers={"Sec-Fetch-Site": "same-origin"}
    )
    assert (is_form(asked), len(requests_of(stage))) == (False, 1)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "nobody",
        "a@b",
        "a@b@customer.example",
        "anna@customer.example\r\nBcc: all@customer.example",
        "anna@customer.example\nX: y",
        "anna@customer.example%0d%0aBcc: x@y.example",
        "Anna <anna@customer.example>",
        "anna@customer.example, bo@customer.example",
        '"a\\"b"@customer.example\x00',
        "å@customer.example",
        "a" * 300 + "@customer.example",
        SCRIPT,
        f"{SCRIPT}@customer.example",
        "a@[127.0.0.1]",
    ],
)
def test_what_is_no_address_is_said_and_shown_as_text(stage: Stage, client: httpx.Client, address: str) -> None:
    """With the field marked for eyes and screen readers; nothing is kept and no mail is made of it."""
    answer = ask(stage, client, address)
    assert (answer.status_code, "aria-invalid" in answer.text) == (422, True)
    assert "<script" not in answer.text
    assert "<img" not in answer.text
    assert requests_of(stage) == []
    assert stage.deliver().sent == 0
    assert stage.mails() == []


def test_names_stand_in_no_mail_and_in_no_header(stage: Stage, client: httpx.Client) -> None:
    """A stranger's words cannot be sent to a stranger by way of us; line breaks end up as spaces."""
    said = "Win https://evil.example\r\nBcc: all@customer.example now"
    ask(stage, client, first_name=said)
    stage.deliver()
    raw = stage.mails()[0].read_bytes()
    (mail,) = mails_to(stage, NEW)
    assert b"evil" not in raw
    assert "evil" not in text_of(mail) + text_of(mail, "html")
    assert (mail["To"], mail["Bcc"], mail.get_all("Subject")) == (
        NEW,
        None,
        ["Was it you who asked for “Six plain tips”?"],
    )
    assert "You are in" in press(client, link_in(mail)).text
    assert stage.standing(NEW).learner.first_name == "Win https://evil.example Bcc: all@customer.example now"


def test_whatever_people_write_is_text(tmp_path: Path) -> None:
    """In every field, in the consent's text and in the course's title: on each page and in the mail."""
    stage = set_up(tmp_path)
    stage.publish(PLAIN_COURSE.replace("title: Six plain tips", f"title: '{SCRIPT.replace(chr(39), chr(39) * 2)}'"))
    offer = Offer(courses=("course",), consent={"en": f"I agree {SCRIPT}"})
    with running(door_app(stage, offer)) as url, httpx.Client(base_url=url) as client:
        pages = [client.get("/subscribe/course")]
        pages.append(client.post("/subscribe/course", data={"email": SCRIPT, "first_name": SCRIPT, "language": SCRIPT}))
        pages.append(ask(stage, client, first_name=SCRIPT))
        stage.deliver()
        (mail,) = mails_to(stage, NEW)
        path = link_in(mail)
        pages += [client.get(path), press(client, path)]
    for page in pages:
        assert page.status_code == 200
        assert "<script" not in page.text
        assert "<img" not in page.text
        assert (page.text.count("</style>"), page.text.count("</title>")) == (1, 1)
        assert "49" not in re.sub(r'value="[^"]+"|nonce="[^"]+"', "", page.text.partition("</style>")[2])
    assert all(f"I agree {SCRIPT}" in unescape(page.text) for page in (pages[0], pages[3]))
    html = text_of(mail, "html")
    assert ("<script" in html, "<img" in html, SCRIPT in unescape(html)) == (False, False, True)


def test_too_large_too_many_or_no_form_is_refused(stage: Stage, client: httpx.Client) -> None:
    """413 and 400, before anything is read twice."""
    form = fields(client.get("/subscribe/course"))
    stage.clock.turn(seconds=3)
    assert client.post("/subscribe/course", data={**form, "email": "a" * 20_000}).status_code == 413
    assert client.post("/subscribe/course", data={**form, **{f"f{n}": "x" for n in range(20)}}).status_code == 400
    assert client.post("/subscribe/course", json={"email": NEW}).status_code == 400
    assert (
        client.post(
            "/subscribe/course", content=b"email=\xff", headers={"Content-Type": "application/x-www-form-urlencoded"}
        ).status_code
        == 400
    )
    place = urlsplit(str(client.base_url))
    raw = http.client.HTTPConnection(str(place.hostname), place.port, timeout=30)
    raw.putrequest("POST", "/subscribe/course")
    raw.putheader("Content-Type", "application/x-www-form-urlencoded")
    raw.putheader("Content-Length", str(10**9))
    raw.endheaders()
    assert raw.getresponse().status == 413
    raw.close()
    assert requests_of(stage) == []


def test_no_header_shapes_the_mail_or_the_page(stage: Stage, client: httpx.Client) -> None:
    """The link leads where the settings say, whatever host the asker names."""
    form = fields(client.get("/subscribe/course"))
    stage.clock.turn(seconds=3)
    headers = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "Accept-Language": "sv,<script>;q=x"}
    client.post("/subscribe/course", data={**form, "email": NEW}, headers=headers)
    stage.deliver()
    assert "evil" not in text_of(mails_to(stage, NEW)[0])


# The process dies -----------------------------------------------------------------------------------------------------


class Dies(Outbox):
    """A way out under which the process dies, before or after the mail has left."""

    def __init__(self, folder: Path, *, after: bool) -> None:
        super().__init__(folder)
        self.after = after

    def send(self, messages):  # type: ignore[no-untyped-def]
        if self.after:
            super().send(messages)
        raise KeyboardInterrupt


@pytest.mark.parametrize("after", [False, True])
def test_a_death_between_request_and_mail_loses_no_mail(stage: Stage, client: httpx.Client, after: bool) -> None:
    """The next worker sends it once the doubt is over; it is the same mail, byte for byte, Message-ID and all."""
    ask(stage, client)
    dying = stage.other_worker("worker-2", transport=Dies(stage.folder / "lost", after=after))
    with pytest.raises(KeyboardInterrupt):
        ask_back(dying)
    assert [(row.state, row.attempts) for row in requests_of(stage)] == [(ASKING, 1)]
    stage.deliver()
    assert mails_to(stage, NEW) == [], "not before the doubt is over: the other may still be at it"
    stage.clock.turn(minutes=15)
    stage.deliver()
    (mail,) = mails_to(stage, NEW)
    assert "You are in" in press(client, link_in(mail)).text
    if after:
        (lost,) = (stage.folder / "lost").glob("*.eml")
        assert lost.read_bytes() == stage.mails()[0].read_bytes()


def test_hold_in_doubt_asks_nobody_twice(stage: Stage, client: httpx.Client) -> None:
    """Where the setting is `hold`, a mail that may have gone is not sent again; its link works if it has."""
    ask(stage, client)
    dying = stage.other_worker("worker-2", transport=Dies(stage.folder / "lost", after=True), in_doubt="hold")
    with pytest.raises(KeyboardInterrupt):
        ask_back(dying)
    stage.clock.turn(days=1)
    stage.deliver()
    assert mails_to(stage, NEW) == []


class Says:
    """A way out that answers as told."""

    name, connections = "says", 1

    def __init__(self, *answers: Outcome, trouble: str | None = None) -> None:
        self.answers, self.trouble, self.tried = list(answers), trouble, 0

    def allow(self, connections: int) -> None: ...

    def close(self) -> None: ...

    def send(self, messages):  # type: ignore[no-untyped-def]
        self.tried += 1
        outcome = self.answers.pop(0)
        return Result(
            receipts=tuple(Receipt(delivery_id=one.delivery_id, outcome=outcome, answer="said so") for one in messages),
            trouble=self.trouble,
        )


def test_what_the_server_says_is_heeded(stage: Stage, client: httpx.Client) -> None:
    """Put off: tried again in minutes. Refused: never. The sender's trouble: later, and the others wait with it."""
    for name in ("a", "b", "c"):
        ask(stage, client, f"{name}@customer.example")
    way = Says(Outcome.RETRY, Outcome.REFUSED, Outcome.UNTRIED, trouble=None)
    assert ask_back(stage.other_worker("w", transport=way)) == 0
    assert [row.state for row in requests_of(stage)] == [WAITING, "quiet", WAITING]
    assert ask_back(stage.other_worker("w", transport=way)) == 0
    assert way.tried == 3, "nothing is pressed"
    stage.clock.turn(minutes=10)
    way.answers, way.trouble = [Outcome.UNTRIED], "535 bad password"
    ask_back(stage.other_worker("w", transport=way))
    assert way.tried == 4, "the other was given back untried"
    stage.clock.turn(minutes=30)
    assert ask_back(stage.sending) == 2
    assert [row.state for row in requests_of(stage)] == [ASKED, "quiet", ASKED]


def test_a_staging_guard_holds_these_too(stage: Stage, client: httpx.Client) -> None:
    """DRIP_ONLY_TO: a request of anybody else waits."""
    ask(stage, client)
    guarded = replace(stage.sending, only_to=frozenset({"me@acme.example"}))
    assert ask_back(guarded) == 0
    assert (stage.mails(), requests_of(stage)[0].state) == ([], WAITING)
    stage.clock.turn(hours=2)
    assert ask_back(stage.sending) == 1


def test_a_worker_that_starts_without_the_guard_asks_at_once_and_says_so(stage: Stage, client: httpx.Client) -> None:
    """`drip status` counts what is to go, and the worker counts what went, although it belongs to no course."""
    ask(stage, client)
    until_idle(replace(stage.sending, only_to=frozenset({"me@acme.example"})))
    found = status(stage.store, now=stage.clock(), zone=UTC)
    assert (found.guarded, found.asking) == (1, 1)
    assert until_idle(replace(stage.sending, only_to=frozenset({"you@acme.example"}))) == Tally()
    assert until_idle(stage.sending) == Tally(confirmations=1)
    found = status(stage.store, now=stage.clock(), zone=UTC)
    assert (found.guarded, found.asking) == (0, 0)


def test_nothing_to_do_writes_nothing(stage: Stage) -> None:
    """A tick without requests costs two looks, and no transaction that writes."""
    with stage.store.read() as conn:
        assert not requests.anything_to_do(conn, now=stage.clock() + timedelta(days=30))
    assert ask_back(stage.sending) == 0


def test_the_text_that_is_kept_is_the_text_that_was_read(stage: Stage, client: httpx.Client) -> None:
    """Where the settings have another text by now, the form is shown again with that."""
    form = fields(client.get("/subscribe/course"))
    stage.clock.turn(seconds=3)
    offer = Offer(courses=OFFER.courses, consent={"en": "Another text."})
    with running(door_app(stage, offer)) as url:
        again = httpx.post(f"{url}/subscribe/course", data={**form, "email": NEW})
    assert (is_form(again), "Another text." in again.text, requests_of(stage)) == (True, True, [])
