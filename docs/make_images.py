"""Make the pictures of the documentation from a finished run: python docs/make_images.py RUN [FOLDER].

Needs playwright and a Chromium on the search path. Figures come from the run alone.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

WIDTH, HEIGHT = 1100, 1120  # of the picture: the headline and a line for each class
IMAGES = Path(__file__).parent / "images"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def make(run: Path, folder: Path = IMAGES) -> Path:
    """Write FOLDER/report.png, the beginning of RUN/report.html from its title on, and return its path."""
    browser_path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser_path is None:
        sys.exit(f"error: no Chromium is installed\n  → install one of: {', '.join(BROWSERS)}")
    page = run / "report.html"
    if not page.is_file():
        sys.exit(f"error: {page}: no such file\n  → run the study first: make study")
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox", "--disable-gpu"])
        try:
            tab = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
            tab.goto(page.resolve().as_uri())
            top = tab.locator("h1").first.bounding_box()
            clip = {"x": 0, "y": max(0, top["y"] - 40) if top else 0, "width": WIDTH, "height": HEIGHT}
            tab.screenshot(path=folder / "report.png", clip=clip, full_page=True)
        finally:
            browser.close()
    return folder / "report.png"


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    print(make(*map(Path, sys.argv[1:])))
