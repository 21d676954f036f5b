"""HAProxy follows models and boxes that come and go, by 'corral fleet sync': with real boxes, over a death of sync and a reload of
HAProxy, and with boxes that mean harm."""

import contextlib
import http.server
import json
import re
import shutil
import signal
import socket
import subprocess
import threading

import pytest

from client import MODEL, Client
from fleet_boxes import Member, RenderedEdge, Sync, is_ready
from harness import BIN, ROOT, free_port, wait_until
from keyed_box import make_box

pytestmark = pytest.mark.skipif(not shutil.which("haproxy"), reason="haproxy is not installed")


def once(edge):
    return subprocess.run([BIN / "corral", "fleet", "sync", "--once", edge.list], capture_output=True, text=True, timeout=60)


def create(box, name):
    assert box.post("/api/create", {"model": name, "from": MODEL, "stream": False}).status == 200


def status(edge, model):
    return edge.chat([{"role": "user", "content": "[[text=hello]]"}], model=model).status


def becomes(edge, model, wanted, sync):
    wait_until(lambda: status(edge, model) == wanted, 60, f"{model} is {wanted}\n{sync.log()[-3000:]}")


def names_of(edge):
    reply = edge.get("/api/tags")
    assert reply.status == 200, reply.body
    return {model["name"] for model in reply.json["models"]}


def checked(edge, name):
    """All of HAProxy's checks of this box have come back, and are good."""
    return {row["check_status"] for row in edge.table() if row["svname"] == name} == {"L7OK"}


def reload(edge):
    """As systemd does it: a new process takes the place of the old one."""
    old = edge.process
    with open(edge.folder / "haproxy.log", "ab") as log:
        edge.process = subprocess.Popen(["haproxy", "-db", "-f", edge.rules, "-sf", str(old.pid)], stdin=subprocess.DEVNULL,
                                        stdout=log, stderr=log)
    old.wait()
    wait_until(edge.knows_all, what="HAProxy is there again")


def test_models_and_boxes_come_and_go(tmp_path):
    with contextlib.ExitStack() as stack:
        one, two, three = (stack.enter_context(Member(tmp_path / name)) for name in ("one", "two", "three"))
        for box in (one, two, three):
            box.wait_ready()
        create(two, "helper")
        lists = f'lists = "127.0.0.1:{free_port()}"\nspares = 2'
        edge = stack.enter_context(RenderedEdge(tmp_path / "edge", [("one", one, 'models = ["sim"]'), ("two", two, 'models = ["sim"]')],
                                                lists))
        assert status(edge, "helper") == 404
        with Sync(edge) as sync:
            becomes(edge, "helper", 200, sync)
            wait_until(lambda: all(names_of(edge) >= {"sim:latest", "helper:latest"} for _ in range(4)),
                       what="the lists of both boxes are told by each answer")
            listed = lambda: {entry["id"] for entry in edge.get("/v1/models").json["data"]}
            wait_until(lambda: listed() >= {"sim:latest", "helper:latest"}, what="OpenAI's form has both, too")
            assert "models" in edge.get("/api/ps").json
            assert two.request("DELETE", "/api/delete", {"model": "helper"}).status == 200
            create(one, "other")
            becomes(edge, "helper", 404, sync)
            becomes(edge, "other", 200, sync)
            sync.kill()
            assert [status(edge, name) for name in ("other", MODEL, "helper")] == [200, 200, 404]
            for _ in range(4):
                assert "sim:latest" in names_of(edge), "a box tells its own"
            reload(edge)
            assert status(edge, "other") == 404
        with Sync(edge) as sync:
            becomes(edge, "other", 200, sync)
            # "two" goes from the list, "three" comes.
            edge.names.append("three")
            edge.list.write_text(edge.list.read_text().replace('name = "two"', 'name = "three"').replace(
                f":{two.port}", f":{three.port}").replace(f"agent = {two.agent_port}", f"agent = {three.agent_port}"))
            new = lambda: {name: word for name, (word, _) in edge.servers("model_sim:latest").items()}
            wait_until(lambda: new() == {"one": "UP", "three": "UP"}, 60, f"three is in the place of two\n{sync.log()[-3000:]}")
            # An answer of its agent that was under way may undo it once; later ones are not asked for.
            assert sync.log().count("model_sim:latest/two gets no more requests") <= 2, sync.log()
            two.process.kill()
            two.process.wait()
            assert [status(edge, MODEL) for _ in range(6)] == [200] * 6
            sync.process.send_signal(signal.SIGTERM)
            assert sync.process.wait(20) == 0
        # On a busy machine a box may be silent for too long.
        wait_until(lambda: once(edge).returncode == 0, 60, "all is well")


