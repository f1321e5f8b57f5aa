"""A certificate: whose it is, what it says to its holder and to whoever checks it, and when it no longer holds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from email import message_from_bytes
from email.policy import default
from html import unescape
from pathlib import Path

import httpx
import pytest
from doors import door_app, fields
from stage import Stage, set_up

from drip.render.certificates import CHECK, certificate_link
from drip.store import learners
from drip.store.tables import delivery, enrolment, trace
from drip.store.tables import evidence as evidence_table
from drip.track.token import Purpose, Ring, answer_item, sign
from drip.web.serve import running

ANNA = "anna@customer.example"
COURSE = """\
title: Your first report
sender: {name: Acme Academy, email: learn@acme.example}
timing: {every: 1 hour, timezone: Europe/Stockholm}
steps:
  - tip: welcome
    subject: Start
    body: A chart starts from a saved view.
    objective: Create a chart from a saved view
    skill: reporting.charts
    question:
      ask: Where does a chart start?
      options:
        - {text: From a saved view, correct: true, because: It holds the filters.}
        - {text: From a blank page, because: There is none.}
  - tip: export
    subject: Export it
    body: Press export.
    objective: Export a chart to a spreadsheet
    skill: reporting.charts
  - award: certificate
"""

LEADING = """\
  - tip: done
    subject: Done
    body: "Here is [yours]({{ certificate.url }})."
    button: {text: See it, url: "{{ certificate.url }}"}
"""


@pytest.fixture
def stage(tmp_path: Path, each_database: str) -> Stage:
    stage = set_up(tmp_path)
    stage.publish(COURSE)
    stage.add(ANNA, first_name="Anna", last_name="Berg")
    stage.enrol(ANNA)
    return stage


@pytest.fixture
def client(stage: Stage) -> Iterator[httpx.Client]:
    with running(door_app(stage)) as url, httpx.Client(base_url=url) as client:
        yield client


def path_of(stage: Stage, **which: int) -> str:
    """Where Anna's certificate is."""
    found = certificate_link(stage.sending.ring, stage.sending.base_url, stage.standing(ANNA).enrolment.id, **which)
    return found.removeprefix(stage.sending.base_url)


def words(page: httpx.Response) -> str:
    """What a page says, without its markup."""
    return unescape(" ".join(re.sub(r"<[^>]+>", "", page.text.partition("<main>")[2]).split()))


def completed(stage: Stage) -> Stage:
    """Anna answers one question, has both tips, and gets what is awarded."""
    stage.deliver()
    first = stage.rows()[0].id
    stage.recorder.answered(first, answer_item(0, 0), "certain", stage.visit("answer", method="POST"))
    stage.live(days=1)
    return stage


def test_it_says_who_what_when_and_what_was_learned(stage: Stage, client: httpx.Client) -> None:
    """To its holder: name, course, date, objectives, skills, score, sender, and where it can be checked."""
    page = client.get(path_of(completed(stage)))
    assert page.status_code == 200
    said = words(page)
    for part in (
        "Acme Academy certifies that Anna Berg has completed the course Your first report on 2 March 2026",
        "Create a chart from a saved view Export a chart to a spreadsheet",
        "Reporting › charts",
        "Questions: 1 of 1 right at the first answer",
    ):
        assert part in said
    assert said.count("Reporting › charts") == 1
    assert page.headers["x-robots-tag"] == "noindex"
    assert f"{stage.sending.base_url}{path_of(stage, item=CHECK)}" in said


def test_it_speaks_the_language_of_its_learner(tmp_path: Path, each_database: str) -> None:
    """Title and objectives as the translation says them; an objective that it does not say, as the course does."""
    stage = set_up(tmp_path)
    swedish = "title: Din första rapport\nsteps:\n  - {tip: welcome, objective: Skapa ett diagram från en sparad vy}\n"
    (tmp_path / "campaigns").mkdir()
    (tmp_path / "campaigns" / "course.sv.yaml").write_text(swedish, "utf-8")
    stage.publish(COURSE)
    stage.add(ANNA, first_name="Anna", last_name="Berg", language="sv")
    stage.enrol(ANNA)
    completed(stage)
    with running(door_app(stage)) as url:
        said = words(httpx.get(url + path_of(stage)))
    assert "Din första rapport" in said
    assert "Det här ingick Skapa ett diagram från en sparad vy Export a chart to a spreadsheet" in said


