"""What an operator runs: publish, send, run, serve, up, pause, resume, db."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Annotated

import typer

from drip.cli.app import app, db_app, opened, settings
from drip.cli.output import Format, FormatOption, instant, say, show

if TYPE_CHECKING:
    from fastapi import FastAPI

    from drip.engine.deliver import Tally
    from drip.engine.sending import Clock
    from drip.settings import Settings
    from drip.store import Store

NowOption = Annotated[
    str | None, typer.Option("--now", metavar="T", help="Let the clock stand at T, such as 2026-03-02T08:00Z.")
]
HostOption = Annotated[str, typer.Option("--host", metavar="H", help="The address to listen on.")]
PortOption = Annotated[int, typer.Option("--port", metavar="P", help="The port to listen on.", min=0, max=65535)]


@app.command()
def publish(
    course: Annotated[list[str], typer.Argument(metavar="COURSE…", help="Ids, or paths of files.")],
    format: FormatOption = Format.text,
) -> None:
    """Make courses the ones that new enrolments get. All of them are checked before any is stored."""
    from drip import wiring
    from drip.cli.author import compiled_course
    from drip.engine.publish import publish as publish_

    chosen = settings()
    compiled = [compiled_course(chosen, name) for name in course]
    with opened(chosen) as store:
        done = [publish_(store, one, now=wiring.system_clock()) for one in compiled]

    def text() -> None:
        for one in done:
            news = "published" if one.before is None else "published anew" if one.changed else "unchanged"
            say(f'{one.course_id}: {news}, "{one.title}", {one.mails} tips, revision {one.revision[:12]}')
            if one.staying:
                say(f"  {one.staying} active enrolments go on with an earlier revision; new ones get this one")

    show(format, done, text)


@app.command()
def send(
    course: Annotated[str, typer.Argument(metavar="COURSE", help="A course's id, or the path to its file.")],
    step: Annotated[str, typer.Argument(metavar="STEP")],
    to: Annotated[str, typer.Option("--to", metavar="E", help="The address that gets it.")],
    format: FormatOption = Format.text,
) -> None:
    """Send one tip to one address now, as a test: no row in the ledger, nothing is recorded."""
    from dataclasses import replace

    from drip import wiring
    from drip.cli.author import compiled_course
    from drip.engine.learners import normal_email
    from drip.engine.preview import SOMEBODY, preview
    from drip.errors import Refused, SenderTrouble
    from drip.transports import Outcome

    chosen = settings()
    compiled = compiled_course(chosen, course)
    address = normal_email(to)
    if chosen.only_to and address.casefold() not in chosen.only_to:
        raise Refused(f"DRIP_ONLY_TO does not name {address}")
    way_out = wiring.transport(chosen)
    messages = [
        one.message
        for one in preview(
            compiled.plan,
            compiled.templates,
            learner=replace(SOMEBODY, email=address),
            now=wiring.system_clock().replace(microsecond=0),
            ring=wiring.ring(chosen),
            base_url=chosen.base_url,
            step=step,
        )
    ]
    sent = []
    for message in messages:  # one at a time: they share the place of a test in the ledger, which is nowhere
        result = way_out.send([message])
        if result.trouble is not None:
            raise SenderTrouble(f"{way_out.name}: {result.trouble}")
        for receipt in result.receipts:
            if receipt.outcome is not Outcome.SENT:
                raise Refused(f"{address} was not taken: {receipt.answer or receipt.outcome}")
            sent.append({"to": address, "subject": message.subject, "message_id": message.message_id})
    way_out.close()
    show(format, sent, lambda: say(*(f'sent "{one["subject"]}" to {one["to"]}' for one in sent)))


@app.command()
def run(
    workers: Annotated[int, typer.Option("--workers", metavar="N", help="So many processes.", min=1, max=64)] = 1,
    until_idle: Annotated[bool, typer.Option("--until-idle", help="Do what is due, then stop.")] = False,
    now: NowOption = None,
    send_early: Annotated[
        bool, typer.Option("--send-early", help="Let --now be ahead of the real time with real mail.")
    ] = False,
    format: FormatOption = Format.text,
) -> None:
    """Send what is due, and go on doing so. SIGTERM finishes what is under way and stops."""
    from drip import wiring
    from drip.engine import deliver
    from drip.runners import timer

    chosen = settings()
    _log()
    clock = _clock(chosen, now, send_early=send_early)
    with opened(chosen, upgrade=True) as store:
        if workers > 1:
            from drip.runners.workers import run_workers

            flags = [*(["--until-idle"] if until_idle else []), *(["--send-early"] if send_early else [])]
            flags += ["--now", now] if now is not None else []
            raise typer.Exit(run_workers(workers, flags))
        sending = wiring.sending(chosen, store, clock)
        with timer.stopping() as stop:
            if until_idle:
                tally = deliver.until_idle(sending, stop=stop.is_set, pause=stop.wait)
                sending.transport.close()
                show(format, tally, lambda: say(_told(tally)))
            else:
                say(f"sending through {chosen.transport.partition('@')[2] or chosen.transport}; Ctrl-C stops")
                timer.run(sending, stop, told=lambda tally: say(_told(tally)))


@app.command()
def serve(host: HostOption = "127.0.0.1", port: PortOption = 8000, now: NowOption = None) -> None:
    """Answer the links in the mails: pixel, clicks, answers, unsubscribing."""
    from drip.runners import timer

    chosen = settings()
    _log()
    with opened(chosen) as store, timer.stopping() as stop:
        from drip.web.serve import serve as serve_

        app_ = web_app(chosen, store, _clock(chosen, now, send_early=True))
        serve_(app_, host=host, port=port, stop=stop, ready=lambda url: say(f"listening on {url}"))


@app.command()
def up(host: HostOption = "127.0.0.1", port: PortOption = 8000) -> None:
    """Run and serve together, in one process."""
    from threading import Thread

    from drip import wiring
    from drip.runners import timer
    from drip.web.serve import serve as serve_

    chosen = settings()
    _log()
    with opened(chosen, upgrade=True) as store, timer.stopping() as stop:
        sending = wiring.sending(chosen, store, wiring.system_clock)
        sender = Thread(
            target=timer.run, args=(sending, stop), kwargs={"told": lambda tally: say(_told(tally))}, name="drip-run"
        )
        sender.start()
        try:
            app_ = web_app(chosen, store, wiring.system_clock)
            told = "sending and listening on {}; Ctrl-C stops"
            serve_(app_, host=host, port=port, stop=stop, ready=lambda url: say(told.format(url)))
        finally:
            stop.set()
            sender.join()


@app.command()
def pause(
    course: Annotated[str | None, typer.Argument(metavar="[COURSE]", help="A published course's id.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All courses.")] = False,
    format: FormatOption = Format.text,
) -> None:
    """Stop sending a course, or all of them, from the next claim on. Nothing is lost."""
    _switch(course, everything, format, paused=True)


@app.command()
def resume(
    course: Annotated[str | None, typer.Argument(metavar="[COURSE]", help="A published course's id.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All courses.")] = False,
    format: FormatOption = Format.text,
) -> None:
    """Go on sending. What fell due meanwhile goes at its first allowed instant, one mail, the rest counting from it."""
    _switch(course, everything, format, paused=False)


@db_app.command("upgrade")
def upgrade(format: FormatOption = Format.text) -> None:
    """Bring the database's tables up to date; a SQLite file is copied first."""
    from drip import wiring

    store = wiring.store(settings())
    try:
        changed = store.upgrade(now=wiring.system_clock())
        at = store.version()[0]
    finally:
        store.close()
    show(
        format,
        {"changed": changed, "version": at},
        lambda: say(f"the database stands at {at}" + ("" if changed else " already")),
    )


