"""A stage with endpoints that are told what happens on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from stage import SECRET, Stage
from webhook_receiver import Receiver

from drip.engine import tell
from drip.engine.webhooks import Posting
from drip.outbound.signing import secret_of
from drip.outbound.webhooks import HttpPoster
from drip.store import endpoints, webhooks
from drip.store.endpoints import Endpoint
from drip.store.webhooks import Line


def real_clock() -> datetime:
    return datetime.now(UTC)


def posting_of(stage: Stage, worker: str = "worker-1", **changes: Any) -> Posting:
    """What posts for this stage: due by its clock, signed by the real one."""
    return replace(
        Posting(
            store=stage.store,
            poster=HttpPoster(real_clock),
            secrets=(SECRET,),
            worker=worker,
            clock=stage.clock,
            real_clock=real_clock,
        ),
        **changes,
    )


def endpoint(stage: Stage, receiver: Receiver, name: str = "crm", events: Sequence[str] = ()) -> Endpoint:
    """An endpoint at this receiver, known to this process at once."""
    return tell.add(stage.store, name, receiver.url, events=events, id=f"endpoint-{name}", now=stage.clock())


def secret(name: str = "crm", of: str = SECRET) -> str:
    return secret_of(of, f"endpoint-{name}")


def log_of(stage: Stage) -> list[Line]:
    """The outbox, the oldest first."""
    with stage.store.read() as conn:
        return list(reversed(webhooks.lines(conn, None, limit=10_000)))


def found(stage: Stage, name: str = "crm") -> Endpoint:
    """The endpoint as it is now."""
    with stage.store.read() as conn:
        one = endpoints.by_name(conn, name)
    assert one is not None
    return one


def mailed(stage: Stage, email: str) -> int:
    """Enrol somebody and send their first mail; the ledger row's id."""
    stage.enrol(email)
    stage.clock.turn(hours=3)
    stage.deliver()
    return stage.rows()[0].id
