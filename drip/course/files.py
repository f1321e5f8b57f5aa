"""The files that a course refers to: which they are, and what is wrong with them. Their bytes come from the caller.

In the course and its translations a path is counted from the course's folder; in a body's own file, from that file's
folder, as every Markdown editor does. None leads out of the course's folder.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic_core import PydanticCustomError

from drip.course import values
from drip.course.links import links, picture_is_plain
from drip.course.paths import folder_of, is_local, of_address, path_problem, resolved, translation_name
from drip.course.pictures import Picture, picture
from drip.course.positions import Node, Row, Scalar, Source, Span, Table
from drip.course.reading import decoded, read
from drip.course.values import LONGEST_PROSE, MOST_PICTURES
from drip.course.weight import marks, too_many_marks
from drip.errors import CourseError, Mistake

#: A course that refers to more files than this is a library.
MOST_FILES = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """The file of a body: where it stands, and the whole of it as one text."""

    source: Source
    scalar: Scalar


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """One place that names a file. `path` is None where it leads out of the course's folder."""

    kind: Literal["body", "picture"]
    written: str
    path: str | None
    source: Source
    span: Span
    is_plain: bool = True


@dataclass(slots=True, kw_only=True)
class Files:
    """The files of a course that could be read: path → body, path → picture; and the mistakes in the others."""

    bodies: dict[str, Body] = field(default_factory=dict)
    pictures: dict[str, Picture] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)


def referred(
    name: str,
    data: bytes,
    *,
    files: Mapping[str, bytes] = {},
    translations: Mapping[str, bytes] = {},
) -> tuple[str, ...]:
    """The files that a course and its translations refer to, as paths from the course's folder, without `files`.

    A body's file may refer to pictures: ask again with its bytes among `files`, until nothing new comes. Raises
    CourseError where the course cannot be read at all; what is wrong in it otherwise, `parse` says.
    """
    trees = [read(name, data)[:2]]
    for language, each in translations.items():
        try:
            trees.append(read(translation_name(name, language), each)[:2])
        except CourseError:
            continue
    bodies = {path: body for path, content in files.items() if (body := _body(name, path, content)) is not None}
    paths = dict.fromkeys(one.path for source, tree in trees for one in references(source, tree, bodies) if one.path)
    return tuple(path for path in paths if path not in files)[:MOST_FILES]


def gathered(name: str, trees: Iterable[tuple[Source, Table]], files: Mapping[str, bytes]) -> Files:
    """Every file that the trees refer to, read and checked; each mistake at the place that names the file."""
    found = Files()
    trees = list(trees)
    named = [one for source, tree in trees for one in references(source, tree, {}) if one.kind == "body"]
    for path in dict.fromkeys(one.path for one in named if one.path):
        if path in files:
            found.mistakes += _take_body(name, path, files[path], found)
    told: set[tuple[str, Span]] = set()
    for source, tree in trees:
        for one in references(source, tree, found.bodies):
            place = (one.source.file, one.span)
            if place in told:
                continue
            told.add(place)
            if wrong := _problem(one, files, found):
                found.mistakes.append(one.source.mistake(one.span, *wrong))
    return found


def references(source: Source, tree: Table, bodies: Mapping[str, Body]) -> Iterator[Reference]:
    """Every place in a course or a translation, and in those bodies' files, that names a file."""
    entered: set[str] = set()
    for said in _said(tree.get("steps")):
        named, body = said.get("body_file"), said.get("body")
        if isinstance(named, Scalar) and (path := named.text.strip()) and not path_problem(path):
            where = resolved("", path)
            yield Reference(kind="body", written=path, path=where, source=source, span=named.span)
            if where is not None and where in bodies and where not in entered:
                entered.add(where)
                yield from _in_markdown(bodies[where].source, bodies[where].scalar, folder_of(where))
        if isinstance(body, Scalar):
            yield from _in_markdown(source, body, "")
        for key, inner in (("image", "src"), ("clip", "poster")):
            part = said.get(key)
            node = part.get(inner) if isinstance(part, Table) else None
            if isinstance(node, Scalar) and (path := node.text.strip()) and is_local(path) and not path_problem(path):
                yield Reference(kind="picture", written=path, path=resolved("", path), source=source, span=node.span)


def _in_markdown(source: Source, scalar: Scalar, base: str) -> Iterator[Reference]:
    found = links(scalar.text) if len(scalar.text) <= LONGEST_PROSE else ()
    for link in [link for link in found if link.is_picture][:MOST_PICTURES]:
        if is_local(link.url) and not path_problem(of_address(link.url)):
            path = of_address(link.url)
            span = source.within(scalar, link.offset, len(link.url)) if link.offset >= 0 else scalar.span
            yield Reference(
                kind="picture",
                written=path,
                path=resolved(base, path),
                source=source,
                span=span,
                is_plain=picture_is_plain(scalar.text, link.url),
            )


def _said(node: Node | None) -> Iterator[Table]:
    """Every part that may have a body: steps, also those inside an `if`, and their variants."""
    for item in node if isinstance(node, Row) else ():
        if isinstance(item, Table):
            yield item
            for key in ("variants", "then", "else"):
                yield from _said(item.get(key))


def _problem(one: Reference, files: Mapping[str, bytes], found: Files) -> tuple[str, str, str] | None:
    """What is wrong with a reference, as (rule, message, hint); a picture that is good is kept."""
    shown = values.shown(one.written)
    if one.path is None:
        return "bad-path", f"{shown} lies outside the course's folder", "copy it beside the course"
    if not one.is_plain:
        return "bad-path", f"{shown} is written with signs that mean something else", "rename the file plainly"
    if one.path not in files:
        beside = "beside the course" if "/" not in one.path else "in the course's folder"
        return "missing-file", f"there is no file {shown} {beside}", "copy it there, or mend its name"
    if one.kind == "picture" and one.path not in found.pictures:
        try:
            found.pictures[one.path] = picture(files[one.path])
        except ValueError as error:
            message, _, hint = str(error).partition(": ")
            return "bad-picture", f"{shown} {message}", hint
    return None


def _take_body(name: str, path: str, data: bytes, found: Files) -> Iterator[Mistake]:
    try:
        body = _read_body(name, path, data)
    except CourseError as error:
        yield from error.mistakes
        return
    found.bodies[path] = body
    try:
        values.markdown(body.scalar)
    except PydanticCustomError as error:
        context = error.context or {}
        span = (0, 0)
        if context.get("offset", -1) >= 0:
            span = body.source.within(body.scalar, context["offset"], context["width"])
        yield body.source.mistake(span, error.type, error.message(), context.get("hint", ""))


def _body(name: str, path: str, data: bytes) -> Body | None:
    try:
        return _read_body(name, path, data)
    except CourseError:
        return None


def _read_body(name: str, path: str, data: bytes) -> Body:
    source = decoded(_beside(name, path), data)
    text = source.text.replace("\r\n", "\n").replace("\r", "\n")
    if wrong := too_many_marks(marks(text), 0):
        raise CourseError([source.mistake((0, 0), "too-big", *wrong)])
    return Body(source=source, scalar=Scalar(text, text, (0, len(source.text))))


def _beside(name: str, path: str) -> str:
    """The path of a file as the course's own is shown."""
    return name[: len(name) - len(name.replace("\\", "/").rpartition("/")[2])] + path
