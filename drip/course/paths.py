"""Names and paths of files beside a course: with slashes, relative, and never out of the course's folder."""

from __future__ import annotations

import re
from urllib.parse import unquote

#: How the name of a course's file ends.
COURSE_ENDS = (".yaml", ".yml")

_TRANSLATION = re.compile(r"([^.]+)\.[A-Za-z]{2,3}(-[A-Za-z0-9]+)*")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
_WINDOWS = re.compile(r"[A-Za-z]:[\\/]")


def is_local(address: str) -> bool:
    """Whether an address names a file and not a place on the web."""
    return not _SCHEME.match(address) and not address.startswith(("//", "#", "?"))


def path_problem(path: str) -> tuple[str, str] | None:
    """What is wrong with the path of a file, as (message, hint), whatever folder it is counted from; or None."""
    if "{{" in path or "{%" in path:
        return "the name of a file is literal", "placeholders are for texts and links"
    if path.startswith("/") or _WINDOWS.match(path):
        return "a path from the root of the disk holds on one machine only", "write it from the course's folder"
    if "\\" in path:
        return "folders are divided by /, on every machine", f'write "{path.replace(chr(92), "/")[:80]}"'
    if not is_local(path):
        return "the name of a file is wanted here, not an address", "such as tips/welcome.md"
    if path.endswith("/") or not path.strip("./"):
        return "the name of a file is wanted here, not of a folder", "such as tips/welcome.md"
    return None


def resolved(base: str, path: str) -> str | None:
    """The path from the course's folder of one that is counted from the folder `base`; None if it leads outside."""
    parts: list[str] = base.split("/") if base else []
    for part in path.split("/"):
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


def folder_of(path: str) -> str:
    """The folder that a file lies in, from the course's folder: "" for the course's own."""
    return path.rpartition("/")[0]


def of_address(address: str) -> str:
    """The path that a picture's address in Markdown means: `my%20chart.png` is `my chart.png`."""
    return unquote(address)


def stem_and_end(name: str) -> tuple[str, str]:
    """The name of a course's file without its folder and its end, and that end (`.yaml`, `.yml` or nothing)."""
    file = name.replace("\\", "/").rpartition("/")[2]
    end = next((end for end in COURSE_ENDS if file.lower().endswith(end)), "")
    return file[: len(file) - len(end)], file[len(file) - len(end) :]


def translation_of(name: str) -> str | None:
    """The name of the course that a file translates by its own name, without a folder; None for a course."""
    stem, end = stem_and_end(name)
    found = _TRANSLATION.fullmatch(stem) if end else None
    return found[1] + end if found else None


def translation_language(name: str) -> str:
    """The language that the name of a translation says: sv for `first-report.sv.yaml`."""
    return stem_and_end(name)[0].partition(".")[2]


def translation_name(course: str, language: str) -> str:
    """The name of the file that translates a course into a language."""
    stem, end = stem_and_end(course)
    folder = course[: len(course) - len(stem) - len(end)]
    return f"{folder}{stem}.{language}{end}"
