"""What the doctor says of secrets, and of the files that they are in."""

from __future__ import annotations

import secrets
import subprocess
from pathlib import Path
from typing import Any

import pytest
from dns_facts import found

from drip.engine.doctor.secrecy import Holder, guessable, judge_files, judge_keys, look


@pytest.mark.parametrize(
    "secret",
    [
        "preview",
        "short",
        "a" * 40,
        "abababababababababababababababab",
        "abcdefghij0123abcdefghij0123",
        "abcdefghijklmnopqrstuvwxyz",
        "0123456789abcdefghijklmnop",
        "my-secret-password-1234",
        "ChangeMe-ChangeMe-please-2026",
        "this is very long indeed",
    ],
)
def test_what_can_be_guessed(secret: str) -> None:
    """Short, repeating, in order, or made of the words that are tried first; the secret is in no finding."""
    [row] = judge_keys([secret])
    assert (row.check, row.severity.value) == ("secrets-guessable", "error")
    assert secret not in row.finding
    assert "token_urlsafe" in row.type


def test_what_cannot_be_guessed() -> None:
    """Random texts of every usual kind pass, and none of a thousand is blamed."""
    for _ in range(1_000):
        assert guessable(secrets.token_urlsafe(32)) == ""
        assert guessable(secrets.token_hex(32)) == ""
    assert found(judge_keys([secrets.token_urlsafe(32)])) == [("secrets-strength", "ok")]
    assert found(judge_keys(["Xq7-mT2_vLw9Rb4Zp1Kd"])) == [("secrets-short", "hint")]


def test_none_and_several() -> None:
    """No secret is an error; of several each is judged under its number."""
    assert found(judge_keys([])) == [("secrets-missing", "error")]
    rows = judge_keys([secrets.token_urlsafe(32), "preview"])
    assert [(row.subject, row.severity.value) for row in rows] == [("secret_key 1", "ok"), ("secret_key 2", "error")]


def holder(**changes: Any) -> Holder:
    options = {"name": "drip.local.toml", "holds": ("secret_key",), "mode": 0o600, "shared": False, "tracked": False}
    return Holder(**{**options, "ignored": True, **changes})


@pytest.mark.parametrize(
    ("changes", "checks"),
    [
        ({}, [("secrets-file", "ok")]),
        ({"tracked": None, "ignored": None}, [("secrets-file", "ok")]),
        ({"mode": 0o644}, [("secrets-readable", "warning")]),
        ({"mode": 0o640}, [("secrets-readable", "hint")]),
        ({"tracked": True}, [("secrets-git", "error")]),
        ({"ignored": False}, [("secrets-git", "hint")]),
        ({"name": "drip.toml", "shared": True}, [("secrets-shared", "warning")]),
        (
            {"name": "drip.toml", "shared": True, "tracked": True, "mode": 0o644},
            [("secrets-git", "error"), ("secrets-shared", "warning"), ("secrets-readable", "warning")],
        ),
    ],
)
def test_who_sees_the_file(changes: dict[str, Any], checks: list[tuple[str, str]]) -> None:
    """Git, the team, everybody on the machine: each is told, with the command."""
    rows = judge_files([holder(**changes)])
    assert found(rows) == checks
    assert all(row.type for row in rows if row.severity.value != "ok")


def test_files_are_looked_at(tmp_path: Path) -> None:
    """Which file holds what, who may read it, and what git knows of it, in a real repository."""
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / ".gitignore").write_text("drip.local.toml\n")
    (tmp_path / "drip.toml").write_text(
        'transport = "smtp://asa:hemlig@mail.acme.example"\ndatabase_url = "sqlite:///x"\n'
    )
    (tmp_path / "drip.local.toml").write_text('secret_key = "x"\n')
    (tmp_path / "drip.local.toml").chmod(0o600)
    key = tmp_path / "s1.pem"
    key.write_text("key")
    key.chmod(0o644)
    subprocess.run(["git", "-C", str(tmp_path), "add", "drip.toml"], check=True)
    shared, local, private = look(tmp_path, {"drip.toml": True, "drip.local.toml": False}, [key])
    assert (shared.holds, shared.shared, shared.tracked) == (("transport",), True, True)
    assert (local.holds, local.mode, local.tracked, local.ignored) == (("secret_key",), 0o600, False, True)
    assert (private.mode, private.tracked, private.ignored) == (0o644, False, False)


def test_files_without_secrets_without_git_and_without_sense(tmp_path: Path) -> None:
    """A file without secrets is not told of, git says nothing outside a repository, a broken file is passed over."""
    (tmp_path / "drip.toml").write_text('language = "en"\n')
    (tmp_path / "drip.local.toml").write_bytes(b"\xff not toml")
    assert look(tmp_path, {"drip.toml": True, "drip.local.toml": False, "gone.toml": False}) == []
    (tmp_path / "drip.local.toml").write_text('secret_key = "x"\n')
    [local] = look(tmp_path, {"drip.local.toml": False})
    assert (local.tracked, local.ignored) == (None, None)
