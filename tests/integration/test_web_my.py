"""A learner's own page over HTTP: shown by a GET, changed by its own form alone, opened by its own links alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path

import httpx
import pytest
from stage import Stage, set_up
from web_workspace import CHROME

from drip.engine.fresh_links import send_fresh_links
from drip.people import State
from drip.track.token import Purpose, Ring, sign
from drip.web.app import build_app
from drip.web.my_pages import ROOMS
from drip.web.serve import running

ANNA = "anna.berg@customer.example"
SCRIPT = "<script>alert(1)</script>"
TEXT = """\
title: Your first report
sender: {name: Acme Academy, email: learn@acme.example}
timing: {every: 2 days, at: "09:00", timezone: Europe/Stockholm}
tracking: {clicks: always}
steps:
  - tip: t1
    subject: "Start here, {{ learner.first_name }}"
    body: "A [view](https://app.acme.example/views?u={{ learner.ref }})."
    question: {ask: Where?, options: [{text: Here, correct: true}, {text: There}]}
""" + "".join(f"  - {{tip: t{n}, subject: Tip {n}, body: B}}\n" for n in range(2, 6))


@dataclass
class Site:
    stage: Stage
    client: httpx.Client

    @property
    def delivery(self) -> int:
        return self.stage.rows()[0].id

    def token(self, purpose: Purpose = Purpose.COURSE, *, days: float = 30, item: int = 0) -> str:
        until = self.stage.clock() + timedelta(days=days)
        return sign(self.stage.sending.ring, purpose, self.delivery, item, expires_at=until)

    def path(self, room: str = "", *, days: float = 30) -> str:
        return f"/my/{self.token(days=days)}{'/' if room else ''}{room}"

    def press(self, room: str, do: str, **fields: str) -> httpx.Response:
        """Open the page and press, as a person does."""
        path = self.path(room)
        return self.client.post(path, data={**hidden(self.client.get(path)), "do": do, **fields})

    def kinds(self) -> list[str]:
        with self.stage.store.read() as conn:
            rows = conn.exec_driver_sql("SELECT kind, item FROM evidence ORDER BY id")
            return [f"{row.kind} {row.item}".strip() for row in rows]

    def state(self) -> tuple[object, ...]:
        standing = self.stage.standing(ANNA)
        return standing.enrolment, standing.due_at, standing.learner


def hidden(page: httpx.Response) -> dict[str, str]:
    """The hidden fields of a page's forms."""
    found = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.text))
    assert "nonce" in found, page.text
    return found


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    yield from _site(tmp_path, TEXT)


def _site(tmp_path: Path, text: str, **person: object) -> Iterator[Site]:
    stage = set_up(tmp_path)
    stage.publish(text)
    stage.add(ANNA, **person)
    stage.enrol(ANNA)
    stage.clock.now = datetime.fromisoformat("2026-03-02T08:00:00+00:00")
    assert stage.deliver().sent == 1
    stage.clock.turn(hours=2)
    app = build_app(recorder=stage.recorder, ring=stage.sending.ring, clock=stage.clock)
    with running(app) as url, httpx.Client(base_url=url, headers={"User-Agent": CHROME}) as client:
        yield Site(stage=stage, client=client)


def test_the_page_says_how_it_stands(site: Site) -> None:
    """How far, what has come with its day, when the next one comes, a masked address; a visit, and no change."""
    before = site.state()
    page = site.client.get(site.path())
    assert page.status_code == 200
    for said in (
        "1 of 5",
        "Start here, Åsa",
        "Monday 2 March",
        "on Wednesday 4 March at 09:00",
        "a•••@customer.example",
    ):
        assert said in page.text
    assert "anna.berg" not in page.text
    assert site.state() == before
    assert site.kinds() == ["visit my"]


@pytest.mark.parametrize("room", ROOMS)
def test_looking_changes_nothing(site: Site, room: str) -> None:
    """Every page answers a GET and a HEAD, whatever stands in the query, and leaves all as it was."""
    before = site.state()
    for query in ("", "?do=open&until=2026-04-01&nonce=x", "?do=half"):
        page = site.client.get(site.path(room) + query)
        assert page.status_code == 200
        assert site.client.head(site.path(room) + query).status_code == 200
        assert "a•••@customer.example" in page.text
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["referrer-policy"] == "no-referrer"
        assert "script" not in page.headers["content-security-policy"].replace("script-src 'none'", "")
        assert len(page.content) < (40_000 if room == "zone" else 14_000)
    assert site.state() == before
    assert {kind.split()[0] for kind in site.kinds()} == {"visit"}


