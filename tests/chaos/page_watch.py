"""The page of a box in headless Chromium for as long as its standard input stays open; run by page.py with the Python that
tests/web/install makes. It goes from page to page as a person does, and tells on its standard output, a JSON object a line,
`fault` (what no page may do), `heap` (bytes in use after a collection, on the overview) and, asked by the line "live", whether
the page has a connection; "heap" asks for a look at it.
usage: page_watch.py URL"""

import json
import queue
import sys
import threading
import time

from playwright.sync_api import Error, sync_playwright

TOUR = ["overview", "requests", "logs", "incidents", "models", "settings", "health", "chat"]
STAY = 6.0  # seconds on each page
SAMPLED = 60.0  # seconds between two looks at the heap
TURN = 100  # milliseconds in which the browser's events are taken
SHOWN = 1000  # milliseconds until a page is surely drawn
LIVE = 30.0  # seconds until the page must have its connection again
# Interpreted: what the engine compiles of a page grows for an hour with what is hot, whatever the page keeps.
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--js-flags=--jitless"]
# The browser's own lines of a box that is away or refuses, as it does in these runs; not the page's.
NETWORK = ("Failed to load resource", "net::ERR_")


def tell(**what):
    print(json.dumps(what), flush=True)


class Watch:
    def __init__(self, browser, url):
        self.url = url
        self.page = browser.new_page(viewport={"width": 1280, "height": 800})
        self.page.on("pageerror", lambda error: tell(fault=f"exception: {error}"))
        self.page.on("crash", lambda _: tell(fault="the page crashed"))
        self.page.on("dialog", lambda dialog: (tell(fault=f"dialog: {dialog.message}"), dialog.dismiss()))
        self.page.on("console", self.said)
        self.devtools = self.page.context.new_cdp_session(self.page)
        self.devtools.send("Performance.enable")
        self.stop, self.next_move, self.next_sample = 0, 0.0, 0.0

    def said(self, message):
        if message.type == "error" and not message.text.startswith("[") and not any(word in message.text for word in NETWORK):
            tell(fault=f"console: {message.text[:500]}")

    def open(self, limit):
        """Tried until the box answers: it may begin later."""
        end = time.monotonic() + limit
        while True:
            try:
                self.page.goto(f"{self.url}#/overview")
                self.page.locator("header .connection").wait_for(timeout=10_000)
                return
            except Error:
                if time.monotonic() > end:
                    raise
                self.page.wait_for_timeout(TURN)

    def is_live(self):
        return self.page.locator(".connection[data-state=live]").count() > 0

    def await_live(self):
        end = time.monotonic() + LIVE
        while not self.is_live() and time.monotonic() < end:
            self.page.wait_for_timeout(TURN)
        return self.is_live()

    def move(self):
        """By the address, as a bookmark does; the page is never loaded anew, or a leak would be gone."""
        self.show((self.stop + 1) % len(TOUR))

    def show(self, stop):
        self.stop = stop
        self.page.evaluate("name => { location.hash = '#/' + name; }", TOUR[stop])

    def sample(self):
        self.devtools.send("HeapProfiler.collectGarbage")
        metrics = self.devtools.send("Performance.getMetrics")["metrics"]
        values = {one["name"]: one["value"] for one in metrics}
        tell(heap=int(values["JSHeapUsedSize"]), nodes=int(values["Nodes"]), listeners=int(values["JSEventListeners"]))

    def turn(self):
        now = time.monotonic()
        if TOUR[self.stop] == "overview" and now >= self.next_sample and now + STAY / 2 >= self.next_move:
            self.sample()
            self.next_sample = now + SAMPLED
        if now >= self.next_move:
            self.move()
            self.next_move = now + STAY
        self.page.wait_for_timeout(TURN)


def read(lines):
    for line in sys.stdin:
        lines.put(line.strip())
    lines.put("end")


def main(url):
    asked = queue.Queue()
    threading.Thread(target=read, args=(asked,), daemon=True).start()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", headless=True, args=FLAGS)
        watch = Watch(browser, url)
        watch.open(60)
        tell(opened=True)
        while True:
            word = asked.get() if not asked.empty() else ""
            if word == "live":
                tell(live=watch.await_live())
            elif word == "heap":
                watch.show(0)
                watch.page.wait_for_timeout(SHOWN)
                watch.sample()
                tell(looked=True)
            elif word == "end":
                break
            watch.turn()
        browser.close()


main(sys.argv[1])
