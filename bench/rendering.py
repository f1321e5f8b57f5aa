"""What one mail's rendering costs, part by part, in CPU time: `.venv/bin/python bench/rendering.py`, no server."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median

from scene import NOW, Scene, set_up

from drip.course.expressions import holds
from drip.people import Facts
from drip.plan.model import Mail
from drip.render.message import Message, build_message
from drip.render.mime import to_bytes
from drip.schedule.advance import scope
from drip.store import turns
from drip.track.token import Purpose, Signer

#: Each part is done so many times at a stretch, and so many stretches are measured.
_STRETCH, _STRETCHES = 1000, 9
_CONDITION = 'learner.plan == "pro" and not clicked("saved-view")'


def rendering_parts(scene: Scene) -> Mapping[str, float]:
    """Microseconds of CPU that each part takes for one mail, the median of some stretches."""
    store = scene.store()
    sending = scene.sending(store)
    with store.read() as conn:
        people = turns.due(conn, now=NOW, limit=_STRETCH)
        plan = sending.library.plan(conn, people[0].enrolment.revision)
        mail = plan.steps[0]
        assert isinstance(mail, Mail)
        template = sending.library.template(conn, plan.revision, mail.id, plan.language, mail.variants[0].name)
    seen = [scope(plan, person.learner, person.enrolment, Facts(), NOW) for person in people]
    fresh = iter(range(1, 10**9))  # every message has tokens of its own

    def built(number: int) -> Message:
        return build_message(
            template,
            plan=plan,
            learner=people[number].learner,
            variables=seen[number],
            delivery_id=next(fresh),
            date=NOW,
            ring=sending.ring,
            base_url=sending.base_url,
        )

    messages = [built(number) for number in range(len(people))]
    signer = Signer(sending.ring, 5_000_000)
    parts: dict[str, Callable[[int], object]] = {
        "what texts see (scope)": lambda n: scope(plan, people[n].learner, people[n].enrolment, Facts(), NOW),
        "build_message": built,
        "to_bytes": lambda n: to_bytes(messages[n]),
        "a link's token": lambda n: signer.sign(Purpose.CLICK, n % 10),
        "a condition (holds)": lambda n: holds(_CONDITION, seen[n]),
    }
    spent = {name: median(_spent(part, len(people)) for _ in range(_STRETCHES)) for name, part in parts.items()}
    store.close()
    return spent


def _spent(part: Callable[[int], object], times: int) -> float:
    start = time.process_time()
    for number in range(times):
        part(number)
    return (time.process_time() - start) / times * 1_000_000


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="drip-bench-") as folder:
        for words, microseconds in rendering_parts(set_up(Path(folder) / "w", "outbox:./outbox", _STRETCH)).items():
            print(f"{microseconds:6.1f} µs of CPU  {words}")
