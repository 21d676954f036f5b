"""HAProxy follows models and boxes that come and go, by 'corral fleet render --watch' and its own reload: with real boxes, over a
death of the watch, with boxes that mean harm, and with boxes that DNS names."""

import contextlib
import http.server
import json
import shutil
import signal
import socket
import struct
import subprocess
import threading

import pytest

from client import MODEL
from fleet_boxes import Member, RenderedEdge, Watch, is_ready
from harness import BIN, wait_until
from keyed_box import make_box

pytestmark = pytest.mark.skipif(not shutil.which("haproxy"), reason="haproxy is not installed")


def create(box, name):
    assert box.post("/api/create", {"model": name, "from": MODEL, "stream": False}).status == 200


def status(edge, model):
    return edge.chat([{"role": "user", "content": "[[text=hello]]"}], model=model).status


def becomes(edge, model, wanted, watch):
    wait_until(lambda: status(edge, model) == wanted, 60, f"{model} is {wanted}\n{watch.log()[-3000:]}")


def words(edge, backend="model_sim:latest"):
    return {name: word for name, (word, _) in edge.servers(backend).items()}


def test_models_and_boxes_come_and_go_and_no_answer_ends(tmp_path):
    with contextlib.ExitStack() as stack:
        one, two, three = (stack.enter_context(Member(tmp_path / name)) for name in ("one", "two", "three"))
        for box in (one, two, three):
            box.wait_ready()
        create(two, "helper")
        edge = stack.enter_context(RenderedEdge(tmp_path / "edge", [("one", one, ""), ("two", two, "")], flags=["--ask"], mode="-W"))
        running = edge.stream("[[n=100000]] on and on")
        pieces = iter(running)
        next(pieces)
        with Watch(edge) as watch:
            create(one, "other")
            becomes(edge, "other", 200, watch)
            assert two.request("DELETE", "/api/delete", {"model": "helper"}).status == 200
            # The box itself answers so before the edge has a word of it.
            wait_until(lambda: not edge.servers("model_helper:latest"), 60, f"helper is gone\n{watch.log()[-3000:]}")
            becomes(edge, "helper", 404, watch)
            watch.kill()
            assert [status(edge, name) for name in ("other", MODEL, "helper")] == [200, 200, 404]
        with Watch(edge) as watch:
            # "two" goes from the list, "three" comes.
            edge.names.append("three")
            edge.write_list(edge.list.read_text().replace('name = "two"', 'name = "three"').replace(
                f":{two.port}", f":{three.port}").replace(f"agent = {two.agent_port}", f"agent = {three.agent_port}"))
            wait_until(lambda: words(edge) == {"one": "UP", "three": "UP"}, 60, f"three is in the place of two\n{watch.log()[-3000:]}")
            assert [next(pieces)["done"] for _ in range(3)] == [False] * 3, "its worker lives as long as it"
            running.close()
            # With a mistake in the list all stays; so it does with one that HAProxy alone notices.
            good, rules = edge.list.read_text(), edge.rules.read_text()
            edge.list.write_text("nonsense")
            wait_until(lambda: "all stays as it was" in watch.log(), what="the mistake is in the log")
            edge.write_list(good.replace("[edge]", f'[edge]\ncertificate = "{tmp_path}/none.pem"'))
            wait_until(lambda: "HAProxy's configuration stays as it was: 'haproxy' failed" in watch.log(), what="HAProxy's words are in the log")
            assert edge.rules.read_text() == rules and status(edge, MODEL) == 200
            watch.process.send_signal(signal.SIGTERM)
            assert watch.process.wait(20) == 0


def test_a_box_that_is_away_when_the_watch_begins_keeps_its_routes(tmp_path):
    with Member(tmp_path / "one") as one, Member(tmp_path / "two") as two:
        one.wait_ready()
        two.wait_ready()
        create(two, "helper")
        with RenderedEdge(tmp_path / "edge", [("one", one, ""), ("two", two, "")], flags=["--ask"], mode="-W") as edge:
            two.process.kill()
            two.process.wait()
            with Watch(edge) as watch:
                wait_until(lambda: "box two: it does not tell its models" in watch.log(), what="it is asked")
                assert "model_helper:latest" in edge.rules.read_text()


def test_a_reload_that_fails_is_told_and_tried_again(tmp_path):
    with Member(tmp_path / "one") as one:
        one.wait_ready()
        with RenderedEdge(tmp_path / "edge", [("one", one, "")], flags=["--ask"], mode="-W") as edge:
            works = tmp_path / "works"
            with Watch(edge, ["test", "-e", str(works)]) as watch:
                wait_until(lambda: "HAProxy is not reloaded: 'test' failed" in watch.log(), what="the log says so")
                works.touch()
                wait_until(lambda: "HAProxy is reloaded again" in watch.log(), what="it is tried again")


