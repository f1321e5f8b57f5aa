"""`drip preview --serve` as a marketer meets it: the real command, a real browser, files saved by an editor.

`DRIP_SHOTS=folder pytest tests/acceptance/test_preview_live.py` leaves a picture of each view there, to be looked at.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mail_looks import browser, keep_picture
from playwright.sync_api import Browser, Page, expect
from preview_stage import COURSE, Workspace, make_workspace, previewing

__all__ = ["browser"]  # a fixture

#: What to wait for a page that comes again; what it took is told, since no test judges by the clock on the wall.
PATIENCE = 30_000

#: Every text of the page that can be seen, with its contrast; what can be pressed, with its size.
MEASURE = """
() => {
  const rgba = text => { const n = text.match(/[\\d.]+/g).map(Number); return n.length < 4 ? [...n, 1] : n; };
  const luminance = c => {
    const linear = v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    const [r, g, b] = c.slice(0, 3).map(v => linear(v / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = element => {
    for (let e = element; e; e = e.parentElement) {
      const colour = rgba(getComputedStyle(e).backgroundColor);
      if (colour[3] > 0) return colour;
    }
    return [255, 0, 255];
  };
  const faint = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode, element = node.parentElement;
    if (!node.data.trim() || !element.checkVisibility({ visibilityProperty: true })) continue;
    if (['OPTION', 'SCRIPT', 'STYLE'].includes(element.tagName) || element.closest('.unseen, svg')) continue;
    const fore = luminance(rgba(getComputedStyle(element).color)), back = luminance(behind(element));
    const [dark, light] = [fore, back].sort((a, b) => a - b);
    const contrast = (light + 0.05) / (dark + 0.05);
    if (contrast < 4.5) faint.push(node.data.trim().slice(0, 40) + ' ' + contrast.toFixed(2));
  }
  const small = [...document.querySelectorAll('a, select, button, summary')]
    .filter(e => e.checkVisibility() && !e.closest('p') && !e.classList.contains('skip'))
    .map(e => [e.id || e.textContent.trim(), e.getBoundingClientRect()])
    .filter(([, box]) => box.width < 24 || box.height < 24).map(([name]) => name);
  const nameless = [...document.querySelectorAll('nav, aside, iframe, select, input:not([type=hidden])')]
    .filter(e => !(e.ariaLabel || e.title || (e.labels && e.labels.length))).map(e => e.id || e.className);
  const ids = [...document.querySelectorAll('[id]')].map(e => e.id);
  return {
    scroll: document.documentElement.scrollWidth, width: innerWidth, faint, small, nameless,
    twice: ids.filter((id, n) => ids.indexOf(id) !== n), h1: document.querySelectorAll('h1').length,
  };
}
"""


@pytest.fixture
def here(tmp_path: Path) -> Workspace:
    return make_workspace(tmp_path)


@pytest.fixture
def url(here: Workspace) -> Iterator[str]:
    """The address that the command prints."""
    with previewing(here.folder, "--learner", "people.csv") as (address, _process):
        yield address


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    """A window on it, in which nothing goes wrong unseen."""
    with browser.new_context(viewport={"width": 1280, "height": 800}) as context:
        tab, wrong = context.new_page(), []
        tab.on("pageerror", lambda error: wrong.append(str(error)))
        tab.on("request", lambda request: wrong.append(request.url) if not request.url.startswith(url) else None)
        tab.goto(url)
        yield tab
        assert wrong == []


def _mail(page: Page) -> Any:
    return page.frame_locator("#mail").locator("body")


def _current(page: Page) -> Any:
    return page.locator("#timeline [aria-current] .title")


def _until(page: Page, expression: str) -> None:
    """Wait until it is true. (The page's policy forbids what Playwright's own wait does.)"""
    for _ in range(PATIENCE // 50):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never came true: {expression}")


def _colours(page: Page) -> tuple[str, str]:
    """The paper and the ink of the mail in the frame."""
    frame = page.locator("#mail").element_handle().content_frame()
    assert frame is not None
    return frame.evaluate(
        "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.querySelector('h1')).color]"
    )


def test_a_course_is_walked_through_by_keyboard(page: Page) -> None:
    """← and → go through the messages, also from inside the mail; the way back is the browser's; the place is kept."""
    expect(_current(page)).to_have_text("Welcome, Ada")
    page.keyboard.press("ArrowRight")
    expect(_current(page)).to_have_text("Two views in one chart")
    expect(_mail(page)).to_contain_text("Lay one over the other.")
    _mail(page).click(position={"x": 200, "y": 200})
    page.keyboard.press("ArrowRight")
    expect(_current(page)).to_have_text("The saved view again")
    page.keyboard.press("ArrowLeft")
    expect(_current(page)).to_have_text("Two views in one chart")
    assert "step=advanced" in page.url
    expect(page.locator("#said")).to_have_text("Two views in one chart · drip preview")
    page.go_back()
    expect(_current(page)).to_have_text("The saved view again")
    page.reload()
    expect(_current(page)).to_have_text("The saved view again")
    page.locator("#learner").focus()
    page.keyboard.press("ArrowLeft")  # a chooser keeps its own keys
    expect(_current(page)).to_have_text("The saved view again")


def test_hasty_keys_and_presses_add_up(page: Page) -> None:
    """What is pressed while a page is on its way means the page that comes: no key and no choice is lost."""
    with page.expect_response("**/*step=basics*"):
        page.evaluate("""() => {
          for (const key of ['ArrowRight', 'ArrowRight']) document.dispatchEvent(new KeyboardEvent('keydown', { key }));
          document.getElementById('dark').click();
        }""")
    expect(_current(page)).to_have_text("The saved view again")
    expect(page.locator("#dark")).to_have_attribute("aria-current", "true")
    expect(_mail(page)).to_contain_text("A view keeps your filters.")


def test_the_timeline_is_pressed(page: Page) -> None:
    """Every row with a message shows it; the rest of the page stays as it was."""
    page.evaluate("window.kept = true")
    rows = page.locator("#timeline .mail a")
    for number in range(rows.count()):
        rows.nth(number).click()
        expect(page.locator("#head h2")).to_have_text(rows.nth(number).locator(".title").inner_text())
    assert page.evaluate("window.kept") is True
    assert "step=review" in page.url


def test_it_is_chosen_for_whom(page: Page) -> None:
    """Learner, language, variant, and an attribute said otherwise; each stands in the address."""
    page.locator("#learner").select_option("astrid@kund.example")
    expect(_current(page)).to_have_text("Välkommen, Astrid")
    expect(_mail(page)).to_contain_text("Ett diagram börjar")
    page.locator("#language").select_option("en")
    expect(_mail(page)).to_contain_text("You already have three.")
    page.locator("summary").click()
    page.locator("#a-plan").select_option("trial")
    expect(_mail(page)).not_to_contain_text("You already have three.")
    assert "a.plan=trial" in page.url
    expect(page.locator("#attributes")).to_have_attribute("open", "")
    page.locator("#as-they-are").click()
    expect(_mail(page)).to_contain_text("You already have three.")
    page.locator("#timeline a", has_text="2 variants").click()
    for number, subject in ((1, "Export in one press"), (2, "How to export a chart")):
        page.locator(f"#variant-{number}").click()
        expect(page.locator("#head h2")).to_have_text(subject)
        expect(_mail(page)).to_contain_text(subject)
    page.reload()
    expect(page.locator("#learner")).to_have_value("astrid@kund.example")
    expect(_mail(page)).to_contain_text("How to export a chart")


@pytest.mark.parametrize("system", ["light", "dark"])
def test_a_mail_is_dark_or_light_whatever_the_machine_is_set_to(browser: Browser, url: str, system: Any) -> None:
    """The colours that the mail's own dark style says, and its light ones."""
    with browser.new_context(color_scheme=system) as context:
        page = context.new_page()
        page.goto(url)
        expect(_mail(page)).to_contain_text("A chart starts")
        assert _colours(page) == ["rgb(255, 255, 255)", "rgb(26, 28, 30)"]
        page.locator("#dark").click()
        expect(page.frame_locator("#mail").locator("h1")).to_have_css("color", "rgb(236, 237, 238)")
        assert _colours(page)[0] == "rgb(22, 24, 26)"
        page.locator("#light").click()
        expect(page.frame_locator("#mail").locator("h1")).to_have_css("color", "rgb(26, 28, 30)")


def test_widths_and_images(page: Page) -> None:
    """A phone is 375 px wide, a desktop shows the whole column; without images their words stand in their room."""
    frame = page.frame_locator("#mail")
    expect(frame.locator("img")).to_be_visible()
    picture = "document.querySelector('img')"

    def inside(expression: str) -> Any:
        return frame.locator("body").evaluate(f"() => {expression}")

    assert inside("innerWidth") == 375
    assert inside(f"{picture}.naturalWidth") == 600
    box = inside(f"{picture}.getBoundingClientRect().height")
    page.locator("#images-off").click()
    expect(page.locator("#images-off")).to_have_attribute("aria-current", "true")
    _until(page, "document.getElementById('mail').contentWindow.location.search.includes('images=off')")
    expect(frame.locator("img")).to_have_attribute("alt", "A bar chart of sales by week")
    assert inside(f"{picture}.naturalWidth") == 0
    assert abs(inside(f"{picture}.getBoundingClientRect().height") - box) < 2
    page.locator("#view-desktop").click()
    _until(page, "document.getElementById('mail').contentWindow.innerWidth >= 640")
    shown = "document.getElementById('mail').contentDocument?.documentElement"  # none while another is being loaded
    _until(page, f"{shown}?.scrollWidth <= document.getElementById('mail').clientWidth")


def test_text_headers_and_size(page: Page) -> None:
    """What is read without HTML, what a server sees, and how near it is to being clipped."""
    page.locator("#view-text").click()
    expect(page.locator("#sight pre")).to_contain_text("Where does a chart start?")
    page.locator("#view-headers").click()
    expect(page.locator("#sight th").first).to_have_text("From")
    expect(page.locator("#sight")).to_contain_text("List-Unsubscribe=One-Click")
    expect(page.locator("#size")).to_contain_text("Gmail clips at 102 kB")
    page.locator("#view-phone").click()
    expect(_mail(page)).to_contain_text("A chart starts")


def test_questions_that_come_back_are_shown_in_a_tip(page: Page) -> None:
    """With and without."""
    page.locator("#timeline a", has_text="2 variants").click()
    expect(_mail(page)).not_to_contain_text("Where does a chart start?")
    page.locator("#riders-on").click()
    expect(_mail(page)).to_contain_text("Where does a chart start?")
    page.locator("#riders-off").click()
    expect(_mail(page)).not_to_contain_text("Where does a chart start?")


def test_a_press_in_the_mail_records_nothing(page: Page, url: str) -> None:
    """An answer opens beside it, on a page of the preview that says what would happen."""
    for words, said in (("From a blank page", "There is no blank chart."), ("Unsubscribe", "nothing is recorded")):
        with page.context.expect_page() as opened:
            page.frame_locator("#mail").get_by_role("link", name=words).click()
        opened.value.wait_for_load_state()
        assert opened.value.url.startswith(url)
        expect(opened.value.locator("main")).to_contain_text(said)
        opened.value.close()
    expect(_current(page)).to_have_text("Welcome, Ada")


def test_a_saved_file_is_shown_by_itself(page: Page, here: Workspace, record_property: Any) -> None:
    """The mail, the timeline and the findings are new; place, scroll, focus and the page itself are the old ones."""
    page.set_viewport_size({"width": 1280, "height": 500})
    page.keyboard.press("ArrowRight")
    page.locator("#view-desktop").click()
    page.locator("#dark").click()
    expect(_mail(page)).to_contain_text("Lay one over the other.")
    _until(page, "parseInt(document.getElementById('mail').style.height) > 100")
    page.evaluate("window.kept = 1; message.scrollTop = 120; timeline.scrollTop = 60")
    page.locator("#dark").focus()
    before = page.evaluate("[message.scrollTop, timeline.scrollTop]")
    assert before[0] == 120
    started = time.monotonic()
    here.change("Lay one over the other.", "Put one beside the other.")
    expect(_mail(page)).to_contain_text("Put one beside the other.", timeout=PATIENCE)
    took = time.monotonic() - started
    record_property("seconds from saving to seeing", round(took, 2))
    print(f"from saving to seeing: {took:.2f} s")
    assert page.evaluate("[message.scrollTop, timeline.scrollTop]") == before
    assert page.evaluate("[window.kept, document.activeElement.id]") == [1, "dark"]
    assert re.search(r"step=advanced&at=2&view=desktop&dark=on$", page.url)
    here.change("preheader: A way to compare\n        ", "")
    expect(page.locator("#findings")).to_contain_text('tip "advanced" has no preheader', timeout=PATIENCE)
    here.change("title: Your first report", "title: Your second report")
    expect(page.locator("#bar h1")).to_have_text("Your second report", timeout=PATIENCE)
    here.change("Press", "Please press", "campaigns/tips/export.md")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(_mail(page)).to_contain_text("Please press", timeout=PATIENCE)


def test_a_broken_file_keeps_the_last_good_view(page: Page, here: Workspace) -> None:
    """The mistakes stand above with their places; the course below can still be walked through; mended, all is well."""
    page.keyboard.press("ArrowRight")
    expect(_current(page)).to_have_text("Two views in one chart")
    here.change("    subject: One number\n", "    sbject: One number\n")
    trouble = page.locator("#trouble")
    expect(trouble).to_be_visible(timeout=PATIENCE)
    expect(trouble).to_contain_text('unknown key "sbject"')
    expect(trouble).to_contain_text(re.compile(r"campaigns/hello\.yaml:\d+:5"))
    expect(trouble).to_contain_text("the last version that could be read")
    expect(_mail(page)).to_contain_text("Lay one over the other.")
    keep_picture(page, "preview-broken")
    page.keyboard.press("ArrowRight")
    expect(_current(page)).to_have_text("The saved view again")
    expect(trouble).to_be_visible()
    here.save("title: [\n")
    expect(trouble).not_to_contain_text("sbject", timeout=PATIENCE)
    here.file.unlink()
    expect(trouble).to_contain_text("there is no file campaigns/hello.yaml", timeout=PATIENCE)
    here.save(COURSE.replace("A view keeps your filters.", "All is well."))
    expect(trouble).to_be_hidden(timeout=PATIENCE)
    expect(_mail(page)).to_contain_text("All is well.")
    expect(_current(page)).to_have_text("The saved view again")


def test_a_file_that_is_broken_from_the_start_is_waited_for(browser: Browser, here: Workspace) -> None:
    """The page shows the mistakes, and by itself the course once it is mended."""
    here.save(COURSE.replace("title:", "tilte:"))
    with previewing(here.folder) as (url, _process), browser.new_context() as context:
        page = context.new_page()
        page.goto(url)
        expect(page.locator("main")).to_contain_text('unknown key "tilte"')
        here.save(COURSE)
        expect(page.locator("#bar h1")).to_have_text("Your first report", timeout=PATIENCE)
        expect(_mail(page)).to_contain_text("A chart starts")


def test_an_edit_while_a_choice_is_typed_leaves_the_words_alone(page: Page, here: Workspace) -> None:
    """A page that comes again takes nothing out of the hands of whoever types in it."""
    page.locator("summary").click()
    here.change("from a [saved", "out of a [saved")
    here.change(
        "{% if learner.plan", "{% if learner.seats %}Seats: {{ learner.seats }}.{% endif %}\n      {% if learner.plan"
    )
    expect(_mail(page)).to_contain_text("Seats: 3.", timeout=PATIENCE)
    seats = page.locator("#a-seats")
    seats.fill("7")
    here.change("out of a [saved", "with a [saved")
    expect(_mail(page)).to_contain_text("with a saved view", timeout=PATIENCE)
    expect(seats).to_have_value("7")
    seats.press("Enter")
    expect(_mail(page)).to_contain_text("Seats: 7.")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 375, 1000, 1280, 1920])
