"""Facts about the files that a course refers to: which they are, what is read from them, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pictures import gif, jpeg, png, webp

from drip.course.files import referred
from drip.course.links import links, with_pictures
from drip.course.model import Course, Tip
from drip.course.parse import parse
from drip.course.pictures import MOST_PICTURE_BYTES, picture
from drip.errors import CourseError, Mistake
from drip.plan.compile import compile_plan
from drip.plan.model import Mail, Texts

NAME = "campaigns/course.yaml"
HEAD = "title: T\nsteps:\n  - tip: one\n    subject: S\n"


def read(tip: str, files: Mapping[str, bytes] = {}) -> Course:
    return parse(NAME, (HEAD + tip).encode(), files=files)


def mistakes(tip: str, files: Mapping[str, bytes] = {}) -> tuple[Mistake, ...]:
    with pytest.raises(CourseError) as caught:
        read(tip, files)
    return caught.value.mistakes


def texts(course: Course) -> Texts:
    mail = compile_plan(course, layout="").steps[0]
    assert isinstance(mail, Mail)
    return mail.variants[0].texts


def test_every_file_that_is_named_is_listed_once() -> None:
    """Bodies, pictures, posters, pictures in Markdown, in variants and inside an `if`; the web is not listed."""
    text = """\
title: T
steps:
  - tip: one
    subject: S
    body: "![a](a.png) ![b](img/b.png) ![c](https://a.example/c.png) [d](https://a.example/d.png)"
    image: {src: a.png, alt: A}
    clip: {url: "https://a.example", poster: ./img/../p.png, alt: A}
    variants: [{name: x, body_file: tips/x.md}, {name: y, body: "![e](e%20e.png)"}]
  - if: sent("one")
    then: [{tip: two, subject: S, body_file: tips/two.md}]
    else: [{survey: nps, ask: Q, body_file: tips/q.md}]
"""
    wanted = {"a.png", "img/b.png", "p.png", "tips/x.md", "e e.png", "tips/two.md", "tips/q.md"}
    assert set(referred(NAME, text.encode())) == wanted
    assert len(referred(NAME, text.encode())) == len(wanted)


def test_a_body_file_may_name_pictures_from_where_it_lies() -> None:
    """Asked again with the body, its pictures are listed too, by their path from the course; then nothing is left."""
    data = (HEAD + "    body_file: tips/one.md\n").encode()
    body = b"![a](a.png) ![b](../b.png)"
    assert referred(NAME, data) == ("tips/one.md",)
    assert referred(NAME, data, files={"tips/one.md": body}) == ("tips/a.png", "b.png")
    assert referred(NAME, data, files={"tips/one.md": body, "tips/a.png": b"", "b.png": b""}) == ()


def test_translations_refer_to_files_too() -> None:
    """Their bodies' files and the pictures of these are listed with the course's."""
    sv = b"steps: [{tip: one, body_file: one.sv.md, image: {src: sv.png}}]"
    found = referred(NAME, (HEAD + "    body: B\n").encode(), translations={"sv": sv, "de": b"\xff"})
    assert found == ("one.sv.md", "sv.png")


@pytest.mark.parametrize("data", [b"", b"[]", b"a: [", b"\xff"])
def test_a_file_that_is_no_course_refers_to_nothing(data: bytes) -> None:
    """It is refused as it would be by `parse`."""
    with pytest.raises(CourseError):
        referred(NAME, data)


def test_a_body_in_a_file_is_as_good_as_one_in_the_course() -> None:
    """Its text becomes the tip's; line ends and a byte order mark do not matter; placeholders and links count."""
    body = "\ufeffA [link](https://a.example).\r\n\r\nHello {{ learner.first_name | default('you') }}.\r\n".encode()
    course = read("    body_file: tips/one.md\n  - {tip: two, subject: S, body: B, when: clicked('one')}\n", {
        "tips/one.md": body})  # fmt: skip
    tip = course.steps[0]
    assert isinstance(tip, Tip)
    assert tip.body == "A [link](https://a.example).\n\nHello {{ learner.first_name | default('you') }}.\n"
    assert texts(course).body == tip.body


def test_a_variant_and_a_survey_may_have_a_file_of_their_own() -> None:
    """A variant's file goes over the tip's body."""
    course = read(
        "    body: B\n    variants: [{name: x, body_file: x.md}, {name: y}]\n"
        "  - {survey: nps, ask: Q, body_file: q.md}\n",
        {"x.md": b"X", "q.md": b"Half way."},
    )
    one, survey = compile_plan(course, layout="").steps
    assert isinstance(one, Mail)
    assert isinstance(survey, Mail)
    assert [variant.texts.body for variant in one.variants] == ["X", "B"]
    assert survey.variants[0].texts.body == "Half way."


