"""A tip as a reader sees it: on a phone, on a desk, in the dark, with pictures off, narrow, and from right to left.

`DRIP_SHOTS=folder pytest tests/acceptance/test_mail_looks.py` leaves a picture of each there, to be looked at.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from mail_looks import MEASURE, browser, keep_picture, show
from playwright.sync_api import Browser

from drip.course.expressions import variables
from drip.course.timing import Gap, Rule, Unit
from drip.people import Facts, Learner
from drip.plan.model import Button, Mail, Option, Plan, Question, Sender, Texts, Variant
from drip.render.layout import Brand, compile_template
from drip.render.message import build_message
from drip.track.token import Ring

__all__ = ["browser"]  # a fixture

LAYOUT = (Path(__file__).parents[2] / "templates" / "tip.mjml").read_text(encoding="utf-8")
NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
ENGLISH = Texts(
    subject="Let a saved view do the filtering",
    preheader="Set the dates once, and the report keeps up",
    body="""\
Your report has a question, so it can have its first chart. In Acme a chart starts from a *saved view*: a source, its
filters and its dates, kept under one name.

1. Open **Views** and pick the source closest to your question.
2. Filter it down, for instance to *Status: returned*.
3. Set the dates to **Last 4 weeks** and save.

The dates deserve a second look. *Last 4 weeks* moves with the calendar. There is more in
[comparing periods](https://help.acme.example/compare).
""",
    button=Button(text="Open your views", url="https://app.acme.example/views?u={{ learner.ref }}"),
)
SWEDISH = Texts(
    subject=(
        "Skicka fakturan samma dag som jobbet är klart, medan både du och kunden minns hur bra det blev och vad ni kom "
        "överens om, så slipper ni räkna om timmarna i efterhand och alla är lika goda vänner sedan"
    ),
    body="""\
När jobbet är klart minns du varje timme, {{ learner.first_name }}. En vecka senare minns du hälften.

- Skriv *vad*, *hur mycket* och `när`.
  - Lägg till leveransvillkorsöverenskommelsebekräftelsenumret, om det finns ett sådant.

> En faktura som kommer snabbt betalas snabbt.

![Ett diagram över betalningstider](https://parmen.example/diagram.svg)

```
https://app.parmen.example/fakturor/ny?kund=1234567890&jobb=altan&mall=standard&sprak=sv&utskick=direkt
```

## Och sedan?

Läs mer om [sena betalningar](https://hjalp.parmen.example/sena).
""",
    button=Button(
        text="Skicka en faktura för det jobb som du blev klar med i dag", url="https://app.parmen.example/ny"
    ),
)
ARABIC = Texts(
    subject="دع العرض المحفوظ يقوم بالتصفية",
    body="يبدأ المخطط من *عرض محفوظ*.\n\n1. افتح **العروض**.\n2. اضبط التواريخ.\n\nجرّب `Ctrl+K` الآن.",
    button=Button(text="افتح عروضك", url="https://app.acme.example/views"),
)
SAMPLES = {
    "en": (
        ENGLISH,
        "Your first report in a week",
        "Nora at Acme",
        "It is 20 November. A view has the dates 1–31 October. What does its chart show?",
        ("October, just as before", "The 31 days up to today", "Nothing, because its dates have passed"),
    ),
    "sv": (
        SWEDISH,
        "Trygg start",
        "Karin på Pärmen",
        "Prognosen visar minus om tre veckor. En faktura på 20 000 kr är sen. Vad gör du först?",
        ("Påminner kunden vänligt, med fakturan bifogad", "Skjuter upp alla egna betalningar tills vidare", "Väntar"),
    ),
    "ar": (ARABIC, "تقريرك الأول", "أكاديمية أكمي", "من أين يبدأ المخطط؟", ("من عرض محفوظ", "من صفحة فارغة")),
}
VIEWS = [
    (language, width, scheme, pictures)
    for language in SAMPLES
    for width, scheme, pictures in (
        (375, "light", True),
        (375, "dark", True),
        (1280, "light", True),
        (1280, "dark", True),
        (320, "light", True),
        (375, "light", False),
    )
]


def mail_in(language: str) -> str:
    """The HTML of a realistic tip: the third of eight, with a button and a question."""
    texts, title, sender, ask, options = SAMPLES[language]
    variant = Variant(name="default", weight=1, texts=texts)
    question = Question(id="tip", ask=ask, options=tuple(Option(text=text) for text in options))
    mail = Mail(
        id="tip",
        gap=Gap(count=1, unit=Unit.DAYS),
        rule=Rule(),
        variants=(variant,),
        number=3,
        of=8,
        question=question,
    )
    plan = Plan(
        course_id="course",
        title=title,
        revision="r1",
        language=language,
        sender=Sender(name=sender, email="learn@acme.example"),
        layout="tip",
        timezone="UTC",
        steps=(mail,),
    )
    logo = "https://parmen.example/logo.svg" if language == "sv" else ""
    brand = Brand(address="Acme AB, Storgatan 4, 211 34 Malmö", logo=logo)
    learner = Learner(id=1, ref="L1", email="asa@example.com", first_name="Åsa")
    course = {"id": plan.course_id, "title": plan.title, "language": plan.language}
    return build_message(
        compile_template(plan, mail, variant, LAYOUT, brand),
        plan=plan,
        learner=learner,
        variables=variables(learner=learner, course=course, run=1, facts=Facts(), now=NOW, skills={}),
        delivery_id=7,
        date=NOW,
        ring=Ring.of(["a secret for tests"]),
        base_url="https://learn.acme.example",
    ).html


@pytest.mark.parametrize(("language", "width", "scheme", "pictures"), VIEWS)
def test_a_tip_can_be_read_everywhere(browser: Browser, language: str, width: int, scheme: str, pictures: bool) -> None:
    """It fits its window, every text reaches 4.5:1 and 14 px, and every answer is a full row of at least 48 px."""
    page, asked = show(browser, mail_in(language), width, scheme, pictures)
    seen: dict[str, Any] = page.evaluate(MEASURE)
    keep_picture(page, f"{language}-{width}-{scheme}{'' if pictures else '-no-pictures'}")
    page.context.close()

    assert seen["scroll"] <= width, "it scrolls sideways"
    assert [text for text in seen["texts"] if text["contrast"] < 4.5] == []
    assert [text for text in seen["texts"] if text["size"] < 14] == []
    assert [text for text in seen["texts"] if text["left"] < 0 or text["right"] > width] == []
    assert [size for _, size in seen["h1"]] == ["26px"]
    assert seen["paragraph"] == ["17px", "26px"]
    assert seen["page"] == ("rgb(22, 24, 26)" if scheme == "dark" else "rgb(255, 255, 255)")

    card = seen["card"]
    assert len(seen["options"]) == len(SAMPLES[language][4])
    for option in seen["options"]:
        assert option["height"] >= 48
        assert option["width"] >= card["width"] - 40, "an option is not the full width of its card"
    assert seen["button"]["height"] >= 48
    assert seen["unsubscribe"]["height"] >= 24
    assert seen["column"]["width"] == min(width, 600) - 32
    assert seen["done"]["width"] / (seen["done"]["width"] + seen["todo"]["width"]) == pytest.approx(3 / 8, abs=0.02)
    assert seen["done"]["height"] == 4

    ours = [address for address in asked if not address.endswith(".svg")]
    assert [address.startswith("https://learn.acme.example/o/") for address in ours] == [True], "something else loads"


def test_a_mail_in_arabic_runs_from_right_to_left(browser: Browser) -> None:
    """Text, progress, lists and letters begin at the right."""
    page, _ = show(browser, mail_in("ar"), 375, "light", True)
    seen: dict[str, Any] = page.evaluate(MEASURE)
    letter, option = page.evaluate(
        "() => ['.letter', '.option a'].map(s => document.querySelector(s).getBoundingClientRect().right)"
    )
    page.context.close()
    assert (seen["lang"], seen["direction"]) == ("ar", "rtl")
    assert seen["done"]["left"] > seen["todo"]["left"]
    assert option - letter < 20
    title = next(text for text in seen["texts"] if text["text"].startswith("دع"))
    assert title["right"] == pytest.approx(375 - 16, abs=2)


def test_with_pictures_off_nothing_is_lost(browser: Browser) -> None:
    """The logo becomes the sender's name, the picture its description, and progress is still read in words."""
    page, _ = show(browser, mail_in("sv"), 375, "light", False)
    read = page.evaluate("() => [...document.images].map(image => [image.alt, image.complete && image.naturalWidth])")
    words = page.inner_text("body")
    page.context.close()
    assert read == [["Karin på Pärmen", 0], ["Ett diagram över betalningstider", 0], ["", 0]]
    assert "3 av 8" in words
    assert "Påminner kunden vänligt" in words


def test_the_list_of_mails_shows_the_preheader_and_no_more(browser: Browser) -> None:
    """The hidden first words are the preheader, then nothing visible for at least a hundred characters."""
    page, _ = show(browser, mail_in("en"), 375, "light", True)
    words = page.evaluate("() => document.body.textContent.replace(/\\\\s+/g, ' ')")
    visible = page.inner_text("body")
    page.context.close()
    start = words.index("Set the dates once, and the report keeps up")
    after = words[start:].removeprefix("Set the dates once, and the report keeps up")[:130]
    assert not any(character.isalnum() for character in after)
    assert "keeps up" not in visible


def test_letters_stand_in_line_with_their_answers(browser: Browser) -> None:
    """A long answer's second line begins where its first one does."""
    page, _ = show(browser, mail_in("sv"), 320, "light", True)
    lefts = page.evaluate(
        """() => {
          const range = document.createRange(), link = document.querySelector('.option a');
          range.selectNodeContents(link.lastChild);
          return [...range.getClientRects()].filter(r => r.width > 10).map(r => r.left);
        }"""
    )
    page.context.close()
    assert len(lefts) >= 2
    assert max(lefts) - min(lefts) < 6
