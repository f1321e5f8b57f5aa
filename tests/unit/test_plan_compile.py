"""Facts about compiling: order, ids, gaps and numbers of the flat row, and a revision that tells every change."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import png

from drip.course.expressions import environment
from drip.course.model import Defaults, Sender
from drip.course.parse import parse
from drip.course.timing import Gap, Limit, Rule, Unit, Window
from drip.plan.compile import compile_plan, skills
from drip.plan.model import (
    AT_ONCE,
    Award,
    Branch,
    Mail,
    Notify,
    Plan,
    Reviews,
    Start,
    Survey,
    Texts,
    Tracking,
    Wait,
)
from drip.plan.stored import from_json

COURSES = Path(__file__).parents[1] / "data" / "courses"
DAYS = Unit.DAYS
A_DAY = Gap(count=1, unit=DAYS)


def plan_of(text: str, defaults: Defaults = Defaults(), *, layout: str = "<mjml/>") -> Plan:  # noqa: B008
    return compile_plan(parse("campaigns/course.yaml", text.encode(), defaults), layout=layout)


def steps(text: str) -> Plan:
    return plan_of("title: T\nsteps:\n" + text)


def tip(name: str, more: str = "") -> str:
    return f"{{tip: {name}, subject: S, body: B{more}}}"


def mail(plan: Plan, step_id: str) -> Mail:
    step = plan.step(step_id)
    assert isinstance(step, Mail)
    return step


def ways(plan: Plan) -> dict[str, Any]:
    """Step → what follows it; of a branch, both."""
    return {s.id: (s.then, s.otherwise) if isinstance(s, Branch) else s.then for s in plan.steps}


FORKED = f"""\
  - {tip("one")}
  - wait: {{until: sent("one"), at_most: 2 days}}
  - if: sent("one")
    then:
      - {tip("two")}
      - if: sent("two")
        then: [{tip("three")}, {tip("four")}]
    else:
      - wait: {{until: sent("two"), at_most: 1 day}}
      - {tip("five")}
  - wait: {{until: sent("five"), at_most: 1 day}}
  - {tip("six")}
