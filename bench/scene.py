"""What is measured: a workspace with a published course and people who are all due, made by the real use cases."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from drip import wiring
from drip.engine.enrol import enrol
from drip.engine.learners import import_csv
from drip.engine.publish import publish
from drip.engine.sending import Sending
from drip.engine.workspace import compile_course
from drip.settings import load
from drip.store import Store

#: Everyone is enrolled at once, and the clock stands: the first tip of all is due, the second is derived when it goes.
NOW = datetime.fromisoformat("2026-03-02T09:00:00+00:00")
#: The day after, when the second tip is due to whoever got the first.
LATER = datetime.fromisoformat("2026-03-03T09:00:00+00:00")
DATABASE = "sqlite:///drip.db"

_TOML = """\
[sender]
name = "Acme Academy"
email = "learn@acme.example"
reply_to = "help@acme.example"

[brand]
name = "Acme"
address = "Acme AB, Storgatan 1, 111 23 Stockholm, Sweden"
"""
_LOCAL_TOML = """\
secret_key = "a secret that is long enough for a bench"
sendgrid_api_key = "SG.a-key-for-a-bench"
"""

#: A tip as a marketer writes one: a name, a condition, five links and a button, a question with three options.
_COURSE = """\
title: Your first report in a week
timing: {every: 1 day, between: 07:00-19:00, days: mon-fri, timezone: Europe/Stockholm}
steps:
  - tip: saved-view
    subject: "{{ learner.first_name | default('Hello') }}, let a saved view do the filtering"
    preheader: Set the dates once, and the report keeps up
    objective: Build a report on a saved view
    skill: reporting.views
    body: |
      Hi {{ learner.first_name | default('there') }},

      Yesterday your report got a question for a name. Today it gets its numbers, and you filter only once.

      A **saved view** keeps three things together: which orders, which period, and who may see them. Open
      [your views](https://app.acme.example/views?u={{ learner.ref }}) and choose *Orders by week*. Then

      1. set the period to the last full month,
      2. take out [test orders](https://help.acme.example/test-orders), which would make every week look better,
      3. save it under a name that a colleague would look for.

      {% if learner.plan == "pro" %}You have three views already; take the one from last month.{% else %}One view is
      in your plan from the start, and that is enough for this week.{% endif %}

      Why bother? A chart on a view [follows it](https://help.acme.example/charts-and-views): change the dates in one
      place, and every chart keeps up. People who filter chart by chart end up with two numbers for the same week, and
      a meeting about which of them is right.

      Two minutes more: [see how Lina did it](https://acme.example/stories/lina), or read
      [what a view cannot do](https://help.acme.example/views/limits).
    button: {text: Open your views, url: "https://app.acme.example/views/new?u={{ learner.ref }}"}
    question:
      ask: Two charts of the same week show different totals. What is the likely reason?
      options:
        - {text: Each has filters of its own, correct: true, because: On one view they would have had the same.}
        - {text: One of them is broken, because: Charts only draw; the numbers come from what they are asked.}
        - {text: The week is not over yet, because: Then both would be too low by the same amount.}
  - tip: compare
    subject: Compare with the same weeks last year
    body: A number alone says little. Put last year's beside it.
"""
_ZONES = ("Europe/Stockholm", "Europe/London", "Europe/Berlin", "")
_NAMES = ("Ada", "Åsa", "Björn", "Chloë", "Dmitri", "Elif", "Fatima", "Grace")


@dataclass(frozen=True, slots=True)
class Scene:
    """A workspace in a folder, and the address of its mail server."""

    folder: Path
    transport: str

    def store(self, database: str = DATABASE) -> Store:
        """Open one of its databases, by its address."""
        return wiring.store(load(self.folder, {"DRIP_DATABASE_URL": database}))

    def sending(self, store: Store, now: datetime = NOW) -> Sending:
        """What `drip run --now` would send with."""
        return wiring.sending(load(self.folder, {"DRIP_TRANSPORT": self.transport}), store, wiring.frozen_clock(now))


def set_up(folder: Path, transport: str, people: int) -> Scene:
    """Publish the course, import so many people and enrol them all. The database is then only copied from."""
    scene = Scene(folder, transport)
    (folder / "campaigns").mkdir(parents=True)
    (folder / "drip.toml").write_text(_TOML, "utf-8")
    (folder / "drip.local.toml").write_text(_LOCAL_TOML, "utf-8")
    course = folder / "campaigns" / "first-report.yaml"
    course.write_text(_COURSE, "utf-8")
    settings = load(folder, {})
    store = scene.store()
    store.upgrade()
    publish(store, compile_course(course, folder, settings.defaults, settings.brand), now=NOW)
    import_csv(store, _people(people), now=NOW)
    done = enrol(store, "first-report", emails=None, at=NOW, suppression_key=wiring.suppression_key(settings, store))
    assert done.enrolled == people, f"{done.enrolled} of {people} were enrolled: {done.refused}"
    with store.engine.connect() as conn:  # all of it in the one file that copy() takes
        conn.exec_driver_sql("COMMIT")
        conn.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    store.close()
    return scene


def _people(number: int) -> bytes:
    lines = ["email,first_name,last_name,timezone,plan"]
    lines += [
        f"learner{n}@company{n % 97}.example,{_NAMES[n % len(_NAMES)]},Number {n},{_ZONES[n % len(_ZONES)]},"
        + ("pro" if n % 3 else "trial")
        for n in range(number)
    ]
    return "\n".join(lines).encode("utf-8")
