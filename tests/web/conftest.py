"""The page in Chromium, with Corral and a simulated card behind it. Pictures go to the build tree."""

import os
import pathlib
import sys

import pytest
from playwright.sync_api import expect, sync_playwright

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from failed_logs import pytest_runtest_makereport, show_log_on_failure  # noqa: E402, F401
from harness import end_all  # noqa: E402

WEB = pathlib.Path(os.environ["CORRAL_WEB_DIR"])
CHROMIUM = pathlib.Path("/usr/bin/chromium")
PICTURES = WEB / "pictures"
PATIENCE = 20_000  # milliseconds; the machine may be busy
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]


@pytest.fixture(scope="session")
def chromium():
    if not CHROMIUM.exists():
        pytest.skip(f"there is no {CHROMIUM}: install the package chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
        yield browser
        browser.close()


class Watched:
    """What a page must never do: meet an exception, break its Content-Security-Policy, open a dialog, ask another server."""

    def __init__(self, page):
        self.faults = []
        page.on("pageerror", lambda error: self.faults.append(f"exception: {error}"))
        page.on("console", self._said)
        page.on("dialog", lambda dialog: (self.faults.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("request", self._asked)

    def _said(self, message):
        if "Content Security Policy" in message.text or "Content-Security-Policy" in message.text:
            self.faults.append(message.text)

    def _asked(self, request):
        if not request.url.startswith(("http://127.0.0.1:", "data:", "blob:")):
            self.faults.append(f"asked {request.url}")


@pytest.fixture
def page(chromium):
    """An empty browser with one page; what no page may do fails the test at its end."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, timezone_id="Europe/Berlin", locale="en-GB")
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    watched = Watched(page)
    yield page
    context.close()
    assert watched.faults == []


@pytest.fixture
def see(page):
    """Opens a page of the box by its name and waits for its heading."""

    def open_page(box, name):
        page.goto(f"http://127.0.0.1:{box.port}/ui#/{name}")
        page.locator("h1", has_text=name.capitalize()).wait_for(state="attached")
        page.locator(".connection[data-state=live]").wait_for()
        return page

    return open_page


@pytest.fixture(autouse=True, scope="session")
def leave_nothing_running():
    yield
    end_all()


def ask(page, text):
    """Returns with the whole answer."""
    answers = page.locator("article.assistant").count()
    page.get_by_label("Message").fill(text)
    expect(page.get_by_role("button", name="Send")).to_be_enabled()  # drawn, and a model is ready
    page.get_by_label("Message").press("Enter")
    expect(page.locator("article.assistant")).to_have_count(answers + 1)
    expect(page.get_by_role("button", name="Send")).to_be_visible()
    expect(page.locator("article.assistant").last.locator(".figures")).to_be_visible()


def stored(page, turns, text=""):
    """Waits until a conversation of so many turns is on this browser's disk, its answer whole or with `text`: what ends the page ends
    a write too."""
    page.evaluate("""async ([turns, text]) => {
        const all = () => new Promise(done => {
            indexedDB.open('corral', 1).onsuccess = ({target}) => {
                target.result.transaction('conversations').objectStore('conversations').getAll().onsuccess = ({target: {result}}) => done(result);
            };
        });
        const enough = one => one.turns.length === turns && (text ? one.turns.at(-1).content.includes(text) : one.turns.at(-1).figures);
        for (const until = performance.now() + 20000; !(await all()).some(enough);) {
            if (performance.now() > until) throw new Error('not on the disk in 20 s');
            await new Promise(done => setTimeout(done, 50));
        }
    }""", [turns, text])