"""


def test_branches_meet_again() -> None:
    """Both ends of an `if`, and an `if` without `else`, go on with the step after it; the last step with nothing."""
    assert ways(steps(FORKED)) == {
        "one": "one/wait",
        "one/wait": "one/if",
        "one/if": ("two", "one/if/else/wait"),
        "two": "two/if",
        "two/if": ("three", "one/wait-2"),
        "three": "four",
        "four": "one/wait-2",
        "one/if/else/wait": "five",
        "five": "one/wait-2",
        "one/wait-2": "six",
        "six": None,
    }


def test_every_step_leads_forward() -> None:
    """No step names one that stands before it in the row: a learner can never go in circles."""
    plan = steps(FORKED)
    order = {step.id: place for place, step in enumerate(plan.steps)}
    assert len(order) == len(plan.steps)
    for step in plan.steps:
        following = [step.then, step.otherwise] if isinstance(step, Branch) else [step.then]
        assert all(order[name] > order[step.id] for name in following if name is not None)


def test_numbers_count_along_the_longest_way() -> None:
    """ "3 of 5": the place on the longest way to the mail, of the mails on the longest way through the course."""
    plan = steps(FORKED)
    assert {s.id: (s.number, s.of) for s in plan.steps if isinstance(s, Mail)} == {
        "one": (1, 5),
        "two": (2, 5),
        "three": (3, 5),
        "four": (4, 5),
        "five": (2, 5),
        "six": (5, 5),
    }


def test_ids_stay_when_other_places_are_edited() -> None:
    """An enrolment that stands at a wait finds it again after tips were added, moved and taken away elsewhere."""
    before = {step.id for step in steps(FORKED).steps if not isinstance(step, Mail)}
    edited = FORKED.replace(f"  - {tip('one')}\n", f"  - {tip('zero')}\n  - {tip('one')}\n", 1) + f"  - {tip('last')}\n"
    edited = edited.replace(f"{tip('three')}, ", "").replace('sent("five")', 'sent("one")')
    assert {step.id for step in steps(edited).steps if not isinstance(step, Mail)} == before


def test_steps_before_the_first_tip_have_ids_too() -> None:
    """They are named for the start, also beside a tip that is called `start`."""
    wait = '  - wait: {until: sent("start"), at_most: 1 day}\n'
    plan = steps(wait + wait + f"  - {tip('start')}\n" + wait)
    assert [step.id for step in plan.steps] == ["start/wait", "start/wait-2", "start", "start/wait-3"]


def test_the_first_mail_goes_at_once_and_the_others_after_the_gap() -> None:
    """From the enrolment it is 0 unless `after` is written; from a mail, also of an earlier revision, its own gap."""
    plan = steps(f"  - {tip('one')}\n  - {tip('two')}\n  - {tip('three', ', after: 3 hours')}\n")
    three_hours, two_days = Gap(count=3, unit=Unit.HOURS), Gap(count=2, unit=Unit.DAYS)
    assert [mail(plan, name).gap for name in ("one", "two", "three")] == [A_DAY, A_DAY, three_hours]
    assert [mail(plan, name).first_gap for name in ("one", "two", "three")] == [AT_ONCE, AT_ONCE, three_hours]
    assert mail(steps(f"  - {tip('one', ', after: 2 days')}\n"), "one").first_gap == two_days


def test_first_on_each_branch_is_first() -> None:
    """A fork at the start: the first mail of either branch goes at once, and so is the fork decided."""
    plan = steps(f"  - if: learner.x\n    then: [{tip('a')}, {tip('b')}]\n    else: [{tip('c')}]\n  - {tip('d')}\n")
    assert [mail(plan, name).first_gap for name in "abcd"] == [AT_ONCE] * 4
    branch = plan.step("start/if")
    assert isinstance(branch, Branch)
    assert (branch.first_gap, branch.gap) == (AT_ONCE, A_DAY)


def test_a_mail_that_may_be_the_first_knows_its_first_gap() -> None:
    """After a branch without mails, or skipped tips, a mail is the first after all: then `first_gap` counts."""
    plan = steps(f"  - if: learner.x\n    then: [{tip('a')}]\n  - {tip('b')}\n  - {tip('c', ', after: 2 weeks')}\n")
    assert (mail(plan, "b").gap, mail(plan, "b").first_gap) == (A_DAY, AT_ONCE)
    assert mail(plan, "c").first_gap == Gap(count=2, unit=Unit.WEEKS)


def test_a_branch_later_on_waits_like_a_mail() -> None:
    """An `if` after a mail is decided when a mail in its place would be due: after `every`, by the course's rule."""
    plan = plan_of("title: T\ntiming: {every: 2 days, at: 09:00}\nsteps:\n" + FORKED)
    branch = plan.step("one/if")
    assert isinstance(branch, Branch)
    assert (branch.gap, branch.rule) == (Gap(count=2, unit=Unit.DAYS), Rule(at=540))


def test_a_tips_rule_is_the_courses_with_its_own_words() -> None:
    """A step's `at` replaces the course's `between` and the other way round; days are replaced, holidays stay."""
    plan = plan_of(
        "title: T\ntiming: {between: 08:00-10:00, days: mon-fri, skip_holidays: SE}\nsteps:\n"
        f"  - {tip('a')}\n  - {tip('b', ', at: 12:00')}\n  - {tip('c', ', days: sat')}\n"
        f"  - {tip('d', ', between: 22:00-24:00, days: [sun]')}\n"
    )
    week, window = frozenset(range(5)), Window(start=480, end=600)
    assert mail(plan, "a").rule == Rule(between=window, days=week, holidays="SE")
    assert mail(plan, "b").rule == Rule(at=720, days=week, holidays="SE")
    assert mail(plan, "c").rule == Rule(between=window, days=frozenset({5}), holidays="SE")
    assert mail(plan, "d").rule == Rule(between=Window(start=1320, end=1440), days=frozenset({6}), holidays="SE")


