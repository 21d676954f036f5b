"""Incidents that are sent to the address of [report]: each once, without a word of what anybody asked, and never unasked."""

import http.server
import json
import os
import signal
import subprocess
import threading

import pytest

from harness import BIN, Box
from test_black_box import PROMPT, SLOW, SYSTEM, broken_stream, bundles, folder_of, names

KEY = "a-key-of-the-maker"


class Collector(http.server.ThreadingHTTPServer):
    """A maker's address, which answers as it is told."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.status, self.told = 200, []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}/boxes/incidents"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.told.append((self.path, self.headers["Authorization"], body))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def collector():
    with Collector() as one:
        yield one
        one.shutdown()


def configure(box, to="", more=""):
    """For the command alone: the server needs no word of it."""
    file = box.folder / "report.toml"
    file.write_text(box.config_file.read_text() + (f'\n[report]\nto = "{to}"\n{more}' if to else ""))
    return file


def report(box, file, *words, status=0):
    done = subprocess.run([BIN / "corral", "report", "--config", file, *words], capture_output=True, text=True, timeout=60,
                          env={**os.environ, "XDG_STATE_HOME": str(box.folder / "state-home")})
    assert done.returncode == status, done
    return done


def crash(box, number):
    response, _ = broken_stream(box)
    box.kill("runtime", signal.SIGSEGV)
    response.read()
    return bundles(box, number)


def test_an_incident_is_shown_sent_once_and_holds_no_word_of_a_client(tmp_path, collector):
    with Box(tmp_path, {"directives": True, "timing": SLOW}, config='[box]\nname = "kitchen"\n') as box:
        crash(box, 1)
        assert "nothing is sent" in report(box, configure(box)).stdout
        (tmp_path / "key").write_text(KEY + "\n")
        file = configure(box, collector.url, 'key_file = "key"\n')
        shown = report(box, file, "--show").stdout
        assert collector.told == [], "showing sends nothing"
        assert "sent 1, refused 0, left 0" in report(box, file).stdout
        ((path, key, body),) = collector.told
        assert (path, key, body) == ("/boxes/incidents", f"Bearer {KEY}", shown)
        told = json.loads(body)
        assert told["box"]["name"] == "kitchen" and told["name"] == names(box)[0]
        assert told["incident"]["kind"] == "crash" and told["incident"]["trigger"]["ids"]
        for word in (PROMPT, SYSTEM, "lines", "sentence"):
            assert word not in body, body
        assert "sent 0" in report(box, file).stdout and len(collector.told) == 1
        crash(box, 2)
        assert json.loads(report(box, file, "--json").stdout)["sent"] == 1
        assert json.loads(collector.told[1][2])["name"] == names(box)[1]


def test_an_address_in_trouble_is_left_alone_and_a_refusal_is_final(tmp_path, collector):
    with Box(tmp_path, {"directives": True, "timing": SLOW}) as box:
        crash(box, 1)
        file = configure(box, collector.url)
        collector.status = 503
        failed = report(box, file, status=1)
        assert "status 503" in failed.stderr, failed
        waiting = report(box, file)
        assert "the next try is in" in waiting.stdout and len(collector.told) == 1, "it is not asked again at once"
        ledger = folder_of(box).parent / "reported.json"
        ledger.write_text(json.dumps({**json.loads(ledger.read_text()), "next": 0}))
        collector.status = 413
        assert "refused 1, left 0" in report(box, file).stdout
        collector.status = 200
        report(box, file)
        assert len(collector.told) == 2
        newer = '{"format": 2}'
        ledger.write_text(newer)
        assert "newer version of Corral" in report(box, file, status=1).stderr and ledger.read_text() == newer
        assert len(collector.told) == 2
        nobody = configure(box, "http://127.0.0.1:1")
        ledger.unlink()
        assert "incidents can't be sent to" in report(box, nobody, status=1).stderr
