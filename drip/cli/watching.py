"""Where an operator's machines watch what goes on: logs on stderr, and `--metrics` for the rest."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from drip.cli.output import Format, Misused, say

if TYPE_CHECKING:
    from drip.engine.account import Account, Told
    from drip.engine.sending import Clock
    from drip.runners.metrics import Metrics
    from drip.settings import Settings
    from drip.store import Store

log = logging.getLogger("drip.run")

#: Where nothing else is said, numbers are told to this machine alone.
_LOOPBACK = "127.0.0.1"
MetricsOption = Annotated[
    str | None,
    typer.Option("--metrics", metavar="[HOST:]PORT", help="Answer /metrics, /healthz and /readyz there."),
]


def log_as_asked(chosen: Settings, *, goes_on: bool) -> bool:
    """Log as DRIP_LOG and DRIP_LOG_LEVEL say; True where the log tells each batch, so that stdout need not."""
    from drip.runners.logs import set_up

    return set_up(form=chosen.log, level=chosen.log_level, goes_on=goes_on)


def log_batch(account: Account) -> None:
    """One line for a claim that took anything: its counts, its lateness, and where the time went, in milliseconds."""
    from drip.runners.logs import FIELDS

    done = account.done
    fields: dict[str, object] = {
        "worker": account.worker,
        "transport": account.transport,
        "claimed": account.claimed,
        "sent": done.sent,
        "retried": done.retried,
        "held": done.held,
        "failed": done.failed,
        "in_doubt": done.in_doubt,
        "lag_s": round(account.lag, 1),
    }
    fields |= {f"{stage}_ms": round(1000 * sum(times)) for stage, times in account.took.items()}
    if done.trouble is not None:
        fields["trouble"] = done.trouble
    log.log(logging.INFO if account.claimed else logging.DEBUG, "batch", extra={FIELDS: fields})


def place_of(text: str) -> tuple[str, int]:
    """(host, port) of `HOST:PORT`, `[::1]:PORT` or `PORT`; this machine alone where none is named. Raises Misused."""
    host, _, port = text.rpartition(":")
    if not port.isascii() or not port.isdigit() or int(port) > 65_535 or (":" in host and not host.startswith("[")):
        raise Misused(f'--metrics: "{text}" is no place to listen; write 9464, or HOST:9464')
    return host.strip("[]") or _LOOPBACK, int(port)


@contextmanager
def watched(
    place: str | None, store: Store, clock: Clock, format: Format, chosen: Settings
) -> Iterator[Metrics | None]:
    """The metrics, served at `place` for as long as the block lasts; None where nobody asked for them."""
    if place is None:
        yield None
        return
    host, port = place_of(place)
    from importlib.metadata import version

    from drip.engine.status import ledger_now, queue_now
    from drip.runners.logs import FIELDS
    from drip.runners.metrics import Metrics
    from drip.web.ops import Readiness, build_ops
    from drip.web.serve import running
    from drip.wiring import system_clock, way

    used = way(chosen)
    metrics = Metrics(
        lambda: queue_now(store, now=clock(), seen_now=system_clock(), way=used),
        lambda: ledger_now(store),
        version=version("drip"),
    )
    app = build_ops(ready=Readiness(check=store.require_current), numbers=metrics.told)
    with running(app, host, port, options="--metrics HOST:PORT", name="drip-metrics") as url:
        log.info("metrics", extra={FIELDS: {"url": f"{url}/metrics"}})
        if format is Format.text:
            say(f"metrics on {url}/metrics")
        yield metrics


def told_by(metrics: Metrics | None, report: Told | None = None) -> Told:
    """Whom to tell of each claim: the log, and the numbers, here or at the parent's."""

    def tell(account: Account) -> None:
        log_batch(account)
        if metrics is not None:
            metrics.batch(account)
        if report is not None:
            report(account)

    return tell
