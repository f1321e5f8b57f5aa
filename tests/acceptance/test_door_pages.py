"""The pages where people come in, come back and get a certificate, as a person meets them in a browser and on paper.

`DRIP_SHOTS=folder pytest tests/acceptance/test_door_pages.py` leaves a picture of each there, to be looked at.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from doors import door_app, link_in, mails_to, requests_of, text_of
from playwright.sync_api import Browser, Page, expect
from stage import Stage, set_up
from test_pages import CHROME, MEASURE, VIEWS, browser, open_page, outline, press

from drip.engine.subscribe import Offer
from drip.people import State
from drip.render.certificates import CHECK, certificate_token
from drip.store import former, learners
from drip.store.tables import delivery, enrolment, trace
from drip.store.tables import evidence as evidence_table
from drip.track.token import Purpose, sign
from drip.web.serve import running

__all__ = ["browser"]  # a fixture

NEW = "astrid.lindqvist@customer.example"
#: language → course, what people agree to, and the words that a test presses by.
TEXTS: dict[str, tuple[str, str, str, str]] = {
    "en": (
        "Your first report in a week",
        "Acme Academy",
        "Create a chart from a saved view",
        "I want Acme Academy to mail me this course, one tip a weekday. I can leave with one press in every mail.",
    ),
    "sv": (
        "Säkerhetsmedvetenhetsutbildning för nyanställda medarbetare",
        "Karin på Pärmen",
        "Känna igen leveransvillkorsöverenskommelsebekräftelser som inte är äkta",
        "Jag vill att Pärmen mejlar mig den här kursen. Jag kan avsluta med ett tryck i varje mejl.",
    ),
    "ar": (
        "تقريرك الأول في أسبوع",
        "أكاديمية أكمي",
        "إنشاء مخطط من عرض محفوظ",
        "أريد أن ترسل لي أكاديمية أكمي هذه الدورة بالبريد.",
    ),
}
COURSE = """\
title: {title}
language: {language}
sender: {{name: {sender}, email: learn@acme.example}}
timing: {{every: 1 day, at: "09:00", timezone: Europe/Stockholm}}
steps:
  - tip: welcome
    subject: Tip 1
    body: A chart starts from a saved view.
    objective: {objective}
    skill: reporting.charts
  - tip: export
    subject: Tip 2
    body: Press export.
  - award: certificate
"""
TRANSLATION = """\
title: Din första rapport
steps:
  - {tip: welcome, subject: Tips 1, body: Ett diagram börjar i en sparad vy.}
  - {tip: export, subject: Tips 2, body: Tryck på exportera.}
