"""Make the README's pictures anew: `python docs/pictures.py` (needs Chromium). It runs the demo, and the preview."""

from __future__ import annotations

import html
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, expect, sync_playwright

#: The tip that the README shows.
TIP = "saved-view"
#: Without its preheader the check has something to say of it.
PREHEADER = "    preheader: Set the dates once, and the report keeps up\n"
IMAGES = Path(__file__).parent / "images"
CHROMIUM = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
PAGE = """<!doctype html><meta charset="utf-8"><style>
body {{ margin: 0; background: #16181A; color: #ECEDEE; padding: 28px 32px; display: inline-block }}
pre {{ font: 15px/1.45 "DejaVu Sans Mono", monospace; margin: 0 }}
.prompt {{ color: #A6ABB1 }} .bar {{ color: #4FC3A1 }}
</style><pre><span class="prompt">$ drip report first-report</span>
{report}</pre>"""


def main() -> None:
    """Run the demo in a temporary folder; take pictures of what `drip report` prints there, and of a tip on a phone."""
    drip = [sys.executable, "-m", "drip"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "demo"
        subprocess.run([*drip, "demo", str(folder)], check=True, stdout=subprocess.DEVNULL)
        report = subprocess.run(
            [*drip, "report", "first-report"], cwd=folder, check=True, capture_output=True, text=True
        ).stdout
        page = folder / "report.html"
        shown = re.sub(r"(━+)", r'<span class="bar">\1</span>', html.escape(report.rstrip()))
        page.write_text(PAGE.format(report=shown), "utf-8")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM)
            tab = browser.new_page(device_scale_factor=1.5, viewport={"width": 1100, "height": 600})
            tab.goto(page.as_uri())
            tab.locator("body").screenshot(path=str(IMAGES / "report.png"))
            subprocess.run([*drip, "preview", "first-report", TIP], cwd=folder, check=True, stdout=subprocess.DEVNULL)
            for name, scheme in (("tip-phone", "light"), ("tip-dark", "dark")):
                phone = browser.new_page(
                    device_scale_factor=2, viewport={"width": 375, "height": 700}, color_scheme=scheme
                )
                phone.goto((folder / "preview" / f"{TIP}.html").as_uri())
                phone.screenshot(path=str(IMAGES / f"{name}.png"), full_page=True)
            _preview(browser, drip, folder)
            browser.close()


def _preview(browser: Browser, drip: list[str], folder: Path) -> None:
    """Pictures of the live preview: a course with something to mend, and one that is broken while it is written."""
    subprocess.run([*drip, "init", "academy"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    academy = folder / "academy"
    course = academy / "campaigns" / "first-report.yaml"
    text = course.read_text("utf-8").replace(PREHEADER, "")
    course.write_text(text, "utf-8")
    words = ["preview", "first-report", TIP, "--serve", "--port", "0", "--learner", "people.csv"]
    with subprocess.Popen([*drip, *words], cwd=academy, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url = server.stdout.readline().split(" shown on ")[1].split(";")[0]
        try:
            for name, scheme, more in (("preview", "light", ""), ("preview-broken", "dark", "&dark=on")):
                page = browser.new_page(
                    device_scale_factor=1.5, viewport={"width": 1280, "height": 800}, color_scheme=scheme
                )
                page.goto(url + more)
                expect(page.frame_locator("#mail").locator("body")).to_contain_text("saved view")
                if more:
                    course.write_text(text.replace("    after: 4 days", "    aftr: 4 days", 1), "utf-8")
                    expect(page.locator("#trouble")).to_be_visible()
                page.wait_for_timeout(500)  # pictures and fonts have come
                page.screenshot(path=str(IMAGES / f"{name}.png"))
        finally:
            server.terminate()


if __name__ == "__main__":
    main()
