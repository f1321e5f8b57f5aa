"""`drip demo`: the whole story on SQLite with a virtual clock, in under a minute."""

from __future__ import annotations

import heapq
import shlex
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from drip.cli.app import app
from drip.cli.output import Format, FormatOption, say, show

if TYPE_CHECKING:
    from drip.cli.demo_people import Act, Browser, Mail
    from drip.engine.sending import Sending
    from drip.settings import Settings
    from drip.store import Store

#: When the demo begins: a Monday morning, two weeks before Europe's clocks go forward.
STARTS = datetime(2026, 3, 16, 6, tzinfo=UTC)
WEEKS = 6
COURSE = "first-report"


@app.command()
def demo(
    folder: Annotated[Path | None, typer.Argument(metavar="DIR", help="Where; a temporary folder if not said.")] = None,
    format: FormatOption = Format.text,
) -> None:
    """Live a whole course in under a minute, on a virtual clock.

    It makes a workspace, publishes, imports, enrols, sends into a folder, and lets the learners open, click, answer and
    leave, over real HTTP; then it prints the report. What it made stays for you to look at.
    """
    import tempfile

    from drip import wiring
    from drip.cli.measure import print_report
    from drip.cli.running import web_app
    from drip.engine.measure import report
    from drip.report.rows import to_object
    from drip.settings import load
    from drip.web.serve import running

    where = folder or Path(tempfile.mkdtemp(prefix="drip-demo-"))
    tell = say if format is Format.text else _nothing
    _make_workspace(where)
    tell(f"made a workspace in {where}")
    settings = load(where, environ={})  # the demo mails nobody, whatever the environment says
    clock = _Clock(STARTS)
    store = wiring.store(settings)
    try:
        store.upgrade()
        _publish_and_enrol(settings, store, clock.now, tell)
        with running(web_app(settings, store, clock)) as base_url:
            sending = wiring.sending(replace(settings, base_url=base_url), store, clock)
            _Story(sending=sending, clock=clock, outbox=where / "outbox", tell=tell).live()
        found = report(store, COURSE)
    finally:
        store.close()
    mails = len(list((where / "outbox").glob("*.eml")))
    left = {"folder": where, "outbox": where / "outbox", "database": where / "drip.db"}
    value = {**{name: str(path) for name, path in left.items()}, "mails": mails, "report": to_object(found)}

    def text() -> None:
        say("")
        print_report(found)
        _what_next(where, mails)

    show(format, value, text)


def _what_next(where: Path, mails: int) -> None:
    """What the demo left behind, and what to type now."""
    drip = _drip()
    say(
        "",
        f"The mails:     {where / 'outbox'} ({mails} .eml files; a mail program opens them)",
        f"The database:  {where / 'drip.db'}",
        "",
        "What to try next:",
        f"  cd {shlex.quote(str(where))}",
        f"  {drip} why astrid@kund.example {COURSE}",
        f"  {drip} learners show grace@customer.example    # behind a gateway that follows every link",
        f"  {drip} preview {COURSE}                    # then open preview/welcome.html in a browser",
        f"  {drip} simulate {COURSE} --timezone Asia/Tokyo",
        f"  {drip} check                                   # after you have changed campaigns/{COURSE}.yaml",
    )


def _drip() -> str:
    """How this drip is called from anywhere."""
    if shutil.which("drip"):
        return "drip"
    called = Path(sys.argv[0])
    return shlex.quote(str(called.resolve())) if called.stem == "drip" else f"{shlex.quote(sys.executable)} -m drip"


def _nothing(*_lines: str) -> None:
    """Tell nothing: a program reads the one JSON value at the end."""


