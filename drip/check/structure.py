"""Structure: conditions, gaps and texts that mean something else than they seem to, and steps that nobody reaches."""

from __future__ import annotations

import re
from collections.abc import Iterator

from drip.check.draft import Draft
from drip.check.finding import Finding
from drip.check.never import always_true, never_true
from drip.check.placeholders import unfilled, without_default
from drip.check.rule import Rule
from drip.course.expressions import parse_condition
from drip.course.links import links
from drip.course.model import If, Survey, Tip
from drip.course.positions import Node, Path, Row, Scalar, Table
from drip.course.timing import Gap, Unit, clock_text
from drip.plan.model import Branch, Mail, Plan, Step

_ABOUT_TIPS = ("sent", "opened", "clicked")
_ABOUT_QUESTIONS = ("answered", "correct")
_TEXTS = ("title", "subject", "preheader", "objective", "body", "ask", "text", "because", "source", "alt")
#: `#1` and not `# 1`: nobody begins a comment for colleagues without a space.
_HASH = re.compile(r"[ \t]+(#[^\s#][^\r\n]*)")
_ELAPSING = (Unit.HOURS, Unit.MINUTES)


def _opens(draft: Draft) -> Iterator[Finding]:
    for path, text, _ in draft.conditions:
        for function, tip in sorted(parse_condition(text).calls):
            if function == "opened":
                yield Finding(
                    message=f'opened("{tip}") decides here',
                    path=path,
                    needle=f'opened("{tip}")',
                    instead=f'ask for clicked("{tip}") or answered("…")',
                )


def _too_early(draft: Draft) -> Iterator[Finding]:
    """Nobody has clicked on what comes later, or on the other way: such a condition is the same for everybody."""
    plan = draft.plan
    mails = {step.id: step for step in plan.steps if isinstance(step, Mail)}
    bits = {id_: 1 << number for number, id_ in enumerate(mails)}
    owner = {asked.id: id_ for id_, mail in mails.items() for asked in (mail.question, mail.survey) if asked}
    before: dict[str, int] | None = None
    for path, text, step in draft.conditions:
        asked = parse_condition(text).calls
        if path[0] in ("goal", "stop", "hold_while"):
            continue  # asked again and again while the course goes on
        if not any(function in (*_ABOUT_TIPS, *_ABOUT_QUESTIONS) for function, _ in asked):
            continue
        before = _before(plan, bits) if before is None else before
        seen = before.get(step.id, 0) if step else 0
        for function, name in sorted(asked):
            tip = name if function in _ABOUT_TIPS else owner.get(name) if function in _ABOUT_QUESTIONS else None
            if tip in bits and not seen & bits[tip]:
                yield Finding(
                    message=f'{function}("{name}") is always false here: tip "{tip}" has not been sent by then',
                    path=path,
                    needle=name,
                )


def _before(plan: Plan, bits: dict[str, int]) -> dict[str, int]:
    """Step → the bits of the mails that some learner may have been sent before it. Plans only jump forward."""
    found = {step.id: 0 for step in plan.steps}
    for step in plan.steps:
        sent = found[step.id] | bits.get(step.id, 0)
        for after in _next(step):
            if after in found:
                found[after] |= sent
    return found


def _next(step: Step) -> list[str]:
    ways = [step.then, step.otherwise] if isinstance(step, Branch) else [step.then]
    return [way for way in ways if way is not None]


def _never(draft: Draft) -> Iterator[Finding]:
    for path, text, step in draft.conditions:
        if isinstance(step, Branch):
            continue  # its steps are told of instead
        if never_true(text, draft.enclosing(path)):
            tip = isinstance(step, Mail)
            what = f'tip "{step.id}" is sent to nobody' if tip and step else "this is true for nobody"
            yield Finding(message=f"{what}: the condition contradicts itself or what was decided before", path=path)


def _unreachable(draft: Draft) -> Iterator[Finding]:
    for path, text, step in draft.conditions:
        if not isinstance(step, Branch):
            continue
        above = path[:-1]
        if never_true(text, draft.enclosing(path)):
            yield _nobody(draft, (*above, "then"), "is never true")
        elif step.otherwise is not None and always_true(text):
            yield _nobody(draft, (*above, "else"), "is always true")


def _nobody(draft: Draft, way: Path, why: str) -> Finding:
    first = draft.step_at((*way, 0))
    return Finding(message=f'nobody reaches "{first}": the condition of its `if` {why}', path=way, key=True)


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
        find=_unreachable,
    ),
    Rule(
        id="never-true",
        family="structure",
        why="No learner meets such a condition, so what hangs on it never happens.",
        instead="write a condition that somebody meets, such as score() > 0.5",
        find=_never,
    ),
    Rule(
        id="asked-too-early",
        family="structure",
        why="Nobody has clicked or answered what was not sent yet: the condition is the same for everybody.",
        instead="ask about a tip that stands before",
        find=_too_early,
    ),
    Rule(
        id="open-gates",
        family="structure",
        why="Many mail programs open every mail, or none, by themselves: an open says little about a person.",
        instead='ask for clicked("…") or answered("…")',
        find=_opens,
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
        id="missing-translation",
        family="structure",
        why="Who reads another language gets this in the course's, in the middle of their own.",
        instead="translate it, or take the translation out until it is whole",
        find=untranslated,
    ),
)
