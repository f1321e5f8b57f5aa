"""The examples in docs/course-file.md, a course for each construct: tests parse, compile and render every one."""

from __future__ import annotations

from drip.course import lesson, model, parts, steps
from drip.course.parts import Part

#: Each construct in the order of the page → how it is called, what else must be said of it, and an example.
CONSTRUCTS: tuple[tuple[type[Part], str, str, str], ...] = (
    (
        model.CourseFile,
        "A course",
        "One file, `campaigns/NAME.yaml`, in UTF-8. It is YAML 1.2, so `no`, `10:30` and `1.10` are texts; anchors, "
        "aliases and tags are refused, and so is a file over 1 MB.",
        """\
# yaml-language-server: $schema=./course.schema.json
id: first-report
title: Your first report in a week
language: en
layout: tip
priority: 10
goal: event("subscription.started")
stop: learner.status == "churned"
hold_while: learner.open_ticket
unsubscribe: course
removed: [old-step]
steps:
  - tip: welcome
    subject: Start from a saved view
    body: A chart starts from a *saved view*.
""",
    ),
    (
        parts.Sender,
        "sender",
        "",
        """\
title: Your first report
sender: {name: Acme Academy, email: learn@acme.example, reply_to: help@acme.example, bounces: bounces.acme.example}
steps:
  - {tip: welcome, subject: Welcome, body: A chart starts from a *saved view*.}
""",
    ),
    (
        parts.Timing,
        "timing",
        "`at` and `between` exclude each other. `days` and `weeks` count calendar days in the learner's zone; `hours` "
        "and `minutes` elapse, and then the next allowed time is waited for.",
        """\
title: Your first report
timing:
  every: 1 day
  at: "09:00"
  days: mon-fri
  skip_holidays: SE
  timezone: Europe/Stockholm
  limit: 1 per day
  stale_after: 7 days
steps:
  - {tip: welcome, subject: Welcome, body: A chart starts from a *saved view*.}
""",
    ),
    (
        parts.Start,
        "start",
        "`event` and `date` exclude each other, and `offset` needs a `date`. At least one key is written.",
        """\
title: Your renewal
start:
  date: learner.renewal_date
  offset: -14 days
  when: learner.plan == "pro"
  reentry: after 90 days
steps:
  - {tip: soon, subject: Two weeks to go, body: Your plan ends in two weeks.}
""",
    ),
    (
        parts.Silent,
        "silent",
        "",
        """\
title: Your first report
start: {event: trial.started, reentry: after completion}
silent: {after: 5 mails, then: pause}
steps:
  - {tip: welcome, subject: Welcome, body: A chart starts from a *saved view*.}
""",
    ),
    (
        parts.Reviews,
        "reviews",
        "`reviews: fixed` alone takes the days below; `reviews: none` says that there are none. (`fsrs` is not "
        "supported yet.)",
        """\
title: Your first report
reviews: {strategy: fixed, after_days: [2, 5, 10, 20, 40], per_email: 2}
steps:
  - tip: welcome
    subject: Start from a saved view
    body: A chart starts from a *saved view*.
    question:
      ask: Where does a chart start?
      options:
        - {text: From a saved view, correct: true, because: The view holds the filters.}
        - {text: From a blank page, because: There is no blank chart.}
""",
    ),
    (
        parts.Tracking,
        "tracking",
        "",
        """\
title: Your first report
tracking: {opens: consented, clicks: always}
steps:
  - {tip: welcome, subject: Welcome, body: A chart starts from a *saved view*.}
""",
    ),
    (
        parts.Experiment,
        "experiment",
        "",
        """\
title: Your first report
experiment: {holdout: 10%}
steps:
  - {tip: welcome, subject: Welcome, body: A chart starts from a *saved view*.}
""",
    ),
    (
        steps.Tip,
        "A tip",
        "It needs a `subject`, and a `body` or a `body_file`, of its own or in each of its variants. `at` or `between` "
        "replaces the course's.",
        """\
title: Your first report
steps:
  - tip: export
    renamed_from: csv-export
    subject: "Export, {{ learner.first_name | default('there') }}"
    preheader: One press, and the numbers are yours
    objective: Export a chart to a spreadsheet
    skill: reporting.export
    body_file: tips/export.md
    source: "Acme usage study 2026, n = 412"
    after: 3 days
    between: 08:00-10:00
    days: [tue, thu]
    stale_after: 2 days
    when: not event("exported")
""",
    ),
    (
        lesson.Variant,
        "variants",
        "A learner always gets the same variant of a tip. Each overrides texts of the tip; the rest is the tip's.",
        """\
title: Your first report
steps:
  - tip: export
    body: Press *Export*.
    variants:
      - {name: short, weight: 2, subject: Export in one press}
      - {name: long, subject: How to export a chart to a spreadsheet}
""",
    ),
    (
        lesson.Button,
        "button",
        "",
        """\
title: Your first report
steps:
  - tip: welcome
    subject: Start from a saved view
    body: A chart starts from a *saved view*.
    button: {text: Open your views, url: "https://app.acme.example/views?u={{ learner.ref }}"}
""",
    ),
    (
        lesson.Image,
        "image",
        "A picture in the body is written as Markdown does it, `![A bar chart](charts.png)`; in a body's own file its "
        "path is counted from that file. No path leads out of the course's folder.",
        """\
title: Your first report
steps:
  - tip: welcome
    subject: Start from a saved view
    body: A chart starts from a *saved view*.
    image: {src: charts.png, alt: A bar chart of sales by week}
""",
    ),
    (
        lesson.Clip,
        "clip",
        "",
        """\
title: Your first report
steps:
  - tip: welcome
    subject: See it done
    body: A chart starts from a *saved view*.
    clip: {url: "https://acme.example/clips/views", poster: clip.png, alt: A view is saved, minutes: 2, captions: true}
""",
    ),
    (
        lesson.Question,
        "question",
        "",
        """\
title: Your first report
steps:
  - tip: welcome
    subject: Start from a saved view
    body: A chart starts from a *saved view*.
    question:
      id: chart-start
      ask: Where does a chart start?
      options:
        - {text: From a saved view, correct: true, because: The view holds the filters.}
        - {text: From a blank page, because: There is no blank chart.}
""",
    ),
    (
        lesson.Option,
        "options of a question",
        "Exactly one of two to eight is correct.",
        """\
title: Your first report
steps:
  - tip: format
    subject: A file for everybody
    body: CSV is text.
    question:
      ask: Which file can everybody open?
      options:
        - {text: CSV, correct: true, because: It is text.}
        - {text: XLSX, because: Some have no spreadsheet.}
        - {text: PDF, because: Nobody can count in it.}
""",
    ),
    (
        steps.Survey,
        "A survey",
        '`survey: scale` needs its `scale`; `nps` and `csat` have their own. `answered("recommend")` holds once '
        "somebody has rated.",
        """\
title: Your first report
steps:
  - {tip: welcome, subject: Welcome, body: A chart starts from a *saved view*.}
  - survey: nps
    ask: How likely are you to recommend us?
  - survey: scale
    id: easy
    scale: [1, 7]
    ask: How easy was it to make your first chart?
    subject: One question
    after: 2 days
    when: sent("welcome")
""",
    ),
    (
        steps.Wait,
        "A wait",
        "",
        """\
title: Your first report
steps:
  - tip: welcome
    subject: Start from a saved view
    body: A chart starts from a [saved view](https://app.acme.example/views).
  - wait: {until: clicked("welcome"), at_most: 4 days}
  - {tip: export, subject: Export it, body: Press *Export*.}
""",
    ),
    (steps.Until, "wait", "", ""),
    (
        steps.If,
        "A fork",
        "Forks may stand in forks. Without `else`, those for whom it does not hold go on behind it.",
        """\
title: Your first report
steps:
  - tip: welcome
    subject: Start from a saved view
    body: A chart starts from a [saved view](https://app.acme.example/views).
  - if: clicked("welcome")
    then: [{tip: advanced, subject: Two charts in one, body: Put one *over* the other.}]
    else:
      - if: opened("welcome")
        then: [{tip: again, subject: Once more, body: A view comes first.}]
""",
    ),
    (
        steps.Notify,
        "A notice to another program",
        "",
        """\
title: Your first report
steps:
  - {tip: welcome, subject: Welcome, body: A chart starts from a *saved view*.}
  - notify: crm.course_nearly_done
""",
    ),
    (
        steps.Award,
        "An award",
        "",
        """\
title: Your first report
steps:
  - {tip: welcome, subject: Welcome, body: A chart starts from a *saved view*.}
  - award: certificate
""",
    ),
)

