"""Every page in every state with axe-core: phone and desk, light and dark, English, Swedish and Arabic.

axe needs a script to run, so these windows run scripts; that no page needs one is shown by the others here, and by
test_pages.py. Rules are those of WCAG 2.0 to 2.2, levels A and AA, and axe's own good habits for pages of ours.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from preview_stage import make_workspace as make_preview
from preview_stage import previewing
from states import COURSES, State, states, way
from test_pages import ARGUMENTS
from ways import FORMS, House, make_house, name_of
from web_workspace import CHROME

from drip.people import Learner
from drip.render.confirmation import confirmation
from drip.render.fresh_link import fresh_link_mail
from drip.render.message import Message
from drip.track.token import Ring
from drip.web.serve import running

CHROMIUM = shutil.which("chromium")
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text("utf-8")
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
#: Rules of a page that a mail cannot keep, and why. A mail is shown inside somebody else's page, which has its own.
NOT_IN_MAIL = {
    "region": "landmarks belong to the mail program, in whose own `main` a mail is shown",
    "landmark-one-main": "the same",
}
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
#: The fields that are buttons; the others are filled in.
BUTTONS = ("leave", "undo", "sure", "do")
VIEWS = ((375, "light"), (1280, "dark"), (1280, "light"), (375, "dark"))
#: What may differ from one window to the next; all else is the same page.
SEEN = ["color-contrast", "target-size", "scrollable-region-focusable", "link-in-text-block", "meta-viewport"]
#: What is wrong: (rule, how bad, the elements).
RUN = """async ([only, off]) => {
  const rules = Object.fromEntries(off.map(id => [id, { enabled: false }]));
  const found = await axe.run(document, { runOnly: only, rules, resultTypes: ['violations'] });
  return found.violations.map(v => [v.id, v.impact, v.nodes.map(n => n.html.slice(0, 160)).slice(0, 3)]);
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, with a profile of its own: one for all."""
    assert CHROMIUM is not None, "no chromium on this machine: `make test` installs it, or apt-get install chromium"
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[State]]:
    """Language → every page. A mail in the browser is a mail: see below."""
    found = {language: states(tmp_path_factory.mktemp(language), language) for language in COURSES}
    return {language: [state for state in pages if state.name != "v"] for language, pages in found.items()}


def different(found: list[State]) -> list[State]:
    """Those that differ by more than the marks of their showing."""
    return list({re.sub(r'(nonce|value|href)="[^"]*"', "", state.html): state for state in found}.values())


def with_axe(browser: Browser) -> Page:
    context = browser.new_context(viewport={"width": 375, "height": 700}, user_agent=CHROME, bypass_csp=True)
    context.add_init_script(AXE)
    return context.new_page()


def violations(page: Page, *, tags: list[str], off: tuple[str, ...] = ()) -> list[Any]:
    return list(page.evaluate(RUN, [tags, list(off)]))


@pytest.mark.parametrize("language", list(COURSES))
def test_axe_finds_nothing(browser: Browser, everything: dict[str, list[State]], language: str) -> None:
    """On no page, in no state, at neither width, in neither colour scheme."""
    page, seen, wrong = with_axe(browser), different(everything[language]), []
    for state in seen:
        for width, scheme in VIEWS:
            page.set_viewport_size({"width": width, "height": 700})
            page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
            if (width, scheme) == VIEWS[0]:
                page.set_content(state.html)
            only = [*WCAG, "best-practice"] if (width, scheme) == VIEWS[0] else SEEN
            wrong += [(state.name, width, scheme, *one) for one in violations(page, tags=only)]
    page.context.close()
    assert len(seen) > 25
    assert wrong == []


def test_axe_sees_what_is_wrong(browser: Browser) -> None:
    """The judge can say no: grey on white, a picture without words, a field without a name, a small target."""
    page = with_axe(browser)
    page.set_content(
        "<html><title>x</title><body><img src=x><input><p style='color:#aaa'>hard to read</p>"
        "<a href=a style='display:inline-block;width:9px;height:9px'>a</a>"
        "<a href=b style='display:inline-block;width:9px;height:9px'>b</a>"
    )
    found = {rule for rule, _, _ in violations(page, tags=WCAG)}
    page.context.close()
    assert found >= {"html-has-lang", "image-alt", "label", "color-contrast", "target-size"}


#: What a page is like for whoever does not look at it, or presses with a thumb, or enlarges it.
LOOK = """() => {
  // what stands in a closed <details> has a box, and is neither seen nor reached
  const shown = e => e.checkVisibility({visibilityProperty: true}) && e.getClientRects().length > 0;
  const alone = e => e.parentElement.innerText.trim() === e.innerText.trim();
  const inline = e => getComputedStyle(e).display === 'inline' && !alone(e);
  const text = e => (e.labels?.[0] || e).innerText.trim() || e.getAttribute('aria-label') || '';
  const pressed = [...document.querySelectorAll('a[href], button, select, input:not([type=hidden]), summary')]
    .filter(e => shown(e) && !e.closest('[inert]'));
  const target = e => (e.matches('[type=radio], [type=checkbox]') && e.closest('label')) || e;
  return {
    scroll: document.documentElement.scrollWidth, title: document.title.trim(), lang: document.documentElement.lang,
    dir: document.documentElement.dir, h1: [...document.querySelectorAll('h1')].map(e => e.innerText.trim()),
    small: pressed.filter(e => !inline(e)).map(e => [e.outerHTML.slice(0, 80), target(e).getBoundingClientRect()])
      .filter(([_, b]) => b.width < 24 || b.height < 24).map(([html, b]) => [html, b.width, b.height]),
    nameless: pressed.filter(e => !text(e)).map(e => e.outerHTML.slice(0, 80)),
    hurried: document.querySelectorAll('[tabindex]:not([tabindex="-1"]), [autofocus], marquee, blink').length,
    silent: [...document.querySelectorAll('[aria-invalid=true]')].filter(e => {
      const said = document.getElementById(e.getAttribute('aria-describedby'));
      return !said || !said.innerText.trim() || !shown(said);
    }).length,
    invalid: document.querySelectorAll('[aria-invalid=true]').length,
    alerts: [...document.querySelectorAll('[role=alert]')].map(e => e.innerText.trim()),
    outside: [...document.querySelectorAll('body *')].filter(e => shown(e) && !e.closest('.aside') && !e.closest('svg'))
      .map(e => [e.outerHTML.slice(0, 60), e.getBoundingClientRect()])
      .filter(([_, b]) => b.left < -1 || b.right > innerWidth + 1).map(([html]) => html),
  };
}"""


@pytest.mark.parametrize("language", list(COURSES))
def test_every_page_reflows_and_says_what_it_is(
    browser: Browser, everything: dict[str, list[State]], language: str
) -> None:
    """Without JavaScript, at 320 px and with text at 200 %: nothing scrolls sideways, is small, or has no name.

    Language and direction are declared, one h1 stands in words, and what is wrong with a field is said beside it.
    """
    context = browser.new_context(viewport={"width": 320, "height": 600}, java_script_enabled=False)
    page, errors = context.new_page(), 0
    for state in everything[language]:
        for width, size in ((320, "100%"), (640, "200%")):
            page.set_viewport_size({"width": width, "height": 600})
            page.set_content(state.html)
            page.evaluate("size => { document.documentElement.style.fontSize = size; }", size)
            seen = page.evaluate(LOOK)
            told = f"{state.name} {width} {size}"
            assert (seen["scroll"] <= width, seen["outside"]) == (True, []), told
            assert (seen["small"], seen["nameless"], seen["hurried"], seen["silent"]) == ([], [], 0, 0), told
            assert (len(seen["h1"]), bool(seen["title"]), all(seen["h1"])) == (1, True, True), told
            spoken = (language, "sv") if state.name.startswith("my") else (language,)  # Swedish was chosen there
            assert seen["lang"] in spoken or state.status >= 400 or state.name in NOBODYS, told
            assert seen["dir"] == ("rtl" if seen["lang"] == "ar" else "ltr"), told
            errors += seen["invalid"]
    context.close()
    assert errors >= 4, "the subscribe form was shown with mistakes"


#: Pages that belong to no mail are in the browser's language, as far as drip speaks it.
NOBODYS = (
    "test-answer",
    "test-unsubscribe",
    "former",
    "former-left",
    "s",
    "s-pressed-0",
    "s-after",
    "certificate",
    "my-fresh",
    "my-language-pressed-0",
)

#: Whoever has paused or left has nothing more to press.
LAST = ("my-pause", "my-leave", "u")
#: Where the keyboard stands, and whether one sees it.
FOCUS = """() => {
  const e = document.activeElement;
  if (!e || e === document.body || e === document.documentElement) return null;
  const style = x => getComputedStyle(x);
  const line = x => style(x).outlineStyle === 'none' ? 0 : parseFloat(style(x).outlineWidth);
  const box = e.getBoundingClientRect();
  const place = [...document.querySelectorAll('*')].indexOf(e);
  return { html: e.outerHTML.slice(0, 80), line: Math.max(line(e), e.closest('label') ? line(e.closest('label')) : 0),
           place, seen: box.top >= 0 && box.bottom <= innerHeight + 1 };
}"""


def test_the_keyboard_reaches_everything_in_its_order(browser: Browser, everything: dict[str, list[State]]) -> None:
    """Tab goes through all that can be pressed as it is read, always seen, and out again: nothing traps it."""
    context = browser.new_context(viewport={"width": 375, "height": 700}, java_script_enabled=False)
    page = context.new_page()
    for state in different(everything["en"]):
        page.set_content(state.html)
        expected = page.evaluate(
            """() => new Set([...document.querySelectorAll(
              'a[href], button, select, input:not([type=hidden]), summary')]
            .filter(e => e.checkVisibility() && e.getClientRects().length && e.tabIndex >= 0 && !e.closest('[inert]'))
            .map((e, n) => e.type === 'radio' ? e.name : n)).size"""
        )
        stops: list[dict[str, Any]] = []
        for _ in range(60):
            page.keyboard.press("Tab")
            stop = page.evaluate(FOCUS)
            if stop is None or (len(stops) >= expected and stop["place"] == stops[0]["place"]):
                break
            stops.append(stop)
        else:
            pytest.fail(f"{state.name}: no way out")
        outlined = {
            stop["place"] for stop in stops if stop["line"] >= 2
        }  # the parts of a date have a line of their own
        assert [stop["html"] for stop in stops if stop["place"] not in outlined or not stop["seen"]] == [], state.name
        places = list(dict.fromkeys(stop["place"] for stop in stops))  # a date is several stops in one field
        assert (places, len(places)) == (sorted(places), expected), state.name
    context.close()


@pytest.fixture
def house(tmp_path: Path) -> House:
    return make_house(tmp_path)


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_every_form_is_sent_by_keyboard_alone(browser: Browser, house: House, key: str) -> None:
    """Tab to its button and press it, without JavaScript: the page that follows says so, and it is done."""
    context = browser.new_context(java_script_enabled=False, user_agent=CHROME)
    page = context.new_page()
    with running(house.app()) as url:
        for one in sorted(FORMS, key=lambda one: LAST.index(name_of(one)) if name_of(one) in LAST else -1):
            press = one.presses[0]
            page.goto(url + one.path(house))
            house.workspace.now += (way("subscribe") is one) * 3 * SECOND
            chosen = "".join(f"[name={name}][value='{value}']" for name, value in press.items() if name in BUTTONS)
            for _ in range(40):
                page.keyboard.press("Tab")
                if page.evaluate("() => document.activeElement.type === 'email'"):
                    page.keyboard.type(press["email"])
                elif page.evaluate("() => document.activeElement.name === 'day6'"):
                    page.keyboard.press("Space")  # saving what was not changed changes nothing
                elif page.evaluate("chosen => document.activeElement.matches('button' + chosen)", chosen):
                    break
            else:
                pytest.fail(f"{name_of(one)}: no key leads to its button")
            before, asked = house.dump(), page.locator("main").inner_text()
            with page.expect_navigation():
                page.keyboard.press(key)
            assert page.locator("main").inner_text() != asked, name_of(one)
            assert house.dump() != before, name_of(one)
    context.close()


@pytest.mark.parametrize("paper", ["A4", "Letter"])
def test_a_certificate_prints_on_one_sheet(browser: Browser, everything: dict[str, list[State]], paper: str) -> None:
    """In every language, dark screen or light: black on white, whole, with the address at which it is checked."""
    context = browser.new_context(color_scheme="dark", bypass_csp=True)
    context.add_init_script(AXE)
    page = context.new_page()
    for language, found in everything.items():
        page.set_content(next(state.html for state in found if state.name == "certificate"))
        assert page.pdf(format=paper).count(b"/Type /Page\n") == 1, language
        page.emulate_media(media="print")
        assert page.evaluate("() => getComputedStyle(document.body).backgroundColor") in (
            "rgb(255, 255, 255)",
            "rgba(0, 0, 0, 0)",
        )
        expect(page.locator("article a")).to_contain_text("https://learn.acme.example/certificate/")
        assert violations(page, tags=WCAG) == []
        page.emulate_media(media="screen")
    context.close()


def notes_of(language: str) -> list[Message]:
    """The two short mails: was it you who asked for this course, and a fresh link to your page."""
    from test_mail_kinds import BRAND, NOW, PLAN

    ring, base_url = Ring.of(["a secret for tests"]), "https://learn.acme.example"
    learner = Learner(id=1, ref="L1", email="asa@example.com", first_name="Åsa", language=language)
    same = {"ring": ring, "base_url": base_url, "brand": BRAND, "asked_at": NOW, "number": 1}
    asks = confirmation(PLAN, check=1, email=learner.email, language=language, until=NOW + 7 * DAY, **same)
    return [asks, fresh_link_mail(PLAN, learner, delivery_id=1, **same)]


def test_mails_as_pages(browser: Browser) -> None:
    """A tip, surveys, questions that come back, was it you, a fresh link: the same rules.

    But for those that a mail cannot keep (NOT_IN_MAIL).
    """
    from mail_looks import PICTURES
    from test_mail_kinds import KINDS, TEXTS, message_of

    page, wrong = with_axe(browser), []
    page.route("**/*", lambda route: route.fulfill(content_type="image/svg+xml", body=PICTURES[""]))
    for language in TEXTS:
        mails = [message_of(kind, language) for kind in KINDS] + notes_of(language)
        for mail in mails:
            page.set_content(mail.html)
            for width, scheme in VIEWS[:2]:
                page.set_viewport_size({"width": width, "height": 700})
                page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
                found = violations(page, tags=[*WCAG, "best-practice"], off=tuple(NOT_IN_MAIL))
                wrong += [(mail.subject, language, width, scheme, *one) for one in found]
    page.context.close()
    assert wrong == []


def test_the_live_preview(browser: Browser, tmp_path: Path) -> None:
    """The page of whoever writes the course: the same rules, light and dark, with each way to look, and its answers."""
    here, wrong = make_preview(tmp_path), []
    page = with_axe(browser)
    places = ("", "?step=export&view=desktop&dark=on", "?step=welcome&view=headers", "?view=text&language=sv")
    with previewing(here.folder, "--learner", "people.csv") as (url, _process):
        for place in (*places, "answer?step=welcome&card=0&option=1", "leave", "leave?to=my", "leave?to=certificate"):
            page.goto(url.rstrip("/") + "/" + place)
            for width, scheme in VIEWS[1:]:
                page.set_viewport_size({"width": width, "height": 800})
                page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
                found = violations(page, tags=[*WCAG, "best-practice"], off=("region",))
                wrong += [(place, width, scheme, *one) for one in found]
    page.context.close()
    assert wrong == [], json.dumps(wrong, indent=1)
