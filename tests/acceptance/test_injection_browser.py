"""What people wrote, in a real browser that would run it: no script of theirs runs, on no page and in no mail.

The pages are shown here without their Content-Security-Policy: what they escape holds without it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hostile_texts import HOSTILE
from playwright.sync_api import Browser, Page
from states import states
from test_pages import browser

from drip.plan.model import Option, Question, Survey

__all__ = ["browser"]  # a fixture

#: All that runs without being asked to.
ARMED = "".join(HOSTILE[kind] for kind in ("elements", "attributes", "markdown", "entities", "layouts", "templates"))
TRAP = "window.ran = []; window.pwned = () => window.ran.push(document.title); window.alert = window.pwned;"
#: Moves over and into everything, as a person might.
TOUCH = """() => {
  for (const e of document.querySelectorAll('*')) {
    for (const kind of ['mouseover', 'focus', 'click', 'load', 'error', 'toggle']) e.dispatchEvent(new Event(kind));
  }
  return [window.ran, [...document.querySelectorAll('*')].map(e =>
    [e.localName, ...e.getAttributeNames().filter(name => name !== 'checked').sort()].join(' '))];
}"""


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    context.add_init_script(TRAP)
    context.route("**/*", lambda route: route.abort())
    yield context.new_page()
    context.close()


def seen(page: Page, html: str) -> tuple[list[str], list[str]]:
    """(what ran, the elements that the browser made of it)."""
    page.set_content(html, wait_until="domcontentloaded")
    ran, elements = page.evaluate(TOUCH)
    return ran, elements


def written(text: str) -> dict[str, object]:
    options = (Option(text=text, correct=True, because=text), Option(text=text, because=text))
    return {
        "title": text,
        "sender": text,
        "first_name": text,
        "ref": text,
        "question": Question(id="welcome", ask=text, options=options),
        "survey": Survey(id="welcome", kind="nps", ask=text, low=0, high=10),
    }


def test_no_page_runs_what_people_wrote(page: Page, tmp_path: Path) -> None:
    """Each page in each state has the elements and attributes that it has with plain words, and nothing ran."""
    odd, plain = states(tmp_path / "odd", **written(ARMED)), states(tmp_path / "plain", **written("plain"))
    assert [state.name for state in odd] == [state.name for state in plain]
    for state, same in zip(odd, plain, strict=True):
        ran, elements = seen(page, state.html)
        assert (ran, elements) == ([], seen(page, same.html)[1]), state.name


def test_the_trap_can_catch(page: Page) -> None:
    """What is not escaped would be seen."""
    ran, _ = seen(page, f"<title>x</title><body><p>{HOSTILE['elements']}</p>")
    assert ran


def test_no_mail_runs_what_people_wrote(page: Page, tmp_path: Path) -> None:
    """A learner with all of it in every field, in a mail as it was sent."""
    from stage import set_up
    from test_mail_kinds import KINDS, message_of

    assert [seen(page, message_of(kind, "en").html)[0] for kind in KINDS] == [[]] * len(KINDS)
    mails = []
    for name, text in (("odd", ARMED), ("plain", "plain")):
        (tmp_path / name).mkdir()
        stage = set_up(tmp_path / name)
        stage.publish()
        stage.add("anna@customer.example", first_name=text, ref=text)
        stage.enrol()
        stage.clock.turn(hours=3)
        stage.deliver()
        import email
        from email import policy

        mail = email.message_from_bytes(stage.mails()[0].read_bytes(), policy=policy.default)
        part = mail.get_body(("html",))  # type: ignore[attr-defined]
        mails.append(seen(page, part.get_content()))
    assert mails[0] == ([], mails[1][1])
