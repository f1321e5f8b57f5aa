"""Wilson's interval against published values, and what must hold for every share."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drip.report.model import Share, wilson


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        (8, 10, 0.4902, 0.9433),
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (1, 1, 0.2065, 1.0),
        (0, 1, 0.0, 0.7935),
        (5, 10, 0.2366, 0.7634),
        (81, 263, 0.2553, 0.3662),  # Newcombe 1998, table I
        (15, 148, 0.0624, 0.1605),  # Newcombe 1998, table I
        (1, 29, 0.0061, 0.1718),  # Newcombe 1998, table I
    ],
)
def test_known_values(successes: int, n: int, low: float, high: float) -> None:
    """The interval is the one that the books print."""
    assert wilson(successes, n) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


def test_ends_are_exact() -> None:
    """None right is exactly 0 at the low end, all right exactly 1 at the high one: no rounding leaks out."""
    assert wilson(0, 7)[0] == 0.0
    assert wilson(7, 7)[1] == 1.0


def test_no_data_allows_anything() -> None:
    """Nothing out of nothing is the whole range, and a share without data has neither value nor interval."""
    assert wilson(0, 0) == (0.0, 1.0)
    assert Share().value is None
    assert Share().interval is None


@pytest.mark.parametrize(("successes", "n"), [(-1, 3), (4, 3), (0, -1)])
def test_what_is_no_share_is_refused(successes: int, n: int) -> None:
    """More right than asked, or fewer than none, is a mistake of ours."""
    with pytest.raises(ValueError, match="is not a share"):
        wilson(successes, n)


shares = st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(shares)
def test_interval_holds_the_share_and_mirrors(share: tuple[int, int]) -> None:
    """It lies within 0 and 1, holds the share itself, and what is right mirrors what is wrong."""
    successes, n = share
    low, high = wilson(successes, n)
    assert 0 <= low <= successes / n <= high <= 1
    assert low < high
    mirrored = wilson(n - successes, n)
    assert (1 - high, 1 - low) == (pytest.approx(mirrored[0], abs=1e-12), pytest.approx(mirrored[1], abs=1e-12))


@given(shares)
def test_more_of_the_same_narrows_it(share: tuple[int, int]) -> None:
    """Twice the data with the same share leaves less room."""
    successes, n = share
    low, high = wilson(successes, n)
    narrow_low, narrow_high = wilson(2 * successes, 2 * n)
    assert narrow_high - narrow_low < high - low