def test_variants_override_the_tips_texts() -> None:
    """Each variant has every text: its own, or else the tip's; a tip without variants has one, `default`."""
    plan = steps(
        "  - tip: a\n    subject: S\n    preheader: P\n    body: B\n    button: {text: Go, url: https://a.example}\n"
        "    variants: [{name: x, subject: X}, {name: y, weight: 3, body: Y, button: {text: No, url: https://b.example}}]\n"
        f"  - {tip('b')}\n"
    )
    x, y = mail(plan, "a").variants
    assert (x.texts.subject, x.texts.preheader, x.texts.body, x.weight) == ("X", "P", "B", 1)
    assert (y.texts.subject, y.texts.body, y.weight) == ("S", "Y", 3)
    assert x.texts.button is not None
    assert y.texts.button is not None
    assert (x.texts.button.text, y.texts.button.text) == ("Go", "No")
    assert [variant.name for variant in mail(plan, "b").variants] == ["default"]


def test_questions_and_their_skills() -> None:
    """A question's id is the tip's unless written; `skills` maps it to what it trains."""
    asked = "question: {ask: Q, options: [{text: A, correct: true}, {text: B}]}"
    plan = steps(
        f"  - {tip('a', f', skill: x.y, {asked}')}\n"
        f"  - {tip('b', ', skill: z, ' + asked.replace('{ask', '{id: q, ask'))}\n"
        f"  - {tip('c', ', ' + asked)}\n  - {tip('d', ', skill: z')}\n"
    )
    assert skills(plan) == {"a": "x.y", "q": "z"}
    question = mail(plan, "c").question
    assert question is not None
    assert (question.id, [option.correct for option in question.options]) == ("c", [True, False])


def test_a_plan_has_everything_of_the_course() -> None:
    """What is not a step: title, language, sender, zone, limit, start."""
    sender = Sender(name="Acme", email="learn@acme.example", reply_to="help@acme.example")
    plan = plan_of(
        "title: T\nlanguage: sv\ntiming: {timezone: Europe/Stockholm, limit: 1 per day}\nstart: {when: learner.x}\n"
        f"steps:\n  - {tip('a')}\n",
        Defaults(sender=sender),
    )
    assert (plan.course_id, plan.title, plan.language, plan.layout) == ("course", "T", "sv", "tip")
    assert (plan.sender.email, plan.sender.reply_to) == ("learn@acme.example", "help@acme.example")
    assert (plan.timezone, plan.limit, plan.start.when) == ("Europe/Stockholm", Limit(count=1, per="day"), "learner.x")


def test_waits_keep_what_they_wait_for() -> None:
    """A wait has its condition and its longest time."""
    wait = steps(FORKED).step("one/wait")
    assert wait == Wait(id="one/wait", until='sent("one")', at_most=Gap(count=2, unit=Unit.DAYS), then="one/if")


MORE = f"""\
  - survey: nps
    ask: How {{{{likely}}}}?
  - {tip("one")}
  - survey: scale
    scale: [1, 7]
    ask: How easy?
    after: 3 days
    at: 12:00
    when: sent("one")
    stale_after: 1 day
  - {{survey: csat, id: happy, ask: How happy?, subject: One question, preheader: One press, body: Half way.}}
  - notify: crm.half
  - {{notify: crm.told, id: told}}
  - if: answered("happy")
    then:
      - award: certificate
      - award: badge
    else: [{{notify: crm.cold}}]
"""


def test_surveys_notices_and_awards_have_ids_and_ways() -> None:
    """Written ids, or names after the tip before; each leads to the next, also in and out of a fork."""
    assert ways(steps(MORE)) == {
        "start/survey": "one",
        "one": "one/survey",
        "one/survey": "happy",
        "happy": "one/notify",
        "one/notify": "told",
        "told": "one/if",
        "one/if": ("one/if/then/award", "one/if/else/notify"),
        "one/if/then/award": "one/if/then/award-2",
        "one/if/then/award-2": None,
        "one/if/else/notify": None,
    }


