"""`drip status`: the queue for a person, the verdict first."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from drip.cli.app import app, opened, settings
from drip.cli.output import Format, FormatOption, columns_wide, say, show, shown, table, wall

if TYPE_CHECKING:
    from drip.engine.pace import PaceNow
    from drip.engine.status import Status
    from drip.store.breaker import Trouble
    from drip.store.workers import Worker

#: The left column: what a line is about.
_LEFT = 11
#: So many workers are named; the rest are counted.
_MOST_WORKERS = 8
#: So many domains are named that turn mail away.
_MOST_DOMAINS = 4


@app.command()
def status(
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 where somebody should get up.")] = False,
    format: FormatOption = Format.text,
) -> None:
    """Show how it is: what is due, what failed, what waits for you.

    The first line is the verdict, with what to type where something is wrong.
    """
    from drip import wiring
    from drip.engine.status import status as status_
    from drip.schedule.slots import zone

    chosen = settings()
    local = zone(chosen.defaults.timezone)
    with opened(chosen, only_look=True) as store:
        found = status_(
            store,
            now=wiring.system_clock(),
            zone=local,
            then=chosen.in_doubt,
            pace=chosen.pace,
            way=wiring.way(chosen),
        )
    show(format, found, lambda: _print(found, local))
    if strict and found.verdict.alarm:
        raise typer.Exit(1)


def _print(found: Status, local: Any) -> None:
    from drip.engine.verdict import sentence

    say(*textwrap.wrap(sentence(found.verdict), columns_wide(), break_on_hyphens=False), "")
    for trouble in found.troubles:
        lines = _alarm(trouble, local)
        wide = columns_wide()
        say(*(one for line in lines for one in textwrap.wrap(line, wide, subsequent_indent="  ")), "")
    for name, words in _lines(found, local):
        _line(name, words)
    say("")
    if found.courses:
        rows = [
            [
                one.id,
                one.title,
                wall(one.published_at, local),
                f"PAUSED since {shown(one.paused_at, local)}" if one.paused_at else "sending",
            ]
            for one in found.courses
        ]
        table(["course", "title", "published", "state"], rows)
    else:
        say("No course is published yet: `drip publish COURSE`.")
    _print_problems(found)


def _lines(found: Status, local: Any) -> Iterator[tuple[str, str]]:
    """What a line is about → what it says; what is nothing is left out where it would only be read past."""
    from drip.engine.explain import span_text

    yield "Now", f"{shown(found.now, local)} ({local})"
    late = f", the oldest for {span_text(timedelta(seconds=found.lag))}" if found.due else ""
    yield "Due", f"{found.due:,}{late}" if found.due else "nothing"
    yield "Next", _next(found, local)
    sent = found.sent
    last = f"; the last {span_text(found.now - sent.last_at)} ago" if sent.last_at is not None else ""
    yield "Sent", f"{sent.last_hour:,} in the last hour, {sent.last_day:,} in 24 hours{last}"
    if back := _came_back(found):
        yield "Came back", f"{back} in 24 hours"
    if found.waiting:
        wait = "waits" if found.waiting == 1 else "wait"
        yield "Held", f"{found.waiting:,} {wait} for a person; type: drip settle"
    if found.guarded:
        yield "Guard", f"{found.guarded:,} held back by DRIP_ONLY_TO; without it they go when a worker starts"
    if found.asking:
        what = "1 mail that" if found.asking == 1 else f"{found.asking:,} mails that"
        yield "Asked for", f"{what} the subscribe form or an old link asks for, to go"
    if found.in_doubt.mails and found.in_doubt.last_at is not None:
        what = "sent again" if found.in_doubt.then == "resend" else "held for you"
        until = shown(found.in_doubt.last_at, local)
        yield "In doubt", f"{found.in_doubt.mails:,}; what nobody has told of by {until} is {what}"
    if found.pace is not None:
        yield "Pace", "; ".join(_pace(found.pace, local)) or "nothing has gone yet"
    if found.webhooks:
        yield "Webhooks", "; ".join(_webhooks(found, local))
    yield "Workers", "; ".join(_workers(found)) or "none has been seen; type: drip run"
    yield "Learners", f"{found.learners:,}"
    mails = ", ".join(f"{number:,} {state.replace('_', ' ')}" for state, number in found.deliveries.items())
    yield "Mails", mails or "none yet"


def _came_back(found: Status) -> str:
    """What came back, by what it says of the address, and what was called spam; "" where there is nothing."""
    back = found.came_back
    away = ", ".join(f"{domain} {number:,}" for domain, number in list(back.turned_away.items())[:_MOST_DOMAINS])
    told = (
        (back.hard, "from dead addresses"),
        (back.soft, "for now"),
        (back.other, f"for a reason of yours ({away})" if away else "for a reason of yours"),
        (back.complaints, "called spam"),
    )
    return ", ".join(f"{number:,} {words}" for number, words in told if number)


def _webhooks(found: Status, local: Any) -> Iterator[str]:
    """Each endpoint, what waits for it, and what is wrong there."""
    for one in found.webhooks:
        failed = f", {one.failed:,} given up" if one.failed else ""
        since = f" since {shown(one.trouble_since, local)}" if one.trouble_since is not None else ""
        state = f", PAUSED{since}" if one.paused else f", in trouble{since}" if one.trouble else ""
        yield f"{one.endpoint}: {one.waiting:,} {'waits' if one.waiting == 1 else 'wait'}{failed}{state}"


def _next(found: Status, local: Any) -> str:
    """When the next mail goes. What is due already goes now, or when the pace lets it."""
    if found.next_at is None:
        return "nothing is planned"
    if found.next_at > found.now:
        return shown(found.next_at, local)
    if found.pace is not None and found.pace.next_at is not None:
        return f"{shown(found.pace.next_at, local)}, when the pace lets it"
    return "now"


def _line(name: str, words: str) -> None:
    indent = " " * _LEFT
    say(
        *textwrap.wrap(
            f"{name}:".ljust(_LEFT) + words,
            columns_wide(),
            subsequent_indent=indent,
            break_on_hyphens=False,
            drop_whitespace=True,
        )
    )


def _alarm(trouble: Trouble, local: Any) -> Iterator[str]:
    """What a way out has met: since when, in whose words, and when it is tried again."""
    from drip.engine.verdict import one_line

    yield f"ALARM: nothing goes out over {trouble.transport} since {shown(trouble.since, local)}"
    yield f"  {one_line(trouble.words)}"
    times = "" if trouble.trips == 1 else f", after {trouble.trips} times in vain"
    yield f"  tried again at {shown(trouble.until, local)}{times}; nobody's mail has failed"


def _workers(found: Status) -> Iterator[str]:
    """Each worker that is alive, and when it was seen; where none is, the last one."""
    alive = [one for one in found.workers if one.is_alive(found.now)]
    for one in alive[:_MOST_WORKERS]:
        yield f"{_named(one)}, seen {_ago(found, one)}"
    if len(alive) > _MOST_WORKERS:
        yield f"{len(alive) - _MOST_WORKERS} more"
    gone = [one for one in found.workers if not one.is_alive(found.now)]
    if not alive and gone:
        what = "stopped" if gone[0].stopped_at is not None else "not seen for long:"
        yield f"none is running: {_named(gone[0])} {what} {_ago(found, gone[0])}; type: drip run"


def _pace(now: PaceNow, local: Any) -> Iterator[str]:
    """How much of each limit is used, the day of the warm-up, and who waits."""
    for one in now.limits:
        where = f" to {one.domain}" if one.domain else ""
        full = f", the next at {shown(one.next_at, local)}" if one.next_at is not None else ""
        yield f"{one.used:,} used of {one.limit}{where}{full}"
    if now.warm_up is not None:
        warm = now.warm_up
        yield f"warm-up day {warm.day} of {warm.of}: {warm.used:,} of {warm.most:,} gone"
    for domain, number in now.waiting.items():
        yield f"{number:,} wait for {domain}"


def _named(one: Worker) -> str:
    return f"{one.host} process {one.process}"


def _ago(found: Status, one: Worker) -> str:
    from drip.engine.explain import span_text

    return f"{span_text(found.now - one.seen_at)} ago"


def _print_problems(found: Status) -> None:
    from drip.engine.verdict import one_line
    from drip.store.queue import MOST_PROBLEMS

    if found.problems:
        say("", "These wait for a person:", "")
        columns = ["email", "course", "step", "problem"]
        table(columns, [[one_line(str(problem[column] or "")) for column in columns] for problem in found.problems])
        more = "the first of many; " if len(found.problems) >= MOST_PROBLEMS else ""
        say("", f"({more}`drip settle` shows and decides them)")
