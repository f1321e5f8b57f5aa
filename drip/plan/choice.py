"""Which variant of a tip a learner gets: by hash, so that it stays the same without being stored."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from drip.plan.model import Variant

_DIGEST_BITS = 64


def choose(variants: Sequence[Variant], *, course_id: str, step: str, ref: str) -> Variant:
    """The variant of `step` for the learner `ref`: always the same one, and over many learners as often as its weight.

    Learners fall independently from step to step. `variants` has at least one.
    """
    if len(variants) == 1:
        return variants[0]
    point = _number(course_id, step, ref) * sum(variant.weight for variant in variants) >> _DIGEST_BITS
    for variant in variants:
        point -= variant.weight
        if point < 0:
            return variant
    raise ValueError("no variant has a weight")


def is_held_out(share: float, *, course_id: str, ref: str) -> bool:
    """Whether the learner `ref` belongs to the `share` (0 to 1) of a course's learners who are never mailed."""
    return _number(course_id, "holdout", ref) < share * float(2**_DIGEST_BITS)


def _number(*parts: str) -> int:
    """A number of _DIGEST_BITS bits that only these texts decide."""
    key = "\n".join(parts).encode("utf-8", errors="surrogatepass")
    return int.from_bytes(hashlib.sha256(key).digest()[: _DIGEST_BITS // 8], "big")


def fraction(*parts: str) -> float:
    """A number from 0 to 1 that only these texts decide: chance, without any."""
    return _number(*parts) / float(2**_DIGEST_BITS)
