"""What an author does with an edit: diff says what it does to the people in the course, publish does it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from drip.cli.app import app, opened, settings
from drip.cli.courses import CourseArgument, compiled_course, compiled_courses
from drip.cli.output import Format, FormatOption, say, show, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drip.plan.model import Plan
    from drip.schedule.impact import Impact

ExtendOption = Annotated[
    bool, typer.Option("--extend", help="Whoever has finished gets the steps that were appended since.")
]
AllowRepeatOption = Annotated[
    list[str] | None,
    typer.Option("--allow-repeat", metavar="STEP", help="This tip may go again to who has had it; may be repeated."),
]


@app.command()
def diff(
    course: CourseArgument,
    extend: ExtendOption = False,
    allow_repeat: AllowRepeatOption = None,
    format: FormatOption = Format.text,
) -> None:
    """Say what publishing a course would do to the people in it.

    Each edit, for those before it, waiting at it and past it, counted from the database. Nothing is written. Exit 1
    where `drip publish` would refuse.
    """
    from drip.engine.diff import diff as compare
    from drip.errors import Refused

    chosen = settings()
    plan = compiled_course(chosen, course).plan
    _known(allow_repeat, [plan])
    with opened(chosen, only_look=True) as store:
        found = compare(store, plan, extend=extend, allow_repeat=allow_repeat or ())

    def text() -> None:
        if found.before is None:
            say(f"{found.course_id} is not published yet: nobody is in it (`drip publish {course}`)")
        elif not found.changed:
            say(f'{found.course_id}: nothing has changed since it was published, "{found.title}"')
        else:
            say(f'{found.course_id}: {found.before[:12]} → {found.revision[:12]}, "{found.title}"')
        if found.before is not None:
            print_impact(found.impact)

    told = {
        "course": found.course_id,
        "title": found.title,
        "before": found.before,
        "revision": found.revision,
        "changed": found.changed,
        **_object(found.impact),
    }
    show(format, told, text)
    if found.impact.refusals:
        raise Refused("\n".join(found.impact.refusals))


@app.command()
def publish(
    course: Annotated[list[str], typer.Argument(metavar="COURSE", help="Courses' ids, or paths to their files.")],
    extend: ExtendOption = False,
    allow_repeat: AllowRepeatOption = None,
    format: FormatOption = Format.text,
) -> None:
    """Make courses live, for new people and those in them.

    All of them are checked before any is stored. What has been sent stays as it is; `drip diff` says beforehand what
    changes for whom.
    """
    from drip import wiring
    from drip.engine.diff import diff as compare
    from drip.engine.publish import publish as publish_
    from drip.errors import Refused

    chosen = settings()
    compiled = compiled_courses(chosen, course)
    _known(allow_repeat, [one.plan for one in compiled])
    again = allow_repeat or ()
    with opened(chosen) as store:
        refused = [
            words
            for one in compiled
            for words in compare(store, one.plan, extend=extend, allow_repeat=again).impact.refusals
        ]
        if refused:
            raise Refused("\n".join(refused))
        done = [publish_(store, one, now=wiring.system_clock(), extend=extend, allow_repeat=again) for one in compiled]

    def text() -> None:
        for one in done:
            news = "published" if one.before is None else "published anew" if one.changed else "unchanged"
            mails = f"{one.mails} mail{'' if one.mails == 1 else 's'}"
            say(f'{one.course_id}: {news}, "{one.title}", {mails}, revision {one.revision[:12]}')
            if one.before is not None and one.changed:
                print_impact(one.impact)
            if one.extended:
                who = "1 person who had finished goes" if one.extended == 1 else f"{one.extended} who had finished go"
                say(f"  {who} on")

    told = [
        {
            "course_id": one.course_id,
            "title": one.title,
            "revision": one.revision,
            "before": one.before,
            "mails": one.mails,
            "extended": one.extended,
            **_object(one.impact),
        }
        for one in done
    ]
    show(format, told, text)


def _known(steps: Sequence[str] | None, plans: Sequence[Plan]) -> None:
    """Raises NotFound where `--allow-repeat` names a step that none of the courses has."""
    from difflib import get_close_matches

    from drip.errors import NotFound

    ids = [step.id for plan in plans for step in plan.steps]
    for step in steps or ():
        if step not in ids:
            close = get_close_matches(step, ids, n=1)
            raise NotFound(f'--allow-repeat: there is no step "{step}"{f"; did you mean {close[0]}?" if close else ""}')


def print_impact(found: Impact) -> None:
    """Edits and their effects, as a table that fits 100 columns."""
    people = "1 person is" if found.in_it == 1 else f"{found.in_it} people are"
    say(f"{people} on the way, {found.finished} {'has' if found.finished == 1 else 'have'} finished", "")
    rows = []
    for edit in found.edits:
        effects = [effect for effect in found.effects if effect.edit == edit]
        first = [edit.step or "(the course)", edit.what]
        for effect in effects:
            rows.append([*first, str(effect.people), str(effect.where), str(effect.verdict)])
            first = ["", ""]
        if not effects:
            rows.append([*first, "0", "", "nobody is in it"])
    if rows:
        table(["step", "what changed", "people", "where", "what it does to them"], rows, right=("people",))
    for step, many in found.extends:
        who, go = ("1 person who has finished", "goes") if many == 1 else (f"{many} people who have finished", "go")
        say(f'{who} {go} on with "{step}" and what comes after it')
    for step, to, many in found.goes_on:
        who, go, are = ("1 person", "goes", "is") if many == 1 else (f"{many} people", "go", "are")
        next_ = f'"{to}"' if to != step else "the one that is called so now"
        where = f"{go} on at {next_}, not before its next legal time" if to is not None else f"{are} done"
        say(f'{who} at "{step}", which is gone, {where}')


def _object(found: Impact) -> dict[str, object]:
    return {
        "in_it": found.in_it,
        "finished": found.finished,
        "effects": [
            {
                "step": effect.edit.step,
                "kind": effect.edit.kind,
                "what": effect.edit.what,
                "where": effect.where,
                "people": effect.people,
                "verdict": effect.verdict,
            }
            for effect in found.effects
        ],
        "edits": found.edits,
        "goes_on": [{"step": step, "to": to, "people": many} for step, to, many in found.goes_on],
        "extends": [{"step": step, "people": many} for step, many in found.extends],
        "refusals": found.refusals,
    }
