"""A learner's own page of a course in a browser: narrow, wide, dark, enlarged, by keyboard alone, without JavaScript.

`DRIP_SHOTS=folder pytest tests/acceptance/test_my_pages.py` leaves a picture of each there, to be looked at.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from stage import Stage, set_up
from test_pages import ARGUMENTS, CHROMIUM, MEASURE, VIEWS, open_page, press

from drip.people import State, Tempo
from drip.track.token import Purpose, sign
from drip.web.app import build_app
from drip.web.my_pages import ROOMS
from drip.web.serve import running

ANNA = "anna.berg@customer.example"
COURSES = {
    "en": (
        "Your first report in a week",
        "Acme Academy",
        ["Start from a saved view", "Export it", "Two views", "Done"],
    ),
    "sv": (
        "Trygg start",
        "Karin på Pärmen",
        ["Skynda aldrig", "Leveransvillkorsöverenskommelsebekräftelsenummer", "Ring upp", "Klart"],
    ),
    "ar": ("تقريرك الأول", "أكاديمية أكمي", ["ابدأ من عرض محفوظ", "صدّره إلى جدول", "ثلاثة", "أربعة"]),
}


@dataclass(frozen=True, kw_only=True)
class Site:
    """A course, two of whose tips have come, and where its web side answers."""

    stage: Stage
    url: str
    language: str

    def link(self, room: str = "", *, days: float = 30) -> str:
        until = self.stage.clock() + timedelta(days=days)
        token = sign(self.stage.sending.ring, Purpose.COURSE, self.stage.rows()[-1].id, expires_at=until)
        return f"{self.url}/my/{token}{'/' if room else ''}{room}"

    def stands(self) -> Any:
        return self.stage.standing(ANNA).enrolment


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, with a profile of its own."""
    assert CHROMIUM is not None, "no chromium on this machine: `make test` installs it, or apt-get install chromium"
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture
def site(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Site]:
    """A course in the language that the test names, or in English."""
    language = getattr(request, "param", "en")
    title, sender, subjects = COURSES[language]
    stage = set_up(tmp_path)
    stage.publish(
        f'title: "{title}"\nlanguage: {language}\nsender: {{name: "{sender}", email: learn@acme.example}}\n'
        'timing: {every: 2 days, at: "09:00", days: mon-fri, timezone: Europe/Stockholm}\nsteps:\n'
        + "".join(f'  - {{tip: t{n}, subject: "{subject}", body: B}}\n' for n, subject in enumerate(subjects))
    )
    stage.add(ANNA, language=language)
    stage.enrol(ANNA)
    for at in ("2026-03-02T08:00:00+00:00", "2026-03-04T08:00:00+00:00"):
        stage.clock.now = datetime.fromisoformat(at)
        assert stage.deliver().sent == 1
    stage.clock.turn(hours=3)
    app = build_app(recorder=stage.recorder, ring=stage.sending.ring, clock=stage.clock)
    with running(app) as url:
        yield Site(stage=stage, url=url, language=language)


def every_page(page: Page, site: Site) -> Iterator[str]:
    """Walk through all pages and states; the name of each when it is shown."""
    page.goto(site.link())
    yield "home"
    for room in ROOMS:
        page.goto(site.link(room))
        yield room
    page.goto(site.link("pause"))
    press(page, "button[value=open]")
    yield "paused"
    page.goto(site.link("times"))
    for day in range(7):
        page.locator(f"[name=day{day}]").uncheck()
    press(page, "button[value=save]")
    yield "times-wrong"
    page.goto(site.link(days=-2))
    yield "expired"
    press(page, "button")
    yield "asked"
    page.goto(site.link("leave"))
    press(page, "button[value=course]")
    yield "left"


