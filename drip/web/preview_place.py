"""Where somebody is in a preview: the step, how it is looked at, and for whom. All of it stands in the address."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

#: The ways to look at a message.
VIEWS = ("phone", "desktop", "text", "headers")
#: Before the name of an attribute that is said to be otherwise: `a.plan=pro`.
SAID = "a."
#: Longer parts of an address were written by no page of ours.
_LONGEST, _MOST = 500, 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What an address says. `at` is the step's number among the mails, from 1, for when its id is not found any more.

    None of `language`, `variant` and `learner`: those that come by themselves. `said` is attribute → other value.
    """

    step: str = ""
    at: int = 0
    view: str = VIEWS[0]
    dark: bool = False
    images: bool = True
    riders: bool = False
    language: str | None = None
    variant: str | None = None
    learner: str | None = None
    said: Mapping[str, str] = field(default_factory=dict)

    def link(self, path: str = "/", *, stamp: str = "", **changes: Any) -> str:
        """The address of a page here, or with something else; another `stamp` makes it another one."""
        pairs = [*replace(self, **changes).pairs(), *([("stamp", stamp)] if stamp else [])]
        return f"{path}?{urlencode(pairs)}" if pairs else path

    def pairs(self, leave_out: Sequence[str] = ()) -> Iterator[tuple[str, str]]:
        """What stands in the address, without what goes without saying."""
        values = {
            "step": self.step,
            "at": str(self.at) if self.at else "",
            "view": self.view if self.view != VIEWS[0] else "",
            "dark": "on" if self.dark else "",
            "images": "" if self.images else "off",
            "riders": "on" if self.riders else "",
            "language": self.language or "",
            "variant": self.variant or "",
            "learner": self.learner or "",
        }
        yield from ((name, value) for name, value in values.items() if value and name not in leave_out)
        if "said" not in leave_out:
            yield from ((SAID + name, value) for name, value in self.said.items())


def read_place(pairs: Sequence[tuple[str, str]]) -> Place:
    """The place that an address says; what no page of ours would write is passed over."""
    said = {name: value for name, value in pairs[:_MOST] if len(name) <= _LONGEST and len(value) <= _LONGEST}
    at, view = said.get("at", ""), said.get("view", "")
    learner = said.get("learner") or None
    # a form sends what it showed: another learner is another person, and what was said of the one before is not theirs
    other = "was" in said and said["was"] != learner
    return Place(
        step=said.get("step", ""),
        at=int(at) if at.isascii() and at.isdecimal() and len(at) < 6 else 0,
        view=view if view in VIEWS else VIEWS[0],
        dark=said.get("dark") == "on",
        images=said.get("images") != "off",
        riders=said.get("riders") == "on",
        language=said.get("language") or None,
        variant=said.get("variant") or None,
        learner=learner,
        said={} if other else {name[len(SAID) :]: text for name, text in said.items() if name.startswith(SAID)},
    )