@pytest.mark.parametrize(
    ("body", "rule", "place", "under"),
    [
        (b"Hello\n\n{{ nme }}", "bad-placeholder", (3, 4), "nme"),
        (b"Hello\r\n\r\n{{ nme }}", "bad-placeholder", (3, 4), "nme"),
        (b"[a](http:/a)", "bad-link", (1, 5), "http:/a"),
        (b"x\n![a](/etc/a.png)", "bad-link", (2, 6), "/etc/a.png"),
        (b"x\n![a](../../a.png)", "bad-path", (2, 6), "../../a.png"),
        (b"x\n![a](a.png)", "missing-file", (2, 6), "a.png"),
        (b"{% if sent('two') %}x{% endif %}", "unknown-step", (1, 13), "two"),
        (b"x\n\xff", "encoding", (2, 1), ""),
        (b"x\0", "encoding", (1, 2), ""),
        (b"", "empty", (1, 1), ""),
        (b"x" * 60_000, "too-big", (1, 1), None),
    ],
)
def test_a_mistake_in_a_body_file_is_told_there(
    body: bytes, rule: str, place: tuple[int, int], under: str | None
) -> None:
    """With the file's own name, line and column."""
    (found,) = mistakes("    body_file: tips/one.md\n", {"tips/one.md": body})
    assert (found.file, found.rule, (found.line, found.column)) == ("campaigns/tips/one.md", rule, place)
    if under:
        assert found.excerpt[found.column - 1 :][: found.width] == under


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        ("missing.md", "missing-file"),
        ("../outside.md", "bad-path"),
        ("tips/../../outside.md", "bad-path"),
        ("/etc/passwd", "bad-path"),
        ("C:/x.md", "bad-path"),
        ("tips\\\\x.md", "bad-path"),
        ("https://a.example/x.md", "bad-path"),
        ("tips/", "bad-path"),
        (".", "bad-path"),
        ("..", "bad-path"),
        ("{{ learner.x }}.md", "bad-path"),
    ],
)
def test_a_path_leads_to_a_file_of_the_course(path: str, rule: str) -> None:
    """Nothing outside the course's folder, on the web, or made of placeholders; and it must be there."""
    for tip in (f'    body_file: "{path}"\n', f'    body: B\n    image: {{src: "{path}", alt: A}}\n'):
        if path.startswith("https:") and "image" in tip:
            continue  # a picture may be on the web
        (found,) = mistakes(tip)
        assert found.rule in (rule, "bad-link" if "image" in tip else rule)
        assert found.line == (5 if "body_file" in tip else 6)


@pytest.mark.parametrize(
    ("data", "width", "height", "end"),
    [
        (png(640, 480), 640, 480, "png"),
        (gif(300, 200), 300, 200, "gif"),
        (jpeg(1200, 800), 1200, 800, "jpg"),
        (jpeg(10, 20, before=b"\xff\xff\xe1\x00\x06\xff\xc0\x00\x00\xff\x01"), 10, 20, "jpg"),
        (webp(100, 50), 100, 50, "webp"),
        (webp(101, 51, b"VP8L"), 101, 51, "webp"),
        (webp(4000, 3000, b"VP8X"), 4000, 3000, "webp"),
    ],
    ids=["png", "gif", "jpeg", "jpeg with an Exif that looks like a frame", "webp", "lossless webp", "extended webp"],
)  # fmt: skip
def test_pictures_are_known_by_their_bytes(data: bytes, width: int, height: int, end: str) -> None:
    """Kind and size come from the header, whatever the file is called; the name is made of the content."""
    found = picture(data)
    assert (found.width, found.height) == (width, height)
    assert found.name.startswith("m/")
    assert found.name.endswith(f".{end}")
    assert picture(data + b"\0").name != found.name


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"BM" + bytes(60), "no picture"),
        (b"%PDF-1.7", "no picture"),
        (png()[:20], "damaged"),
        (jpeg()[:25], "damaged"),
        (b"\xff\xd8\xff\xd9", "damaged"),
        (b"\xff\xd8\xff" * 9, "damaged"),
        (gif()[:7], "damaged"),
        (webp()[:22], "damaged"),
        (b"RIFF\0\0\0\0WEBPnope" + bytes(40), "damaged"),
        (png(0, 5), "0 by 5"),
        (png(20_000, 1), "20000 by 1"),
        (png() + bytes(MOST_PICTURE_BYTES), "larger than 1 MB"),
    ],
)
def test_what_is_no_good_picture_says_why(data: bytes, words: str) -> None:
    """Another format, half a file, a size that nobody draws, a photo as the camera made it."""
    with pytest.raises(ValueError, match=words):
        picture(data)
    (found,) = mistakes("    body: B\n    image: {src: a.png, alt: A}\n", {"a.png": data})
    assert (found.rule, found.line, found.column) == ("bad-picture", 6, 18)
    assert found.hint


