"""A whole mail, letter by letter: what changes in it changes in a diff that a person reads.

`DRIP_UPDATE_GOLDEN=1 pytest tests/unit/test_render_golden.py` writes the files anew.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from render_samples import learner_with, message, plan_of, tip

from drip.plan.model import Button, Option, Question, Sender
from drip.render.layout import Brand

MAILS = Path(__file__).parents[1] / "data" / "mails"

ENGLISH = tip(
    """\
Hi {{ learner.first_name | default("there") }}. A chart starts from a *saved view*: a source, its filters and its
dates, kept under one name.

1. Open **Views**.
2. Filter it down, for instance to `status:returned`.
3. {% if learner.plan == "pro" %}Share it with your team.{% endif %}

{% if learner.plan == "pro" %}
> You already have three views.
{% endif %}

There is more in [comparing periods](https://help.acme.example/compare?u={{ learner.ref }}).
""",
    subject="Let a saved view do the filtering",
    preheader="Set the dates once, and the report keeps up",
    button=Button(text="Open your views", url="https://app.acme.example/views?u={{ learner.ref }}"),
    question=Question(
        id="views",
        ask="It is 20 November. A view has the dates 1–31 October. What does its chart show?",
        options=(
            Option(text="October, just as before", correct=True),
            Option(text="The 31 days up to today"),
            Option(text="Nothing, because its dates have passed"),
        ),
    ),
)
SWEDISH = tip(
    "# Skicka fakturan samma dag\n\nDå minns kunden hur bra det blev.\n\n- vad\n- hur mycket\n- när\n",
    subject="Samma dag, {{ learner.first_name }}",
    number=8,
)
SAMPLES = {
    "saved-view": (ENGLISH, plan_of(ENGLISH, title="Your first report in a week"), learner_with(plan="pro")),
    "samma-dag": (
        SWEDISH,
        plan_of(
            SWEDISH, language="sv", title="Trygg start", sender=Sender(name="Karin på Pärmen", email="k@parmen.example")
        ),
        learner_with(first_name="Åsa & Öl <3"),
    ),
}


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("kind", ["html", "txt", "headers"])
def test_a_mail_is_what_it_was(name: str, kind: str) -> None:
    """HTML, plain text and headers of a realistic tip are those in tests/data/mails."""
    mail, plan, learner = SAMPLES[name]
    made = message(mail, learner, plan=plan, brand=Brand(address="Acme AB\nStorgatan 4\n211 34 Malmö"))
    headers = "".join(f"{header}: {value}\n" for header, value in made.headers)
    now = {"html": made.html, "txt": made.text, "headers": headers}[kind]
    file = MAILS / f"{name}.{kind}"
    if os.environ.get("DRIP_UPDATE_GOLDEN"):
        file.write_text(now, encoding="utf-8")
    assert now == file.read_text(encoding="utf-8")
