"""Whatever learners, authors and strangers write comes out as they wrote it: on every page, in every mail, as text."""

from __future__ import annotations

import email
import json
import re
from email import policy
from email.message import EmailMessage
from html import unescape
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from hostile_texts import HOSTILE, structure
from stage import Stage, set_up
from states import State, states, way
from ways import WAYS, make_house, name_of
from web_workspace import NOW, make_workspace

import drip
from drip.course.attributes import Attribute
from drip.errors import DripError
from drip.plan.model import Option, Question, Survey
from drip.track.token import Purpose
from drip.web import stamp
from drip.web.serve import running

PACKAGE = Path(drip.__file__).parent
EVERY = pytest.mark.parametrize("kind", list(HOSTILE))


def written(text: str) -> dict[str, object]:
    """A course, its sender and its learner, all of whose texts say `text`."""
    return {
        "title": f"T{text}",
        "sender": f"S{text}",
        "first_name": f"N{text}",
        "ref": f"R{text}",
        "question": Question(
            id="welcome",
            ask=f"A{text}",
            options=(
                Option(text=f"O{text}", correct=True, because=f"B{text}"),
                Option(text=f"P{text}", because=f"C{text}"),
            ),
        ),
        "survey": Survey(id="welcome", kind="nps", ask=f"Q{text}", low=0, high=10),
    }


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> list[State]:
    """Every page with nothing odd in it."""
    return pages(tmp_path_factory.mktemp("calm"), " x")


def pages(folder: Path, text: str) -> list[State]:
    """Every page of which anything depends on what people wrote."""
    return [state for state in states(folder, "en", **written(text)) if state.name != "v"]


@EVERY
def test_no_text_changes_a_page(tmp_path: Path, calm: list[State], kind: str) -> None:
    """Every page has the very elements and attributes that it has with plain words, and shows what was written."""
    seen = pages(tmp_path, HOSTILE[kind])
    assert [state.name for state in seen] == [state.name for state in calm]
    shown = 0
    for state, plain in zip(seen, calm, strict=True):
        assert structure(state.html) == structure(plain.html), state.name
        body = state.html.partition("</style>")[2]
        assert "49" not in re.sub(r'(value|href)="[^"]+"', "", body), state.name
        shown += HOSTILE[kind].strip() in unescape(body)
    assert shown > 10 or kind in ("headers", "directions"), "the pages that show it show it as it was written"


@EVERY
def test_what_a_stranger_writes_into_the_form_is_text(tmp_path: Path, kind: str) -> None:
    """The field's values, languages, headers and marks: shown again as values at most, and never elsewhere."""
    house, text = make_house(tmp_path), HOSTILE[kind]
    one = way("subscribe")
    with running(house.app()) as url, httpx.Client(base_url=url, timeout=60) as client:
        plain = client.post(one.path(house), data={"email": "x", "first_name": "x"})
        said = dict.fromkeys(("email", "first_name", "language", "topic", "stamp", "consent", "nonce"), text)
        latin = {"Accept-Language": text.encode("latin-1", "replace").replace(b"\r", b"").replace(b"\n", b"")}
        clean = {name: bytes(byte for byte in value if byte >= 32 and byte != 127) for name, value in latin.items()}
        again = client.post(one.path(house), data=said, headers=clean)  # type: ignore[arg-type]
        marked = {**said, "stamp": stamp.make(house.workspace.ring, "first-report", NOW - stamp.LEAST), "topic": ""}
        wrong = client.post(one.path(house), data=marked)
        trapped = client.post(one.path(house), data={**marked, "topic": "x"})
    assert structure(again.text) == structure(plain.text)
    for page in (again, wrong, trapped):
        assert not {tag[0] for tag in structure(page.text)} & {"script", "img", "b", "svg", "mj-raw"}
        assert {name for tag in structure(page.text) for name in tag[1:]} <= KNOWN
        assert "set-cookie" not in page.headers
    assert house.workspace.suppressions() == 1


#: The attributes that our pages have.
KNOWN = {
    *("lang", "dir", "charset", "name", "content", "nonce", "class", "method", "type", "value", "for", "id", "role"),
    *("inputmode", "autocomplete", "required", "maxlength", "aria-invalid", "aria-describedby", "aria-hidden", "inert"),
    *("tabindex", "selected"),
}


@EVERY
def test_no_value_leads_elsewhere(tmp_path: Path, kind: str) -> None:
    """A learner's field in a link's path and query is quoted there: same scheme, same host, one header."""
    app, ref = "https://app.acme.example", "{{ learner.ref }}"
    links = (f"{app}/{ref}", f"{app}/v?u={ref}#{ref}")
    workspace = make_workspace(tmp_path, ref=HOSTILE[kind], links=links)
    with running(workspace.app()) as url:
        for number in range(len(links)):
            answer = httpx.get(url + workspace.path(Purpose.CLICK, number))
            place = urlsplit(answer.headers["location"])
            assert (place.scheme, place.netloc, place.username) == ("https", "app.acme.example", None)
            assert place.path.count("/") == 1
            assert re.fullmatch(r"[\x21-\x7e]+", answer.headers["location"])
            assert not set(answer.headers["location"]) & set("<>\"'`\\{}^| ")
            assert answer.headers.get_list("location") == [answer.headers["location"]]
            assert not {"bcc", "x", "z", "set-cookie"} & set(answer.headers)