def test_every_control_works_over_http(site: Site) -> None:
    """Pace, hour and days, zone, pause, going on, the next one now: each press is answered with how it stands then."""
    assert "on Friday 6 March at 09:00" in site.press("pace", "half").text
    assert "on Thursday 12 March at 07:30" in site.press("times", "save", at="07:30", day3="1").text
    assert "Thu" in site.client.get(site.path()).text
    assert "on Wednesday 4 March at 09:00" in (site.press("times", "course"), site.press("pace", "planned"))[1].text
    assert "New York" in site.press("zone", "save", zone="America/New_York").text
    assert "Paused until <bdi>Monday 9 March</bdi>." in site.press("pause", "2026-03-09").text
    assert "Paused until <bdi>Wednesday 1 April</bdi>." in site.press("pause", "then", until="2026-04-01").text
    assert "Paused until you come back." in site.press("pause", "open").text
    assert "The next tip comes" in site.press("", "resume").text
    assert "is on its way to" in site.press("", "next").text
    assert site.stage.idle().sent == 1
    changes = [kind for kind in site.kinds() if kind.startswith("change")]
    assert changes == [
        "change pace", "change hour", "change days", "change hour", "change days", "change pace", "change timezone",
        "change pause", "change pause", "change pause", "change resume", "change next",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("room", "form", "says"),
    [
        ("pause", {"do": "then", "until": "2020-01-01"}, "Choose a day from tomorrow on"),
        ("pause", {"do": "then", "until": "tomorrow"}, "Choose a day from tomorrow on"),
        ("pause", {"do": "9999-12-31"}, "Choose a day from tomorrow on"),
        ("times", {"do": "save", "at": "09:00"}, "Choose at least one day"),
        ("times", {"do": "save", "at": "25:00", "day1": "1"}, "Write the hour as 09:30"),
        ("zone", {"do": "save", "zone": "Mars/Olympus"}, "Choose a time zone from the list"),
        ("zone", {"do": "save", "zone": "../../etc/passwd"}, "Choose a time zone from the list"),
    ],
)
def test_what_a_person_may_get_wrong_is_said_on_the_page(
    site: Site, room: str, form: dict[str, str], says: str
) -> None:
    """In words, on the same page, and nothing has changed."""
    before = site.state()
    path = site.path(room)
    page = site.client.post(path, data={**hidden(site.client.get(path)), **form})
    assert page.status_code == 200
    assert says in page.text
    assert site.state() == before


@pytest.mark.parametrize(
    ("room", "form"),
    [
        ("", {"do": "next", "mark": ""}),
        ("", {"do": "next", "mark": "-1"}),
        ("", {"do": "next", "mark": "9" * 40}),
        ("", {"do": "pause"}),
        ("pace", {"do": "ten times"}),
        ("pace", {}),
        ("leave", {"do": "nothing"}),
        ("language", {}),
    ],
)
def test_a_form_that_is_none_of_ours_is_refused(site: Site, room: str, form: dict[str, str]) -> None:
    """A 400, and nothing written but the visit."""
    before, path = site.state(), site.path(room)
    assert site.client.post(path, data={**hidden(site.client.get(path)), **form}).status_code == 400
    assert (site.state(), site.kinds()) == (before, [f"visit my/{room}".rstrip("/")])


def test_only_the_page_s_own_form_changes_anything(site: Site) -> None:
    """No nonce, another page's, an altered one, JSON, a body too long: refused; another site cannot know one."""
    before = site.state()
    path, other = site.path("pause"), f"/my/{site.token(days=29)}/pause"
    nonce = hidden(site.client.get(other))["nonce"]
    for form in ({}, {"nonce": ""}, {"nonce": nonce}, {"nonce": nonce + "x"}, {"nonce": "å.b"}):
        assert site.client.post(path, data={**form, "do": "open"}).status_code == 400
    assert site.client.post(path, json={"do": "open"}).status_code == 400
    assert site.client.post(path, data={"do": "x" * 20_000}).status_code == 413
    assert site.state() == before


def test_a_form_sent_again_is_free(site: Site) -> None:
    """The same body three times: one change."""
    path = site.path("pause")
    form = {**hidden(site.client.get(path)), "do": "open"}
    for _ in range(3):
        assert site.client.post(path, data=form).status_code == 200
    assert site.kinds().count("change pause") == 1


