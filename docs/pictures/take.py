"""Take the pictures of README and guides anew, from the made-up mails: `make pictures`. Needs Chromium."""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from notifier.digests.samples import render_sample
from notifier.settings import Settings

HERE = Path(__file__).parent
SCREENS = {"phone": 360, "desk": 640}
PICTURES = {  # name of a mail: how it is shown
    "digest-one-change": ("phone-light", "phone-dark", "desk-light"),
    "digest-twelve": ("phone-light", "desk-light"),
    "digest-stopped": ("phone-light", "phone-dark"),
    "digest-new-with-card": ("phone-light", "phone-dark"),
}
MOST_PIXELS = 1600  # of height: a long mail is shown from its top
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def main() -> None:
    chromium = next(filter(None, map(shutil.which, NAMES)), None)
    if chromium is None:
        sys.exit("There is no Chromium on PATH; on Debian, `apt-get install chromium` brings it.")
    settings = Settings(_env_file=None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for name, ways in PICTURES.items():
            for way in ways:
                take(browser, render_sample(name, settings).html, way, HERE / f"{name}-{way}.png")
        browser.close()


def take(browser: Browser, html: str, way: str, file: Path) -> None:
    screen, scheme = way.split("-")
    page = browser.new_page(color_scheme=scheme, viewport={"width": SCREENS[screen], "height": 400})
    page.set_content(html, wait_until="commit")
    height = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size({"width": SCREENS[screen], "height": min(height, MOST_PIXELS)})
    page.screenshot(path=file)
    page.close()
    print(file.name)


if __name__ == "__main__":
    main()
