"""The names that conditions and texts use: every step, question, skill and attribute must be one that exists."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from drip.course.attributes import OWN, Attribute
from drip.course.expressions import Names, parse_condition, parse_text
from drip.course.files import Body
from drip.course.index import Index, items, steps_in, text_of
from drip.course.links import Link, links
from drip.course.paths import resolved
from drip.course.positions import Node, Scalar, Source, Span, Table
from drip.course.values import LONGEST_PROSE
from drip.errors import ExpressionError, Mistake

_MAIL_CALLS = ("sent", "opened", "clicked")
_TEMPLATES = ("subject", "preheader", "body")


@dataclass(frozen=True, slots=True)
class Use:
    """A text that uses names, and where it stands."""

    source: Source
    scalar: Scalar
    names: Names


def uses(source: Source, tree: Table, steps: list[Table], bodies: Mapping[str, Body]) -> Iterator[Use]:
    """Every text that may hold names, of a course or a translation; what cannot be read is complained of elsewhere."""
    start = tree.get("start")
    conditions = [start.get("when") if isinstance(start, Table) else None]
    conditions += [tree.get(key) for key in ("goal", "stop", "hold_while")]
    templates: list[tuple[Source, Node | None]] = []
    for step in steps:
        wait = step.get("wait")
        conditions += [step.get("when"), step.get("if"), wait.get("until") if isinstance(wait, Table) else None]
        for said in [step, *items(step.get("variants"))]:
            if isinstance(said, Table):
                templates += [(source, said.get(key)) for key in _TEMPLATES]
                button, clip = said.get("button"), said.get("clip")
                templates += [(source, button.get(key)) for key in ("text", "url")] if isinstance(button, Table) else []
                templates += [(source, clip.get("url"))] if isinstance(clip, Table) else []
                if (body := body_of(said, bodies)) is not None:
                    templates.append((body.source, body.scalar))
    for read, nodes in ((parse_condition, [(source, node) for node in conditions]), (parse_text, templates)):
        for where, node in nodes:
            if isinstance(node, Scalar) and isinstance(node.value, str):
                try:
                    yield Use(where, node, read(node.text))
                except ExpressionError:
                    continue


def references(index: Index, use: Use) -> Iterator[Mistake]:
    """Calls that name what does not exist."""
    for function, name in sorted(use.names.calls):
        yield from _call(index, use, function, name)


def attributes(index: Index, declared: Mapping[str, Attribute], use: Use) -> Iterator[Mistake]:
    """Attributes that are not declared, and comparisons that their types make senseless."""
    for record, name in sorted(use.names.fields):
        if record == "learner" and name not in declared and name not in OWN:
            close = index.nearest(name, (*declared, *OWN))
            hint = f"did you mean learner.{close}?" if close else f"or declare {name} under [learner] in drip.toml"
            message = f"learner.{name} is not declared"
            yield use.source.mistake(_place(use, rf"learner\s*\.\s*({name})\b"), "unknown-attribute", message, hint)
    for name, operator, constant in sorted(use.names.compared, key=repr):
        if name in declared and (problem := declared[name].problem(operator, constant)):
            message, hint = problem
            span = _place(use, rf"(learner\s*\.\s*{name})\b")
            yield use.source.mistake(span, "attribute-type", f"learner.{name} {message}", hint)


def used_attributes(
    trees: Iterable[tuple[Source, Table]], bodies: Mapping[str, Body], declared: Mapping[str, Attribute]
) -> dict[str, Attribute]:
    """The declared attributes that a course and its translations use; the others do not shape what it sends."""
    names: set[str] = set()
    for source, tree in trees if declared else ():
        for use in uses(source, tree, list(steps_in(tree.get("steps"))), bodies):
            names |= {name for record, name in use.names.fields if record == "learner"}
        start = tree.get("start")
        names |= {text_of(start.get("date")).strip().removeprefix("learner.")} if isinstance(start, Table) else set()
    return {name: declared[name] for name in sorted(names & set(declared))}


def start_date(source: Source, tree: Table, declared: Mapping[str, Attribute]) -> Iterator[Mistake]:
    """`start.date` names a date."""
    start = tree.get("start")
    node = start.get("date") if isinstance(start, Table) else None
    name = node.text.strip().removeprefix("learner.") if isinstance(node, Scalar) else ""
    if not isinstance(node, Scalar) or not re.fullmatch("[a-z][a-z0-9_]*", name):
        return
    if name not in declared:
        close = get_close_matches(name, declared, n=1)
        hint = f"did you mean learner.{close[0]}?" if close else f'write {name} = "date" under [learner] in drip.toml'
        yield source.mistake(node.span, "unknown-attribute", f"learner.{name} is not declared", hint)
    elif declared[name].type != "date":
        message = f"learner.{name} is declared as {declared[name].type}"
        yield source.mistake(node.span, "attribute-type", message, "a date is wanted here")


def body_of(said: Table, bodies: Mapping[str, Body]) -> Body | None:
    """The file of a tip's body, where it has one that can be read."""
    named = said.get("body_file")
    path = resolved("", named.text.strip()) if isinstance(named, Scalar) else None
    return bodies.get(path) if path else None


def clickable(tip: Table, bodies: Mapping[str, Body]) -> bool:
    """Whether a tip has a link that counts, in one of its variants at least."""
    for said in [tip, *items(tip.get("variants"))]:
        if isinstance(said, Table):
            file = body_of(said, bodies)
            body = file.scalar.text if file is not None else text_of(said.get("body"))
            for key in ("button", "clip"):
                part = said.get(key)
                if isinstance(part, Table) and Link(url=text_of(part.get("url"))).counts_clicks:
                    return True
            if len(body) <= LONGEST_PROSE and any(link.counts_clicks for link in links(body)):
                return True
    return False


def _call(index: Index, use: Use, function: str, name: str) -> Iterator[Mistake]:
    span = _place(use, rf"\b{function}\s*\(\s*['\"]({re.escape(name)})['\"]")
    if function in _MAIL_CALLS:
        if name not in index.mails:
            yield use.source.mistake(span, "unknown-step", f'no tip is called "{name}"', index.meant(name, index.mails))
        elif function == "clicked" and not clickable(index.mails[name], index.bodies):
            hint = 'give it a button, or ask for opened("…") or answered("…")'
            yield use.source.mistake(span, "no-link", f'tip "{name}" has no link and no button to click', hint)
    elif function in ("answered", "correct") and name not in index.questions:
        if name in index.surveys:
            if function == "correct":
                message = f'the survey "{name}" has no right answer'
                yield use.source.mistake(span, "no-question", message, f'ask for answered("{name}")')
        elif name in index.tips:
            hint = index.meant(_question_id(index.tips[name]), index.questions) or "give it a question"
            yield use.source.mistake(span, "no-question", f'tip "{name}" has no question of that id', hint)
        else:
            message = f'no question is called "{name}"'
            yield use.source.mistake(span, "unknown-question", message, index.meant(name, index.questions))
    elif function == "mastered" and name not in index.skills:
        message = f'no tip with a question trains the skill "{name}"'
        yield use.source.mistake(span, "unknown-skill", message, index.meant(name, index.skills))


def _place(use: Use, pattern: str) -> Span:
    """The place of the pattern's group in the text, or of the whole text."""
    found = re.search(pattern, use.scalar.text)
    return use.source.within(use.scalar, found.start(1), len(found[1])) if found else use.scalar.span


def _question_id(tip: Table) -> str:
    question = tip.get("question")
    return text_of(question.get("id")) if isinstance(question, Table) else ""