def test_a_survey_is_a_mail_that_asks() -> None:
    """Its scale, its question as the subject where none is written (braces and all), its own timing, its number."""
    plan = steps(MORE)
    nps, scale, csat = (mail(plan, name) for name in ("start/survey", "one/survey", "happy"))
    assert nps.survey == Survey(id="start/survey", kind="nps", ask="How {{likely}}?", low=0, high=10)
    assert scale.survey == Survey(id="one/survey", kind="scale", ask="How easy?", low=1, high=7)
    assert csat.survey == Survey(id="happy", kind="csat", ask="How happy?", low=1, high=5)
    subject = environment(autoescape=False).from_string(nps.variants[0].texts.subject).render()
    assert (subject, nps.variants[0].texts.body) == ("How {{likely}}?", "")
    assert csat.variants[0].texts == Texts(subject="One question", preheader="One press", body="Half way.")
    assert (scale.gap, scale.rule.at, scale.when) == (Gap(count=3, unit=DAYS), 720, 'sent("one")')
    assert (scale.stale_after, csat.stale_after) == (A_DAY, None)
    assert [(m.number, m.of) for m in (nps, mail(plan, "one"), scale, csat)] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert nps.question is None


def test_notices_and_awards_keep_their_names() -> None:
    """What the other program is told, and what is given."""
    plan = steps(MORE)
    assert plan.step("told") == Notify(id="told", name="crm.told", then="one/if")
    assert plan.step("one/if/then/award-2") == Award(id="one/if/then/award-2", name="badge", then=None)


def test_the_parts_of_a_course_arrive_in_the_plan() -> None:
    """Start, goal, stop, hold, silence, staleness, priority, reviews, tracking, leaving, holdout, ids of the past."""
    plan = plan_of((COURSES / "whole.yaml").read_text(encoding="utf-8"))
    assert plan.start == Start(event="trial.started", when='learner.plan == "trial"', reentry="days", reentry_days=90)
    assert (plan.goal, plan.stop) == ('event("subscription.started")', 'learner.status == "churned"')
    assert (plan.hold_while, plan.silent_after, plan.priority) == ("learner.open_ticket", 5, 10)
    assert plan.reviews == Reviews(after_days=(2, 5, 10), per_email=2)
    assert plan.tracking == Tracking(opens="consented", clicks="always")
    assert (plan.unsubscribe, plan.holdout, plan.removed) == ("course", 0.1, ("old-step",))
    assert plan.stale_after == Gap(count=7, unit=DAYS)
    assert (plan.sender.bounces, mail(plan, "welcome").renamed_from) == ("bounces.acme.example", "hello")
    assert mail(plan, "welcome").stale_after == Gap(count=2, unit=DAYS)


def test_a_date_starts_a_course() -> None:
    """The attribute's name without `learner.`, and the offset in days; re-entry after completion."""
    start = "start: {date: learner.renewal_date, offset: -2 weeks, reentry: after completion}"
    plan = plan_of(f"title: T\n{start}\nsteps:\n  - {tip('a')}\n")
    assert plan.start == Start(date="renewal_date", offset_days=-14, reentry="completion")


@pytest.mark.parametrize("said", ["reviews: none", "reviews: {strategy: none}", "priority: 0"])
def test_without_reviews_there_are_none(said: str) -> None:
    """Not written, or written as none: nothing comes back."""
    assert plan_of(f"title: T\n{said}\nsteps:\n  - {tip('a')}\n").reviews is None


def test_a_large_course_is_compiled_quickly() -> None:
    """500 tips in two languages, bodies and pictures in files, take under 5 seconds of processor time (1 measured)."""
    body = "No. %d. {%% if learner.x %%}See [it](https://a.example/x).{%% endif %%}\n\n![b](../img/%d.png)\n"
    asked = "question: {ask: Q, options: [{text: A, correct: true, because: x}, {text: B, because: y}]}"
    said = "question: {ask: F, options: [{text: C, because: x}, {text: D, because: y}]}"
    course = "".join(
        f"  - {{tip: t{n}, subject: S, body_file: tips/{n}.md, {asked}, image: {{src: img/{n}.png, alt: A}}}}\n"
        for n in range(500)
    )
    swedish = "".join(f"  - {{tip: t{n}, subject: T, body: B {n}, {said}}}\n" for n in range(500))
    files = {f"tips/{n}.md": (body % (n, n)).encode() for n in range(500)}
    files |= {f"img/{n}.png": png(n + 1, 2) for n in range(500)}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    data, sv = f"title: T\nsteps:\n{course}".encode(), f"title: U\nsteps:\n{swedish}".encode()
    plan = compile_plan(parse("c/large.yaml", data, files=files, translations={"sv": sv}), layout="")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_utime - before < 5
    assert len(plan.steps) == 500


