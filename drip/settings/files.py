"""drip.toml and drip.local.toml → what they say, key by key, and where it stands."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from drip.errors import SettingsError

FILE, LOCAL_FILE = "drip.toml", "drip.local.toml"
#: A setting as it was found: its value, and where it stands (for what is said of it).
Said = dict[str, tuple[Any, str]]


def read_files(
    folder: Path, plain: Collection[str], sections: Mapping[str, Collection[str] | None]
) -> tuple[Said, bool]:
    """Every key of the two files, a section's as `section.key`, and whether there is any file at all.

    `plain` are the keys that stand in no section; a section whose keys are None takes any. Raises SettingsError.
    """
    said: Said = {}
    found = False
    for name in (FILE, LOCAL_FILE):
        path = folder / name
        try:
            if path.exists() and not path.is_file():  # a pipe would be waited for
                words = "Is a directory" if path.is_dir() else "it is not a file"
                raise SettingsError(f"{name}: cannot be read: {words}")
            content = tomllib.loads(path.read_text("utf-8"))
        except FileNotFoundError:
            continue
        except RecursionError:
            raise SettingsError(f"{name}: nested too deeply") from None
        except UnicodeDecodeError:
            raise SettingsError(f"{name}: not UTF-8; save it as UTF-8") from None
        except OSError as error:
            raise SettingsError(f"{name}: cannot be read: {error.strerror}") from None
        except tomllib.TOMLDecodeError as error:
            raise SettingsError(f"{name}: not TOML: {error}") from None
        found = True
        for key, value in content.items():
            if value == {} and key in sections and sections[key] is None:
                said[key] = (None, f"{name}: [{key}]")  # declares that there are none
            if key in sections and not isinstance(value, dict):
                raise SettingsError(f"{name}: {key}: a section is wanted, [{key}] with its keys on lines of their own")
            if isinstance(value, dict) and key in sections:
                said.update({f"{key}.{inner}": (v, f"{name}: [{key}] {inner}") for inner, v in value.items()})
            else:
                said[key] = (value, f"{name}: {key}")
    known = set(plain) | {f"{section}.{key}" for section, keys in sections.items() for key in keys or ()}
    free = {section for section, keys in sections.items() if keys is None}
    for key, (_, where) in said.items():
        if key not in known and key.partition(".")[0] not in free:
            raise SettingsError(f"{where}: there is no such setting{like(key, known)}")
    return said, found


def like(key: str, known: Collection[str], prefix: str = "") -> str:
    """What was probably meant, to stand behind "there is no such setting"."""
    close = get_close_matches(key, list(known), n=1)
    if not close:
        return ""
    return f"; did you mean {prefix}{close[0].upper() if prefix else close[0]}?"
