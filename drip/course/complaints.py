"""Pydantic's complaints → mistakes in the words of a course's author, each at its place."""

from __future__ import annotations

from difflib import get_close_matches

from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from drip.course import model, parts
from drip.course.positions import Node, Path, Row, Scalar, Source, Table, at, key_at
from drip.errors import Mistake

#: What pydantic's `loc` passes through → the model that reads what lies there.
_MODELS: dict[str | int, type[parts.Part]] = {
    "<tip>": model.Tip,
    "<wait>": model.Wait,
    "<if>": model.If,
    "sender": parts.Sender,
    "timing": parts.Timing,
    "start": parts.Start,
    "button": parts.Button,
    "question": parts.Question,
    "options": parts.Option,
    "variants": model.Variant,
    "wait": model.Until,
}
#: What an author calls a part that lies under a key.
_CALLED = {"sender": "sender", "timing": "timing", "start": "start", "button": "the button", "question": "the question"}


def mistake(source: Source, tree: Table, detail: ErrorDetails) -> Mistake | None:
    """One complaint of pydantic's as a mistake; None where it only follows from another one."""
    loc, kind = detail["loc"], detail["type"]
    path: Path = tuple(part for part in loc if not str(part).startswith("<"))
    if kind == "union_tag_not_found":
        return _no_step(source, at(tree, path))
    owner = _owner(tree, path if path and isinstance(path[-1], int) else path[:-1])
    part = next((_MODELS[part] for part in reversed(loc[:-1]) if part in _MODELS), model.CourseFile)
    if kind == "missing":
        return _missing(source, tree, path, owner, part)
    if kind == "extra_forbidden":
        return _unknown_key(source, tree, path, owner, part)
    if kind in ("too_short", "too_long"):
        return _too_few_or_many(source, tree, path, owner, detail)
    node = at(tree, path)
    if kind in ("model_type", "model_attributes_type"):
        wanted = [key for key, field in _fields(_MODELS.get(loc[-1], part)).items() if field.is_required()]
        hint = f"write {', '.join(f'{key}: …' for key in wanted)}" if wanted else ""
        message = f"{_name(path, owner)} has keys of its own, {_shape(node)}"
        return source.mistake(node.span, "wrong-type", message, hint)
    if kind == "tuple_type":
        hint = "begin each item with “- ” on a line of its own"
        return source.mistake(node.span, "wrong-type", f"{_name(path, owner)} is a list, {_shape(node)}", hint)
    return _bad_value(source, tree, path, owner, detail)


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


def _missing(source: Source, tree: Table, path: Path, owner: str, part: type[parts.Part]) -> Mistake | None:
    key, above = str(path[-1]), at(tree, path[:-1])
    if isinstance(above, Table) and part is not model.CourseFile and part.not_yet & set(above):
        return None  # what stands there instead is not supported yet, and that is said
    first = next(iter(above.keys_at.values()), above.span) if isinstance(above, Table) else above.span
    field = _fields(part)[key]
    hint = f"write {key}: {field.examples[0]}" if field.examples else f"write {key}: …"
    return source.mistake(first if len(path) > 1 else (0, 0), "missing-key", f"{_name(path, owner)} is missing", hint)


def _unknown_key(source: Source, tree: Table, path: Path, owner: str, part: type[parts.Part]) -> Mistake:
    key, above, span = str(path[-1]), at(tree, path[:-1]), key_at(tree, path)
    if key in part.not_yet:
        return source.mistake(span, "not-yet", f'"{key}" is not supported yet in this version', "leave it out for now")
    kinds = {*model.KINDS, *model.KINDS_NOT_YET}
    if key in kinds and isinstance(above, Table) and kinds & set(above) - {key}:
        hint = "begin a new item with “- ”, or indent it less"
        return source.mistake(span, "unknown-key", f'"{key}" is a step of its own, not a key of {owner}', hint)
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


def _no_step(source: Source, node: Node) -> Mistake:
    if not isinstance(node, Table):
        hint = "such as - tip: welcome"
        return source.mistake(node.span, "wrong-type", f"a step has keys of its own, {_shape(node)}", hint)
    for key, span in node.keys_at.items():
        if key in model.KINDS_NOT_YET:
            return source.mistake(
                span, "not-yet", f'"{key}" is not supported yet in this version', "leave it out for now"
            )
    known = list(model.KINDS)
    for key, span in node.keys_at.items():
        if close := get_close_matches(key[:80], known, n=1):
            return source.mistake(
                span, "unknown-key", f'unknown kind of step "{_shown(key)}"', f'did you mean "{close[0]}"?'
            )
    first = next(iter(node.keys_at.values()), node.span)
    return source.mistake(
        first, "missing-key", 'this step is neither a "tip", a "wait" nor an "if"', "begin it with - tip: NAME"
    )


def _owner(tree: Table, path: Path) -> str:
    """What an author calls the part at `path`: `tip "export"`, `option 2 of the question of tip "export"`."""
    names: list[str] = []
    for depth, part in enumerate(path, start=1):
        node, list_ = at(tree, path[:depth]), path[depth - 2] if depth > 1 else ""
        if isinstance(part, str) and part in _CALLED:
            names.append(_CALLED[part])
        elif isinstance(part, int) and list_ in ("options", "variants"):
            names.append(f"{list_[:-1]} {part + 1}")
        elif isinstance(part, int) and isinstance(node, Table):
            names = [_step(node)]
    return " of ".join(reversed(names))


def _step(node: Table) -> str:
    tip = node.get("tip")
    if isinstance(tip, Scalar):
        return f'tip "{_shown(tip.text)}"'
    return next((f'a step "{kind}"' for kind in model.KINDS if kind in node), "a step")


def _name(path: Path, owner: str) -> str:
    """What an author calls a value: its key and where it stands."""
    if path and isinstance(path[-1], int):
        return owner or "this item"
    return f'"{path[-1]}"' + (f" in {owner}" if owner else "") if path else "this"


def _shape(node: Node) -> str:
    if isinstance(node, Scalar):
        return "and this is a text" if node.text else "and nothing is written here"
    return "and this is a list" if isinstance(node, Row) else "and this has keys"


def _fields(part: type[parts.Part]) -> dict[str, FieldInfo]:
    return {field.alias or name: field for name, field in part.model_fields.items()}


def _shown(text: str) -> str:
    plain = "".join(c if c.isprintable() else "\ufffd" for c in text[:41])
    return plain if len(plain) <= 40 else plain[:40] + "…"