FULL = (COURSES / "full.yaml").read_text(encoding="utf-8")
WHOLE = (COURSES / "whole.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("id: first-report", "id: second-report"),
        ("title: Your first", "title: Our first"),
        ("language: en", "language: sv"),
        ("name: Acme Academy", "name: Acme"),
        ("email: learn@", "email: tips@"),
        (", reply_to: help@acme.example", ""),
        ("layout: tip", "layout: brand"),
        ("every: 1 day", "every: 2 days"),
        ('at: "09:00"', 'at: "09:01"'),
        ("days: mon-fri", "days: mon-thu"),
        ("skip_holidays: SE", "skip_holidays: DE-BY"),
        ("timezone: Europe/Stockholm", "timezone: UTC"),
        ("limit: 1 per day", "limit: 1 per week"),
        ('learner.plan == "trial"', 'learner.plan == "pro"'),
        ("preheader: Two minutes", "preheader: Three minutes"),
        ("objective: Create", "objective: Make"),
        ("skill: reporting.charts", "skill: reporting.charts\n    days: mon"),
        ("*saved view*. {%", "*saved view*.  {%"),
        ("text: Open your views", "text: Open views"),
        ("views?u=", "views?r="),
        ("ask: Where does", "ask: Where did"),
        ('because: "The view', 'because: "A view'),
        ("after: 3 days", "after: 4 days"),
        ("between: 08:00-10:00", "between: 08:00-11:00"),
        ('when: not clicked("welcome")', 'when: clicked("welcome")'),
        ("name: short, weight: 1", "name: short, weight: 2"),
        ("name: short", "name: brief"),
        ("id: export-format", "id: export-file"),
        ("at_most: 4 days", "at_most: 5 days"),
        ('if: clicked("export")', 'if: not clicked("export")'),
        ("tip: share", "tip: share-it"),
        ("- tip: last", "- tip: final"),
    ],
)
def test_any_change_is_a_new_revision(old: str, new: str) -> None:
    """One changed word of a course anywhere gives another revision."""
    assert old in FULL
    changed = FULL.replace(old, new).replace('answered("export-format")', 'sent("welcome")')
    before = FULL.replace('answered("export-format")', 'sent("welcome")')
    assert plan_of(changed).revision != plan_of(before).revision


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("priority: 10", "priority: 11"),
        ("subscription.started", "subscription.begun"),
        ('"churned"', '"gone"'),
        ("hold_while: learner.open_ticket", "hold_while: not learner.open_ticket"),
        ("after: 5 mails", "after: 6 mails"),
        ("after_days: [2, 5, 10]", "after_days: [2, 5, 11]"),
        ("per_email: 2", "per_email: 1"),
        ("opens: consented", "opens: never"),
        ("clicks: always", "clicks: never"),
        ("unsubscribe: course", "unsubscribe: everything"),
        ("holdout: 10%", "holdout: 11%"),
        ("removed: [old-step]", "removed: [older-step]"),
        ("bounces: bounces.acme", "bounces: returns.acme"),
        ("stale_after: 7 days", "stale_after: 8 days"),
        ("event: trial.started", "event: trial.begun"),
        ("reentry: after 90 days", "reentry: after 91 days"),
        ("renamed_from: hello", "renamed_from: hullo"),
        ("example/charts.png)", "example/chart.png)"),
        ('src: "https://acme.example/charts.png"', 'src: "https://acme.example/chart.png"'),
        ("alt: A chart", "alt: One chart"),
        ('url: "https://acme.example/clip"', 'url: "https://acme.example/film"'),
        ("example/clip.png", "example/film.png"),
        ("minutes: 2", "minutes: 3"),
        ("captions: true", "captions: false"),
        ("source: Acme usage study 2026", "source: Acme usage study 2027"),
        ("stale_after: 2 days", "stale_after: 3 days"),
        ("scale: [1, 7]", "scale: [1, 5]"),
        ("How easy was it?", "How hard was it?"),
        ("notify: crm.started", "notify: crm.begun"),
        ("award: certificate, id", "award: badge, id"),
    ],
)
def test_any_change_of_the_whole_language_is_a_new_revision(old: str, new: str) -> None:
    """One changed word of the newer constructs anywhere gives another revision."""
    assert old in WHOLE
    assert plan_of(WHOLE.replace(old, new, 1)).revision != plan_of(WHOLE).revision


