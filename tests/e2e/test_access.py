"""API keys and TLS on the running program: who gets in, what is read again while it runs, what a signal means."""

import contextlib
import fcntl
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import termios
import time

import pytest

from admin_cli import corral, done, status
from harness import BIN, MODEL, Box, wait_until
from keyed_box import bearer, certificate, make_box, new_key, trusting


def shown_certificate(box):
    return ssl.get_server_certificate(("127.0.0.1", box.port))


def test_only_known_keys_get_in_over_tls(tmp_path):
    with make_box(tmp_path, tls=True) as box:
        assert box.logged("listening on https://127.0.0.1:")
        assert box.get("/api/tags").json["models"][0]["name"] == MODEL
        assert box.say("[[text=hello]]") == "hello"
        assert list(box.stream("[[text=hello]]"))[-1]["done"] is True
        assert box.request("GET", "/api/tags", headers={"Authorization": "", "x-api-key": box.key}).status == 200
        for wrong in ({"Authorization": ""}, bearer("sk-corral-wrong"), {"Authorization": "Basic " + box.key}):
            refused = box.request("GET", "/api/tags", headers=wrong)
            assert refused.status == 401
            assert refused.headers["WWW-Authenticate"] == "Bearer"
            assert "API key" in refused.json["error"]
        for path in ("/", "/healthz", "/readyz"):
            assert box.request("GET", path, headers={"Authorization": ""}).status == 200
        assert box.request("POST", "/v1/chat/completions", {}, headers={"Authorization": ""}).status == 401
    assert box.log().count("refused: ") == 1, "one line a minute"
    assert box.key not in box.log() and "sk-corral-wrong" not in box.log()
    assert box.key not in (tmp_path / "keys").read_text()
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o600


def test_who_has_many_addresses_fills_no_list_of_those_who_try_keys(tmp_path):
    with make_box(tmp_path) as box:
        def logs_in_from(address):
            box.source = (address, 0)
            return box.post("/corral/v1/session", {"key": "sk-wrong"}, headers={"Authorization": "", "X-Corral-Action": "1"}).status
        assert [logs_in_from(f"127.0.{i}.1") for i in range(9)] == [401] * 8 + [429]
        assert logs_in_from("127.0.0.2") == 401
        box.headers = bearer("sk-wrong")
        for i in range(3):
            box.source = (f"127.1.{i}.1", 0)
            assert box.get("/api/tags").status == 401
    assert box.log().count("refused: ") == 1


def test_each_wire_format_refuses_in_its_own_envelope(tmp_path):
    with make_box(tmp_path) as box:
        box.headers = {}
        assert set(box.post("/api/chat", {}).json) == {"error"}
        answer = box.post("/v1/messages", {})
        assert answer.status == 401 and answer.json["type"] == "error" and answer.json["error"]["message"], answer.body
        answer = box.post("/v1/chat/completions", {})
        assert answer.status == 401 and answer.json["error"]["message"], answer.body


def test_loopback_written_as_ipv6_is_as_closed_to_pages_of_other_names(tmp_path):
    with Box(tmp_path, listen="[::ffff:127.0.0.1]:0") as box:
        assert box.request("GET", "/api/tags", headers={"Host": "evil.example"}).status == 403


def test_plain_http_on_the_tls_port_is_told_so(tmp_path):
    with make_box(tmp_path, tls=True) as box:
        box.tls = None
        answer = box.get("/api/tags")
        assert answer.status == 400
        assert answer.body == b"Client sent an HTTP request to an HTTPS server.\n"
        for words in (["status"], ["run", "sim", "hi"], ["bench", "sim"], ["connect", "opencode"]):
            told = subprocess.run([BIN / "corral", *words, "--url", f"http://127.0.0.1:{box.port}"], capture_output=True, text=True,
                                  stdin=subprocess.DEVNULL, timeout=60)
            assert told.returncode != 0 and "write https:// in its address" in told.stderr, told
            told = subprocess.run([BIN / "corral", *words, "--url", f"https://127.0.0.1:{box.port}"], capture_output=True, text=True,
                                  stdin=subprocess.DEVNULL, timeout=60)
            assert told.returncode != 0 and "--ca-file" in told.stderr, told


