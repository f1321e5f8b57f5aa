"""Where a finding stands: in the course file, a body's own file, a translation or the layout."""

from __future__ import annotations

from dataclasses import dataclass, replace

from drip.check.draft import Draft
from drip.check.finding import Finding
from drip.check.rule import Rule
from drip.course.positions import Node, Path, Row, Scalar, Source, Span, Table, at, key_at
from drip.course.translation import Translation
from drip.errors import Mistake


@dataclass(frozen=True, slots=True)
class Placed:
    """A finding as a mistake, and the lines (with their files) at which a comment is about it: its own, its key's."""

    mistake: Mistake
    lines: frozenset[tuple[str, int]]


def placed(draft: Draft, rule: Rule, finding: Finding) -> Placed:
    """The finding with its place. The hint's first line says why, the second what to write instead."""
    hint = f"{rule.why}\n{finding.instead or rule.instead}"
    course = draft.course
    if finding.layout is not None and draft.layout is not None:
        return _at(draft.layout, finding.layout, rule, finding, hint)
    if finding.span is not None:
        return _at(course.source, finding.span, rule, finding, hint)
    needle = finding.needle.partition("\n")[0]
    if said := course.translations.get(finding.language):
        path = _translated(draft, said, finding.path)
        return _at(said.source, _span(said, path, needle), rule, finding, hint, key=key_at(said.tree, path))
    mistake = course.advice(finding.path, rule.id, finding.message, hint, key=finding.key, needle=needle)
    written = key_at(course.tree, _written(course.tree, finding.path)) if finding.path else (0, 0)
    lines = {(mistake.file, mistake.line), (course.source.file, course.source.line(written))}
    return Placed(replace(mistake, severity=rule.severity), frozenset(lines))


def _at(source: Source, span: Span, rule: Rule, finding: Finding, hint: str, *, key: Span | None = None) -> Placed:
    mistake = source.mistake(span, rule.id, finding.message, hint, severity=rule.severity)
    lines = {mistake.line, source.line(key) if key else mistake.line}
    return Placed(mistake, frozenset((source.file, line) for line in lines))


def _span(said: Translation, path: Path, needle: str) -> Span:
    node = at(said.tree, path)
    if needle and isinstance(node, Scalar) and needle in node.text:
        return said.source.within(node, node.text.index(needle), len(needle))
    return node.span


def _translated(draft: Draft, said: Translation, path: Path) -> Path:
    """The path in a translation of what stands at `path` in the course: tips are found by id, variants by name."""
    tree = draft.course.tree
    end = next((number for number in range(len(path), 0, -1) if _text(at(tree, path[:number]), "tip")), 0)
    found: Path = ("steps", _number(said.tree.get("steps"), "tip", _text(at(tree, path[:end]), "tip")))
    rest = path[end:]
    if rest[:1] == ("variants",):
        variants = at(said.tree, (*found, "variants"))
        number = _number(variants, "name", _text(at(tree, path[: end + 2]), "name"))
        if number >= 0:
            found = (*found, "variants", number)
        rest = rest[2:]
    return _written(said.tree, (*found, *rest))


def _text(node: Node, key: str) -> str:
    value = node.get(key) if isinstance(node, Table) else None
    return value.text if isinstance(value, Scalar) else ""


def _number(row: Node | None, key: str, text: str) -> int:
    items = row if isinstance(row, Row) else ()
    return next((number for number, item in enumerate(items) if _text(item, key) == text), -1)


def _written(tree: Table, path: Path) -> Path:
    """The path of the key that somebody wrote: `body_file` where the body stands in a file of its own."""
    above = at(tree, path[:-1])
    if isinstance(above, Table) and path[-1] not in above and f"{path[-1]}_file" in above:
        return (*path[:-1], f"{path[-1]}_file")
    return path
