"""The few fixed words of the learner's pages, in each language. Another language is one more entry in `LANGUAGES`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A page that only tells something: its heading, and what to do."""

    title: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PageWords:
    """What the pages say besides the course's own texts. `{sender}`, `{course}`, `{address}` and `{when}` are filled.

    `sure` has a label for each of Recorder's SURE, in the same order. `weekdays` begin on Monday. `date` has {weekday},
    {day}, {month}, and `year_too` the year as well; `at` has {day} (a date or such a word as tomorrow) and {time}.
    """

    #: The language that these words are in, which is not the page's where we do not speak that.
    language: str

    # the answer page
    how_sure: str
    press_sends: str
    sure: tuple[str, str, str]
    answering_as: str

    # what it says after the press
    right: str
    wrong: str
    you_chose: str
    right_answer: str
    guessed_right: str
    certain_wrong: str
    first_counts: str
    next_at: str
    next_now: str
    next_unknown: str
    finished: str
    paused: str
    gone: str

    # leaving
    leave_ask: str
    leave_means: str
    leave: str
    leave_mistake: str
    left: str
    left_means: str
    left_before: str
    left_short: str
    nameless_sender: str

    # notices
    test: Notice
    expired: Notice
    missing: Notice
    refused: Notice
    trouble: Notice

    # dates
    weekdays: tuple[str, ...]
    months: tuple[str, ...]
    date: str
    year_too: str
    today: str
    tomorrow: str
    at: str
    clock: str