@given(st.binary(max_size=60), st.sampled_from([b"", b"\xff\xd8\xff", png()[:24], gif()[:8], webp()[:16]]))
def test_any_bytes_are_a_picture_or_refused(data: bytes, begin: bytes) -> None:
    """Nothing else than ValueError comes of any bytes."""
    try:
        found = picture(begin + data)
    except ValueError:
        return
    assert found.width > 0
    assert found.height > 0


def test_the_plan_calls_pictures_by_their_content() -> None:
    """The image, the poster and the pictures of the body have the name `m/…` and their size; the web's stay."""
    files = {"a.png": png(3, 4), "sub/b.gif": gif(5, 6)}
    said = texts(
        read(
            "    body: \"![a](a.png 'A title') ![b](sub/b.gif) ![c](https://a.example/c.png)\"\n"
            "    image: {src: a.png, alt: A}\n"
            '    clip: {url: "https://a.example", poster: sub/b.gif, alt: B, minutes: 2}\n',
            files,
        )
    )
    a, b = picture(files["a.png"]).name, picture(files["sub/b.gif"]).name
    assert said.body == f"![a]({a} 'A title') ![b]({b}) ![c](https://a.example/c.png)"
    assert said.image is not None
    assert (said.image.src, said.image.width, said.image.height) == (a, 3, 4)
    assert said.clip is not None
    assert (said.clip.poster.src, said.clip.poster.alt, said.clip.poster.width) == (b, "B", 5)


def test_an_edited_picture_is_a_new_revision() -> None:
    """Its content is part of the plan, its file's name is not."""
    tip = "    body: B\n    image: {src: %s, alt: A}\n"
    plans = [
        compile_plan(read(tip % name, {name: data}), layout="")
        for name, data in (("a.png", png()), ("b.png", png()), ("a.png", png(3, 3)))
    ]
    assert plans[0].revision == plans[1].revision != plans[2].revision


@pytest.mark.parametrize(
    "written",
    ["![a](a.png)", "![a](<a.png>)", '![a]( a.png "T" )', "![a][x]\n\n[x]: a.png", "![a][x]\n\n[x]: <a.png> 'T'",
     "[![a](a.png)](https://a.example)", "- ![a](a.png)\n- ![b](a.png)"],
)  # fmt: skip
def test_a_picture_is_renamed_wherever_markdown_puts_it(written: str) -> None:
    """In brackets, in angles, with a title, by reference, in a link, twice."""
    out = with_pictures(written, lambda address: "m/0.png" if address == "a.png" else None)
    assert {link.url for link in links(out) if link.is_picture} == {"m/0.png"}
    assert out.replace("m/0.png", "a.png") == written


def test_a_link_and_a_word_that_are_called_the_same_stay() -> None:
    """Only the address of a picture is exchanged."""
    out = with_pictures("![a.png](a.png) is a.png, see a.png(a.png)", lambda _: "m/0.png")
    assert out == "![a.png](m/0.png) is a.png, see a.png(a.png)"


def test_a_picture_whose_name_means_something_in_markdown_is_refused() -> None:
    """What could not be exchanged is told at once, not in the mail."""
    (found,) = mistakes("    body: '![a](a\\_b.png)'\n", {"a_b.png": png()})
    assert found.rule == "bad-path"


def test_advice_on_a_body_points_into_its_file() -> None:
    """`Course.advice` finds a needle in the body's own file."""
    course = read("    body_file: tips/one.md\n", {"tips/one.md": b"One.\n\nTwo needles, one needle."})
    found = course.advice(("steps", 0, "body"), "rule", "message", needle="needle")
    assert (found.file, found.line, found.column, found.width) == ("campaigns/tips/one.md", 3, 5, 6)
