"""A tokenizer service that gives the ids it is told to, and holds /decode on request."""
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from simulated import FAST, request, wait_for

SPECIALS = {"<|im_start|>": 151644, "<|im_end|>": 151645}
END = SPECIALS["<|im_end|>"]
NAMES = {number: name for name, number in SPECIALS.items()}


def ids_of(text):
    """A byte a token, special texts one."""
    out = []
    for part in re.split("(" + "|".join(map(re.escape, SPECIALS)) + ")", text):
        out += [SPECIALS[part]] if part in SPECIALS else list(part.encode())
    return out


def turn(text):
    return ids_of(f"<|im_start|>user\n{text}<|im_end|>\n<|im_start|>assistant\n")


def next_turn(text):
    return [END] + ids_of("\n") + turn(text)


class ScriptedTokenizer:
    def __init__(self):
        self.reset_ids = []
        self.encode_answer = {"token_ids": [], "diff": []}
        self.encode_status = 200
        self.decoded = []
        self.free = threading.Event()
        self.free.set()
        self.held = None  # the ids of the /decode that is held
        self.hold_at = None
        scripted = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                path = self.path.partition("?")[0]
                self.answer({"/get_uid": {"uid": "u"}, "/bos_id": {"bos_id": -1}, "/eos_id": {"eos_id": END}}[path])

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self.answer(*scripted.serve(self.path, body))

            def answer(self, body, status=200):
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def serve(self, path, body):
        if path == "/reset":
            return {"token_ids": self.reset_ids}, 200
        if path == "/encode":
            return self.encode_answer, self.encode_status
        self.decoded.append(body["token_ids"])
        if self.hold_at is not None and self.hold_at(body["token_ids"]):
            self.held = body["token_ids"]
            self.hold_at = None
            self.free.wait(20)
        return {"text": "".join(NAMES.get(i, f"#{i} ") for i in body["token_ids"])}, 200

    def hold(self, which):
        self.held = None
        self.free.clear()
        self.hold_at = which

    def release(self):
        self.free.set()

    def end(self):
        self.free.set()
        self.server.shutdown()
        self.server.server_close()


class Driven:
    """The runtime behind that tokenizer, told what to put into its cache."""

    def __init__(self, start, package, scenario):
        self.words = ScriptedTokenizer()
        scenario = {"directives": True, **scenario}
        scenario["timing"] = {**FAST, **scenario.get("timing", {})}
        flags = ["--devices", "0", "--url_tokenizer_model", f"http://127.0.0.1:{self.words.port}", *package.flags]
        self.runtime = start("runtime", flags, scenario=scenario, cwd=package.folder)
        self.port = self.runtime.wait_port()

    def idle(self):
        def quiet():
            state = self.runtime.state()
            return not state["running"] and state["queued_jobs"] == 0
        wait_for(quiet, "the runtime is idle")

    def cached(self):
        self.idle()
        return self.runtime.state()["P"]

    def records(self):
        return self.runtime.ask(cmd="runs", since=0)["runs"]

    def set(self, **timing):
        self.runtime.ask(cmd="set", timing=timing)

    def reset(self, ids=()):
        self.words.reset_ids = list(ids)
        before = self.runtime.state()["resets"]
        assert request(self.port, "POST", "/api/reset", {"system_prompt": "s"}).status == 200
        wait_for(lambda: self.runtime.state()["resets"] > before, "the reset was taken")
        self.idle()

    def begin(self, diff):
        self.words.encode_answer = {"token_ids": [], "diff": list(diff)}
        self.words.decoded = []
        request(self.port, "GET", "/api/generate_provider")
        assert request(self.port, "POST", "/api/generate", {"prompt": "p"}).status == 200

    def run(self, diff):
        before = len(self.records())
        self.begin(diff)
        return self.ended(before)

    def ended(self, before):
        wait_for(lambda: len(self.records()) > before, "the run ends")
        self.idle()
        return self.records()[-1]

    def answer(self):
        """All ids of the run, as its last /decode call tells them."""
        return self.words.decoded[-1]

    def stop(self):
        assert request(self.port, "GET", "/api/stop").status == 200
