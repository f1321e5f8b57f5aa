"""Learners, enrolments and events over HTTP: by the rules of an import, for people with any name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from api_house import ApiHouse, api_house
from postgres import Server

ATTRIBUTES = (
    '[learner]\nplan = {type = "choice", values = ["trial", "pro"]}\nseats = "number"\nsince = "date"\nvip = "yes/no"\n'
)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def house(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[ApiHouse]:
    """A workspace on either database, with declared attributes."""
    url = name = ""
    if request.param == "postgresql":
        server: Server = request.getfixturevalue("postgres_server")
        name = server.migrated()
        url = server.url(name)
    with api_house(tmp_path_factory.mktemp("api"), url, toml=ATTRIBUTES + "[api]\nrate = 1000\nburst = 1000\n") as one:
        yield one
    if name:
        server.drop(name)


def get(house: ApiHouse, who: str) -> dict[str, Any]:
    answer = house.ask("GET", f"/learners/{quote(who, safe='@')}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_learner_with_any_name(house: ApiHouse) -> None:
    """Swedish, Arabic, an emoji, a composed and a decomposed å: kept as they are, in one spelling."""
    said = {
        "first_name": "A\u030asa \U0001f331",
        "last_name": "O\u2019Brien \u0645\u062d\u0645\u062f",
        "timezone": "Europe/Stockholm",
    }
    assert house.ask("PUT", "/learners/asa@customer.example", said).status_code == 201
    found = get(house, "asa@customer.example")
    assert (found["first_name"], found["last_name"]) == ("\u00c5sa \U0001f331", said["last_name"])
    assert house.json("learners", "show", "asa@customer.example")["first_name"] == "\u00c5sa \U0001f331"


def test_one_person_however_the_address_is_written(house: ApiHouse) -> None:
    """Capitals, a domain in Unicode (composed or not) or in punycode, and spaces around it: it is the same learner."""
    assert house.ask("PUT", "/learners/Bo.Ek@B\u00fccher.example", {"first_name": "Bo"}).status_code == 201
    for same in ("bo.ek@b\u00fccher.example", "BO.EK@bu\u0308cher.example", "bo.ek@xn--bcher-kva.example"):
        assert house.ask("PUT", f"/learners/{quote(same, safe='@')}", {}).json()["outcome"] == "unchanged", same
        assert get(house, same)["first_name"] == "Bo"
    ref = get(house, "bo.ek@b\u00fccher.example")["ref"]
    assert get(house, ref)["email"] == "Bo.Ek@b\u00fccher.example"
    assert house.ask("PUT", f"/learners/{ref}", {"last_name": "Ek"}).json()["outcome"] == "updated"


def test_what_is_not_said_stays(house: ApiHouse) -> None:
    """As in an import: left out, null and empty leave alone what is known."""
    house.add("calle@customer.example", first_name="Calle", attributes={"plan": "trial", "seats": 12, "vip": True})
    for nothing in ({}, {"first_name": None}, {"first_name": "", "attributes": {"plan": None, "seats": ""}}):
        answer = house.ask("PUT", "/learners/calle@customer.example", nothing)
        assert (answer.status_code, answer.json()["outcome"]) == (200, "unchanged"), nothing
    found = get(house, "calle@customer.example")
    assert (found["first_name"], found["attributes"]) == ("Calle", {"plan": "trial", "seats": 12, "vip": True})


@pytest.mark.parametrize(
    ("said", "field", "words"),
    [
        ({"timezone": "Stockholm"}, "timezone", "zone"),
        ({"language": "svenska!"}, "language", "language tag"),
        ({"attributes": {"plan": "gold"}}, "plan", "gold"),
        ({"attributes": {"seats": "many"}}, "seats", "many"),
        ({"attributes": {"since": "soon"}}, "since", "soon"),
        ({"attributes": {"email": "other@customer.example"}}, "email", "twice"),
        ({"attributes": {"Plan": "pro", "plan": "pro"}}, "plan", "twice"),
        ({"attributes": {"ref": "x"}}, "ref", "own"),
        ({"attributes": {"plan": ["pro"]}}, "attributes.plan", "wanted"),
        ({"first_name": "x" * 201}, "first_name", "200"),
        ({"first_nam": "x"}, "first_nam", "no such field"),
        ({"first_name": 3}, "first_name", "text"),
    ],
)
def test_what_is_wrong_is_said_by_its_field(house: ApiHouse, said: dict[str, Any], field: str, words: str) -> None:
    """Nothing is written, and the answer says where and what."""
    answer = house.ask("PUT", "/learners/wrong@customer.example", said)
    assert answer.status_code == 422, answer.text
    wrong = {one["field"]: one["message"] for one in answer.json()["errors"]}
    assert words in wrong[field], wrong
    assert house.ask("GET", "/learners/wrong@customer.example").status_code == 404


def test_an_attribute_that_is_not_declared_is_noted(house: ApiHouse) -> None:
    """It is taken as a text, as in an import, and the answer says that it may be a slip."""
    answer = house.ask("PUT", "/learners/note@customer.example", {"attributes": {"plann": "pro"}})
    assert answer.status_code == 201
    assert answer.json()["notes"] == [
        "the attribute plann is not declared under [learner] in drip.toml: did you mean plan?"
    ]


def test_many_learners_at_once(house: ApiHouse) -> None:
    """A thousand rows in one request; bad ones are listed by their row, each with its field, and good ones taken."""
    rows: list[Any] = [{"email": f"many{n}@customer.example", "first_name": f"N{n}"} for n in range(990)]
    rows += [{}, 7, None, {"email": ""}, {"email": "no"}, {"email": 3}, {"email": "x@customer.example", "odd": 1}]
    rows += [{"email": "z@customer.example", "timezone": "Mars"}, rows[0], {**rows[1], "first_name": "Last"}]
    answer = house.ask("POST", "/learners/batch", {"learners": rows})
    said = answer.json()
    assert answer.status_code == 200, answer.text
    assert (said["added"], said["updated"], said["unchanged"]) == (990, 0, 0)
    assert [one["row"] for one in said["refused"]] == list(range(991, 999))
    assert {one["field"] for one in said["refused"]} == {"email", None, "odd", "timezone"}
    assert len(said["notes"]) == 2
    assert get(house, "many1@customer.example")["first_name"] == "Last"
    assert house.ask("POST", "/learners/batch", {"learners": [rows[0]] * 1001}).status_code == 422
    assert house.ask("POST", "/learners/batch", {"learners": []}).status_code == 422


def test_a_walk_over_all_meets_each_once(house: ApiHouse) -> None:
    """Page by page, also while others come."""
    for n in range(5):
        house.add(f"walk{n}@customer.example")
    met, after, pages = [], "", 0
    while True:
        page = house.ask("GET", f"/learners?limit=400{after}").json()
        met += [one["email"] for one in page["learners"]]
        pages += 1
        if pages == 1:
            house.add("latecomer@customer.example")
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert len(met) == len(set(met))
    assert {"walk4@customer.example", "latecomer@customer.example"} <= set(met)
    for odd in ("after=-1", "after=x", "after=99999999999999999999", "limit=0", "limit=1001", "limit=x"):
        assert house.ask("GET", f"/learners?{odd}").status_code == 422, odd


def test_no_answer_names_somebody_else(house: ApiHouse) -> None:
    """Whoever asks for an address that is almost somebody's is not told whose (a command tells a person that)."""
    house.add("dagny.dahl@customer.example")
    typo = "dagny.dal@customer.example"
    for answer in (
        house.ask("GET", f"/learners/{typo}"),
        house.ask("DELETE", f"/learners/{typo}"),
        house.ask("GET", f"/learners/{typo}/export"),
        house.ask("POST", "/events", {"email": typo, "name": "report.made"}),
        house.ask("POST", "/enrolments", {"email": typo, "course": "plain"}),
        house.ask("GET", f"/enrolments?email={typo}"),
    ):
        assert (answer.status_code, "dahl" in answer.text) == (404, False), answer.text
    course = house.ask("POST", "/enrolments", {"email": "dagny.dahl@customer.example", "course": "plaim"})
    assert (course.status_code, "plain" in course.text, "drip publish" in course.text) == (404, False, False)


