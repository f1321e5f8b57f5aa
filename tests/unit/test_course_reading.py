"""Facts about the bytes of a course file: YAML 1.2, its odd corners, and what an attacker or an accident can write."""

from __future__ import annotations

import resource

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drip.course.model import Course
from drip.course.parse import parse
from drip.errors import CourseError, Mistake

TIP = "  - {tip: one, subject: Hello, body: Hello.}\n"
#: A hostile file may cost no more processor time than this, in seconds: the dearest one measured costs 1.7.
MOST_CPU = 8.0


def read(text: str) -> Course:
    return parse("campaigns/course.yaml", text.encode())


def mistakes(text: str) -> tuple[Mistake, ...]:
    """The mistakes in a text, none where it is a course."""
    try:
        read(text)
    except CourseError as error:
        return error.mistakes
    return ()


def rules(data: bytes) -> list[str]:
    """The rules that a file breaks, in order."""
    with pytest.raises(CourseError) as caught:
        parse("campaigns/course.yaml", data)
    assert all(m.line >= 1 and m.column >= 1 and m.message for m in caught.value.mistakes)
    return [mistake.rule for mistake in caught.value.mistakes]


@pytest.mark.parametrize("written", ["1.10", "10:30", "no", "2026-11-03", "True", "0x1F", "1e3", "007"])
def test_a_text_is_what_was_written(written: str) -> None:
    """Where a text is wanted, nothing is read as a number, a boolean, a time or a date."""
    assert read(f"title: {written}\nsteps:\n{TIP}").title == written


def test_a_time_of_day_needs_no_quotes() -> None:
    """`at: 10:30` is half past ten, where YAML 1.1 reads 630."""
    assert read(f"title: T\ntiming: {{at: 10:30}}\nsteps:\n{TIP}").rule.at == 10 * 60 + 30


def test_an_old_yaml_header_changes_nothing() -> None:
    """`%YAML 1.1` does not turn `no` into false."""
    assert read(f"%YAML 1.1\n---\ntitle: no\nsteps:\n{TIP}").title == "no"


def test_byte_order_mark_and_windows_lines_are_fine() -> None:
    """A file from Notepad reads the same, and a mistake in it has the same place."""
    unix = f"title: Å\nsteps:\n{TIP}"
    windows = b"\xef\xbb\xbf" + unix.replace("\n", "\r\n").encode()
    assert parse("c/course.yaml", windows) == parse("c/course.yaml", unix.encode())
    with pytest.raises(CourseError) as caught:
        parse("c/course.yaml", windows.replace(b"subject", b"subjekt"))
    places = [(m.line, m.column, m.rule) for m in caught.value.mistakes]
    assert places == [(3, 6, "missing-key"), (3, 16, "unknown-key")]


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b"# a comment\n", "empty"),
        (b"null\n", "empty"),
        (b"- tip: one\n", "wrong-type"),
        (b"just a text\n", "wrong-type"),
        ("title: Hello\n".encode("utf-16"), "encoding"),
        ("title: Hello\n".encode("utf-32"), "encoding"),
        ("title: Hall\xe5\n".encode("latin-1"), "encoding"),
        (b"title: a\0b\n", "encoding"),
        (b"title: \x1b[31mred\n", "encoding"),
        (b"title: \xed\xa0\x80\n", "encoding"),
        (b"title: a\n---\ntitle: b\n", "yaml"),
        (b"title: a\n...\ntitle: b\n", "yaml"),
        (b"\ttitle: a\n", "yaml"),
        (b"title: 'a\n", "yaml"),
        (b"title: \"\\q\"\n", "yaml"),
        (b"title: [a, b\n", "yaml"),
        (b"title: a: b\n", "yaml"),
        (b"? [a]\n: b\n", "yaml"),
    ],
)  # fmt: skip
def test_what_is_no_course_is_one_mistake(data: bytes, rule: str) -> None:
    """A file that cannot be read at all says so, and why."""
    assert rules(data)[0] == rule


def test_the_mistake_after_broken_utf8_has_its_place() -> None:
    """The message points at the first byte that is no UTF-8."""
    with pytest.raises(CourseError) as caught:
        parse("c/course.yaml", "title: Hej\nsteps: Hallå\n".encode("latin-1"))
    assert [(m.line, m.column) for m in caught.value.mistakes] == [(2, 12)]


