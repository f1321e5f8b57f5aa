"""A request for each route that can be sent as it stands, and what it is answered: OpenAPI and /docs show them.

A test sends them, in the order in which they stand here, to a workspace whose one course is
`{title: Your first report in a week, start: {event: trial.started}}`.
"""

from __future__ import annotations

from drip.web.api.routes import Example

_ADA = {"email": "ada@customer.example", "ref": "q3mWx0aVbT5f"}
_BO = {"email": "bo@customer.example", "ref": "Zk81sPqLrC2e"}
_NOBODY_ENDED = {"ended_by": None, "paused_by": None, "paused_until": None, "problem": None}
_ENROLMENT = {
    "id": 1,
    "course": "first-report",
    **_ADA,
    "run": 1,
    "state": "active",
    "enrolled_at": "2026-03-02T08:00:00Z",
    "next_step": "welcome",
    "due_at": "2026-03-02T08:00:00Z",
    **_NOBODY_ENDED,
}
_BOS = {**_ENROLMENT, "id": 2, **_BO}
_PERSON = {
    **_ADA,
    "first_name": "Ada",
    "last_name": None,
    "language": "sv",
    "timezone": "Europe/Stockholm",
    "attributes": {"plan": "trial"},
}

PUT_LEARNER = Example(
    path="/learners/ada@customer.example",
    body={"first_name": "Ada", "language": "sv", "timezone": "Europe/Stockholm", "attributes": {"plan": "trial"}},
    answer={**_ADA, "outcome": "added", "notes": []},
    status=201,
)
POST_LEARNERS = Example(
    path="/learners/batch",
    body={
        "learners": [
            {"email": "bo@customer.example", "first_name": "Bo"},
            {"email": "bo(at)customer.example"},
        ]
    },
    answer={
        "added": 1,
        "updated": 0,
        "unchanged": 0,
        "refused": [
            {
                "row": 2,
                "field": "email",
                "message": '"bo(at)customer.example" is not an email address: An email address must have an @-sign.',
            }
        ],
        "notes": [],
    },
)
POST_EVENT = Example(
    path="/events",
    body={
        "email": "ada@customer.example",
        "name": "trial.started",
        "id": "evt-4711",
        "at": "2026-03-02T08:00:00Z",
        "data": {"plan": "trial"},
    },
    answer={"new": True, "enrolled": ["first-report"]},
)
POST_EVENTS = Example(
    path="/events/batch",
    body={
        "events": [
            {"email": "ada@customer.example", "name": "trial.started", "id": "evt-4711"},
            {"email": "ada@customer.example", "name": "report.made", "id": "evt-4712"},
        ]
    },
    answer={
        "events": [
            {"new": False, "enrolled": [], "row": 1},
            {"new": True, "enrolled": [], "row": 2},
        ],
        "refused": [],
    },
)
GET_LEARNERS = Example(path="/learners?limit=1", answer={"learners": [_PERSON], "next": "1"})
GET_LEARNER = Example(path="/learners/ada@customer.example", answer={**_PERSON, "enrolments": [_ENROLMENT]})
POST_ENROLMENT = Example(
    path="/enrolments",
    body={"course": "first-report", "email": "bo@customer.example"},
    answer=_BOS,
    status=201,
)
GET_ENROLMENTS = Example(
    path="/enrolments?email=ada@customer.example", answer={"enrolments": [_ENROLMENT], "next": None}
)
GET_ENROLMENT = Example(path="/enrolments/2", answer=_BOS)
PAUSE = Example(
    path="/enrolments/2/pause",
    body={"until": "2036-01-07T00:00:00Z"},
    answer={
        **_BOS,
        "state": "paused",
        "due_at": None,
        "paused_by": "marketer",
        "paused_until": "2036-01-07T00:00:00Z",
    },
)
RESUME = Example(path="/enrolments/2/resume", answer=_BOS)
LEAVE = Example(
    path="/enrolments/2/leave",
    body={"scope": "course"},
    answer={**_BOS, "state": "left", "ended_by": "unsubscribed", "due_at": None},
)
GET_COURSES = Example(
    path="/courses",
    answer={
        "courses": [
            {
                "id": "first-report",
                "title": "Your first report in a week",
                "revision": "6f0c5d1b6f21",
                "published_at": "2026-03-01T12:00:00Z",
                "paused_at": None,
                "starts_by_event": "trial.started",
                "starts_by_date": None,
            }
        ]
    },
)
GET_REPORT = Example(
    path="/courses/first-report/report",
    answer={
        "course": "first-report",
        "title": "Your first report in a week",
        "revision": "6f0c5d1b6f21",
        "published_at": "2026-03-01T12:00:00Z",
        "paused_at": None,
        "enrolled": 2,
        "active": 1,
        "paused": 0,
        "finished": 0,
        "finished_by": {},
        "left": 1,
        "failed": 0,
        "held": 0,
        "in_doubt": 0,
        "sent": 0,
        "answers": 0,
        "correct": 0,
        "correct_share": None,
        "correct_low": None,
        "correct_high": None,
        "answers_later": 0,
        "steps": [],
    },
)
EXPORT_LEARNER = Example(
    path="/learners/bo@customer.example/export", answer={"address": "bo@customer.example", "about": {}}
)
DELETE_LEARNER = Example(
    path="/learners/bo@customer.example",
    answer={
        "learners": 1,
        "enrolments": 1,
        "ended": 0,
        "mails": 0,
        "on_their_way": 0,
        "evidence": 1,
        "consents": 0,
        "requests": 0,
    },
)
