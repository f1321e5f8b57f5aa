"""Structure: what means something else than it seems to, and steps that nobody reaches."""

from __future__ import annotations

import re
from collections.abc import Iterator

from drip.check.certificates import no_certificate_yet
from drip.check.conditions import never, opens, too_early, unreachable
from drip.check.draft import Draft
from drip.check.finding import Finding
from drip.check.placeholders import unfilled, without_default
from drip.check.rule import Rule
from drip.course.links import links
from drip.course.model import If, Survey, Tip
from drip.course.positions import Node, Path, Row, Scalar, Table
from drip.course.timing import Gap, Unit, clock_text

_TEXTS = ("title", "subject", "preheader", "objective", "body", "ask", "text", "because", "source", "alt")
#: `#1` and not `# 1`: nobody begins a comment for colleagues without a space.
_HASH = re.compile(r"[ \t]+(#[^\s#][^\r\n]*)")
_ELAPSING = (Unit.HOURS, Unit.MINUTES)


def _one_way(draft: Draft) -> Iterator[Finding]:
    for path, step in draft.course.walk():
        if isinstance(step, If) and not step.otherwise:
            yield Finding(
                message="an `if` without `else`: those for whom it does not hold go on without a word",
                path=(*path, "if"),
                key=True,
            )


def _hours(draft: Draft) -> Iterator[Finding]:
    """`after: 24 hours` before `at: 09:00` is the day after the next morning."""
    course = draft.course
    if course.rule.at is not None and _elapses(course.every):
        yield _hours_finding(("timing", "every"), course.every, course.rule.at)
    for path, step in course.walk():
        if isinstance(step, Tip | Survey) and step.after is not None and _elapses(step.after):
            at = step.at if step.at is not None or step.between is not None else course.rule.at
            if at is not None:
                yield _hours_finding((*path, "after"), step.after, at)


def _elapses(gap: Gap) -> bool:
    return gap.unit in _ELAPSING and gap.count > 0


def _hours_finding(path: Path, gap: Gap, at: int) -> Finding:
    return Finding(message=f"{gap.unit} pass first, and then the next {clock_text(at)} is waited for", path=path)


def _in_the_clear(draft: Draft) -> Iterator[Finding]:
    for told, _ in draft.saying("button"):
        if told.texts.button and told.texts.button.url.lower().startswith("http://"):
            yield told.finding(draft, "the button leads to an address without https", "button", "url")
    for told, _ in draft.saying("body"):
        for link in links(told.texts.body):
            if link.url.lower().startswith("http://"):
                yield told.finding(draft, f"{link.url} is not https", "body", needle=link.url)


def _after_hash(draft: Draft) -> Iterator[Finding]:
    """`subject: Tip #1` says `Tip`: without quotes, YAML reads a comment after a space and a #."""
    source = draft.course.source
    if " #" not in source.text and "\t#" not in source.text:
        return
    for table in _tables(draft.course.tree):
        for key, node in table.items():
            if key in _TEXTS and isinstance(node, Scalar) and source.text[node.span[0]] not in "'\"|>":
                lost = _HASH.match(source.text, node.span[1])
                if lost:
                    yield Finding(message=f'the text ends before "{lost[1]}"', span=lost.span(1))


def _tables(node: Node) -> Iterator[Table]:
    if isinstance(node, Table):
        yield node
    for child in node.values() if isinstance(node, Table) else node if isinstance(node, Row) else ():
        yield from _tables(child)


def untranslated(draft: Draft) -> Iterator[Finding]:
    """Found by the parser, which holds a translation against its course: see `Course.missing`."""
    return iter(())


STRUCTURE: tuple[Rule, ...] = (
    Rule(
        id="unreachable-step",
        family="structure",
        why="Nobody gets these steps, so they only seem to be part of the course.",
        instead="change the condition, or take out the way that nobody goes",
        find=unreachable,
    ),
    Rule(
        id="never-true",
        family="structure",
        why="No learner meets such a condition, so what hangs on it never happens.",
        instead="write a condition that somebody meets, such as score() > 0.5",
        find=never,
    ),
    Rule(
        id="asked-too-early",
        family="structure",
        why="Nobody has clicked or answered what was not sent yet: the condition is the same for everybody.",
        instead="ask about a tip that stands before",
        find=too_early,
    ),
    Rule(
        id="open-gates",
        family="structure",
        why="Many mail programs open every mail, or none, by themselves: an open says little about a person.",
        instead='ask for clicked("…") or answered("…")',
        find=opens,
    ),
    Rule(
        id="hours-then-at",
        family="structure",
        why="24 hours after 09:00:01 is past 09:00, so the mail goes two days later, every time.",
        instead='count in days, such as "1 day"',
        find=_hours,
    ),
    Rule(
        id="if-without-else",
        family="structure",
        why="Those who answered wrong, or not at all, are the ones who need another telling.",
        instead="write else: with what the others get; for a single tip, write when: on the tip itself",
        find=_one_way,
    ),
    Rule(
        id="not-https",
        family="structure",
        why="Browsers warn of such a page, mail filters trust it less, and anybody on the way can read along.",
        instead="begin the address with https://",
        find=_in_the_clear,
    ),
    Rule(
        id="lost-after-hash",
        family="structure",
        why="Without quotes, a # after a space begins a comment, and the rest is not sent.",
        instead="put the text in quotes",
        find=_after_hash,
    ),
    Rule(
        id="unfilled-placeholder",
        family="structure",
        why="Placeholders are not filled in here: the learner sees the braces.",
        instead="they work in subject, preheader, body and button",
        find=unfilled,
    ),
    Rule(
        id="no-default",
        family="structure",
        why="A mail with a gap is never sent: it is held until a person looks at it.",
        instead='write {{ learner.NAME | default("…") }}',
        find=without_default,
    ),
    Rule(
        id="no-certificate-yet",
        family="structure",
        why="The link leads to a page that says there is no certificate.",
        instead="put the tip after `- award: certificate`, on every way that leads to it",
        find=no_certificate_yet,
    ),
    Rule(
        id="missing-translation",
        family="structure",
        why="Who reads another language gets this in the course's, in the middle of their own.",
        instead="translate it, or take the translation out until it is whole",
        find=untranslated,
    ),
)
