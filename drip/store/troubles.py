"""What a database says when it cannot do something → a StoreError that says what happened and what to do.

Neither people's addresses nor passwords get into an error: statements come without their parameters, and of what
PostgreSQL says only the first line is kept (its DETAIL repeats the row).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from sqlalchemy.exc import DBAPIError, IntegrityError

from drip.errors import StoreError

#: How long a writer waits for another's short transaction before it gives up.
BUSY_FOR_SECONDS = 30
#: So often a transaction is tried that the database undoes.
TRIES = 5
LETS_THE_OTHER_GO_SECONDS = 0.02
P = ParamSpec("P")
T = TypeVar("T")
#: Another transaction and this one stood in each other's way, and the database undid this one.
_UNDONE = ("40001", "40P01")
#: SQLSTATE, or the first characters of it → what to say (PostgreSQL's manual, appendix A: error codes).
_SAID = {
    "08": "does not answer: {words}",
    "25006": "takes no writes ({words}): is this a standby?",
    "25P03": "gave up on a transaction in which nothing happened for too long: was this process stopped for a while?",
    "42501": "does not let this user do that: {words}",
    "42703": "has older tables than this drip needs: run `drip db upgrade` ({words})",
    "42P01": "has no tables yet: run `drip db upgrade` ({words})",
    "53100": "has no room on its disk ({words}): free some space, then start again",
    "53300": "takes no more connections ({words}): run fewer workers, or raise its max_connections",
    "55P03": f"was busy for {BUSY_FOR_SECONDS} seconds: is another program holding a lock?",
    "57014": "took too long over one statement, and was told to stop",
    "57P": "went away: {words}",
}
#: How psycopg begins what it says when there is no connection to begin with.
_NOT_CONNECTED = ("connection failed: ", "connection is bad: ")


class Undone(StoreError):
    """The database undid a transaction for the sake of another. The same again will do (see `tried_again`)."""


def tried_again(one_transaction: Callable[P, T]) -> Callable[P, T]:
    """The same use case, which is one transaction, again where the database undoes it for the sake of another."""

    @wraps(one_transaction)
    def patient(*args: P.args, **kwargs: P.kwargs) -> T:
        for tried in range(1, TRIES):
            try:
                return one_transaction(*args, **kwargs)
            except Undone:
                time.sleep(tried * LETS_THE_OTHER_GO_SECONDS)
        return one_transaction(*args, **kwargs)

    return patient


def readable(error: DBAPIError, shown: str) -> StoreError:
    """What went wrong with the database `shown`, in words."""
    words = _first_line(error)
    code = getattr(error.orig, "sqlstate", None) or ""
    if code in _UNDONE:
        return Undone(f"the database {shown} undid a transaction that stood in another's way ({words})")
    said = next((_SAID[code[:length]] for length in (5, 3, 2) if code[:length] in _SAID), None)
    if said is None and error.connection_invalidated:
        said = "went away: {words}"
    if said is not None:
        return StoreError(f"the database {shown} {said.format(words=words)}")
    if 'database "' in words and "does not exist" in words:
        return StoreError(f"the database {shown} is not there: make it with `createdb`, say ({words})")
    if words.startswith(_NOT_CONNECTED):
        how = "lets nobody in" if "FATAL" in words else "cannot be reached"
        return StoreError(f"the database {shown} {how}: {words.partition(': ')[2]}")
    if "no such table" in words:
        return StoreError(f"the database {shown} has no tables yet: run `drip db upgrade` ({words})")
    if "locked" in words:
        return StoreError(
            f"the database {shown} was busy for {BUSY_FOR_SECONDS} seconds: is another program holding it open?"
        )
    if "full" in words or "I/O" in words:
        return StoreError(f"the disk under {shown} does not take more ({words}): free some space, then start again")
    return StoreError(f"the database {shown} does not work: {words}")


def discreet(error: IntegrityError) -> IntegrityError:
    """Two of what there may be one of, without the row that there is."""
    return IntegrityError(error.statement, None, Exception(_first_line(error)), hide_parameters=True)


def _first_line(error: DBAPIError) -> str:
    """The database's own words, on one line, without the rows that they may repeat."""
    primary = getattr(getattr(error.orig, "diag", None), "message_primary", None)
    return " ".join(str(primary or error.orig or error).split())
