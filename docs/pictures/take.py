"""Take the README's pictures anew, after `notifier demo --once`:

.venv/bin/python docs/pictures/take.py .notifier/demo/mail.html
"""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

HERE = Path(__file__).parent
SIZE = {"width": 400, "height": 860}


def take(mail: Path) -> None:
    """The top of a mail on a phone, in light and in dark. Needs Chromium."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for scheme in ("light", "dark"):
            page = browser.new_page(color_scheme=scheme, viewport=SIZE)
            page.goto(mail.resolve().as_uri())
            page.screenshot(path=HERE / f"digest-{scheme}.png")
        browser.close()


if __name__ == "__main__":
    take(Path(sys.argv[1]))
