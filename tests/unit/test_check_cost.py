"""What a check costs: a course of 500 tips is checked in the time that somebody waits for an answer."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

#: User and system time of `drip check` on 500 tips. The goal is 3 s; shared machines run at half speed now and then.
CPU_SECONDS = 6.0
TIPS = 500
TIP = """\
  - tip: tip-{n}
    subject: "Tip {n}: let the title carry the answer"
    preheader: What, which way, compared with what
    objective: Write a chart title that states the finding
    skill: reporting.titles
    body: |
      Hi {{{{ learner.first_name | default('there') }}}}, this is number {n}.

      Let the title carry the answer and the chart the proof. Then a reader with ten seconds gets the point, and one
      with two minutes can check it. A title that answers says **three things**:

      - what,
      - which way,
      - compared with what.

      One line is enough, in the words that you would use across a table. There is more in the
      [guide to titles](https://acme.example/guide/{n}).
    button: {{text: Edit your title, url: "https://app.acme.example/{n}?u={{{{ learner.ref }}}}"}}
    question:
      ask: Which title lets a busy reader act at once?
      options:
        - {{text: Delivery times by country and by week, correct: {a}, because: It says what happened.}}
        - {{text: Parcels to Norway take longer, correct: {b}, because: "What, which way, compared with what."}}
        - {{text: Weekly delivery report for the team, correct: {c}, because: It names the page.}}
"""


def course(tips: int) -> str:
    """A course of so many tips that has nothing wrong."""
    steps = (
        TIP.format(n=n, **{key: str(n % 3 == place).lower() for place, key in enumerate("abc")}) for n in range(tips)
    )
    return "title: Five hundred tips\nlanguage: en\nsteps:\n" + "".join(steps)


def test_five_hundred_tips_are_checked_within_seconds(tmp_path: Path) -> None:
    """One `drip check`, with everything that it loads, reads and renders."""
    (tmp_path / "long.yaml").write_text(course(TIPS), encoding="utf-8")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-m", "drip", "check", "long.yaml", "--format", "json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "[]", "")
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < CPU_SECONDS
