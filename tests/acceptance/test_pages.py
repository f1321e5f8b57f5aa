"""The learner's pages as a person meets them: narrow, wide, dark, zoomed, by keyboard alone, without JavaScript.

`DRIP_SHOTS=folder pytest tests/acceptance/test_pages.py` leaves a picture of each there, to be looked at.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from web_workspace import CHROME, QUESTION, Workspace, make_workspace

from drip.people import State
from drip.plan.model import Option, Question, Survey
from drip.track.token import Purpose
from drip.web.serve import running

CHROMIUM = shutil.which("chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

SWEDISH = Question(
    id="welcome",
    ask="Chefen mejlar och ber dig köpa presentkort genast. Vad gör du först?",
    options=(
        Option(
            text="Vidarebefordrar mejlet till alla kollegor med frågan om leveransvillkorsöverenskommelsebekräftelsen",
            because="Det sprider mejlet, och någon trycker på länken.\n\nEn i taget räcker.",
        ),
        Option(
            text="Ringer chefen på ett nummer som du redan har",
            correct=True,
            because="Ett nummer som du själv letar upp leder till rätt person.",
        ),
        Option(text="Svarar", because="Då vet bedragaren att adressen fungerar."),
    ),
)
ARABIC = Question(
    id="welcome",
    ask="من أين يبدأ المخطط؟",
    options=(
        Option(text="من عرض محفوظ", correct=True, because="العرض يحتفظ بعوامل التصفية."),
        Option(text="من صفحة فارغة", because="اختر عرضًا أولاً."),
    ),
)
COURSES: dict[str, dict[str, Any]] = {
    "en": {},
    "sv": {"language": "sv", "question": SWEDISH, "title": "Trygg start", "sender": "Karin på Pärmen"},
    "ar": {"language": "ar", "question": ARABIC, "title": "تقريرك الأول", "sender": "أكاديمية أكمي"},
}
SURVEYS = {
    "en": Survey(id="welcome", kind="nps", ask="How likely are you to recommend us to a colleague?", low=0, high=10),
    "sv": Survey(id="welcome", kind="csat", ask="Hur nöjd är du med kursen?", low=1, high=5),
    "ar": Survey(id="welcome", kind="scale", ask="ما مدى فائدة النصائح؟", low=1, high=7),
}
#: The last is 1280 px at 200 % zoom.
VIEWS = ((320, "light", 1), (375, "dark", 2), (1280, "light", 1), (640, "dark", 2))

#: What a reader meets, measured in the page: every visible text with its colours and places, everything to press.
MEASURE = """
() => {
  const rgba = text => { const n = text.match(/[\\d.]+/g).map(Number); return n.length < 4 ? [...n, 1] : n; };
  const luminance = colour => {
    const linear = v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    const [r, g, b] = colour.slice(0, 3).map(v => linear(v / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (one, other) => {
    const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  };
  const behind = element => {
    for (let e = element; e; e = e.parentElement) {
      const colour = rgba(getComputedStyle(e).backgroundColor);
      if (colour[3] > 0) return colour;
    }
    return [255, 0, 255];
  };
  const texts = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode, element = node.parentElement;
    if (!node.data.trim()) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const box = range.getBoundingClientRect(), style = getComputedStyle(element);
    if (!box.width) continue;
    texts.push({
      text: node.data.trim().slice(0, 40), size: parseFloat(style.fontSize), left: box.left, right: box.right,
      contrast: contrast(rgba(style.color), behind(element)),
    });
  }
  const pressed = [...document.querySelectorAll('label, button:not([hidden]), a')].map(e => {
    const box = e.getBoundingClientRect(), style = getComputedStyle(e);
    const edge = contrast(rgba(style.borderTopColor), behind(e.parentElement));
    return { text: e.innerText, width: box.width, height: box.height, edge };
  });
  return {
    scroll: document.documentElement.scrollWidth, texts, pressed,
    h1: [...document.querySelectorAll('h1')].map(e => getComputedStyle(e)).map(s => s.fontSize + '/' + s.lineHeight),
    body: getComputedStyle(document.body).fontSize, page: getComputedStyle(document.body).backgroundColor,
    main: document.querySelector('main').getBoundingClientRect().width,
  };
}
"""


@dataclass(frozen=True, kw_only=True)
class Site:
    """A workspace and where its web side answers."""

    workspace: Workspace
    url: str

    def link(self, purpose: Purpose, item: int = 0) -> str:
        return self.url + self.workspace.path(purpose, item, days=30 if purpose is Purpose.ANSWER else None)


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
    workspace = make_workspace(tmp_path, **COURSES[getattr(request, "param", "en")])
    with running(workspace.app()) as url:
        yield Site(workspace=workspace, url=url)


def survey_site(folder: Path, language: str, survey: Survey) -> Workspace:
    """A course whose mail asked for a rating."""
    return make_workspace(folder, **(COURSES[language] | {"question": None, "survey": survey}))


def open_page(browser: Browser, width: int = 375, scheme: str = "light", scale: float = 1) -> Page:
    """A window of its own. No page of ours may need a script, so none can run."""
    context = browser.new_context(
        viewport={"width": width, "height": 700},
        color_scheme="dark" if scheme == "dark" else "light",
        device_scale_factor=scale,
        java_script_enabled=False,
        user_agent=CHROME,
    )
    return context.new_page()


def press(page: Page, button: str) -> None:
    """Press a form's button, and have its answer before anything else is looked at."""
    with page.expect_navigation():
        page.locator(button).click()


def every_page(page: Page, site: Site) -> Iterator[str]:
    """Walk through all pages, as a learner would; the name of each when it is shown."""
    page.goto(site.link(Purpose.ANSWER, 0))
    yield "answer"
    press(page, "button[value=certain]")
    yield "verdict-first"
    page.goto(site.link(Purpose.ANSWER, 1))
    press(page, "button[value=guessed]")
    yield "verdict-second"
    page.goto(site.link(Purpose.UNSUBSCRIBE))
    yield "leave"
    press(page, "button")
    yield "left"
    page.goto(site.link(Purpose.UNSUBSCRIBE))
    yield "left-before"
    page.goto(site.url + "/a/cut-short")
    yield "missing"


@pytest.mark.parametrize(("width", "scheme", "scale"), VIEWS)
@pytest.mark.parametrize("site", list(COURSES), indirect=True)
def test_every_page_can_be_read_and_pressed(browser: Browser, site: Site, width: int, scheme: str, scale: int) -> None:
    """It fits its window, every text reaches 4.5:1 and 14 px, and whatever is pressed is at least 48 px high."""
    page = open_page(browser, width, scheme, scale)
    for name in every_page(page, site):
        if folder := os.environ.get("DRIP_SHOTS"):
            shot = f"{site.workspace.language}-{name}-{width}-{scheme}.png"
            page.screenshot(path=Path(folder) / shot, full_page=True)
        seen: dict[str, Any] = page.evaluate(MEASURE)
        assert seen["scroll"] <= width, f"{name} scrolls sideways"
        assert [text for text in seen["texts"] if text["contrast"] < 4.5] == [], name
        assert [text for text in seen["texts"] if text["size"] < 14] == [], name
        assert [text for text in seen["texts"] if text["left"] < 15 or text["right"] > width - 15] == [], name
        assert [target for target in seen["pressed"] if target["height"] < 48] == [], name
        assert seen["h1"] == ["26px/32.5px"], name
        assert seen["body"] == "17px", name
        assert seen["page"] == ("rgb(22, 24, 26)" if scheme == "dark" else "rgb(255, 255, 255)"), name
        assert seen["main"] == min(width, 600), name
    page.context.close()


@pytest.mark.parametrize(("width", "scheme", "scale"), VIEWS)
@pytest.mark.parametrize("language", list(SURVEYS))
def test_a_survey_can_be_read_and_pressed(
    browser: Browser, tmp_path: Path, language: str, width: int, scheme: str, scale: int
) -> None:
    """Its page and the thanks fit, read well, and every rating is a target of at least 48 px."""
    workspace = survey_site(tmp_path, language, SURVEYS[language])
    with running(workspace.app()) as url:
        page = open_page(browser, width, scheme, scale)
        page.goto(url + workspace.path(Purpose.ANSWER, 3, days=30))
        for name in ("rate", "rated"):
            if folder := os.environ.get("DRIP_SHOTS"):
                page.screenshot(path=Path(folder) / f"{language}-{name}-{width}-{scheme}.png", full_page=True)
            seen: dict[str, Any] = page.evaluate(MEASURE)
            assert seen["scroll"] <= width, f"{name} scrolls sideways"
            assert [text for text in seen["texts"] if text["contrast"] < 4.5] == [], name
            assert [text for text in seen["texts"] if text["size"] < 14] == [], name
            assert [text for text in seen["texts"] if text["left"] < 15 or text["right"] > width - 15] == [], name
            assert [target for target in seen["pressed"] if target["height"] < 48 or target["width"] < 44] == [], name
            assert seen["h1"] == ["26px/32.5px"], name
            if name == "rate":
                press(page, "button")
        page.context.close()


def test_a_rating_is_given_by_keyboard_alone(browser: Browser, tmp_path: Path) -> None:
    """Tab, arrow, Tab, Return; where one stands is always seen, and a screen reader hears question and ends."""
    workspace = survey_site(tmp_path, "en", SURVEYS["en"])
    with running(workspace.app()) as url:
        page = open_page(browser)
        page.goto(url + workspace.path(Purpose.ANSWER, 9, days=30))
        group = page.get_by_role("group", name=SURVEYS["en"].ask)
        expect(group).to_have_accessible_description("0 = not at all likely, 10 = extremely likely")
        page.keyboard.press("Tab")
        expect(page.get_by_role("radio", name="9")).to_be_focused()
        assert outline(page, ".rating:has(:checked)") >= 2
        page.keyboard.press("ArrowRight")
        expect(page.get_by_role("radio", name="10")).to_be_checked()
        page.keyboard.press("Tab")
        expect(page.get_by_role("button", name="Send your rating")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Thank you")
        page.context.close()
    assert [row.data for row in workspace.evidence() if row.kind == "rating"] == [{"rating": 10}]


@pytest.mark.parametrize("site", ["sv"], indirect=True)
@pytest.mark.parametrize("width", [320, 640])
def test_text_twice_as_large_still_fits(browser: Browser, site: Site, width: int) -> None:
    """For those who enlarge the text alone (WCAG 2.2, 1.4.4): long words break, nothing is cut off or scrolls."""
    page = open_page(browser, width)
    for name in every_page(page, site):
        page.evaluate("() => { document.documentElement.style.fontSize = '200%'; }")
        seen = page.evaluate(MEASURE)
        assert seen["body"] == "34px", name
        assert seen["scroll"] <= width, f"{name} scrolls sideways"
        assert [text for text in seen["texts"] if text["left"] < 0 or text["right"] > width] == [], name
    page.context.close()


def test_the_three_buttons_are_equal(browser: Browser, site: Site) -> None:
    """Same size, same look, one row where there is room and one column where there is none."""
    looks = "e => { const s = getComputedStyle(e); return [s.color, s.backgroundColor, s.borderColor, s.fontWeight]; }"
    for width, rows in ((320, 3), (375, 3), (1280, 1)):
        page = open_page(browser, width)
        page.goto(site.link(Purpose.ANSWER, 1))
        buttons = page.locator("button[name=sure]").all()
        boxes = [button.bounding_box() for button in buttons]
        assert len({(round(box["width"]), round(box["height"])) for box in boxes if box}) == 1
        assert len({box["y"] for box in boxes if box}) == rows
        assert len({str(button.evaluate(looks)) for button in buttons}) == 1
        edges = [target["edge"] for target in page.evaluate(MEASURE)["pressed"]]
        assert min(edges[-3:]) >= 3, "a button must be told from the page"
        page.context.close()


def test_an_answer_is_given_by_keyboard_alone(browser: Browser, site: Site) -> None:
    """Tab, arrow, Tab, Return; where one stands is always seen, and Return among the options sends nothing."""
    page = open_page(browser)
    page.goto(site.link(Purpose.ANSWER, 1))
    page.keyboard.press("Tab")
    expect(page.get_by_role("radio", name="B From a blank page")).to_be_focused()
    assert outline(page, ".option:has(:checked)") >= 2
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Where does a chart start?")
    page.keyboard.press("ArrowUp")
    expect(page.get_by_role("radio", name="A From a saved view")).to_be_checked()
    for label in ("I guessed", "Fairly sure", "Certain"):
        page.keyboard.press("Tab")
        expect(page.get_by_role("button", name=label)).to_be_focused()
        assert outline(page, "button:focus") >= 2
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("That’s right")
    page.context.close()
    assert [row.data for row in site.workspace.evidence() if row.kind == "answer"] == [
        {"option": 0, "correct": True, "sure": "fairly"}
    ]


def test_leaving_by_keyboard_alone(browser: Browser, site: Site) -> None:
    """One stop, one press."""
    page = open_page(browser)
    page.goto(site.link(Purpose.UNSUBSCRIBE))
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Unsubscribe")).to_be_focused()
    assert outline(page, "button:focus") >= 2
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("You have left")
    page.context.close()
    assert site.workspace.state() is State.LEFT


def test_going_back_and_forward_answers_nothing_twice(browser: Browser, site: Site) -> None:
    """A reload sends the form again, as browsers do; it is the same answer."""
    page = open_page(browser)
    page.goto(site.link(Purpose.ANSWER, 0))
    press(page, "button[value=certain]")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("That’s right")
    assert "You have answered this before" not in page.content()
    page.context.close()
    assert site.workspace.kinds().count("answer") == 1


@pytest.mark.parametrize("site", list(COURSES), indirect=True)
def test_a_screen_reader_is_told_everything(browser: Browser, site: Site) -> None:
    """A title, a language, one h1, a name for every control, the options as one group under the question."""
    question = COURSES[site.workspace.language].get("question", QUESTION)
    page = open_page(browser)
    for name in every_page(page, site):
        assert page.title().strip(), name
        assert page.locator("html").get_attribute("lang"), name
        expect(page.get_by_role("heading", level=1)).to_have_count(1)
        expect(page.get_by_role("main")).to_have_count(1)
        for control in page.locator("input:not([type=hidden]), button:not([hidden])").all():
            assert control.evaluate("e => (e.labels?.[0] || e).innerText.trim()"), name
        if name == "answer":
            group = page.get_by_role("group", name=question.ask)
            assert [radio.is_checked() for radio in group.get_by_role("radio").all()][:2] == [True, False]
            for option in question.options:
                expect(group.get_by_role("radio", name=option.text)).to_have_count(1)
        if name == "verdict-first":
            expect(page.locator("svg")).to_have_attribute("aria-hidden", "true")
    page.context.close()


@pytest.mark.parametrize("site", ["ar"], indirect=True)
def test_arabic_runs_from_the_right(browser: Browser, site: Site) -> None:
    """Question, letters and options begin at the right."""
    page = open_page(browser, 375)
    page.goto(site.link(Purpose.ANSWER, 0))
    lefts = page.evaluate(
        "() => ['input[type=radio]', '.letter', '.option .written'].map(s => "
        "document.querySelector(s).getBoundingClientRect().left)"
    )
    assert lefts == sorted(lefts, reverse=True)
    right = page.evaluate(
        "() => { const r = document.createRange(); r.selectNodeContents(document.querySelector('h1'));"
        " return r.getBoundingClientRect().right; }"
    )
    assert right == pytest.approx(375 - 16, abs=1)
    page.context.close()


def test_nothing_is_asked_of_anybody_else(browser: Browser, site: Site) -> None:
    """No font, no picture, no script, no counter: a page is one request."""
    page = open_page(browser)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(site.link(Purpose.ANSWER, 0))
    assert asked == [site.link(Purpose.ANSWER, 0)]
    assert page.context.cookies() == []
    page.context.close()


@pytest.mark.parametrize("accent", ["#0F6B5C", "#FFDD00", "#111111", "#FFFFFF", "#7700EE"])
def test_any_accent_stays_readable(browser: Browser, tmp_path: Path, accent: str) -> None:
    """Yellow, black and white brands alike, light and dark."""
    workspace = make_workspace(tmp_path)
    with running(workspace.app(accent=accent)) as url:
        for scheme in ("light", "dark"):
            page = open_page(browser, 375, scheme)
            for purpose in (Purpose.ANSWER, Purpose.UNSUBSCRIBE):
                page.goto(url + workspace.path(purpose))
                seen = page.evaluate(MEASURE)
                assert [text for text in seen["texts"] if text["contrast"] < 4.5] == []
                button = seen["pressed"][-1]
                assert button["edge"] >= 3, "a button must be told from the page"
            page.context.close()


def outline(page: Page, selector: str) -> float:
    """How thick the line around an element is, in px."""
    width = page.locator(selector).evaluate(
        "e => { const s = getComputedStyle(e); return s.outlineStyle === 'none' ? 0 : parseFloat(s.outlineWidth); }"
    )
    return float(width)
