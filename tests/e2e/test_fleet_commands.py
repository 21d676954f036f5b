"""`corral fleet status` and the page's loop for upgrades, with boxes that are real, busy, away, or mean harm."""

import contextlib
import http.server
import json
import os
import re
import shutil
import socket
import subprocess
import threading

import pytest

from admin_cli import done
from harness import BIN, ROOT, Box, free_port, wait_until
from upgrade_box import Clients, UpgradeBox, install

SCENARIO = {"directives": True, "timing": {"load_ms": 100, "tokens_per_second": 200}}


class Member(UpgradeBox):
    """With a port that stays, a key for its operator, and HAProxy's agent."""

    def __init__(self, folder):
        self.agent_port = free_port()
        keys = folder / "keys"
        folder.mkdir(parents=True)
        made = subprocess.run([BIN / "corral", "key", "new", "fleet", "--file", keys, "--scope", "observe,operate,inference"],
                              capture_output=True, text=True, check=True)
        self.key_file = folder / "key"
        self.key = re.search(r"sk-corral-\S+", made.stdout).group(0)
        self.key_file.write_text(self.key + "\n")
        self.key_file.chmod(0o600)
        super().__init__(folder, SCENARIO, config=f'[access]\nkeys = "{keys}"\n[fleet]\nagent = "127.0.0.1:{self.agent_port}"',
                         log_level="info", listen=f"127.0.0.1:{free_port()}")
        self.headers = {"Authorization": f"Bearer {self.key}"}


def list_of(folder, *members, extra=""):
    file = folder / "boxes.toml"
    file.write_text("".join(f'[[box]]\nname = "{name}"\naddress = "{"localhost" if name == "keyless" else "127.0.0.1"}:{port}"\n' +
                            (f'key_file = "{key}"\n' if key else "") for name, port, key in members) + extra)
    return file


def fleet(*words, timeout=60):
    return subprocess.run([BIN / "corral", "fleet", *map(str, words)], capture_output=True, text=True, timeout=timeout)


class Harmful(http.server.BaseHTTPRequestHandler):
    """Says what no box would."""

    said = b"{}"

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.said)))
        self.end_headers()
        self.wfile.write(self.said)

    def log_message(self, *_):
        pass


@pytest.fixture
def harmful():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Harmful)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


def test_status_is_one_table_of_all_boxes(tmp_path, harmful):
    with Member(tmp_path / "one") as one, socket.create_server(("127.0.0.1", 0)) as silent:
        one.wait_ready()
        good = list_of(tmp_path, ("one", one.port, one.key_file))
        shown = fleet("status", good)
        # There is no card here, which is all that is found.
        assert shown.returncode == 1, shown
        head, line, finding = shown.stdout.splitlines()
        assert finding.startswith("one: device: ") and "does not exist" in finding
        assert head.split() == ["BOX", "STATE", "VERSION", "MODELS", "REQUESTS", "TOKENS/S", "HOTTEST", "FINDINGS"]
        assert re.match(r"one +ready +\S+ +1 of 1 ready +0 run, 0 wait +0\.0 +- +1 finding$", line), line
        stream = one.stream("[[n=3000]] go on")
        next(iter(stream))
        busy = json.loads(fleet("status", good, "--json").stdout)["boxes"][0]
        assert busy["queue"] == {"waiting": 0, "running": 1}, busy
        stream.close()

        Harmful.said = json.dumps({"version": "1\u001b[31m\n2", "models": [{"name": "a\u0007", "state": "broken", "reason": "x\ny"}, 7],
                                   "queue": {"running": "many"}, "devices": "none", "closed": 3}).encode()
        (tmp_path / "wrong").write_text("sk-corral-wrong\n")
        mixed = list_of(tmp_path, ("one", one.port, one.key_file), ("keyless", one.port, None), ("gone", free_port(), None),
                        ("silent", silent.getsockname()[1], None), ("harmful", harmful, None))
        shown = fleet("status", mixed, "--limit", 2)
        assert shown.returncode == 1, shown
        assert "\x1b" not in shown.stdout and "\x07" not in shown.stdout
        rows = {line.split()[0]: line for line in shown.stdout.splitlines()[1:6]}
        assert rows["one"].split()[1] == "ready"
        assert "requires an API key" in rows["keyless"] and rows["keyless"].split()[1] == "away"
        assert "refused" in rows["gone"].lower(), rows["gone"]
        assert rows["silent"].split()[1] == "away"
        assert rows["harmful"].split()[1] == "broken" and rows["harmful"].endswith("1 finding")
        told = json.loads(fleet("status", mixed, "--limit", 2, "--json").stdout)
        assert told["ok"] is False and [each["state"] for each in told["boxes"]] == ["ready", "away", "away", "away", "broken"]

    broken = list_of(tmp_path, ("one", 1, None), extra="[[box]]\nname = 7\n")
    shown = fleet("status", broken)
    assert shown.returncode == 2 and "boxes.toml:" in shown.stderr, shown
    told = json.loads(fleet("status", broken, "--json").stdout)
    assert told["ok"] is False and told["status"] == 2 and "boxes.toml:" in told["error"], told


