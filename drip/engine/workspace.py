"""Reads a workspace from the disk, and makes a new one. Look-up order for files: workspace, then packaged."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from difflib import get_close_matches
from io import BytesIO
from pathlib import Path

from drip.course.model import Course, Defaults
from drip.course.paths import COURSE_ENDS
from drip.course.schema import json_schema, translation_schema
from drip.engine.beside import LARGEST, course_of, read_with_files
from drip.errors import CourseError, NotFound, Refused
from drip.plan.compile import compile_plan
from drip.plan.model import Mail, Plan
from drip.render.cards import compile_cards, compile_recap
from drip.render.layout import Brand, compile_template
from drip.render.message import Template

_ENDS = COURSE_ENDS
#: What `init` copies: courses with their translations, bodies and pictures; layouts.
_SHIPPED = {
    "campaigns": (*COURSE_ENDS, ".md", ".png", ".jpg", ".jpeg", ".gif", ".webp"),
    "templates": (".mjml", ".html", ".css"),
}
_ID = re.compile(rb"""^id: *["']?([a-z0-9-]+)""", re.MULTILINE)
_TOML = """\
# What holds for every course that says nothing else. See the README for all settings.
language = "en"

[sender]
name = "Acme Academy"                 # who the mails come from
email = "learn@acme.example"
reply_to = "help@acme.example"

[timing]
every = "1 day"                       # the gap between mails that name none
at = "09:00"                          # in each learner's own zone
days = "mon-fri"
timezone = "Europe/Stockholm"         # for learners who have none

[learner]                             # what an import may bring besides names: courses and imports are held to it
plan = ["trial", "pro"]               # one of these
country = "text"                      # text, number, date or yes/no
team = "text"                         # where a colleague works
started_on = "date"                   # a colleague's first day
status = {values = ["active", "left"], default = "active"}
open_ticket = {type = "yes/no", default = false}    # a support case that is still open
on_leave = {type = "yes/no", default = false}

[brand]
name = "Acme"
accent = "#0F6B5C"
address = "Acme AB, Storgatan 1, 111 23 Stockholm, Sweden"
"""
_LOCAL_TOML = """\
# Secrets: for this machine only, not for git. Whoever has the key can make links that drip believes.
secret_key = "{secret}"
"""
_GITIGNORE = "drip.local.toml\ndkim/\ndrip.db*\noutbox/\npreview/\n"
_PEOPLE = """\
email,first_name,last_name,language,timezone,plan,country,team,started_on
ada@customer.example,Ada,Byron,en,Europe/London,trial,GB,,
astrid@kund.example,Astrid,Öberg,sv,Europe/Stockholm,trial,SE,,
bo@acme.example,Bo,Ek,sv,Europe/Stockholm,,SE,finance,2026-03-02
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """A course with everything made of it. `media` is name → content of its pictures: `m/NAME` in the plan."""

    course: Course
    plan: Plan
    templates: tuple[Template, ...]
    media: Mapping[str, bytes] = field(default_factory=dict)


def packaged(kind: str) -> Path:
    """The folder of `templates` or `campaigns` that ships with drip."""
    inside = Path(__file__).parents[1] / "packaged" / kind
    return inside if inside.is_dir() else Path(__file__).parents[2] / kind


def find_course(folder: Path, name: str) -> Path:
    """The file of a course: a path, or an id looked up in `campaigns/`. Raises NotFound with what there is."""
    path = Path(name) if Path(name).is_absolute() else folder / name
    if path.suffix in _ENDS:
        if path.is_file():
            return course_of(path)
        raise NotFound(f"there is no file {name}")
    known = {_id_in(file): file for file in course_files(folder)}
    found = {file.stem: file for file in known.values()} | known
    if name in found:
        return found[name]
    if path.is_file():
        raise NotFound(f"{name} is no course file: its name ends in .yaml")
    close = get_close_matches(name, known, n=1)
    hint = f'did you mean "{close[0]}"?' if close else f"in campaigns/ are: {', '.join(known) or 'none'}"
    raise NotFound(f'there is no course "{name}"; {hint}')


def _id_in(file: Path) -> str:
    """The id that a course file says, or else its name, without reading all of a file that may be wrong elsewhere."""
    try:
        with file.open("rb") if file.is_file() else BytesIO() as opened:  # a pipe would be waited for
            said = _ID.search(opened.read(LARGEST))
    except OSError:
        said = None
    return said[1].decode() if said else file.stem


def course_files(folder: Path) -> list[Path]:
    """Every course file of the workspace's `campaigns/`, by name; translations belong to their courses."""
    campaigns = folder / "campaigns"
    return _courses_in(campaigns) if campaigns.is_dir() else []