def test_it_reads_well_at_every_width(browser: Browser, url: str, width: int, scheme: Any) -> None:
    """Nothing is scrolled sideways, every text has 4.5:1, everything to press is 24 px or more and has a name."""
    with browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme) as context:
        page = context.new_page()
        for place in ("?step=export&riders=on", "?step=welcome&view=headers&learner=astrid@kund.example", "?view=text"):
            page.goto(url + place)
            if "view" not in place:
                expect(_mail(page)).to_contain_text("Press")
            found = page.evaluate(MEASURE)
            assert found["scroll"] == width, place
            assert (found["faint"], found["small"], found["nameless"], found["twice"]) == ([], [], [], [])
            assert found["h1"] == 1
            keep_picture(page, f"preview-{width}-{scheme}-{page.url.partition('view=')[2][:7] or 'mail'}")


def test_it_works_without_javascript(browser: Browser, url: str) -> None:
    """Links lead through it, and the choice is shown with a press; the keyboard sees where it is."""
    with browser.new_context(java_script_enabled=False, viewport={"width": 1280, "height": 800}) as context:
        page = context.new_page()
        page.goto(url)
        page.locator("#following").click()
        expect(page.locator("#head h2")).to_have_text("Two views in one chart")
        page.locator("#learner").select_option("astrid@kund.example")
        page.locator("#show").click()
        expect(page.locator("#times")).to_contain_text("Astrid")
        expect(page.locator("#head h2")).to_have_text("Two views in one chart")
        page.locator("#dark").focus()
        assert page.locator("#dark").evaluate("e => getComputedStyle(e).outlineStyle") != "none"


