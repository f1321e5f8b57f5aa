"""Numbers for Prometheus: what this process (or its workers) did, and how the queue is when somebody asks.

Names and units by Prometheus' own conventions (https://prometheus.io/docs/practices/naming/). No label has a value
that a learner, a course or a request could make up.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Generic, TypeVar

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from drip.engine.account import Account, Stage
from drip.engine.status import Queue
from drip.engine.told import Told
from drip.errors import DripError
from drip.store.ledger import Phase
from drip.track.evidence import Kind

T = TypeVar("T")
#: Reading the queue takes no more than this share of the time, however often somebody asks and however long it takes.
MOST_OF_THE_TIME = 0.05
#: Two who ask within so many seconds get the same.
SAME_FOR_SECONDS = 1.0
#: The whole ledger is counted at most so often, and for no more than a fifth of that share.
LEDGER_SAME_FOR_SECONDS = 60.0
#: A group of 50 mails is filled in within milliseconds; a slow mail server takes minutes for one.
_STAGE_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_REQUEST_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)


class Metrics:
    """All numbers of one process, and of the workers that report to it.

    `queue` tells how the queue is now, and `ledger` how many mails are in which state (it looks at each of them).
    """

    def __init__(self, queue: Callable[[], Queue], ledger: Callable[[], Mapping[str, int]], *, version: str) -> None:
        prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]  # their own lacks types
        self.registry = here = CollectorRegistry()
        counted = {
            "claimed": "Mails taken from the queue to be sent now.",
            "sent": "Mails that the other side took.",
            "retried": "Mails that were deferred by the other side, or kept back by DRIP_ONLY_TO: tried again.",
            "held": "Mails that wait for a person: drip settle.",
            "failed": "Mails to addresses that are dead.",
            "in_doubt": "Mails of which nobody knows whether they arrived; decided after DRIP_IN_DOUBT_AFTER.",
        }
        self._mails = {
            name: Counter(f"drip_deliveries_{name}", words, registry=here) for name, words in counted.items()
        }
        self._batches = Counter("drip_batches", "Claims that found anything due.", registry=here)
        self._troubles = Counter(
            "drip_batches_stopped", "Claims that met the sender's own trouble: nothing goes out then.", registry=here
        )
        stages = Histogram(
            "drip_stage_seconds",
            "Time that sending takes: claim (a batch), render, send and mark (a group of at most 50 mails).",
            ["stage"],
            buckets=_STAGE_BUCKETS,
            registry=here,
        )
        self._stages = {stage: stages.labels(str(stage)) for stage in Stage}
        self._lateness = Histogram(
            "drip_batch_lag_seconds",
            "For how long the oldest mail of a batch had been due when it was claimed.",
            buckets=(1, 5, 15, 60, 300, 900, 3600, 14400, 86400),
            registry=here,
        )
        evidence = Counter(
            "drip_evidence", "What links brought back, by kind; a replay is not counted.", ["kind"], registry=here
        )
        self._evidence = {kind: evidence.labels(str(kind)) for kind in Kind}
        self._requests = Histogram(
            "drip_request_seconds",
            "Time from a request of the web side to the end of its answer, by kind and class of status.",
            ["kind", "status"],
            buckets=_REQUEST_BUCKETS,
            registry=here,
        )
        self._restarts = Counter(
            "drip_worker_restarts", "Workers of this process that died and were started again.", registry=here
        )
        sparing = _Sparing(queue, at_most=MOST_OF_THE_TIME, same_for=SAME_FOR_SECONDS)
        seldom = _Sparing(ledger, at_most=MOST_OF_THE_TIME / 5, same_for=LEDGER_SAME_FOR_SECONDS)
        here.register(_Standing(sparing, seldom, version))

    def batch(self, account: Account) -> None:
        """A claim came to this."""
        done = account.done
        for name, number in (
            ("claimed", account.claimed),
            ("sent", done.sent),
            ("retried", done.retried),
            ("held", done.held),
            ("failed", done.failed),
            ("in_doubt", done.in_doubt),
        ):
            self._mails[name].inc(number)
        self._batches.inc()
        self._troubles.inc(done.trouble is not None)
        if account.claimed:
            self._lateness.observe(account.lag)
        for stage, times in account.took.items():
            for seconds in times:
                self._stages[stage].observe(seconds)

    def request(self, kind: str, status: int, seconds: float) -> None:
        """The web side answered."""
        self._requests.labels(kind, f"{status // 100}xx").observe(seconds)

    def evidence(self, kind: Kind) -> None:
        """A link brought this back, for the first time."""
        self._evidence[kind].inc()

    def restarted(self) -> None:
        """A worker died, and another took its place."""
        self._restarts.inc()

    def told(self, accept: str) -> tuple[bytes, str]:
        """Everything, in the form that an Accept header asks for: (body, content type)."""
        encode, kind = choose_encoder(accept)
        return encode(self.registry), kind


class _Sparing(Generic[T]):
    """Reads something so seldom that it takes no more than a share of the time. None: the database did not answer."""

    def __init__(self, read: Callable[[], T], *, at_most: float, same_for: float) -> None:
        self._read, self._at_most, self._same_for = read, at_most, same_for
        self._door = threading.Lock()
        self._found: T | None = None
        self._again_at = 0.0

    def __call__(self) -> T | None:
        with self._door:
            began = time.monotonic()
            if began >= self._again_at:
                try:
                    self._found = self._read()
                except DripError:
                    self._found = None
                took = time.monotonic() - began
                wait = self._same_for if self._found is not None else SAME_FOR_SECONDS
                self._again_at = began + took + max(wait, took / self._at_most)
            return self._found


class _Standing(Collector):
    """How the queue is at this moment, read when somebody asks."""

    def __init__(self, queue: _Sparing[Queue], ledger: _Sparing[Mapping[str, int]], version: str) -> None:
        self._queue, self._ledger, self._version = queue, ledger, version

    def describe(self) -> Iterator[Metric]:
        """Nothing: it is not asked at the start, when there may be no database."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """The gauges. Where the database does not answer only `drip_database_up` is there, and says so."""
        build = GaugeMetricFamily("drip_build_info", "The drip that answers.", labels=["version"])
        build.add_metric([self._version], 1)
        yield build
        queue = self._queue()
        yield _gauge("drip_database_up", "1 where the database answers.", queue is not None)
        if queue is None:
            return
        yield _gauge("drip_due", "Mails and enrolments that are due now.", queue.due)
        yield _gauge("drip_due_lag_seconds", "For how long the longest due has been due.", queue.lag)
        yield _gauge(
            "drip_oldest_handed_seconds",
            "For how long a mail that was handed over has gone without its outcome being written.",
            queue.oldest_handed,
        )
        yield _gauge("drip_breaker_open", "1 while nothing goes out: the sender's own trouble.", queue.breaker_open)
        yield _gauge("drip_workers_alive", "Workers, of all processes, that left a sign of life.", queue.workers_alive)
        yield from _of_endpoints(queue.webhooks)
        yield _gauge("drip_courses_paused", "Courses that somebody has paused.", queue.courses_paused)
        rows = GaugeMetricFamily(
            "drip_ledger_rows",
            "Mails in the ledger by state; those that are held or have ended are counted once a minute.",
            labels=["state"],
        )
        counted = self._ledger()
        for state in Phase:
            if state in queue.open:
                rows.add_metric([str(state)], queue.open[state])
            elif counted is not None:
                rows.add_metric([str(state)], counted.get(state, 0))
        yield rows


def _of_endpoints(told: Sequence[Told]) -> Iterator[Metric]:
    """How the endpoints of webhooks fare. Their names are the operator's own."""
    waiting = GaugeMetricFamily("drip_webhooks_waiting", "Webhooks that wait to be taken.", labels=["endpoint"])
    failed = GaugeMetricFamily(
        "drip_webhooks_given_up", "Webhooks that are not tried again by themselves.", labels=["endpoint"]
    )
    trouble = GaugeMetricFamily(
        "drip_webhooks_in_trouble", "1 while an endpoint takes nothing, or drip has paused it.", labels=["endpoint"]
    )
    for one in told:
        waiting.add_metric([one.endpoint], one.waiting)
        failed.add_metric([one.endpoint], one.failed)
        trouble.add_metric([one.endpoint], float(one.alarm))
    yield from (waiting, failed, trouble)


def _gauge(name: str, words: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, words, value=float(value))
