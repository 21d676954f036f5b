"""Clients behind a proxy that tells who they are (`[fleet] proxy_protocol_from`): by hand, and behind HAProxy."""

import http.client
import re
import shutil
import socket
import subprocess

import pytest

from admin_cli import done
from client import Client
from harness import free_port, wait_until
from upgrade_box import Clients, UpgradeBox

PROXY = "127.0.0.9"
RULE = f'[fleet]\nproxy_protocol_from = ["{PROXY}"]'
GET = b"GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


@pytest.fixture
def box(tmp_path):
    with UpgradeBox(tmp_path / "box", {"directives": True}, config=RULE, log_level="info", listen=f"127.0.0.1:{free_port()}") as made:
        made.wait_ready()
        yield made


def ask(box, path, header=b"", source=PROXY):
    """The status of the answer, or nothing where the connection was closed without one."""
    with socket.create_connection(("127.0.0.1", box.port), timeout=20, source_address=(source, 0)) as line:
        line.sendall(header + GET % path.encode())
        try:
            reply = line.makefile("rb").read()
        except ConnectionResetError:
            reply = b""
    return int(reply.split()[1]) if reply else None


def seen(box):
    """Who asked models, as the log has it."""
    return re.findall(r"request id=\S+ .*?client=(\S+)", box.log())


def test_what_a_proxy_says_of_its_client_counts_and_never_makes_it_local(box):
    status = "/corral/v1/status"
    assert ask(box, status, source="127.0.0.1") == 200
    assert ask(box, "/api/tags", b"PROXY TCP4 192.0.2.7 198.51.100.1 5000 443\r\n") == 200
    for header in (b"PROXY TCP4 127.0.0.1 127.0.0.1 5000 443\r\n", b"PROXY UNKNOWN\r\n",
                   b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x7f\0\0\x01\x7f\0\0\x01\x13\x88\x01\xbb"):
        assert ask(box, status, header) == 403, header
        assert ask(box, "/readyz", header) == 200, header
    assert ask(box, status) == 400
    assert ask(box, status, b"PROXY TCP4 nobody\r\n") is None
    assert ask(box, status, b"PROXY TCP4 127.0.0.1 127.0.0.1 5000 443\r\n", source="127.0.0.1") == 400
    wait_until(lambda: len(re.findall(f"refused a connection from {PROXY}, one of 'proxy_protocol_from'", box.log())) == 1,
               what="the log tells it once")


def test_a_reload_changes_which_proxies_are_believed(box):
    header = b"PROXY TCP4 192.0.2.7 198.51.100.1 5000 443\r\n"
    text = box.config_file.read_text()
    box.config_file.write_text(text.replace(f'["{PROXY}"]', '["127.0.0.0/30"]'))
    done(box, "reload")
    assert (ask(box, "/readyz", header), ask(box, "/readyz")) == (400, 200)
    assert (ask(box, "/readyz", header, "127.0.0.3"), ask(box, "/readyz", source="127.0.0.3")) == (200, 400)


class Edge(Client):
    """HAProxy in front of one box; it talks from `PROXY`, and keeps connections."""

    def __init__(self, folder, box, words):
        self.port, self.folder = free_port(), folder
        self.rules = folder / "haproxy.cfg"
        self.rules.write_text(
            "global\n    maxconn 200\ndefaults\n    mode http\n    timeout connect 5s\n    timeout client 60s\n    timeout server 60s\n"
            f"    source {PROXY}\nfrontend clients\n    bind 127.0.0.1:{self.port}\n    default_backend boxes\n"
            "backend boxes\n    option httpchk\n    http-check send meth GET uri /readyz hdr Host localhost\n    retry-on all-retryable-errors\n"
            f"    server one 127.0.0.1:{box.port} {words} check inter 1s\n")

    def __enter__(self):
        self.process = subprocess.Popen(["haproxy", "-db", "-f", self.rules], stdin=subprocess.DEVNULL,
                                        stdout=open(self.folder / "haproxy.log", "wb"), stderr=subprocess.STDOUT)
        wait_until(self.answers, what="HAProxy and the box answer")
        return self

    def answers(self):
        try:
            return self.get("/healthz").status == 200
        except OSError:
            return False

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def connect(self, timeout=60):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout, source_address=("127.0.0.77", 0))


@pytest.mark.skipif(not shutil.which("haproxy"), reason="haproxy is not installed")
@pytest.mark.parametrize("words", ["send-proxy", "send-proxy-v2 proxy-v2-options unique-id,crc32c"])
def test_behind_haproxy_each_client_is_itself_also_over_an_upgrade(box, tmp_path, words):
    with Edge(tmp_path, box, words) as edge:
        assert edge.get("/corral/v1/status").status == 403
        assert edge.say("[[text=hello]]") == "hello"
        wait_until(lambda: seen(box) == ["127.0.0.77"], what=f"the log names the client: {seen(box)}")
        clients = Clients(edge, 3, keep_alive=True)
        wait_until(lambda: len(clients.answers) > 6, what="answers")
        box.upgrade()
        after = len(clients.answers)
        wait_until(lambda: len(clients.answers) > after + 6, what="answers after the upgrade")
        clients.stop()
        assert not clients.problems, clients.problems
        wait_until(lambda: len(seen(box)) == 1 + len(clients.answers), what="all are in the log")
        assert set(seen(box)) == {"127.0.0.77"}
    assert "refused a connection" not in box.log()
