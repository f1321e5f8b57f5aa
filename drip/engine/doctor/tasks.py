"""Looks that go on side by side, and are given up when the time is over: no one hangs the others, or the program."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import Generic, TypeVar

from drip.engine.doctor.names import Patience
from drip.engine.doctor.row import TOPICS, Row, error, line, warning
from drip.errors import DripError

T = TypeVar("T")
U = TypeVar("U")


class Task(Generic[T]):
    """A look in a thread of its own, which ends with the program, whatever it waits for."""

    def __init__(self, look: Callable[[], T]) -> None:
        self._result: Future[T] = Future()
        self._look = look
        Thread(target=self._run, name="drip-doctor", daemon=True).start()

    def _run(self) -> None:
        try:
            self._result.set_result(self._look())
        except BaseException as failed:  # noqa: BLE001  (it is raised where the result is asked for)
            self._result.set_exception(failed)

    def result(self, seconds: float) -> T:
        """What was seen. Raises TimeoutError where there is nothing after so many seconds, or what the look raised."""
        return self._result.result(timeout=seconds)


class Looks:
    """The looks of one examination. `given_up` are the findings about looks that came to nothing."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self.given_up: list[Row] = []

    def wait(self, topic: str, task: Task[T] | None, otherwise: U, most: float = float("inf")) -> T | U:
        """What a look saw; where it hangs or stumbles, that is a finding, and `otherwise` is what there is."""
        if task is None:
            return otherwise
        return self._told(topic, lambda: task.result(min(most, self._patience.left())), otherwise)

    def judged(self, topic: str, judge: Callable[[], list[Row]]) -> list[Row]:
        """What a judge says; where it stumbles over what was seen, that is a finding too."""
        nothing: list[Row] = []
        return self._told(topic, judge, nothing)

    def _told(self, topic: str, get: Callable[[], T], otherwise: U) -> T | U:
        try:
            return get()
        except TimeoutError:
            self.given_up.append(warning(f"{topic}-time", TOPICS[topic], "it took too long, and was given up"))
        except DripError as failed:
            self.given_up.append(error(f"{topic}-trouble", TOPICS[topic], line(str(failed))))
        except Exception as failed:  # noqa: BLE001  (whatever one look meets, the others are told of)
            words = f"the doctor stumbled here: {type(failed).__name__}: {line(str(failed))}"
            self.given_up.append(error(f"{topic}-trouble", TOPICS[topic], words))
        return otherwise