def test_the_mail_runs_no_script(browser: Browser, here: Workspace) -> None:
    """Whatever a layout brings along, it stays a picture of a mail."""
    layout = (Path(__file__).parents[2] / "templates" / "tip.mjml").read_text("utf-8")
    script = '<mj-raw><img src="x" onerror="top.document.title = 1" alt="" /></mj-raw><mj-body css-class="page"'
    here.save(layout.replace('<mj-body css-class="page"', script, 1), "templates/tip.mjml")
    with previewing(here.folder) as (url, _process), browser.new_context() as context:
        page = context.new_page()
        page.goto(url)
        if page.locator("#mail").count():
            expect(_mail(page)).to_contain_text("A chart starts")
        assert page.title() != "1"


def test_it_says_when_it_has_stopped(browser: Browser, here: Workspace) -> None:
    """And goes on when it is there again, on the same port."""
    with browser.new_context() as context:
        page = context.new_page()
        with previewing(here.folder) as (url, _process):
            page.goto(url)
            port = re.search(r":(\d+)/", url)[1]  # type: ignore[index]
        expect(page.locator("#state")).to_contain_text("has stopped", timeout=PATIENCE)
        here.change("A chart starts", "Every chart starts")
        with previewing(here.folder, "--port", port):
            expect(_mail(page)).to_contain_text("Every chart starts", timeout=PATIENCE)
            expect(page.locator("#state")).not_to_contain_text("has stopped")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_at_once(browser: Browser, here: Workspace, number: signal.Signals) -> None:
    """Exit 0, nothing more is printed, also while a page looks at it all the time."""
    with previewing(here.folder) as (url, process), browser.new_context() as context:
        context.new_page().goto(url)
        process.send_signal(number)
        assert process.wait(60) == 0


