"""Every way into the web side, with a good link and a good form for each, over a house that has something behind all.

The hostile tests walk over WAYS; `test_web_forged.py` fails where `build_app` has a route that does not stand there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from fastapi import FastAPI
from sqlalchemy import event, select
from sqlmodel import SQLModel
from web_workspace import NOW, QUESTION, SENT_AT, Workspace, make_workspace

from drip.engine.record import Visit
from drip.engine.subscribe import Offer, Subscriptions, version_of
from drip.people import Enrolment
from drip.store import enrolments, evidence, learners, ledger, requests
from drip.track.evidence import Evidence, Kind
from drip.track.token import Purpose, Ring, sign
from drip.web import stamp

CONSENT = "I want this course by mail. I can leave with one press."
PICTURE = "0123456789abcdef.png"
#: For tests whose odd texts and numbers reach a query: they meet other limits in each database.
on_each_database = pytest.mark.parametrize("house", ["sqlite", "postgresql"], indirect=True)
#: Whoever is in the house: two learners, one who has left, and one who has asked for the course.
ANNA, OTHER, GONE = "anna", "bertil", "gone"


@dataclass(kw_only=True)
class House:
    """A workspace with more people in it; numbers of what is theirs stand under their names."""

    workspace: Workspace
    deliveries: dict[str, int] = field(default_factory=dict)
    enrolments: dict[str, int] = field(default_factory=dict)
    requests: dict[str, tuple[int, int]] = field(default_factory=dict)
    undo: int = 0

    def app(self, **options: Any) -> FastAPI:
        """The web side with everything switched on."""
        offer = Offer(courses=("first-report",), consent={"en": CONSENT})
        key = self.workspace.recorder.suppression_key
        return self.workspace.app(
            **{
                "subscriptions": Subscriptions(self.workspace.store, suppression_key=key, offer=offer),
                "base_url": "https://learn.acme.example",
                "network_key": b"a key of the tests",
                "media": lambda name: ("image/png", b"\x89PNG") if name == PICTURE else None,
                **options,
            }
        )

    def dump(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every table."""
        with self.workspace.store.read() as conn:
            tables = SQLModel.metadata.sorted_tables
            return {table.name: [tuple(row) for row in conn.execute(select(table))] for table in tables}

    @contextmanager
    def counted(self) -> Any:
        """A list that gets each statement that the database is asked meanwhile."""
        asked: list[str] = []

        def note(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
            asked.append(statement)

        engine = self.workspace.store.engine
        event.listen(engine, "before_cursor_execute", note)
        try:
            yield asked
        finally:
            event.remove(engine, "before_cursor_execute", note)


#: (house, who) → the number and the item that a good token carries.
Numbers = Callable[[House, str], tuple[int, int]]


@dataclass(frozen=True, kw_only=True)
class Way:
    """One route. `purpose` None: it takes no token. `presses` are what its page's buttons send, each a form of its own,
    without the hidden fields. `nonce` is the hidden field that its POST cannot do without ("": see `why`).
    """

    route: str
    methods: tuple[str, ...]
    purpose: Purpose | None = None
    numbers: Numbers = lambda house, who: (house.deliveries[who], 0)
    who: str = ANNA
    days: int | None = None
    presses: tuple[Mapping[str, str], ...] = ()
    nonce: str = "nonce"
    why: str = ""
    status: int = 200
    #: What a GET may write, and nothing else.
    evidence: str = ""
    fixed: str = ""
    room: str = ""

    def token(self, house: House, who: str = "", *, ring: Ring | None = None, purpose: Purpose | None = None) -> str:
        """A good token; or one that another ring has signed, or for another purpose."""
        number, item = self.numbers(house, who or self.who)
        until = None if self.days is None else NOW + timedelta(days=self.days)
        chosen = purpose or self.purpose
        assert chosen is not None
        return sign(ring or house.workspace.ring, chosen, number, item, expires_at=until)

    def at(self, token: str) -> str:
        """The path with that token, whatever is in it."""
        return self.fixed or self.route.replace("{token}", quote(token, safe="-_~.")).replace("{room}", self.room)

    def path(self, house: House, who: str = "") -> str:
        """A good path."""
        return self.fixed or self.at(self.token(house, who))


def _request(house: House, who: str) -> tuple[int, int]:
    return house.requests[who]


def _my(room: str, *presses: Mapping[str, str]) -> Way:
    """The learner's own page, or a room of it."""
    return Way(
        route="/my/{token}/{room}" if room else "/my/{token}",
        room=room,
        methods=("GET", "HEAD", "POST"),
        purpose=Purpose.COURSE,
        days=30,
        presses=presses,
        evidence="visit",
    )


WAYS = (
    Way(route="/o/{token}.gif", methods=("GET", "HEAD"), purpose=Purpose.OPEN, evidence="open"),
    Way(route="/c/{token}", methods=("GET", "HEAD"), purpose=Purpose.CLICK, status=302, evidence="click"),
    Way(
        route="/a/{token}",
        methods=("GET", "HEAD", "POST"),
        purpose=Purpose.ANSWER,
        days=30,
        presses=({"option": "1", "sure": "certain"}, {"sure": "guessed"}),
        evidence="visit",
    ),
    Way(
        route="/u/{token}",
        methods=("GET", "HEAD", "POST"),
        purpose=Purpose.UNSUBSCRIBE,
        presses=({"leave": "everything"},),
        evidence="visit",
    ),
    Way(
        route="/undo/{token}",
        methods=("GET", "HEAD", "POST"),
        purpose=Purpose.UNDO,
        numbers=lambda house, who: (house.deliveries[who], house.undo),
        who=GONE,
        days=1,
        presses=({"undo": "1"},),
        nonce="",
        why="its link stands on one shown page alone, names one press, and is good for a day: it is that page's nonce",
    ),
    Way(
        route="/certificate/{token}",
        methods=("GET", "HEAD"),
        purpose=Purpose.CERTIFICATE,
        numbers=lambda house, who: (house.enrolments[who], 1),
    ),
    Way(
        route="/subscribe/{course}",
        methods=("GET", "HEAD", "POST"),
        fixed="/subscribe/first-report",
        presses=({"email": "new@customer.example", "first_name": "", "topic": ""},),
        nonce="stamp",
    ),
    Way(
        route="/s/{token}",
        methods=("GET", "HEAD", "POST"),
        purpose=Purpose.SUBSCRIBE,
        numbers=_request,
        days=7,
        presses=({},),
    ),
    _my("", {"do": "next"}),
    _my("pause", {"do": "open"}, {"do": "then", "until": "2026-12-08"}),
    _my("pace", {"do": "half"}),
    _my("times", {"do": "save", "at": "07:30", "day3": "1"}),
    _my("language", {"do": "sv"}),
    _my("zone", {"do": "save", "zone": "America/New_York"}),
    _my("leave", {"do": "course"}, {"do": "everything"}),
    Way(route="/v/{token}", methods=("GET", "HEAD"), purpose=Purpose.VIEW, evidence="visit"),
    Way(route="/m/{name}", methods=("GET", "HEAD"), fixed=f"/m/{PICTURE}"),
    Way(route="/healthz", methods=("GET", "HEAD"), fixed="/healthz"),
    Way(route="/readyz", methods=("GET", "HEAD"), fixed="/readyz"),
)
SIGNED = tuple(way for way in WAYS if way.purpose is not None)
FORMS = tuple(way for way in WAYS if way.presses)


def name_of(way: Way) -> str:
    """What a test of it is called."""
    return way.route.strip("/").partition("/")[0] + (f"-{way.room}" if way.room else "")


def hidden(html: str) -> dict[str, str]:
    """The hidden fields of a page's first form, as a browser would send them."""
    form = html.partition("<form")[2].partition("</form>")[0]
    return {name: unescape(value) for name, value in re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', form)}


def make_house(folder: Path, **options: Any) -> House:
    """Anna and another learner have got the first tip, and a certificate; somebody has left; two have asked for it."""
    spoken = {"en", "sv"} - {options.get("language", "en")}
    workspace = make_workspace(folder, **{"languages": tuple(sorted(spoken)), **options})
    house = House(workspace=workspace, deliveries={ANNA: workspace.delivery}, enrolments={ANNA: workspace.enrolment_id})
    for who in (OTHER, GONE):
        _come_in(house, who)
    with workspace.store.write() as conn:
        for who in (ANNA, OTHER):
            _award(conn, house, who)
        for number, who in enumerate((ANNA, OTHER)):
            house.requests[who] = _asks(conn, who, nonce=stamp.make(workspace.ring, "x", NOW)[:20] + str(number))
    press = Visit(at=NOW, source_id="a press on the page", method="POST", user_agent="")
    workspace.recorder.left(house.deliveries[GONE], press)
    found = workspace.recorder.left_by(house.deliveries[GONE], press.source_id, now=NOW)
    assert found is not None
    house.undo = found[0]
    return house


def kept_house(request: Any, folder: Path) -> Iterator[House]:
    """One house for all tests of a module, on SQLite, or on what its fixture's parameter names (`on_each_database`)."""
    if getattr(request, "param", "sqlite") == "sqlite":
        yield make_house(folder)
        return
    server = request.getfixturevalue("postgres_server")
    name = server.migrated()
    house = make_house(folder, database=server.url(name))
    yield house
    house.workspace.store.close()
    server.drop(name)


def _come_in(house: House, who: str) -> None:
    workspace = house.workspace
    address = f"{who}@beta.example"
    person = {
        "ref": f"ref-{who}",
        "email": address,
        "first_name": who.title(),
        "last_name": None,
        "language": workspace.language,
        "imported_timezone": "Europe/Stockholm",
        "attributes": {},
    }
    with workspace.store.write() as conn:
        learners.add(conn, [person], now=SENT_AT)
        learner = learners.by_addresses(conn, [address])[learners.address_of(address)]
        stands = Enrolment(
            id=0,
            learner_id=learner.id,
            course_id="first-report",
            revision="r1",
            enrolled_at=SENT_AT,
            reached_at=SENT_AT,
            last_mail_at=SENT_AT,
            next_step="export",
        )
        (number,) = enrolments.add(conn, [(stands, NOW + timedelta(days=1), "a day after the last mail")])
        lease = ledger.Lease(worker="test", now=workspace.store.lease_clock(conn), lasts_for=60.0)
        row = {
            "enrolment_id": number,
            "learner_id": learner.id,
            "step": "welcome",
            "revision": "r1",
            "language": workspace.language,
            "variant": "default",
            "occurrence": 1,
            "riders": [],
        }
        (delivery,) = ledger.claim_new(conn, lease, [row], now=SENT_AT)
        ledger.hand(conn, lease, [delivery], now=SENT_AT)
        ledger.mark_sent(conn, {delivery: ""}, now=SENT_AT)
    house.deliveries[who], house.enrolments[who] = delivery, number


def _award(conn: Any, house: House, who: str) -> None:
    standing = enrolments.by_id(conn, house.enrolments[who])
    assert standing is not None
    given = Evidence(
        kind=Kind.AWARD,
        at=SENT_AT,
        source="award",
        source_id=f"award/{who}",
        learner_id=standing.learner.id,
        enrolment_id=standing.enrolment.id,
        step="certificate",
    )
    evidence.add(conn, given)


def _asks(conn: Any, who: str, *, nonce: str) -> tuple[int, int]:
    values = {
        "nonce": nonce,
        "asked_at": NOW - timedelta(minutes=5),
        "course_id": "first-report",
        "address_hash": who.encode(),
        "source": "form",
        "state": requests.ASKED,
        "due_at": None,
        "email": f"asks-{who}@gamma.example",
        "first_name": "",
        "language": "en",
        "text": CONSENT,
        "text_version": version_of(CONSENT),
    }
    values["address_hash"] = "0" * 60 + f"{len(who):04d}"
    assert requests.add(conn, values)
    from drip.store.tables import request

    number = conn.execute(select(request.c.id).where(request.c.nonce == nonce)).scalar_one()
    found = requests.by_id(conn, number)
    assert found is not None
    return number, found.check


__all__ = ["ANNA", "FORMS", "GONE", "OTHER", "QUESTION", "SIGNED", "WAYS", "House", "Way", "hidden", "make_house"]
