"""The fuzzer itself: libFuzzer, by way of atheris, looks for inputs that `drip check` does not survive or is slow on.

It keeps on after a finding: each goes into a folder, once for each place in drip that it comes from. Run by run.py.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import sys
import tempfile
import time
import traceback
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["drip.course", "drip.plan", "drip.check", "drip.render", "drip.engine"]):
    import check_input
    import words

#: A slower check is a finding: seconds of processor time, all of the tracing of coverage included.
SLOW_CPU_SECONDS = 2.0
#: Inputs are grown no further: what is large is in the stored corpus, and here it would only be slow.
MOST_BYTES = 20_000

#: What is written into a text: signs and words that mean something somewhere, and stay in their line.
TOKENS = tuple(word.strip("\n").encode() for word in words.TOKENS)

kept = Path(os.environ["DRIP_FUZZ_FINDINGS"])
folder = Path(tempfile.mkdtemp(prefix="drip-fuzz-", dir=os.environ.get("DRIP_FUZZ_FOLDER")))
seen: set[str] = set()
counts = {"executions": 0, "compiled": 0, "findings": 0, "distinct": 0}
slowest = 0.0
told_at = 0.0


def one_input(data: bytes) -> None:
    """Check one input; keep it if that raises anything, or takes too long."""
    global slowest
    counts["executions"] += 1
    began = time.process_time()
    try:
        rows = check_input.check(data, folder)
        counts["compiled"] += not any(row.severity == "error" for row in rows)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  (a panic of a Rust library is no Exception)
        _keep(data, _place(error), traceback.format_exc())
    took = time.process_time() - began
    slowest = max(slowest, took)
    if took > SLOW_CPU_SECONDS:
        _keep(data, f"slow-{len(data).bit_length()}", f"{took:.1f} s of processor time for {len(data):,} bytes")
    _tell()


def _place(error: BaseException) -> str:
    """The kind of an error and the innermost line of drip that it passed."""
    frames = [one for one in traceback.extract_tb(error.__traceback__) if f"{os.sep}drip{os.sep}" in one.filename]
    where = f"{Path(frames[-1].filename).stem}-{frames[-1].lineno}" if frames else "outside"
    return f"{type(error).__name__}-{where}"


def _keep(data: bytes, place: str, words: str) -> None:
    counts["findings"] += 1
    if place in seen:
        return
    seen.add(place)
    counts["distinct"] += 1
    name = f"{place}-{hashlib.sha256(data).hexdigest()[:8]}"
    (kept / f"{name}.input").write_bytes(data)
    (kept / f"{name}.txt").write_text(words, encoding="utf-8", errors="replace")


def _tell() -> None:
    """Write the numbers down about once a second: libFuzzer ends the process without a word to Python."""
    global told_at
    if time.monotonic() - told_at >= 1:
        told_at = time.monotonic()
        numbers = counts | {"slowest_cpu_seconds": round(slowest, 2)}
        (kept / "numbers.json").write_text(json.dumps(numbers), encoding="utf-8")


def mutated(data: bytes, most: int, seed: int) -> bytes:
    """libFuzzer's own changes, or one that keeps more of a course whole: it changes lines, or writes into a text."""
    chance = random.Random(seed)
    lines = data.split(b"\n")
    if chance.random() < 0.5 or len(lines) < 3:
        return bytes(atheris.Mutate(data, most))
    at, to = chance.randrange(len(lines)), chance.randrange(len(lines))
    some = lines[at : at + chance.choice((1, 1, 2, 5, 12))]
    match chance.randrange(9):
        case 0:
            lines[to:to] = some * chance.choice((1, 1, 1, 2, 30))
        case 1:
            del lines[at : at + len(some)]
        case 2:
            del lines[at : at + len(some)]
            lines[to:to] = some
        case 3:
            by = chance.choice((b"  ", b"    ", b"      "))
            lines[at : at + len(some)] = [by + line for line in some]
        case 4:
            lines[at : at + len(some)] = [line.removeprefix(b"  ") for line in some]
        case 5:
            key, value = lines[to].partition(b": ")[0], lines[at].partition(b": ")[2]
            lines[to] = key + b": " + value
        case _:
            for _ in range(chance.choice((1, 1, 2, 5))):
                at = chance.randrange(len(lines))
                pieces = lines[at].split(b" ")
                pieces.insert(chance.randrange(len(pieces) // 2, len(pieces) + 1), chance.choice(TOKENS))
                lines[at] = b" ".join(pieces)
    return b"\n".join(lines)[:most]


if __name__ == "__main__":
    atheris.Setup([*sys.argv, f"-max_len={MOST_BYTES}"], one_input, custom_mutator=mutated)
    atheris.Fuzz()
