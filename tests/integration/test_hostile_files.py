"""Whatever a file holds, `drip check` ends soon, in words, and takes little memory. (`make fuzz` looks for more.)

tests/data/hostile has small files: those in `refused` are no courses, those in `read` only look as if they were none.
Large ones are made here. Each is checked by the real command line under limits of memory and time: see many_checks.py.
"""

from __future__ import annotations

import json
import os
import random
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[1] / "data" / "hostile"
STORED = sorted(FOLDER.glob("*/*.yaml"))
#: What a check may cost: the goal, in seconds of processor time and bytes.
CPU_SECONDS, GROWN = 2.0, 200_000_000
#: A shared machine now and then runs at half its speed or less; a runaway costs a hundred times as much.
SLOWER = 3.0
#: Limits on the process itself: megabytes of address space, of which 150 are Python and its libraries, and seconds.
ADDRESS_SPACE, ENDED_AFTER = 400, 30

HEAD = "title: T\nsteps:\n"
MEGABYTE = 990_000

Check = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def check() -> Iterator[Check]:
    """Check a file: `check(folder, "course.yaml")`. What it cost must be little, and what it said no traceback."""
    command = [sys.executable, str(Path(__file__).with_name("many_checks.py")), str(ADDRESS_SPACE), str(ENDED_AFTER)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdin is not None
        assert running.stdout is not None

        def run(folder: Path, *paths: str, cpu: float = CPU_SECONDS) -> dict[str, Any]:
            assert running.stdin is not None
            assert running.stdout is not None
            running.stdin.write(json.dumps({"folder": str(folder), "paths": paths}) + "\n")
            running.stdin.flush()
            done: dict[str, Any] = json.loads(running.stdout.readline())
            assert "Traceback" not in done["out"] + done["err"], done["err"]
            assert done["code"] in (0, 1), done
            assert (done["out"] + done["err"]).strip(), "not a word was said"
            assert done["cpu"] < cpu * SLOWER, f"{done['cpu']:.1f} s"
            assert done["grown"] < GROWN, f"{done['grown'] / 1e6:.0f} MB"
            return done

        yield run
        running.stdin.close()


@pytest.mark.parametrize("file", STORED, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_a_stored_file_ends_in_words(check: Check, file: Path) -> None:
    """Small files of every odd kind: refused with exit 1, or read where nothing is wrong in fact."""
    done = check(file.parent, file.name)
    assert done["code"] == (1 if file.parent.name == "refused" else 0), done["out"]


def repeated(piece: str) -> str:
    """A megabyte of one piece."""
    return (piece * (MEGABYTE // len(piece.encode()) + 1)).encode()[:MEGABYTE].decode(errors="ignore")


def in_bodies(piece: str, letters: int = 49_000) -> str:
    """A course of a megabyte, with one piece over and over in its bodies."""
    text = (piece * (letters // len(piece) + 1)).encode()[:letters].decode(errors="ignore")
    body = "|\n" + "".join(f"      {line}\n" for line in text.split("\n"))
    tips = max(1, MEGABYTE // (len(body.encode()) + 60))
    return HEAD + "".join(f"  - tip: t{n}\n    subject: S\n    body: {body}" for n in range(tips))


def tips(number: int, more: str = "", name: str = "t{n}") -> str:
    """A course of so many short tips; `{n}` is the tip's number."""
    step = f"  - {{{{tip: {name}, subject: S, body: B{more}}}}}\n"
    return HEAD + "".join(step.format(n=n) for n in range(number))


PIECES = (
    "a", " ", "\n", ":", ": ", "a: ", '"', "'", "{{", "}}", "{%", "[](", "![", "[", "{", "? ", "- ", "&a ", "*a ", "!",
    "%", "|", ">", "#", "# ", ",", "`", "\\", "\r", "\t", "\x00", "\ufeff", "å", "😀", "\u2028", "\u202e", "---\n",
    "a\n=\n", "<<: ", "a: b\n", "- a\n", "[],", "{},", "'' ", '"" ', "!!python/object:a ", "a" * 999 + " ", "e\u0301",
    "1" * 20 + " ", "!" * 9_900 + " ",
)  # fmt: skip
PROSE = (
    "word ", "A b. ", "a", "{{", "{{ learner.a }} ", "{% if learner.a %}x{% endif %} ", "{% if learner.a %}", "{# a #}",
    "[](", "[a](https://a.example/c) ", "![](", "![a](a.png) ", "![", "[", "]", "[a][a] ", "[](<", '[](b "', "> ", "- ",
    "- a\n", "* ", "**", "*a ", "_a_ ", "*a_b ", "`", "` `` ", "<", "<a ", "<https://a.example> ", "<!--", "a@a ",
    "https://a.example ", "&", "&amp;", "\\", "# a\n", "|", "|a|b\n", "---\n", "a\n=\n", "[a]: https://a.example\n",
    "```\n", "a\n\n", "    a\n", "1. a\n", "1. ", "!? ", "1,1 ", "50 % studies show ", "no not never ", "FREE!!! ",
    "A.", "(", ">" * 60 + "a\n", '"', "'", "a-", "a'", "\u202e", "\u200b", "\u00ad", "e\u0301", "漢。", "م ", "😀",
    "%41", "~~a~~ ", "<b>x</b> ", "# drip: ignore=x y\n",
)  # fmt: skip


@pytest.mark.parametrize("piece", PIECES, ids=lambda piece: ascii(piece[:12]))
def test_a_megabyte_of_one_thing_is_refused(check: Check, tmp_path: Path, piece: str) -> None:
    """One line, or one sign, over and over: no course, and said at once."""
    (tmp_path / "course.yaml").write_text(repeated(piece), encoding="utf-8", newline="")
    assert check(tmp_path, "course.yaml")["code"] == 1


@pytest.mark.parametrize("piece", PROSE, ids=lambda piece: ascii(piece[:12]))
def test_a_megabyte_of_odd_prose_ends(check: Check, tmp_path: Path, piece: str) -> None:
    """Texts that Markdown, conditions and rules on prose would take long over, in all bodies of a course."""
    (tmp_path / "course.yaml").write_text(in_bodies(piece), encoding="utf-8", newline="")
    check(tmp_path, "course.yaml")


CONDITION = " and ".join(f"learner.a{n} == {n}" for n in range(38))
#: Name → a course that asks for too much in one way; each is refused.
TOO_MUCH: dict[str, Callable[[], str | bytes]] = {
    "random bytes": lambda: random.Random(1).randbytes(MEGABYTE),
    "random signs": lambda: "".join(
        random.Random(2).choices("title: steps tip\n  -[]{}'\"#&*!|>%@`,?~\té", k=MEGABYTE)
    ),
    "random lines": lambda: "".join(
        random.Random(3).choices(["  - tip: a\n", "    subject: S\n", "    body: |\n", "      x\n", HEAD], k=50_000)
    ),
    "5 MB": lambda: b"title: T\n" * 600_000,
    "10,000 levels of [": lambda: "title: " + "[" * 10_000 + "]" * 10_000,
    "10,000 levels of {": lambda: "title: " + "{a: " * 10_000 + "}" * 10_000,
    "10,000 levels of -": lambda: "- " * 10_000 + "x",
    "10,000 levels of ?": lambda: "? " * 10_000 + "x",
    "1,400 levels of mappings": lambda: "\n".join(" " * n + "a:" for n in range(1_400)),
    "1,400 levels of lists": lambda: "\n".join(" " * n + "-" for n in range(1_400)),
    "5,000 tips": lambda: tips(5_000),
    "7,000 tips": lambda: tips(7_000),
    "5,000 unknown keys": lambda: HEAD + "".join(f"key{n}: x\n" for n in range(5_000)),
    "5,000 unknown keys in tips": lambda: tips(5_000, ", bodyy{n}: x"),
    "5,000 long unknown keys": lambda: "title: T\n" + "".join(f"{'steps' * 30}{n}: x\n" for n in range(5_000)),
    "2,500 near names": lambda: tips(2_500, ", when: clicked('tap-{n}')", "tip-{n}"),
    "1,500 long near names": lambda: tips(
        1_500, f", when: clicked('{'hgfedcba' * 7}-{{n}}')", f"{'abcdefgh' * 7}-{{n}}"
    ),
    "2,500 near attributes": lambda: tips(2_500, ", preheader: '{{{{ lerner.nme{n} }}}}'"),
    "40,000 variants": lambda: (
        tips(1)[:-2] + ", variants: [" + ",".join(f"{{name: v{n}, subject: X}}" for n in range(12_000)) + "]}\n"
    ),
    "100 variants of 100 tips": lambda: tips(
        100, ", variants: [" + ",".join(f"{{{{name: v{n}, subject: X}}}}" for n in range(100)) + "]"
    ),
    "a thousand bodies from one file": lambda: (
        HEAD + "".join(f"  - {{tip: t{n}, subject: S, body_file: long.md}}\n" for n in range(1_000))
    ),
    "duplicate keys": lambda: "title: T\n" * 100_000,
    "condition of 2,000 brackets": lambda: tips(300, f", when: '{'(' * 999}learner.a{')' * 990}'"),
    "escapes": lambda: 'title: "' + "\\n" * 480_000 + '"\n' + HEAD,
    "doubled quotes": lambda: HEAD + "  - {tip: a, body: B, subject: '" + "''" * 480_000 + "'}\n",
    "folded title": lambda: "title: >-\n" + "  a\n" * 240_000 + "steps: []\n",
    "removed": lambda: tips(1) + "removed: [" + ",".join(f"r{n}" for n in range(90_000)) + "]\n",
    "review days": lambda: (
        tips(1) + "reviews: {strategy: fixed, after_days: [" + ",".join(map(str, range(50_000))) + "]}\n"
    ),
    "missing files": lambda: (
        HEAD + "".join(f"  - {{tip: t{n}, subject: S, body_file: f{n}.md}}\n" for n in range(6_000))
    ),
    "missing pictures": lambda: tips(4_000, ", image: {{src: p{n}.png, alt: x}}"),
}
#: Name → a course in which nothing is wrong, though it looks so.
LARGE: dict[str, Callable[[], str]] = {
    "20,000 comments that ignore": lambda: "# drip: ignore=no-button why not\n" * 20_000 + tips(1),
    "a comment that ignores much": lambda: "# drip: ignore=" + "a," * 450_000 + " x\n" + tips(1),
    "a comment with many spaces": lambda: "# drip: ignore=no-button a" + " " * 900_000 + "b\n" + tips(1),
    "a comment with many ends": lambda: "# drip: ignore=no-button a" + " -#" * 300_000 + "b\n" + tips(1),
    "500 long conditions": lambda: tips(500, f", when: '{CONDITION}'"),
    "400 ifs": lambda: (
        HEAD
        + "".join(
            f"  - {{if: learner.a{n} == {n}, then: [{{tip: a{n}, subject: S, body: B}}], else: [{{award: b{n}}}]}}\n"
            for n in range(400)
        )
    ),
    "20 ifs deep": lambda: (
        HEAD
        + "".join(f"{'  ' * (2 * n + 1)}- if: learner.a\n{'  ' * (2 * n + 1)}  then:\n" for n in range(20))
        + f"{'  ' * 41}- {{tip: one, subject: S, body: B}}\n"
    ),
}


@pytest.mark.parametrize("name", TOO_MUCH)
def test_a_course_that_asks_for_too_much_is_refused(check: Check, tmp_path: Path, name: str) -> None:
    """Depth, number, repetition, and what grows when it is taken together: exit 1."""
    made = TOO_MUCH[name]()
    (tmp_path / "course.yaml").write_bytes(made if isinstance(made, bytes) else made.encode())
    (tmp_path / "long.md").write_text("A word. " * 5_000, encoding="utf-8")
    assert check(tmp_path, "course.yaml")["code"] == 1


@pytest.mark.parametrize("name", LARGE)
def test_a_course_that_is_large_is_read(check: Check, tmp_path: Path, name: str) -> None:
    """Much of what costs little is no mistake."""
    (tmp_path / "course.yaml").write_text(LARGE[name](), encoding="utf-8")
    assert check(tmp_path, "course.yaml")["code"] == 0


def test_a_file_of_5_gb_is_refused_unread(check: Check, tmp_path: Path) -> None:
    """Its size is looked at first: reading it would take more memory than there may be."""
    with (tmp_path / "course.yaml").open("wb") as file:
        file.truncate(5_000_000_000)
    done = check(tmp_path, "course.yaml")
    assert "larger than 1 MB" in done["out"]


TRANSLATIONS: dict[str, bytes] = {
    "random": random.Random(4).randbytes(9_000),
    "nothing": b"",
    "a list": b"- a\n",
    "open brackets": b"[" * 10_000,
    "5 MB": b"title: T\n" * 600_000,
    "UTF-16": "title: T\n".encode("utf-16"),
    "aliases": b"a: &a [*a, *a]\nsteps: *a\n",
    "unknown keys": b"title: T\n" + b"".join(b"key%d: x\n" % n for n in range(5_000)),
    "tips that are nearly right": b"title: T\nsteps:\n"
    + b"".join(b"  - {tip: %s-%d, subject: X, body: Y}\n" % (b"tap-abcdefgh" * 4, n) for n in range(5_000)),
    "much Markdown": in_bodies("_a_ ").encode(),
    "a body from without": b"steps:\n  - {tip: t0, body_file: ../../../../etc/passwd}\n",
}


@pytest.mark.parametrize("name", TRANSLATIONS)
def test_a_hostile_translation_is_refused(check: Check, tmp_path: Path, name: str) -> None:
    """What lies beside a good course is read by the same rules, whichever of the two is named."""
    (tmp_path / "course.yaml").write_text(tips(500, name=f"{'tip-abcdefgh' * 4}-{{n}}"), encoding="utf-8")
    (tmp_path / "course.sv.yaml").write_bytes(TRANSLATIONS[name])
    done = check(tmp_path, "course.sv.yaml")
    assert done["code"] == 1
    assert "course.sv.yaml" in done["out"]


def test_a_hundred_translations_are_refused(check: Check, tmp_path: Path) -> None:
    """Each may be large; together they may not be."""
    (tmp_path / "course.yaml").write_text(tips(10), encoding="utf-8")
    for number in range(100):
        code = chr(97 + number // 10) + chr(97 + number % 10)
        text = "title: T\n" + "".join(f"key{n}: x\n" for n in range(6_000))
        (tmp_path / f"course.{code}.yaml").write_text(text, encoding="utf-8")
    assert "divide it into courses" in check(tmp_path, "course.yaml")["out"]


BESIDE = HEAD + (
    "  - {tip: a, subject: S, body_file: tips/b.md}\n  - {tip: b, subject: S, body: B, image: {src: p.png, alt: x}}\n"
)


def pipe(path: Path) -> None:
    """A FIFO that nobody writes to: whoever opens it waits for ever."""
    os.mkfifo(path)


def endless(path: Path) -> None:
    """A link to a device that never ends."""
    path.symlink_to("/dev/zero")


def loop(path: Path) -> None:
    """A link to itself."""
    path.symlink_to(path.name)


def folder(path: Path) -> None:
    """A folder in a file's place."""
    path.mkdir()


def nowhere(path: Path) -> None:
    """A link to nothing."""
    path.symlink_to("nothing")


def outside(path: Path) -> None:
    """A link to a file that is not the author's to show."""
    path.symlink_to("/etc/passwd")


def large(path: Path) -> None:
    """A gigabyte of nothing."""
    with path.open("wb") as file:
        file.truncate(1_000_000_000)


THINGS = (pipe, endless, loop, folder, nowhere, outside, large)


@pytest.mark.parametrize("thing", THINGS)
def test_what_is_no_file_is_not_waited_for(check: Check, tmp_path: Path, thing: Callable[[Path], None]) -> None:
    """In the place of the course, by its name and in a folder: words and exit 1."""
    (tmp_path / "campaigns").mkdir()
    thing(tmp_path / "campaigns" / "course.yaml")
    assert check(tmp_path, "campaigns/course.yaml")["code"] == 1
    assert check(tmp_path, "campaigns")["code"] == 1
    assert check(tmp_path)["code"] == 1


@pytest.mark.parametrize("thing", THINGS)
@pytest.mark.parametrize("name", ["tips/b.md", "p.png", "course.sv.yaml"])
def test_nor_is_it_beside_a_course(check: Check, tmp_path: Path, name: str, thing: Callable[[Path], None]) -> None:
    """In the place of a body, a picture or a translation; nothing from outside the folder is shown."""
    (tmp_path / "tips").mkdir()
    (tmp_path / "course.yaml").write_text(BESIDE, encoding="utf-8")
    thing(tmp_path / name)
    done = check(tmp_path, "course.yaml")
    assert done["code"] == 1  # the other of the two files is missing in any case
    assert "root:" not in done["out"]


def png(width: int, height: int, end: int = 33) -> bytes:
    """The beginning of a PNG that says it is so large."""
    size = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    return (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + size + b"\x08\x06\0\0\0\0\0\0\0")[:end]


PICTURES: dict[str, bytes] = {
    "nothing": b"",
    "random": random.Random(6).randbytes(4_000),
    "text": b"hello",
    "png of 2^31": png(2**31, 2**31),
    "png of 2^31 by 1": png(2**31, 1),
    "png of 0": png(0, 0),
    **{f"png cut at {end}": png(10, 10, end) for end in (1, 8, 12, 16, 19, 23)},
    "jpeg cut": b"\xff\xd8\xff",
    "jpeg of fill bytes": b"\xff\xd8" + b"\xff" * 900_000,
    "jpeg of empty segments": b"\xff\xd8" + b"\xff\xe0\0\x02" * 220_000,
    "jpeg of segments of no length": b"\xff\xd8" + b"\xff\xe0\0\0" * 220_000,
    "jpeg of restarts": b"\xff\xd8\xff" + b"\xd0\xff" * 400_000,
    "jpeg of 0": b"\xff\xd8\xff\xc0\0\x11\x08\0\0\0\0\x03",
    "jpeg frame cut": b"\xff\xd8\xff\xc0\0\x11\x08\0",
    "gif cut": b"GIF89a\x01",
    "gif of 0": b"GIF89a\0\0\0\0",
    "gif of 65535": b"GIF89a\xff\xff\xff\xff\0\0\0",
    "webp cut": b"RIFF\xff\xff\xff\xffWEBP",
    "webp of nothing": b"RIFF\0\0\0\0WEBPXXXX",
    "webp lossy cut": b"RIFF\0\0\0\0WEBPVP8 \0\0",
    "webp lossless cut": b"RIFF\0\0\0\0WEBPVP8L\0",
    "webp of 2^24": b"RIFF\0\0\0\0WEBPVP8X" + b"\xff" * 20,
    "svg": b"<svg xmlns='x' width='99999999' height='99999999'/>",
    "svg bomb": b"<!DOCTYPE x [<!ENTITY a 'aaaa'>]><svg>&a;</svg>",
    "bmp": b"BM" + b"\xff" * 60,
    "tiff": b"II*\0" + b"\xff" * 60,
    "2 MB": b"GIF89a\x01\0\x01\0" + b"\0" * 2_000_000,
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_that_is_none_is_refused(check: Check, tmp_path: Path, name: str) -> None:
    """Headers that lie, end early or never end: the message stands at the name of the picture."""
    (tmp_path / "tips").mkdir()
    (tmp_path / "tips" / "b.md").write_text("B\n", encoding="utf-8")
    (tmp_path / "course.yaml").write_text(BESIDE, encoding="utf-8")
    (tmp_path / "p.png").write_bytes(PICTURES[name])
    done = check(tmp_path, "course.yaml")
    assert done["code"] == 1
    assert "course.yaml:4:" in done["out"]


LAYOUT_ENDS = "{{ body }}{{ unsubscribe.url }}"
LAYOUTS: dict[str, bytes] = {
    "random": random.Random(7).randbytes(9_000),
    "nothing": b"",
    "5 MB": b"<mjml>" + b"a" * 5_000_000,
    "deep": b"<mjml><mj-body>" + b"<mj-section>" * 10_000 + LAYOUT_ENDS.encode() + b"</mj-section>" * 10_000,
    "deep in HTML": b"<mjml><mj-body><mj-raw>" + b"<div>" * 15_000 + LAYOUT_ENDS.encode() + b"</div>" * 15_000,
    "braces": b"{{" * 100_000,
    "brackets": b"{{ " + b"(" * 50_000,
    "repeated": b'{{ "a" * 9999999999 }}',
    "repeated in a list": b"{{ [1] * 9999999999 }}",
    "power": b"{{ 9 ** 9 ** 9 ** 9 }}",
    "filled": b"{{ '%9999999999d' % 1 }}",
    "reaching out": b"{{ ().__class__.__mro__ }}{{ body.__init__.__globals__ }}",
    "itself": b'{% include "own.mjml" %}',
    "entities": b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><mjml><mj-body>&b;</mj-body></mjml>',
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_hostile_layout_is_refused(check: Check, tmp_path: Path, name: str) -> None:
    """A layout is read with each course that uses it."""
    for each in ("campaigns", "templates"):
        (tmp_path / each).mkdir()
    (tmp_path / "campaigns" / "course.yaml").write_text("layout: own\n" + tips(1), encoding="utf-8")
    (tmp_path / "templates" / "own.mjml").write_bytes(LAYOUTS[name])
    assert check(tmp_path)["code"] == 1


@pytest.mark.parametrize(
    "text",
    [b"a = " + b"[" * 10_000, random.Random(8).randbytes(3_000), b"[learner]\n" + b"a.b." * 500 + b"c = 1\n"],
    ids=["brackets", "random", "dots"],
)
def test_hostile_settings_are_refused(check: Check, tmp_path: Path, text: bytes) -> None:
    """drip.toml is read before any course."""
    (tmp_path / "course.yaml").write_text(tips(1), encoding="utf-8")
    (tmp_path / "drip.toml").write_bytes(text)
    assert check(tmp_path, "course.yaml")["code"] == 1


@pytest.mark.parametrize("name", ["5,000 tips", "10,000 levels of [", "random bytes", "2,500 near names"])
def test_the_program_itself_ends_so(tmp_path: Path, name: str) -> None:
    """The installed command in a process of its own, less the start of Python, which a good course shows."""
    made = TOO_MUCH[name]()
    (tmp_path / "course.yaml").write_bytes(made if isinstance(made, bytes) else made.encode())
    (tmp_path / "good.yaml").write_text(tips(1), encoding="utf-8")
    costs = []
    for file, code in (("good.yaml", 0), ("course.yaml", 1)):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = [sys.executable, "-m", "drip", "check", file]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        costs.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert costs[1] - costs[0] < CPU_SECONDS * SLOWER
