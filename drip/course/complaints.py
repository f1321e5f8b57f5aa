"""Pydantic's complaints → mistakes in the words of a course's author, each at its place."""

from __future__ import annotations

from difflib import get_close_matches
from functools import lru_cache
from typing import TypeVar, get_args

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from drip.course import lesson, model, steps, translation
from drip.course.parts import Part
from drip.course.positions import Node, Path, Row, Scalar, Source, Table, at, key_at
from drip.errors import CourseError, Mistake

P = TypeVar("P", bound=Part)

#: What pydantic's `loc` passes through where an item may be of several kinds → the model that reads it.
_TAGGED: dict[str | int, type[Part]] = {
    "<tip>": steps.Tip,
    "<survey>": steps.Survey,
    "<wait>": steps.Wait,
    "<if>": steps.If,
    "<notify>": steps.Notify,
    "<award>": steps.Award,
    "<translated tip>": translation.TranslatedTip,
    "<translated survey>": translation.TranslatedSurvey,
}
#: What an author calls a part that lies under a key; any other is called by its key.
_CALLED = {"button": "the button", "question": "the question", "image": "the image", "clip": "the clip"}


def shaped(root: type[P], source: Source, tree: Table) -> tuple[P | None, list[Mistake]]:
    """What the models say of a tree: the file that it is, or every mistake in it."""
    try:
        return root.model_validate(tree), []
    except ValidationError as error:
        found = (_mistake(source, tree, detail, root) for detail in error.errors(include_url=False))
        return None, [one for one in found if one is not None]
    except RecursionError:
        raise CourseError([source.mistake((0, 0), "too-deep", "nested too deeply")]) from None


def _mistake(source: Source, tree: Table, detail: ErrorDetails, root: type[Part]) -> Mistake | None:
    """One complaint of pydantic's about a file that `root` reads; None where it only follows from another one."""
    loc, kind = detail["loc"], detail["type"]
    # "<tip>" and the like say which model was chosen; a key that nobody knows may look like one
    tags, key = (loc[:-1], loc[-1:]) if kind == "extra_forbidden" else (loc, ())
    path: Path = (*(part for part in tags if not str(part).startswith("<")), *key)
    kinds = steps.KINDS if root is not translation.TranslationFile else translation.TRANSLATED_KINDS
    if kind == "union_tag_not_found":
        return _no_step(source, at(tree, path), tuple(kinds))
    owner = _owner(tree, path if path and isinstance(path[-1], int) else path[:-1])
    part = part_at(root, loc[:-1])
    if kind == "missing":
        return _missing(source, tree, path, owner, part)
    if kind == "extra_forbidden":
        return _unknown_key(source, tree, path, owner, part)
    if kind in ("too_short", "too_long"):
        return _too_few_or_many(source, tree, path, owner, detail)
    node = at(tree, path)
    if kind in ("model_type", "model_attributes_type"):
        wanted = [key for key, field in _fields(part_at(root, loc)).items() if field.is_required()]
        hint = f"write {', '.join(f'{key}: …' for key in wanted)}" if wanted else ""
        message = f"{_name(path, owner)} has keys of its own, {_shape(node)}"
        return source.mistake(node.span, "wrong-type", message, hint)
    if kind == "tuple_type":
        hint = "begin each item with “- ” on a line of its own"
        return source.mistake(node.span, "wrong-type", f"{_name(path, owner)} is a list, {_shape(node)}", hint)
    return _bad_value(source, tree, path, owner, detail)


def part_at(root: type[Part], loc: tuple[str | int, ...]) -> type[Part]:
    """The model that reads what lies at pydantic's `loc`, or the nearest one above it."""
    part = root
    for key in loc:
        if key in _TAGGED:
            part = _TAGGED[key]
        elif isinstance(key, str) and key in _fields(part):
            part = _inner(_fields(part)[key].annotation) or part
    return part


def _inner(annotation: object) -> type[Part] | None:
    """The model inside an annotation such as `tuple[Option, ...]` or `Button | None`, if it is the only one."""
    if isinstance(annotation, type) and issubclass(annotation, Part):
        return annotation
    found = {model for inner in get_args(annotation) if (model := _inner(inner)) is not None}
    return found.pop() if len(found) == 1 else None


def _bad_value(source: Source, tree: Table, path: Path, owner: str, detail: ErrorDetails) -> Mistake:
    """A complaint of values.py: its rule is the type, and it may know the place inside the text."""
    node, context = at(tree, path), detail.get("ctx", {})
    span = node.span
    if isinstance(node, Scalar) and context.get("offset", -1) >= 0:
        span = source.within(node, context["offset"], context["width"])
    elif isinstance(node, Scalar) and not node.text:
        span = key_at(tree, path)
    message = f"{_name(path, owner)}: {detail['msg']}"
    return source.mistake(span, detail["type"], message, context.get("hint", ""))


def _missing(source: Source, tree: Table, path: Path, owner: str, part: type[Part]) -> Mistake:
    key, above = str(path[-1]), at(tree, path[:-1])
    first = next(iter(above.keys_at.values()), above.span) if isinstance(above, Table) else above.span
    field = _fields(part)[key]
    hint = f"write {key}: {field.examples[0]}" if field.examples else f"write {key}: …"
    return source.mistake(first if len(path) > 1 else (0, 0), "missing-key", f"{_name(path, owner)} is missing", hint)