LANGUAGES: dict[str, PageWords] = {
    "en": PageWords(
        language="en",
        how_sure="How sure are you?",
        press_sends="Pressing one sends your answer.",
        sure=("I guessed", "Fairly sure", "Certain"),
        answering_as="Answering as {address}",
        right="That is right",
        wrong="Not quite",
        you_chose="You chose",
        right_answer="The right answer",
        guessed_right="A good guess. Read why once more, and next time you will know.",
        certain_wrong="You were certain. Mistakes like that, once put right, are the ones people remember best.",
        first_counts="You have answered this before, and your first answer is the one that counts.",
        next_at="The next tip comes {when}.",
        next_now="The next tip is on its way.",
        next_unknown="The next tip comes by mail when it is time. You can close this page.",
        finished="That was the last tip of “{course}”. Well done.",
        paused="“{course}” is paused for you, so no tip is planned.",
        gone="You have left, so no more tips will come.",
        leave_ask="Leave all mail from {sender}?",
        leave_means="Nothing more will be sent to {address}, from any course.",
        leave="Unsubscribe",
        leave_mistake="Here by mistake? Close this page, and nothing changes.",
        left="You have left",
        left_means="{sender} sends nothing more to {address}. A mail that is on its way already may still arrive.",
        left_before="You had left before, and that still holds. {sender} sends nothing to {address}.",
        left_short="You are unsubscribed. Nothing more will be sent to you.",
        nameless_sender="this sender",
        test=Notice(
            title="This is a test message",
            text="Nothing is recorded and nothing changes. In a real mail, the link works for whoever got it.",
        ),
        expired=Notice(
            title="This link has expired",
            text="Answers are taken for 30 days after a mail was sent. Nothing was recorded.",
        ),
        missing=Notice(
            title="This link does not work",
            text="It may have been cut short on its way, or the mail that it came from is gone. "
            "Open the mail again and press the link there.",
        ),
        refused=Notice(
            title="That did not get through",
            text="Nothing was recorded. Open the link in your mail again, and press once more.",
        ),
        trouble=Notice(
            title="This does not work just now",
            text="The fault is ours, and your mail is fine. Try the same link again in a few minutes.",
        ),
        weekdays=("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
        months=(
            "January", "February", "March", "April", "May", "June",
            "July", "August", "September", "October", "November", "December",
        ),
        date="on {weekday} {day} {month}",
        year_too="on {weekday} {day} {month} {year}",
        today="today",
        tomorrow="tomorrow",
        at="{day} at {time}",
        clock="%H:%M",
    ),
    "sv": PageWords(
        language="sv",
        how_sure="Hur säker är du?",
        press_sends="När du trycker på en av dem skickas ditt svar.",
        sure=("Jag gissade", "Ganska säker", "Helt säker"),
        answering_as="Du svarar som {address}",
        right="Det stämmer",
        wrong="Inte riktigt",
        you_chose="Du valde",
        right_answer="Rätt svar",
        guessed_right="Bra gissat. Läs förklaringen en gång till, så vet du nästa gång.",
        certain_wrong="Du var helt säker. Just sådana misstag minns man bäst, när de väl har rättats.",
        first_counts="Du har svarat på den här frågan förut, och det är ditt första svar som räknas.",
        next_at="Nästa tips kommer {when}.",
        next_now="Nästa tips är på väg.",
        next_unknown="Nästa tips kommer i ett mejl när det är dags. Du kan stänga sidan.",
        finished="Det var det sista tipset i ”{course}”. Bra jobbat.",
        paused="”{course}” är pausad för dig, så inget tips är planerat.",
        gone="Du har avslutat prenumerationen, så det kommer inga fler tips.",
        leave_ask="Vill du sluta få mejl från {sender}?",
        leave_means="Inga fler mejl skickas till {address}, oavsett kurs.",
        leave="Avsluta prenumerationen",
        leave_mistake="Hamnade du här av misstag? Stäng sidan, så ändras ingenting.",
        left="Du har avslutat prenumerationen",
        left_means="{sender} skickar inga fler mejl till {address}. Ett som redan är på väg kan ändå komma fram.",
        left_before="Du hade redan avslutat prenumerationen, och det gäller fortfarande. "
        "{sender} skickar inga mejl till {address}.",
        left_short="Du har avslutat prenumerationen. Du får inga fler mejl.",
        nameless_sender="avsändaren",
        test=Notice(
            title="Det här är ett provmejl",
            text="Inget sparas och inget ändras. I ett riktigt mejl fungerar länken för den som har fått det.",
        ),
        expired=Notice(
            title="Länken har gått ut",
            text="Du kan svara i 30 dagar efter att ett mejl har skickats. Inget har sparats.",
        ),
        missing=Notice(
            title="Länken fungerar inte",
            text="Den kan ha kortats av på vägen, eller så finns inte mejlet kvar som den kom från. "
            "Öppna mejlet igen och tryck på länken där.",
        ),
        refused=Notice(
            title="Det gick inte fram",
            text="Inget har sparats. Öppna länken i ditt mejl igen och tryck en gång till.",
        ),
        trouble=Notice(
            title="Det fungerar inte just nu",
            text="Felet ligger hos oss, inte i ditt mejl. Prova samma länk igen om några minuter.",
        ),
        weekdays=("måndag", "tisdag", "onsdag", "torsdag", "fredag", "lördag", "söndag"),
        months=(
            "januari", "februari", "mars", "april", "maj", "juni",
            "juli", "augusti", "september", "oktober", "november", "december",
        ),
        date="{weekday} {day} {month}",
        year_too="{weekday} {day} {month} {year}",
        today="i dag",
        tomorrow="i morgon",
        at="{day} kl. {time}",
        clock="%H.%M",
    ),
}  # fmt: skip


def page_words(language: str) -> PageWords:
    """The words in a BCP 47 language: its own, else those of its primary subtag (`sv` for `sv-FI`), else English."""
    return _spoken(language) or LANGUAGES["en"]


def preferred(accept_language: str, otherwise: str) -> str:
    """The language, of those we speak, that a browser asks for first (RFC 9110, 12.5.4); else `otherwise`."""
    ranges: list[tuple[float, int, str]] = []
    for part in accept_language[:200].split(","):
        tag, _, weight = part.partition(";")
        try:
            ranges.append((-float(weight.partition("=")[2] or 1), len(ranges), tag.strip()))
        except ValueError:
            continue
    spoken = [tag for weight, _, tag in sorted(ranges) if weight < 0 and _spoken(tag)]
    return spoken[0] if spoken else otherwise


def fill(text: str, **values: str) -> str:
    """The text with its {names} filled in. A value is never read for names itself."""
    return text.format_map(values)


def sure_labels(words: PageWords, sure: tuple[str, ...]) -> Mapping[str, str]:
    """How sure one may be → the label of its button."""
    return dict(zip(sure, words.sure, strict=True))


def _spoken(language: str) -> PageWords | None:
    tag = language.lower()
    return LANGUAGES.get(tag) or LANGUAGES.get(tag.partition("-")[0])
