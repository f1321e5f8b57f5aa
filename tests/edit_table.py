"""The edit table: each kind of edit × people before, waiting at, and past it. docs/editing.md shows it, tests live it.

The course is edited on Wednesday 4 March 2026 at 13:00 in Stockholm. Mails are told as `step@day.hour` of March there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

HEAD = """\
title: Four tips
sender: {name: Acme Academy, email: learn@acme.example}
timing: {every: 1 day, at: "09:00", timezone: Europe/Stockholm}
steps:
"""
A, B, C, D, X = (f"  - {{tip: {n}, subject: Subject {n}, body: Body {n}.}}\n" for n in "abcdx")
BASE = HEAD + A + B + C + D
UNAFFECTED = "unaffected"


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What becomes of one person who was enrolled at `enrolled` (local), and has had `had` by the time of the edit.

    `mails` are those after the edit, or "refused"; `verdict` is what `drip diff` says; `words` what the page says.
    `where` is how diff puts it, if that is another place than the column's.
    """

    enrolled: str
    had: str
    verdict: str
    mails: str
    words: str
    where: str | None = None


@dataclass(frozen=True, kw_only=True)
class Row:
    """One kind of edit of `step`: the course before and after, and what it does. `options` are those of publish."""

    edit: str
    step: str
    after: str
    before: Cell
    waiting: Cell
    past: Cell
    base: str = BASE
    options: dict[str, object] = field(default_factory=dict)


def first(
    verdict: str, mails: str, words: str = "", *, enrolled: str = "04T08", had: str = "a", where: str | None = None
) -> Cell:
    """Somebody who has had the first tip, and waits for b."""
    return Cell(enrolled=enrolled, had=had, verdict=verdict, mails=mails, words=words or verdict, where=where)


def second(
    verdict: str, mails: str, words: str = "", *, enrolled: str = "03T08", had: str = "a b", where: str | None = None
) -> Cell:
    """Somebody who has had a and b."""
    return first(verdict, mails, words, enrolled=enrolled, had=had, where=where)


def third(
    verdict: str, mails: str, words: str = "", *, enrolled: str = "02T08", had: str = "a b c", where: str | None = None
) -> Cell:
    """Somebody who has had a, b and c."""
    return first(verdict, mails, words, enrolled=enrolled, had=had, where=where)


def fourth(
    verdict: str,
    mails: str,
    words: str = "",
    *,
    enrolled: str = "01T08",
    had: str = "a b c d",
    where: str | None = None,
) -> Cell:
    """Somebody who has finished."""
    return first(verdict, mails, words, enrolled=enrolled, had=had, where=where)


def _with(tip: str, **keys: str) -> str:
    """The tip with more keys."""
    return tip.replace("}\n", "".join(f", {name}: {value}" for name, value in keys.items()) + "}\n")


def _removing(*ids: str) -> str:
    return HEAD.replace("steps:", f"removed: [{', '.join(ids)}]\nsteps:")


def _wait(at_most: str) -> str:
    return f"  - wait: {{until: event('done'), at_most: {at_most}}}\n"


def _if(plan: str) -> str:
    return f'  - if: learner.plan == "{plan}"\n    then:\n    {C}'


_PAST = third(UNAFFECTED, "d@5.09")

