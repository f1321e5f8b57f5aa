"""What the doctor says of clocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from dns_facts import found, one

from drip.engine.doctor.clocks import ZONES, Pace, Reading, judge, missing_zones
from drip.engine.doctor.row import Row

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
EVEN = Pace(wall=timedelta(seconds=2), steady=timedelta(seconds=2))


def judged(*ahead: float, **changes: Any) -> list[Row]:
    """Of other clocks, ours being so many seconds ahead of each."""
    readings = [
        Reading(of=f"clock {at}", theirs=NOW - timedelta(seconds=far), ours=NOW) for at, far in enumerate(ahead)
    ]
    options = {"gone": EVEN, "missing": [], "last_claim_at": None, **changes}
    return judge(readings, options["gone"], options["missing"], now=NOW, last_claim_at=options["last_claim_at"])


@pytest.mark.parametrize(
    ("ahead", "severity", "words"),
    [
        (0.4, "ok", "agree"),
        (-4.9, "ok", "agree"),
        (7, "warning", "7 seconds ahead"),
        (-59, "warning", "59 seconds behind"),
        (61, "error", "1 minute ahead"),
        (-7200, "error", "2 hours behind"),
        (86_400 * 3, "error", "3 days ahead"),
    ],
)
def test_skew(ahead: float, severity: str, words: str) -> None:
    """Against another clock: some seconds are noticed, a minute is wrong."""
    row = one(judged(ahead), "clock-skew")
    assert row.severity.value == severity
    assert words in row.finding


def test_a_clock_that_jumps() -> None:
    """The wall clock and the steady one disagree about how long it took."""
    assert (
        one(judged(0, gone=Pace(wall=timedelta(hours=1), steady=timedelta(seconds=1))), "clock-jump").severity.value
        == "warning"
    )
    assert ("clock-jump", "warning") not in found(judged(0))


def test_a_clock_that_was_set_back() -> None:
    """The ledger knows of a mail that is yet to come."""
    assert one(judged(0, last_claim_at=NOW + timedelta(hours=2)), "clock-back").severity.value == "error"
    assert found(judged(0, last_claim_at=NOW - timedelta(hours=2))) == found(judged(0))


def test_zones() -> None:
    """This machine knows the zones that drip is tested with; a missing one is an error."""
    assert missing_zones(ZONES) == []
    assert missing_zones(["Europe/Atlantis", "../etc/passwd", "UTC"]) == ["Europe/Atlantis", "../etc/passwd"]
    row = one(judged(0, missing=["Europe/Atlantis"]), "clock-zones")
    assert (row.severity.value, row.subject) == ("error", "Europe/Atlantis")


def test_no_other_clock() -> None:
    """With nothing to hold it against, that is said."""
    assert one(judged(), "clock-skew").severity.value == "hint"
