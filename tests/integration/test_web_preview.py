"""The preview over HTTP: for whom and how a message is shown, and that no address, name or file upsets it."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from preview_stage import COURSE, NOW, Workspace, make_workspace

from drip.track.token import Ring
from drip.web.preview import build_preview
from drip.web.serve import running


@pytest.fixture
def here(tmp_path: Path) -> Workspace:
    return make_workspace(tmp_path)


@pytest.fixture
def browse(here: Workspace) -> Iterator[httpx.Client]:
    """A client of the preview of `hello`, with the people of people.csv."""
    app = build_preview(here.live("people.csv"), ring=Ring.of(["a secret"]), clock=lambda: NOW)
    with running(app) as url, httpx.Client(base_url=url, timeout=30) as client:
        yield client


def _text(page: str) -> str:
    """What a page says, without its tags."""
    page = re.sub(r"(?s)<head>.*?</head>|<(script|style).*?</\1>", "", page)
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page)))


def _page(client: httpx.Client, **query: Any) -> str:
    answer = client.get("/", params=query)
    assert answer.status_code == 200
    return answer.text


def test_the_course_is_a_timeline(browse: httpx.Client) -> None:
    """Mails with place, subject and rule; what lies between them with its condition; the recap at the end."""
    said = _text(_page(browse))
    for words in (
        'starts enrolled by import or by hand only if learner.plan == "trial"',
        "1 of 4 Mon 2 Mar 09:00 Welcome, Ada first mail · at 09:00 · mon–fri",
        'wait until answered("welcome") , at most 4 days',
        'if correct("welcome")',
        "then 2 of 4 Two views in one chart after 2 days · at 09:00 · mon–fri",
        "otherwise 2 of 4",
        'only if not clicked("welcome")',
        "2 variants",
        "4 of 4",
        "survey",
        "notify crm.done",
        "award certificate",
        "ends the course is finished",
        'earlier, as a success, if event("subscription.started")',
        "recap",
        "Do you still remember? 2 and 5 days after their tip, 2 a mail",
    ):
        assert words in said, words


def test_everything_is_reached_by_links(browse: httpx.Client) -> None:
    """Without JavaScript: following `→` to the end meets every message once, in order."""
    place, met = "/", []
    while place:
        page = browse.get(place).text
        met.append(re.search(r'aria-current="step".*?class="title"[^>]*>([^<]*)', page, re.DOTALL)[1])  # type: ignore[index]
        found = re.search(r'<a href="([^"]+)" id="following"', page)
        place = html.unescape(found[1]) if found else ""
    assert [met[0], met[1], met[2], len(met)] == ["Welcome, Ada", "Two views in one chart", "The saved view again", 6]
    assert met[-1] == "Do you still remember?"


def test_learner_language_and_variant_are_chosen(browse: httpx.Client) -> None:
    """The learner's own language unless another is asked for; their variant is marked."""
    assert "Välkommen, Astrid" in _page(browse, learner="astrid@kund.example")
    assert "Welcome, Astrid" in _page(browse, learner="astrid@kund.example", language="en")
    assert "Välkommen, Ada" in _page(browse, language="SV")
    assert "Welcome, Ada" in _page(browse, language="xx", learner="nobody@a.example")
    for variant, subject in (("short", "Export in one press"), ("long", "How to export a chart")):
        page = _page(browse, step="export", variant=variant)
        assert f"<h2><bdi>{subject}</bdi></h2>" in page
        assert len(re.findall(r"\(theirs\)", page)) == 1


def test_what_is_known_of_a_learner_may_be_said_otherwise(browse: httpx.Client) -> None:
    """The mail follows; an unchanged form changes nothing; a wrong value is told and passed over."""
    three = "You already have three."
    assert three not in browse.get("/mail").text
    assert three in browse.get("/mail", params={"a.plan": "pro"}).text
    page = _page(browse, learner="ada@customer.example", was="ada@customer.example", **{"a.plan": "trial"})
    assert 'data-url="/?step=welcome&amp;at=1&amp;learner=ada%40customer.example"' in page
    wrong = _page(browse, **{"a.plan": "gold"})
    assert "plan: &#34;gold&#34; is none of its values" in wrong


def test_every_way_to_look_at_it(browse: httpx.Client) -> None:
    """Phone and desktop in a frame, the text part, the headers, and the size beside Gmail's limit."""
    for view in ("phone", "desktop"):
        assert f'class="sight view-{view}"' in _page(browse, view=view)
    text = _page(browse, view="text")
    assert "A chart starts from a saved view (https://app.acme.example/views?u=ada-customer-example)." in text
    headers = _text(_page(browse, view="headers", learner="astrid@kund.example"))
    assert "To Astrid Öberg <astrid@kund.example> =?utf-8?b?" in headers
    assert "List-Unsubscribe <https://learn.acme.example/u/" in headers
    assert "Content-Type multipart/alternative" in headers
    assert re.search(r"\d+\.\d kB of HTML; Gmail clips at 102 kB\. \d+\.\d kB as sent", _text(text))


