"""Plan ↔ JSON text: what the store keeps of a course, and what its revision is the hash of."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import lru_cache

from pydantic import TypeAdapter

from drip.plan.model import Plan


def to_json(plan: Plan) -> str:
    """The plan as JSON, the same text on every machine: keys sorted, weekdays in order."""
    return json.dumps(asdict(plan), default=_listed, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def from_json(text: str) -> Plan:
    """The plan that `to_json` wrote. Raises ValueError where the text is no plan."""
    return _adapter().validate_json(text)


def _listed(value: object) -> list[int]:
    if isinstance(value, frozenset):
        return sorted(value)
    raise TypeError(f"a plan holds no {type(value).__name__}")


@lru_cache(maxsize=1)
def _adapter() -> TypeAdapter[Plan]:
    """Built once and late: it costs more than reading a plan."""
    return TypeAdapter(Plan)
