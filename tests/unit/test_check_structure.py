"""Which structures are found to be other than they seem, and which are left in peace."""

from __future__ import annotations

import pytest
from rule_samples import advice_on

HEAD = """\
title: Your first report
language: en
sender: {name: Acme Academy, email: learn@acme.example}
steps:
"""
ASKS = "question: {ask: Q, options: [{text: A, correct: true, because: x}, {text: B, because: y}]}"
BUTTON = 'button: {text: "%s", url: "https://a.example/%s"}'


def tip(name: str, more: str = "", indent: int = 2) -> str:
    button = BUTTON % (name, name)
    text = f"- {{tip: {name}, subject: About {name}, preheader: Two minutes, body: Read it., {button}, {ASKS}{more}}}\n"
    return " " * indent + text


def fork(condition: str, then: str, otherwise: str = "") -> str:
    more = f"    else:\n{otherwise}" if otherwise else ""
    return f"  - if: '{condition}'\n    then:\n{then}{more}"


def rules(steps: str, head: str = HEAD) -> list[str]:
    about_learning = ("no-objective", "no-question", "too-short", "taught-once", "same-link-text")
    return [one.rule for one in advice_on(head + steps) if one.rule not in about_learning]


def test_what_one_way_sends_the_other_cannot_ask_about() -> None:
    """A tip of `then` has not been sent in `else`; after both ways have met, it may have been."""
    steps = tip("one") + fork('correct("one")', tip("yes", indent=6), tip("no", ", when: 'clicked(\"yes\")'", indent=6))
    assert rules(steps) == ["asked-too-early"]
    after = tip("one") + fork('correct("one")', tip("yes", indent=6), tip("no", indent=6))
    assert rules(after + tip("last", ", when: 'clicked(\"yes\")'")) == []


def test_a_goal_may_ask_about_any_tip() -> None:
    """It is asked again and again while the course goes on."""
    goal = HEAD.replace("steps:", 'goal: clicked("two")\nhold_while: not sent("one") and clicked("two")\nsteps:')
    assert rules(tip("one") + tip("two"), goal) == []
    never = HEAD.replace("steps:", 'goal: clicked("two") and score() > 1\nsteps:')
    assert rules(tip("one") + tip("two"), never) == ["never-true"]


def test_a_text_may_ask_too() -> None:
    """A condition inside a body is judged as one of a step is: an open decides nothing, what comes later is false."""
    asks = "  - {tip: two, subject: A, preheader: B, body: \"{%% if %s('%s') %%}You were there.{%% endif %%}\"}\n"
    assert rules(tip("one") + asks % ("clicked", "one")) == []
    assert rules(tip("one") + asks % ("opened", "one")) == ["open-gates"]
    assert rules(tip("one") + asks % ("clicked", "three") + tip("three")) == ["asked-too-early"]


def test_the_start_comes_before_everything() -> None:
    """Nobody has been sent anything by then."""
    start = HEAD.replace("steps:", 'start: {when: sent("one")}\nsteps:')
    assert rules(tip("one"), start) == ["asked-too-early"]


def test_what_an_outer_if_decided_holds_inside() -> None:
    """Who clicked has clicked: asking the opposite inside leads nobody anywhere."""
    ways = f"        then:\n{tip('two', indent=10)}        else:\n{tip('three', indent=10)}"
    inner = f"      - if: 'not clicked(\"one\")'\n{ways}"
    found = advice_on(HEAD + tip("one") + fork('clicked("one")', inner, tip("four", indent=6)))
    unreachable = [one for one in found if one.rule == "unreachable-step"]
    assert [one.message for one in unreachable] == ['nobody reaches "two": the condition of its `if` is never true']
    assert unreachable[0].excerpt.strip() == "then:"


def test_an_if_that_always_holds_leaves_its_else_unread() -> None:
    """Found at the `else`."""
    steps = tip("one") + fork('clicked("one") or not clicked("one")', tip("two", indent=6), tip("three", indent=6))
    (found,) = [one for one in advice_on(HEAD + steps) if one.rule == "unreachable-step"]
    assert 'nobody reaches "three"' in found.message
    assert found.excerpt.strip() == "else:"


def test_a_survey_waits_by_the_hour_too() -> None:
    """Whatever kind of mail it is that goes at a time of day."""
    head = HEAD.replace("steps:", 'timing: {at: "09:00"}\nsteps:')
    survey = "  - {survey: nps, ask: How likely are you to recommend us?, after: %s}\n"
    assert rules(tip("one") + survey % "1 day", head) == []
    assert rules(tip("one") + survey % "36 hours", head) == ["hours-then-at"]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("[the guide](http://a.example/x)", ["not-https"]),
        ("[the guide](HTTP://a.example/x)", ["not-https"]),
        ("[the guide](https://a.example/?u=http://b.example)", []),
        ("[write to us](mailto:help@a.example)", []),
    ],
)
def test_links_are_https(body: str, found: list[str]) -> None:
    """Of the body and of the button; other kinds of address are no matter of this rule."""
    text = f'  - tip: one\n    subject: A\n    preheader: B\n    body: "{body} tells more."\n'
    assert rules(text) == found
    assert rules(text + '    button: {text: Go, url: "http://a.example/"}\n') == ["not-https"] * (len(found) + 1)


def test_a_large_course_of_ifs_is_looked_through_at_once() -> None:
    """The work grows with the course and not with its square: every `if` asks about the tips before it."""
    steps = tip("one") + "".join(
        f"  - if: 'clicked(\"one\")'\n    then: [{{tip: t{n}, subject: S, preheader: P, body: B}}]\n    else: "
        f"[{{tip: e{n}, subject: S, preheader: P, body: B}}]\n"
        for n in range(100)
    )
    assert set(rules(steps)) <= {"too-short"}