def test_the_frame_shows_the_mail_and_reaches_nobody(browse: httpx.Client) -> None:
    """Dark or light, images or none; no script may run, no link of ours leads to where answers are kept."""
    mail = browse.get("/mail", params={"dark": "on"})
    assert "allow-scripts" not in mail.headers["content-security-policy"]
    assert "color-scheme: dark !important" in mail.text
    assert "prefers-color-scheme" not in mail.text
    assert "learn.acme.example" not in mail.text
    assert 'href="/leave?to=my"' in mail.text
    assert "own page" in browse.get("/leave?to=my").text
    picture = re.search(r'src="(/m/[^"]+)"', mail.text)
    assert picture
    assert browse.get(picture[1]).headers["content-type"] == "image/png"
    assert browse.get("/m/0000000000000000.png").status_code == 404
    off = browse.get("/mail", params={"images": "off"})
    assert "img-src 'none'" in off.headers["content-security-policy"]


def test_an_answer_s_link_shows_what_is_said_of_every_option(browse: httpx.Client) -> None:
    """The one that was pressed is marked; also for a question that comes back, in the language of the mail."""
    links = [html.unescape(one) for one in re.findall(r'href="(/answer[^"]+)"', browse.get("/mail").text)]
    assert len(links) == 2
    said = _text(browse.get(links[1]).text)
    assert "From a saved view ✓ Right The view holds the filters." in said
    assert "From a blank page ✗ Wrong, and the one that was pressed There is no blank chart." in said
    recap = browse.get("/mail", params={"step": "review", "language": "sv"}).text
    link = html.unescape(re.findall(r'href="(/answer[^"]+)"', recap)[0])
    assert "Vyn håller filtren." in _text(browse.get(link).text)
    survey = browse.get("/mail", params={"step": "export/survey"}).text
    link = html.unescape(re.findall(r'href="(/answer[^"]+)"', survey)[0])
    assert "nothing is recorded" in browse.get(link).text
    assert "nothing is recorded" in browse.get("/leave").text


def test_findings_stand_beside_their_message(browse: httpx.Client, here: Workspace) -> None:
    """This message's, those of its other languages, those between messages, and the course's."""
    here.change('until: answered("welcome")', 'until: opened("welcome")')
    here.change("goal: event", 'stop: opened("welcome")\ngoal: event')
    said = _text(_page(browse))
    parts = re.split(r"This message|In other languages|Between the messages|The whole course", said)
    assert len(parts) == 5
    assert 'tip "welcome" has no objective campaigns/hello.yaml:' in parts[1]
    assert "campaigns/hello.sv.yaml" in parts[2]
    assert 'opened("welcome") decides here' in parts[3]
    assert 'opened("welcome") decides here' in parts[4]
    assert "campaigns/hello.sv.yaml" in _text(_page(browse, language="sv")).split("This message")[1]


def test_the_message_is_saved_as_a_file(browse: httpx.Client) -> None:
    """For a mail program; a survey's id has a slash, and its file's name has none."""
    answer = browse.get("/message.eml", params={"step": "export/survey"})
    assert answer.headers["content-type"] == "message/rfc822"
    assert answer.headers["content-disposition"] == 'attachment; filename="export_survey.eml"'
    assert answer.text.startswith("From: Acme Academy <learn@acme.example>\r\n")


def test_a_message_that_cannot_be_made_is_told_in_its_place(browse: httpx.Client, here: Workspace) -> None:
    """The learner lacks a value: the rest of the page stands, and the frame says the same."""
    here.change("A view keeps your filters.", "'You have {{ learner.seats }} seats.'")
    page = _text(_page(browse, step="basics", learner="astrid@kund.example"))
    assert "This message cannot be made for Astrid" in page
    assert "{{ learner.seats }}" in page
    assert "You have 3 seats." in browse.get("/mail", params={"step": "basics"}).text
    assert browse.get("/mail", params={"step": "basics", "learner": "astrid@kund.example"}).status_code == 404


