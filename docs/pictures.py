"""Make the README's pictures anew: `python docs/pictures.py` (needs Chromium). It runs the demo."""

from __future__ import annotations

import html
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

#: The tip that the README shows.
TIP = "saved-view"
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
            browser.close()


if __name__ == "__main__":
    main()