def _unknown_key(source: Source, tree: Table, path: Path, owner: str, part: type[Part]) -> Mistake:
    key, above, span = str(path[-1]), at(tree, path[:-1]), key_at(tree, path)
    kinds = set(steps.KINDS)
    if key in kinds and isinstance(above, Table) and kinds & set(above) - {key}:
        hint = "begin a new item with “- ”, or indent it less"
        return source.mistake(span, "unknown-key", f'"{key}" is a step of its own, not a key of {owner}', hint)
    if key in _course_keys() and part.__module__ == translation.__name__:
        message = f'"{key}" is not a text: only texts are translated'
        return source.mistake(span, "not-a-text", message, "take it out; what the course says holds")
    close = get_close_matches(key[:80], list(_fields(part)), n=1)
    hint = f'did you mean "{close[0]}"?' if close else f"known are: {', '.join(_fields(part))}"
    return source.mistake(span, "unknown-key", f'unknown key "{_shown(key)}"' + (f" in {owner}" if owner else ""), hint)


def _too_few_or_many(source: Source, tree: Table, path: Path, owner: str, detail: ErrorDetails) -> Mistake | None:
    context, node = detail.get("ctx", {}), at(tree, path)
    if detail["type"] == "too_short":
        least = context["min_length"]
        if isinstance(node, Row) and len(node) >= least:
            return None  # pydantic does not count the items that are wrong in themselves
        message = f"{_name(path, owner)} needs at least {least} {'item' if least == 1 else 'items'}"
        return source.mistake(key_at(tree, path), "too-few", message)
    message = f"{_name(path, owner)} has more than {context['max_length']} items"
    return source.mistake(key_at(tree, path), "too-many", message)


def _no_step(source: Source, node: Node, kinds: tuple[str, ...]) -> Mistake:
    if not isinstance(node, Table):
        hint = "such as - tip: welcome"
        return source.mistake(node.span, "wrong-type", f"a step has keys of its own, {_shape(node)}", hint)
    if "if" in node and "if" not in kinds:
        hint = "write its tips one below the other: a translation has no forks"
        return source.mistake(node.keys_at["if"], "not-a-text", "a translation has tips and surveys only", hint)
    for key, span in node.keys_at.items():
        if key in steps.KINDS and key not in kinds:
            message = f'"{key}" has no texts: a translation has tips and surveys only'
            return source.mistake(span, "not-a-text", message, "take it out")
        if close := get_close_matches(key[:80], kinds, n=1):
            return source.mistake(
                span, "unknown-key", f'unknown kind of step "{_shown(key)}"', f'did you mean "{close[0]}"?'
            )
    first = next(iter(node.keys_at.values()), node.span)
    message = f"this step is none of {', '.join(kinds)}"
    return source.mistake(first, "missing-key", message, "begin it with - tip: NAME")


def _owner(tree: Table, path: Path) -> str:
    """What an author calls the part at `path`: `tip "export"`, `option 2 of the question of tip "export"`."""
    names: list[str] = []
    for depth, part in enumerate(path, start=1):
        node, list_ = at(tree, path[:depth]), path[depth - 2] if depth > 1 else ""
        if isinstance(part, str) and part not in ("steps", "then", "else", "options", "variants", "wait"):
            names.append(_CALLED.get(part, part))
        elif isinstance(part, int) and list_ in ("options", "variants"):
            names.append(f"{list_[:-1]} {part + 1}")
        elif isinstance(part, int) and isinstance(node, Table):
            names = [_step(node)]
    return " of ".join(reversed(names))


def _step(node: Table) -> str:
    for kind in ("tip", "survey", "notify", "award"):
        named = node.get(kind)
        if isinstance(named, Scalar):
            return f'{kind} "{_shown(named.text)}"'
    return next((f'a step "{kind}"' for kind in steps.KINDS if kind in node), "a step")


def _name(path: Path, owner: str) -> str:
    """What an author calls a value: its key and where it stands."""
    if path and isinstance(path[-1], int):
        return owner or "this item"
    return f'"{path[-1]}"' + (f" in {owner}" if owner else "") if path else "this"


def _shape(node: Node) -> str:
    if isinstance(node, Scalar):
        return "and this is a text" if node.text else "and nothing is written here"
    return "and this is a list" if isinstance(node, Row) else "and this has keys"


@lru_cache(maxsize=1)
def _course_keys() -> frozenset[str]:
    """Every key of a course, of its steps and of what is in them."""
    inner = (lesson.Variant, lesson.Button, lesson.Image, lesson.Clip, lesson.Question, lesson.Option)
    models: tuple[type[Part], ...] = (model.CourseFile, *_TAGGED.values(), *inner)
    return frozenset(key for each in models for key in _fields(each))


def _fields(part: type[Part]) -> dict[str, FieldInfo]:
    return {field.alias or name: field for name, field in part.model_fields.items()}


def _shown(text: str) -> str:
    plain = "".join(c if c.isprintable() else "\ufffd" for c in text[:41])
    return plain if len(plain) <= 40 else plain[:40] + "…"
