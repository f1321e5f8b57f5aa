"""A stage for tests: a real store with a published course, learners, a way out, and a clock to turn.

It stands on SQLite, unless a test asks for both databases (the fixture `each_database`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from drip.course.attributes import Attribute
from drip.course.model import Defaults
from drip.engine.deliver import Tally, deliver_due, until_idle
from drip.engine.enrol import Enrolled, enrol
from drip.engine.explain import Trace, why
from drip.engine.lane import run_lane
from drip.engine.parcel import Parcel
from drip.engine.publish import Published, publish
from drip.engine.record import Recorder, Visit
from drip.engine.sending import Sending
from drip.engine.workspace import Compiled, compile_course
from drip.render.layout import Brand
from drip.store import Store, enrolments, learners, ledger
from drip.store.enrolments import Standing
from drip.store.ledger import Delivery
from drip.track.token import Ring
from drip.transports import Transport
from drip.transports.outbox import Outbox

SECRET = "a secret that is long enough for tests"
KEY = b"suppression key for tests"
#: Monday morning in Europe, before any mail goes.
START = datetime.fromisoformat("2026-03-02T06:00:00+00:00")

#: Two tips, a wait for the first's answer, an `if` that has two ways, and a last tip.
COURSE = """\
title: Your first report
sender: {name: Acme Academy, email: learn@acme.example}
timing: {every: 1 day, at: "09:00", timezone: Europe/Stockholm}
steps:
  - tip: welcome
    subject: "Welcome, {{ learner.first_name | default('there') }}"
    body: |
      A chart starts from a [saved view](https://app.acme.example/views?u={{ learner.ref }}).
    button: {text: Open your views, url: "https://app.acme.example/views"}
    question:
      ask: Where does a chart start?
      options:
        - {text: From a saved view, correct: true, because: "The view holds the filters."}
        - {text: From a blank page, because: "There is no blank chart."}
  - wait: {until: answered("welcome"), at_most: 4 days}
  - if: correct("welcome")
    then: [{tip: advanced, subject: Two views in one chart, body: Lay one over the other.}]
    else: [{tip: basics, subject: The saved view again, body: A view keeps your filters.}]
  - tip: export
    subject: Export it
    body: Press *Export*.
    when: not clicked("welcome")
  - tip: goodbye
    subject: That was it
    body: Keep this.
"""
#: Six mails, one after the other, nothing to decide.
PLAIN_COURSE = """\
title: Six plain tips
sender: {name: Acme Academy, email: learn@acme.example}
timing: {every: 1 hour}
steps:
""" + "".join(
    f"  - {{tip: tip-{n}, subject: Tip {n}, body: 'Body {n}, dear {{{{ learner.first_name }}}}.'}}\n"
    for n in range(1, 7)
)


#: The ways out and the stores that a test has opened: they are closed when it ends (tests/conftest.py).
OPENED: list[Transport | Store] = []


def database_of(folder: Path) -> str:
    """The database of a stage in `folder`. The fixture `each_database` (tests/conftest.py) puts PostgreSQL here too."""
    return f"sqlite:///{folder / 'drip.db'}"


def open_store(folder: Path) -> Store:
    """That database once more, as another process would open it."""
    store = Store(database_of(folder))
    OPENED.append(store)
    return store


@dataclass
class Clock:
    """A clock that stands until somebody turns it."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def turn(self, **span: float) -> None:
        self.now += timedelta(**span)


@dataclass
class Stage:
    """Everything on the stage. `sending` may be replaced (another worker, another way out)."""

    folder: Path
    store: Store
    sending: Sending
    clock: Clock
    course_id: str = "course"
    recorder: Recorder = field(init=False)

    def __post_init__(self) -> None:
        self.recorder = Recorder(self.store, suppression_key=KEY)

    def publish(
        self,
        text: str = COURSE,
        name: str = "course",
        attributes: Mapping[str, Attribute] | None = None,
        **options: Any,
    ) -> Published:
        compiled = self.compiled(text, name, attributes)
        return publish(self.store, compiled, now=self.clock(), **options)

    def compiled(self, text: str, name: str = "course", attributes: Mapping[str, Attribute] | None = None) -> Compiled:
        file = self.folder / "campaigns" / f"{name}.yaml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, "utf-8")
        return compile_course(file, self.folder, Defaults(attributes=attributes), Brand())

    def add(self, *emails: str, **values: Any) -> None:
        rows = [
            {
                "ref": f"ref-{email}",
                "email": email,
                "first_name": "Åsa",
                "last_name": None,
                "language": None,
                "imported_timezone": None,
                "attributes": {},
                **values,
            }
            for email in emails
        ]
        with self.store.write() as conn:
            learners.add(conn, rows, now=self.clock())

    def enrol(self, *emails: str, at: datetime | None = None) -> Enrolled:
        return enrol(self.store, self.course_id, emails=emails or None, at=at or self.clock(), suppression_key=KEY)

    def people(self, number: int, **values: Any) -> list[str]:
        """So many learners, added and enrolled."""
        emails = [f"learner{n}@customer.example" for n in range(number)]
        self.add(*emails, **values)
        self.enrol(*emails)
        return emails

    def deliver(self) -> Tally:
        return deliver_due(self.sending)

    def idle(self) -> Tally:
        return until_idle(self.sending)

    def live(self, *, days: float, hours: float = 1) -> Tally:
        """Turn the clock hour by hour, delivering what falls due."""
        total = self.deliver()
        end = self.clock() + timedelta(days=days)
        while self.clock() < end:
            self.clock.turn(hours=hours)
            total += self.deliver()
        return total

    def mails(self) -> list[Path]:
        return sorted((self.folder / "outbox").glob("*.eml"))

    def rows(self) -> list[Delivery]:
        """The whole ledger."""
        with self.store.read() as conn:
            ids = [row.id for row in conn.exec_driver_sql("SELECT id FROM enrolment ORDER BY id")]
            return [row for rows in ledger.of_enrolments(conn, ids).values() for row in rows]

    def standing(self, email: str) -> Standing:
        with self.store.read() as conn:
            found = learners.by_addresses(conn, [email])
            return enrolments.of_learner(conn, found[email.casefold()].id)[-1]

    def why(self, email: str) -> Trace:
        return why(self.store, email, self.course_id)

    def visit(self, source_id: str, **values: Any) -> Visit:
        """A request by a person's browser, now."""
        return Visit(
            **{
                "at": self.clock(),
                "source_id": source_id,
                "method": "GET",
                "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
                **values,
            }
        )

    def other_worker(self, name: str, **changes: Any) -> Sending:
        if "transport" in changes:
            OPENED.append(changes["transport"])
        return replace(self.sending, worker=name, **changes)


def set_up(folder: Path, *, transport: Transport | None = None, clock: Clock | None = None, **changes: Any) -> Stage:
    """An empty stage in `folder`. `changes` go over the Sending."""
    store = open_store(folder)
    store.upgrade()
    clock = clock or Clock()
    sending = Sending(
        **{
            "store": store,
            "transport": transport or Outbox(folder / "outbox"),
            "ring": Ring.of([SECRET]),
            "suppression_key": KEY,
            "base_url": "https://learn.acme.example",
            "worker": "worker-1",
            "clock": clock,
            **changes,
        }
    )
    return Stage(folder=folder, store=store, sending=sending, clock=clock)


def send_group(sending: Sending, parcels: Sequence[Parcel]) -> Tally:
    """Render, hand, send and mark these, as a worker does with what it has claimed."""
    groups = [parcels]
    return run_lane(sending, lambda: groups.pop() if groups else [], lambda: False)


def steps_of(rows: Sequence[Delivery]) -> list[str]:
    return [row.step for row in rows]
