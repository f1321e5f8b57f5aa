"""`[dkim.SELECTOR]` and DRIP_DKIM_* → what signs mails. The keys are read where a way out is made, no sooner."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drip.course import values as course_values
from drip.errors import SettingsError
from drip.render.mime import ascii_address
from drip.settings import values
from drip.settings.files import FILE, Said, like

if TYPE_CHECKING:  # most commands read settings and sign nothing
    from drip.transports.dkim_keys import DkimKey

#: The section whose own sections are keys: `[dkim.d1]`.
SECTION = "dkim"
#: Variables that hold a key: DRIP_DKIM_D1 is that of `[dkim.d1]`.
VARIABLES = "DRIP_DKIM_"

_KEYS = ("domain", "key_file")
_EXAMPLE = f'[dkim.d1] in {FILE} with domain = "acme.example" and key_file = "dkim/d1.pem"'
#: Bytes of a key file that are read: one of RSA-4096 has 3,300.
_LARGEST = 65_536
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\Z", re.IGNORECASE)
#: Characters of a name in the DNS (RFC 1035, section 2.3.4).
_LONGEST_NAME = 253


@dataclass(frozen=True, slots=True, kw_only=True)
class Dkim:
    """A section: for which domain a key signs, and where it is. A `pem` from the environment goes over `key_file`."""

    selector: str
    domain: str
    key_file: str | None = None
    pem: str | None = field(default=None, repr=False)

    @property
    def variable(self) -> str:
        """The variable that may hold its key: `DRIP_DKIM_D1`."""
        return VARIABLES + re.sub(r"[.-]", "_", self.selector).upper()


def read_sections(said: Said, environ: Mapping[str, str]) -> tuple[Dkim, ...]:
    """The sections of the files, with what the environment holds. Raises SettingsError, which shows no key."""
    sections = [
        _section(key.partition(".")[2], value, where)
        for key, (value, where) in said.items()
        if key.partition(".")[0] == SECTION and key != SECTION
    ]
    seen: dict[str, str] = {}
    for one in sections:
        if (other := seen.setdefault(one.selector.lower(), one.selector)) != one.selector:
            raise SettingsError(f"{FILE}: [dkim.{one.selector}] and [dkim.{other}] are the same name in the DNS")
    given = {name: value for name, value in environ.items() if name.startswith(VARIABLES)}
    _refuse_left_over(given, [one.variable for one in sections])
    return tuple(_with_variable(one, sections, given) for one in sections)


def read_keys(sections: tuple[Dkim, ...], folder: Path) -> tuple[DkimKey, ...]:
    """The keys themselves, in their order. Raises SettingsError for the first that cannot sign, or signs twice."""
    if not sections:
        return ()
    from drip.transports.dkim_keys import complaints

    keys = tuple(_key(one, folder) for one in sections)
    for words in complaints(keys):
        raise SettingsError(f"{FILE}: {words}")
    return keys


def _section(selector: str, value: Any, where: str) -> Dkim:
    place = where.replace(f"[{SECTION}] {selector}", f"[{SECTION}.{selector}]")
    if not isinstance(value, dict):
        raise SettingsError(f"{where}: each key has a section of its own, named by its selector: {_EXAMPLE}")
    for key, inner in value.items():
        if isinstance(inner, dict):
            raise SettingsError(f'{place}: a selector with a dot stands in quotes: [{SECTION}."{selector}.{key}"]')
        if key not in _KEYS:
            raise SettingsError(f"{place} {key}: there is no such setting{like(key, _KEYS)}")
    if "domain" not in value:
        raise SettingsError(f'{place}: needs the domain that your mails come from: domain = "acme.example"')
    domain = values.read(_domain, value["domain"], f"{place} domain")
    if not all(_LABEL.match(label) for label in selector.split(".")):
        raise SettingsError(f"{place}: a selector has letters, digits and hyphens, such as d1 or 2026-11")
    if len(f"{selector}._domainkey.{domain}") > _LONGEST_NAME:
        raise SettingsError(f"{place}: {selector}._domainkey.{domain} is too long for a name in the DNS")
    file = values.read(values.line, value["key_file"], f"{place} key_file") if "key_file" in value else None
    return Dkim(selector=selector, domain=domain, key_file=file)


def _domain(value: Any) -> str:
    """A domain as it stands in the DNS."""
    domain = values.of_course(course_values.domain)(value)
    return ascii_address(f"postmaster@{domain}").rpartition("@")[2].lower()


def _with_variable(one: Dkim, sections: list[Dkim], given: Mapping[str, str]) -> Dkim:
    pem = given.get(one.variable)
    if pem is None:
        if one.key_file is None:
            words = f'needs key_file = "dkim/{one.selector}.pem", or the key itself in {one.variable}'
            raise SettingsError(f"{FILE}: [{SECTION}.{one.selector}]: {words}")
        return one
    if [other for other in sections if other.variable == one.variable] != [one]:
        raise SettingsError(f"{one.variable}: it could be the key of several sections of {FILE}; name them differently")
    if not pem.strip():
        raise SettingsError(f"{one.variable}: it is empty; put the key there, or take the variable away")
    # many a place takes values of one line only
    return Dkim(selector=one.selector, domain=one.domain, key_file=one.key_file, pem=pem.replace("\\n", "\n"))


def _refuse_left_over(given: Mapping[str, str], known: list[str]) -> None:
    """A key that no section speaks of would sign nothing."""
    for name in given:
        if name not in known:
            selector = name.removeprefix(VARIABLES).lower().replace("_", "-") or "d1"
            words = f'write [{SECTION}.{selector}] with domain = "acme.example" in {FILE}'
            raise SettingsError(f"{name}: no section says for which domain it signs; {words}{like(name, known)}")


def _key(one: Dkim, folder: Path) -> DkimKey:
    from drip.transports.dkim_keys import read_key

    if one.pem is not None:
        return read_key(one.pem.encode(), selector=one.selector, domain=one.domain, source=one.variable)
    assert one.key_file is not None  # read_sections sees to it
    file = folder / one.key_file
    return read_key(_content(file, one), selector=one.selector, domain=one.domain, source=one.key_file, file=file)


def _content(file: Path, one: Dkim) -> bytes:
    from drip.transports.dkim_keys import how_to_make

    named = f"{FILE}: [{SECTION}.{one.selector}] key_file: {one.key_file}"
    try:
        if file.exists() and not file.is_file():  # a pipe would be waited for
            raise SettingsError(f"{named} is no file")
        with file.open("rb") as opened:
            return opened.read(_LARGEST)
    except FileNotFoundError:
        words = f"make a key: {how_to_make(str(one.key_file))}"
        raise SettingsError(f"{named} is not there;\n  {words}") from None
    except OSError as error:
        raise SettingsError(f"{named} cannot be read: {error.strerror}") from None
