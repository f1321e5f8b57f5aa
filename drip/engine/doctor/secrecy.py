"""Secrets: can they be guessed, and who may read the files that they are in?"""

from __future__ import annotations

import re
import stat
import subprocess
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from shlex import quote
from typing import Any

from drip.engine.doctor.row import Row, error, hint, ok, warning

#: Characters below which a secret can be found by trying, and from which on it is as good as any.
_SHORTEST, _LONG = 16, 32
#: Different characters that a random text of some length has at least.
_VARIED = 10
#: Words that people write where they mean to put something better later.
_WORDS = (
    "secret", "password", "passwd", "changeme", "change-me", "default", "example", "letmein", "qwerty", "abcdef",
    "123456", "preview", "drip", "test", "admin", "acme", "key", "learn", "please",
)  # fmt: skip
#: Seconds that git gets to answer.
_GIT_SECONDS = 5
#: Keys of the settings that are secrets, or addresses with a password in them.
_SECRETS = ("secret_key", "sendgrid_api_key")
_ADDRESSES = ("transport", "database_url")
MAKE = "python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A file with secrets in it: which, who may read it, and whether git knows it (None: there is no git here)."""

    name: str
    holds: tuple[str, ...]
    mode: int
    shared: bool  # drip.toml, which a team shares
    tracked: bool | None
    ignored: bool | None


def look(folder: Path, files: Mapping[str, bool], key_files: Sequence[Path] = ()) -> list[Holder]:
    """Which of the settings' files (name → whether a team shares it) and key files hold a secret, and who sees them."""
    found = []
    for name, shared in files.items():
        if holds := _secrets_in(folder / name):
            found.append(_holder(folder, folder / name, name, holds, shared=shared))
    for path in key_files:
        if path.is_file():
            name = str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)
            found.append(_holder(folder, path, name, ("a private key",), shared=False))
    return found


def _holder(folder: Path, path: Path, name: str, holds: tuple[str, ...], *, shared: bool) -> Holder:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError:
        mode = 0
    inside = _git(folder, "rev-parse", "--is-inside-work-tree") == 0
    return Holder(
        name=name,
        holds=holds,
        mode=mode,
        shared=shared,
        tracked=_git(folder, "ls-files", "--error-unmatch", "--", str(path)) == 0 if inside else None,
        ignored=_git(folder, "check-ignore", "-q", "--", str(path)) == 0 if inside else None,
    )


def _git(folder: Path, *words: str) -> int | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *words], capture_output=True, timeout=_GIT_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.returncode


def _secrets_in(path: Path) -> tuple[str, ...]:
    try:
        said: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return ()
    found = [key for key in _SECRETS if said.get(key)]
    return (*found, *(key for key in _ADDRESSES if re.search(r"//[^/?#]*:[^/?#]*@", str(said.get(key, "")))))


def judge_keys(secret_keys: Sequence[str]) -> list[Row]:
    """Whether the secrets that sign links can be guessed. They are never told."""
    if not secret_keys:
        words = "there is none: links would be signed with a word that everybody knows"
        return [error("secrets-missing", "secret_key", words, MAKE)]
    rows = []
    for at, secret in enumerate(secret_keys):
        subject = "secret_key" if len(secret_keys) == 1 else f"secret_key {at + 1}"
        if why := guessable(secret):
            rows.append(
                error("secrets-guessable", subject, f"it can be guessed: {why}; put a better one before it", MAKE)
            )
        elif len(secret) < _LONG:
            rows.append(
                hint("secrets-short", subject, f"{len(secret)} characters; {_LONG} random ones are better", MAKE)
            )
        else:
            rows.append(ok("secrets-strength", subject, f"{len(secret)} characters, and none that can be guessed"))
    return rows


def guessable(secret: str) -> str:
    """Why a secret can be guessed, without repeating it; empty where it cannot be seen to be so."""
    plain = secret.lower()
    if len(secret) < _SHORTEST:
        return f"it has only {len(secret)} characters, and {_SHORTEST} are the least"
    if len(set(secret)) < _VARIED:
        return f"it has only {len(set(secret))} different characters"
    if re.fullmatch(r"(.+?)\1+(.*)", secret, flags=re.DOTALL) and _period(secret) <= len(secret) // 2:
        return "it repeats itself"
    if _in_order(plain) > len(plain) // 2:
        return "its characters follow each other in order"
    left = plain
    for word in _WORDS:
        left = left.replace(word, "")
    if len(left) < _SHORTEST and len(left) < len(plain):
        return "it is made of words that are tried first"
    words = re.findall(r"[^\W\d_]{2,}", plain)
    if plain.count(" ") >= 3 and sum(map(len, words)) > len(plain) * 0.6 and len(words) < 6:
        return "it is a few words in a row"
    return ""


def _period(text: str) -> int:
    """The length of what a text repeats."""
    return next(
        (n for n in range(1, len(text) + 1) if all(a == b for a, b in zip(text, text[n:], strict=False))), len(text)
    )


def _in_order(text: str) -> int:
    return sum(ord(b) - ord(a) in (1, -1) for a, b in pairwise(text))


def judge_files(holders: Sequence[Holder]) -> list[Row]:
    """Who may read the files that secrets are in."""
    return [row for holder in holders for row in _file(holder)]


def _file(holder: Holder) -> Iterator[Row]:
    what, name = ", ".join(holder.holds), quote(holder.name)
    fine = True
    if holder.tracked:
        fine = False
        words = f"git tracks it, and whoever has the repository has {what}; take a new one after this"
        yield error("secrets-git", holder.name, words, f"git rm --cached {name} && echo {name} >> .gitignore")
    elif holder.ignored is False and not holder.shared:
        fine = False
        yield hint("secrets-git", holder.name, f"git would take it along, with {what}", f"echo {name} >> .gitignore")
    if holder.shared:
        fine = False
        words = f"{what} stands in the file that a team shares; move the line to drip.local.toml"
        yield warning("secrets-shared", holder.name, words, "touch drip.local.toml && chmod 600 drip.local.toml")
    if holder.mode & 0o077:
        fine = False
        row = warning if holder.mode & 0o007 else hint
        who = "everybody" if holder.mode & 0o007 else "its group"
        yield row("secrets-readable", holder.name, f"{who} on this machine may read {what}", f"chmod 600 {name}")
    if fine:
        yield ok("secrets-file", holder.name, f"{what}: only its owner reads it")
