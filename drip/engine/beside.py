"""A course with everything that lies beside it on the disk: its translations, its bodies' files, its pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from drip.course.files import referred
from drip.course.model import Course, Defaults
from drip.course.parse import parse
from drip.course.paths import translation_language, translation_of
from drip.course.pictures import MOST_PICTURE_BYTES
from drip.errors import NotFound, Refused

#: A course file larger than this is refused before it is read.
LARGEST = 1_000_000
#: All translations of a course: each is read whole, and stands in memory as a tree.
LARGEST_TRANSLATIONS, MOST_TRANSLATIONS = 3_000_000, 30
#: All that a course refers to, in bytes: it stands in memory while the course is compiled.
LARGEST_TOGETHER = 50_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """A course file's bytes and those of all beside it. `absent` are paths that it names and that are not there."""

    data: bytes
    translations: Mapping[str, bytes]
    files: Mapping[str, bytes]
    absent: frozenset[str]


def read_with_files(file: Path, defaults: Defaults, *, shown_as: str) -> tuple[Course, dict[str, bytes]]:
    """Parse a course with what lies beside it; its pictures are given too, by name. Raises CourseError, NotFound or
    Refused.
    """
    found = gather(file, shown_as=shown_as)
    course = parse(shown_as, found.data, defaults, files=found.files, translations=found.translations)
    pictures = {one.name.rpartition("/")[2]: found.files[path] for path, one in course.pictures.items()}
    return course, pictures


def gather(file: Path, *, shown_as: str) -> Beside:
    """Everything that a course is made of, as it lies on the disk, unread. Raises what `read_with_files` raises."""
    data = _text(file, shown_as)
    translations = _translations(file, shown_as)
    files: dict[str, bytes] = {}
    absent: set[str] = set()
    total = 0
    while wanted := set(referred(shown_as, data, files=files, translations=translations)) - absent:
        for path in sorted(wanted):
            content = _beside(file.parent, path)
            if content is None:
                absent.add(path)
                continue
            files[path], total = content, total + len(content)
            if total > LARGEST_TOGETHER:
                most = f"{LARGEST_TOGETHER // 1_000_000} MB together"
                raise Refused(f"{shown_as}: what it refers to has more than {most}: make its pictures smaller")
    return Beside(data=data, translations=translations, files=files, absent=frozenset(absent))


def _translations(file: Path, shown_as: str) -> dict[str, bytes]:
    """Language → content of each translation."""
    found: dict[str, bytes] = {}
    for one in translations_of(file):
        if not one.resolve().is_relative_to(file.parent.resolve()):
            raise Refused(f"{one}: a link that leads out of the course's folder; copy the file there instead")
        found[translation_language(one.name)] = _text(one, str(Path(shown_as).with_name(one.name)))
        if len(found) > MOST_TRANSLATIONS or sum(map(len, found.values())) > LARGEST_TRANSLATIONS:
            most = f"{MOST_TRANSLATIONS} translations, or {LARGEST_TRANSLATIONS // 1_000_000} MB of them"
            raise Refused(f"{shown_as}: more than {most}: divide it into courses")
    return found


def translations_of(file: Path) -> list[Path]:
    """The files beside a course that translate it, by name."""
    if not file.parent.is_dir():
        return []
    return sorted(one for one in file.parent.iterdir() if translation_of(one.name) == file.name and one.is_file())


def course_of(file: Path) -> Path:
    """The course that a file belongs to: for a translation the one beside it, if it is there; else the file itself."""
    name = translation_of(file.name)
    return file.with_name(name) if name is not None and file.with_name(name).is_file() else file


def _text(file: Path, shown_as: str) -> bytes:
    try:
        if file.stat().st_size > LARGEST:
            raise Refused(f"{shown_as}: larger than {LARGEST // 1_000_000} MB; a course is text")
        if not file.is_file():  # a pipe would be waited for, and a device never ends
            raise Refused(f"{shown_as}: cannot be read: it is not a file")
        with file.open("rb") as opened:
            return opened.read(LARGEST + 1)
    except FileNotFoundError:
        raise NotFound(f"there is no file {shown_as}") from None
    except OSError as error:
        raise Refused(f"{shown_as}: cannot be read: {error.strerror}") from None


def _beside(folder: Path, path: str) -> bytes | None:
    """The content of a file, as much as may be said of it; None where it is not there.

    A link that leads out of the folder is not followed: a course cannot show what else is on the disk.
    """
    file = folder / path
    try:
        if not file.is_file():
            return None
        if not file.resolve().is_relative_to(folder.resolve()):
            raise Refused(f"{file}: a link that leads out of the course's folder; copy the file there instead")
        with file.open("rb") as opened:
            return opened.read(MOST_PICTURE_BYTES + 1)
    except (OSError, ValueError) as error:
        words = error.strerror if isinstance(error, OSError) else error
        raise Refused(f"{file}: cannot be read: {words}") from None