def _typed(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("DRIP_")}
    command = [sys.executable, "-m", "drip", "preview", *words]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=False)


def test_a_port_that_is_taken_is_told(here: Workspace) -> None:
    """Exit 3, in words."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        said = _typed(here.folder, "hello", "--serve", "--port", port)
    assert said.returncode == 3
    assert f"cannot listen on 127.0.0.1 port {port}" in said.stderr
    assert "Traceback" not in said.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("nope",), 'there is no course "nope"'),
        (("hello", "welcom"), 'did you mean "welcome"?'),
        (("hello", "--language", "fr"), 'not in "fr"'),
        (("hello", "--variant", "medium"), 'has no variant "medium"'),
        (("hello", "--learner", "peple.csv"), "there is no file peple.csv"),
    ],
)
def test_slips_on_the_command_line_are_told(here: Workspace, words: tuple[str, ...], told: str) -> None:
    """Before a page is served, with exit 1."""
    said = _typed(here.folder, *words, "--serve", "--port", "0")
    assert (said.returncode, said.stdout) == (1, "")
    assert told in said.stderr


def test_the_command_says_where_to_look(browser: Browser, here: Workspace) -> None:
    """The step, language and variant of the command line stand in its address."""
    with previewing(here.folder, "export", "--language", "sv", "--variant", "long") as (url, _process):
        assert url.endswith("/?step=export&language=sv&variant=long")
        with browser.new_context() as context:
            page = context.new_page()
            page.goto(url)
            expect(page.locator("#head h2")).to_have_text("How to export a chart")
            expect(page.locator("#language")).to_have_value("sv")
