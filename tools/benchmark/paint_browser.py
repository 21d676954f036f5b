"""Run by paint.py with the Python that tests/web/install makes.
usage: paint_browser.py URL THROTTLE RUNS"""

import json
import sys

from playwright.sync_api import sync_playwright

FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update"]
SHOWN = "() => { const line = document.querySelector('.headline'); return line && line.textContent !== '' ? performance.now() : 0; }"
PAINT = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0"


def once(browser, url, throttle):
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": throttle})
    page.goto(url)
    shown = page.wait_for_function(SHOWN, polling="raf").json_value()
    paint = page.wait_for_function(PAINT, polling="raf").json_value()
    context.close()
    return paint, shown


def main(url, throttle, runs):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", headless=True, args=FLAGS)
        once(browser, url, throttle)  # Chromium's own first steps
        seen = [once(browser, url, throttle) for _ in range(runs)]
        browser.close()
    print(json.dumps({"first_contentful_paint_ms": [paint for paint, _ in seen], "state_shown_ms": [shown for _, shown in seen]}))


main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]))
