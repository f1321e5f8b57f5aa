"""What keeps running: run, serve, and both together as up."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from drip.cli.app import app, opened, settings
from drip.cli.output import Format, FormatOption, instant, plain, say, show
from drip.cli.watching import MetricsOption, log_as_asked, told_by, watched

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from threading import Event

    from starlette.routing import Route
    from starlette.types import ASGIApp

    from drip.engine.account import Told
    from drip.engine.mark import Tally
    from drip.engine.sending import Clock, Sending
    from drip.runners.metrics import Metrics
    from drip.settings import Settings
    from drip.store import Store
    from drip.track.evidence import Kind

NowOption = Annotated[
    str | None, typer.Option("--now", metavar="T", help="Let the clock stand at T, such as 2026-03-02T08:00Z.")
]
HostOption = Annotated[str, typer.Option("--host", metavar="H", help="The address to listen on.")]
PortOption = Annotated[int, typer.Option("--port", metavar="P", help="The port to listen on.", min=0, max=65535)]


@app.command()
def run(
    workers: Annotated[
        int, typer.Option("--workers", metavar="N", help="So many processes side by side.", min=1, max=64)
    ] = 1,
    until_idle: Annotated[bool, typer.Option("--until-idle", help="Do what is due, and stop.")] = False,
    now: NowOption = None,
    send_early: Annotated[
        bool, typer.Option("--send-early", help="Mean it, where --now is ahead of the real time and mail is real.")
    ] = False,
    metrics: MetricsOption = None,
    report_to: Annotated[
        int | None, typer.Option("--report-to", hidden=True, help="Where a worker tells its parent what it did.")
    ] = None,
    format: FormatOption = Format.text,
) -> None:
    """Send what is due, and go on doing so.

    SIGTERM and Ctrl-C finish what is under way and stop. Any number of them may share one database.
    """
    from drip import wiring
    from drip.engine import deliver, pace
    from drip.runners import heartbeat, reports, timer, webhooks
    from drip.settings import masked

    chosen = settings()
    quiet = log_as_asked(chosen, goes_on=not until_idle)
    clock = _clock(chosen, now, send_early=send_early)
    with (
        timer.stopping() as stop,  # first: whoever sees our metrics may tell us to end
        opened(chosen, upgrade=True) as store,
        watched(metrics, store, clock, format, chosen) as numbers,
    ):
        if workers > 1:
            _run_workers(workers, until_idle, now, send_early, format, numbers)
        sending = wiring.sending(chosen, store, clock)
        told = told_by(numbers, reports.reporter(report_to) if report_to is not None else None)
        timer.settle_down()
        posting = wiring.posting(chosen, store, clock, worker=sending.worker)
        with heartbeat.beating(sending), webhooks.telling(posting, to_the_end=until_idle, hurry=stop.is_set):
            if until_idle:
                try:
                    total = deliver.until_idle(sending, stop=stop.is_set, pause=stop.wait, told=told)
                finally:
                    sending.transport.close()
                    pace.give_back_share(sending)
            else:
                if format is Format.text:
                    say(f"sending over {masked(chosen.transport)}; Ctrl-C stops")
                with _bounces(chosen, sending, numbers), _nights(chosen, sending):
                    total = _run_on(sending, stop, told, quiet or format is not Format.text)
        waits = pace.stands(sending) if until_idle else None
    if waits is None:
        show(format, total, lambda: say(_told(total)) if until_idle else None)
    else:
        show(format, {**plain(total), "pace": waits}, lambda: say(_told(total), *pace.sentences(waits)))


def _run_on(sending: Sending, stop: Event, told_claim: Told, quiet: bool) -> Tally:
    """Run until `stop`, telling a person what happens unless it is to be `quiet`; the sum of it."""
    from drip.engine.mark import Tally
    from drip.runners import timer

    told: list[Tally] = []

    def tell(tally: Tally) -> None:
        told.append(told.pop() + tally if told else tally)
        if not quiet:
            say(_told(tally))

    timer.run(sending, stop, told=tell, told_claim=told_claim)
    return told[0] if told else Tally()


def _run_workers(
    workers: int, until_idle: bool, now: str | None, send_early: bool, format: Format, numbers: Metrics | None
) -> NoReturn:
    from contextlib import nullcontext

    from drip.engine.mark import Tally
    from drip.runners.reports import gathering
    from drip.runners.workers import run_workers

    flags = [*(["--until-idle"] if until_idle else []), *(["--send-early"] if send_early else [])]
    flags += ["--now", now] if now is not None else []
    flags += ["--format", "json"] if format is Format.json else []
    with gathering(numbers.batch) if numbers is not None else nullcontext() as report_to:
        code, told = run_workers(
            workers,
            flags,
            again=not until_idle,
            captured=format is Format.json,
            report_to=report_to,
            restarted=numbers.restarted if numbers is not None else lambda: None,
        )
    ended = [json.loads(text) for text in told if text]
    paces = [one.pop("pace") for one in ended if "pace" in one]
    total = sum((Tally(**one) for one in ended), Tally())
    show(format, {**plain(total), "pace": paces[-1]} if paces else total, lambda: None)
    raise typer.Exit(code)


@app.command()
def serve(
    host: HostOption = "127.0.0.1",
    port: PortOption = 8000,
    now: NowOption = None,
    metrics: MetricsOption = None,
    format: FormatOption = Format.text,
) -> None:
    """Answer the links in the mails, and the HTTP API.

    Links are the pixel, clicks, answers and leaving; the API is told of at /docs, and `drip token new` opens it. Put a
    reverse proxy with TLS before it.
    """
    from drip.runners import timer
    from drip.web.serve import serve as serve_

    chosen = settings()
    log_as_asked(chosen, goes_on=True)
    clock = _clock(chosen, now, send_early=True)
    with opened(chosen) as store, timer.stopping() as stop, watched(metrics, store, clock, format, chosen) as numbers:

        def ready(url: str) -> None:
            show(format, {"url": url}, lambda: say(f"listening on {url}"))

        web = web_app(chosen, store, clock, numbers)
        timer.settle_down()
        serve_(web, host=host, port=port, stop=stop, ready=ready)


@app.command()
def up(
    host: HostOption = "127.0.0.1",
    port: PortOption = 8000,
    metrics: MetricsOption = None,
    format: FormatOption = Format.text,
) -> None:
    """Run and serve together, in one process."""
    from threading import Thread

    from drip import wiring
    from drip.runners import heartbeat, timer, webhooks
    from drip.web.serve import serve as serve_

    chosen = settings()
    quiet, clock = log_as_asked(chosen, goes_on=True), wiring.system_clock
    with (
        opened(chosen, upgrade=True) as store,
        timer.stopping() as stop,
        watched(metrics, store, clock, format, chosen) as numbers,
    ):
        sending = wiring.sending(chosen, store, clock)
        posting = wiring.posting(chosen, store, clock, worker=sending.worker)
        web = web_app(chosen, store, clock, numbers)
        timer.settle_down()

        def work() -> None:
            with (
                heartbeat.beating(sending),
                webhooks.telling(posting),
                _bounces(chosen, sending, numbers),
                _nights(chosen, sending),
            ):
                _run_on(sending, stop, told_by(numbers), quiet or format is not Format.text)

        sender = Thread(target=work, name="drip-run")

        def ready(url: str) -> None:  # nothing is sent whose links nobody would answer
            show(format, {"url": url}, lambda: say(f"sending and listening on {url}; Ctrl-C stops"))
            sender.start()

        try:
            serve_(web, host=host, port=port, stop=stop, ready=ready)
        finally:
            stop.set()
            if sender.ident is not None:
                sender.join()


def web_app(chosen: Settings, store: Store, clock: Clock, numbers: Metrics | None = None) -> ASGIApp:
    """The web side, wired; it tells `numbers` of each request and of what links bring back."""
    from drip import wiring
    from drip.settings import require_secret
    from drip.web.api.app import Api
    from drip.web.app import build_app, nobody
    from drip.web.ops import timed

    require_secret(chosen)
    told = nobody if numbers is None else numbers.evidence
    app = build_app(
        recorder=wiring.recorder(chosen, store, told=told),
        ring=wiring.ring(chosen),
        clock=clock,
        brand=chosen.brand.name,
        logo=chosen.brand.logo,
        accent=chosen.brand.accent,
        language=chosen.defaults.language,
        templates_dir=chosen.folder / "templates" / "web",
        media=wiring.pictures(store),
        ready=store.require_current,
        network_key=wiring.network_key(chosen),
        proxies=chosen.trusted_proxies,
        base_url=chosen.base_url,
        limit=chosen.limit,
        told=told,
        subscriptions=wiring.subscriptions(chosen, store),
        hooks=_hooks(chosen, store, clock, told),
        api=Api(
            store=store,
            suppression_key=wiring.suppression_key(chosen, store),
            declared=chosen.defaults.attributes,
            rate=chosen.api.rate,
            burst=chosen.api.burst,
        ),
    )
    return app if numbers is None else timed(app, numbers.request)


def _hooks(chosen: Settings, store: Store, clock: Clock, told: Callable[[Kind], None]) -> list[Route]:
    """Where SendGrid posts its events, if its verification key is set."""
    if not chosen.sendgrid_webhook_key:
        return []
    from drip import wiring
    from drip.inbound.sendgrid_signed import public_key
    from drip.web.hooks import SendGridHook

    heard = wiring.hears(chosen, store, clock, told=told)
    key = public_key(chosen.sendgrid_webhook_key)
    return SendGridHook(key=key, ring=wiring.ring(chosen), clock=clock, hear=heard).routes()


def _nights(chosen: Settings, sending: Sending) -> AbstractContextManager[None]:
    """Forget at night what has been kept for long enough (`[privacy]`)."""
    from drip.runners.nightly import forgetting

    return forgetting(sending.store, chosen.retention, sending.worker, chosen.defaults.timezone)


def _bounces(chosen: Settings, sending: Sending, numbers: Metrics | None) -> AbstractContextManager[None]:
    """Fetch what comes back meanwhile, where drip.toml names its mailbox; `numbers` count it."""
    from contextlib import nullcontext

    from drip import wiring

    if (place := wiring.mailbox(chosen)) is None:
        return nullcontext()
    from drip.runners.bounces import fetching

    told = numbers.evidence if numbers is not None else lambda _kind: None
    listener = wiring.listener(chosen, sending.store, sending.clock, told=told)
    return fetching(listener, place, worker=sending.worker)


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
    from drip.engine.mark import Tally

    words = {
        "sent": tally.sent,
        "to be tried again": tally.retried,
        "held": tally.held,
        "failed": tally.failed,
        "in doubt": tally.in_doubt,
    }
    told = ", ".join(f"{number:,} {word}" for word, number in words.items() if number or word == "sent")
    if tally.confirmations:
        told += f", {tally.confirmations:,} asked to confirm"
    if tally.fresh_links:
        told += f", {tally.fresh_links:,} fresh {'link' if tally.fresh_links == 1 else 'links'}"
    return f"{told}: nothing was due" if tally == Tally() else told
