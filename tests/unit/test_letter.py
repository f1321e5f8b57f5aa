"""One message to look at: whose variant, which questions come back in it, and how large it is when it is sent."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from pictures import png
from preview_stage import COURSE, SWEDISH

from drip.course.parse import parse
from drip.engine.letter import Letter, coming_back, letter, own_variant
from drip.engine.preview import SOMEBODY
from drip.errors import ExpressionError
from drip.plan.compile import compile_plan
from drip.plan.model import Mail
from drip.render.cards import compile_cards, compile_recap
from drip.render.layout import compile_template
from drip.track.token import Ring

NOW = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
LAYOUT = """\
<mjml lang="{{ language }}"><mj-head><mj-title>{{ subject }}</mj-title></mj-head><mj-body><mj-section><mj-column>
<mj-text>{{ body }}
{% if ask %}{{ card_begins }}<p>{{ ask }}</p>{% for option in options %}<a href="{{ option.url }}">{{ option.text }}</a>
{% endfor %}{{ card_ends }}{% endif %}
{% if survey %}{% for row in survey.rows %}{% for r in row %}<a href="{{ r.url }}">{{ r.text }}</a>
{% endfor %}{% endfor %}{% endif %}{{ riders }}<a href="{{ unsubscribe.url }}">{{ unsubscribe.text }}</a></mj-text>
</mj-column></mj-section></mj-body></mjml>"""
COURSE_ = parse(
    "hello.yaml",
    COURSE.replace("body_file: tips/export.md", "body: 'Press {{ learner.seats }}.'").encode(),
    files={"charts.png": png(600, 300)},
    translations={"sv": SWEDISH.encode()},
)
PLAN = compile_plan(COURSE_, layout=LAYOUT)
TEMPLATES = [
    compile_template(PLAN, step, variant, LAYOUT, language=language)
    for language in ("en", "sv")
    for step in PLAN.steps
    if isinstance(step, Mail)
    for variant in step.variants
]
for _language in ("en", "sv"):
    TEMPLATES += [*compile_cards(PLAN, _language, LAYOUT), compile_recap(PLAN, _language, LAYOUT)]
ADA = replace(SOMEBODY, attributes={"seats": 3})


def _letter(step: str, **changes: Any) -> Letter:
    said: dict[str, Any] = {"learner": ADA, "language": "en", "now": NOW, "ring": Ring.of(["x"]), **changes}
    return letter(PLAN, TEMPLATES, step=step, base_url="https://learn.acme.example", **said)


def test_a_learner_gets_their_own_variant() -> None:
    """Unless another one is asked for; one that the mail does not have is passed over."""
    mail = PLAN.step("export")
    assert isinstance(mail, Mail)
    own = own_variant(PLAN, mail, ADA)
    other = "long" if own == "short" else "short"
    assert _letter("export").variant == own
    assert _letter("export", variant=other).variant == other
    assert _letter("export", variant="none such").variant == own
    assert _letter("welcome", variant=other).variant == ""
    assert {own_variant(PLAN, mail, replace(ADA, ref=str(number))) for number in range(30)} == {"short", "long"}


def test_questions_that_come_back_are_those_taught_before() -> None:
    """In a tip those of earlier ones if wanted, in a recap always, in no more than `per_email`; in their language."""
    assert coming_back(PLAN, PLAN.step("welcome")) == ()  # type: ignore[arg-type]  # it is a mail
    assert len(_letter("export").questions) == 1
    found = _letter("export", with_riders=True)
    assert [one and one.id for one in found.questions] == [None, "welcome"]
    assert "Where does a chart start?" in found.message.html
    recap = _letter("review", language="sv")
    assert recap.mail is None
    assert [one and one.ask for one in recap.questions] == [None, "Var börjar ett diagram?"]
    assert "Var börjar ett diagram?" in recap.message.text


def test_a_mail_is_as_large_as_when_it_is_sent() -> None:
    """With its signed links and the pixel: more than what is shown, where links lead straight to their targets."""
    found = _letter("welcome")
    assert found.html_bytes > len(found.message.html.encode())
    assert found.bytes > found.html_bytes
    assert "/c/" not in found.message.html


def test_what_a_learner_lacks_is_said() -> None:
    """As sending would say it."""
    with pytest.raises(ExpressionError, match=r"learner\.seats"):
        _letter("export", learner=SOMEBODY)


def test_a_step_without_a_message_is_none() -> None:
    """A wait, or a step that there is not."""
    for step in ("welcome/wait", "no such step"):
        with pytest.raises(LookupError):
            _letter(step)
