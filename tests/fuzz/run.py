"""`make fuzz`: fuzz the check for a while, keep what breaks it, and say what was done.

Usage: python tests/fuzz/run.py [SECONDS]    in an environment that has atheris

The inputs that reach new code stay in .fuzz/corpus, so that the next run begins where this one ended; what breaks the
check is in .fuzz/findings: the input, and beside it what happened. Exit 1 if there is anything.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from words import ROOT, dictionary, seeds

FOLDER = ROOT / ".fuzz"
#: One input that is still running after this is a hang; libFuzzer then ends the run. Seconds on the wall: a guard only.
HANGS_AFTER = 120
#: libFuzzer's own limit, in megabytes: the tracing and the corpus stand in the same process.
MOST_MEGABYTES = 2048


def main(seconds: int) -> int:
    """Run the target for so many seconds; 1 if anything was found."""
    corpus, findings, seeded = (FOLDER / name for name in ("corpus", "findings", "seeds"))
    for each in (corpus, findings, seeded):
        each.mkdir(parents=True, exist_ok=True)
    for old in [*findings.iterdir(), *seeded.iterdir()]:
        old.unlink()
    for name, data in seeds():
        (seeded / name).write_bytes(data)
    words = FOLDER / "words.dict"
    words.write_text(dictionary(), encoding="ascii")
    with tempfile.TemporaryDirectory(prefix="drip-fuzz-") as scratch:
        command = [
            sys.executable, str(Path(__file__).with_name("target.py")), str(corpus), str(seeded),
            f"-dict={words}", f"-max_total_time={seconds}", f"-timeout={HANGS_AFTER}",
            f"-rss_limit_mb={MOST_MEGABYTES}", f"-artifact_prefix={findings}/", "-print_final_stats=1",
        ]  # fmt: skip
        places = {"DRIP_FUZZ_FINDINGS": str(findings), "DRIP_FUZZ_FOLDER": scratch}
        log = FOLDER / "log.txt"
        with log.open("wb") as out:
            ended = subprocess.run(command, env=os.environ | places, stdout=out, stderr=out, check=False)
    return _summary(findings, log.read_text("utf-8", errors="replace"), ended.returncode, seconds)


def _summary(findings: Path, said: str, code: int, seconds: int) -> int:
    """Print what was done and found. What libFuzzer itself found (a hang, no memory, a crash in C) is told with it."""
    numbers_file = findings / "numbers.json"
    numbers = json.loads(numbers_file.read_text("utf-8")) if numbers_file.exists() else {}
    coverage = [(int(m[1]), int(m[2])) for m in re.finditer(r"cov: (\d+) ft: (\d+)", said)]
    first, last = (coverage[0], coverage[-1]) if coverage else ((0, 0), (0, 0))
    print(
        f"{numbers.get('executions', 0):,} executions in {seconds} s; {numbers.get('compiled', 0):,} were good courses"
    )
    print(f"coverage: {last[0]:,} edges, {last[1]:,} features (from the seeds alone: {first[0]:,} and {first[1]:,})")
    print(f"the slowest took {numbers.get('slowest_cpu_seconds', 0)} s of processor time")
    found = sorted(file for file in findings.iterdir() if file.name != "numbers.json" and file.suffix != ".txt")
    for file in found:
        beside = file.with_suffix(".txt")
        words = beside.read_text("utf-8").strip().splitlines()[-1:] if beside.exists() else ["see .fuzz/log.txt"]
        print(f"  {file.relative_to(ROOT)}: {''.join(words)[:200]}")
    print(f"{numbers.get('findings', 0):,} findings, {len(found)} distinct, kept in .fuzz/findings")
    if code and not found:
        print(f"the fuzzer itself ended with {code}: see .fuzz/log.txt")
    return 1 if found or code else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 60))
