"""Every kind of mail as a reader sees it: a tip with all its parts, three surveys, and a mail of questions come back.

`DRIP_SHOTS=folder pytest tests/acceptance/test_mail_kinds.py` leaves a picture of each there, to be looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from mail_looks import MEASURE, browser, keep_picture, show
from playwright.sync_api import Browser

from drip.course.expressions import variables
from drip.course.timing import Gap, Rule, Unit
from drip.people import Facts, Learner
from drip.plan.model import (
    Button,
    Clip,
    Image,
    Mail,
    Option,
    Plan,
    Question,
    Reviews,
    Sender,
    Survey,
    Texts,
    Variant,
)
from drip.render.brand import Brand
from drip.render.cards import compile_cards, compile_recap
from drip.render.layout import compile_template
from drip.render.message import Message, Template, build_message
from drip.track.token import Ring

__all__ = ["browser"]  # a fixture

LAYOUT = (Path(__file__).parents[2] / "templates" / "tip.mjml").read_text(encoding="utf-8")
NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
CHART, POSTER = "m/0123456789abcdef.png", "https://media.acme.example/poster.svg"

TEXTS = {
    "en": Texts(
        subject="See the whole year in one chart",
        preheader="One view, twelve months",
        body="A chart of a year needs a view with *twelve* months in it. Most teams have one already.",
        source="Acme usage study 2026, n = 412",
        image=Image(src=CHART, alt="A bar chart of sales by month", width=1600, height=700),
        clip=Clip(
            url="https://media.acme.example/tour",
            poster=Image(src=POSTER, alt="a tour of the year view", width=1280, height=720),
            minutes=1.5,
            captions=True,
        ),
        button=Button(text="Open the year view", url="https://app.acme.example/year"),
    ),
    "sv": Texts(
        subject="Se hela året i ett diagram",
        body="Ett diagram över ett år behöver en vy med *tolv* månader i sig. De flesta har redan en.",
        source="Acmes användarstudie 2026, n = 412",
        image=Image(src=CHART, alt="Ett stapeldiagram över försäljningen per månad", width=1600, height=700),
        clip=Clip(
            url="https://media.acme.example/tour",
            poster=Image(src=POSTER, alt="en rundtur i årsvyn", width=1280, height=720),
            minutes=1.5,
            captions=True,
        ),
        button=Button(text="Öppna årsvyn", url="https://app.acme.example/year"),
    ),
    "ar": Texts(
        subject="شاهد السنة كلها في مخطط واحد",
        body="يحتاج مخطط السنة إلى عرض يضم *اثني عشر* شهرًا.",
        source="دراسة أكمي 2026",
        image=Image(src=CHART, alt="مخطط أعمدة للمبيعات حسب الشهر", width=1600, height=700),
        clip=Clip(
            url="https://media.acme.example/tour",
            poster=Image(src=POSTER, alt="جولة في عرض السنة", width=1280, height=720),
            minutes=2,
            captions=True,
        ),
        button=Button(text="افتح عرض السنة", url="https://app.acme.example/year"),
    ),
}
ASKED = {
    "en": ("How many months does the view need?", ("Twelve", "As many as there are data for", "One")),
    "sv": ("Hur många månader behöver vyn?", ("Tolv", "Så många som det finns data för", "En")),
    "ar": ("كم شهرًا يحتاج العرض؟", ("اثنا عشر", "شهر واحد")),
}
RATED = {
    "nps": Survey(id="nps", kind="nps", ask="How likely are you to recommend us to a colleague?", low=0, high=10),
    "csat": Survey(id="csat", kind="csat", ask="How satisfied are you with this course?", low=1, high=5),
    "scale": Survey(id="scale", kind="scale", ask="How useful were the tips for your own reports?", low=1, high=7),
}
RATED_IN = {
    "sv": {
        "nps": "Hur troligt är det att du rekommenderar oss till en kollega?",
        "csat": "Hur nöjd är du med kursen?",
        "scale": "Hur användbara var tipsen för dina egna rapporter?",
    },
    "ar": {
        "nps": "ما مدى احتمال أن توصي بنا لزميل؟",
        "csat": "ما مدى رضاك عن الدورة؟",
        "scale": "ما مدى فائدة النصائح لتقاريرك؟",
    },
}
KINDS = ("tip", "nps", "csat", "scale", "recap")
VIEWS = ((375, "light", True), (375, "dark", True), (1280, "light", True), (320, "dark", True), (375, "light", False))
TITLES = {"sv": "Din första rapport", "ar": "تقريرك الأول"}


def question_in(language: str) -> Question:
    ask, options = ASKED[language]
    return Question(id="year", ask=ask, options=tuple(Option(text=text) for text in options))


def mail_of(kind: str) -> Mail:
    """The tip, or one of the surveys, in all three languages."""
    common: dict[str, Any] = {"gap": Gap(count=1, unit=Unit.DAYS), "rule": Rule(), "number": 3, "of": 8}
    if kind == "tip":
        texts: Mapping[str, Texts] = TEXTS
        questions = {language: question_in(language) for language in ASKED}
        common |= {"question": questions["en"], "questions": questions}
    else:
        survey = RATED[kind]
        surveys = {"en": survey} | {one: replace(survey, ask=asks[kind]) for one, asks in RATED_IN.items()}
        texts = {language: Texts(subject=one.ask, body="") for language, one in surveys.items()}
        common |= {"survey": survey, "surveys": surveys}
    variant = Variant(name="default", weight=1, texts=texts["en"], translations=texts)
    return Mail(id="year" if kind == "tip" else kind, variants=(variant,), **common)


PLAN = Plan(
    course_id="course",
    title="Your first report in a week",
    revision="r1",
    language="en",
    languages=("sv", "ar"),
    titles=TITLES,
    sender=Sender(name="Nora at Acme", email="learn@acme.example"),
    layout="tip",
    timezone="UTC",
    reviews=Reviews(after_days=(2, 5), per_email=2),
    steps=tuple(mail_of(kind) for kind in ("tip", "nps", "csat", "scale")),
)
BRAND = Brand(address="Acme AB, Storgatan 4, 211 34 Malmö")


def message_of(kind: str, language: str) -> Message:
    """A real message: a tip brings one question back, a recap two."""
    cards = compile_cards(PLAN, language, LAYOUT, BRAND)
    carried: tuple[Template, ...] = {"tip": cards, "recap": cards * 2}.get(kind, ())
    if kind == "recap":
        template = compile_recap(PLAN, language, LAYOUT, BRAND)
    else:
        mail = next(step for step in PLAN.steps if step.id == ("year" if kind == "tip" else kind))
        assert isinstance(mail, Mail)
        template = compile_template(PLAN, mail, mail.variants[0], LAYOUT, BRAND, language=language)
    learner = Learner(id=1, ref="L1", email="asa@example.com", first_name="Åsa")
    course = {"id": PLAN.course_id, "title": PLAN.title, "language": PLAN.language}
    return build_message(
        template,
        plan=PLAN,
        learner=learner,
        variables=variables(learner=learner, course=course, run=1, facts=Facts(), now=NOW, skills={}),
        delivery_id=7,
        date=NOW,
        ring=Ring.of(["a secret for tests"]),
        base_url="https://learn.acme.example",
        cards=carried,
    )


@pytest.mark.parametrize(("width", "scheme", "pictures"), VIEWS)
@pytest.mark.parametrize("language", list(TEXTS))
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_mail_can_be_read_and_pressed(
    browser: Browser, kind: str, language: str, width: int, scheme: str, pictures: bool
) -> None:
    """It fits its window, every text reaches 4.5:1 and 14 px, one h1; answers are 48 px rows, ratings 44 px targets."""
    page, asked = show(browser, message_of(kind, language).html, width, scheme, pictures)
    seen: dict[str, Any] = page.evaluate(MEASURE)
    ratings = page.evaluate(
        "() => [...document.querySelectorAll('.rate a')].map(a => a.getBoundingClientRect())"
        ".map(b => [b.width, b.height, b.top, b.left])"
    )
    images = page.evaluate(
        "() => [...document.images].map(i => [i.getAttribute('alt'), i.getBoundingClientRect().width])"
    )
    keep_picture(page, f"{kind}-{language}-{width}-{scheme}{'' if pictures else '-no-pictures'}")
    page.context.close()

    assert seen["scroll"] <= width, "it scrolls sideways"
    assert [text for text in seen["texts"] if text["contrast"] < 4.5] == []
    assert [text for text in seen["texts"] if text["size"] < 14] == []
    assert [text for text in seen["texts"] if text["left"] < 0 or text["right"] > width] == []
    assert [size for _, size in seen["h1"]] == ["26px"]
    assert seen["lang"] == language
    for option in seen["options"]:
        assert option["height"] >= 48
    count = len(ASKED[language][1])
    assert len(seen["options"]) == {"tip": 2 * count, "recap": 2 * count}.get(kind, 0)
    survey = RATED.get(kind)
    assert len(ratings) == (survey.high - survey.low + 1 if survey else 0)
    for wide, high, _, _ in ratings:
        assert wide >= 44
        assert high >= 44
    rows = len({top for _, _, top, _ in ratings})
    if survey and len(ratings) > 6:
        assert rows == (1 if width > 600 else 2)
    if language == "ar" and survey:
        assert ratings[0][3] > ratings[1][3], "a scale begins at the right"
    if kind == "tip":
        assert [alt for alt, _ in images] == [TEXTS[language].image.alt, "", ""]  # type: ignore[union-attr]
        assert all(wide <= min(width, 600) - 32 for _, wide in images)
        assert "https://learn.acme.example/m/0123456789abcdef.png" in asked
    # with its picture in place, only what the marketer put in and the pixel are fetched
    others = [one for one in asked if "/m/" not in one and one != POSTER]
    assert [one.startswith("https://learn.acme.example/o/") for one in others] == [True]


@pytest.mark.parametrize(("language", "line"), [("en", "Watch: a tour"), ("sv", "Se filmen: en rundtur")])
def test_a_clip_reads_with_pictures_off(browser: Browser, language: str, line: str) -> None:
    """What is pressed, how long it takes and that it has captions stand in words under the poster."""
    page, _ = show(browser, message_of("tip", language).html, 375, "light", False)
    words = page.inner_text("body")
    page.context.close()
    assert line in words
    assert {"en": "(1.5 min, with captions)", "sv": "(1,5 min, textad)"}[language] in words
    assert "▶" in words