def test_its_day_stays_where_its_learner_was(stage: Stage, client: httpx.Client) -> None:
    """Another zone later dates no certificate anew: what was printed and what is checked say the same day."""
    stage.clock.now = stage.clock.now.replace(hour=21, minute=0)  # tomorrow, in Tokyo
    completed(stage)
    pages = [path_of(stage), path_of(stage, item=CHECK)]
    days = [re.findall(r"\d+ \w+ 20\d\d", words(client.get(page)))[0] for page in pages]
    with stage.store.write() as conn:
        learners.change(conn, stage.standing(ANNA).learner.id, {"timezone": "Pacific/Auckland"})
    assert [re.findall(r"\d+ \w+ 20\d\d", words(client.get(page)))[0] for page in pages] == days


def test_no_score_is_shown_of_who_had_none_right(stage: Stage, client: httpx.Client) -> None:
    """A certificate tells what somebody can do; nothing stands there where no first answer was right."""
    stage.deliver()
    stage.recorder.answered(stage.rows()[0].id, answer_item(0, 1), "guessed", stage.visit("answer", method="POST"))
    stage.live(days=1)
    said = words(client.get(path_of(stage)))
    assert ("Anna Berg" in said, "Questions:" in said) == (True, False)


def test_whoever_checks_it_sees_no_more_than_needed(stage: Stage, client: httpx.Client) -> None:
    """That it is genuine, whose and for what: no score, no objective, no address."""
    said = words(client.get(path_of(completed(stage), item=CHECK)))
    assert said == (
        "This certificate is genuine Acme Academy gave it to Anna Berg, who completed “Your first report” on "
        "2 March 2026."
    )


def test_who_has_no_name_is_masked(stage: Stage, client: httpx.Client) -> None:
    """An address is nobody else's business."""
    stage.add("bo@customer.example", first_name=None)
    stage.enrol("bo@customer.example")
    stage.live(days=1)
    enrolled = stage.standing("bo@customer.example").enrolment
    link = certificate_link(stage.sending.ring, "", enrolled.id, item=CHECK)
    assert "gave it to b•••@customer.example, who" in words(client.get(link))
    assert "bo@customer.example" not in client.get(link).text


def test_there_is_none_before_it_is_awarded(stage: Stage, client: httpx.Client) -> None:
    """Half a course is no certificate, for its holder or for whoever checks."""
    stage.deliver()
    for which in (1, CHECK):
        page = client.get(path_of(stage, item=which))
        assert (page.status_code, "no longer holds" in page.text, "Anna" in page.text) == (410, True, False)


def test_the_erased_and_the_withdrawn_hold_no_longer(stage: Stage, client: httpx.Client) -> None:
    """The link is as good as ever, and says that what it led to is gone; nothing of the person is left in it."""
    path, check = path_of(completed(stage)), path_of(stage, item=CHECK)
    with stage.store.write() as conn:
        conn.execute(evidence_table.delete().where(evidence_table.c.kind == "award"))
    assert [client.get(one).status_code for one in (path, check)] == [410, 410]
    with stage.store.write() as conn:
        for table in (evidence_table, delivery, trace, enrolment):
            conn.execute(table.delete())
    gone = client.get(check)
    assert (gone.status_code, "no longer holds" in gone.text) == (410, True)


def test_a_forged_swapped_or_cut_link_is_refused(stage: Stage, client: httpx.Client) -> None:
    """Other purposes, other keys, other numbers in it, cut: 404; and it opens no other door. POST is not taken."""
    path = path_of(completed(stage))
    token, ring, number = path.rpartition("/")[2], stage.sending.ring, stage.standing(ANNA).enrolment.id
    others = [sign(ring, purpose, number, 1) for purpose in Purpose if purpose is not Purpose.CERTIFICATE]
    altered = [token[:-1], token[:-2] + "AA", token.swapcase(), sign(ring, Purpose.CERTIFICATE, number, 2)]
    foreign = sign(Ring.of(["another secret"]), Purpose.CERTIFICATE, number, 1)
    for bad in (*others, *altered, foreign):
        assert client.get(f"/certificate/{bad}").status_code == 404
    for place in ("/u/", "/undo/", "/s/", "/a/", "/c/"):
        assert client.get(place + token).status_code == 404
    assert client.post(path, data={"x": "y"}).status_code == 405


