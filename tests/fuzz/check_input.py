"""One input of the fuzzer: a course and what lies beside it in one file, taken apart and checked as `drip check` does.

Usage: python tests/fuzz/check_input.py FILE…    prints what the check says of each, or the traceback
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

from drip.course.attributes import Attribute
from drip.course.model import Defaults
from drip.engine.inspect import inspect
from drip.errors import Mistake
from drip.render.brand import Brand

#: What may lie beside a course, each after a line `%%% NAME`: a line that no course can have where a key could stand.
NAMES = (
    "course.sv.yaml", "course.ar.yaml", "course.pt-BR.yaml", "tips/a.md", "tips/b.md", "a.png", "a.jpg", "a.gif",
    "a.webp", "a.svg",
)  # fmt: skip
_DIVIDER = re.compile(rb"(?:^|\n)%%% (" + b"|".join(re.escape(name.encode()) for name in NAMES) + rb")\n")
#: An input that begins so is checked in a workspace that declares these attributes; else any is taken.
DECLARES = b"# declared\n"
DECLARED = {
    "plan": Attribute(type="choice", choices=("trial", "pro")),
    "age": Attribute(type="number", default=1),
    "renewal_date": Attribute(type="date"),
    "admin": Attribute(type="yes/no", default=False),
}


def parts(data: bytes) -> dict[str, bytes]:
    """File name → content; `course.yaml` is what stands before the first divider."""
    pieces = _DIVIDER.split(data)
    return {"course.yaml": pieces[0]} | {
        name.decode(): content for name, content in zip(pieces[1::2], pieces[2::2], strict=True)
    }


def joined(files: dict[str, bytes]) -> bytes:
    """The input that `parts` takes apart again."""
    rest = b"".join(b"\n%%% " + name.encode() + b"\n" + text for name, text in files.items() if name != "course.yaml")
    return files["course.yaml"] + rest


def check(data: bytes, folder: Path) -> list[Mistake]:
    """What `drip check` says of an input, with the files written into `folder`. Whatever it raises is a finding."""
    written = [folder / name for name in parts(data)]
    for file, content in zip(written, parts(data).values(), strict=True):
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(content)
    try:
        defaults = Defaults(attributes=DECLARED if data.startswith(DECLARES) else None)
        found = inspect(folder / "course.yaml", folder, defaults, Brand())
    finally:
        for file in written:
            file.unlink()
    for row in found:
        if row.line < 1 or row.column < 1 or not row.message:
            raise AssertionError(f"a message without a place or without words: {row!r}")
        # the terminal's encoding replaces what it lacks, and so do JSON and GitHub: none may stumble
        str(row).encode("utf-8", errors="replace")
    return found


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        print(f"== {argument}")
        with tempfile.TemporaryDirectory() as made:
            for one in check(Path(argument).read_bytes(), Path(made)):
                print(one)
