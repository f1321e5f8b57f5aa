"""Write down who did it, before what tells of that is forgotten: so a report says the same before and after."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from drip.track.classify import classify
from drip.track.evidence import Evidence


def judged(events: Mapping[int, tuple[Evidence, datetime | None]]) -> dict[int, str]:
    """number → the verdict as text. Given are all the evidence of some mails, each with when its mail was sent."""
    by_mail: dict[object, list[tuple[int, Evidence, datetime | None]]] = defaultdict(list)
    for number, (event, sent_at) in events.items():
        by_mail[event.delivery_id or ("no mail", number)].append((number, event, sent_at))
    return {
        number: verdict.to_text()
        for its in by_mail.values()
        for (number, _, _), verdict in zip(its, classify(_events(its), its[0][2]), strict=True)
    }


def _events(its: Sequence[tuple[int, Evidence, datetime | None]]) -> list[Evidence]:
    return [event for _, event, _ in its]
