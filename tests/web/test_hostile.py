"""Every place of the page where a stranger's words come in, filled with a thousand hostile strings: none runs, none breaks the layout,
none reaches another machine. The page is Corral's own with its own Content-Security-Policy; its answers are made up here."""

import itertools
import json

import pytest
from playwright.sync_api import expect

from conftest import PATIENCE
from harness import Box
from hostile import strings

COUNT, AT_ONCE = 1000, 250
PAGES = ["overview", "requests", "models", "logs", "incidents", "health", "keys", "settings", "chat"]
TIME = "2026-11-23T02:15:42.843Z"
expect.set_options(timeout=PATIENCE)

# The elements that stick out of the window, and of nothing that scrolls by itself.
WIDEST = """() => [...document.querySelectorAll('body *')].filter(one => one.getBoundingClientRect().right > document.documentElement.clientWidth + 1
    && !one.closest('.table-frame, .log, pre, nav')).map(one => `${one.tagName}.${one.className}: ${one.textContent.slice(0, 60)}`).slice(0, 8)"""


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    with Box(tmp_path_factory.mktemp("box")) as running:
        yield running


class Answers:
    """What the box would answer, every text of it the next hostile string."""

    def __init__(self):
        self.words = itertools.cycle(["x"])
        self.used = 0

    def fill(self, texts):
        self.words = itertools.cycle(texts)

    def word(self):
        self.used += 1
        return next(self.words)

    def service(self):
        return {"name": self.word(), "state": self.word(), "since": self.word(), "for_seconds": 1, "pid": 1, "starts": 1, "reason": self.word(),
                "causes": [self.word(), self.word()], "advice": self.word(), "next_try_seconds": 3, "warning": self.word(),
                "progress_percent": 250, "left_seconds": -1}

    def model(self):
        return {"name": self.word(), "model": self.word(), "state": self.word(), "reason": self.word(), "warning": self.word(), "waits": self.word(),
                "pinned": True, "memory": {"cards": [self.word()], "mb": 1e12, "measured": True, "after_unload": self.word()},
                "learned": {"positions": 1, "load_seconds": 1, "parameter_size": self.word(), "quantization": self.word()},
                "queue": {"waiting": 1e9, "running": 1}, "tokens_per_second": 1e9, "aliases": [self.word()], "source": self.word(),
                "progress_percent": -5, "left_seconds": 1e9, "services": [self.service(), self.service()]}

    def card(self):
        return {"card": self.word(), "name": self.word(), "temperature_c": 1e6, "cpu_percent": 1e6, "npu_percent": -4, "memory_used_mb": 9,
                "memory_total_mb": 0}

    def status(self):
        return {"version": self.word(), "pid": 1, "uptime_seconds": 1, "reloads": 1, "shutting_down": False, "drained": True,
                "upgrade": {"under_way": True, "status": self.word(), "failure": self.word()}, "queue": {"waiting": 1, "running": 1},
                "devices": [{"tool": self.word(), "age_seconds": 1, "problem": self.word()}, {"tool": "", "age_seconds": 1, "cards": [self.card()]}],
                "configuration": self.word(), "log_content": False, "closed": [self.word()], "kept": [self.word()],
                "left_out": [{"file": self.word(), "name": self.word(), "problems": [self.word()]}],
                "in_place": {"served": self.word(), "problems": [self.word()]}, "models": [self.model() for _ in range(4)]}

    def request(self):
        return {"id": self.word(), "model": self.word(), "messages": 1, "tools": 2, "pieces": 3, "arrived": self.word(), "outcome": self.word(), "prompt_tokens": 1,
                "answer_tokens": 1, "total_ms": 10, "stages": [{"name": self.word(), "begin_ms": 0, "length_ms": 5e9}]}

    def requests(self):
        waiting = [{"id": self.word(), "model": self.word(), "position": 1, "waited_seconds": 1, "estimate_seconds": 1} for _ in range(4)]
        return {"waiting": waiting, "running": [self.request()], "recent": [self.request() for _ in range(12)]}

    def entry(self, fits):
        package = {"boxes": [self.word()], "source": self.word(), "quantization": self.word(), "license": self.word(), "context": 1,
                   "download_mb": 1e12, "memory_mb": 1, "verified": False, "faults": [self.word()]}
        return {"name": self.word(), "aliases": [self.word()], "family": self.word(), "capabilities": [self.word()],
                "parameter_size": self.word(), "fits": fits, "package": package if fits else None, "reason": self.word()}

    def finding(self):
        return {name: self.word() for name in ("id", "severity", "subject", "what", "why", "fix")}

    def bundle(self):
        step = lambda: {"time": self.word(), "service": self.word(), "from": self.word(), "to": self.word(), "event": self.word(),
                        "reason": self.word(), "advice": self.word(), "pid": 1}
        past = lambda: {"id": self.word(), "outcome": self.word(), "pieces": 1, "silent_for_ms": 1}
        return {"time": TIME, "model": self.word(), "kind": self.word(),
                "trigger": {"time": self.word(), "service": self.word(), "sentence": self.word(), "advice": self.word(), "pid": 1},
                "services": [{"name": self.word(), "lines": [self.word() for _ in range(40)]}], "history": [step() for _ in range(20)],
                "requests": {"inside": [past()], "finished": [past()]}}

    def line(self):
        return {"model": self.word(), "service": self.word(), "time": TIME, "text": self.word()}

    def to(self, method, path):
        """(type, body) of an answer."""
        if path == "/corral/v1/events":
            return events(("status", self.status()), ("requests", self.requests()))
        if path == "/corral/v1/logs/stream":
            return events(*[("line", self.line()) for _ in range(120)])
        if path == "/api/chat":
            text = "\n\n".join(self.word() for _ in range(40))
            call = {"function": {"name": self.word(), "arguments": {"a": self.word()}}}
            pieces = [{"message": {"content": "", "thinking": self.word()}}, {"message": {"content": text, "tool_calls": [call]}}, {"done": True}]
            return "application/x-ndjson", "".join(json.dumps(piece) + "\n" for piece in pieces)
        body = {
            "/corral/v1/session": {"scopes": ["inference", "observe", "operate"], "key": self.word()},
            "/api/tags": {"models": [{"name": self.word()} for _ in range(3)]},
            "/api/show": {"capabilities": ["completion", "thinking", "tools", "vision", self.word()]},
            "/corral/v1/doctor": {"at": TIME, "findings": [self.finding() for _ in range(20)]},
            "/corral/v1/incidents": {"incidents": [{"name": self.word(), "time": TIME, "model": self.word(), "kind": self.word(),
                                                    "service": self.word(), "sentence": self.word()} for _ in range(10)]},
            "/corral/v1/keys": {"enabled": True, "keys": [{"name": self.word(), "scopes": [self.word()]} for _ in range(10)]},
            "/corral/v1/catalogue": {"box": self.word(), "problems": [self.word()], "models": [self.entry(fits) for fits in (True, False) * 3]},
            "/corral/v1/packages": {"ok": True, "packages": [{"folder": self.word(), "name": self.word(), "bytes": 1, "models": [self.word()]}],
                                    "unused": [], "removed": [], "bytes": 0, "errors": []},
            "/corral/v1/settings": {"settings": [{"key": self.word(), "value": self.word(), "file": self.word(), "line": 1} for _ in range(30)]},
        }
        return "application/json", json.dumps(body.get(path) or self.bundle())


