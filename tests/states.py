"""Every page of the web side in every state that it has, in a language, as the web side itself answers it.

Tests of what pages are like for everybody, and of what strangers cannot do to them, walk over these.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
from ways import FORMS, WAYS, House, Way, hidden, make_house, name_of
from web_workspace import NOW

from drip.plan.model import Option, Question, Survey
from drip.store import learners
from drip.store.tables import former
from drip.track.token import Purpose
from drip.web import stamp
from drip.web.serve import running

COURSES: dict[str, dict[str, Any]] = {
    "en": {},
    "sv": {
        "language": "sv",
        "title": "Trygg start",
        "sender": "Karin på Pärmen",
        "question": Question(
            id="welcome",
            ask="Chefen mejlar och ber dig köpa presentkort genast. Vad gör du först?",
            options=(
                Option(
                    text="Vidarebefordrar mejlet med frågan om leveransvillkorsöverenskommelsebekräftelsen",
                    because="Det sprider mejlet, och någon trycker på länken.",
                ),
                Option(text="Ringer chefen", correct=True, because="Ett nummer som du har leder till rätt person."),
            ),
        ),
    },
    "ar": {
        "language": "ar",
        "title": "تقريرك الأول",
        "sender": "أكاديمية أكمي",
        "question": Question(
            id="welcome",
            ask="من أين يبدأ المخطط؟",
            options=(
                Option(text="من عرض محفوظ", correct=True, because="العرض يحتفظ بعوامل التصفية."),
                Option(text="من صفحة فارغة", because="اختر عرضًا أولاً."),
            ),
        ),
    },
}
SURVEYS = {
    "en": Survey(id="welcome", kind="nps", ask="How likely are you to recommend us to a colleague?", low=0, high=10),
    "sv": Survey(id="welcome", kind="csat", ask="Hur nöjd är du med kursen?", low=1, high=5),
    "ar": Survey(id="welcome", kind="scale", ask="ما مدى فائدة النصائح؟", low=1, high=7),
}


@dataclass(frozen=True, kw_only=True)
class State:
    """One page as it was answered."""

    name: str
    status: int
    html: str
    headers: httpx.Headers


def way(name: str) -> Way:
    """A way in by the first part of its path."""
    return next(one for one in WAYS if name_of(one) == name)


def form_of(client: httpx.Client, house: House, way: Way, number: int = 0, who: str = "") -> dict[str, str]:
    """What a person's browser would send a few seconds after the page was shown."""
    fields = hidden(client.get(way.path(house, who)).text)
    if way.nonce == "stamp":
        fields["stamp"] = stamp.make(house.workspace.ring, "first-report", NOW - stamp.LEAST)
    return {**fields, **way.presses[number]}


def states(folder: Path, language: str = "en", **options: Any) -> list[State]:
    """All of them. `options` replace what the course, its learners and its questions say (a `survey` for the one)."""
    found: list[State] = []
    survey = options.pop("survey", SURVEYS[language])
    for number, (walk, rated) in enumerate(_WALKS):
        own = folder / f"walk-{number}"
        own.mkdir(parents=True)
        given = {**COURSES[language], **options, **({"question": None, "survey": survey} if rated else {})}
        house = make_house(own, **given)
        with running(house.app()) as url, httpx.Client(base_url=url, headers={"Accept-Language": language}) as client:
            for name, answer in walk(client, house):
                if "html" in answer.headers.get("content-type", ""):
                    found.append(State(name=name, status=answer.status_code, html=answer.text, headers=answer.headers))
    return found


