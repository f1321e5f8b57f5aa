"""A report as plain rows: what `--format json` prints, and what a table is drawn from."""

from __future__ import annotations

from datetime import datetime

from drip.report.model import Answers, CourseReport, Mails, Share, StepReport

#: Shares are printed with so many decimals: more would claim what nobody has measured.
DECIMALS = 4


def to_rows(report: CourseReport) -> list[dict[str, object]]:
    """One flat row for each step, then one for each of its variants (`variant` names it) where it has several.

    Opens are null where they are not measured.
    """
    measured = report.opens_are_measured
    return [_step(one, opens=measured) for step in report.steps for one in (step, *step.variants)]


def to_object(report: CourseReport) -> dict[str, object]:
    """The whole report: the course's own numbers, and `steps` as `to_rows` gives them. Times are ISO 8601."""
    return {
        "course": report.course,
        "title": report.title,
        "revision": report.revision,
        "published_at": _time(report.published_at),
        "paused_at": _time(report.paused_at),
        "enrolled": report.enrolled,
        "active": report.active,
        "paused": report.paused,
        "finished": report.finished,
        "finished_by": dict(report.finished_by),
        "left": report.left,
        "failed": report.failed,
        "held": report.held,
        "in_doubt": report.in_doubt,
        "sent": report.sent,
        "delivered": report.delivered,
        "bounced": report.bounced,
        "complained": report.complained,
        **_answers(report.answers),
        "held_out": report.held_out,
        "opens": report.opens,
        "reviewed": {
            "answers": report.reviewed.n,
            "correct": report.reviewed.count,
            **_share("correct", report.reviewed),
        },
        "ratings": {
            survey: {
                "n": one.n,
                "mean": _rounded(one.mean),
                "nps": _rounded(one.nps),
                "counts": {str(k): v for k, v in one.counts.items()},
            }
            for survey, one in report.ratings.items()
        },
        "steps": to_rows(report),
    }


def _step(step: StepReport, *, opens: bool) -> dict[str, object]:
    return {
        "step": step.step,
        "variant": step.variant,
        "dropped": step.dropped,
        "sent": step.sent,
        "waiting": step.waiting,
        "in_doubt": step.in_doubt,
        "held": step.held,
        "failed": step.failed,
        "cancelled": step.cancelled,
        "delivered": step.delivered,
        "bounced": step.bounced,
        "complained": step.complained,
        **(_mails("opened", step.opened) if opens else dict.fromkeys(_mails("opened", step.opened))),
        **_mails("clicked", step.clicked),
        "left": step.left,
        **_answers(step.answers),
    }


def _mails(did: str, mails: Mails) -> dict[str, object]:
    return {did: mails.people, f"{did}_unsure": mails.unsure, f"{did}_machines": mails.machines}


def _answers(answers: Answers) -> dict[str, object]:
    return {
        "answers": answers.correct.n,
        "correct": answers.correct.count,
        **_share("correct", answers.correct),
        "answers_later": answers.later,
        "by_confidence": {
            sure: {"answers": share.n, "correct": share.count, **_share("correct", share)}
            for sure, share in answers.by_confidence.items()
        },
    }


def _share(name: str, share: Share) -> dict[str, object]:
    low, high = share.interval or (None, None)
    return {f"{name}_share": _rounded(share.value), f"{name}_low": _rounded(low), f"{name}_high": _rounded(high)}


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, DECIMALS)


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