def test_the_name_of_a_request_comes_back_and_stands_in_the_log(tmp_path):
    with Box(tmp_path, SCENARIO, log_level="info") as box:
        box.wait_ready()
        body = {"model": "sim", "stream": False, "messages": [{"role": "user", "content": "[[text=hello]]"}]}
        for path, more, status in (("/api/chat", {}, 200), ("/v1/chat/completions", {}, 200), ("/v1/chat/completions", {"stream": True}, 200),
                                   ("/api/chat", {"model": "nobody"}, 404)):
            answer = box.post(path, {**body, **more}, headers={"X-Request-Id": "edge-7.a:b_c"})
            assert (answer.status, answer.headers.get("X-Request-Id")) == (status, "edge-7.a:b_c"), (path, more, answer.headers)
        assert box.request("GET", "/nowhere", headers={"X-Request-Id": "lost"}).headers["X-Request-Id"] == "lost"
        for odd in ("a b", "a=b", "x" * 129, ""):
            answer = box.post("/api/chat", body, headers={"X-Request-Id": odd})
            assert answer.status == 200 and "X-Request-Id" not in answer.headers, odd
        wait_until(lambda: len(re.findall(r"INFO request id=[0-9a-f]{16}\.edge-7\.a:b_c ", box.log())) >= 3, what="the log has the name")
        assert not re.search(r"id=[0-9a-f]{16}\.(?!edge-7)", box.log())


HAPROXY = """
global
    maxconn 400
    stats socket {socket}
    log stdout format raw local0
defaults
    mode http
    log global
    option httplog
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    timeout queue 60s
    timeout check 5s
    option redispatch 1
    retries 5
    retry-on conn-failure empty-response
frontend clients
    bind 127.0.0.1:{port}
    default_backend boxes
backend boxes
    balance leastconn
    option httpchk
    http-check send meth GET uri /readyz?model=sim hdr Host localhost hdr Authorization "Bearer {key}"
    default-server weight 100 check inter 500ms fall 3 rise 1 agent-check agent-inter 200ms agent-send "sim\\n"
{servers}
"""


class Edge:
    def __init__(self, folder, boxes):
        self.port, self.folder, self.boxes = free_port(), folder, boxes
        # HAProxy forwards the client's own key; all boxes know this one.
        self.file = folder / "haproxy.cfg"
        self.socket = folder / "haproxy.sock"
        servers = "\n".join(f"    server box{i} 127.0.0.1:{box.port} agent-port {box.agent_port}" for i, box in enumerate(boxes))
        self.file.write_text(HAPROXY.format(port=self.port, key=boxes[0].key, servers=servers, socket=self.socket))

    def __enter__(self):
        self.process = subprocess.Popen(["haproxy", "-db", "-f", self.file], stdin=subprocess.DEVNULL,
                                        stdout=open(self.folder / "haproxy.log", "wb"), stderr=subprocess.STDOUT)
        wait_until(lambda: self.up() == len(self.boxes), what="all boxes are up at the edge")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def up(self):
        try:
            with socket.socket(socket.AF_UNIX) as line:
                line.connect(str(self.socket))
                line.sendall(b"show stat\n")
                rows = line.makefile().read().splitlines()
        except OSError:
            return 0
        names = rows[0].lstrip("# ").split(",")
        table = [dict(zip(names, row.split(","))) for row in rows[1:] if row]
        return sum(1 for row in table if row["pxname"] == "boxes" and row["svname"] != "BACKEND" and row["status"].startswith("UP"))


def on_the_page(language, words):
    page = (ROOT / "docs/fleet.md").read_text()
    (found,) = [block for block in re.findall(rf"```{language}\n(.*?)```", page, re.S) if words in block]
    return found


