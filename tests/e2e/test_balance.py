"""A box as one of many: what it tells a load balancer, and HAProxy itself in front of two, with the configuration of
docs/fleet.md."""

import re
import shutil
import socket
import subprocess
import threading

import pytest

from admin_cli import corral, done, status
from client import Client
from fleet_boxes import Member, agent
from harness import ROOT, Box, free_port, wait_until

WORDS = "[[n=300]] "


@pytest.fixture
def member(tmp_path):
    with Member(tmp_path / "box") as box:
        box.wait_ready()
        yield box


def test_a_box_says_what_it_would_do_with_a_request(member):
    assert agent(member.agent_port) == "ready up 100%\n"
    assert agent(member.agent_port, "") == "ready up 100%\n"
    assert agent(member.agent_port, "other\n") == "down #unknown model\n"
    ready = member.get("/readyz?model=sim")
    assert (ready.status, ready.json["status"], ready.json["wait_seconds"]) == (200, "ready", 0), ready.body
    assert member.get("/readyz?model=other").status == 404
    stream = member.stream("[[n=2000]] go on")
    next(iter(stream))
    assert agent(member.agent_port) == "ready up 50%\n"
    assert member.get("/readyz?model=sim").json["queue"] == {"waiting": 0, "running": 1, "places": 1}
    stream.close()
    wait_until(lambda: agent(member.agent_port) == "ready up 100%\n", what="nothing runs")
    done(member, "stop", "sim")
    assert agent(member.agent_port) == "down #stopped\n"
    assert member.get("/readyz?model=sim").status == 503


def test_a_drained_box_lets_what_runs_end_and_stays_drained_over_an_upgrade(member):
    stream = member.stream("[[n=400]] an answer")
    first = next(iter(stream))
    said = done(member, "drain")
    assert "1 request still runs" in said, said
    assert agent(member.agent_port) == "drain\n"
    assert member.get("/readyz").json["status"] == "draining"
    assert status(member)["drained"] is True
    waits = []
    waiting = threading.Thread(target=lambda: waits.append(corral(member, "drain", "--wait")))
    waiting.start()
    lines = [first, *stream]
    assert lines[-1]["done"] is True and lines[-1]["done_reason"] == "stop", lines[-1]
    waiting.join()
    assert waits[0].returncode == 0 and "nothing is running" in waits[0].stdout, waits[0]
    services = member.services()
    done(member, "upgrade")
    assert member.services() == services
    assert agent(member.agent_port) == "drain\n"
    assert "corral undrain" in corral(member, "status").stdout
    assert member.say("[[text=whoever comes nevertheless is answered]]") == "whoever comes nevertheless is answered"
    done(member, "undrain")
    assert agent(member.agent_port) == "ready up 100%\n"
    assert member.get("/readyz").status == 200


def test_an_address_that_is_taken_is_named(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        box = Box(tmp_path / "box", config=f'[fleet]\nagent = "127.0.0.1:{port}"')
        try:
            box.start(wait_ready=False)
        except AssertionError:
            pass
        wait_until(lambda: box.process.poll() is not None, what="Corral gives up")
        assert f"'fleet.agent' 127.0.0.1:{port} can't be opened for load balancers" in box.log()
        box.process = None


class Edge(Client):
    """HAProxy with the configuration of the page, in front of two members."""

    def __init__(self, folder, one, two):
        self.port, self.headers, self.folder = free_port(), {}, folder
        page = (ROOT / "docs/fleet.md").read_text()
        rules = re.search(r"```haproxy\n(.*?)```", page, re.S).group(1)
        for was, now in (("127.0.0.1:8080", f"127.0.0.1:{self.port}"),
                         ("127.0.0.1:11434 agent-port 9110", f"127.0.0.1:{one.port} agent-port {one.agent_port}"),
                         ("127.0.0.1:11435 agent-port 9111", f"127.0.0.1:{two.port} agent-port {two.agent_port}")):
            assert rules.count(was) == 1, was
            rules = rules.replace(was, now)
        self.socket = folder / "haproxy.sock"
        self.rules = folder / "haproxy.cfg"
        self.rules.write_text(rules.replace("global\n", f"global\n    stats socket {self.socket}\n", 1))

    def __enter__(self):
        checked = subprocess.run(["haproxy", "-c", "-f", self.rules], capture_output=True, text=True)
        assert checked.returncode == 0, checked.stdout + checked.stderr
        assert "[WARNING]" not in checked.stderr, checked.stderr
        self.process = subprocess.Popen(["haproxy", "-db", "-f", self.rules], stdin=subprocess.DEVNULL,
                                        stdout=open(self.folder / "haproxy.log", "wb"), stderr=subprocess.STDOUT)
        wait_until(lambda: self.socket.exists() and {"one", "two"} <= set(self.members()), what="HAProxy runs")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def members(self):
        """What HAProxy thinks of each: its word and the weight."""
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(str(self.socket))
            line.sendall(b"show stat\n")
            rows = line.makefile().read().splitlines()
        names = rows[0].lstrip("# ").split(",")
        table = [dict(zip(names, row.split(","))) for row in rows[1:]]
        return {row["svname"]: (row["status"].split()[0], int(row["weight"])) for row in table
                if row["pxname"] == "boxes" and row["svname"] != "BACKEND"}


@pytest.mark.skipif(not shutil.which("haproxy"), reason="haproxy is not installed")
def test_haproxy_follows_what_the_boxes_say(tmp_path):
    with Member(tmp_path / "one") as one, Member(tmp_path / "two") as two:
        one.wait_ready()
        two.wait_ready()
        with Edge(tmp_path, one, two) as edge:
            all_up = lambda: edge.members() == {"one": ("UP", 100), "two": ("UP", 100)}
            wait_until(all_up, what=f"both are up: {edge.members()}")
            # Two answers that run at the same time are on two boxes.
            first, second = edge.stream(WORDS + "a"), edge.stream(WORDS + "b")
            for stream in (first, second):
                assert [line["done"] for line in stream][-1] is True
            # The line of a request is written after its last byte.
            wait_until(lambda: one.served() + two.served() == 2, what="both requests are told in the logs")
            assert (one.served(), two.served()) == (1, 1)

            done(one, "drain", "--wait")
            wait_until(lambda: edge.members()["one"][0] in ("DRAIN", "MAINT", "DOWN"), what="one gets nothing")
            before = one.served()
            for number in range(6):
                assert edge.chat(f"[[text=answer {number}]]").json["message"]["content"] == f"answer {number}"
            assert one.served() == before
            done(one, "undrain")
            wait_until(all_up, what="one gets requests again")

            one.process.kill()
            one.process.wait()
            for number in range(6):
                assert edge.chat(f"[[text=answer {number}]]").status == 200
            wait_until(lambda: edge.members()["one"][0] == "DOWN", what="one is away")
            one.start()
            wait_until(all_up, what="one is back")
