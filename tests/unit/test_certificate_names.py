"""Where a course may say `{{ certificate.url }}`, and what the check says of a tip that comes before there is one."""

from __future__ import annotations

import pytest
from rule_samples import advice_on

from drip.course.expressions import parse_condition, parse_text
from drip.course.parse import parse
from drip.errors import CourseError, ExpressionError

HEAD = "title: T\nsteps:\n"
LINK = "'[Yours]({{ certificate.url }})'"


def findings(steps: str, **more: str) -> list[tuple[str, int, str]]:
    found = advice_on(HEAD + steps, **more)
    return [(one.file, one.line, one.message) for one in found if one.rule == "no-certificate-yet"]


def test_it_is_known_in_texts_alone() -> None:
    """A condition cannot ask for it; another field of it, or it alone, is a mistake with what there is."""
    assert parse_text("See {{ certificate.url }}").fields == {("certificate", "url")}
    for text, words in (("certificate.url == 'x'", "stands in texts only"), ("certificate", "unknown name")):
        with pytest.raises(ExpressionError, match=words):
            parse_condition(text)
    with pytest.raises(ExpressionError, match="needs a dot") as bare:
        parse_text("{{ certificate }}")
    assert bare.value.hint == "such as certificate.url"
    with pytest.raises(ExpressionError, match="unknown field of certificate"):
        parse_text("{{ certificate.score }}")


@pytest.mark.parametrize(
    "part",
    [
        "body: '[x](https://a.example/?c={{ certificate.url }})'",
        "body: '[x]({{ certificate.url }}?utm=1)'",
        "body: '[x]({{ certificate.url | upper }})'",
        "body: x, button: {text: x, url: 'https://a.example/{{certificate.url}}'}",
    ],
)
def test_in_a_link_it_stands_alone(part: str) -> None:
    """Nobody else's page gets the learner's own link, and none is made that leads nowhere."""
    with pytest.raises(CourseError) as refused:
        parse("c.yaml", f"{HEAD}  - {{tip: a, subject: A, {part}}}\n".encode())
    (mistake,) = refused.value.mistakes
    assert mistake.rule == "bad-link"
    assert mistake.message.endswith(": the certificate's address is a link by itself")


def test_it_is_no_picture() -> None:
    """A picture is a file, or at https."""
    with pytest.raises(CourseError, match="a picture"):
        parse("c.yaml", f"{HEAD}  - {{tip: a, subject: A, body: '![x]({{{{ certificate.url }}}})'}}\n".encode())


def test_a_learners_own_certificate_number_is_another_thing() -> None:
    """`learner.certificate` may stand in the path of any link, without a finding."""
    link = "'[x](https://a.example/{{ learner.certificate | default(1) }})'"
    assert findings(f"  - {{tip: a, subject: A, body: {link}}}\n") == []


def test_before_the_award_nobody_has_one() -> None:
    """Told once for each text: body, button, a translation's own body, a survey's."""
    steps = (
        f"  - {{tip: a, subject: A, body: {LINK}, button: {{text: See it, url: '{{{{ certificate.url }}}}'}}}}\n"
        f"  - {{survey: nps, ask: How?, body: {LINK}}}\n"
        "  - award: certificate\n"
        f"  - {{tip: b, subject: B, body: {LINK}}}\n"
    )
    nobody = "nobody has a certificate when this comes"
    swedish = "title: S\nsteps:\n  - tip: a\n    body: '[Ditt]({{ certificate.url }})'\n"
    assert findings(steps, swedish=swedish) == [
        ("campaigns/sample.yaml", 3, nobody),
        ("campaigns/sample.yaml", 3, nobody),
        ("campaigns/sample.yaml", 4, nobody),
        ("campaigns/sample.sv.yaml", 4, nobody),
    ]


def test_each_way_through_the_course_counts() -> None:
    """Given on one way of an `if` only: not everybody has one behind it; given on both, or inside before it: fine."""
    fork = "  - {tip: a, subject: A, body: A}\n  - if: sent('a')\n    then: [{award: certificate%s}]\n%s"
    behind = f"  - {{tip: b, subject: B, body: {LINK}}}\n"
    some = fork % ("", "") + behind
    assert findings(some) == [("campaigns/sample.yaml", 6, "not everybody has a certificate when this comes")]
    assert findings(fork % ("", "    else: [{award: other}]\n") + behind) == []
    inside = f"}}, {{tip: c, subject: C, body: {LINK}"
    assert findings(fork % (inside, "")) == []