def test_a_step_that_is_gone_leads_to_what_stands_there_now(browse: httpx.Client, here: Workspace) -> None:
    """By `renamed_from`, or else by its place in the row; at the end, the last one."""
    here.change("tip: export\n", "tip: csv\n    renamed_from: export\n")
    assert 'data-url="/?step=csv&amp;at=4"' in _page(browse, step="export", at=4)
    assert 'data-url="/?step=advanced&amp;at=2"' in _page(browse, step="never", at=2)
    assert 'data-url="/?step=review&amp;at=6"' in _page(browse, step="never", at=999)


@pytest.mark.parametrize(
    "query",
    [
        "step=%00&view=%F0%9F%92%A9",
        "language=%3Cscript%3Ealert(1)%3C/script%3E&learner=%22%3E%3Cimg%20src=x%3E",
        "a.plan=%3Cb%3E&a.nothing=1&a.=2",
        "at=-5&at=7&at=1e9",
        "x=" + "y" * 20000,
        "&".join(f"a.p{number}=1" for number in range(2000)),
        "step=%ff%fe&variant=%ed%a0%80",
    ],
)
def test_odd_addresses_are_answered(browse: httpx.Client, query: str) -> None:
    """With a page, without their words in it as HTML, on every path that takes a place."""
    for path in ("/", "/mail", "/answer", "/message.eml"):
        answer = browse.get(f"{path}?{query}")
        assert answer.status_code == 200, path
        assert "<script>alert" not in answer.text
        assert "<img src=x" not in answer.text


def test_odd_cards_and_options_are_answered(browse: httpx.Client) -> None:
    """A number out of reach, or none."""
    for card, option in (("9", "0"), ("-1", "0"), ("x", "y"), ("", ""), ("0", "99"), ("9" * 9, "²")):
        assert browse.get("/answer", params={"card": card, "option": option}).status_code == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:1", 200),
        ("LOCALHOST", 200),
        ("127.0.0.1:80", 200),
        ("[::1]:8025", 200),
        ("preview.localhost", 200),
        ("evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("localhost.evil.example:8025", 421),
        ("", 421),
    ],
)
def test_only_this_machine_s_names_are_answered(browse: httpx.Client, host: str, status: int) -> None:
    """A page elsewhere that points its own name here reads nothing (DNS rebinding)."""
    for path in ("/", "/stamp", "/mail"):
        assert browse.get(path, headers={"Host": host}).status_code == status


def test_the_name_that_was_given_is_answered(here: Workspace) -> None:
    """For those who serve it to colleagues on purpose."""
    app = build_preview(here.live(), ring=Ring.of(["x"]), clock=lambda: NOW, host="preview.acme.example")
    with running(app) as url:
        assert httpx.get(url, headers={"Host": "Preview.acme.example:80"}).status_code == 200
        assert httpx.get(url, headers={"Host": "acme.example"}).status_code == 421


def test_nothing_comes_from_elsewhere(browse: httpx.Client) -> None:
    """The page and its parts hold no address of another server, and their policy allows none."""
    page = browse.get("/")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == "no-store"
    for path in ("/preview.css", "/preview.js"):
        answer = browse.get(path)
        assert answer.status_code == 200
        assert "://" not in answer.text
    loaded = re.findall(r'(?:src|<link[^>]* href)="([^"]+)"', page.text)
    assert [one for one in loaded if not one.startswith(("/", "data:,"))] == []
    assert browse.post("/").status_code == 405
    assert browse.get("/preview.py").status_code == 404


def test_a_course_that_cannot_be_read_yet(here: Workspace) -> None:
    """The mistakes are shown, the page waits, and the frame has nothing."""
    here.save(COURSE.replace("sbject", "").replace("title:", "tilte:"))
    app = build_preview(here.live(), ring=Ring.of(["x"]), clock=lambda: NOW)
    with running(app) as url, httpx.Client(base_url=url) as browse:
        said = _text(browse.get("/").text)
        assert "campaigns/hello.yaml cannot be read yet 2 mistakes." in said
        assert 'campaigns/hello.yaml:1:1 unknown-key tilte: Your first report ^^^^^ did you mean "title"?' in said
        for path in ("/mail", "/message.eml"):
            assert browse.get(path).status_code == 404
        assert browse.get("/answer?card=0&option=0").status_code == 200
        assert browse.get("/preview.css").status_code == 200
        here.save(COURSE)
        assert "Your first report" in browse.get("/").text


def test_only_what_changes_has_another_stamp(browse: httpx.Client, here: Workspace) -> None:
    """A page comes again when this one does."""
    first = browse.get("/stamp").json()
    here.save(COURSE)
    assert browse.get("/stamp").json() == first
    here.change("Export in one press", "Export now")
    stamp = browse.get("/stamp").json()["stamp"]
    assert stamp != first["stamp"]
    assert f'data-stamp="{stamp}"' in _page(browse)
