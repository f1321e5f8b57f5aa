"""Asking for a course by the form, and confirming it by mail."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from doors import (
    CONSENT,
    OFFER,
    all_evidence,
    ask,
    consents_of,
    door_app,
    fields,
    link_in,
    mails_to,
    press,
    requests_of,
    suppressions,
    text_of,
)
from stage import KEY, PLAIN_COURSE, Stage, set_up

from drip.engine.ask_back import ask_back
from drip.engine.subscribe import Offer, version_of
from drip.people import State
from drip.store import learners, suppression
from drip.track.token import Purpose, sign
from drip.web.serve import running

NEW = "new@customer.example"


@pytest.fixture
def stage(tmp_path: Path, each_database: str) -> Stage:
    stage = set_up(tmp_path)
    stage.publish(PLAIN_COURSE)
    return stage


@pytest.fixture
def client(stage: Stage) -> Iterator[httpx.Client]:
    with running(door_app(stage)) as url, httpx.Client(base_url=url, timeout=60) as client:
        yield client


def people(stage: Stage) -> list[str]:
    with stage.store.read() as conn:
        return [one.email for one in learners.everyone(conn)]


def test_from_the_form_to_the_first_tip(stage: Stage, client: httpx.Client) -> None:
    """Form, mail, press: then there is a learner, a consent with its text, source and time, and a first tip."""
    shown = client.get("/subscribe/course")
    assert (shown.status_code, CONSENT in shown.text, shown.text.count("<h1")) == (200, True, 1)
    asked = ask(stage, client, first_name="Åsa")
    assert (asked.status_code, "n•••@customer.example" in asked.text) == (200, True)
    assert people(stage) == [], "nobody is taken in who has not confirmed"
    stage.deliver()
    (mail,) = mails_to(stage, NEW)
    assert (mail["From"], mail["To"]) == ("Acme Academy <learn@acme.example>", NEW)
    assert "Åsa" not in text_of(mail) + text_of(mail, "html")
    path = link_in(mail)
    page = client.get(path)
    assert (page.status_code, CONSENT in page.text, people(stage)) == (200, True, [])
    assert "You are in" in press(client, path).text
    assert stage.standing(NEW).enrolment.state is State.ACTIVE
    assert stage.standing(NEW).learner.first_name == "Åsa"
    (said,) = consents_of(stage, NEW)
    assert (said.what, said.given, said.text, said.text_version) == ("mail", True, CONSENT, version_of(CONSENT))
    assert (said.at, "form /subscribe/course" in said.source) == (stage.clock(), True)
    assert [(event.kind, event.item) for event in all_evidence(stage)] == [("consent", "mail")]
    stage.deliver()
    assert [mail["Subject"] for mail in mails_to(stage, NEW)][1:] == ["Tip 1"]


def test_a_thousand_posts_for_one_address_send_one_mail(stage: Stage, client: httpx.Client) -> None:
    """From many hands at once, each with a form of its own; what they are told is the same."""
    forms = [fields(client.get("/subscribe/course")) for _ in range(1000)]
    stage.clock.turn(seconds=3)
    with running(door_app(stage, Offer(**{**vars_of(OFFER), "most_per_hour": 5000}))) as url:

        def post(some: list[dict[str, str]]) -> set[tuple[int, str]]:
            with httpx.Client(base_url=url, timeout=60) as mine:
                told = [mine.post("/subscribe/course", data={**form, "email": NEW}) for form in some]
            return {(one.status_code, one.text.partition("<body>")[2]) for one in told}

        with ThreadPoolExecutor(8) as pool:
            told = set().union(*pool.map(post, [forms[start::8] for start in range(8)]))
    assert len(told) == 1
    stage.deliver()
    stage.deliver()
    assert len(mails_to(stage, NEW)) == 1
    assert len([row for row in requests_of(stage) if row.email]) == 1, "the others are only counted"


def vars_of(offer: Offer) -> dict[str, object]:
    return {"courses": offer.courses, "consent": offer.consent}


def test_an_address_gets_one_mail_an_hour_and_three_a_day(stage: Stage, client: httpx.Client) -> None:
    """However long somebody goes on."""
    sent = []
    for _ in range(30):
        ask(stage, client, "New@Customer.example")
        stage.deliver()
        sent.append(len(mails_to(stage, "New@customer.example")))
        stage.clock.turn(minutes=20)
    assert (sent[2], sent[3], max(sent)) == (1, 2, 3)


def test_a_week_of_asking_sends_five(stage: Stage, client: httpx.Client) -> None:
    """To somebody who has left, or never asked, as to anybody: a stranger's patience is not their inbox's trouble."""
    for _ in range(14):
        assert ask(stage, client).status_code == 200
        stage.deliver()
        stage.clock.turn(hours=11)
    assert len(mails_to(stage, NEW)) == 5
    stage.clock.turn(days=2)
    ask(stage, client)
    stage.deliver()
    assert len(mails_to(stage, NEW)) == 6, "a week after the first it may ask again"


def test_nobody_learns_who_is_known(stage: Stage, client: httpx.Client) -> None:
    """Known, unknown, in the course, left, complained, asked a minute ago: the same status, headers and words."""
    for who in ("known", "inside", "gone", "angry", "asked"):
        stage.add(f"{who}@customer.example")
    stage.enrol("inside@customer.example", "gone@customer.example")
    with stage.store.write() as conn:
        for who, reason in (("gone", "unsubscribed"), ("angry", "complained")):
            key = learners.suppression_hash(KEY, f"{who}@customer.example")
            suppression.suppress(conn, key, reason=reason, now=stage.clock())
    ask(stage, client, "asked@customer.example")
    told = []
    for who in ("stranger", "known", "inside", "gone", "angry", "asked"):
        answer = ask(stage, client, f"{who}@customer.example")
        words = answer.text.partition("<body>")[2].replace(f"{who[0]}•••", "•••")
        names = [(name, value) for name, value in answer.headers.items() if name not in ("date", "content-length")]
        names = [(name, value.partition("nonce-")[0]) for name, value in names]
        told.append((answer.status_code, tuple(names), words))
    assert len(set(told)) == 1
    stage.deliver()
    mailed = [who for who in ("stranger", "known", "inside", "gone", "angry", "asked") if mails_to(stage, f"{who}@c")]
    assert mailed == ["stranger", "known", "inside", "gone", "asked"], "who has complained gets nothing"


def test_pressing_twice_at_once_begins_once(stage: Stage, client: httpx.Client) -> None:
    """Eight presses of one page in the same moment: one learner, one consent, one enrolment; all are told so."""
    ask(stage, client)
    stage.deliver()
    path = link_in(mails_to(stage, NEW)[0])
    form = fields(client.get(path))
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda _: httpx.post(client.base_url.join(path), data=form, timeout=60), range(8)))
    assert {(one.status_code, "You are in" in one.text) for one in told} == {(200, True)}
    assert (people(stage), len(consents_of(stage, NEW))) == ([NEW], 1)
    with stage.store.read() as conn:
        assert conn.exec_driver_sql("SELECT count(*) FROM enrolment").scalar_one() == 1
    assert [str(event.kind) for event in all_evidence(stage)] == ["consent"]


def test_two_courses_confirmed_at_once(stage: Stage) -> None:
    """Two requests of one new address, in one moment: one learner, in both courses."""
    stage.publish(PLAIN_COURSE, name="other")
    offer = Offer(courses=("course", "other"), consent={"en": CONSENT})
    with running(door_app(stage, offer)) as url, httpx.Client(base_url=url, timeout=60) as client:
        paths = []
        for course in offer.courses:
            form = fields(client.get(f"/subscribe/{course}"))
            stage.clock.turn(hours=2)
            client.post(f"/subscribe/{course}", data={**form, "email": NEW})
            stage.deliver()
            paths.append(link_in(mails_to(stage, NEW)[-1]))
        forms = [fields(client.get(path)) for path in paths]
        with ThreadPoolExecutor(2) as pool:
            told = pool.map(lambda n: httpx.post(url + paths[n], data=forms[n], timeout=60), (0, 1))
        assert [one.status_code for one in told] == [200, 200]
    assert people(stage) == [NEW]
    with stage.store.read() as conn:
        assert conn.exec_driver_sql("SELECT count(*) FROM enrolment").scalar_one() == 2


def test_who_has_left_everything_comes_back_by_confirming(stage: Stage, client: httpx.Client) -> None:
    """The list lets go of them, the course goes on where they stood, nothing comes twice; import could not do that."""
    stage.add(NEW)
    stage.enrol(NEW)
    stage.live(days=0, hours=1)
    stage.recorder.left(stage.rows()[0].id, stage.visit("x", method="POST"))
    assert (suppressions(stage), stage.enrol(NEW).enrolled) == (["unsubscribed"], 0)
    stage.clock.turn(days=40)
    ask(stage, client)
    stage.deliver()
    assert "You are in" in press(client, link_in(mails_to(stage, NEW)[-1])).text
    assert (suppressions(stage), stage.standing(NEW).enrolment.run) == ([], 1)
    stage.live(days=1)
    assert [mail["Subject"] for mail in mails_to(stage, NEW)][2:] == [f"Tip {n}" for n in range(2, 7)]
    assert "return" in [str(event.kind) for event in all_evidence(stage)]


def test_who_has_complained_does_not_come_back(stage: Stage, client: httpx.Client) -> None:
    """Not even by a link from before: only what leaving has put on the list is lifted."""
    ask(stage, client)
    stage.deliver()
    path = link_in(mails_to(stage, NEW)[0])
    with stage.store.write() as conn:
        suppression.suppress(conn, learners.suppression_hash(KEY, NEW), reason="complained", now=stage.clock())
    assert "This course cannot begin for you" in press(client, path).text
    assert suppressions(stage) == ["complained"]


def test_who_has_had_it_is_told_so(stage: Stage, client: httpx.Client) -> None:
    """`reentry: never` holds for those who ask, too."""
    stage.add(NEW)
    stage.enrol(NEW)
    stage.live(days=1)
    assert stage.standing(NEW).enrolment.state is State.FINISHED
    ask(stage, client)
    stage.deliver()
    assert "You have had this course" in press(client, link_in(mails_to(stage, NEW)[-1])).text


def test_a_request_lives_seven_days(stage: Stage, client: httpx.Client) -> None:
    """Then its link says so, and the next tick has deleted it: address, name and all."""
    ask(stage, client)
    stage.deliver()
    path = link_in(mails_to(stage, NEW)[0])
    form = fields(client.get(path))
    stage.clock.turn(days=7, minutes=1)
    assert (client.get(path).status_code, client.post(path, data=form).status_code) == (410, 410)
    assert "has been deleted" in client.get(path).text
    stage.deliver()
    assert (requests_of(stage), people(stage)) == ([], [])


def test_a_link_does_not_pass_to_the_next_request_of_its_number(stage: Stage, client: httpx.Client) -> None:
    """SQLite gives the number of a deleted row to a new one: the old link is not good for that."""
    ask(stage, client)
    stage.deliver()
    old = link_in(mails_to(stage, NEW)[0])
    stage.clock.turn(days=7)
    stage.deliver()
    ask(stage, client, "other@customer.example")
    assert client.get(old).status_code == 410
    assert client.post(old, data={"nonce": "x"}).status_code == 400
    assert people(stage) == []


def test_it_is_off_unless_drip_toml_offers_a_course(stage: Stage) -> None:
    """No course offered, another course, or one that is not published: 404, and nothing is written."""
    stage.publish(PLAIN_COURSE, name="secret")
    for offer in (Offer(), Offer(courses=("course", "unpublished"), consent={"en": CONSENT})):
        with running(door_app(stage, offer)) as url:
            for course in ("secret", "unpublished", "course" if not offer.courses else "nothing"):
                assert httpx.get(f"{url}/subscribe/{course}").status_code == 404
                assert httpx.post(f"{url}/subscribe/{course}", data={"email": NEW}).status_code == 404
    assert requests_of(stage) == []


def test_all_together_have_a_limit(stage: Stage) -> None:
    """Beyond it the answer says that it is too much just now, whoever asks, and nothing is kept."""
    offer = Offer(courses=("course",), consent={"en": CONSENT}, most_per_hour=3)
    with running(door_app(stage, offer)) as url, httpx.Client(base_url=url) as client:
        told = [ask(stage, client, f"n{number}@customer.example").status_code for number in range(5)]
        assert (told, len(requests_of(stage))) == ([200, 200, 200, 503, 503], 3)
        stage.clock.turn(hours=1)
        assert ask(stage, client).status_code == 200


def test_a_forged_swapped_or_cut_link_is_refused(stage: Stage, client: httpx.Client) -> None:
    """Each purpose opens its own door only, on GET and on POST, and writes nothing."""
    ask(stage, client)
    stage.deliver()
    token = link_in(mails_to(stage, NEW)[0]).removeprefix("/s/")
    ring, now = stage.sending.ring, stage.clock()
    others = [sign(ring, purpose, 1, 0) for purpose in Purpose if purpose is not Purpose.SUBSCRIBE]
    altered = [token[:-1], token[:-1] + ("A" if token[-1] != "A" else "B"), "x" * 40, token + "A"]
    expired = sign(ring, Purpose.SUBSCRIBE, 1, 0, expires_at=now - timedelta(days=2))
    for bad in (*others, *altered):
        assert {client.get(f"/s/{bad}").status_code, client.post(f"/s/{bad}", data={}).status_code} == {404}
    assert client.get(f"/s/{expired}").status_code == 410
    for place in ("/u/", "/undo/", "/certificate/", "/a/", "/c/"):
        assert client.get(place + token).status_code == 404
        assert client.post(place + token).status_code in (404, 405)
    assert client.get(f"/s/{sign(ring, Purpose.SUBSCRIBE, 99, 0)}").status_code == 410
    assert (people(stage), all_evidence(stage)) == ([], [])


def test_workers_at_once_ask_each_of_many_once(stage: Stage, client: httpx.Client) -> None:
    """Four workers over one table: forty people, forty mails."""
    for number in range(40):
        ask(stage, client, f"n{number}@customer.example")
    workers = [stage.other_worker(f"worker-{number}") for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(ask_back, workers)) == 40
    assert len(stage.mails()) == 40
    assert {(row.state, row.attempts) for row in requests_of(stage)} == {("asked", 1)}


def test_a_link_that_was_confirmed_says_so(stage: Stage, client: httpx.Client) -> None:
    """Opened again, it asks nothing: it tells that it is done, and when the next tip comes."""
    ask(stage, client)
    stage.deliver()
    (mail,) = mails_to(stage, "new@customer.example")
    path = link_in(mail)
    press(client, path)
    again = client.get(path)
    assert ("You have confirmed already" in again.text, "<form" in again.text) == (True, False)


def test_the_page_leads_to_their_own_once_a_tip_has_come(stage: Stage, client: httpx.Client) -> None:
    """Before, it says where to change things; then it is a link, which opens their page as long as the mail does."""
    ask(stage, client, first_name="Åsa")
    stage.deliver()
    path = link_in(mails_to(stage, NEW)[0])
    joined = press(client, path)
    assert "The first tip is on its way." in joined.text
    assert ("/my/" in joined.text, "At the foot of every tip" in joined.text) == (False, True)
    assert stage.deliver().sent == 1
    again = client.get(path)
    (way,) = re.findall(r'href="\.\.(/my/[^"]+)"', again.text)
    assert ("At the foot of every tip" in again.text, "The next tip comes" in again.text) == (False, True)
    page = client.get(way)
    assert (page.status_code, "Tip 1" in page.text) == (200, True)
    stage.clock.turn(days=32)
    assert client.get(way).status_code == 410


def test_a_way_back_after_long_leads_nowhere_that_is_too_old(stage: Stage, client: httpx.Client) -> None:
    """Who comes back after forty days gets no fresh authority from a mail that was sent before."""
    stage.add(NEW)
    stage.enrol(NEW)
    stage.live(days=0, hours=1)
    stage.recorder.left(stage.rows()[0].id, stage.visit("x", method="POST"))
    stage.clock.turn(days=40)
    ask(stage, client)
    stage.deliver()
    assert "/my/" not in press(client, link_in(mails_to(stage, NEW)[-1])).text
