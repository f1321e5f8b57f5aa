"""How a mail is looked at: Chromium, what is measured in it, and pictures that stand in for those of the brand.

Tests of what mails look like import it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, sync_playwright

CHROMIUM = shutil.which("chromium")
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
#: A picture wider than any screen here, a poster, and a logo.
DRAWN = '<svg xmlns="http://www.w3.org/2000/svg" width="{}" height="{}"><rect width="100%" height="100%"/></svg>'
PICTURES = {"logo": DRAWN.format(112, 28), "poster": DRAWN.format(1280, 720), "": DRAWN.format(1600, 700)}

#: What a reader meets, measured in the page: every visible text with its colours, sizes and places.
MEASURE = """
() => {
  const rgba = text => { const n = text.match(/[\\d.]+/g).map(Number); return n.length < 4 ? [...n, 1] : n; };
  const luminance = c => {
    const linear = v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    const [r, g, b] = c.slice(0, 3).map(v => linear(v / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = element => {
    for (let e = element; e; e = e.parentElement) {
      const colour = rgba(getComputedStyle(e).backgroundColor);
      if (colour[3] > 0) return colour;
    }
    return null;
  };
  const texts = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode, element = node.parentElement;
    if (!node.data.replace(/[\\s\\u00a0]/g, '')) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const box = range.getBoundingClientRect(), style = getComputedStyle(element);
    if (!box.width || style.display === 'none') continue;
    const back = behind(element), fore = rgba(style.color);
    const [dark, light] = [luminance(fore), luminance(back || [128, 128, 128])].sort((a, b) => a - b);
    texts.push({
      text: node.data.trim().slice(0, 40), size: parseFloat(style.fontSize), line: parseFloat(style.lineHeight),
      contrast: back ? (light + 0.05) / (dark + 0.05) : 0, left: box.left, right: box.right,
    });
  }
  const boxes = selector => [...document.querySelectorAll(selector)].map(e => {
    const box = e.getBoundingClientRect();
    return { left: box.left, right: box.right, width: box.width, height: box.height };
  });
  const paragraph = document.querySelector('.tip p') || document.querySelector('.tip');
  return {
    scroll: document.documentElement.scrollWidth, width: innerWidth, texts,
    h1: [...document.querySelectorAll('h1')].map(e => [e.textContent.trim(), getComputedStyle(e).fontSize]),
    paragraph: [getComputedStyle(paragraph).fontSize,
                getComputedStyle(paragraph).lineHeight],
    options: boxes('.option a'), card: boxes('.card')[0], button: boxes('.button a')[0], done: boxes('.done')[0],
    todo: boxes('.todo')[0], column: boxes('.tip')[0], unsubscribe: boxes('a[href*="/u/"]')[0],
    page: getComputedStyle(document.body).backgroundColor, lang: document.documentElement.lang,
    direction: getComputedStyle(paragraph).direction,
  };
}
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, with a profile of its own."""
    assert CHROMIUM is not None, "no chromium on this machine: `make test` installs it, or apt-get install chromium"
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield running
        running.close()


def show(browser: Browser, html: str, width: int, scheme: str, pictures: bool) -> tuple[Page, list[str]]:
    """A mail in a window, and the addresses that it tried to load. Nothing leaves the machine."""
    context = browser.new_context(
        viewport={"width": width, "height": 800},
        color_scheme="dark" if scheme == "dark" else "light",
        device_scale_factor=2 if width < 800 else 1,
    )
    asked: list[str] = []

    def answer(route: Route) -> None:
        url = route.request.url
        asked.append(url)
        if pictures and (url.endswith(".svg") or "/m/" in url):
            body = next(drawn for name, drawn in PICTURES.items() if name in url)
            route.fulfill(content_type="image/svg+xml", body=body)
        else:
            route.abort()

    page = context.new_page()
    page.route("**/*", answer)
    page.set_content(html, wait_until="load")
    return page, asked


def keep_picture(page: Page, name: str) -> None:
    """Leave a picture in the folder that DRIP_SHOTS names, to be looked at."""
    if folder := os.environ.get("DRIP_SHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