def asked_by_run(box, **more):
    return subprocess.run([BIN / "corral", "run", "sim", "[[text=hello]]", "--config", box.config_file], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60,
                          env={**os.environ, "XDG_STATE_HOME": str(box.folder / "state-home"), **more})


def test_corral_run_asks_its_own_box_by_https(tmp_path):
    with make_box(tmp_path, tls=True) as box:
        refused = asked_by_run(box)
        assert refused.returncode == 1 and "--key-file or OLLAMA_API_KEY" in refused.stderr, refused
        answered = asked_by_run(box, OLLAMA_API_KEY=box.key)
        assert answered.stdout == "hello\n", answered


def test_corral_run_finds_a_box_whose_file_has_a_mistake_by_now(tmp_path):
    with make_box(tmp_path) as box:
        box.config_file.write_text(box.config_file.read_text() + "nonsense = 1\n")
        answered = asked_by_run(box, OLLAMA_API_KEY=box.key)
        assert answered.stdout == "hello\n", answered


def test_a_new_certificate_is_taken_while_a_stream_goes_on(tmp_path):
    with make_box(tmp_path, tls=True) as box:
        old = shown_certificate(box)
        lines = iter(box.stream("[[n=600]]"))
        next(lines)
        certificate(tmp_path / "tls", "second.lan")
        wait_until(lambda: shown_certificate(box) != old, 10, "the new certificate")
        assert json.dumps(next(lines))
        rest = list(lines)
        assert rest[-1]["done"] is True, "the old connection went on"
        box.tls = trusting(tmp_path / "tls")
        assert box.say("[[text=hello]]") == "hello"
        told = re.search(r"^corral_certificate_expiry_timestamp_seconds (\S+)$", box.get("/metrics").body.decode(), re.M)
        assert float(told[1]) > time.time()
        # One that does not fit changes nothing.
        new = shown_certificate(box)
        (tmp_path / "tls" / "cert.pem").write_text(old)
        wait_until(lambda: "event=certificate.kept" in box.log(), 10, "a line in the log")
        assert shown_certificate(box) == new
    assert box.log().count("event=certificate.kept") == 1


def test_keys_come_and_go_while_it_runs(tmp_path):
    with make_box(tmp_path) as box:
        bert = new_key(box, "bert")
        wait_until(lambda: box.request("GET", "/api/tags", headers=bearer(bert)).status == 200, 10, "bert gets in")
        subprocess.run([BIN / "corral", "key", "remove", "anna", "--config", box.config_file], check=True, capture_output=True)
        wait_until(lambda: box.get("/api/tags").status == 401, 10, "anna is out")
        named = subprocess.run([BIN / "corral", "key", "list", "--config", box.config_file], check=True, capture_output=True)
        assert named.stdout == b"bert  inference\n"
        (tmp_path / "keys").write_text("nonsense\n")
        wait_until(lambda: "event=keys.kept" in box.log(), 10, "a line in the log")
        assert box.logged("keys:1:1: key 'nonsense' needs")
        assert "keys:1:1: key 'nonsense' needs" in status(box)["kept"][0] and "API keys stay as they were" in done(box, "status")
        assert box.request("GET", "/api/tags", headers=bearer(bert)).status == 200


def test_a_key_is_gone_once_the_command_to_reload_has_returned(tmp_path):
    with make_box(tmp_path) as box:
        for name in ("bert", "carla", "dora"):  # the look at the file that comes by itself may hide one
            key = new_key(box, name)
            done(box, "reload")
            assert box.request("GET", "/api/tags", headers=bearer(key)).status == 200
            subprocess.run([BIN / "corral", "key", "remove", name, "--config", box.config_file], check=True, capture_output=True)
            done(box, "reload")
            assert box.request("GET", "/api/tags", headers=bearer(key)).status == 401


def test_an_empty_keys_file_lets_nobody_in_and_says_so(tmp_path):
    (tmp_path / "keys").write_text("# none yet\n")
    with Box(tmp_path, config='[access]\nkeys = "keys"\n') as box:
        assert box.logged("contains no keys, so every client is refused")
        for key in ("", "none", "sk-corral-x"):
            assert box.request("GET", "/api/tags", headers=bearer(key)).status == 401
        for words in ("status", "doctor"):
            assert "contains no keys, so every client is refused; 'corral key new NAME' creates one" in corral(box, words).stdout, words
        new_key(box, "anna")
        wait_until(lambda: "holds no key" not in done(box, "status"), what="a key is there")


