"""What drip says where people come in, come back, and get a certificate; part of `words.Words`."""

from __future__ import annotations

from dataclasses import dataclass

from drip.render.notice import Notice


@dataclass(frozen=True, slots=True, kw_only=True)
class BackWords:
    """Taking back that one left, and leaving when nothing is known of one any more. `{sender}`, `{address}`, `{course}`
    are filled.
    """

    mistake: str
    undo: str
    ask: str
    back: str
    back_means: str
    back_course_means: str
    expired: Notice

    # for people who have been erased: their mails' links still leave
    former_means: str
    former_left: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscribeWords:
    """Asking for a course, and confirming it. `{course}`, `{sender}`, `{address}` and `{when}` are filled."""

    # the form
    ask: str
    ask_means: str
    email: str
    first_name: str
    optional: str
    language: str
    send: str
    leave_empty: str
    email_wrong: str
    name_wrong: str
    press_again: str
    busy: Notice

    # after it
    asked: str
    asked_means: str
    asked_nothing: str

    # the mail
    mail_subject: str
    mail_title: str
    mail_text: str
    mail_button: str
    mail_not_you: str

    # confirming
    confirm_ask: str
    confirm_means: str
    confirm: str
    confirm_mistake: str
    joined: str
    joined_means: str
    first_at: str
    first_now: str
    joined_links: str
    confirmed_before: str
    had: Notice
    closed: Notice
    expired: Notice


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateWords:
    """A certificate, and checking one. `{name}`, `{course}`, `{sender}`, `{date}`, `{url}`, `{correct}` and
    `{answered}` are filled.
    """

    title: str
    given_to: str
    for_course: str
    date: str
    learned: str
    skills: str
    score: str
    check: str
    genuine: str
    genuine_means: str
    gone: Notice
