"""Bytes → the tree of what was written. YAML 1.2, and nothing dangerous in it.

The tree is built from ruamel's events, one pass and no recursion: aliases, tags and depth are refused before anything
is built from them, and a scalar keeps the very text that was written (`1.10` stays `1.10`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from ruamel.yaml import YAML, events
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from drip.course.positions import Node, Row, Scalar, Source, Span, Table
from drip.course.weight import marks, too_many_marks
from drip.errors import CourseError, Mistake

#: A tip with a question takes about 1,000.
MOST_BYTES = 1_000_000
#: Keys, values, and the begin and end of each list or mapping; a tip with a question has about 50.
MOST_PARTS = 60_000
#: Nobody reads more of them at once.
MOST_MISTAKES = 200
#: Letters of a tag, which are read one by one before it is refused; a course has none.
LONGEST_TAG = 10_000
#: Levels of nesting; an `if` inside an `if` takes four.
DEEPEST = 50

_NULL = re.compile(r"~|null|Null|NULL|")
_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_INT = re.compile(r"[-+]?[0-9]{1,18}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]{1,300}|[0-9]{1,300}(\.[0-9]{0,300})?)([eE][-+]?[0-9]{1,3})?")
#: What a YAML stream may not hold (YAML 1.2, 5.1), besides lone surrogates, which UTF-8 has none of.
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def read(file: str, data: bytes) -> tuple[Source, Table, list[Mistake]]:
    """The text, its tree (not to be changed), and the mistakes after which reading could go on.

    Raises CourseError where there is no tree: not UTF-8, too big, too deep, not YAML, not a mapping.
    """
    source, tree, mistakes = _read(file, data)
    return source, tree, list(mistakes)


@lru_cache(maxsize=8)
def _read(file: str, data: bytes) -> tuple[Source, Table, tuple[Mistake, ...]]:
    """Kept, since a course is read twice: once for the files that it refers to, then with them."""
    if len(data) > MOST_BYTES:
        raise _refused(file, "too-big", f"a course of {len(data):,} bytes; {MOST_BYTES:,} is the most")
    source = decoded(file, data)
    tree, mistakes = tree_of(source)
    if not isinstance(tree, Table):
        empty = tree is None or (isinstance(tree, Scalar) and tree.value is None)
        message = "the file is empty" if empty else "a course is a list of keys, not a text or a list of items"
        span = tree.span if tree is not None else (0, 0)
        hint = "a course needs at least title: and steps:"
        raise CourseError([*mistakes, source.mistake(span, "empty" if empty else "wrong-type", message, hint)])
    return source, tree, tuple(mistakes)


def tree_of(source: Source) -> tuple[Node | None, list[Mistake]]:
    """The tree of any text (None: nothing is written), and the mistakes after which reading could go on.

    Raises CourseError where there is no tree: too deep, too many parts, not YAML.
    """
    return _Builder(source).build()


def _refused(file: str, rule: str, message: str, hint: str = "") -> CourseError:
    return CourseError([Mistake(file=file, line=1, column=1, rule=rule, message=message, hint=hint)])


def _paired(text: str) -> str:
    """The text with escaped surrogate pairs as the characters they stand for, as JSON writes them (RFC 8259 §7)."""
    return _PAIR.sub(lambda pair: pair[0].encode("utf-16", "surrogatepass").decode("utf-16"), text)


def decoded(file: str, data: bytes) -> Source:
    """The text of a file. Raises CourseError where it is not UTF-8, or holds what no text has."""
    hint = "save the file as UTF-8"
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _refused(file, "encoding", "this is UTF-16", hint)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        source = _source(file, error.object[: error.start].decode("utf-8", errors="replace"))
        end = len(source.text)
        raise CourseError([source.mistake((end, end), "encoding", "this is not UTF-8 after here", hint)]) from None
    source = _source(file, text)
    if found := _UNPRINTABLE.search(text):
        message = f"a character that no text has: U+{ord(found[0]):04X}"
        raise CourseError([source.mistake(found.span(), "encoding", message, "delete it")])
    return source


def _source(file: str, text: str) -> Source:
    return Source(file=file, text=text, starts=[0, *(m.end() for m in re.finditer(r"\r\n|\r|\n", text))])


@dataclass(slots=True)
class _Open:
    """A collection whose end has not come yet. `key` is the key that waits for its value."""

    node: Table | Row
    key: Scalar | None = None
    #: A key was itself a collection: `{{ x }}` without quotes.
    broken: bool = False


class _Builder:
    """Builds the tree of one file, event by event."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.mistakes: list[Mistake] = []
        self.root: Node | None = None
        self.stack: list[_Open] = []
        self.marks = 0

    def build(self) -> tuple[Node | None, list[Mistake]]:
        for word in self.source.text.split():
            if len(word) > LONGEST_TAG and "!" in word:
                begin = self.source.text.index(word)
                self._stop((begin, begin + len(word)), "too-big", "a word of that length with a ! is for programs")
        try:
            for count, event in enumerate(YAML(typ="safe", pure=True).parse(self.source.text)):
                span = (event.start_mark.index, event.end_mark.index)
                if count > MOST_PARTS:
                    self._stop(span, "too-big", f"more than {MOST_PARTS:,} keys and values in one course")
                self._take(event, span)
        except MarkedYAMLError as error:
            problem = str(error.problem)
            mark = error.context_mark if _is_unclosed(problem) else error.problem_mark
            index = mark.index if mark is not None else 0
            message, hint = _explained(problem, self.source, index)
            self._stop((index, index), "yaml", message, hint)
        except (YAMLError, RecursionError, ValueError, OverflowError) as error:  # the last: \\UFFFFFFFF
            self._stop((0, 0), "yaml", f"this is not YAML: {error}")
        return self.root, self.mistakes

    def _take(self, event: events.Event, span: Span) -> None:
        if isinstance(event, events.DocumentStartEvent) and self.root is not None:
            self._stop(span, "yaml", "a second document begins here", "a course file holds one course: delete the ---")
        if isinstance(event, events.AliasEvent):
            self._add_mistake(span, "no-aliases", "aliases (*name) are not used in a course", _QUOTE_STAR)
            self._finish(Scalar(self.source.text[slice(*span)], self.source.text[slice(*span)], span))
            return
        if isinstance(event, events.NodeEvent):
            self._refuse_decoration(event, span)
        if isinstance(event, events.ScalarEvent):
            event.value = _paired(event.value)
            self._weigh(event.value, span)
            plain = event.style is None and bool(event.implicit and event.implicit[0])
            if event.style == '"' and (found := _UNPRINTABLE.search(event.value)):  # written as \\0
                self._add_mistake(span, "encoding", f"a character that no text has: U+{ord(found[0]):04X}", "delete it")
            value = _value(event.value) if plain else event.value
            self._finish(Scalar(event.value, value, span))
        elif isinstance(event, events.MappingStartEvent | events.SequenceStartEvent):
            if len(self.stack) >= DEEPEST:
                self._stop(span, "too-deep", f"nested more than {DEEPEST} levels deep")
            self.stack.append(_Open(Table(span) if isinstance(event, events.MappingStartEvent) else Row(span)))
        elif isinstance(event, events.MappingEndEvent | events.SequenceEndEvent):
            self._close(span)

    def _close(self, span: Span) -> None:
        done = self.stack.pop()
        done.node.span = (done.node.span[0], span[1])
        if done.broken:
            text = self.source.text[slice(*done.node.span)]
            self._finish(Scalar(text, text, done.node.span))
        else:
            self._finish(done.node)

    def _finish(self, node: Node) -> None:
        """Put a finished node where it belongs: as the root, an item, a key or a value."""
        if not self.stack:
            self.root = node
            return
        top = self.stack[-1]
        if isinstance(top.node, Row):
            top.node.append(node)
        elif top.key is None:
            if not isinstance(node, Scalar):
                if not top.broken:
                    whole = top.node.span[0]
                    self._add_mistake((whole, node.span[1]), "yaml", "braces begin a mapping here", _QUOTE_BRACES)
                top.broken = True
                node = Scalar("", "", node.span)
            top.key = node
        else:
            self._set(top.node, top.key, node)
            top.key = None

    def _set(self, table: Table, key: Scalar, value: Node) -> None:
        if key.text in table:
            first = self.source.line(table.keys_at[key.text])
            self._add_mistake(key.span, "duplicate-key", f'"{key.text}" stands here twice', f"first in line {first}")
            return
        table[key.text] = value
        table.keys_at[key.text] = key.span

    def _weigh(self, text: str, span: Span) -> None:
        weight = marks(text)
        self.marks += weight
        if wrong := too_many_marks(weight, self.marks):
            self._stop(span, "too-big", *wrong)

    def _refuse_decoration(self, event: events.NodeEvent, span: Span) -> None:
        if event.anchor is not None:
            self._add_mistake(span, "no-aliases", "anchors (&name) are not used in a course", _QUOTE_AND)
        tag = getattr(event, "ctag", None)
        if tag is not None and str(tag) not in ("", "None", "!"):
            self._add_mistake(span, "no-tags", "tags (!name) are not used in a course", _QUOTE_BANG)

    def _add_mistake(self, span: Span, rule: str, message: str, hint: str = "") -> None:
        self.mistakes.append(self.source.mistake(span, rule, message, hint))
        if len(self.mistakes) >= MOST_MISTAKES:
            raise CourseError(self.mistakes)

    def _stop(self, span: Span, rule: str, message: str, hint: str = "") -> None:
        raise CourseError([*self.mistakes, self.source.mistake(span, rule, message, hint)])