def test_mistakes_are_named(tmp_path):
    file = tmp_path / "boxes.toml"
    file.write_text("nonsense")
    watch = [BIN / "corral", "fleet", "render", file, "--watch"]
    for more, wanted in ((["--write", tmp_path / "out", "--", "true"], "boxes.toml:1"), (["--", "true"], "--write"),
                         (["--write", tmp_path / "out"], "command")):
        run = subprocess.run([*watch, *more], capture_output=True, text=True, timeout=60)
        assert run.returncode == 2 and wanted in run.stderr, run


class Harmful(http.server.BaseHTTPRequestHandler):
    tags = {}

    def do_GET(self):
        text = json.dumps(self.tags).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(text)

    def log_message(self, *_):
        pass


class HarmfulBox:
    """What the list of the boxes needs of one."""

    def __enter__(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Harmful)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def test_a_box_that_means_harm_changes_its_own_routes_at_most(tmp_path):
    with Member(tmp_path / "one") as one, HarmfulBox() as harmful:
        one.wait_ready()
        orders = ["x\n    server evil 1.2.3.4:1", "x }\nglobal", "x y", "x'", "${HOME}", "\u001b[2J", "", "x" * 5000]
        Harmful.tags = {"models": [{"name": name} for name in ["sim", "mine", *orders]] + [7, {"name": 8}]}
        with RenderedEdge(tmp_path / "edge", [("one", one, ""), ("bad", harmful, "")], flags=["--ask"], mode="-W") as edge, Watch(edge) as watch:
            wait_until(lambda: "event=fleet.reloaded" in watch.log(), what="it follows")
            before = edge.rules.read_text()
            assert "evil" not in before and before.count("\nbackend model_") == 2
            Harmful.tags = {}
            wait_until(lambda: "its answer is no list of models" in watch.log(), what="the log says so")
            assert edge.rules.read_text() == before, "what says nothing keeps its routes"
            Harmful.tags = {"models": [{"name": f"m{number}"} for number in range(3000)]}
            wait_until(lambda: "box bad lists more than 1024 models" in watch.log(), what="too many models are named")
            asked = subprocess.run([BIN / "corral", "fleet", "render", "--ask", edge.list], capture_output=True, text=True)
            assert "box 'bad' lists more than 1024 models" in asked.stderr and asked.stdout.count("\nbackend ") < 1100, asked.stderr
            Harmful.tags = {"models": [{"name": "x" * 1000} for _ in range(6000)]}
            wait_until(lambda: watch.log().count("box bad: it does not tell its models") == 2, what="too long an answer is none")
            # The reload that takes its first claim to this model away comes behind the line of the log.
            wait_until(lambda: status(edge, MODEL) == 200, what="the model is the good box's alone")


def test_a_box_that_hangs_keeps_no_other_from_being_followed(tmp_path):
    with Member(tmp_path / "one") as one, Member(tmp_path / "two") as two:
        one.wait_ready()
        two.wait_ready()
        with RenderedEdge(tmp_path / "edge", [("one", one, ""), ("two", two, "")], flags=["--ask"], mode="-W") as edge, Watch(edge) as watch:
            wait_until(lambda: "event=fleet.reloaded" in watch.log(), what="it follows")
            two.process.send_signal(signal.SIGSTOP)
            try:
                create(one, "other")
                becomes(edge, "other", 200, watch)
                assert "server two" in edge.rules.read_text(), "it keeps its routes"
            finally:
                two.process.send_signal(signal.SIGCONT)