def files_under(paths: list[Path]) -> Iterator[Path]:
    """The course files that these files and folders name, once each; a translation names its course."""
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            found |= dict.fromkeys(_courses_in(path / "campaigns" if (path / "campaigns").is_dir() else path))
        elif path.is_file():
            found[course_of(path)] = None
        else:
            raise NotFound(f"there is no file or folder {path}")
    yield from found


def _courses_in(folder: Path) -> list[Path]:
    files = (file for file in folder.iterdir() if file.suffix in _ENDS)
    return sorted({course_of(file) for file in files})


def read_layout(folder: Path, name: str) -> str:
    """The MJML source of a layout."""
    for place in (folder / "templates", packaged("templates")):
        file = place / f"{name}.mjml"
        if file.is_file():
            try:
                if file.stat().st_size > LARGEST:
                    raise Refused(f"templates/{name}.mjml: larger than {LARGEST // 1_000_000} MB")
                return file.read_text("utf-8")
            except UnicodeDecodeError:
                raise Refused(f"templates/{name}.mjml: not UTF-8; save it as UTF-8") from None
            except OSError as error:
                raise Refused(f"templates/{name}.mjml: cannot be read: {error.strerror}") from None
    places = (folder / "templates", packaged("templates"))
    known = {file.stem for place in places for file in place.glob("*.mjml") if file.is_file()}
    close = get_close_matches(name, known, n=1)
    hint = f'did you mean "{close[0]}"?' if close else f"there are: {', '.join(sorted(known))}"
    raise NotFound(f"there is no layout templates/{name}.mjml; {hint}")


def compile_course(file: Path, folder: Path, defaults: Defaults, brand: Brand, *, shown_as: str = "") -> Compiled:
    """Everything that a course file becomes: the course, its plan, a template for each mail and variant."""
    course, media = read_with_files(file, defaults, shown_as=shown_as or shown(file, folder))
    layout = read_layout(folder, course.layout)
    shape = layout + json.dumps(asdict(brand), sort_keys=True)  # the brand shapes the mails as the layout does
    plan = compile_plan(course, layout=shape)
    try:
        templates = tuple(_templates(plan, layout, brand))
    except CourseError as error:  # a layout knows its name, and not where it lies
        raise CourseError([replace(one, file=f"templates/{one.file}") for one in error.mistakes]) from None
    return Compiled(course=course, plan=plan, templates=templates, media=media)


def _templates(plan: Plan, layout: str, brand: Brand) -> Iterator[Template]:
    for step in plan.steps:
        if isinstance(step, Mail):
            for variant in step.variants:
                for language in (plan.language, *plan.languages):
                    yield compile_template(plan, step, variant, layout, brand, language=language)
    if plan.reviews is not None:
        for language in (plan.language, *plan.languages):
            yield from compile_cards(plan, language, layout, brand)
            yield compile_recap(plan, language, layout, brand)


def shown(file: Path, folder: Path) -> str:
    """The path as a person would type it."""
    try:
        return str(file.resolve().relative_to(folder.resolve()))
    except (ValueError, OSError, RuntimeError):  # it lies elsewhere, or nowhere: a loop of links
        return str(file)


def create(folder: Path, *, secret: str) -> list[Path]:
    """A new workspace: settings, the sample campaigns, the layouts, the schema. Returns what was written.

    Never overwrites: a folder that holds a drip.toml already is refused; other files that are there stay as they are.
    """
    if (folder / "drip.toml").exists():
        raise Refused(f"{folder / 'drip.toml'} is there already: this folder is a workspace")
    texts: dict[str, str | bytes] = {"drip.toml": _TOML, ".gitignore": _GITIGNORE, "people.csv": _PEOPLE}
    for kind, ends in _SHIPPED.items():
        for file in sorted(packaged(kind).rglob("*")):
            if file.suffix in ends and file.is_file():
                texts[f"{kind}/{file.relative_to(packaged(kind)).as_posix()}"] = file.read_bytes()
    for name, schema in (("course", json_schema()), ("translation", translation_schema())):
        texts[f"campaigns/{name}.schema.json"] = json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
    try:
        written = [path for name, text in texts.items() if (path := _write_new(folder / name, text)) is not None]
        local = _write_new(folder / "drip.local.toml", _LOCAL_TOML.format(secret=secret), mode=0o600)
    except OSError as error:
        raise Refused(f"cannot write into {folder}: {error.strerror}") from None
    return written + ([local] if local is not None else [])


def _write_new(path: Path, text: str | bytes, mode: int = 0o644) -> Path | None:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError:
        return None
    with os.fdopen(handle, "wb") as file:
        file.write(text.encode() if isinstance(text, str) else text)
    return path
