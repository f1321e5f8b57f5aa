"""What a learner has asked for and said so far, read back from the evidence: for whoever asks why a mail came."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from drip.course.timing import parse_clock, parse_days
from drip.people import Tempo, Wish
from drip.track.evidence import Evidence, Kind
from drip.track.heard import in_words

#: What providers and mail servers tell of a mail, and somebody who asks wants to know.
HEARD = (Kind.DELIVERED, Kind.DELAYED, Kind.BOUNCE, Kind.COMPLAINT, Kind.AUTO_REPLY, Kind.PROVIDER)
_SAID = {None: "none", "planned": "as planned", "half": "half as often", "twice": "twice as often"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One change on a learner's page: `item` says of what."""

    at: datetime
    item: str
    was: object
    to: object

    @property
    def words(self) -> str:
        """`pace: as planned → half as often`, as an operator reads it."""
        return _changed(self.item, self.was, self.to)


def changes_of(events: Sequence[Evidence]) -> list[Asked]:
    """The changes among the evidence of one enrolment, oldest first."""
    return [
        Asked(at=one.at, item=one.item, was=one.data.get("from"), to=one.data.get("to"))
        for one in sorted(events, key=lambda event: event.at)
        if one.kind is Kind.CHANGE
    ]


def said_by(kind: str, item: str, data: Mapping[str, object]) -> str:
    """What a piece of evidence says beside its item, in words: the option of an answer, a rating, a change."""
    match kind:
        case Kind.ANSWER:
            option, correct, sure = data.get("option"), data.get("correct"), data.get("sure")
            number = f"option {option + 1}" if isinstance(option, int) else ""
            verdict = "" if correct is None else "right" if correct else "wrong"
            return ", ".join(filter(None, (number, verdict, f"{sure}" if sure else "")))
        case Kind.RATING:
            return f"{data.get('rating', '')}"
        case Kind.CHANGE:
            return _changed(item, data.get("from"), data.get("to"))
        case Kind.UNSUBSCRIBE:
            return "this course" if data.get("scope") == "course" else "everything"
        case Kind.RETURN:
            return "confirmed the form" if item == "subscribe" else "took it back"
        case _ if kind in HEARD:
            return in_words(*(str(data.get(name) or "") for name in ("status", "said")))
        case _ if "to" in data:
            return f"{_said(data.get('from'))} → {_said(data['to'])}"
        case _:
            return ""


def doors_of(events: Sequence[Evidence], enrolment_id: int, *, since: datetime) -> list[tuple[datetime, str, str]]:
    """(when, `leave` or `return`, in words) for one enrolment, of all evidence of its learner.

    Who leaves everything leaves this too, and takes that back for it too.
    """
    found: list[tuple[datetime, str, str]] = []
    everything = False
    for one in sorted(events, key=lambda event: event.at):
        mine = one.enrolment_id == enrolment_id
        if one.at < since or one.kind not in (Kind.UNSUBSCRIBE, Kind.RETURN):
            continue
        if one.kind is Kind.UNSUBSCRIBE and (mine or one.data.get("scope") != "course"):
            everything = one.data.get("scope") != "course"
            found.append((one.at, "leave", f"left {said_by(one.kind, one.item, one.data)}"))
        elif one.kind is Kind.RETURN and (mine or everything):
            found.append((one.at, "return", said_by(one.kind, one.item, one.data)))
    return found


def heard_of(events: Sequence[Evidence], mails: Collection[int]) -> list[tuple[datetime, str, str, str]]:
    """(when, step, what, in words) of everything that was told of these mails, of all evidence of their learner."""
    told = [one for one in events if one.kind in HEARD and one.delivery_id in mails]
    return [(one.at, one.step, str(one.kind), _heard(one)) for one in told]


def _heard(one: Evidence) -> str:
    words = said_by(one.kind, one.item, one.data)
    beside = one.item if one.kind in (Kind.BOUNCE, Kind.PROVIDER) else ""
    return ": ".join(filter(None, (beside, words)))


def wish_at(at: datetime, now: Wish, changes: Sequence[Asked]) -> Wish:
    """What was wished at an instant, counted back from what is wished `now`."""
    wish = now
    for one in reversed(changes):
        if one.at <= at:
            break
        match one.item, one.was:
            case "pace", str(was):
                wish = replace(wish, tempo=Tempo(was))
            case "hour", was:
                wish = replace(wish, at=None if was is None else parse_clock(was))
            case "days", was:
                wish = replace(wish, days=None if was is None else parse_days(was))
            case _:
                pass
    return wish


def hurried_between(since: datetime, until: datetime, changes: Sequence[Asked]) -> bool:
    """Whether the learner asked for the next mail between these instants."""
    return any(one.item == "next" and since <= one.at <= until for one in changes)


def _said(value: object) -> str:
    return _SAID.get(value, str(value)) if value is None or isinstance(value, str) else str(value)


def _changed(item: str, was: object, to: object) -> str:
    match item:
        case "next":
            return "asked for the next one now"
        case "pause" if isinstance(to, dict) and to.get("until"):
            return f"paused until {to['until']}"
        case "pause":
            return "paused until they come back"
        case "resume":
            return "went on"
        case "hour" | "days":
            before, after = (value or "as the course says" for value in (was, to))
            return f"{item}: {before} → {after}"
        case _:
            return f"{item}: {_said(was)} → {_said(to)}"