def web_app(chosen: Settings, store: Store, clock: Clock) -> FastAPI:
    """The web side, wired."""
    from drip import wiring
    from drip.settings import require_secret
    from drip.web.app import build_app

    require_secret(chosen)
    return build_app(
        recorder=wiring.recorder(chosen, store),
        ring=wiring.ring(chosen),
        clock=clock,
        brand=chosen.brand.name,
        logo=chosen.brand.logo,
        accent=chosen.brand.accent,
        language=chosen.defaults.language,
        templates_dir=chosen.folder / "templates" / "web",
    )


def _switch(course: str | None, everything: bool, format: Format, *, paused: bool) -> None:
    from drip import wiring
    from drip.engine.switch import switch
    from drip.errors import UserError

    if (course is None) == (not everything):
        raise UserError("say which course, or --all")
    with opened(settings()) as store:
        changed = switch(store, course, paused_at=wiring.system_clock() if paused else None)
    word = "paused" if paused else "resumed"
    lines = [f"{word} {name}" for name in changed] or [f"nothing to be {word}"]
    show(format, {word: changed}, lambda: say(*lines))


def _clock(chosen: Settings, now: str | None, *, send_early: bool) -> Clock:
    """The real clock, or one that stands at `now`. Real mail is not sent ahead of its time by accident."""
    from drip import wiring
    from drip.errors import Refused

    if now is None:
        return wiring.system_clock
    at = instant(now)
    if at > wiring.system_clock() and not send_early and not chosen.transport.startswith("outbox"):
        raise Refused("--now is ahead of the real time and DRIP_TRANSPORT sends real mail: add --send-early to mean it")
    return wiring.frozen_clock(at)


def _told(tally: Tally) -> str:
    """`12 sent, 1 to be tried again`."""
    words = {
        "sent": tally.sent,
        "to be tried again": tally.retried,
        "held": tally.held,
        "failed": tally.failed,
        "in doubt": tally.in_doubt,
    }
    return ", ".join(f"{number} {word}" for word, number in words.items() if number or word == "sent")


def _log() -> None:
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