def _pages(client: httpx.Client, house: House) -> Iterator[tuple[str, httpx.Response]]:
    """Each way's page; those of nobody; what is said where something is wrong."""
    for one in WAYS:
        yield name_of(one), client.get(one.path(house), follow_redirects=False)
    checks = replace(way("certificate"), numbers=lambda house, who: (house.enrolments[who], 0))
    yield "certificate-genuine", client.get(checks.path(house))
    for one in FORMS:
        yield f"{name_of(one)}-refused", client.post(one.path(house), data={"nonce": "x"})
    form = form_of(client, house, way("subscribe"))
    for problem, wrong in (
        ("email", {"email": "no address"}),
        ("name", {"first_name": "x" * 300}),
        ("trap", {"topic": "x"}),
    ):
        yield f"subscribe-wrong-{problem}", client.post("/subscribe/first-report", data={**form, **wrong})
    yield "subscribe-again", client.post("/subscribe/first-report", data={**form, "stamp": form["stamp"][:-1]})
    early = stamp.make(house.workspace.ring, "first-report", NOW)
    yield "subscribe-too-soon", client.post("/subscribe/first-report", data={**form, "stamp": early})
    yield "answer-other", client.get(house.workspace.path(Purpose.ANSWER, 1, days=30))
    yield "missing", client.get("/u/cut-short")
    yield "nowhere", client.get("/nowhere")
    yield "not-allowed", client.put(way("u").path(house))
    for purpose in (Purpose.ANSWER, Purpose.UNSUBSCRIBE, Purpose.CLICK):
        yield f"test-{purpose.name.lower()}", client.get(house.workspace.path(purpose, delivery=0, days=3))
    for purpose in (Purpose.ANSWER, Purpose.UNSUBSCRIBE, Purpose.CLICK):
        yield f"expired-{purpose.name.lower()}", client.get(house.workspace.path(purpose, days=-3))
    for one in (way("undo"), way("s"), way("my"), way("my-pause")):
        yield f"{name_of(one)}-expired", client.get(replace(one, days=-3).path(house))
    old = replace(way("my"), days=-3).path(house)
    yield "my-fresh", client.post(old, data={**hidden(client.get(old).text), "do": "fresh"})
    wrongs = {"pause": {"do": "then", "until": "1999-01-01"}, "times": {"do": "save", "at": "07:30"}}
    for room, wrong in {**wrongs, "zone": {"do": "save", "zone": "Nowhere/Else"}}.items():
        form = hidden(client.get(way(f"my-{room}").path(house)).text)
        yield f"my-{room}-wrong", client.post(way(f"my-{room}").path(house), data={**form, **wrong})


def _presses(client: httpx.Client, house: House) -> Iterator[tuple[str, httpx.Response]]:
    """What each form's press leads to, and the page after it."""
    for one in FORMS:
        for number in range(len(one.presses)):
            pressed = client.post(one.path(house), data=form_of(client, house, one, number))
            yield f"{name_of(one)}-pressed-{number}", pressed
        yield f"{name_of(one)}-after", client.get(one.path(house))


def _other_presses(client: httpx.Client, house: House) -> Iterator[tuple[str, httpx.Response]]:
    """The right answer, and a rating where the mail asked for one."""
    right = house.workspace.path(Purpose.ANSWER, 0, days=30)
    shown = client.get(right)
    yield "rate-or-answer", shown
    form = hidden(shown.text)
    if 'name="rating"' in shown.text:
        yield "rated", client.post(right, data={**form, "rating": "3"})
        yield "rated-again", client.post(right, data={**hidden(client.get(right).text), "rating": "2"})
    else:
        yield "answer-right", client.post(right, data={**form, "sure": "guessed", "option": "0"})
    for option, sure in (("1", "certain"), ("0", "fairly")):
        if 'name="rating"' not in shown.text:
            again = hidden(client.get(right).text)
            yield f"answer-{option}-{sure}", client.post(right, data={**again, "sure": sure, "option": option})


def _erased(client: httpx.Client, house: House) -> Iterator[tuple[str, httpx.Response]]:
    """Leaving by a mail of somebody of whom nothing is known any more but a hash."""
    gone = 10**6
    with house.workspace.store.write() as conn:
        conn.execute(
            former.insert().values(delivery_id=gone, address_hash=learners.suppression_hash(b"k", "a@b.example"))
        )
    path = house.workspace.path(Purpose.UNSUBSCRIBE, delivery=gone)
    asked = client.get(path)
    yield "former", asked
    yield "former-left", client.post(path, data={**hidden(asked.text), "leave": "everything"})


#: (walk, whether the mail asked for a rating and not for an answer). Each has a house of its own.
_WALKS = ((_pages, False), (_presses, False), (_erased, False), (_other_presses, False), (_other_presses, True))