@pytest.mark.parametrize(("width", "scheme", "scale"), VIEWS)
@pytest.mark.parametrize("site", list(COURSES), indirect=True)
def test_every_page_can_be_read_and_pressed(browser: Browser, site: Site, width: int, scheme: str, scale: int) -> None:
    """It fits its window, every text reaches 4.5:1 and 14 px, and whatever is pressed is at least 48 px high."""
    page = open_page(browser, width, scheme, scale)
    for name in every_page(page, site):
        if folder := os.environ.get("DRIP_SHOTS"):
            page.screenshot(path=Path(folder) / f"{site.language}-my-{name}-{width}-{scheme}.png", full_page=True)
        seen: dict[str, Any] = page.evaluate(MEASURE)
        assert seen["scroll"] <= width, f"{name} scrolls sideways"
        assert [text for text in seen["texts"] if text["contrast"] < 4.5] == [], name
        assert [text for text in seen["texts"] if text["size"] < 14] == [], name
        assert [text for text in seen["texts"] if text["left"] < 15 or text["right"] > width - 15] == [], name
        assert [target for target in seen["pressed"] if target["height"] < 48] == [], name
        assert seen["h1"] == ["26px/32.5px"], name
        assert seen["main"] == min(width, 600), name
    page.context.close()


@pytest.mark.parametrize("site", ["sv"], indirect=True)
@pytest.mark.parametrize("width", [320, 640])
def test_text_twice_as_large_still_fits(browser: Browser, site: Site, width: int) -> None:
    """For those who enlarge the text alone (WCAG 2.2, 1.4.4): long words break, nothing is cut off or scrolls."""
    page = open_page(browser, width)
    for name in every_page(page, site):
        page.evaluate("() => { document.documentElement.style.fontSize = '200%'; }")
        seen = page.evaluate(MEASURE)
        assert seen["scroll"] <= width, f"{name} scrolls sideways"
        assert [text for text in seen["texts"] if text["left"] < 0 or text["right"] > width] == [], name
    page.context.close()


def test_a_course_is_slowed_and_paused_by_keyboard_alone(browser: Browser, site: Site) -> None:
    """Tab and Return from the course to its pace and back; what came of it is announced."""
    page = open_page(browser)
    page.goto(site.link())
    for _ in range(10):
        page.keyboard.press("Tab")
        if page.evaluate("() => document.activeElement.innerText").startswith("Pace"):
            break
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("How often should tips come?")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Half as often")).to_be_focused()
    with page.expect_navigation():
        page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text("Saved.")
    assert site.stands().wish.tempo is Tempo.HALF
    page.goto(site.link("pause"))
    for _ in range(4):
        page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Until I come back")).to_be_focused()
    with page.expect_navigation():
        page.keyboard.press("Enter")
    expect(page.get_by_text("Paused until you come back.")).to_be_visible()
    assert site.stands().state is State.PAUSED
    page.context.close()


def test_a_day_and_an_hour_are_chosen_in_the_browser_s_own_fields(browser: Browser, site: Site) -> None:
    """A date, a time, weekdays and a zone from a list, without a script."""
    page = open_page(browser)
    page.goto(site.link("times"))
    page.get_by_label("Hour").fill("07:30")
    page.get_by_label("Friday").uncheck()
    press(page, "button[value=save]")
    expect(page.get_by_text("The next tip comes on Monday 9 March at 07:30.")).to_be_visible()
    page.goto(site.link("zone"))
    page.get_by_label("Time zone").select_option("Asia/Tokyo")
    press(page, "button[value=save]")
    expect(page.get_by_text("Tokyo")).to_be_visible()
    page.goto(site.link("pause"))
    page.get_by_label("Another day").fill("2026-04-01")
    press(page, "button[value=then]")
    expect(page.get_by_text("Paused until Wednesday 1 April.")).to_be_visible()
    page.context.close()


def test_a_tip_is_read_again_and_the_next_one_had_now(browser: Browser, site: Site) -> None:
    """From the list to the mail as it was, and back; then the next one comes, once, whatever is reloaded."""
    page = open_page(browser)
    page.goto(site.link())
    page.get_by_role("link", name="Export it").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Export it")
    page.go_back()
    press(page, "button[value=next]")
    expect(page.get_by_text("The next tip is on its way to")).to_be_visible()
    page.reload()
    expect(page.get_by_text("The next tip is on its way to")).to_be_visible()
    assert site.stage.idle().sent == 1
    page.reload()
    assert site.stage.idle().sent == 0
    page.context.close()
