"""The people that a preview can be for: one learner in a file, or as many as an import would take."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from drip.course.attributes import Attribute
from drip.engine.preview import SOMEBODY, learner_from
from drip.engine.roster import Declared, Entry, Roster, read_csv, read_json
from drip.errors import NotFound, Refused, UserError
from drip.people import Learner

#: So many may be chosen from; a longer list is for an import.
MOST_PEOPLE = 500
#: A larger file is no sample.
LARGEST = 5_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Who can be chosen, at least one; `notes` say what was left out, and why."""

    learners: tuple[Learner, ...] = (SOMEBODY,)
    notes: tuple[str, ...] = ()

    def named(self, email: str | None) -> Learner:
        """The learner of that address, or the first."""
        return next((one for one in self.learners if one.email == email), self.learners[0])


def read_people(file: Path, declared: Declared = None) -> People:
    """The people of a CSV file or a JSON list (as an import reads them), or of a YAML or JSON file with one learner or
    a list of them. Raises UserError where the file as a whole cannot be read.
    """
    data = _bytes(file)
    try:
        if file.suffix.lower() == ".csv":
            return _from_roster(read_csv(data, declared))
        if file.suffix.lower() == ".json" and data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"[":
            return _from_roster(read_json(data, declared))
        return _from_values(_values(data), declared)
    except UserError as error:
        raise UserError(f"{file}: {error}") from None


def overridden(
    learner: Learner, said: Mapping[str, str], attributes: Mapping[str, Attribute]
) -> tuple[Learner, Mapping[str, str]]:
    """The learner with other values of declared attributes, and those texts that say something else than before.

    An empty text takes a value away. Raises UserError for one that is not of its type.
    """
    values, changed = dict(learner.attributes), {}
    for name, text in said.items():
        if name not in attributes:
            continue
        try:
            value = attributes[name].read(text) if text else None
        except ValueError as error:
            raise UserError(f'{name}: "{text[:60]}" {error}') from None
        if value != values.get(name):
            changed[name] = text
            values[name] = value
    return replace(learner, attributes={name: value for name, value in values.items() if value is not None}), changed


def _bytes(file: Path) -> bytes:
    try:
        if file.exists() and not file.is_file():  # a pipe would be waited for
            raise Refused(f"{file}: cannot be read: it is not a file")
        if file.stat().st_size > LARGEST:
            raise Refused(f"{file}: larger than {LARGEST // 1_000_000} MB; a few learners are enough for a preview")
        return file.read_bytes()
    except FileNotFoundError:
        raise NotFound(f"there is no file {file}") from None
    except OSError as error:
        raise Refused(f"{file}: cannot be read: {error.strerror}") from None


def _from_roster(roster: Roster) -> People:
    learners = tuple(_learner(entry) for entry in roster.entries[:MOST_PEOPLE])
    notes = [str(problem) for problem in roster.problems[:MOST_PEOPLE]] + list(roster.notes)
    if len(roster.entries) > MOST_PEOPLE:
        notes.append(f"the first {MOST_PEOPLE} of {len(roster.entries):,} can be chosen here")
    return People(learners=learners or (SOMEBODY,), notes=tuple(notes))


def _learner(entry: Entry) -> Learner:
    return replace(
        SOMEBODY,
        ref=re.sub(r"[^a-z0-9]+", "-", entry.email.casefold()).strip("-"),  # variants are chosen by it
        email=entry.email,
        first_name=entry.first_name,
        last_name=entry.last_name,
        language=entry.language,
        timezone=entry.timezone,
        attributes=entry.attributes,
    )


def _values(data: bytes) -> object:
    try:
        return YAML(typ="safe", pure=True).load(data)
    except (YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark is not None else ""
        raise UserError(f"{where}neither JSON nor YAML: {getattr(error, 'problem', None) or 'unreadable'}") from None


def _from_values(values: object, declared: Declared) -> People:
    several = values if isinstance(values, list) else [values]
    learners: list[Learner] = []
    notes = []
    for number, one in enumerate(several[:MOST_PEOPLE], start=1):
        if not isinstance(one, Mapping):
            raise UserError("a learner is wanted, such as {email: ada@customer.example, first_name: Ada}")
        try:
            learners.append(learner_from(one, declared))
        except UserError as error:
            if len(several) == 1:
                raise
            notes.append(f"learner {number}: {error}")
    return People(learners=tuple(learners) or (SOMEBODY,), notes=tuple(notes))
