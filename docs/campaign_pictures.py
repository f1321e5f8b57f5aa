"""Make the pictures of the sample campaigns anew: `python docs/campaign_pictures.py` (needs Chromium).

None of them has words in it, so that one picture serves every language of its course.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

CAMPAIGNS = Path(__file__).parents[1] / "campaigns"
CHROMIUM = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
#: As wide as the column of a mail (LOOK: 600 px less its padding), drawn at twice that for sharp screens.
WIDTH, SCALE = 568, 2
INK, QUIET, LINE, GREEN, PALE, AMBER = "#1A1C1E", "#55595F", "#E3E6E8", "#0F6B5C", "#8FC1B5", "#C77700"
SANS = "'DejaVu Sans', Verdana, sans-serif"
MONO = "'DejaVu Sans Mono', monospace"


def two_weeks() -> str:
    """Two weeks, day by day: the last one dark, the one before pale. They add up to 48 and 42."""
    height, left, right, top, bottom = 280, 40, 488, 40, 236
    last, before = (7, 9, 6, 5, 6, 7, 8), (6, 7, 7, 5, 4, 6, 7)
    assert (sum(last), sum(before)) == (48, 42)

    def line(days: tuple[int, ...], colour: str, width: int, end_at: float) -> str:
        sums = [sum(days[: n + 1]) for n in range(7)]
        points = [(left + n * (right - left) / 6, bottom - (bottom - top) * up / 50) for n, up in enumerate(sums)]
        way = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        x, y = points[-1]
        return (
            f'<polyline points="{way}" fill="none" stroke="{colour}" stroke-width="{width}" stroke-linejoin="round"/>'
            f'<circle cx="{x}" cy="{y:.1f}" r="6" fill="{colour}"/>'
            f'<text x="{x + 16}" y="{y + end_at:.1f}" font-family="{SANS}" font-size="24" font-weight="700" '
            f'fill="{INK if colour == GREEN else QUIET}">{sums[-1]}</text>'
        )

    grid = "".join(
        f'<line x1="{left}" x2="{right}" y1="{bottom - up * 4}" y2="{bottom - up * 4}" stroke="{LINE}"/>'
        for up in (10, 20, 30, 40)
    )
    days = "".join(
        f'<circle cx="{left + n * (right - left) / 6}" cy="{bottom + 18}" r="3" fill="{QUIET}"/>' for n in range(7)
    )
    axis = f'<line x1="{left}" x2="{right}" y1="{bottom}" y2="{bottom}" stroke="{QUIET}" stroke-width="2"/>'
    return _svg(height, grid + axis + days + line(before, PALE, 4, 16) + line(last, GREEN, 5, 6))


def five_piles() -> str:
    """Five equal piles of coins: four are the seller's, one is the tax."""
    height, coins, coin = 194, 4, 26
    piles = []
    for pile in range(5):
        x, colour, edge = 36 + pile * 98 + (28 if pile == 4 else 0), GREEN, "#0A4D42"
        if pile == 4:
            colour, edge = "#E0A030", AMBER
        for n in range(coins):
            y = 150 - n * coin
            piles.append(
                f'<path d="M{x},{y - 14} v16 a38,12 0 0 0 76,0 v-16 z" fill="{edge}"/>'
                f'<ellipse cx="{x + 38}" cy="{y - 14}" rx="38" ry="12" fill="{colour}" stroke="#FFFFFF" '
                f'stroke-width="2"/>'
            )
    ground = f'<line x1="24" x2="{WIDTH - 24}" y1="170" y2="170" stroke="{LINE}" stroke-width="2"/>'
    gap = f'<line x1="433" x2="433" y1="40" y2="160" stroke="{QUIET}" stroke-width="2" stroke-dasharray="3 7"/>'
    return _svg(height, ground + gap + "".join(piles))


def sender_address() -> str:
    """An address taken apart: what stands last is who it belongs to, read from the right."""
    height, size, x = 150, 21, 32
    first, owner = "pay@acme.example.", "billing-desk.example"
    glyph = size * 0.602  # DejaVu Sans Mono: 1,233 of 2,048 units
    start = x + len(first) * glyph + 12
    wide = len(owner) * glyph
    text = (
        f'<text y="66" font-family="{MONO}" font-size="{size}" xml:space="preserve"><tspan x="{x}" fill="{QUIET}">'
        f'{first}</tspan><tspan x="{start}" font-weight="700" fill="{INK}">{owner}</tspan></text>'
    )
    box = (
        f'<rect x="{start - 8}" y="36" width="{wide + 16}" height="46" rx="8" fill="#FFF4DF" stroke="{AMBER}" '
        'stroke-width="3"/>'
    )
    arrow = (
        f'<line x1="{start + wide}" x2="{start + 14}" y1="112" y2="112" stroke="{AMBER}" stroke-width="3"/>'
        f'<path d="M{start},112 l16,-8 v16 z" fill="{AMBER}"/>'
    )
    return _svg(height, box + text + arrow)


def _svg(height: int, inside: str) -> str:
    card = f'<rect x="1" y="1" width="{WIDTH - 2}" height="{height - 2}" rx="12" fill="#FFFFFF" stroke="{LINE}"/>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" style="display:block">{card}{inside}</svg>'
    )


def main() -> None:
    """Draw each as SVG, and take its picture: mail programs show PNG, and not SVG."""
    drawings = {"two-weeks": two_weeks(), "five-piles": five_piles(), "sender-address": sender_address()}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM)
        tab = browser.new_page(device_scale_factor=SCALE, viewport={"width": WIDTH, "height": 300})
        for name, drawing in drawings.items():
            tab.set_content(f'<body style="margin:0;background:#FFFFFF">{drawing}</body>')
            tab.locator("svg").screenshot(path=str(CAMPAIGNS / f"{name}.png"))
        browser.close()


if __name__ == "__main__":
    main()
