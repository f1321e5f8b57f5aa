"""Outgoing webhooks: endpoints, their secrets, what was told, and telling it again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from drip.cli.app import opened, settings, webhook_app
from drip.cli.output import Format, FormatOption, Misused, instant, say, show, shown, table

if TYPE_CHECKING:
    from drip.engine.tell import Seen
    from drip.store.webhooks import Line

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The endpoint's name, such as crm.")]


@webhook_app.command("add")
def add(
    name: NameArgument,
    url: Annotated[str, typer.Argument(metavar="URL", help="Where to post, such as https://crm.acme.example/drip.")],
    events: Annotated[
        str, typer.Option("--events", metavar="A,B | all", help="What it wants to know: sent,finished, say.")
    ] = "all",
    in_the_clear: Annotated[
        bool, typer.Option("--in-the-clear", help="Mean it, where the URL is http:// and leads to another machine.")
    ] = False,
    format: FormatOption = Format.text,
) -> None:
    """Tell an endpoint what happens from now on.

    Events are enrolled, sent, clicked, answered, rated, finished, left, bounced, and what `notify` steps name.
    """
    import secrets

    from drip import wiring
    from drip.engine import tell

    chosen = settings()
    wanted = [] if events.strip() == "all" else [one.strip() for one in events.split(",") if one.strip()]
    if not wanted and events.strip() != "all":
        raise Misused("--events names none: write --events sent,finished, or --events all")
    with opened(chosen, only_look=True) as store:
        one = tell.add(
            store,
            name,
            url,
            events=wanted,
            id=secrets.token_hex(12),
            now=wiring.system_clock(),
            in_the_clear=in_the_clear,
        )

    def text() -> None:
        say(
            f"{name} is told of {_wanted(sorted(one.events))}, from now on (within seconds).",
            f"Its receiver needs the secret that `drip webhook secret {name}` shows; try it: drip webhook test {name}",
        )

    show(format, {"name": name, "url": one.url, "events": sorted(one.events) or "all"}, text)


@webhook_app.command("list")
def list_endpoints(format: FormatOption = Format.text) -> None:
    """List the endpoints, and what waits for each."""
    from drip.engine import tell
    from drip.schedule.slots import zone

    chosen = settings()
    with opened(chosen, only_look=True) as store:
        found = tell.listed(store)
    local = zone(chosen.defaults.timezone)

    def text() -> None:
        if not found:
            say("no endpoint: drip webhook add NAME URL")
            return
        for seen in found:
            one, standing = seen.endpoint, seen.standing
            say(
                f"{one.name}: {one.url}",
                f"  told of {_wanted(sorted(one.events))}",
                f"  {standing.waiting:,} {'waits' if standing.waiting == 1 else 'wait'}, {standing.failed:,} given up",
                f"  {_state(seen, local)}",
            )

    show(format, [_as_row(seen) for seen in found], text)


@webhook_app.command("remove")
def remove(name: NameArgument, format: FormatOption = Format.text) -> None:
    """Take an endpoint away, with what waits for it."""
    from drip.engine import tell

    with opened(settings(), only_look=True) as store:
        waited = tell.remove(store, name)
    lost = f"; {waited:,} that waited for it {'is' if waited == 1 else 'are'} told to nobody" if waited else ""
    show(format, {"removed": name, "waited": waited}, lambda: say(f"{name} is told nothing any more{lost}"))


@webhook_app.command("secret")
def secret(name: NameArgument, format: FormatOption = Format.text) -> None:
    """Show the secret that the receiver verifies signatures with.

    It is made of the workspace's first key. After `drip keys rotate` both the new one and the old one are good.
    """
    from drip.engine import tell
    from drip.settings import require_secret

    chosen = settings()
    require_secret(chosen)
    with opened(chosen, only_look=True) as store:
        found = tell.secrets_of(store, name, chosen.secret_keys)
    show(format, {"secret": found[0], "also_good": found[1:]}, lambda: say(found[0]))


@webhook_app.command("test")
def try_out(name: NameArgument, format: FormatOption = Format.text) -> None:
    """Post a test event now, and say what came back.

    Exit 1 where it was not taken.
    """
    from drip import wiring
    from drip.engine import tell

    chosen = settings()
    with opened(chosen, only_look=True) as store:
        posting = wiring.posting(chosen, store, wiring.system_clock)
        try:
            number = int(wiring.system_clock().timestamp() * 1000)
            message, answer = tell.try_out(posting, name, number=number)
        finally:
            posting.poster.close()

    def text() -> None:
        say(f"{name} {'has taken it' if answer.taken else 'HAS NOT TAKEN IT'}: {answer.words} ({message})")

    show(format, {"id": message, "taken": answer.taken, "status": answer.status, "answer": answer.words}, text)
    if not answer.taken:
        raise typer.Exit(1)


@webhook_app.command("pause")
def pause(name: NameArgument, format: FormatOption = Format.text) -> None:
    """Tell it nothing for now.

    What happens meanwhile waits, for 30 days.
    """
    from drip import wiring
    from drip.engine import tell

    with opened(settings(), only_look=True) as store:
        tell.pause(store, name, now=wiring.system_clock())
    show(format, {"paused": name}, lambda: say(f"{name} is paused; what happens meanwhile waits"))


@webhook_app.command("resume")
def resume(name: NameArgument, format: FormatOption = Format.text) -> None:
    """Tell it again, what has waited first. Also for one that drip has paused."""
    from drip import wiring
    from drip.engine import tell

    with opened(settings(), only_look=True) as store:
        tell.resume(store, name, now=wiring.system_clock())
    show(format, {"resumed": name}, lambda: say(f"{name} is told again, what has waited first"))


@webhook_app.command("log")
def log(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="One endpoint alone.")] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", help="So many lines.", min=1, max=10_000)] = 20,
    format: FormatOption = Format.text,
) -> None:
    """Show what was told, what waits and what failed, and why.

    The newest comes first.
    """
    from drip.engine import tell
    from drip.schedule.slots import zone

    chosen = settings()
    with opened(chosen, only_look=True) as store:
        found = tell.log_of(store, name, limit=limit)
    local = zone(chosen.defaults.timezone)

    def text() -> None:
        if not found:
            say("nothing was told yet")
            return
        rows = [(one.name, one.learner or "", one.endpoint, _id(one), _fate(one, local)) for one in found]
        table(("event", "learner", "endpoint", "id", "what became of it"), rows)

    show(format, [_logged(one) for one in found], text)


@webhook_app.command("replay")
def replay(
    name: NameArgument,
    since: Annotated[str | None, typer.Option("--since", metavar="T", help="All that happened from T on.")] = None,
    id: Annotated[list[str] | None, typer.Option("--id", metavar="ID", help="This webhook-id (msg_…).")] = None,
    failed: Annotated[bool, typer.Option("--failed", help="All that was given up.")] = False,
    format: FormatOption = Format.text,
) -> None:
    """Tell it again, under the same webhook-id.

    What was told is kept for 30 days.
    """
    from drip import wiring
    from drip.engine import tell

    if (since is not None) + bool(id) + failed != 1:
        raise Misused("replay what? one of --since T, --id ID and --failed")
    with opened(settings(), only_look=True) as store:
        again = tell.replay(
            store,
            name,
            now=wiring.system_clock(),
            since=instant(since) if since is not None else None,
            ids=id or None,
            failed=failed,
        )
    show(format, {"again": again}, lambda: say(f"{again:,} {'is' if again == 1 else 'are'} sent to {name} again"))


def _wanted(events: list[str]) -> str:
    return ", ".join(events) if events else "all"


def _state(seen: Seen, local: Any) -> str:
    one = seen.endpoint
    if one.paused_at is not None:
        return f"PAUSED: {one.paused_why}"
    if one.trouble_since is not None:
        return f"IN TROUBLE since {shown(one.trouble_since, local)}: {one.trouble}"
    return "well"


def _as_row(seen: Seen) -> dict[str, Any]:
    one, standing = seen.endpoint, seen.standing
    return {
        "name": one.name,
        "url": one.url,
        "events": sorted(one.events) or "all",
        "created_at": one.created_at,
        "waiting": standing.waiting,
        "oldest_at": standing.oldest_at,
        "failed": standing.failed,
        "paused_at": one.paused_at,
        "paused_why": one.paused_why or None,
        "failures": one.failures,
        "trouble": one.trouble or None,
        "trouble_since": one.trouble_since,
        "tried_again_at": one.quiet_until,
    }


def _id(one: Line) -> str:
    from drip.engine.webhooks import message_id

    return message_id(one.id, one.key)


def _fate(one: Line, local: Any) -> str:
    """`taken Mon …: 200 OK`, or why it waits."""
    if one.sent_at is not None:
        return f"taken {shown(one.sent_at, local)}: {one.answer}"
    if one.due_at is None:
        return f"FAILED after {one.attempts} attempts: {one.answer}"
    why = f": {one.answer}" if one.answer else ""
    times = f" after {one.attempts} in vain" if one.attempts else ""
    return f"waits until {shown(one.due_at, local)}{times}{why}"


def _logged(one: Line) -> dict[str, Any]:
    state = "sent" if one.sent_at is not None else "failed" if one.due_at is None else "waiting"
    return {
        "id": _id(one),
        "endpoint": one.endpoint,
        "event": one.name,
        "learner": one.learner,
        "happened_at": one.happened_at,
        "state": state,
        "attempts": one.attempts,
        "tried_at": one.tried_at,
        "due_at": one.due_at,
        "sent_at": one.sent_at,
        "answer": one.answer,
    }
