"""What runs in django-post_office's environment: fill its queue, then send it with `send_queued_mail`, timed.

`python bench/django_queue_inside.py JSON`; the last line on stdout has mails a second and milliseconds of CPU a mail.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.core.management import call_command

_SENDER = "Acme Academy <learn@acme.example>"
#: So many are put into the queue at once.
_AT_ONCE = 500


def main(told: dict[str, Any]) -> None:
    """Fill, send, count."""
    _set_up(told)
    from post_office import mail
    from post_office.models import STATUS, Email, EmailTemplate

    template, *letters = map(json.loads, Path(told["letters"]).read_text("utf-8").splitlines())
    texts = {"subject": template["subject"], "content": template["text"], "html_content": template["html"]}
    kept = EmailTemplate.objects.create(name="tip", **texts)
    for start in range(0, len(letters), _AT_ONCE):
        mail.send_many(
            [
                {"recipients": one["to"], "sender": _SENDER, "headers": one["headers"]}
                | (
                    {"template": kept, "context": one["context"], "render_on_delivery": True}
                    if told["as_they_go"]
                    else {"subject": one["subject"], "message": one["text"], "html_message": one["html"]}
                )
                for one in letters[start : start + _AT_ONCE]
            ]
        )
    cpu, before = _cpu(), time.perf_counter()
    call_command("send_queued_mail", processes=told["processes"], lockfile=told["lock"])
    took = time.perf_counter() - before
    sent = Email.objects.filter(status=STATUS.sent).count()
    if sent != len(letters):
        sys.exit(f"{sent} of {len(letters)} were sent")
    print(json.dumps({"rate": sent / took, "cpu": (_cpu() - cpu) / sent * 1000}))


def _cpu() -> float:
    """Seconds of CPU of this process and those that it started and that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _set_up(told: dict[str, Any]) -> None:
    sqlite = "sqlite3" in told["database"]["ENGINE"]
    # as drip opens SQLite; Django's own way of journalling is slower
    options = {"init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL", "transaction_mode": "IMMEDIATE"}
    settings.configure(
        INSTALLED_APPS=["django.contrib.contenttypes", "post_office"],
        DATABASES={"default": told["database"] | ({"OPTIONS": options} if sqlite else {})},
        EMAIL_BACKEND="post_office.EmailBackend",
        EMAIL_HOST="127.0.0.1",
        EMAIL_PORT=told["port"],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
        USE_TZ=True,
        LOGGING={"version": 1, "loggers": {"post_office": {"level": "ERROR"}}},
        POST_OFFICE={
            "BATCH_SIZE": told["batch"],
            "THREADS_PER_PROCESS": told["threads"],
            "MESSAGE_ID_ENABLED": True,
            "MESSAGE_ID_FQDN": "acme.example",
        },
    )
    django.setup()
    call_command("migrate", verbosity=0)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
