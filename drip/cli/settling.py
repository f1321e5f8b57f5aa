"""`drip settle`: decide what waits for a person."""

from __future__ import annotations

from typing import Annotated

import typer

from drip.cli.app import app, opened, settings
from drip.cli.output import Format, FormatOption, Misused, say, show, table


@app.command()
def settle(
    email: Annotated[str | None, typer.Argument(metavar="[EMAIL]", help="One learner; everybody if not said.")] = None,
    course: Annotated[str | None, typer.Option("--course", metavar="C", help="Only this course.")] = None,
    retry: Annotated[bool, typer.Option("--retry", help="Try it again now, with what is known now.")] = False,
    sent: Annotated[bool, typer.Option("--sent", help="It has arrived: go on as if it had been sent now.")] = False,
    cancel: Annotated[bool, typer.Option("--cancel", help="Leave this mail out, and go on.")] = False,
    format: FormatOption = Format.text,
) -> None:
    """Show, or decide, what waits for you."""
    from drip import wiring
    from drip.engine.settle import Decision, waiting
    from drip.engine.settle import settle as settle_

    if retry + sent + cancel > 1:
        raise Misused("decide one thing: --retry, --sent or --cancel")
    chosen = Decision.RETRY if retry else Decision.SENT if sent else Decision.CANCEL if cancel else None
    with opened(settings(), only_look=True) as store:
        if chosen is None:
            found = waiting(store, email=email, course_id=course)
        else:
            found = settle_(store, chosen, now=wiring.system_clock(), email=email, course_id=course)

    def text() -> None:
        if not found:
            named = " ".join([*([f"of {email}"] if email else []), *([f"in {course}"] if course else [])])
            say(f"nothing {named} waits for a person" if named else "nothing waits for a person")
            return
        if chosen is not None:
            say(f"decided ({chosen}):")
        table(["email", "course", "step", "problem"], [[one.email, one.course, one.step, one.problem] for one in found])
        if chosen is None:
            say("", "decide with --retry, --sent or --cancel (for one person: drip settle EMAIL --retry)")

    show(format, found, text)
