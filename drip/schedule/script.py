"""Scripted behaviour for a simulation: `answers.yaml` → a Script, checked against the plan, all mistakes at once.

every: {open: 5 minutes, click: 10 minutes, answer: right}
steps:
  welcome: {answer: {option: wrong, after: 3 hours, sure: guessed}}
  recommend: {rating: 9}
events:
  - {event: subscription.started, after: 30 days}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from drip.course.choices import one_of
from drip.course.links import Link, links
from drip.course.positions import Node, Row, Scalar, Table
from drip.course.reading import MOST_BYTES, MOST_MISTAKES, decoded, tree_of
from drip.course.timing import Gap, Unit, parse_gap
from drip.course.values import name, problem, shown, text, timed
from drip.errors import CourseError, Mistake
from drip.plan.model import Mail, Plan, Question, Texts
from drip.schedule.acts import Acts, Outcome, Press, Reply, Script
from drip.schedule.script_reading import Reading
from drip.schedule.script_values import option_of, rating_of, share
from drip.schedule.uses import events_used

_TOP = ("every", "steps", "events")
_ACTS = ("open", "click", "answer", "rating", "unsubscribe", "events")
#: What a key says that turns off what `every` says.
_NEVER = ("never", "nothing", "no")
#: How long after the mail somebody presses an answer or a rating, where the script does not say.
_SOON = Gap(count=10, unit=Unit.MINUTES)
#: How sure they say they are, where the script does not say.
_SURE = "fairly"


def read_script(file: str, data: bytes, plan: Plan) -> Script:
    """The script in a YAML file. Raises CourseError with every mistake in it, also what this plan does not have."""
    if len(data) > MOST_BYTES:
        message = f"answers of {len(data):,} bytes; {MOST_BYTES:,} is the most"
        raise CourseError([Mistake(file=file, line=1, column=1, rule="too-big", message=message)])
    source = decoded(file, data)
    tree, mistakes = tree_of(source)
    reading = _Reading(source=source, mistakes=mistakes, plan=plan)
    script = reading.script(tree)
    if reading.mistakes:
        found = sorted(set(reading.mistakes), key=lambda one: (one.line, one.column, one.message))
        raise CourseError(found[:MOST_MISTAKES])
    return script


@dataclass(slots=True)
class _Reading(Reading):
    """One script being read against one plan."""

    plan: Plan

    def script(self, tree: Node | None) -> Script:
        if tree is None or (isinstance(tree, Scalar) and tree.value is None):
            self.wrong(
                (0, 0), "empty", "the file is empty", "write what a learner does, such as every: {answer: right}"
            )
            return Script()
        top = self.keys(tree, _TOP, "answers")
        mails = {step.id: step for step in self.plan.steps if isinstance(step, Mail)}
        every = self.every(top["every"], mails) if "every" in top else {}
        acts = {id_: every[id_] for id_ in mails if id_ in every}
        for id_, node in self.named(top.get("steps"), mails):
            acts[id_] = self.acts(node, mails[id_], every.get(id_, Acts()), f'"{id_}"')
        return Script(acts=acts, events=self.outcomes(top["events"], "the enrolment") if "events" in top else ())

    def named(self, node: Node | None, mails: Mapping[str, Mail]) -> list[tuple[str, Node]]:
        """The parts of `steps`, each with the mail that it is about."""
        found = []
        for id_, part in self.table(node, '"steps"').items() if node is not None else ():
            assert isinstance(node, Table)
            if id_ in mails:
                found.append((id_, part))
                continue
            asks = next((m for m, mail in mails.items() if mail.question and mail.question.id == id_), None)
            if asks is not None:
                hint = f'its tip is called "{asks}"'
            elif self.plan.step(id_) is not None:
                hint = "only tips and surveys are mailed"
            else:
                hint = self.meant(id_, mails)
            self.wrong(node.keys_at[id_], "unknown-step", f"no mail is called {shown(id_)}", hint)
        return found

    def every(self, node: Node, mails: Mapping[str, Mail]) -> dict[str, Acts]:
        """What `every` means for each mail: as much of it as that mail has a place for."""
        said = self.keys(node, _ACTS, '"every"')
        found = {}
        for id_, mail in mails.items():
            fits = {
                "open": True,
                "click": _clickable(mail),
                "answer": mail.question is not None,
                "rating": mail.survey is not None,
                "unsubscribe": True,
                "events": True,
            }
            part = Table(node.span)
            part.update({key: inner for key, inner in said.items() if fits[key]})
            part.keys_at = {key: said.keys_at[key] for key in part}
            found[id_] = self.acts(part, mail, Acts(), '"every"')
        return found

    def acts(self, node: Node, mail: Mail, before: Acts, owner: str) -> Acts:
        """What is done with one mail; what is not said stays as `every` says it."""
        if _never(node):
            return Acts()
        said = self.keys(node, _ACTS, owner)
        acts = before
        for key, inner in said.items():
            where = f'"{key}" in {owner}'
            match key:
                case "open":
                    acts = replace(acts, open=self.press(inner, where))
                case "click":
                    if not _clickable(mail):
                        message = f'the mail "{mail.id}" has no link and no button to click'
                        self.wrong(said.keys_at[key], "no-link", message, "take it out")
                    acts = replace(acts, click=self.press(inner, where))
                case "answer":
                    if mail.question is None:
                        message = f'the mail "{mail.id}" has no question'
                        hint = "it asks for a rating: write rating: 9, say" if mail.survey else "take it out"
                        self.wrong(said.keys_at[key], "no-question", message, hint)
                    else:
                        acts = replace(acts, replies=self.replies(inner, mail, where))
                case "rating":
                    if mail.survey is None:
                        self.wrong(said.keys_at[key], "no-survey", f'the mail "{mail.id}" asks for no rating')
                    else:
                        acts = replace(acts, rating=self.rating(inner, mail, where))
                case "unsubscribe":
                    acts = replace(acts, leave=self.press(inner, where))
                case _:
                    acts = replace(acts, events=self.outcomes(inner, "the mail"))
        return acts

    def press(self, node: Node, owner: str) -> Press | None:
        """`5 minutes`, or {after: 5 minutes, share: 60%}."""
        if _never(node):
            return None
        if not isinstance(node, Table):
            return Press(after=self.value(node, _delay, owner) or _SOON)
        said = self.keys(node, ("after", "share"), owner)
        return Press(after=self.after(said, owner, needed=True), share=self.share(said))

    def replies(self, node: Node, mail: Mail, owner: str) -> tuple[Reply | None, ...]:
        """One answer, or a list: the first time, and each time that the question comes back."""
        nodes = list(node) if isinstance(node, Row) else [node]
        if not nodes:
            self.wrong(node.span, "too-few", f"{owner} needs at least 1 item", "such as answer: right")
        return tuple(self.reply(one, mail, owner) for one in nodes)

    def reply(self, node: Node, mail: Mail, owner: str) -> Reply | None:
        if _never(node):
            return None
        if not isinstance(node, Table):
            option = self.option(node, mail, owner)
            return Reply(after=_SOON, options=((option, 1.0),), sure=_SURE)
        said = self.keys(node, ("option", "after", "sure", "share"), owner)
        options: tuple[tuple[int, float], ...] = ()
        if "option" not in said:
            self.wrong(node.span, "missing-key", f'"option" is missing in {owner}', "write option: right, say")
        elif isinstance(chosen := said["option"], Table):
            options = self.shares(chosen, mail, owner)
            if "share" in said:
                self.wrong(said.keys_at["share"], "unknown-key", "the options have shares already", "take this one out")
        else:
            options = ((self.option(chosen, mail, owner), self.share(said)),)
        sure = self.value(said["sure"], one_of("guessed", "fairly", "certain"), owner) if "sure" in said else _SURE
        return Reply(after=self.after(said, owner), options=options, sure=sure or _SURE)

    def shares(self, node: Table, mail: Mail, owner: str) -> tuple[tuple[int, float], ...]:
        """`{right: 60%, wrong: 25%}`: the rest answer nothing."""
        found = []
        for written, inner in node.items():
            key = Scalar(written, written, node.keys_at[written])
            found.append((self.option(key, mail, owner), self.value(inner, share, owner) or 0.0))
        if sum(part for _, part in found) > 1 + 1e-9:
            self.wrong(node.span, "too-many", "these shares are more than 100% together", "the rest answer nothing")
        return tuple(found)

    def option(self, node: Node, mail: Mail, owner: str) -> int:
        assert mail.question is not None
        asked: Sequence[Question] = (mail.question, *mail.questions.values())
        return self.value(node, lambda one: option_of(text(one), asked), owner) or 0

    def rating(self, node: Node, mail: Mail, owner: str) -> Press | None:
        """`9`, `highest`, or {rating: 9, after: 1 day, share: 30%}."""
        survey = mail.survey
        assert survey is not None
        if _never(node):
            return None
        said = self.keys(node, ("rating", "after", "share"), owner) if isinstance(node, Table) else None
        rated = node if said is None else said.get("rating")
        if rated is None:
            self.wrong(node.span, "missing-key", f'"rating" is missing in {owner}', f"write rating: {survey.high}")
        else:
            self.value(rated, lambda one: rating_of(text(one), survey), owner)
        return Press(after=_SOON) if said is None else Press(after=self.after(said, owner), share=self.share(said))

    def outcomes(self, node: Node, since: str) -> tuple[Outcome, ...]:
        """`[{event: subscription.started, after: 9 days}]`."""
        if not isinstance(node, Row):
            hint = f"such as - {{event: subscription.started, after: 9 days}}, counted from {since}"
            self.wrong(node.span, "wrong-type", '"events" is a list', hint)
            return ()
        known = events_used(self.plan)
        found = []
        for item in node:
            said = self.keys(item, ("event", "after", "share"), "an event")
            if "event" not in said:
                if isinstance(item, Table):
                    self.wrong(item.span, "missing-key", '"event" is missing in an event', "write event: NAME")
                continue
            called = self.value(said["event"], name, "an event")
            if called is not None and called not in known:
                message = f"nothing in this course asks for the event {shown(called)}"
                self.wrong(said["event"].span, "unknown-event", message, self.meant(called, known))
            press = Press(after=self.after(said, "an event", needed=True, at_once=True), share=self.share(said))
            found.append(Outcome(name=called or "", press=press))
        return tuple(found)

    def after(self, said: Table, owner: str, *, needed: bool = False, at_once: bool = False) -> Gap:
        if "after" in said:
            return self.value(said["after"], timed(parse_gap) if at_once else _delay, f'"after" in {owner}') or _SOON
        if needed:
            self.wrong(said.span, "missing-key", f'"after" is missing in {owner}', "write after: 5 minutes, say")
        return _SOON

    def share(self, said: Table) -> float:
        if "share" not in said:
            return 1.0
        found = self.value(said["share"], share, '"share"')
        return 1.0 if found is None else found


def _never(node: Node) -> bool:
    return isinstance(node, Scalar) and (node.value is False or node.text.strip().lower() in _NEVER)


def _delay(node: Node) -> Gap:
    """How long after a mail somebody does something: a machine is quicker than a minute, a person is not."""
    gap = timed(parse_gap)(node)
    if gap.count == 0:
        raise problem("bad-time", "nobody is that quick: it would count as a machine", 'write "1 minute" or more')
    return gap


def _clickable(mail: Mail) -> bool:
    """Whether one of its variants at least has a link or a button."""
    return any(_has_link(variant.texts) for variant in mail.variants)


def _has_link(said: Texts) -> bool:
    urls = [part.url for part in (said.button, said.clip) if part is not None]
    return any(link.counts_clicks for link in (*(Link(url=url) for url in urls), *links(said.body)))
