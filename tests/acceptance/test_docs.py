"""Every command, course and program shown in the README and in docs/ runs as it stands there."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sendgrid_server import sendgrid_server

from drip.course.parse import parse
from drip.plan.compile import compile_plan
from drip.settings import load

ROOT = Path(__file__).parents[2]
DOCS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "bench" / "README.md",
]
#: These go on until somebody stops them.
SERVERS = ("up", "serve", "run")
#: Its commands need a name server, Postfix and SendGrid, and each other's time: test_operator_path.py lives it.
OPERATORS_PATH = "delivery.md"
#: Its commands need the receiver that it shows: test_webhook_docs.py lives it.
OTHERS_LIVE = (OPERATORS_PATH, "webhooks.md")


def blocks(file: Path, language: str) -> list[str]:
    """The fenced blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", file.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)


def commands(file: Path) -> list[list[str]]:
    """Every command of the file's sh blocks, in order, as words."""
    lines = "".join(blocks(file, "sh")).replace("\\\n", " ").splitlines()
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def save_named(file: Path, folder: Path) -> None:
    """Save the yaml blocks that begin with their own name, `# answers.yaml: …`, as a reader would."""
    for text in blocks(file, "yaml"):
        if named := re.match(r"# ([\w-]+\.yaml)\b", text):
            (folder / named[1]).write_text(text, "utf-8")


def add_settings(file: Path, folder: Path) -> None:
    """Add the toml blocks that begin with `# at the end of drip.toml`, as a reader would."""
    for text in blocks(file, "toml"):
        if text.startswith("# at the end of drip.toml\n"):
            with (folder / "drip.toml").open("a", encoding="utf-8") as settings:
                settings.write(f"\n{text}")


@pytest.fixture
def sendgrid_host(tmp_path: Path) -> Iterator[str]:
    """The address of a SendGrid."""
    with sendgrid_server(tmp_path / "sendgrid.jsonl") as api:
        yield api.host


@pytest.mark.parametrize(
    "file", [file for file in DOCS if file.exists() and file.name not in OTHERS_LIVE], ids=lambda file: file.name
)
def test_every_command_runs(file: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """The commands of one page, one after the other in one folder, all end well.

    Where a page names a PostgreSQL database or SendGrid, the tests' own takes its place.
    """
    folder = tmp_path
    env = {name: value for name, value in os.environ.items() if not name.startswith("DRIP_")}
    env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}"
    for words in commands(file):
        if words[0] == "cd":
            folder /= words[1]
            save_named(file, folder)
            add_settings(file, folder)
        elif words[0] == "make":
            _targets_exist([word for word in words[1:] if "=" not in word])
        elif words[0] == "export":
            env.update(pair.split("=", 1) for pair in words[1:])
            if env.get("DRIP_DATABASE_URL", "").startswith("postgresql:"):
                env["DRIP_DATABASE_URL"] = request.getfixturevalue("empty_database")
            if (way := env.get("DRIP_TRANSPORT", "")).startswith("sendgrid:"):
                host = request.getfixturevalue("sendgrid_host")
                env["DRIP_TRANSPORT"] = f"{way}{'&' if '?' in way else '?'}host={host}"
        elif words[0] == "drip" and (words[1] in SERVERS or "--serve" in words) and "--until-idle" not in words:
            _serves(words, folder, env)
        else:
            done = subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False)
            assert done.returncode == 0, f"{shlex.join(words)}\n{done.stdout}\n{done.stderr}"


def _targets_exist(targets: list[str]) -> None:
    """`make test` cannot run inside itself: that there is such a target is shown here, that it passes by CI."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for target in targets:
        assert re.search(rf"^{re.escape(target)}:", makefile, flags=re.MULTILINE), f"no make target {target}"


def _serves(words: list[str], folder: Path, env: dict[str, str]) -> None:
    """A server starts on a free port, goes on, and ends well when it is asked to."""
    if "--metrics" in words:
        words[words.index("--metrics") + 1] = "0"
    if words[1] != "run":
        place = words.index("--port") if "--port" in words else len(words)
        words = [*words[:place], *words[place + 2 :], "--port", "0"]
    process = subprocess.Popen(words, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    first = process.stdout.readline()
    time.sleep(1)
    process.send_signal(signal.SIGTERM)
    rest, _ = process.communicate(timeout=60)
    assert process.returncode == 0, f"{shlex.join(words)}\n{first}{rest}"


#: Its examples name pictures and bodies: tests/unit/test_course_reference.py gives them those.
REFERENCE = "course-file.md"


@pytest.mark.parametrize(
    "file", [file for file in DOCS if file.exists() and file.name != REFERENCE], ids=lambda file: file.name
)
def test_every_course_compiles(file: Path) -> None:
    """A yaml block that is a whole course parses and compiles as it stands."""
    for text in blocks(file, "yaml"):
        if re.search(r"^title:", text, flags=re.MULTILINE):
            plan = compile_plan(parse("shown.yaml", text.encode()), layout="")
            assert plan.steps


@pytest.mark.parametrize("file", [file for file in DOCS if blocks(file, "toml")], ids=lambda file: file.name)
def test_every_setting_is_read(file: Path, tmp_path: Path) -> None:
    """A toml block is taken as it stands, in the file that its first line names."""
    for number, text in enumerate(blocks(file, "toml")):
        folder = tmp_path / str(number)
        folder.mkdir()
        named = re.match(r"# (drip\.local\.toml)$", text, flags=re.MULTILINE)
        (folder / (named[1] if named else "drip.toml")).write_text(text, "utf-8")
        assert load(folder, {}).is_workspace


def test_every_program_runs(tmp_path: Path) -> None:
    """The README's Python does what it says."""
    for text in blocks(ROOT / "README.md", "python"):
        done = subprocess.run([sys.executable, "-c", text], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (0, "hi\n"), done.stderr


def test_the_pictures_are_there() -> None:
    """Every picture that the README shows is in the repository."""
    shown = re.findall(r'src="([^"]+)"', (ROOT / "README.md").read_text("utf-8"))
    assert shown
    for picture in shown:
        assert (ROOT / picture).stat().st_size > 1000