def test_links_for_something_else_open_nothing(site: Site) -> None:
    """A link to leave, to answer or to look at a mail is no link to this page, nor the other way round."""
    before = site.state()
    for purpose in Purpose:
        if purpose is Purpose.COURSE:
            continue
        assert site.client.get(f"/my/{site.token(purpose)}").status_code in (400, 404)
        assert site.client.post(f"/my/{site.token(purpose)}/pause", data={"do": "open"}).status_code in (400, 404)
    assert site.client.get(f"/v/{site.token()}").status_code in (400, 404)
    assert site.client.get(f"/u/{site.token()}").status_code in (400, 404)
    good = site.token()
    for bad in (good[:-1], good + "A", good[:8] + ("B" if good[8] == "A" else "A") + good[9:], "x", "A" * 200):
        assert site.client.get(f"/my/{bad}").status_code in (400, 404)
    foreign = sign(Ring.of(["another secret, long enough"]), Purpose.COURSE, site.delivery)
    assert site.client.get(f"/my/{foreign}").status_code in (400, 404)
    assert (site.state(), site.kinds()) == (before, [])


def test_a_page_that_there_is_not(site: Site) -> None:
    """404, also below a good link."""
    assert site.client.get(site.path("secrets")).status_code == 404
    assert site.client.get(site.path() + "/pause/x").status_code == 404


def test_a_test_message_s_links_say_so(site: Site) -> None:
    """Nothing is recorded and nothing changes."""
    for purpose, base in ((Purpose.COURSE, "my"), (Purpose.VIEW, "v")):
        page = site.client.get(f"/{base}/{sign(site.stage.sending.ring, purpose, 0)}")
        assert "This is a test message" in page.text
    assert site.kinds() == []


def test_an_old_link_shows_nothing_and_sends_a_fresh_one(site: Site) -> None:
    """To the address on file, by the next tick; its link opens the page. A GET sends nothing."""
    old = site.path(days=-2)
    page = site.client.get(old)
    assert page.status_code == 410
    assert "Start here" not in page.text
    assert "customer.example" not in page.text
    assert site.client.post(site.path("pause", days=-2), data={"do": "open"}).status_code == 400
    answer = site.client.post(old, data={**hidden(page), "do": "fresh"})
    assert "Look in your mail" in answer.text
    mails = len(site.stage.mails())
    assert site.stage.idle().sent == 0  # it stands in no ledger
    assert len(site.stage.mails()) == mails + 1
    newest = max(site.stage.mails(), key=lambda path: path.stat().st_mtime_ns)
    mail = message_from_bytes(newest.read_bytes(), policy=policy.default)
    assert mail["To"] == ANNA
    body = mail.get_body(("plain",))
    assert body is not None
    (link,) = re.findall(r"https://learn\.acme\.example(/my/\S+)", body.get_content())
    assert "1 of 5" in site.client.get(link).text
    assert send_fresh_links(site.stage.sending) == 0


def test_nobody_can_be_flooded_with_fresh_links(site: Site) -> None:
    """However often an old link is pressed: one an hour, three a day; and everybody is told the same."""
    mails, said = len(site.stage.mails()), set()
    for _ in range(30):
        old = site.path(days=-2)
        answer = site.client.post(old, data={**hidden(site.client.get(old)), "do": "fresh"})
        said.add(re.sub(r'nonce="[^"]+"', "", answer.text))
        send_fresh_links(site.stage.sending)
        site.stage.clock.turn(minutes=20)
    assert len(site.stage.mails()) == mails + 3
    site.stage.recorder.left(site.delivery, site.stage.visit("leave", method="POST"))
    site.stage.clock.turn(days=2)
    old = site.path(days=-2)
    answer = site.client.post(old, data={**hidden(site.client.get(old)), "do": "fresh"})
    said.add(re.sub(r'nonce="[^"]+"', "", answer.text))
    send_fresh_links(site.stage.sending)
    assert len(site.stage.mails()) == mails + 3
    nobody = sign(site.stage.sending.ring, Purpose.COURSE, 999_999, expires_at=site.stage.clock() - timedelta(days=2))
    answer = site.client.post(f"/my/{nobody}", data={**hidden(site.client.get(f"/my/{nobody}")), "do": "fresh"})
    said.add(re.sub(r'nonce="[^"]+"', "", answer.text))
    assert len(said) == 1


