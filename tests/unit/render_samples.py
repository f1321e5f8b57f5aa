"""A plan, a tip and a learner for the tests of rendering, and the way from them to a message."""

from __future__ import annotations

from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from drip.course.expressions import variables
from drip.course.timing import Gap, Rule, Unit
from drip.people import Facts, Learner
from drip.plan.model import Button, Mail, Option, Plan, Question, Sender, Texts, Variant
from drip.render.layout import Brand, compile_template
from drip.render.message import Message, Template, build_message
from drip.track.token import Ring

LAYOUT = (Path(__file__).parents[2] / "templates" / "tip.mjml").read_text(encoding="utf-8")
NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
RING = Ring.of(["a secret for tests"])
BASE = "https://learn.acme.example"
SENDER = Sender(name="Acme Academy", email="learn@acme.example", reply_to="help@acme.example")
QUESTION = Question(
    id="welcome",
    ask="Where does a chart start?",
    options=(Option(text="From a saved view", correct=True), Option(text="From a blank page")),
)


def tip(
    body: str = "A chart starts from a *saved view*.",
    *,
    subject: str = "Start from a saved view",
    preheader: str = "",
    button: Button | None = None,
    question: Question | None = None,
    number: int = 3,
    of: int = 8,
) -> Mail:
    """A tip with one variant."""
    texts = Texts(subject=subject, preheader=preheader, body=body, button=button)
    return Mail(
        id="welcome",
        gap=Gap(count=1, unit=Unit.DAYS),
        rule=Rule(),
        variants=(Variant(name="default", weight=1, texts=texts),),
        number=number,
        of=of,
        question=question,
    )


def plan_of(mail: Mail, *, language: str = "en", title: str = "Your first report", sender: Sender = SENDER) -> Plan:
    """A course of one tip."""
    return Plan(
        course_id="first-report",
        title=title,
        revision="r1",
        language=language,
        sender=sender,
        layout="tip",
        timezone="UTC",
        steps=(mail,),
    )


def compiled(mail: Mail, *, plan: Plan | None = None, layout: str = LAYOUT, brand: Brand | None = None) -> Template:
    """The template of a tip's only variant."""
    return compile_template(plan or plan_of(mail), mail, mail.variants[0], layout, brand)


def learner_with(**fields: object) -> Learner:
    """Ada, with any field of hers replaced; what is no field of a learner becomes an attribute."""
    known: dict[str, object] = {"id": 1, "ref": "L1", "email": "ada@example.com", "first_name": "Ada"}
    own = {name: value for name, value in fields.items() if name in Learner.__dataclass_fields__}
    known["attributes"] = {name: value for name, value in fields.items() if name not in own}
    return Learner(**(known | own))  # type: ignore[arg-type]


def message(
    mail: Mail,
    learner: Learner | None = None,
    *,
    plan: Plan | None = None,
    delivery_id: int = 7,
    date: datetime = NOW,
    ring: Ring = RING,
    brand: Brand | None = None,
    **options: Any,
) -> Message:
    """The message that a learner gets."""
    plan = plan or plan_of(mail)
    learner = learner or learner_with()
    seen = variables(
        learner=learner,
        course={"id": plan.course_id, "title": plan.title, "language": plan.language},
        run=1,
        facts=Facts(),
        now=NOW,
        skills={},
    )
    return build_message(
        compiled(mail, plan=plan, brand=brand),
        plan=plan,
        learner=learner,
        variables=seen,
        delivery_id=delivery_id,
        date=date,
        ring=ring,
        base_url=BASE,
        **options,
    )


class Reader(HTMLParser):
    """What stands in a mail: tags in order, texts, addresses, and the tags that were closed out of order."""

    VOID = frozenset({"br", "hr", "img", "meta", "link", "input"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.opened: list[str] = []
        self.empty: list[str] = []
        self.crossed: list[str] = []
        self.addresses: list[str] = []
        self.alts: list[str] = []
        self.words: list[str] = []
        self._stack: list[tuple[str, int]] = []
        self.feed(html)
        self.close()
        self.crossed.extend(tag for tag, _ in self._stack)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.opened.append(tag)
        if tag == "a":
            self.addresses.append(given.get("href") or "")
        if tag == "img":
            self.alts.append(given.get("alt") or "")
            self.words.append(given.get("alt") or "")
        if tag not in self.VOID:
            self._stack.append((tag, len("".join(self.words).strip())))

    def handle_endtag(self, tag: str) -> None:
        if not self._stack or self._stack[-1][0] != tag:
            self.crossed.append(tag)
            return
        _, before = self._stack.pop()
        if len("".join(self.words).strip()) == before:
            self.empty.append(tag)

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        """All words, without any markup."""
        return "".join(self.words)


def body_of(message: Message) -> str:
    """The HTML of a mail between its title and its footer."""
    start = message.html.index('class="ink tip"')
    start = message.html.index("<div", start)
    end = message.html.index("</td>", start)
    return message.html[start:end]
