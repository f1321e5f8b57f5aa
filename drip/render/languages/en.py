"""English, as it is written in Europe where a learner's own language names no region."""

from __future__ import annotations

from drip.render.words import Notice, PageWords, Words

WORDS = Words(
    language="en",
    locale="en_GB",
    progress="{number} of {of}",
    why="You get this because you are taking “{course}” with {sender}.",
    unsubscribe="Unsubscribe",
    source="Source: {source}",
    watch="Watch: {what}",
    minutes="{minutes} min",
    captions="with captions",
    choose="Open the link of your answer:",
    earlier="From earlier tips",
    recap_subject="Do you still remember?",
    recap_text="Something from earlier tips. Answer from memory before you look it up: recalling it is what makes it "
    "stay.",
    rate="Open the link of your rating:",
    ends="{low} = {low_means}, {high} = {high_means}",
    nps=("not at all likely", "extremely likely"),
    csat=("very dissatisfied", "very satisfied"),
    scale=("lowest", "highest"),
    pages=PageWords(
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
        next_questions_at="The next questions come {when}.",
        next_now="The next tip is on its way.",
        next_unknown="The next tip comes by mail when it is time. You can close this page.",
        finished="That was the last tip of “{course}”. Well done.",
        paused="“{course}” is paused for you, so no tip is planned.",
        gone="You have left, so no more tips will come.",
        rate="Send your rating",
        rated="Thank you",
        your_rating="Your rating is {rating}, on a scale from {low} to {high}.",
        first_rating_counts="You have rated this before, and your first rating is the one that counts.",
        leave_ask="Leave all mail from {sender}?",
        leave_means="Nothing more will be sent to {address}, from any course.",
        leave="Unsubscribe",
        leave_mistake="Here by mistake? Close this page, and nothing changes.",
        left="You have left",
        left_means="{sender} sends nothing more to {address}. A mail that is on its way already may still arrive.",
        left_before="You had left before, and that still holds. {sender} sends nothing to {address}.",
        left_short="You are unsubscribed. Nothing more will be sent to you.",
        nameless_sender="this sender",
        leave_course_ask="Leave “{course}”?",
        leave_course_means="Nothing more from this course will be sent to {address}. "
        "Other courses from {sender} go on.",
        left_course_means="Nothing more from “{course}” is sent to {address}. "
        "A mail that is on its way already may still arrive.",
        left_course_before="You had left before, and that still holds. Nothing from “{course}” is sent to {address}.",
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
        on_day="on {day}",
        today="today",
        tomorrow="tomorrow",
        at="{day} at {time}",
    ),
)