def test_a_mail_is_shown_as_it_was_sent(site: Site) -> None:
    """Its own revision, name and links, without its pixel; recorded as a visit, and no open."""
    site.stage.publish(TEXT.replace("Start here", "Begin anew"))
    page = site.client.get(f"/v/{site.token(Purpose.VIEW)}")
    raw = message_from_bytes(site.stage.mails()[0].read_bytes(), policy=policy.default)
    html = raw.get_body(("html",))
    assert html is not None
    sent = html.get_content().replace("https://learn.acme.example", "")
    sent = re.sub(r'<img src="/o/[^>]+>', "", sent)
    assert page.text.split() == sent.split()
    assert "/o/" not in page.text
    assert "sandbox" in page.headers["content-security-policy"]
    assert site.kinds() == ["visit view"]


def test_a_changed_name_is_not_told_of_the_past(site: Site) -> None:
    """What was answered and known later does not change what the mail said; a learner who is gone is a 404."""
    ring = site.stage.sending.ring
    assert site.client.get(f"/v/{sign(ring, Purpose.VIEW, 999_999)}").status_code == 404
    assert site.client.get(f"/my/{sign(ring, Purpose.COURSE, 999_999)}").status_code == 404


def test_nothing_that_people_write_runs_or_breaks_out(tmp_path: Path) -> None:
    """Names, course and tips with markup, quotes, Jinja and line breaks stand on every page as text."""
    nasty = f"\"'{SCRIPT}{{{{ 7*7 }}}} %"
    text = TEXT.replace("Your first report", "'" + nasty.replace("'", "''") + "'").replace(
        "name: Acme Academy", "name: '" + nasty.replace("'", "''").replace("{{ 7*7 }}", "") + "'"
    )
    for site in _site(tmp_path, text, first_name=nasty + "\r\nBcc: x@evil.example", ref="a&b"):
        for room in ("", *ROOMS):
            page = site.client.get(site.path(room))
            assert page.status_code == 200
            assert SCRIPT not in page.text
            assert "49" not in page.text.partition("<main>")[2].partition("</main>")[0] or room == "zone"
        view = site.client.get(f"/v/{site.token(Purpose.VIEW)}")
        assert SCRIPT not in view.text
        old = site.path(days=-2)
        site.client.post(old, data={**hidden(site.client.get(old)), "do": "fresh"})
        assert send_fresh_links(site.stage.sending) == 1
        for mail in site.stage.mails():
            assert b"\nBcc:" not in mail.read_bytes()


def test_what_is_left_says_so(site: Site) -> None:
    """Leaving this course from its page: how it stands, and a link that takes it back; no controls any more."""
    page = site.press("leave", "course")
    assert "You have left" in page.text
    assert site.stage.standing(ANNA).enrolment.state is State.LEFT
    (undo,) = re.findall(r'href="([^"]+/undo/[^"]+)"', page.text)
    assert site.client.get("/undo/" + undo.rpartition("/undo/")[2]).status_code == 200
    assert "What has come" in page.text
    assert "/pause" not in page.text
    assert site.press("pause", "open").status_code == 200
    assert site.stage.standing(ANNA).enrolment.state is State.LEFT


def test_swedish_is_spoken(tmp_path: Path) -> None:
    """A course in Swedish has its page in Swedish, with du and the days of the week."""
    for site in _site(tmp_path, TEXT.replace("sender:", "language: sv\nsender:")):
        page = site.client.get(site.path())
        for said in ("1 av 5", "Nästa tips kommer", "onsdag 4 mars kl. 09:00", "Måndag 2 mars", "Skicka det nu"):
            assert said in page.text
        assert "Hälften så ofta" in site.client.get(site.path("pace")).text


def test_a_dead_address_comes_back_by_no_press(site: Site) -> None:
    """What a bounce has ended is over: the page shows what had come, and no press brings it back."""
    with site.stage.store.write() as conn:
        conn.exec_driver_sql("UPDATE enrolment SET state = 'failed', due_at = NULL")
    for do, room in (("open", "pause"), ("resume", ""), ("half", "pace")):
        path = site.path(room)
        site.client.post(path, data={**hidden(site.client.get(site.path("pause"))), "do": do})
    assert site.stage.standing(ANNA).enrolment.state is State.FAILED


