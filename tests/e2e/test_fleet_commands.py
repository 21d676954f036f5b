"""`corral fleet status` and `corral fleet upgrade` with boxes that are real, busy, away, or mean harm."""

import http.server
import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading

import pytest

from harness import BIN, Box, free_port, wait_until
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
        assert "wants a key" in rows["keyless"] and rows["keyless"].split()[1] == "away"
        assert "refused" in rows["gone"].lower(), rows["gone"]
        assert rows["silent"].split()[1] == "away"
        assert rows["harmful"].split()[1] == "broken" and rows["harmful"].endswith("1 finding")
        told = json.loads(fleet("status", mixed, "--limit", 2, "--json").stdout)
        assert told["ok"] is False and [each["state"] for each in told["boxes"]] == ["ready", "away", "away", "away", "broken"]

    broken = list_of(tmp_path, ("one", 1, None), extra="[[box]]\nname = 7\n")
    shown = fleet("status", broken)
    assert shown.returncode == 2 and "boxes.toml:" in shown.stderr, shown


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


# What an operator's command does: the program of one box is replaced and restarted. It is asked by a file, for the processes
# are the test's.
COMMAND = """
import pathlib, sys, time
folder = pathlib.Path(sys.argv[1]) / sys.argv[2]
(folder / "made").unlink(missing_ok=True)
(folder / "wanted").write_text(sys.argv[3])
print("upgrades", sys.argv[2])
end = time.monotonic() + 30
while not (folder / "made").exists():
    if time.monotonic() > end:
        sys.exit("nobody did it")
    time.sleep(0.02)
sys.exit(int((folder / "made").read_text()))
"""


class Fleet:
    """Three boxes with one key; `restart` is what the command of each brings about."""

    def __init__(self, folder, count=3):
        self.folder = folder
        self.boxes = [Member(folder / f"box{i}") for i in range(count)]
        for box in self.boxes[1:]:
            shutil.copy2(self.boxes[0].folder / "keys", box.folder / "keys")
            shutil.copy2(self.boxes[0].key_file, box.key_file)
            box.key, box.headers = self.boxes[0].key, self.boxes[0].headers

    def __enter__(self):
        for box in self.boxes:
            box.start()
        for box in self.boxes:
            box.wait_ready()
        self.list = list_of(self.folder, *((f"box{i}", box.port, box.key_file) for i, box in enumerate(self.boxes)))
        self.over = threading.Event()
        self.worker = threading.Thread(target=self.work)
        self.worker.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.worker.join()
        for box in self.boxes:
            box.__exit__(None, None, None)

    def work(self):
        """Does what commands ask for."""
        while not self.over.wait(0.02):
            for box in self.boxes:
                wanted = box.folder / "wanted"
                if not wanted.exists() or not wanted.read_text():
                    continue
                status = wanted.read_text()
                wanted.unlink()
                if status == "0":
                    box.stop()
                    install(box.program)
                    box.start()
                (box.folder / "made.new").write_text(status)
                (box.folder / "made.new").rename(box.folder / "made")

    def command(self, status="0"):
        return [sys.executable, "-c", COMMAND, self.folder, "{box}", status]

    def states(self):
        return [each["state"] for each in json.loads(fleet("status", self.list, "--json").stdout)["boxes"]]

    def starts(self):
        return [box.process.pid for box in self.boxes]


@pytest.mark.skipif(not shutil.which("haproxy"), reason="haproxy is not installed")
def test_an_upgrade_of_all_boxes_under_load_loses_nothing(tmp_path):
    with Fleet(tmp_path) as boxes, Edge(tmp_path, boxes.boxes) as edge:
        before = boxes.starts()
        through = Box.__new__(Box)
        through.port, through.headers, through.tls = edge.port, boxes.boxes[0].headers, None
        clients = Clients(through, 6, keep_alive=True)
        wait_until(lambda: len(clients.answers) > 12, what="answers")
        run = fleet("upgrade", boxes.list, "--quiet", 1, "--", *boxes.command(), timeout=120)
        clients.stop()
        assert run.returncode == 0, run
        assert "3 of 3 boxes are upgraded" in run.stdout, run
        assert all(f"box{i} | upgrades box{i}" in run.stderr for i in range(3)), run.stderr
        assert not set(before) & set(boxes.starts())
        assert not clients.problems, (clients.problems[:3], (tmp_path / "haproxy.log").read_text()[-3000:])
        assert boxes.states() == ["ready"] * 3


def test_an_upgrade_stops_at_the_first_failure_and_says_what_it_leaves(tmp_path):
    with Fleet(tmp_path) as boxes:
        run = fleet("upgrade", boxes.list, "--quiet", 0, "--", *boxes.command("7"))
        assert run.returncode == 1, run
        assert "0 of 3 boxes are upgraded" in run.stdout
        assert "box0: failed" in run.stdout and "exit status 7" in run.stdout and "it is left drained" in run.stdout, run.stdout
        assert "box1: untouched" in run.stdout
        assert boxes.states() == ["drained", "ready", "ready"]
        # A box that is drained is somebody's work.
        run = fleet("upgrade", boxes.list, "--json", "--", *boxes.command())
        assert run.returncode == 1 and [each["step"] for each in json.loads(run.stdout)["boxes"]] == ["untouched"] * 3, run
        assert "drained already" in json.loads(run.stdout)["boxes"][0]["why"]
        taken = subprocess.run([BIN / "corral", "undrain", "--url", f"http://127.0.0.1:{boxes.boxes[0].port}",
                                "--key-file", boxes.boxes[0].key_file], capture_output=True, text=True)
        assert taken.returncode == 0, taken
        # One that can't be emptied is given back.
        stream = boxes.boxes[1].stream("[[n=100000]] go on")
        next(iter(stream))
        run = fleet("upgrade", boxes.list, "--box", "box1", "--drain-limit", 1, "--", *boxes.command())
        assert run.returncode == 1 and "1 of its requests had not ended" in run.stdout, run
        stream.close()
        assert boxes.states() == ["ready"] * 3
        run = fleet("upgrade", boxes.list, "--box", "nobody", "--", "true")
        assert run.returncode == 2 and "no box 'nobody'" in run.stderr, run
        run = fleet("upgrade", boxes.list, "--box", "box2", "--quiet", 0, "--", "/nowhere/program")
        assert run.returncode == 1 and "/nowhere/program" in run.stdout, run


def test_ctrl_c_gives_back_what_was_not_changed(tmp_path):
    with Fleet(tmp_path, 2) as boxes:
        stream = boxes.boxes[0].stream("[[n=100000]] go on")
        next(iter(stream))
        run = subprocess.Popen([BIN / "corral", "fleet", "upgrade", boxes.list, "--", *map(str, boxes.command())],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        wait_until(lambda: boxes.states() == ["drained", "ready"], what="the first is drained")
        run.send_signal(signal.SIGINT)
        out, err = run.communicate(timeout=30)
        stream.close()
        assert run.returncode == 1 and "0 of 2 boxes are upgraded" in out, (out, err)
        assert boxes.states() == ["ready", "ready"]