TABLE = (
    Row(
        edit="new words: a text, picture, question, variant, translation",
        step="c",
        after=HEAD + A + B + C.replace("Subject c", "New words") + D,
        before=first("will get it", "b@5.09 c@6.09 d@7.09", "get the new words"),
        waiting=second("will get it", "c@5.09 d@6.09", "get the new words"),
        past=third(UNAFFECTED, "d@5.09", "keep what they were sent"),
    ),
    Row(
        edit="a longer delay",
        step="c",
        after=HEAD + A + B + _with(C, after="3 days") + D,
        before=first("re-timed", "b@5.09 c@8.09 d@9.09", "get it so long after the mail before it"),
        waiting=second("re-timed", "c@7.09 d@8.09", "get it so long after the mail they had last"),
        past=_PAST,
    ),
    Row(
        edit="a shorter delay",
        step="c",
        base=HEAD + A + B + _with(C, after="5 days") + D,
        after=BASE,
        before=first("re-timed", "b@5.09 c@6.09 d@7.09", "get it so long after the mail before it"),
        waiting=second(
            "re-timed", "c@5.09 d@6.09", "get it then, or at the first legal time from now if that has passed",
            enrolled="02T08", had="a b",
        ),
        past=third(UNAFFECTED, "d@5.09", enrolled="2026-02-26T08"),
    ),
    Row(
        edit="other hours or days",
        step="c",
        after=HEAD + A + B + _with(C, at='"15:00"') + D,
        before=first("re-timed", "b@5.09 c@6.15 d@7.09", "get it at the new hour"),
        waiting=second("re-timed", "c@5.15 d@6.09", "get it at the new hour"),
        past=_PAST,
    ),
    Row(
        edit="another `when`",
        step="c",
        after=HEAD + A + B + _with(C, when="learner.plan == 'trial'") + D,
        before=first("decided anew", "b@5.09 d@6.09", "the new condition is asked when its time comes"),
        waiting=second("decided anew", "d@5.09", "the new condition is asked when its time comes"),
        past=_PAST,
    ),
    Row(
        edit="a tip added",
        step="x",
        after=HEAD + A + B + X + C + D,
        before=first("will get it", "b@5.09 x@6.09 c@7.09 d@8.09"),
        waiting=second("will not get it", "c@5.09 d@6.09", "(for the tip after it) will not get it", where="past"),
        past=third("will not get it", "d@5.09"),
    ),
    Row(
        edit="a tip added at the end",
        step="x",
        after=BASE + X,
        before=second("will get it", "c@5.09 d@6.09 x@7.09"),
        waiting=third("will get it", "d@5.09 x@6.09", "(for the last tip) will get it", where="before"),
        past=fourth("will not get it", "", "(who have finished) will not get it"),
    ),
    Row(
        edit="a tip added at the end, with `--extend`",
        step="x",
        after=BASE + X,
        before=second("will get it", "c@5.09 d@6.09 x@7.09"),
        waiting=third("will get it", "d@5.09 x@6.09", "(for the last tip) will get it", where="before"),
        past=fourth("will get it", "x@5.09", "(who have finished) will get it, at its next legal time"),
        options={"extend": True},
    ),
    Row(
        edit="a tip taken out, listed under `removed:`",
        step="c",
        after=_removing("c") + A + B + D,
        before=first("will not get it", "b@5.09 d@6.09"),
        waiting=second("will not get it", "d@5.09", "go on at the next, not before its next legal time"),
        past=_PAST,
    ),
    Row(
        edit="a tip taken out, not listed",
        step="c",
        after=HEAD + A + B + D,
        before=first("will not get it", "b@5.09 d@6.09"),
        waiting=second("will not get it", "refused", "refused, and says what to write"),
        past=_PAST,
    ),
    Row(
        edit="a tip put in the place of one taken out",
        step="x",
        after=_removing("c") + A + B + X + D,
        before=first("will get it", "b@5.09 x@6.09 d@7.09"),
        waiting=second("will get it", "x@5.09 d@6.09", "(for the old one) get the new one"),
        past=fourth("will not get it", ""),
    ),
    Row(
        edit="a tip renamed, with `renamed_from:`",
        step="see",
        after=HEAD + A + B + C.replace("tip: c", "tip: see, renamed_from: c") + D,
        before=first(UNAFFECTED, "b@5.09 see@6.09 d@7.09", "get it once, under its new id"),
        waiting=second(UNAFFECTED, "see@5.09 d@6.09", "get it once, at the same time"),
        past=third(UNAFFECTED, "d@5.09", "have had it: it is not sent again"),
    ),
    Row(
        edit="a tip moved later",
        step="b",
        after=HEAD + A + C + D + B,
        before=first("re-timed", "a@5.09 c@6.09 d@7.09 b@8.09", "get it at its new place", enrolled="04T12", had=""),
        waiting=first("re-timed", "c@5.09 d@6.09 b@7.09", "get what comes before it now, then it"),
        past=second("would get it twice", "refused", "would get it twice: refused"),
    ),
    Row(
        edit="a tip moved later, with `--allow-repeat`",
        step="b",
        after=HEAD + A + C + D + B,
        before=first("re-timed", "a@5.09 c@6.09 d@7.09 b@8.09", "get it at its new place", enrolled="04T12", had=""),
        waiting=first("re-timed", "c@5.09 d@6.09 b@7.09", "get what comes before it now, then it"),
        past=second("would get it twice", "c@5.09 d@6.09 b@7.09", "get it twice, as was said"),
        options={"allow_repeat": ["b"]},
    ),
    Row(
        edit="a tip moved later, with `when: not sent(\"b\")` in it",
        step="b",
        after=HEAD + A + C + D + _with(B, when="'not sent(\"b\")'"),
        before=first("re-timed", "a@5.09 c@6.09 d@7.09 b@8.09", "get it at its new place", enrolled="04T12", had=""),
        waiting=first("re-timed", "c@5.09 d@6.09 b@7.09", "get what comes before it now, then it"),
        past=second("decided anew", "c@5.09 d@6.09", "do not get it again"),
    ),
    Row(
        edit="a tip moved earlier",
        step="d",
        after=HEAD + A + D + B + C,
        before=first("re-timed", "d@5.09 b@6.09 c@7.09", "get it at its new place"),
        waiting=third("re-timed", "refused", "get it; what comes after it now they would get twice: refused"),
        past=fourth(UNAFFECTED, ""),
    ),
    Row(
        edit="a wait made longer, or shorter, or another `until`",
        step="b/wait",
        base=HEAD + A + B + _wait("4 days") + C + D,
        after=HEAD + A + B + _wait("6 days") + C + D,
        before=first("re-timed", "b@5.09 c@11.09 d@12.09", "wait as it says now"),
        waiting=second("re-timed", "c@10.09 d@11.09", "wait as it says now, counted from when they began to wait"),
        past=third(UNAFFECTED, "d@5.09", enrolled="2026-02-27T08"),
    ),
    Row(
        edit="a wait added",
        step="b/wait",
        after=HEAD + A + B + _wait("4 days") + C + D,
        before=first("will get it", "b@5.09 c@9.09 d@10.09", "wait"),
        waiting=second("will not get it", "c@5.09 d@6.09", "(for the tip after it) do not wait", where="past"),
        past=third("will not get it", "d@5.09", "do not wait"),
    ),
    Row(
        edit="a wait taken out, listed as `removed: [b/wait]`",
        step="b/wait",
        base=HEAD + A + B + _wait("4 days") + C + D,
        after=_removing("b/wait") + A + B + C + D,
        before=first("will not get it", "b@5.09 c@6.09 d@7.09", "do not wait"),
        waiting=second("will not get it", "c@5.09 d@6.09", "go on at the next, not before its next legal time"),
        past=third(UNAFFECTED, "d@5.09", enrolled="2026-02-27T08"),
    ),
    Row(
        edit="another condition of an `if`",
        step="b/if",
        base=HEAD + A + B + _if("pro") + D,
        after=HEAD + A + B + _if("trial") + D,
        before=first("decided anew", "b@5.09 d@6.09", "go the way that it says now"),
        waiting=second("decided anew", "d@5.09", "go the way that it says now"),
        past=third(UNAFFECTED, "d@5.09", "stay on the way that was chosen"),
    ),
    Row(
        edit="a `notify` or an `award` added",
        step="b/notify",
        after=HEAD + A + B + "  - notify: crm.half_way\n" + C + D,
        before=first("will get it", "b@5.09 notify c@6.09 d@7.09", "set it off"),
        waiting=second("will not get it", "c@5.09 d@6.09", "(for the tip after it) do not set it off", where="past"),
        past=third("will not get it", "d@5.09", "do not set it off"),
    ),
    Row(
        edit="the course's zone, `limit` or `stale_after`",
        step="",
        after=BASE.replace("Europe/Stockholm", "America/New_York"),
        before=first("re-timed", "b@5.15 c@6.15 d@7.15", "the next mail keeps to it"),
        waiting=third("re-timed", "d@5.15", "the next mail keeps to it"),
        past=fourth(UNAFFECTED, "", "(who have finished) unaffected"),
    ),
    Row(
        edit="`goal`, `stop`, `hold_while` or `silent`",
        step="",
        after=BASE.replace("steps:", 'stop: learner.plan == "pro"\nsteps:'),
        before=first("decided anew", "", "asked before the next mail"),
        waiting=third("decided anew", "", "asked before the next mail"),
        past=fourth(UNAFFECTED, "", "(who have finished) unaffected"),
    ),
    Row(
        edit="anything else: title, sender, layout, brand, tracking, reviews",
        step="",
        after=BASE.replace("Acme Academy", "Acme School"),
        before=first("will get it", "b@5.09 c@6.09 d@7.09", "from the next mail on"),
        waiting=third("will get it", "d@5.09", "from the next mail on"),
        past=fourth(UNAFFECTED, "", "keep what they were sent; what comes back for review is as it is now"),
    ),
)  # fmt: skip


def page_table() -> str:
    """The table as docs/editing.md shows it; run this file to write it there."""
    lines = ["| edit | before it | waiting at it | past it |", "|---|---|---|---|"]
    lines += [f"| {row.edit} | {row.before.words} | {row.waiting.words} | {row.past.words} |" for row in TABLE]
    return "\n".join(lines) + "\n"


BEGIN, END = "<!-- made by `python tests/edit_table.py` -->\n", "<!-- to here -->\n"

if __name__ == "__main__":
    page = Path(__file__).parents[1] / "docs" / "editing.md"
    before, _, rest = page.read_text("utf-8").partition(BEGIN)
    page.write_text(before + BEGIN + page_table() + END + rest.partition(END)[2], "utf-8")