class Harmful(http.server.BaseHTTPRequestHandler):
    tags = {}

    def do_GET(self):
        text = json.dumps({"/api/tags": self.tags, "/v1/models": {"data": []}}.get(self.path, {"models": []})).encode()
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
        edge = RenderedEdge(tmp_path / "edge", [("one", one, 'models = ["sim"]'), ("bad", harmful, 'models = ["sim"]')], "spares = 1")
        with edge:
            before = edge.servers("model_sim:latest")
            orders = ["x\nset server boxes/one state maint", "x; set server boxes/one state maint", "x y", "\u001b[2J", "", "x" * 5000]
            Harmful.tags = {"models": [{"name": name} for name in ["sim", *orders]] + [7, {"name": 8}]}
            wait_until(lambda: once(edge).returncode == 0, 60, "all is well")
            assert edge.servers("model_sim:latest").keys() == before.keys() and edge.servers("boxes").keys() == {"one", "bad"}
            wait_until(lambda: edge.servers("boxes")["one"][0] == "UP", what="one is not touched")
            Harmful.tags = {}
            told = once(edge)
            assert told.returncode == 1 and "its answer is no list of models" in told.stderr, told.stderr
            assert edge.servers("model_sim:latest")["bad"][0] != "MAINT", "what says nothing keeps its routes"
            Harmful.tags = {"models": [{"name": f"m{number}"} for number in range(3000)]}

            def tells_of_both():
                told = once(edge)
                assert told.returncode == 1, told.stderr
                return "box bad tells more than 1024 models" in told.stderr and "no spare backend is left" in told.stderr
            wait_until(tells_of_both, 60, "too many models are named")
            Harmful.tags = {"models": [{"name": "x" * 1000} for _ in range(6000)]}
            told = once(edge)
            assert told.returncode == 1 and "box bad: it does not tell its models" in told.stderr
            wait_until(lambda: edge.servers("boxes")["one"][0] == "UP", what="one is not touched")


class DeafBox:
    """Takes connections, never answers, and counts those that its clients have given up."""

    def __enter__(self):
        self.given_up = 0
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()
        return self

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self.hold, args=self.server.accept()[:1], daemon=True).start()

    def hold(self, connection):
        with connection, contextlib.suppress(OSError):
            asked = b""
            while more := connection.recv(4096):
                asked += more
            self.given_up += b"/api/tags" in asked

    def __exit__(self, *_):
        self.server.close()


def figures_at(port):
    client = Client()
    client.port = port
    text = client.get("/metrics").body.decode()
    return dict(re.findall(r"^(corral_fleet\S+) (\S+)$", text, re.M))


def test_a_box_that_hangs_keeps_no_other_waiting(tmp_path):
    with Member(tmp_path / "one") as one, DeafBox() as deaf:
        one.wait_ready()
        port = free_port()
        boxes = [("one", one, 'models = ["sim"]'), ("deaf", deaf, 'models = ["sim"]')]
        edge = RenderedEdge(tmp_path / "edge", boxes, f'spares = 5\nlists = "127.0.0.1:{port}"')
        edge.names = ["one"]
        with edge, Sync(edge) as sync:
            def routed_meanwhile(name):
                before = deaf.given_up
                create(one, name)
                becomes(edge, name, 200, sync)
                return deaf.given_up == before
            # Often enough that no busy machine is mistaken for a sync that waits.
            assert any(routed_meanwhile(f"m{number}") for number in range(5))
            wait_until(lambda: float(figures_at(port)["corral_fleet_sync_agreed_timestamp_seconds"]) > 0, 30, "all is told")
            said = figures_at(port)
            assert (said["corral_fleet_boxes"], said["corral_fleet_boxes_answering"]) == ("2", "1"), said
            assert float(said['corral_fleet_sync_commands_total{result="done"}']) > 0
            rows = re.findall(r"^\| `(corral_fleet\w+)` \|", (ROOT / "docs/fleet.md").read_text(), re.M)
            assert set(rows) == {name.split("{")[0] for name in said}