def test_a_box_with_tls_that_comes_later_is_verified(tmp_path):
    names = ("one", "two", "false")
    for name in names:
        (tmp_path / name).mkdir()
    with contextlib.ExitStack() as stack:
        one, two, false_one = (stack.enter_context(make_box(tmp_path / name, tls=True)) for name in names)
        bundle = tmp_path / "bundle.pem"
        bundle.write_text("".join((tmp_path / name / "tls/cert.pem").read_text() for name in names[:2]))
        entries = []
        for name, box in (("one", one), ("two", two), ("false", false_one)):
            box.wait_ready()
            key = tmp_path / f"{name}.key"
            key.write_text(box.key)
            entries.append((name, box, f'tls = true\nca_file = "{bundle}"\nkey_file = "{key}"\n'))
        edge = stack.enter_context(RenderedEdge(tmp_path / "edge", entries[:1], flags=["--ask"], mode="-W"))
        with Watch(edge) as watch:
            wait_until(lambda: "event=fleet.reloaded" in watch.log(), what="it follows")
            with edge.list.open("a") as more:
                more.write("".join(f'[[box]]\nname = "{name}"\naddress = "127.0.0.1:{box.port}"\n{lines}\n' for name, box, lines in entries[1:]))
            edge.names += ["two", "false"]
            wait_until(lambda: words(edge) == {"one": "UP", "two": "UP"}, 90, f"two gets requests\n{watch.log()[-3000:]}")
            # What is not verified is asked for no models, and is down for HAProxy too.
            wait_until(lambda: words(edge, "boxes") == {"one": "UP", "two": "UP", "false": "DOWN"}, 60, "the false one is down")
            assert "box false: it does not tell its models" in watch.log()


def test_boxes_that_want_a_header_of_the_edge_are_asked_with_one(tmp_path):
    one = Member(tmp_path / "one", fleet='proxy_protocol_from = ["127.0.0.1"]')
    with contextlib.ExitStack() as stack:
        stack.push(one)
        one.start(wait_ready=False)  # without the header its door is shut for this test too
        wait_until(lambda: is_ready(one), what="its agent says that it is ready")
        with RenderedEdge(tmp_path / "edge", [("one", one, "")], "proxy_protocol = true", flags=["--ask"]) as edge:
            assert [status(edge, MODEL) for _ in range(4)] == [200] * 4


def as_labels(name):
    return b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0"


class DnsServer:
    """Names `boxes` (host, port) by SRV records, each host at 127.0.0.1; `code`: of a refusal."""

    A, SRV = 1, 33

    def __init__(self):
        self.boxes, self.code, self.asked = [], 0, 0

    def __enter__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.resolver = f"127.0.0.1:{self.socket.getsockname()[1]}"
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()
        return self

    def __exit__(self, *_):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", self.socket.getsockname())
        self.thread.join()
        self.socket.close()

    def serve(self):
        while True:
            question, client = self.socket.recvfrom(4096)
            if not question:
                return
            self.asked += 1
            self.socket.sendto(self.answer(question), client)

    def answer(self, question):
        boxes, code = list(self.boxes), self.code
        end = question.index(b"\0", 12) + 5
        (kind,) = struct.unpack(">H", question[end - 4:end - 2])
        address = struct.pack(">HHIH", self.A, 1, 1, 4) + socket.inet_aton("127.0.0.1")
        records, more = [], []
        if kind == self.SRV:
            for host, port in boxes:
                data = struct.pack(">HHH", 0, 1, port) + as_labels(host)
                records.append(b"\xc0\x0c" + struct.pack(">HHIH", self.SRV, 1, 1, len(data)) + data)
                more.append(as_labels(host) + address)
        elif kind == self.A:
            records.append(b"\xc0\x0c" + address)
        return question[:2] + struct.pack(">HHHHH", 0x8180 | code, 1, len(records), 0, len(more)) + question[12:end] + b"".join(records + more)


def test_boxes_are_those_that_dns_names(tmp_path):
    with contextlib.ExitStack() as stack:
        one, two = (stack.enter_context(Member(tmp_path / name)) for name in ("one", "two"))
        for box in (one, two):
            box.wait_ready()
        dns = stack.enter_context(DnsServer())
        dns.boxes = [("one.example.test", one.port)]
        edge = RenderedEdge(tmp_path / "edge", [], f'resolver = "{dns.resolver}"\n[[box]]\nname = "npu"\ncount = 3\nmodels = ["sim"]\n'
                            'address = "_corral._tcp.example.test"')
        edge.names = ["npu1", "npu2", "npu3"]
        edge.knows_all = lambda: "UP" in words(edge).values()
        stack.enter_context(edge)
        up = lambda: list(words(edge).values()).count("UP")
        dns.boxes.append(("two.example.test", two.port))
        wait_until(lambda: up() == 2, 60, "both get requests")
        # A server that refuses takes no box away.
        dns.boxes, dns.code = [], 5
        asked = dns.asked
        wait_until(lambda: dns.asked > asked + 3, 60, "it was asked again")
        assert up() == 2
        dns.boxes, dns.code = [("two.example.test", two.port)], 0
        wait_until(lambda: up() == 1, 60, "one gets nothing more")
        assert [status(edge, MODEL) for _ in range(4)] == [200] * 4