# In place of ssh: asks the test for what would be done on the box itself, and ends with the status of that.
SSH = """#!/bin/sh
echo "$@" >'{folder}/asked.new' && mv '{folder}/asked.new' '{folder}/asked'
until [ -e '{folder}/made' ]; do sleep 0.05; done
status=$(cat '{folder}/made') && rm '{folder}/made' && exit "$status"
"""


class Loop:
    """The loop of the page over two boxes with one key; `change`: what is done on each, a status comes back."""

    def __init__(self, folder, boxes, change):
        self.folder, self.boxes, self.change = folder, boxes, change
        self.asked = []

    def run(self):
        script = self.folder / "upgrade.sh"
        script.write_text(on_the_page("sh", "for box in"))
        programs = self.folder / "programs"
        programs.mkdir(exist_ok=True)
        (programs / "ssh").write_text(SSH.format(folder=self.folder))
        (programs / "ssh").chmod(0o755)
        shutil.copy2(self.boxes[0].key_file, self.folder / "fleet.key")
        process = subprocess.Popen(["sh", script, *(f"127.0.0.1:{box.port}" for box in self.boxes)], cwd=self.folder, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                   env={**os.environ, "PATH": f"{programs}:{BIN}:{os.environ['PATH']}"})
        asked = self.folder / "asked"
        while process.poll() is None:
            if asked.exists():
                words = asked.read_text()
                asked.unlink()
                box = self.boxes[len(self.asked)]
                if "drain --wait" in words:
                    done(box, "drain", "--wait")
                    status = 0
                else:
                    self.asked.append(words)
                    status = self.change(box)
                (self.folder / "made.new").write_text(str(status))
                (self.folder / "made.new").rename(self.folder / "made")
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.05)
        return process.returncode, process.stdout.read()

    def states(self):
        file = list_of(self.folder, *((f"box{i}", box.port, box.key_file) for i, box in enumerate(self.boxes)))
        return [each["state"] for each in json.loads(fleet("status", file, "--json").stdout)["boxes"]]


@pytest.fixture
def two_boxes(tmp_path):
    boxes = [Member(tmp_path / f"box{i}") for i in range(2)]
    shutil.copy2(boxes[0].folder / "keys", boxes[1].folder / "keys")
    shutil.copy2(boxes[0].key_file, boxes[1].key_file)
    boxes[1].key, boxes[1].headers = boxes[0].key, boxes[0].headers
    with contextlib.ExitStack() as stack:
        for box in boxes:
            stack.enter_context(box)
        for box in boxes:
            box.wait_ready()
        yield boxes


def restart(box):
    box.stop()
    install(box.program)
    box.start()
    return 0


@pytest.mark.skipif(not shutil.which("haproxy") or not shutil.which("curl"), reason="haproxy or curl is not installed")
def test_the_loop_of_the_page_upgrades_all_boxes_and_loses_nothing(tmp_path, two_boxes):
    with Edge(tmp_path, two_boxes) as edge:
        before = [box.process.pid for box in two_boxes]
        through = Box.__new__(Box)
        through.port, through.headers, through.tls = edge.port, two_boxes[0].headers, None
        clients = Clients(through, 6, keep_alive=True)
        wait_until(lambda: len(clients.answers) > 12, what="answers")
        loop = Loop(tmp_path, two_boxes, restart)
        status, said = loop.run()
        clients.stop()
        assert status == 0, said
        assert loop.asked == ["127.0.0.1 sudo apt-get install -y corral\n"] * 2
        assert not set(before) & {box.process.pid for box in two_boxes}
        assert not clients.problems, (clients.problems[:3], (tmp_path / "haproxy.log").read_text()[-3000:])
        assert loop.states() == ["ready"] * 2


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_the_loop_of_the_page_ends_at_the_first_failure(tmp_path, two_boxes):
    loop = Loop(tmp_path, two_boxes, lambda box: 7)
    status, said = loop.run()
    assert status == 7 and len(loop.asked) == 1, said
    assert loop.states() == ["drained", "ready"], "the box is left drained, and the next one is not touched"


def test_the_play_of_the_page_goes_box_by_box():
    play = on_the_page("yaml", "serial: 1")
    assert play.index("corral drain --wait") < play.index("apt:") < play.index("corral undrain") < play.index("/readyz")