def test_sighup_without_a_terminal_reads_the_keys_at_once(tmp_path):
    box = make_box(tmp_path).start()
    with box_running(box):
        box.process.send_signal(signal.SIGHUP)
        wait_until(lambda: box.log().count("event=keys.read") == 2, 5, "read again")
        assert box.say("[[text=still here]]") == "still here"


def test_sighup_from_a_terminal_stops(tmp_path):
    leader, follower = os.openpty()

    def with_terminal():
        fcntl.ioctl(follower, termios.TIOCSCTTY, 0)

    box = make_box(tmp_path).start(before_exec=with_terminal)
    with box_running(box):
        box.process.send_signal(signal.SIGHUP)
        assert box.process.wait(30) == 0
    os.close(leader)
    os.close(follower)


class box_running:
    """Ends a box that was started by hand, as `with Box(...)` does."""

    def __init__(self, box):
        self.box = box

    def __enter__(self):
        return self.box

    def __exit__(self, *why):
        self.box.__exit__(*why)


@pytest.mark.parametrize("goes", ["close_notify", "end without it", "reset"])
def test_a_tls_client_that_goes_frees_the_runtime(tmp_path, goes):
    with make_box(tmp_path, tls=True) as box:
        stream = box.stream("[[never_end]]")
        next(iter(stream))
        tls = stream.connection.sock
        if goes == "close_notify":
            tls.setblocking(False)
            with contextlib.suppress(ssl.SSLError):
                tls.unwrap()  # says its own end and would wait for the other
        elif goes == "end without it":
            socket.socket.shutdown(tls, socket.SHUT_WR)
        else:
            tls.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            stream.close()
            tls.close()
        assert box.say("[[text=next]]") == "next"


def test_keys_take_turns_although_they_share_an_address(tmp_path):
    with make_box(tmp_path) as box:
        bert = new_key(box, "bert")
        wait_until(lambda: box.request("GET", "/api/tags", headers=bearer(bert)).status == 200, 10, "bert gets in")

        def ask(count):
            waiting = wait_until(lambda: box.get("/readyz").json, what="readyz")["queue"]["waiting"]
            return waiting == count

        first = box.stream("[[n=100]]")
        next(iter(first))
        queued = []
        for number in range(4):
            queued.append(box.stream_later(f"[[text=anna{number}]]"))
            wait_until(lambda: ask(number + 1), what="one more waits")
        box.headers = bearer(bert)
        late = box.stream_later("[[text=bert]]")
        wait_until(lambda: ask(5), what="bert waits")
        assert list(late.open())[-1]["done"] is True
        assert "".join(line["message"]["content"] for line in queued[0].open()) == "anna0"
        for each in queued[1:]:
            assert list(each.open())[-1]["done"] is True
        finished = box.logged_times(r"client=(\w+) .*outcome=stop", 1 + len(queued))
        assert finished.index("bert") <= 2, finished


def check(folder, text):
    config = folder / "check.toml"
    config.write_text(text + f'\n[[models]]\nname = "sim"\nprofile = "axera-poll"\npackage = "{folder}"\n')
    return subprocess.run([BIN / "corral", "check", "--no-files", config], capture_output=True, text=True)


def test_check_refuses_a_lan_address_without_keys_and_says_what_to_do(tmp_path):
    refused = check(tmp_path, 'listen = "0.0.0.0:11434"')
    assert refused.returncode == 2
    assert "corral key new NAME" in refused.stderr and "allow_unauthenticated = true" in refused.stderr
    subprocess.run([BIN / "corral", "key", "new", "anna", "--file", tmp_path / "keys"], check=True, capture_output=True)
    allowed = check(tmp_path, 'listen = "0.0.0.0:11434"\n[access]\nkeys = "keys"')
    assert "would let every machine" not in allowed.stderr
    assert "without [tls] the API keys cross the network" in allowed.stderr
