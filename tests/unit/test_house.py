"""Facts about the house itself: what its files may not say, what must be written down, what a command may cost."""

from __future__ import annotations

import ast
import re
import resource
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements.txt", "requirements-dev.txt")

#: A letter in brackets keeps each pattern from finding itself.
MACHINE_PATHS = re.compile(
    r"(?<![\w.~>)}-])/(?:[h]ome|[U]sers|[r]oot|[t]mp|[m]nt)/[\w.$]|\b[A-Z]:\\\\?[U]sers\\", re.ASCII
)
REGISTRY_HOSTS = re.compile(
    r"[p]ypi\.(?:org|io)|python[h]osted\.org|registry\.[n]pmjs|[c]rates\.io|proxy\.[g]olang\.org"
    r"|repo1?\.[m]aven|(?:deb|security|snapshot)\.[d]ebian\.org",
    re.IGNORECASE,
)

#: User and system time of one `drip --help`: what a person feels as "at once" on a laptop of today.
HELP_CPU_SECONDS = 0.4


def files_in_git() -> list[str]:
    """Every path that git knows and that is still on the disk."""
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [name for name in listing.split("\0") if name and (ROOT / name).is_file()]


def lines_that_match(pattern: re.Pattern[str]) -> list[str]:
    """`file:line: what was found`, over every file in git."""
    found = []
    for name in files_in_git():
        text = (ROOT / name).read_bytes().decode(errors="replace")
        for number, line in enumerate(text.splitlines(), start=1):
            found += [f"{name}:{number}: {match.group()}" for match in pattern.finditer(line)]
    return found


def leaf_commands(group: Any, context: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    """The full words of every command that a person can type, such as `drip learners import`."""
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command.hidden:
            continue
        if hasattr(command, "list_commands"):
            yield from leaf_commands(command, command.context_class(command, parent=context), (*path, name))
        else:
            yield " ".join(("drip", *path, name))


def entries(lock: str) -> list[str]:
    """The requirements of a lock file, each with its continuation lines joined."""
    text = (ROOT / lock).read_text()
    lines = (line.strip() for line in text.replace("\\\n", " ").splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def pins(lock: str) -> dict[str, str]:
    """Name → version of a lock file."""
    found: dict[str, str] = {}
    for entry in entries(lock):
        requirement = Requirement(entry.split(" --hash=")[0])
        found[canonicalize_name(requirement.name)] = str(requirement.specifier).removeprefix("==")
    return found


def test_patterns_find_what_they_forbid() -> None:
    """The two patterns below do see a home folder and a registry, and leave addresses of the web alone."""
    assert MACHINE_PATHS.search("open('/" + "home/ada/x')")
    assert MACHINE_PATHS.search("cd /" + "root/x")
    assert not MACHINE_PATHS.search("https://acme.example/" + "home/ada")
    assert REGISTRY_HOSTS.search("https://" + "pypi" + ".org/simple")


def test_no_file_names_a_machine_path() -> None:
    """No file in git holds an absolute path of somebody's machine: a home, a temporary folder, this checkout."""
    assert lines_that_match(MACHINE_PATHS) == []
    assert lines_that_match(re.compile(re.escape(str(ROOT)) + r"\b")) == []


def test_no_file_names_a_package_registry() -> None:
    """No file in git holds the address of a package registry: where packages come from is each machine's business."""
    assert lines_that_match(REGISTRY_HOSTS) == []


def test_every_module_says_what_it_is() -> None:
    """Every module under drip/ opens with a docstring of at least three words."""
    modules = sorted((ROOT / "drip").rglob("*.py"))
    docstrings = {path: ast.get_docstring(ast.parse(path.read_text())) or "" for path in modules}
    assert len(modules) > 10
    assert [str(path.relative_to(ROOT)) for path, text in docstrings.items() if len(text.split()) < 3] == []


def test_every_command_stands_in_the_docs() -> None:
    """Every command that `drip --help` leads to is written out in full in README.md or under docs/."""
    import typer.main

    from drip.cli import app

    root = typer.main.get_command(app)
    commands = list(leaf_commands(root, root.context_class(root, info_name="drip")))
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    text = " ".join(" ".join(page.read_text().split()) for page in pages)
    assert "drip init" in commands
    assert [command for command in commands if not re.search(rf"\b{re.escape(command)}(?![\w-])", text)] == []


def test_help_is_cheap() -> None:
    """`drip --help` takes less CPU than a person notices: what a command does not use, it does not import."""
    costs = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        told = subprocess.run([sys.executable, "-m", "drip", "--help"], capture_output=True, text=True, check=False)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert told.returncode == 0, told.stderr
        assert "Usage" in told.stdout
        costs.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    assert min(costs) < HELP_CPU_SECONDS


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_carries_hashes_and_no_address(lock: str) -> None:
    """Each requirement is one exact version with SHA-256 hashes, and nothing says where to fetch it from."""
    pinned = re.compile(r"[\w.-]+==[\w.!+-]+(?: ; [^#]+?)?(?: +--hash=sha256:[0-9a-f]{64})+")
    assert entries(lock)
    assert [entry.split(" --hash=")[0] for entry in entries(lock) if not pinned.fullmatch(entry)] == []
    assert "://" not in (ROOT / lock).read_text()


def test_both_lock_files_pin_the_same_versions() -> None:
    """What is tested is what is shipped: requirements-dev.txt only adds to requirements.txt."""
    shipped, developed = pins("requirements.txt"), pins("requirements-dev.txt")
    assert {name: developed.get(name) for name in shipped} == shipped


@pytest.mark.parametrize(
    ("lock", "extras"), [("requirements.txt", ["build"]), ("requirements-dev.txt", ["build", "dev"])]
)
def test_pins_answer_pyproject(lock: str, extras: list[str]) -> None:
    """Every dependency in pyproject.toml has a pin that it accepts; if not, somebody forgot `make lock`."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *(text for extra in extras for text in project["optional-dependencies"][extra])]
    pinned = pins(lock)
    for requirement in map(Requirement, wanted):
        name = canonicalize_name(requirement.name)
        assert name == "drip" or requirement.specifier.contains(pinned.get(name, "0"), prereleases=True), str(
            requirement
        )