"""


@dataclass(frozen=True, kw_only=True)
class Site:
    """A stage in one language, and where its web side answers."""

    stage: Stage
    url: str
    language: str

    def token(self, purpose: Purpose, number: int, item: int = 0) -> str:
        return sign(self.stage.sending.ring, purpose, number, item)


@pytest.fixture
def site(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Site]:
    """A course in the language that the test names, or in English."""
    language = getattr(request, "param", "en")
    title, sender, objective, agree = TEXTS[language]
    stage = set_up(tmp_path)
    stage.publish(COURSE.format(title=title, language=language, sender=sender, objective=objective))
    offer = Offer(courses=("course",), consent={language: agree})
    with running(door_app(stage, offer)) as url:
        yield Site(stage=stage, url=url, language=language)


def every_page(page: Page, site: Site) -> Iterator[str]:
    """Walk through all of these pages, as people would; the name of each when it is shown."""
    stage = site.stage
    page.goto(site.url + "/subscribe/course")
    yield "subscribe"
    page.get_by_role("textbox").nth(0).fill(NEW)
    stage.clock.turn(seconds=1)
    press(page, "button")
    yield "subscribe-too-fast"
    page.locator("#email").fill("astrid@nowhere")
    stage.clock.turn(seconds=3)
    press(page, "button")
    yield "subscribe-wrong"
    page.locator("#email").fill(NEW)
    page.locator("#first-name").fill("Åsa")
    stage.clock.turn(seconds=3)
    press(page, "button")
    yield "asked"
    stage.deliver()
    (mail,) = mails_to(stage, NEW)
    path = link_in(mail)
    page.goto(site.url + path)
    yield "confirm"
    press(page, "button")
    yield "joined"
    stage.live(days=4)
    enrolled = stage.standing(NEW).enrolment
    for name, item in (("certificate", 1), ("genuine", CHECK)):
        page.goto(f"{site.url}/certificate/{certificate_token(stage.sending.ring, enrolled.id, item=item)}")
        yield name
    page.goto(f"{site.url}/u/{site.token(Purpose.UNSUBSCRIBE, stage.rows()[0].id)}")
    press(page, "button")
    yield "left"
    press(page, "button")
    yield "back"
    stage.clock.turn(days=2)
    page.goto(f"{site.url}/undo/{site.token(Purpose.UNDO, stage.rows()[0].id, 3)}")
    yield "missing"
    page.goto(site.url + path)
    yield "joined-before"
    stage.clock.turn(days=8)
    page.goto(site.url + path)
    yield "expired"


@pytest.mark.parametrize(("width", "scheme", "scale"), VIEWS)
@pytest.mark.parametrize("site", list(TEXTS), indirect=True)
def test_every_page_can_be_read_and_pressed(browser: Browser, site: Site, width: int, scheme: str, scale: int) -> None:
    """It fits its window, every text reaches 4.5:1 and 14 px, and whatever is pressed is at least 48 px high."""
    page = open_page(browser, width, scheme, scale)
    for name in every_page(page, site):
        if folder := os.environ.get("DRIP_SHOTS"):
            page.screenshot(path=Path(folder) / f"{site.language}-{name}-{width}-{scheme}.png", full_page=True)
        seen: dict[str, Any] = page.evaluate(MEASURE)
        texts = [text for text in seen["texts"] if text["left"] > -1]
        assert seen["scroll"] <= width, f"{name} scrolls sideways"
        assert [text for text in texts if text["contrast"] < 4.5] == [], name
        assert [text for text in texts if text["size"] < 14] == [], name
        assert [text for text in texts if text["left"] < 15 or text["right"] > width - 15] == [], name
        heights = page.evaluate(
            "() => [...document.querySelectorAll('button, select, .field input')]"
            ".map(e => e.getBoundingClientRect().height)"
        )
        assert [height for height in heights if height < 48] == [], name
        assert seen["page"] == ("rgb(22, 24, 26)" if scheme == "dark" else "rgb(255, 255, 255)"), name
        assert seen["main"] == min(width, 600), name
    page.context.close()


@pytest.mark.parametrize("site", list(TEXTS), indirect=True)
def test_axe_finds_nothing(browser: Browser, site: Site) -> None:
    """WCAG 2.2 AA and best practice, as far as a program can tell (its script runs beside the page's own none)."""
    context = browser.new_context(viewport={"width": 375, "height": 700}, user_agent=CHROME, bypass_csp=True)
    page = context.new_page()
    for name in every_page(page, site):
        found = Axe().run(page).response["violations"]
        assert [(one["id"], one["nodes"][0]["html"]) for one in found] == [], name
    context.close()


def test_asking_by_keyboard_alone(browser: Browser, site: Site) -> None:
    """Tab meets address, name and button, and nothing else; where one stands is seen; Return sends."""
    page = open_page(browser)
    page.goto(site.url + "/subscribe/course")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Your address")).to_be_focused()
    assert outline(page, ":focus") >= 2
    page.keyboard.type(NEW)
    page.keyboard.press("Tab")
    expect(page.get_by_label("Your first name")).to_be_focused()
    page.keyboard.type("Åsa")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Sign me up")).to_be_focused()
    assert outline(page, ":focus") >= 2
    site.stage.clock.turn(seconds=5)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Look at your mail")
    page.context.close()
    (row,) = requests_of(site.stage)
    assert (row.email, row.first_name, row.state) == (NEW, "Åsa", "waiting")


def test_the_hidden_field_is_met_by_nobody(browser: Browser, site: Site) -> None:
    """Not by eyes, keys or screen readers: it is out of the accessibility tree, and cannot be focused."""
    page = open_page(browser)
    page.goto(site.url + "/subscribe/course")
    assert page.get_by_role("textbox").count() == 2
    assert "Leave this empty" not in page.locator("main").aria_snapshot()
    trap = page.locator("[name=topic]")
    trap.evaluate("e => e.focus()")
    expect(trap).not_to_be_focused()
    box = page.locator(".aside").bounding_box()
    assert box is not None
    assert max(box["width"], box["height"]) <= 1
    page.context.close()


def test_a_course_in_two_languages_asks_in_which(browser: Browser, tmp_path: Path) -> None:
    """The browser's own language stands first; the one that is chosen is the learner's, in mail and page."""
    stage = set_up(tmp_path)
    title, sender, objective, agree = TEXTS["en"]
    (tmp_path / "campaigns").mkdir()
    (tmp_path / "campaigns" / "course.sv.yaml").write_text(TRANSLATION, "utf-8")
    stage.publish(COURSE.format(title=title, language="en", sender=sender, objective=objective))
    offer = Offer(courses=("course",), consent={"en": agree, "sv": TEXTS["sv"][3]})
    with running(door_app(stage, offer)) as url:
        page = open_page(browser)
        page.goto(url + "/subscribe/course")
        expect(page.get_by_label("Language")).to_have_value("en")
        assert page.locator("option").all_inner_texts() == ["English", "Svenska"]
        page.locator("#email").fill(NEW)
        page.get_by_label("Language").select_option("sv")
        stage.clock.turn(seconds=3)
        press(page, "button")
        stage.deliver()
        (mail,) = mails_to(stage, NEW)
        assert (mail["Content-Language"], mail["Subject"]) == (
            "sv",
            "Var det du som anmälde dig till ”Din första rapport”?",
        )
        page.goto(url + link_in(mail))
        expect(page.get_by_role("heading", level=1)).to_have_text("Vill du börja ”Din första rapport”?")
        press(page, "button")
        expect(page.get_by_role("heading", level=1)).to_have_text("Du är med")
        page.context.close()
    assert stage.standing(NEW).learner.language == "sv"


def test_undo_by_keyboard_alone(browser: Browser, site: Site) -> None:
    """Leave, and think better of it: Tab and Return, twice."""
    site.stage.people(1)
    site.stage.live(days=1)
    page = open_page(browser)
    page.goto(f"{site.url}/u/{site.token(Purpose.UNSUBSCRIBE, site.stage.rows()[0].id)}")
    for button, heading in (("Unsubscribe", "You have left"), ("Undo", "You are back")):
        page.keyboard.press("Tab")
        expect(page.get_by_role("button", name=button)).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text(heading)
    page.context.close()
    assert site.stage.standing("learner0@customer.example").enrolment.state is State.ACTIVE


@pytest.mark.parametrize("paper", ["A4", "Letter"])
@pytest.mark.parametrize("site", list(TEXTS), indirect=True)
def test_a_certificate_is_one_sheet_of_paper(browser: Browser, site: Site, paper: str) -> None:
    """On A4 and on Letter, also for whoever reads dark pages: dark letters on white."""
    site.stage.add(NEW, first_name="Astrid", last_name="Lindqvist")
    site.stage.enrol(NEW)
    site.stage.live(days=4)
    page = open_page(browser, 1280, "dark")
    token = certificate_token(site.stage.sending.ring, site.stage.standing(NEW).enrolment.id)
    page.goto(f"{site.url}/certificate/{token}")
    pdf = page.pdf(format=paper, print_background=True)
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 1
    if folder := os.environ.get("DRIP_SHOTS"):
        (Path(folder) / f"{site.language}-certificate-{paper}.pdf").write_bytes(pdf)
    page.emulate_media(media="print", color_scheme="dark")
    look = page.evaluate("() => { const s = getComputedStyle(document.body); return [s.color, s.backgroundColor]; }")
    assert look == ["rgb(26, 28, 30)", "rgb(255, 255, 255)"]
    page.context.close()


@pytest.mark.parametrize(("width", "scheme"), [(375, "light"), (375, "dark"), (1280, "light")])
@pytest.mark.parametrize("site", list(TEXTS), indirect=True)
def test_the_mail_that_asks_can_be_read(browser: Browser, site: Site, width: int, scheme: str) -> None:
    """It fits, reads well in light and dark, its button is 48 px high, and it runs as its language does."""
    form = site.url + "/subscribe/course"
    page = open_page(browser, width, scheme)
    page.goto(form)
    page.locator("#email").fill(NEW)
    site.stage.clock.turn(seconds=3)
    press(page, "button")
    site.stage.deliver()
    page.goto("about:blank")  # off the form's page, whose policy lets no style in
    page.set_content(text_of(mails_to(site.stage, NEW)[0], "html"))
    if folder := os.environ.get("DRIP_SHOTS"):
        page.screenshot(path=Path(folder) / f"{site.language}-mail-{width}-{scheme}.png", full_page=True)
    seen = page.evaluate(MEASURE.replace("querySelector('main')", "querySelector('body')"))
    assert seen["scroll"] <= width
    assert [text for text in seen["texts"] if text["contrast"] < 4.5 or text["size"] < 14] == []
    assert [box for box in seen["pressed"] if box["height"] < 48] == []
    page.context.close()


def test_leaving_for_whoever_has_been_erased(browser: Browser, site: Site) -> None:
    """The same one question and one press; nothing of them is shown, since nothing is known."""
    site.stage.add(NEW)
    site.stage.enrol(NEW)
    site.stage.live(days=1)
    number = site.stage.rows()[0].id
    with site.stage.store.write() as conn:
        found = learners.by_addresses(conn, [NEW])[NEW]
        former.keep(conn, found.id, "a hash")
        for table in (evidence_table, delivery, trace, enrolment):
            conn.execute(table.delete())
    page = open_page(browser)
    page.goto(f"{site.url}/u/{site.token(Purpose.UNSUBSCRIBE, number)}")
    for name in ("former", "former-left"):
        if folder := os.environ.get("DRIP_SHOTS"):
            page.screenshot(path=Path(folder) / f"en-{name}-375-light.png", full_page=True)
        seen = page.evaluate(MEASURE)
        assert [text for text in seen["texts"] if text["contrast"] < 4.5 or text["size"] < 14] == [], name
        if name == "former":
            press(page, "button")
    expect(page.get_by_role("heading", level=1)).to_have_text("You have left")
    page.context.close()
