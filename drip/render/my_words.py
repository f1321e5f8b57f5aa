"""What the learner's own page of a course says, in the words of a language."""

from __future__ import annotations

from dataclasses import dataclass

from drip.render.notice import Notice


@dataclass(frozen=True, slots=True, kw_only=True)
class MyWords:
    """`{course}`, `{sender}`, `{address}`, `{question}`, `{zone}`, `{day}` and `{when}` are filled: `day` is a date,
    `when` a day with its time, such as `tomorrow at 09:00`.
    """

    belongs_to: str
    back: str
    save: str
    now: str

    # how it stands
    send_now: str
    waits_answer: str
    waits_other: str
    goes_on: str
    full: str
    held: str
    coming: str
    unknown: str
    paused_until: str
    paused_open: str
    paused_silent: str
    paused_by_sender: str
    resume: str

    # what has come, and what can be changed
    came: str
    nothing_came: str
    settings: str
    pause: str
    pace: str
    times: str
    language: str
    zone: str
    leave: str

    # what came of a press
    done: str
    before: str
    cannot: str
    choose_until: str
    choose_days: str
    choose_hour: str
    choose_zone: str

    # pausing
    pause_ask: str
    pause_means: str
    pause_for: str
    pause_other: str
    pause_then: str
    pause_open: str
    pause_ask_paused: str

    # the pace
    pace_ask: str
    half: str
    planned: str
    twice: str
    no_faster: str
    would_come: str

    # hours and days
    times_ask: str
    times_means: str
    hour: str
    days: str
    as_course: str

    # language and zone
    language_ask: str
    language_means: str
    zone_ask: str
    zone_means: str
    zone_atlantic: str
    zone_indian: str

    # leaving
    leave_ask: str
    leave_mistake: str
    leave_course: str
    leave_all: str
    left_course: str
    left_all: str
    undo: str

    # a link that has expired, and a fresh one
    expired: Notice
    fresh: str
    fresh_sent: Notice
    fresh_subject: str
    fresh_text: str
    fresh_open: str
    fresh_not_you: str