def test_escape_codes_do_not_reach_the_terminal() -> None:
    """A message about a control character shows neither it nor what it would do."""
    with pytest.raises(CourseError) as caught:
        parse("c/course.yaml", b"title: \x1b[2Jgone\n")
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"title: " + b"[" * 10_000, id="10,000 open brackets"),
        pytest.param(b"title: " + b"{a: " * 10_000, id="10,000 open braces"),
        pytest.param(b"- " * 10_000, id="10,000 lists in lists"),
        pytest.param(b"? " * 10_000, id="10,000 keys in keys"),
        pytest.param(b"\n".join(b" " * n + b"a:" for n in range(1_000)), id="1,000 levels by indentation"),
        pytest.param(b"[[]," * 1 + b"[]," * 300_000, id="300,000 empty lists"),
        pytest.param(b"- a\n" * 249_000, id="249,000 items"),
        pytest.param(b"a: b\n" * 199_000, id="199,000 times one key"),
        pytest.param(b"\n".join(b"k%d: v" % n for n in range(40_000)), id="40,000 unknown keys"),
        pytest.param(b"a" * 1_000_000, id="a megabyte of letters"),
        pytest.param(b"#" * 2_000_000, id="two megabytes"),
        pytest.param(b"\n" * 999_000, id="nothing but line ends"),
        pytest.param(b"a: |\n" + b" \n" * 400_000, id="an endless block of nothing"),
        pytest.param(b'title: "' + b"\\n" * 400_000 + b'"', id="an endless line of breaks"),
        pytest.param(b"&a " * 100_000, id="anchors"),
        pytest.param(b"!" * 100_000, id="tags"),
        pytest.param(b"%TAG ! tag:x,1:\n" * 10_000, id="directives"),
        pytest.param(
            b"a: &a [x,x,x,x,x,x,x,x,x]\n"
            + b"".join(b"%c: &%c [%s]\n" % (n, n, b",".join([b"*%c" % (n - 1)] * 9)) for n in range(98, 123)),
            id="an alias bomb",
        ),
        pytest.param(
            b"title: T\nsteps:\n"
            + b"".join(
                b"  - {tip: tip-%d, subject: S, body: B, when: clicked('tap-%d')}\n" % (n, n + 9_000)
                for n in range(2_500)
            ),
            id="2,500 names that are nearly right",
        ),
        pytest.param(
            b"title: T\nsteps:\n"
            + b"".join(b"  - {tip: t%d, subject: S, body: '%s'}\n" % (n, b"![" * 20_000) for n in range(20))
            + b"  - {tip: x}\n",
            id="Markdown that never closes",
        ),
        pytest.param(
            b"title: T\nsteps:\n"
            + b"".join(
                b"  - {tip: t%d, subject: S, body: '%s'}\n" % (n, b"".join(b"![](%04x)" % m for m in range(5_000)))
                for n in range(20)
            ),
            id="100,000 pictures",
        ),
        pytest.param(
            b"title: T\nsteps:\n"
            + b"".join(b"  - {tip: t%d, subject: S, body_file: '%d.md', image: {src: a%d.png}}\n" % (n, n, n)
                       for n in range(4_000)),
            id="8,000 files that are not there",
        ),
        pytest.param(
            b"title: T\nremoved: [%s]\nsteps:\n" % b",".join(b"t%d" % n for n in range(2_000))
            + b"".join(b"  - {tip: t%d, renamed_from: t%d, subject: S, body: B}\n" % (n, n) for n in range(2_000)),
            id="4,000 ids of the past",
        ),
        pytest.param(
            b"title: T\nsteps:\n  - {tip: t, subject: S, body: B}\n"
            + b"".join(b"  - {survey: scale, id: s%d, ask: Q, when: correct('s%d')}\n" % (n, n) for n in range(3_000)),
            id="3,000 surveys with everything wrong",
        ),
        pytest.param(b"steps: [{tip: t, body: '[{%% raw %%}%s'}]" % (b"{{" * 20_000), id="open braces in raw"),
        pytest.param(b"steps: [{tip: t, body: '%s'}]" % (b"{% if learner.a %}" * 2_500), id="open ifs"),
        pytest.param(b"title: T\nsteps: [{tip: t, when: '%s'}]" % (b"(" * 100_000), id="open brackets in a condition"),
        pytest.param(b"title: T\nsteps: [{tip: t, when: '%s x'}]" % (b"not " * 450), id="not not not"),
        pytest.param(b"title: T\nsender: {name: a, email: '%s'}" % (b"a@" * 100_000), id="an endless address"),
        pytest.param(b"timing: {timezone: '%s', every: '%s'}" % (b"x" * 90_000, b"9" * 90_000), id="endless words"),
    ],
)  # fmt: skip
def test_hostile_files_are_refused_cheaply(data: bytes) -> None:
    """Depth, size, repetition and blow-ups end in a CourseError after little processor time."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    found = rules(data)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_utime - before < MOST_CPU
    assert len(found) <= 201


def test_of_very_many_mistakes_the_first_are_told() -> None:
    """A file in which everything is wrong does not flood the terminal, and says how much is left."""
    with pytest.raises(CourseError) as caught:
        parse("c/course.yaml", b"\n".join(b"k%d: v" % n for n in range(1_000)))
    assert caught.value.mistakes[-1].message == "and 802 more mistakes from here on"


def test_anchors_and_tags_are_refused_even_where_they_do_nothing() -> None:
    """`subject: &amp` would silently lose its text; `!!python/object` builds nothing."""
    assert rules(f"title: &t T\nsteps:\n{TIP}".encode()) == ["no-aliases"]
    assert rules(f"title: !!python/object/apply:os.system [x]\nsteps:\n{TIP}".encode()) == ["no-tags", "wrong-type"]


def test_unquoted_braces_cost_no_other_mistake() -> None:
    """`subject: {{ x }}` without quotes is one mistake; it is then read as the text that was meant."""
    text = "title: T\nsteps:\n  - tip: one\n    subject: {{ learner.first_name }}\n    body: B\n    aftr: 1 day\n"
    assert rules(text.encode()) == ["yaml", "unknown-key"]


def test_a_placeholder_is_found_inside_every_kind_of_text() -> None:
    """The caret stands under the wrong name in plain, quoted, literal and folded texts alike."""
    for body in (
        "x {{ nme }}",
        '"x {{ nme }}"',
        "'x {{ nme }}'",
        "|\n      x\n      y {{ nme }}",
        ">-\n      x\n      y {{ nme }}",
    ):
        text = f"title: T\nsteps:\n  - tip: one\n    subject: S\n    body: {body}\n"
        with pytest.raises(CourseError) as caught:
            read(text)
        (mistake,) = caught.value.mistakes
        assert mistake.excerpt[mistake.column - 1 :][: mistake.width] == "nme", body


def test_the_same_word_twice_is_found_where_it_is_wrong() -> None:
    """A name that also stands in prose is underlined in the placeholder."""
    with pytest.raises(CourseError) as caught:
        read("title: T\nsteps:\n  - tip: one\n    subject: S\n    body: nme, 'nme' {{ 'nme' ~ nme }}\n")
    assert [m.column for m in caught.value.mistakes] == [33]


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_random_bytes_end_in_a_course_error(data: bytes) -> None:
    """Whatever the bytes, nothing else than CourseError is ever raised."""
    with pytest.raises(CourseError):
        parse("course.yaml", data)


VOCABULARY = """
survey scale nps notify award goal start event date removed body_file reviews fixed silent image src alt
title steps tip subject body wait until at_most if then else variants name question options text correct because : : : :
timing every at days sender email button url when : - [ ] { } , | > ' " # & * ! % @ ` ~ ? 1 1.1 true null {{ }} {% %}
{%if {%endif learner.x clicked('a') == and ( ) [x](https://a.b) mailto: 09:00
"""
WORDS = st.sampled_from([*VOCABULARY.split(), " ", "\n", "\n  ", "\n  - ", "\t", "\r\n", "3 days"])


@settings(max_examples=200, deadline=None)
@given(st.lists(WORDS, max_size=60), st.booleans())
def test_shuffled_words_of_the_grammar_never_crash(words: list[str], spaced: bool) -> None:
    """Near-courses, made of the grammar's own words, are read or refused with places; nothing else happens."""
    for mistake in mistakes((" " if spaced else "").join(words)):
        assert 1 <= mistake.column <= len(mistake.excerpt or " " * mistake.column) + 1
        assert mistake.message


def mutated(draw: st.DrawFn, text: str) -> str:
    """A course with up to five characters or lines changed, doubled or lost."""
    for _ in range(draw(st.integers(1, 5))):
        at = draw(st.integers(0, max(0, len(text) - 1)))
        upto = at + draw(st.integers(0, 12))
        text = (
            text[:at] + draw(st.sampled_from(["", " ", ":", "\n", "- ", "{{", "'", '"', "[", "x", "é"])) + text[upto:]
        )
    return text


FULL = """\
title: T
sender: {name: A, email: a@b.example, bounces: b.example}
timing: {every: 1 day, at: 09:00, days: mon-fri, stale_after: 7 days}
start: {date: learner.day, offset: -14 days, reentry: after 90 days}
goal: event("x") and answered("likely")
silent: {after: 5 mails}
reviews: {after_days: [2, 5], per_email: 2}
experiment: {holdout: 10%}
removed: [old]
steps:
  - tip: one
    subject: "Hello {{ learner.first_name | default('you') }}"
    body: |
      A [link](https://a.example/{{ learner.ref }}). {% if sent("one") %}x{% endif %}
    question: {ask: Q, options: [{text: A, correct: true, because: x}, {text: B}]}
  - wait: {until: answered("one"), at_most: 2 days}
  - if: clicked("one")
    then: [{tip: two, subject: S, body: B, variants: [{name: a, subject: X}, {name: b}]}]
    else:
      - {tip: three, subject: S, body: B, after: 3 hours, renamed_from: drei}
  - {survey: scale, scale: [1, 7], id: likely, ask: How?}
  - {notify: crm.done}
  - {award: certificate}
"""
SWEDISH = """\
title: T
steps:
  - tip: one
    subject: "Hej {{ learner.first_name | default('du') }}"
    body: "[Länk](https://a.example/{{ learner.ref }})"
    question: {ask: F, options: [{text: A, because: x}, {text: B}]}
  - {tip: two, subject: S, body: B, variants: [{name: a, subject: X}]}
  - {survey: scale, id: likely, ask: Hur?}
"""


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_damaged_courses_never_crash(data: st.DataObject) -> None:
    """A good course with a few characters damaged is read, or refused with places."""
    text = data.draw(st.composite(mutated)(FULL))
    assert all(mistake.excerpt in text for mistake in mistakes(text))


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_damaged_translations_never_crash(data: st.DataObject) -> None:
    """A good translation with a few characters damaged is read, or refused with places in it."""
    text = data.draw(st.composite(mutated)(SWEDISH))
    try:
        course = parse("c/course.yaml", FULL.encode(), translations={"sv": text.encode()})
        found = course.missing
    except CourseError as error:
        found = error.mistakes
        assert {mistake.file for mistake in found} == {"c/course.sv.yaml"}
    for mistake in found:
        assert mistake.excerpt in (text if mistake.file == "c/course.sv.yaml" else FULL)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200) | st.composite(mutated)(SWEDISH).map(str.encode))
def test_any_bytes_in_a_body_file_never_crash(body: bytes) -> None:
    """Whatever lies in the file of a body is read or refused, with places in it."""
    text = FULL.replace("subject: S, body: B", "subject: S, body_file: b.md")
    try:
        parse("c/course.yaml", text.encode(), files={"b.md": body})
        found: tuple[Mistake, ...] = ()
    except CourseError as error:
        found = error.mistakes
    assert {mistake.file for mistake in found} <= {"c/b.md"}


def test_the_undamaged_course_is_good() -> None:
    """(Otherwise the tests above would prove nothing.)"""
    assert len(list(read(FULL).walk())) == 8
    assert parse("c/course.yaml", FULL.encode(), translations={"sv": SWEDISH.encode()}).translations