_QUOTE_STAR = 'put a text that begins with * in quotes: "*…"'
_QUOTE_AND = 'put a text that begins with & in quotes: "&…"'
_QUOTE_BANG = 'put a text that begins with ! in quotes: "!…"'
_QUOTE_BRACES = 'put a text that begins with {{ in quotes: "{{ … }}"'
_QUOTE_COLON = 'put a text that holds ": " in quotes'


def _value(text: str) -> object:
    """What YAML 1.2 reads in a plain scalar (its core schema, 10.3.2, without octal and hexadecimal numbers)."""
    if _NULL.fullmatch(text):
        return None
    if _BOOL.fullmatch(text):
        return text.lower() == "true"
    if _INT.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text


def _is_unclosed(problem: str) -> bool:
    """Whether a complaint is best shown where the thing began, not where the parser gave up."""
    return any(sign in problem for sign in ("expected ','", "end of stream", "separator", "expected ':'"))


def _explained(problem: str, source: Source, index: int) -> tuple[str, str]:
    """What a YAML parser's complaint means to somebody who writes courses, and what to write."""
    place = source.mistake((index, index), "", "")
    before = place.excerpt[: place.column - 1]
    if re.match(r"\s*(- )?\s*[\w-]+:\s+\{\{", place.excerpt):
        return "text goes on after braces", _QUOTE_BRACES
    if "'\\t'" in problem:
        return "a tab stands where YAML wants spaces", "indent with spaces"
    if "mapping values are not allowed" in problem:
        if not before.strip(" -") or ":" not in before:
            return "this key is indented differently from the keys around it", "line it up with them"
        return "a second “: ” in one line", _QUOTE_COLON
    if "cannot start any token" in problem:
        first = place.excerpt[place.column - 1 : place.column]
        return f"a text cannot begin with {first} here", f'put it in quotes: "{first}…"'
    if "unexpected end of stream" in problem or "unexpected document separator" in problem:
        return "this quoted text does not end", "is a closing quote missing?"
    if "expected ','" in problem:
        return f"this {place.excerpt[place.column - 1 : place.column]} is not closed", "close it, or put it in quotes"
    if "could not find expected ':'" in problem:
        return 'a key without its ":"', "write key: value"
    if "expected <block end>" in problem or "did not find expected" in problem:
        return "this does not fit what stands before it", "check the indentation, and put odd texts in quotes"
    return f"this is not YAML: {problem}", ""