TRANSLATED_COURSE = """\
title: Your first report
steps:
  - tip: welcome
    subject: Start from a saved view
    objective: Create a chart from a saved view
    body: A chart starts from a *saved view*.
    button: {text: Open your views, url: "https://app.acme.example/views"}
    image: {src: charts.png, alt: A bar chart of sales by week}
    clip: {url: "https://acme.example/clips/views", poster: clip.png, alt: A view is saved}
    question:
      ask: Where does a chart start?
      options:
        - {text: From a saved view, correct: true, because: The view holds the filters.}
        - {text: From a blank page, because: There is no blank chart.}
    variants: [{name: short, subject: Start here}, {name: long}]
  - survey: nps
    ask: How likely are you to recommend us?
"""
TRANSLATION = """\
# yaml-language-server: $schema=./translation.schema.json
title: Din första rapport
steps:
  - tip: welcome
    subject: Börja från en sparad vy
    objective: Skapa ett diagram från en sparad vy
    body: Ett diagram börjar från en *sparad vy*.
    button: {text: Öppna dina vyer}
    image: {alt: Stapeldiagram över försäljning per vecka}
    clip: {alt: En vy sparas}
    question:
      ask: Var börjar ett diagram?
      options:
        - {text: Från en sparad vy, because: Vyn har filtren.}
        - {text: Från en tom sida, because: Det finns inga tomma diagram.}
    variants: [{name: short, subject: Börja här}]
  - survey: nps
    ask: Hur troligt är det att du rekommenderar oss?
"""
LEARNER = """\
[learner]
status = "text"
plan = ["trial", "pro"]                             # one of these
seats = {type = "number", default = 1}
renewal_date = "date"
open_ticket = {type = "yes/no", default = false}
tier = {values = ["silver", "gold"], default = "silver"}
"""

TRANSLATION_NOTE = (
    "The file is called `NAME.LANGUAGE.yaml` and stands beside the course. It has the same ids and only texts: a key "
    "that is no text is a mistake, and so is an id that the course does not have. What is missing is sent in the "
    "course's language, and `drip check` says so. Tips that stand inside an `if` are written one below the other."
)
