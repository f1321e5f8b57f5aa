"""Advice on a valid course, a file a family."""

from __future__ import annotations

from drip.check.advice import RULES, advise

__all__ = ["RULES", "advise"]
