"""The wheel, as somebody meets it who never saw the checkout: built, installed into a clean environment, and used."""

from __future__ import annotations

import email.policy
import json
import os
import subprocess
import sys
import zipfile
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def clean_environment() -> dict[str, str]:
    """This process's environment without what would lead back to the checkout or into somebody's settings."""
    return {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "DRIP_", "VIRTUAL_ENV"))
    }


def run(*command: str | Path, cwd: Path) -> str:
    """What a command printed. It must succeed, and show no traceback."""
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, env=clean_environment(), capture_output=True, text=True, check=False
    )
    said = f"$ {' '.join(map(str, command))}\n{done.stdout}\n{done.stderr}"
    assert done.returncode == 0, said
    assert "Traceback" not in done.stderr, said
    return done.stdout


def files_in_git(*folders: str) -> set[str]:
    """Paths that git knows under these folders and that are still on the disk, without its placeholders."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--", *folders], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    return {name for name in listing.split("\0") if name and (ROOT / name).is_file() and not name.endswith(".keep")}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of an environment that has the pinned dependencies, the wheel, and nothing else."""
    folder = tmp_path_factory.mktemp("clean")
    run(sys.executable, "-m", "venv", folder / "venv", cwd=folder)
    programs = folder / "venv" / "bin"
    pip = (programs / "python", "-m", "pip", "--no-input", "install", "-q")
    run(*pip, "--require-hashes", "-r", ROOT / "requirements.txt", cwd=folder)
    run(*pip, "--no-deps", "--no-index", wheel, cwd=folder)
    return programs


@pytest.fixture(scope="module")
def workspace(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `drip init` makes, far from the checkout."""
    folder = tmp_path_factory.mktemp("workspace")
    run(installed / "drip", "init", "academy", cwd=folder)
    return folder / "academy"


def sample_courses(workspace: Path) -> list[Path]:
    """The course files of a workspace; a translation (x.sv.yaml) is no course of its own."""
    return [path for path in sorted(workspace.glob("campaigns/*.yaml")) if "." not in path.stem]


def test_wheel_holds_the_package_and_what_it_ships(wheel: Path) -> None:
    """The wheel holds every file of drip/, the layouts and the sample campaigns; no tests, no caches, nothing else."""
    names = set(zipfile.ZipFile(wheel).namelist())
    shipped = {f"drip/packaged/{name}" for name in files_in_git("templates", "campaigns")}
    assert files_in_git("drip") | shipped <= names
    assert any(name.startswith("drip/packaged/templates/") and name.endswith(".mjml") for name in names)
    assert any(name.startswith("drip/packaged/campaigns/") and name.endswith(".yaml") for name in names)
    assert "drip/py.typed" in names
    assert {name.split("/")[0].split("-")[0] for name in names} == {"drip"}
    assert [name for name in names if "test" in name.split("/")[1] or "__pycache__" in name or ".venv" in name] == []


def test_wheel_names_every_dependency(installed: Path) -> None:
    """The pinned dependencies are all that the wheel asks for, and the code that runs is the installed one."""
    run(installed / "python", "-m", "pip", "check", cwd=installed)
    where = run(installed / "python", "-c", "import drip; print(drip.__file__)", cwd=installed).strip()
    assert Path(where).is_relative_to(installed.parent)


def test_help_runs(installed: Path) -> None:
    """`drip` and `python -m drip` both say what they can do."""
    for command in ([installed / "drip"], [installed / "python", "-m", "drip"]):
        told = run(*command, "--help", cwd=installed)
        assert all(word in told for word in ("init", "check", "preview"))


def test_init_copies_what_the_wheel_ships(workspace: Path) -> None:
    """A new workspace has its settings, at least one course, and the layouts that a brand edits."""
    assert (workspace / "drip.toml").is_file()
    assert sample_courses(workspace)
    assert list(workspace.glob("templates/*.mjml"))


def test_check_finds_no_mistake_in_a_new_workspace(installed: Path, workspace: Path) -> None:
    """`drip check` passes on what `drip init` wrote, and its rows for programs are a JSON array without errors."""
    run(installed / "drip", "check", cwd=workspace)
    rows = json.loads(run(installed / "drip", "check", "--format", "json", cwd=workspace))
    assert [row for row in rows if row["severity"] == "error"] == []


def test_preview_writes_the_real_message(installed: Path, workspace: Path) -> None:
    """`drip preview` writes each mail as .eml, .html and .txt, filled in, with both parts in the .eml."""
    for course in sample_courses(workspace):
        out = workspace / "seen" / course.stem
        run(installed / "drip", "preview", course.relative_to(workspace), "--out", out, cwd=workspace)
        mails = sorted(out.glob("*.eml"))
        assert mails
        for path in mails:
            message = BytesParser(EmailMessage, policy=email.policy.default).parsebytes(path.read_bytes())
            html, text = message.get_body(("html",)), message.get_body(("plain",))
            assert message["Subject"]
            assert html is not None
            assert text is not None
            assert all("{{" not in part and "{%" not in part for part in (html.get_content(), text.get_content()))
            assert "</html>" in path.with_suffix(".html").read_text()
            assert path.with_suffix(".txt").read_text().strip()
