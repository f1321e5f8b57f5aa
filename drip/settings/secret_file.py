"""The secrets that sign links, as drip.local.toml keeps them: named without being shown, and a new one put first."""

from __future__ import annotations

import fcntl
import os
import re
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from drip.errors import Refused, SettingsError
from drip.settings import values
from drip.settings.files import LOCAL_FILE
from drip.track.token import key_name

_KEY = "secret_key"
#: A secret of ours begins with the day on which it was made.
_DATED = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})\.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A secret, without the secret. `id` is what its links carry; `made` is None where nothing tells."""

    id: str
    role: str
    made: date | None


def named(secrets: Sequence[str], retired: Sequence[str]) -> list[Named]:
    """The secrets in their order: the first signs, the others verify, the retired verify leaving alone."""
    roles = ["signs", *(["verifies"] * (len(secrets) - 1))][: len(secrets)]
    pairs = [*zip(secrets, roles, strict=True), *((secret, "leaving only") for secret in retired)]
    return [Named(id=key_name(secret), role=role, made=_made(secret)) for secret, role in pairs]


def dated(random: str, today: date) -> str:
    """A secret that says when it was made: `2026-11-24.` and then `random`."""
    return f"{today.isoformat()}.{random}"


def put_first(folder: Path, secret: str, others: Sequence[str]) -> Path:
    """Write `secret` before `others` into drip.local.toml of this folder, for its owner's eyes alone, in one step.

    All else in the file stays as it is. Raises Refused where the file says something else by now than `others`, and
    SettingsError where it cannot be read or written.
    """
    path = (folder / LOCAL_FILE).resolve()
    try:
        with _alone(path.parent):
            text = path.read_bytes().decode("utf-8") if path.exists() else ""
            found = tomllib.loads(text).get(_KEY)
            if found is not None and values.keys(found) != tuple(others):
                raise Refused(f"{LOCAL_FILE} says other keys than it did a moment ago: look at `drip keys list`")
            _replace(path, _with(text, [secret, *others]))
    except OSError as error:
        raise SettingsError(f"{LOCAL_FILE}: cannot be written: {error.strerror}") from None
    return path


def _with(text: str, secrets: Sequence[str]) -> str:
    """The file with these secrets in place of those that stand there, each on a line of its own."""
    quoted = "".join(f"  {_quoted(secret)},\n" for secret in secrets)
    said = f"{_KEY} = [  # the first signs; the others are for the links of mails that are out\n{quoted}]\n"
    lines = text.splitlines(keepends=True)
    for first, line in enumerate(lines):
        if line.lstrip().startswith("["):
            break  # a section: our key stands before all of them
        if re.match(rf"\s*[\"']?{_KEY}[\"']?\s*=", line):
            last = next(end for end in range(first + 1, len(lines) + 1) if _is_whole("".join(lines[first:end])))
            return "".join([*lines[:first], said, *lines[last:]])
    return said + text


def _is_whole(text: str) -> bool:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    return True


def _quoted(text: str) -> str:
    """A text as TOML writes it."""
    named = {'"': '\\"', "\\": "\\\\"}
    return '"' + "".join(named.get(c, c if c >= " " and c != "\x7f" else f"\\u{ord(c):04x}") for c in text) + '"'


def _replace(path: Path, text: str) -> None:
    """The file's new content, all of it or nothing, whenever the machine stops."""
    written = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        with os.fdopen(os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        written.replace(path)
    finally:
        written.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two that rotate at the same time do so one after the other."""
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _made(secret: str) -> date | None:
    if found := _DATED.match(secret):
        try:
            return date.fromisoformat(found[1])
        except ValueError:
            return None
    return None