@dataclass
class _Clock:
    """A clock that the story turns; the engine and the web side read the same one."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now


def _make_workspace(where: Path) -> None:
    import secrets

    from drip.cli.demo_people import PEOPLE
    from drip.engine.workspace import create

    create(where, secret=secrets.token_urlsafe(32))
    rows = [f"{address},{name},{language},{zone},trial" for address, name, language, zone, _ in PEOPLE]
    (where / "people.csv").write_text("\n".join(["email,first_name,language,timezone,plan", *rows]) + "\n", "utf-8")


def _publish_and_enrol(settings: Settings, store: Store, now: datetime, tell: Callable[..., None]) -> None:
    from drip import wiring
    from drip.cli.courses import compiled_course
    from drip.engine.enrol import enrol
    from drip.engine.learners import import_csv
    from drip.engine.publish import publish
    from drip.store import learners

    done = publish(store, compiled_course(settings, COURSE), now=now)
    tell(f'published "{done.title}": {done.mails} tips, revision {done.revision[:12]}')
    people = import_csv(
        store, (settings.folder / "people.csv").read_bytes(), now=now, declared=settings.defaults.attributes
    )
    with store.write() as conn:  # who gets which variant is decided by hash of this: each demo tells the same story
        for learner in learners.everyone(conn):
            learners.change(conn, learner.id, {"ref": sha256(learner.email.encode()).hexdigest()[:12]})
    entered = enrol(store, COURSE, emails=None, at=now, suppression_key=wiring.suppression_key(settings, store))
    tell(f"imported {people.added} learners from people.csv, enrolled {entered.enrolled}", "")


@dataclass
class _Story:
    """Six weeks: the engine sends what is due, the learners do what they do, over real HTTP.

    What happens elsewhere, in the product, is told as `drip event` tells it.
    """

    sending: Sending
    clock: _Clock
    outbox: Path
    tell: Callable[..., None]
    ahead: list[tuple[datetime, int, Mail, Act]] = field(default_factory=list)
    planned: int = 0
    seen: set[str] = field(default_factory=set)
    came: Counter[str] = field(default_factory=Counter)
    told: Counter[str] = field(default_factory=Counter)

    def live(self) -> None:
        """Turn the clock from one event to the next until the weeks are over."""
        from drip.cli.demo_people import Browser
        from drip.engine.deliver import until_idle

        browser = Browser(self.sending.base_url)
        for week in range(1, WEEKS + 1):
            ends = STARTS + timedelta(weeks=week)
            self.told = Counter()
            while True:
                until_idle(self.sending)
                self._collect()
                following = self._next()
                if following is None or following >= ends:
                    break
                self.clock.now = max(self.clock.now, following)
                self._act(browser)
            self.clock.now = max(self.clock.now, ends)
            self.tell(self._week(week))
        browser.close()

    def _next(self) -> datetime | None:
        from drip.store import enrolments, ledger

        with self.sending.store.read() as conn:
            times = [enrolments.next_due_at(conn), ledger.next_due_at(conn), self.ahead[0][0] if self.ahead else None]
        return min((at for at in times if at is not None), default=None)

    def _collect(self) -> None:
        """Read the mails that have just come, and plan what their readers will do."""
        from drip.cli.demo_people import plans, read

        for file in sorted(self.outbox.glob("*.eml")):
            if file.name not in self.seen:
                self.seen.add(file.name)
                self.told["mails"] += 1
                mail = read(file.read_bytes(), 0, self.sending.base_url)
                self.came[mail.to] += 1
                mail = replace(mail, number=self.came[mail.to])
                for act in plans(mail):
                    self.planned += 1
                    heapq.heappush(self.ahead, (self.clock.now + act.after, self.planned, mail, act))

    def _act(self, browser: Browser) -> None:
        """Do everything that is planned for this instant."""
        while self.ahead and self.ahead[0][0] <= self.clock.now:
            _, _, mail, act = heapq.heappop(self.ahead)
            self.told[act.what] += 1
            match act.what:
                case "leave":
                    status, _ = browser.leave(act.url, act.agent)
                case "right" | "wrong":
                    url, option = self._option(mail.questions[act.question], act.what == "right")
                    status, _ = browser.answer(url, option, act.sure, act.agent)
                case "rate":
                    status, _ = browser.rate(act.url, act.agent)
                case "subscribe":
                    status = self._subscribe(mail.to)
                case _:
                    status, _ = browser.get(act.url, act.agent)
            if status >= 400:
                raise RuntimeError(f"the web side answered {status} to {act.what} by {mail.to}")

    def _option(self, options: Sequence[str], right: bool) -> tuple[str, int]:
        """The link of the right answer, or of a wrong one: the learner presses what they believe."""
        from drip.engine.record import Recorder
        from drip.track.token import Purpose, verify

        recorder = Recorder(self.sending.store, suppression_key=self.sending.suppression_key)
        for url in options:
            claim = verify(self.sending.ring, url.rpartition("/")[2], Purpose.ANSWER, now=self.clock.now)
            question, option = recorder.question(claim.delivery_id, claim.item)
            if question.options[option].correct == right:
                return url, option
        raise AssertionError("every question has a right answer and a wrong one")

    def _subscribe(self, email: str) -> int:
        """The trial becomes a subscription, and the product says so: for the course that is its goal."""
        from drip.engine.outcomes import happened

        key = self.sending.suppression_key
        happened(self.sending.store, email, "subscription.started", at=self.clock.now, suppression_key=key)
        return 200

    def _week(self, week: int) -> str:
        begins = STARTS + timedelta(weeks=week - 1)
        told = self.told
        if not told:
            return f"week {week}, from {begins:%d %B}: nothing"
        few = {"rate": "rated", "subscribe": "subscribed", "leave": "left"}
        did_too = "".join(f", {told[what]} {did}" for what, did in few.items() if told[what])
        did = f"{told['open']:>3} opens, {told['follow']:>3} links followed"
        answered = f"{told['right'] + told['wrong']:>3} answers ({told['right']} right)"
        return f"week {week}, from {begins:%d %B}: {told['mails']:>3} mails, {did}, {answered}{did_too}"