COURSE = """\
title: %(title)s
sender: {name: %(sender)s, email: learn@acme.example}
timing: {every: 1 hour}
steps:
  - tip: welcome
    subject: "Hello {{ learner.first_name }} {{ learner.plan }}"
    preheader: "Pre {{ learner.plan }}"
    body: |
      Dear {{ learner.first_name }} {{ learner.last_name }}, **{{ learner.plan }}** and `{{ learner.plan }}`.

      - [{{ learner.plan }}](https://app.acme.example/{{ learner.plan }}?u={{ learner.ref }})

      > {{ learner.plan }} {%% if learner.plan %%}yes{%% endif %%}
    button: {text: "Open {{ learner.plan }}", url: "https://app.acme.example/b?p={{ learner.plan }}"}
    source: %(text)s
    question:
      ask: %(ask)s
      options:
        - {text: %(one)s, correct: true, because: %(one)s}
        - {text: %(two)s, because: %(two)s}
"""


def mail_with(folder: Path, text: str, author: str = " plain") -> EmailMessage:
    """The mail that a learner with `text` in every field gets, of a course whose plain texts say `author`."""
    folder.mkdir()
    stage: Stage = set_up(folder)
    quoted = {name: json.dumps(f"{name}{author}") for name in ("title", "sender", "text", "ask", "one", "two")}
    stage.publish(COURSE % quoted, attributes={"plan": Attribute(type="text")})
    stage.add("anna@customer.example", first_name=text, last_name=text, ref=text, attributes={"plan": text})
    stage.enrol()
    assert stage.deliver().sent == 1
    found = email.message_from_bytes(stage.mails()[0].read_bytes(), policy=policy.default)
    assert isinstance(found, EmailMessage)
    return found


def parts(mail: EmailMessage) -> tuple[str, str]:
    html, text = mail.get_body(("html",)), mail.get_body(("plain",))
    assert html is not None
    assert text is not None
    return str(html.get_content()), str(text.get_content())


@EVERY
def test_no_learner_changes_a_mail(tmp_path: Path, kind: str) -> None:
    """The same elements, attributes and headers as for anybody; links lead to the same host; the text part is whole."""
    plain, odd = mail_with(tmp_path / "plain", "x"), mail_with(tmp_path / "odd", HOSTILE[kind])
    assert odd.keys() == plain.keys()
    assert (odd["From"], odd["List-ID"], odd["Reply-To"]) == (plain["From"], plain["List-ID"], plain["Reply-To"])
    assert [address.addr_spec for address in odd["To"].addresses] == ["anna@customer.example"]
    for name in ("Subject", "To"):
        assert not re.search(r"[\r\n\x00-\x08]", str(odd[name]))
    html, text = parts(odd)
    assert structure(html) == structure(parts(plain)[0])
    hosts = {urlsplit(unescape(url)).netloc for url in re.findall(r'(?:href|src)="([^"]*)"', html)}
    assert hosts == {"learn.acme.example"}
    assert "49" not in str(odd["Subject"])
    if kind not in ("headers", "directions"):
        assert HOSTILE[kind] in unescape(html)
        assert HOSTILE[kind].split()[0] in text


@EVERY
def test_no_plain_text_of_a_course_changes_its_mails(tmp_path: Path, kind: str) -> None:
    """Title, sender, source, question and options are no Markdown and no markup, even if they look like it.

    Where a text cannot be what its author wrote, publishing says so; no mail goes out with a script in it.
    """
    plain = mail_with(tmp_path / "plain", "x", " plain")
    try:
        odd = mail_with(tmp_path / "odd", "x", HOSTILE[kind])
    except DripError:
        assert kind in ("templates", "headers", "directions", "layouts")
        return
    html, _ = parts(odd)
    assert odd.keys() == plain.keys()
    assert structure(html) == structure(parts(plain)[0])
    assert [address.addr_spec for address in odd["From"].addresses] == ["learn@acme.example"]


MARKDOWN = """\
<script>pwned()</script> <img src=x onerror=pwned()> <a href="javascript:pwned()">x</a> <iframe src=//evil.example>

<div onclick="pwned()">block</div>

<!-- <script>pwned()</script> -->
<style>* { background: url(//evil.example) }</style>

`<script>pwned()</script>` &lt;script&gt; <mj-raw>x</mj-raw>
"""


