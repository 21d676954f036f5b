"""Boxes that are found: by the SRV records of a DNS server, over its changes and its failures, and by what Avahi hears."""

import contextlib
import os
import shutil
import socket
import struct
import subprocess
import threading

import pytest

from fleet_boxes import Member, RenderedEdge, Sync
from harness import BIN, wait_until

pytestmark = pytest.mark.skipif(not shutil.which("haproxy"), reason="haproxy is not installed")

NAME = "_corral._tcp.example.test"
REFUSED, NO_SUCH_NAME = 5, 3


def as_labels(name):
    return b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0"


class DnsServer:
    """Answers every question with SRV records for `boxes` (host, port), and their addresses; `code`: of a refusal."""

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
        out = question[:2] + struct.pack(">HHHHH", 0x8180 | code, 1, len(boxes), 0, len(boxes)) + question[12:end]
        for host, port in boxes:
            data = struct.pack(">HHH", 0, 1, port) + as_labels(host)
            out += b"\xc0\x0c" + struct.pack(">HHIH", 33, 1, 5, len(data)) + data
        for host, _ in boxes:
            out += as_labels(host) + struct.pack(">HHIH", 1, 1, 5, 4) + socket.inet_aton("127.0.0.1")
        return out


def fleet(*words, **environment):
    return subprocess.run([BIN / "corral", "fleet", *words], capture_output=True, text=True, timeout=60, env={**os.environ, **environment})


def test_boxes_are_those_that_dns_names(tmp_path):
    with contextlib.ExitStack() as stack:
        one, two = (stack.enter_context(Member(tmp_path / name)) for name in ("one", "two"))
        for box in (one, two):
            box.wait_ready()
        dns = stack.enter_context(DnsServer())
        dns.boxes = [("one.example.test", one.port)]
        found = f'[discover]\nsrv = "{NAME}"\nresolver = "{dns.resolver}"\n'
        edge = RenderedEdge(tmp_path / "edge", [], flags=["--ask"], more=found)
        first, second = (f"{name}.example.test-{box.port}" for name, box in (("one", one), ("two", two)))
        edge.names = [first]
        stack.enter_context(edge)
        shown = fleet("status", edge.list)
        assert first in shown.stdout and second not in shown.stdout, shown
        with Sync(edge) as sync:
            dns.boxes = [("one.example.test", one.port), ("two.example.test", two.port)]
            edge.names = [first, second]
            up = lambda *names: {name: word for name, (word, _) in edge.servers("model_sim:latest").items()} == dict.fromkeys(names, "UP")
            wait_until(lambda: up(first, second), 30, "both get requests\n" + sync.log()[-3000:])
            # A server that knows nothing, or does not answer, takes no box away.
            dns.boxes, dns.code = [], NO_SUCH_NAME
            wait_until(lambda: "DNS knows no box" in sync.log(), 30, "the log says so")
            asked = dns.asked
            wait_until(lambda: dns.asked > asked + 2, 30, "some rounds have passed")
            wait_until(lambda: up(first, second), 30, "both stay")
            dns.boxes, dns.code = [("two.example.test", two.port)], 0
            wait_until(lambda: up(second), 30, "one gets nothing more\n" + sync.log()[-3000:])
        dns.code = REFUSED
        refused = fleet("status", edge.list)
        assert refused.returncode == 1 and "is silent or refuses" in refused.stderr, refused
        dns.boxes, dns.code = [], NO_SUCH_NAME
        nobody = fleet("render", "--ask", edge.list)
        assert nobody.returncode == 1 and "DNS knows no box by the name" in nobody.stderr, nobody
    silent = fleet("status", edge.list)
    assert silent.returncode == 1 and "is silent or refuses" in silent.stderr, silent


def test_boxes_are_those_that_announce_themselves(tmp_path):
    file = tmp_path / "boxes.toml"
    file.write_text("[discover]\nmdns = true\nagent = 9110\n")
    programs = tmp_path / "programs"
    programs.mkdir()
    browse = programs / "avahi-browse"

    def said(script):
        browse.write_text(f"#!/bin/sh\n{script}\n")
        browse.chmod(0o755)
        # No box is asked, since none would be on this machine.
        return fleet("render", file, PATH=f"{programs}:/usr/bin:/bin")
    lines = ["=;eth0;IPv4;Corral\\032on\\032one;_corral._tcp;local;one.local;192.0.2.21;11434;", "Failed to resolve service x"]
    shown = said(f"[ \"$*\" = \"--parsable --resolve --terminate --no-db-lookup _corral._tcp\" ] || exit 3; cat <<'END'\n" + "\n".join(lines) + "\nEND")
    assert shown.returncode == 1 and "box 'one.local' has no list of models" in shown.stderr, shown
    nobody = said("exit 0")
    assert nobody.returncode == 1 and "no box announces itself by mDNS" in nobody.stderr, nobody
    away = said("echo 'Failed to create client object: Daemon not running' >&2; exit 1")
    assert away.returncode == 1 and "see that avahi-daemon runs here" in away.stderr, away
    too_much = said("yes '=;eth0;IPv4;x;_corral._tcp;local;one.local;192.0.2.21;11434;' | head -c 200000")
    assert too_much.returncode == 1 and "tells too much" in too_much.stderr, too_much
    missing = fleet("render", file, PATH=str(tmp_path))
    assert missing.returncode == 1 and "avahi-browse is not installed" in missing.stderr, missing