def test_an_enrolment_from_its_beginning_to_its_end(house: ApiHouse) -> None:
    """Begun once, paused by us and resumed by us, left for good; each as `drip why` and the page see it."""
    house.add("erik@customer.example")
    body = {"course": "plain", "email": "erik@customer.example", "at": "2036-01-07T08:00:00+01:00"}
    first, again = (house.ask("POST", "/enrolments", body) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    number = first.json()["id"]
    assert again.json()["id"] == number
    assert first.json()["enrolled_at"] == "2036-01-07T07:00:00Z"
    paused = house.ask("POST", f"/enrolments/{number}/pause").json()
    assert (paused["state"], paused["paused_by"], paused["due_at"]) == ("paused", "marketer", None)
    assert house.ask("POST", f"/enrolments/{number}/pause", {"until": "2020-01-01T00:00:00Z"}).status_code == 409
    assert house.ask("POST", f"/enrolments/{number}/resume").json()["state"] == "active"
    assert house.ask("POST", f"/enrolments/{number}/resume").json()["state"] == "active"
    for _ in range(2):
        left = house.ask("POST", f"/enrolments/{number}/leave", {"scope": "everything"}).json()
        assert (left["state"], left["ended_by"]) == ("left", "unsubscribed")
    gone = house.ask("POST", f"/enrolments/{number}/pause")
    assert (gone.status_code, "ended" in gone.json()["detail"]) == (409, True)
    barred = house.ask("POST", "/enrolments", {"course": "first-report", "email": "erik@customer.example"})
    assert (barred.status_code, "suppression list" in barred.json()["detail"]) == (409, True)
    shown = house.json("learners", "show", "erik@customer.example")
    assert [one["kind"] for one in shown["evidence"]] == ["unsubscribe"]
    assert house.ask("GET", "/enrolments/999999999").status_code == 404
    for odd in ("0", "-1", "x", str(2**63), "1.0", "1%00"):
        assert house.ask("GET", f"/enrolments/{odd}").status_code in (404, 422), odd


def test_a_course_for_some_people_refuses_the_others(house: ApiHouse) -> None:
    """`start.when` holds over the API too."""
    house.add("freja@customer.example", attributes={"plan": "trial"})
    body = {"course": "picky", "email": "freja@customer.example"}
    refused = house.ask("POST", "/enrolments", body)
    assert (refused.status_code, "start.when" in refused.json()["detail"]) == (409, True)
    house.add("freja@customer.example", attributes={"plan": "pro"})
    assert house.ask("POST", "/enrolments", body).status_code == 201


def test_an_event_enrols_once(house: ApiHouse) -> None:
    """The same id twice is once, also after days and under a new token of the same name; another system's is not."""
    house.add("gun@customer.example")
    body = {"email": "gun@customer.example", "name": "trial.started", "id": "7", "data": {"from": "web \U0001f331"}}
    assert house.ask("POST", "/events", body).json() == {"new": True, "enrolled": ["first-report"]}
    assert house.ask("POST", "/events", body).json() == {"new": False, "enrolled": []}
    assert house.ask("POST", "/events", body, token=house.new_token("crm")).json()["new"] is False
    other = house.ask("POST", "/events", {**body, "name": "else"}, token=house.new_token("shop")).json()
    assert other == {"new": True, "enrolled": []}
    (enrolled,) = house.ask("GET", "/enrolments?email=gun@customer.example&course=first-report").json()["enrolments"]
    assert (enrolled["state"], enrolled["next_step"]) == ("active", "welcome")


def test_many_events_keep_their_order_and_refuse_one_by_one(house: ApiHouse) -> None:
    """A hundred at once; strangers, odd times and odd names are listed."""
    house.add("hans@customer.example")
    good = [{"email": "hans@customer.example", "name": f"step {n}", "id": f"h{n}"} for n in range(94)]
    bad = [
        {"email": "stranger@customer.example", "name": "x"},
        {"email": "hans@customer.example", "name": "x", "at": "2026-03-02"},
        {"email": "hans@customer.example", "name": "x", "at": "2199-03-02T00:00:00Z"},
        {"email": "hans@customer.example", "name": " x"},
        {"email": "hans@customer.example"},
        "event",
    ]
    said = house.ask("POST", "/events/batch", {"events": [*good, *bad]}).json()
    assert [one["row"] for one in said["events"]] == list(range(1, 95))
    assert [(one["row"], one["field"]) for one in said["refused"]] == [
        (95, "email"), (96, "at"), (97, "at"), (98, "name"), (99, "name"), (100, None),
    ]  # fmt: skip
    shown = house.json("learners", "show", "hans@customer.example")["evidence"]
    assert [one["item"] for one in shown] == [one["name"] for one in good]


def test_a_person_is_exported_and_erased(house: ApiHouse) -> None:
    """As the commands do it; what is asked for afterwards is a 404."""
    ref = house.add("ida@customer.example", first_name="Ida")
    house.ask("POST", "/events", {"email": ref, "name": "trial.started"})
    export = house.ask("GET", f"/learners/{ref}/export").json()
    assert export["learner"][0]["first_name"] == "Ida"
    gone = house.ask("DELETE", f"/learners/{ref}").json()
    assert (gone["learners"], gone["enrolments"]) == (1, 1)
    for path in (f"/learners/{ref}", "/learners/ida@customer.example", f"/learners/{ref}/export"):
        assert house.ask("GET", path).status_code == 404
    assert house.ask("DELETE", f"/learners/{ref}").status_code == 404
    assert house.ask("GET", "/courses/first-report/report").json()["enrolled"] >= 1