def test_the_layout_and_the_defaults_are_part_of_the_revision() -> None:
    """An edited layout, or a word in drip.toml, shapes the mails too."""
    text = f"title: T\nsteps:\n  - {tip('a')}\n"
    revisions = {
        plan_of(text).revision,
        plan_of(text, layout="<mjml></mjml>").revision,
        plan_of(text, Defaults(at=540)).revision,
        plan_of(text, Defaults(language="sv")).revision,
    }
    assert len(revisions) == 4


def test_what_nobody_sees_is_no_new_revision() -> None:
    """Comments, key order, quotes, empty lines and the folder change nothing."""
    other = "# A comment\n\nsteps:\n  - {body: 'B', subject: \"S\", tip: a}\n\ntitle: T\n"
    plan = plan_of(f"title: T\nsteps:\n  - {tip('a')}\n")
    assert plan_of(other) == plan
    assert compile_plan(parse("elsewhere/course.yml", other.encode()), layout="<mjml/>") == plan


def test_the_revision_is_the_same_on_every_machine() -> None:
    """Other processes with other hash seeds compile the same plan, to the byte."""
    code = (
        "import sys; from drip.course.parse import parse; from drip.plan.compile import compile_plan\n"
        "from drip.plan.stored import to_json\n"
        "print(to_json(compile_plan(parse('first-report.yaml', sys.stdin.buffer.read()), layout='<mjml/>')))"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            input=FULL.encode(),
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONIOENCODING": "utf-8"},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1
    assert from_json(outputs.pop().decode()) == plan_of(FULL)


def test_the_revision_is_known() -> None:
    """It is this one. A change of the compiler that alters it must raise COMPILER_VERSION, knowingly."""
    assert plan_of(f"title: T\nsteps:\n  - {tip('a')}\n").revision == "cd1cc4b1265081f2"


WORDS = st.text(
    st.characters(exclude_categories=["C", "Z"], exclude_characters="{%#}\\[]<>`!&*_"), min_size=1, max_size=12
)
TIPS = st.fixed_dictionaries(
    {"subject": WORDS, "body": WORDS},
    optional={
        "preheader": WORDS,
        "objective": WORDS,
        "after": st.sampled_from(["1 day", "2 hours"]),
        "days": st.just("mon"),
    },
)


@settings(max_examples=100, deadline=None)
@given(st.lists(TIPS, min_size=1, max_size=5), WORDS, st.randoms())
def test_compiling_depends_on_the_course_alone(tips: list[dict[str, str]], title: str, random: Any) -> None:
    """Twice gives the same; keys in another order give the same; another word anywhere gives another revision."""
    items = [{"tip": f"t{n}", **each} for n, each in enumerate(tips)]
    plan = plan_of(json.dumps({"title": title, "steps": items}))
    assert plan_of(json.dumps({"title": title, "steps": items})) == plan
    shuffled = [dict(random.sample(list(item.items()), len(item))) for item in items]
    assert plan_of(json.dumps({"steps": shuffled, "title": title})) == plan
    chosen = random.choice(items)
    chosen[random.choice([key for key in chosen if key in ("subject", "body", "preheader", "objective")])] += "x"
    assert plan_of(json.dumps({"title": title, "steps": items})).revision != plan.revision