def test_saving_what_was_not_changed_is_nobodys_wish(site: Site) -> None:
    """The course's hour and days stay the course's; what alone was changed becomes the learner's own."""
    page = site.client.get(site.path("times"))
    days = {f"day{number}": "1" for number in re.findall(r'name="day(\d)" value="1" checked', page.text)}
    assert "Saved." in site.press("times", "save", at="09:00", **days).text
    wish = site.stage.standing(ANNA).enrolment.wish
    assert (wish.at, wish.days) == (None, None)
    site.press("times", "save", at="10:30", **days)
    wish = site.stage.standing(ANNA).enrolment.wish
    assert (wish.at, wish.days) == (630, None)
    site.press("times", "save", at="10:30", day0="1", day1="1")
    wish = site.stage.standing(ANNA).enrolment.wish
    assert (wish.at, wish.days) == (630, frozenset({0, 1}))


def test_the_page_for_pausing_says_that_it_is_paused(site: Site) -> None:
    """And has the button that ends it, which works there."""
    assert 'value="resume"' not in site.client.get(site.path("pause")).text
    site.press("pause", "open")
    page = site.client.get(site.path("pause")).text
    assert ("Paused until you come back." in page, "Pause this course?" in page) == (True, False)
    site.press("pause", "resume")
    assert site.stage.standing(ANNA).enrolment.state is State.ACTIVE


def test_half_as_often_is_not_as_often_as_it_can(tmp_path: Path) -> None:
    """A course of a mail a day has nothing faster than its plan; who has it at half the pace can have it faster."""
    for site in _site(tmp_path, TEXT.replace("2 days", "1 day")):
        assert "comes as often as it can" in site.client.get(site.path("pace")).text
        site.press("pace", "half")
        assert "comes as often as it can" not in site.client.get(site.path("pace")).text


def test_zones_have_names_and_stand_there_once(site: Site) -> None:
    """In the page's language, without old names of the same place; what holds is chosen, also by an old name."""
    assert "In your time zone, <bdi>Stockholm</bdi>." in site.client.get(site.path("times")).text
    listed = re.findall(r'<option value="([^"]+)"( selected)?>([^<]+)', site.client.get(site.path("zone")).text)
    names = [name for name, _, _ in listed]
    assert ("Africa/Asmara" in names, "Africa/Asmera" in names, "Asia/Calcutta" in names) == (True, False, False)
    assert [(name, place) for name, held, place in listed if held] == [("Europe/Stockholm", "Stockholm")]
    site.press("zone", "save", zone="Asia/Calcutta")
    again = re.findall(r'<option value="([^"]+)" selected>([^<]+)', site.client.get(site.path("zone")).text)
    assert again == [("Asia/Kolkata", "Kolkata")]
    site.press("zone", "save", zone="Etc/GMT+3")
    odd = re.findall(r'<option value="([^"]+)" selected>', site.client.get(site.path("zone")).text)
    assert odd == ["Etc/GMT+3"], "a zone without a place is not lost by saving"


def test_an_answer_that_comes_too_late_leads_to_a_fresh_link(site: Site) -> None:
    """Its page leads to the page where one is asked for, which shows nothing of anybody and opens nothing."""
    before = site.kinds()
    page = site.client.get(f"/a/{site.token(Purpose.ANSWER, days=-2)}")
    (way,) = re.findall(r'href="\.\.(/my/[^"]+)"', page.text)
    old = site.client.get(way)
    assert (page.status_code, old.status_code, "Send me a fresh link" in old.text) == (410, 410, True)
    assert site.client.get(f"{way}/pause").status_code == 410
    assert "customer.example" not in page.text + old.text
    assert site.client.post(way, data={**hidden(old), "do": "fresh"}).status_code == 200
    assert (site.kinds(), site.stage.deliver().fresh_links) == (before, 1)
    test = sign(site.stage.sending.ring, Purpose.ANSWER, 0, 0, expires_at=site.stage.clock() - timedelta(days=2))
    assert "/my/" not in site.client.get(f"/a/{test}").text


def test_a_pause_offers_what_does_not_hold_yet(site: Site) -> None:
    """Paused until a day, that day is not offered again; paused until one comes back, neither is that."""
    offered = re.findall(r'name="do" value="(2026[^"]*)"', site.client.get(site.path("pause")).text)
    assert len(offered) == 3
    site.press("pause", offered[1])
    page = site.client.get(site.path("pause")).text
    assert re.findall(r'name="do" value="(2026[^"]*)"', page) == [offered[0], offered[2]]
    assert 'value="open"' in page
    site.press("pause", "open")
    assert 'value="open"' not in site.client.get(site.path("pause")).text
