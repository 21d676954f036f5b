"""Open WebUI, unmodified from its package, in Chromium, with Corral and a simulated card behind it."""

import json
import os
import pathlib
import subprocess
import sys
import urllib.request

import pytest
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from harness import BIN, Box, free_port, started, wait_until  # noqa: E402

OWNER = {"name": "Owner", "email": "owner@box.example", "password": "correct horse battery"}
PICTURES = pathlib.Path(os.environ["CORRAL_OPEN_WEBUI_PICTURES"])


def told(box):
    """What `corral connect open-webui` exports for the first start."""
    lines = subprocess.run([BIN / "corral", "connect", "open-webui", "--url", f"http://127.0.0.1:{box.port}"], check=True, timeout=60,
                           stdout=subprocess.PIPE, text=True).stdout.splitlines()
    line, = [line.removeprefix("export ") for line in lines if line.startswith("export ")]
    return dict(word.split("=", 1) for word in line.split())


class OpenWebui:
    """One server of Open WebUI with an empty database, its connection to Corral by `connection`: "ollama", or "openai" as it is told."""

    def __init__(self, folder, box, connection="ollama"):
        self.folder, self.port = folder, free_port()
        base = f"http://127.0.0.1:{box.port}"
        folder.mkdir(parents=True, exist_ok=True)
        self.environment = {
            "DATA_DIR": str(folder / "data"), "STATIC_DIR": str(folder / "static"), "WEBUI_SECRET_KEY": "only for this test",
            # Nothing from outside: no hub, no version check; documents are embedded by Corral's side of the connection or not at all.
            "OFFLINE_MODE": "true", "HF_HUB_OFFLINE": "1", "ENABLE_VERSION_UPDATE_CHECK": "false", "RAG_EMBEDDING_ENGINE": "ollama",
            "ANONYMIZED_TELEMETRY": "false", "DO_NOT_TRACK": "true", "SCARF_NO_ANALYTICS": "true",
            **(told(box) | {"ENABLE_OLLAMA_API": "false"} if connection == "openai" else {"OLLAMA_BASE_URL": base, "ENABLE_OPENAI_API": "false"}),
        }
        self.process = self.token = None
        self.greeted = False

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self):
        program = pathlib.Path(sys.executable).parent / "open-webui"
        with open(self.folder / "open_webui.log", "ab") as log:
            self.process = subprocess.Popen([program, "serve", "--host", "127.0.0.1", "--port", str(self.port)], stdout=log, stderr=log,
                                            stdin=subprocess.DEVNULL, env={**os.environ, **self.environment}, cwd=self.folder)
        started.append(self.process)
        wait_until(self._healthy, 120, f"Open WebUI answers; see {self.folder / 'open_webui.log'}")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)

    def _healthy(self):
        assert self.process.poll() is None, (self.folder / "open_webui.log").read_text()[-4000:]
        try:
            with urllib.request.urlopen(self.url + "/health", timeout=5) as reply:
                return reply.status == 200
        except OSError:
            return False

    def ask(self, path, body, token=None):
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
        if token:
            request.add_header("Authorization", "Bearer " + token)
        with urllib.request.urlopen(request, timeout=30) as reply:
            return json.load(reply)


# A package for an AX650 card as they are: 1,920 tokens of prompt.
PACKAGE = {"max_token_len": 2559, "chunk": 128, "groups": [1, 256, 512, 1024, 1536, 2048], "kv_cache_size": 1024}
SCENARIO = {"mode": "text", "directives": True, "geometry": PACKAGE, "timing": {"tokens_per_second": 60, "prefill_ms_per_chunk": 20}}


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    with Box(tmp_path_factory.mktemp("box"), SCENARIO, model='capabilities = ["completion", "tools"]',
             config='stream_errors = "visible"\n') as running:  # as for people; other tests want the model's words alone
        yield running


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright:
        # Chromium has no sandbox of its own for root; it opens this machine's pages only.
        flags = ["--no-sandbox"] if os.geteuid() == 0 else []
        chromium = playwright.chromium.launch(executable_path=os.environ.get("CORRAL_CHROMIUM", "/usr/bin/chromium"), args=flags)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module", params=["ollama", "openai"])
def open_webui(box, request, tmp_path_factory):
    with OpenWebui(tmp_path_factory.mktemp(request.param), box, request.param) as running:
        yield running


@pytest.fixture
def chat(open_webui, browser, request):
    page = sign_in(browser, open_webui)
    shown = Chat(page)
    yield shown
    shown.settle()
    picture(page, request.node.name)
    page.context.close()


def picture(page, name):
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / (name.replace("[", "-").replace("]", "") + ".png"))


def sign_in(browser, server):
    """A page of the owner, who is made by the first sign-up, with a new chat open."""
    if server.token is None:
        server.token = server.ask("/api/v1/auths/signup", OWNER)["token"]
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.goto(server.url)
    page.evaluate("token => localStorage.setItem('token', token)", server.token)
    page.goto(server.url)
    page.wait_for_selector("#chat-input", timeout=60_000)
    news = page.get_by_text("Okay, Let's Go")
    if not server.greeted:  # the release notes, once a user
        news.first.click(timeout=60_000)
        server.greeted = True
    return page


class Chat:
    """The chat that a page shows."""

    def __init__(self, page):
        self.page = page

    def ask(self, text):
        self.page.click("#chat-input")
        self.page.keyboard.insert_text(text)
        self.page.keyboard.press("Enter")

    def paste(self, text):
        self.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        self.page.click("#chat-input")
        self.page.evaluate("text => navigator.clipboard.writeText(text)", text)
        self.page.keyboard.press("Control+V")
        self.page.keyboard.press("Enter")

    def answers(self):
        return [one.inner_text() for one in self.page.query_selector_all(".chat-assistant")]

    def wait_for(self, text, timeout=90):
        """The newest answer, once `text` is in it."""
        return wait_until(lambda: (lambda all_of: all_of and text in all_of[-1] and all_of[-1])(self.answers()), timeout,
                          f"an answer with {text!r}; there is {self.answers()}")

    def button(self, label):
        return self.page.get_by_role("button", name=label, exact=True).last

    def ended(self):
        return self.page.get_by_role("button", name="Stop", exact=True).count() == 0

    def settle(self):
        wait_until(self.ended, 30, "the answer has an end on the page, with the tasks behind it")
