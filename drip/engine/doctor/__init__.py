"""The doctor: what is off before a receiver finds it, and for each finding what to type.

    Premises → looks, side by side and never for long → judging, a file a topic: plain facts → rows

A look asks DNS, the mail server, the web side, the database or the disk; a judge is a function of what was seen.
"""

from drip.engine.doctor.examine import examine
from drip.engine.doctor.premises import Premises
from drip.engine.doctor.row import TOPICS, Row, Severity

__all__ = ["TOPICS", "Premises", "Row", "Severity", "examine"]
