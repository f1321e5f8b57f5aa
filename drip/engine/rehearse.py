"""What a simulation reads from the disk, and writes to it: answers, people, and the timelines that are compared."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

from drip.course.reading import MOST_BYTES
from drip.engine.learners import Progress
from drip.engine.roster import Declared, Entry, Roster, read_csv, read_json
from drip.errors import ImportRefused, NotFound, Refused
from drip.people import Learner
from drip.plan.model import Plan
from drip.schedule.acts import NOTHING, Script
from drip.schedule.cohort import Cohort, Tally, lived
from drip.schedule.golden import MARK
from drip.schedule.script import read_script
from drip.schedule.slots import zone

#: A timeline that is compared; 100,000 lines take a tenth of it.
LARGEST_GOLDEN = 100_000_000
#: So many learners between two words about how far it has come.
TELL_EVERY = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """The people of a cohort: the roster that an import would read from the same file."""

    roster: Roster

    def __len__(self) -> int:
        return len(self.roster.entries)

    def learners(self, timezone: str | None) -> Iterator[Learner]:
        """Everyone, one after another; `timezone` is for those who have none of their own.

        The public id is made of the address, so that everybody falls into the same variants and shares every time.
        """
        return (_learner(number, entry, timezone) for number, entry in enumerate(self.roster.entries, start=1))


def read_crowd(data: bytes, name: str, declared: Declared = None) -> Crowd:
    """The people in a CSV file, or in a JSON list where the name ends in .json, as an import reads them.

    Raises ImportRefused where the file as a whole cannot be read.
    """
    read = read_json if name.lower().endswith(".json") else read_csv
    try:
        return Crowd(roster=read(data, declared))
    except ImportRefused as error:
        raise ImportRefused(f"{name}: {error}") from None


def read_answers(file: Path, plan: Plan) -> Script:
    """The behaviour in a file. Raises NotFound, Refused, or CourseError with every mistake in it."""
    data = _read(file, most=MOST_BYTES)
    if data is None:
        raise NotFound(f"there is no file {file}")
    return read_script(str(file), data, plan)


def rehearse(
    plan: Plan,
    crowd: Crowd,
    *,
    start: datetime,
    over: timedelta = timedelta(0),
    timezone: str | None = None,
    script: Script = NOTHING,
    seed: str = "",
    on_progress: Progress | None = None,
) -> Cohort:
    """What becomes of a cohort that is enrolled from `start` on, spread evenly `over` a while.

    Its days are those of `timezone`, else of the course's zone.
    """
    tally = Tally(plan=plan, zone=zone(timezone or plan.timezone), script=script, seed=seed)
    for number in lived(tally, crowd.learners(timezone), start=start, over=over):
        if on_progress is not None and number % TELL_EVERY == 0:
            on_progress(number, len(crowd))
    return tally.cohort()


def read_golden(file: Path) -> str | None:
    """A recorded timeline, None where there is none yet. Line ends are those of any system."""
    data = _read(file, most=LARGEST_GOLDEN)
    if data is None:
        return None
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise Refused(f"{file} is not a timeline: it is not UTF-8") from None


def write_golden(file: Path, text: str, before: str | None) -> None:
    """Record a timeline: the file is there whole, or as it was. Never writes over a file that is something else."""
    if before and not before.startswith(MARK):
        raise Refused(f"{file} is there already, and it is no timeline of drip's: name another file")
    target = file.resolve()  # a link goes on leading there
    draft = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        draft.write_text(text, "utf-8", newline="\n")
        draft.replace(target)
    except OSError as error:
        raise Refused(f"cannot write {file}: {error.strerror}") from None
    finally:
        with suppress(OSError):
            draft.unlink()


def _learner(number: int, entry: Entry, timezone: str | None) -> Learner:
    return Learner(
        id=number,
        ref=sha256(entry.email.casefold().encode()).hexdigest()[:12],
        email=entry.email,
        first_name=entry.first_name,
        last_name=entry.last_name,
        language=entry.language,
        imported_timezone=entry.timezone or timezone,
        attributes=entry.attributes,
    )


def _read(file: Path, *, most: int) -> bytes | None:
    """The bytes of a file, None where there is none. Raises Refused for what is too large, or no file."""
    try:
        if not file.exists():
            return None
        if not file.is_file():  # a pipe would be waited for, and a device never ends
            raise Refused(f"{file}: cannot be read: it is not a file")
        if file.stat().st_size > most:
            raise Refused(f"{file}: larger than {most // 1_000_000} MB")
        return file.read_bytes()
    except OSError as error:
        raise Refused(f"{file}: cannot be read: {error.strerror}") from None