def test_it_is_good_for_ever_with_a_retired_key(stage: Stage) -> None:
    """Ten years and three keys later."""
    path = path_of(completed(stage))
    stage.clock.turn(days=3650)
    ring = Ring((*Ring.of(["2036", "2033"]).keys, *stage.sending.ring.keys))
    stage.sending = replace(stage.sending, ring=ring)
    with running(door_app(stage)) as url:
        assert httpx.get(url + path).status_code == 200


def test_what_people_are_called_is_text(stage: Stage, client: httpx.Client) -> None:
    """Markup, Jinja and format fields in names and titles come out as they were written."""
    hostile = "<script>alert(1)</script>{{ 7*7 }}{sender}\"'"
    title = "'</title><script>alert(2)</script>{date}'"
    stage.publish(COURSE.replace("Your first report", title))
    stage.add("eve@customer.example", first_name=hostile, last_name="<b>")
    stage.enrol("eve@customer.example")
    stage.live(days=1)
    for which in (1, CHECK):
        link = certificate_link(stage.sending.ring, "", stage.standing("eve@customer.example").enrolment.id, item=which)
        page = client.get(link)
        assert (page.status_code, "<script" in page.text, "<b>" in page.text) == (200, False, False)
        assert page.text.count("</title>") == 1
        assert hostile in unescape(page.text)


def test_learners_get_to_it(stage: Stage, client: httpx.Client) -> None:
    """From their own page of the course and after an answer, once it is given and not before; each link works."""
    stage.deliver()
    first = stage.rows()[0].id
    ring = stage.sending.ring
    mine = f"/my/{sign(ring, Purpose.COURSE, first)}"
    answer = f"/a/{sign(ring, Purpose.ANSWER, first, answer_item(0, 0))}"
    assert "Your certificate" not in client.get(mine).text
    completed(stage)
    answered = client.post(answer, data={**fields(client.get(answer)), "option": "0", "sure": "certain"})
    on_a_room = client.post(f"{mine}/zone", data={**fields(client.get(f"{mine}/zone")), "zone": "UTC", "do": "save"})
    for page in (client.get(mine), on_a_room, answered):
        found = re.search(r'href="([^"]+)">Your certificate</a>', page.text)
        assert found, page.text
        shown = client.get(page.url.join(found[1]))
        assert (shown.status_code, "Anna Berg" in shown.text) == (200, True)
    assert client.get(answered.url.join(re.findall(r'href="([^"]+)">Your course</a>', answered.text)[0])).text
    for path in (f"/u/{sign(ring, Purpose.UNSUBSCRIBE, first)}", answer):
        assert "/certificate/" not in client.get(path).text, "only a press, or their own page, leads there"


def test_a_tip_leads_to_it(tmp_path: Path, each_database: str) -> None:
    """`{{ certificate.url }}` in a tip after the award: the learner's own page, also from the mail in a browser."""
    stage = set_up(tmp_path)
    stage.publish(COURSE + LEADING)
    stage.add(ANNA, first_name="Anna", last_name="Berg")
    stage.enrol(ANNA)
    completed(stage)
    path = path_of(stage)
    mails = [message_from_bytes(file.read_bytes(), policy=default) for file in stage.mails()]
    (html,) = [one.get_body(("html",)).get_content() for one in mails if one["Subject"] == "Done"]
    assert html.count(f'href="{stage.sending.base_url}{path}"') == 2
    with running(door_app(stage)) as url:
        shown = httpx.get(url + re.findall(r"/v/[\w-]+", html)[0])
        assert f"{stage.sending.base_url}{path}" in shown.text
        assert "Anna Berg" in words(httpx.get(url + path))


def test_whoever_got_the_mail_passed_on_is_told_so(stage: Stage, client: httpx.Client) -> None:
    """The answer's page says whose it is, and leads to the form where the course is offered; it opens nothing else."""
    stage.deliver()
    answer = f"/a/{sign(stage.sending.ring, Purpose.ANSWER, stage.rows()[0].id, answer_item(0, 0))}"
    page = client.get(answer)
    assert "Not you?" in page.text
    assert "passed on to you" in page.text
    assert "/my/" not in page.text
    (form,) = re.findall(r'href="(\.\./subscribe/[^"]+)"', page.text)
    assert client.get(page.url.join(form)).status_code == 200
