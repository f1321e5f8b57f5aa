"""Facts about keeping a plan: it comes back from its JSON exactly as it was."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drip.course.attributes import Attribute
from drip.course.parse import parse
from drip.course.timing import Gap, Limit, Rule, Unit, Window
from drip.plan.compile import compile_plan
from drip.plan.model import (
    Award,
    Branch,
    Button,
    Clip,
    Image,
    Mail,
    Notify,
    Option,
    Plan,
    Question,
    Reviews,
    Sender,
    Start,
    Survey,
    Texts,
    Tracking,
    Variant,
    Wait,
)
from drip.plan.stored import from_json, to_json

FULL = Path(__file__).parents[1] / "data" / "courses" / "full.yaml"

texts = st.text(max_size=12)
some = st.one_of(st.none(), texts)
gaps = st.builds(Gap, count=st.integers(0, 400), unit=st.sampled_from(Unit))
windows = st.builds(Window, start=st.integers(0, 1439), end=st.integers(0, 1440))
rules = st.builds(
    Rule,
    at=st.one_of(st.none(), st.integers(0, 1439)),
    between=st.one_of(st.none(), windows),
    days=st.frozensets(st.integers(0, 6)),
    holidays=some,
)
buttons = st.one_of(st.none(), st.builds(Button, text=texts, url=texts))
sizes = st.one_of(st.none(), st.integers(1, 9))
images = st.builds(Image, src=texts, alt=texts, width=sizes, height=sizes)
clips = st.builds(Clip, url=texts, poster=images, minutes=st.sampled_from([None, 2.0, 0.5]), captions=st.booleans())
said = st.builds(
    Texts,
    subject=texts,
    preheader=texts,
    body=texts,
    button=buttons,
    image=st.one_of(st.none(), images),
    clip=st.one_of(st.none(), clips),
    source=texts,
)
surveys = st.builds(
    Survey, id=texts, kind=st.sampled_from(["nps", "csat", "scale"]), ask=texts, low=st.just(0), high=st.just(10)
)
values = st.one_of(st.none(), texts, st.integers(-9, 9), st.sampled_from([0.5, 2.25]), st.booleans())
attributes = st.builds(
    Attribute,
    type=st.sampled_from(["text", "number", "date", "yes/no", "choice"]),
    default=values,
    choices=st.lists(texts, max_size=2).map(tuple),
)
variants = st.builds(
    Variant,
    name=texts,
    weight=st.integers(1, 9),
    texts=said,
    translations=st.dictionaries(texts, said, max_size=2),
)
questions = st.builds(
    Question,
    id=texts,
    ask=texts,
    options=st.tuples(st.builds(Option, text=texts, correct=st.booleans(), because=texts)),
)
mails = st.builds(
    Mail,
    id=texts,
    gap=gaps,
    first_gap=gaps,
    rule=rules,
    variants=st.lists(variants, max_size=2).map(tuple),
    number=st.integers(1, 9),
    of=st.integers(1, 9),
    when=some,
    objective=texts,
    skill=texts,
    question=st.one_of(st.none(), questions),
    questions=st.dictionaries(texts, questions, max_size=1),
    survey=st.one_of(st.none(), surveys),
    surveys=st.dictionaries(texts, surveys, max_size=1),
    stale_after=st.one_of(st.none(), gaps),
    renamed_from=some,
    then=some,
)
waits = st.builds(Wait, id=texts, until=texts, at_most=gaps, then=some)
branches = st.builds(Branch, id=texts, condition=texts, gap=gaps, first_gap=gaps, rule=rules, then=some, otherwise=some)
notices = st.builds(Notify, id=texts, name=texts, then=some)
awards = st.builds(Award, id=texts, name=texts, then=some)
plans = st.builds(
    Plan,
    course_id=texts,
    title=texts,
    revision=texts,
    language=texts,
    sender=st.builds(Sender, name=texts, email=texts, reply_to=some),
    layout=texts,
    timezone=texts,
    limit=st.one_of(st.none(), st.builds(Limit, count=st.integers(1, 9), per=st.sampled_from(["day", "week"]))),
    start=st.builds(Start, when=some, event=some, offset_days=st.integers(-30, 30)),
    goal=some,
    silent_after=st.one_of(st.none(), st.integers(1, 9)),
    stale_after=st.one_of(st.none(), gaps),
    priority=st.integers(-9, 9),
    reviews=st.one_of(st.none(), st.builds(Reviews, after_days=st.tuples(st.integers(1, 9)), per_email=st.just(2))),
    tracking=st.builds(Tracking, opens=st.sampled_from(["always", "consented", "never"])),
    holdout=st.sampled_from([0.0, 0.1, 0.125]),
    titles=st.dictionaries(texts, texts, max_size=2),
    languages=st.lists(texts, max_size=2).map(tuple),
    attributes=st.dictionaries(texts, attributes, max_size=2),
    removed=st.lists(texts, max_size=2).map(tuple),
    steps=st.lists(st.one_of(mails, waits, branches, notices, awards), max_size=4).map(tuple),
)


@given(plans)
def test_any_plan_comes_back_the_same(plan: Plan) -> None:
    """Every kind of step and every value survives, with its type; writing it again gives the same text."""
    text = to_json(plan)
    back = from_json(text)
    assert back == plan
    assert to_json(back) == text
    assert [type(step) for step in back.steps] == [type(step) for step in plan.steps]
    assert all(isinstance(step.rule.days, frozenset) for step in back.steps if isinstance(step, Mail | Branch))


def test_a_compiled_course_comes_back_the_same() -> None:
    """The full course, with its revision."""
    plan = compile_plan(parse("full.yaml", FULL.read_bytes()), layout="<mjml/>")
    assert from_json(to_json(plan)) == plan


def test_weekdays_stand_in_order() -> None:
    """A set has no order of its own; the text has one."""
    plan = compile_plan(parse("full.yaml", FULL.read_bytes()), layout="")
    assert isinstance(plan.steps[0], Mail)
    shuffled = replace(plan.steps[0], rule=Rule(days=frozenset([6, 0, 3])))
    assert json.loads(to_json(replace(plan, steps=(shuffled,))))["steps"][0]["rule"]["days"] == [0, 3, 6]


def test_a_plan_of_an_earlier_compiler_is_read() -> None:
    """A stored plan without a field that came later has that field's default."""
    data = json.loads(to_json(compile_plan(parse("full.yaml", FULL.read_bytes()), layout="")))
    for step in data["steps"]:
        step.pop("first_gap", None)
    assert from_json(json.dumps(data)).steps


@pytest.mark.parametrize("text", ["", "{}", "null", "[1]", '{"course_id": 1}'])
def test_what_is_no_plan_is_refused(text: str) -> None:
    """Damaged text raises ValueError and gives no half plan."""
    with pytest.raises(ValueError):
        from_json(text)
