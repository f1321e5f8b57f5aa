"""What drip itself says to a learner, in mails and on pages. A file in `languages/` fills it in for a language."""

from __future__ import annotations

from dataclasses import dataclass

from drip.render.door_words import BackWords, CertificateWords, SubscribeWords
from drip.render.my_words import MyWords as MyWords
from drip.render.notice import Notice as Notice

#: Primary subtags of languages written from right to left.
RIGHT_TO_LEFT = frozenset({"ar", "ckb", "dv", "fa", "he", "iw", "ps", "sd", "ug", "ur", "yi"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PageWords:
    """What the pages say besides the course's own texts. `{sender}`, `{course}`, `{address}` and `{when}` are filled.

    `sure` has a label for each of Recorder's SURE, in the same order. `on_day` has {day}, a date; `at` has {day} (that,
    or such a word as tomorrow) and {time}.
    """

    # the answer page
    how_sure: str
    press_sends: str
    sure: tuple[str, str, str]
    answering_as: str
    not_you: str
    not_you_means: str
    not_you_join: str
    to_course: str
    to_certificate: str

    # what it says after the press
    right: str
    wrong: str
    you_chose: str
    right_answer: str
    guessed_right: str
    certain_wrong: str
    first_counts: str
    next_at: str
    next_questions_at: str
    next_now: str
    next_unknown: str
    finished: str
    paused: str
    gone: str

    # a survey
    rate: str
    rated: str
    your_rating: str
    first_rating_counts: str

    # leaving everything
    leave_ask: str
    leave_means: str
    leave: str
    leave_mistake: str
    left: str
    left_means: str
    left_before: str
    left_short: str
    left_course_short: str
    nameless_sender: str

    # leaving one course
    leave_course_ask: str
    leave_course_means: str
    left_course_means: str
    left_course_before: str

    # notices
    test: Notice
    expired: Notice
    missing: Notice
    refused: Notice
    trouble: Notice

    # the learner's own page of a course
    my: MyWords

    # dates
    on_day: str
    today: str
    tomorrow: str
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What a mail says besides the tip itself, and the words of the pages.

    `progress` has {number} and {of}, `why` has {course} and {sender}; `watch` has {what}, and `minutes` {minutes};
    `ends` has {low}, {low_means}, {high} and {high_means}.
    """

    #: The language that these words are in (BCP 47), which is not the mail's where we do not speak that.
    language: str
    #: How dates and times are written for learners whose own language names no region (CLDR).
    locale: str

    progress: str
    why: str
    unsubscribe: str
    #: Besides leaving, what the foot of a mail offers.
    pause: str
    change_pace: str
    view: str
    #: Under a body: where its facts come from; {source}.
    source: str

    # a clip
    watch: str
    minutes: str
    captions: str

    # a question: in the text part, what stands before the options
    choose: str

    # questions that come back: over those in a tip; and a mail of nothing else
    earlier: str
    recap_subject: str
    recap_text: str

    # a survey: in the text part, what stands before the ratings; what its ends mean, for each kind
    rate: str
    ends: str
    nps: tuple[str, str]
    csat: tuple[str, str]
    scale: tuple[str, str]

    pages: PageWords
    back: BackWords
    subscribe: SubscribeWords
    certificate: CertificateWords


def direction(language: str) -> str:
    """`rtl` for a language written from right to left, else `ltr`. A script subtag decides where there is one."""
    primary, *others = language.lower().split("-")
    if "latn" in others or "cyrl" in others:
        return "ltr"
    return "rtl" if primary in RIGHT_TO_LEFT or {"arab", "hebr"} & set(others) else "ltr"
