"""docs/api.md, as somebody types it; and /docs in a browser, narrow and wide, light and dark.

`DRIP_SHOTS=folder pytest tests/acceptance/test_api_page.py` leaves pictures there, to be looked at.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from api_house import ApiHouse, api_house
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser
from test_pages import browser

__all__ = ["browser"]  # a fixture

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text("utf-8")
DIFFERS = ("ref", "enrolled_at", "due_at")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiHouse]:
    """A workspace without learners."""
    with api_house(tmp_path_factory.mktemp("api")) as one:
        yield one


def test_the_page_of_the_docs_is_true(tmp_path: Path) -> None:
    """Each curl is answered as the page says, by the course that the page shows."""
    (course,) = re.findall(r"^```yaml\n(.*?)^```", PAGE, flags=re.M | re.S)
    with api_house(tmp_path, courses={"welcome": course}) as house:
        token = house.new_token("page", "learners:write,events:write,enrolments:read")
        shown = re.findall(r"^```bash\n(.*?)^```\n\n```json\n(.*?)^```", PAGE, flags=re.M | re.S)
        assert len(shown) == PAGE.count("```bash") == 5
        for command, answer in shown:
            command = command.replace("http://127.0.0.1:8000", house.url)
            env = {**os.environ, "DRIP_TOKEN": token}
            done = subprocess.run(["bash", "-c", command], env=env, capture_output=True, text=True, check=True)
            said, found = json.loads(answer), json.loads(done.stdout)
            # the workspace of the test declares no attributes, and answers elsewhere
            assert _same(said, found), (command, done.stdout)


def _same(said: Any, found: Any, name: str = "") -> bool:
    if name in DIFFERS:
        return type(said) is type(found)
    if isinstance(said, dict):
        return set(said) == set(found) and all(_same(said[key], found[key], key) for key in said)
    if isinstance(said, list) and name != "notes":
        return len(said) == len(found) and all(map(_same, said, found))
    return name == "notes" or bool(said == found)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1280])
def test_the_page_is_good_for_everybody(house: ApiHouse, browser: Browser, width: int, scheme: Any) -> None:
    """Nothing is cut off or scrolls sideways, axe finds nothing, and nothing comes from elsewhere."""
    asked: list[str] = []
    said: list[str] = []
    with browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme) as context:
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.goto(f"{house.url}/docs")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.locator("h1").count() == 1
        found = Axe().run(page).response["violations"]
        assert [(one["id"], [node["html"][:100] for node in one["nodes"]][:3]) for one in found] == []
        assert asked == [f"{house.url}/docs"]
        assert not [one for one in said if "Content Security Policy" in one]
        if folder := os.environ.get("DRIP_SHOTS"):
            page.screenshot(
                path=f"{folder}/api-{width}-{scheme}.png",
                clip={"x": 0, "y": 0, "width": width, "height": 2600},
                full_page=True,
            )