def events(*all_of):
    return "text/event-stream", "".join(f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in all_of)


@pytest.fixture
def answers(page):
    made = Answers()

    def answer(route):
        path = "/" + route.request.url.split("/", 3)[3].split("?")[0]
        kind, body = made.to(route.request.method, path)
        route.fulfill(status=200, content_type=kind, body=body)

    page.route(lambda url: "/corral/v1/" in url or "/api/" in url, answer)
    return made


def exercise(page, name):
    if name == "chat":
        page.get_by_label("Message").fill("x")
        page.get_by_role("button", name="Send").click()
        expect(page.locator(".figures").last).to_be_visible()
    elif name == "incidents":
        page.locator("main button.link").first.click()
        expect(page.locator(".timeline li").first).to_be_visible()
    elif name == "logs":
        expect(page.locator(".line")).to_have_count(120)
    else:
        expect(page.locator("main .panel li, main .panel tr, main .panel td").first).to_be_visible()


@pytest.mark.parametrize("begin", range(0, COUNT, AT_ONCE))
def test_nothing_runs_and_nothing_breaks(box, page, answers, begin):
    page.set_viewport_size({"width": 390, "height": 844})
    texts = strings(COUNT)[begin:begin + AT_ONCE]
    answers.fill(texts)
    page.goto(f"http://127.0.0.1:{box.port}/ui")
    while True:
        for name in PAGES:
            page.evaluate("name => { location.hash = '/' + name }", name)
            page.locator(f"nav a[href='#/{name}'][aria-current]").wait_for()
            exercise(page, name)
            found = page.evaluate("""() => ({hit: window.hit ?? null, wide: Math.max(0, document.documentElement.scrollWidth - document.documentElement.clientWidth),
                made: document.querySelectorAll('main script, main iframe, main object, main base, main style, main math, main form[action]').length,
                foreign: [...document.querySelectorAll('main img, main a[href]')].map(one => one.src || one.href)
                    .filter(at => !/^(https?|mailto|data:image|http:\\/\\/127)/.test(at))})""")
            if found["wide"]:
                found["widest"] = page.evaluate(WIDEST)
            assert found == {"hit": None, "wide": 0, "made": 0, "foreign": []}, (name, found)
        if answers.used >= len(texts):
            break