def test_a_box_with_tls_that_comes_later_is_verified(tmp_path):
    """By a bundle of certificates that HAProxy has read for another box."""
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
            entries.append((name, box, f'tls = true\nca_file = "{bundle}"\nkey_file = "{key}"\nmodels = ["sim"]'))
        edge = stack.enter_context(RenderedEdge(tmp_path / "edge", entries[:1]))
        with edge.list.open("a") as more:
            more.write("".join(f'[[box]]\nname = "{name}"\naddress = "127.0.0.1:{box.port}"\n{lines}\n' for name, box, lines in entries[1:]))
        edge.names += ["two", "false"]
        with Sync(edge) as sync:
            words = lambda backend: {name: word for name, (word, _) in edge.servers(backend).items()}
            wait_until(lambda: words("model_sim:latest") == {"one": "UP", "two": "UP"}, 60, f"two gets requests\n{sync.log()[-3000:]}")
            # What is not verified is asked for no models, and is down for HAProxy too.
            wait_until(lambda: words("boxes") == {"one": "UP", "two": "UP", "false": "DOWN"}, 60, "the false one is down")
            wait_until(lambda: checked(edge, "two"), 60, "two is up by its checks, too")
            assert "box false: it does not tell its models" in sync.log()


def test_boxes_that_want_a_header_of_the_edge_are_asked_with_one(tmp_path):
    believes = 'proxy_protocol_from = ["127.0.0.1"]'
    one, two = (Member(tmp_path / name, fleet=believes) for name in ("one", "two"))
    with contextlib.ExitStack() as stack:
        for box in (one, two):
            stack.push(box)
            box.start(wait_ready=False)  # without the header its door is shut for this test too
        for box in (one, two):
            wait_until(lambda box=box: is_ready(box), what="its agent says that it is ready")
        edge = stack.enter_context(RenderedEdge(tmp_path / "edge", [("one", one, "")], "proxy_protocol = true", flags=["--ask"]))
        with edge.list.open("a") as more:
            more.write(f'[[box]]\nname = "two"\naddress = "127.0.0.1:{two.port}"\nagent = {two.agent_port}\n')
        edge.names.append("two")
        with Sync(edge) as sync:
            words = lambda: {name: word for name, (word, _) in edge.servers("model_sim:latest").items()}
            wait_until(lambda: words() == {"one": "UP", "two": "UP"}, 60, f"two gets requests\n{sync.log()[-3000:]}")
            wait_until(lambda: checked(edge, "two"), 60, "two is up by its checks, too")
        assert [status(edge, MODEL) for _ in range(4)] == [200] * 4


def test_says_what_is_in_the_way(tmp_path):
    file = tmp_path / "boxes.toml"
    file.write_text(f'[edge]\nsocket = "{tmp_path}/none.sock"\n[[box]]\nname = "one"\naddress = "127.0.0.1:{free_port()}"\n')
    run = subprocess.run([BIN / "corral", "fleet", "sync", "--once", file], capture_output=True, text=True, timeout=60)
    assert run.returncode == 1
    assert re.search(r"HAProxy can't be asked at \S+none\.sock: .*; see that it runs", run.stderr), run.stderr
    assert "box one: it does not tell its models" in run.stderr
    file.write_text("nonsense")
    assert subprocess.run([BIN / "corral", "fleet", "sync", file], capture_output=True, timeout=60).returncode == 2
