"""Runs `drip check` on one file after the other, each in a process of its own, and says what each cost.

Usage: python many_checks.py MEGABYTES SECONDS < JOBS    a job a line: {"folder": …, "paths": […]}

Everything is loaded once, by a check of a course that is good; then each job is a fork of that process, in which the
real command line runs with limits of its own. So what a job costs is the check itself, without the start of Python: a
line {"code", "cpu", "grown", "out", "err"} each, in seconds of processor time and bytes beyond what a good course
takes. A job that the limits end has a negative code, the signal's.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
from pathlib import Path

import drip.cli

GOOD = (
    "title: T\nsteps:\n  - tip: one\n    subject: S\n    body: A [view](https://a.example) and ![x](https://a.example/x.png).\n"
    "    question: {ask: Q, options: [{text: A, correct: true, because: x}, {text: B, because: y}]}\n"
    "  - {tip: two, subject: S, body: '{% if learner.plan %}x{% endif %}', when: clicked('one')}\n"
)
SHOWN = 20_000


def main(megabytes: int, seconds: int) -> None:
    """Warm up, then do the jobs."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "good.yaml").write_text(GOOD, encoding="utf-8")
        (Path(folder) / "good.sv.yaml").write_text("title: T\n", encoding="utf-8")
        (Path(folder) / "bad.yaml").write_text("title: T\nsteps: [{tip: one, aftr: 1}]\n", encoding="utf-8")
        here = Path.cwd()
        os.chdir(folder)
        warm, out = os.dup(1), os.open("out", os.O_CREAT | os.O_WRONLY)
        os.dup2(out, 1)
        for name in ("good.yaml", "bad.yaml"):
            _check([name])
        sys.stdout.flush()
        os.dup2(warm, 1)
        os.chdir(here)
        _, least = _forked(folder, ["good.yaml"], megabytes, seconds)
    for line in sys.stdin:
        job = json.loads(line)
        done, most = _forked(job["folder"], job["paths"], megabytes, seconds)
        print(json.dumps(done | {"grown": most - least}), flush=True)


def _check(paths: list[str]) -> int:
    sys.argv = ["drip", "check", *paths]
    try:
        drip.cli.main()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 1 if ended.code else 0
    return 0


def _forked(folder: str, paths: list[str], megabytes: int, seconds: int) -> tuple[dict[str, object], int]:
    """What came of a job, and the most memory that it had at a time."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if child == 0:
            code = 70  # what no check ends with: the traceback is on stderr
            try:
                os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
                os.dup2(out.fileno(), 1)
                os.dup2(err.fileno(), 2)
                os.chdir(folder)
                resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
                resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))
                code = _check(paths)
                sys.stdout.flush()
            except BaseException:  # noqa: BLE001  (whatever it is, the parent wants to see it)
                import traceback

                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(code)
        _, status, used = os.wait4(child, 0)
        said = []
        for file in (out, err):
            file.seek(0)
            said.append(file.read(SHOWN).decode("utf-8", errors="replace"))
    code = os.waitstatus_to_exitcode(status)
    return {"code": code, "cpu": used.ru_utime + used.ru_stime, "out": said[0], "err": said[1]}, used.ru_maxrss * 1024


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