def test_markup_in_a_body_is_text(tmp_path: Path) -> None:
    """Markdown is all that a body can say: HTML and MJML in it come out as written, and run nothing."""
    stage = set_up(tmp_path)
    body = "".join(f"      {line}\n" for line in MARKDOWN.splitlines())
    course = "title: T\nsender: {name: A, email: a@acme.example}\nsteps:\n  - tip: one\n    subject: S\n    body: |\n"
    stage.publish(course + body)
    stage.people(1)
    stage.deliver()
    found = email.message_from_bytes(stage.mails()[0].read_bytes(), policy=policy.default)
    assert isinstance(found, EmailMessage)
    tags = structure(parts(found)[0])
    assert not {tag[0] for tag in tags} & {"script", "iframe", "mj-raw", "form", "object", "embed", "base", "link"}
    assert not [tag for tag in tags for name in tag[1:] if name.startswith("on")]


@pytest.mark.parametrize(
    "place", ["javascript:pwned()", "data:text/html,x", "vbscript:x", "//evil.example", "file:///e"]
)
def test_a_link_of_a_body_leads_to_the_web_alone(tmp_path: Path, place: str) -> None:
    """Any other scheme is refused when the course is published, or stays the text that it was."""
    stage = set_up(tmp_path)
    step = f"  - {{tip: one, subject: S, body: '[x]({place})'}}"
    text = f"title: T\nsender: {{name: A, email: a@acme.example}}\nsteps:\n{step}\n"
    try:
        stage.publish(text)
    except DripError:
        return
    stage.people(1)
    stage.deliver()
    found = email.message_from_bytes(stage.mails()[0].read_bytes(), policy=policy.default)
    assert isinstance(found, EmailMessage)
    hrefs = re.findall(r'href="([^"]*)"', parts(found)[0])
    assert {urlsplit(unescape(href)).netloc for href in hrefs} == {"learn.acme.example"}


def test_no_template_of_ours_lets_anything_through() -> None:
    """Pages are escaped by rule: no `safe`, no block without it, and values stand in quoted attributes alone."""
    templates = [*PACKAGE.glob("web/pages/*.html"), *PACKAGE.glob("web/preview_pages/*.html")]
    assert len(templates) > 20
    for template in templates:
        source = re.sub(r"\{#.*?#\}", "", template.read_text("utf-8"), flags=re.DOTALL)
        assert not re.search(r"\|\s*safe|autoescape|\|\s*tojson|Markup|<script(?! src=)", source), template.name
        assert not re.search(r"=\s*\{\{", source), f"{template.name}: a value in an attribute without quotes"
        assert not re.search(r"\son\w+=", source), f"{template.name}: a handler"
        assert not re.search(r"\sstyle=", source), f"{template.name}: the policy lets no style through"


def test_the_headers_of_every_page_keep_it_private(calm: list[State]) -> None:
    """Nothing may be kept, framed, sniffed, indexed or told to others; no script and no form to elsewhere can be."""
    for state in calm:
        headers = state.headers
        assert headers["cache-control"] == "no-store", state.name
        assert headers["x-content-type-options"] == "nosniff", state.name
        assert headers["x-frame-options"] == "DENY", state.name
        assert headers["referrer-policy"] in ("no-referrer", "same-origin"), state.name
        assert headers["x-robots-tag"] == "noindex", state.name
        policy_ = headers["content-security-policy"]
        for rule in ("default-src 'none'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"):
            assert rule in policy_, state.name
        assert "script-src" not in policy_
        assert "unsafe" not in policy_
        assert "set-cookie" not in headers
        assert "server" not in headers
        assert headers["content-type"] == "text/html; charset=utf-8"


def test_the_headers_of_what_is_no_page_keep_it_private(tmp_path: Path) -> None:
    """The pixel, a redirect, a mail in the browser, a picture, the words to a provider: each has what it needs."""
    house = make_house(tmp_path)
    with running(house.app()) as url, httpx.Client(base_url=url, timeout=60) as client:
        found = {name_of(one): client.get(one.path(house)) for one in WAYS}
        found["one-click"] = client.post(way("u").path(house), data={"List-Unsubscribe": "One-Click"})
        found["refused pixel"] = client.get("/o/forged.gif")
    for name, answer in found.items():
        headers = answer.headers
        assert "set-cookie" not in headers, name
        assert "server" not in headers, name
        if name in ("healthz", "readyz"):
            assert headers["content-type"] == "application/json"
            continue
        assert headers["x-content-type-options"] == "nosniff", name
        assert headers["x-robots-tag"] == "noindex", name
        if name == "m":
            assert headers["content-security-policy"] == "default-src 'none'"
            continue
        assert headers["cache-control"] == "no-store", name
        assert headers["referrer-policy"] in ("no-referrer", "same-origin"), name
    assert "sandbox" in found["v"].headers["content-security-policy"]
    assert "allow-scripts" not in found["v"].headers["content-security-policy"]
    assert "frame-ancestors 'none'" in found["v"].headers["content-security-policy"]
