"""The tap between a runtime and its tokenizer is the runtime's alone: what any other program on the box sends there is not even
read, whoever's it is."""

import itertools
import multiprocessing
import os
import re
import resource
import signal
import socket
from datetime import datetime

import pytest

from admin_cli import services_of
from harness import BIN, FAST, Box, processes, wait_until

WARNED = r"WARN sim.*: a connection of \S+ \(\d+\) of user \d+ to the tokenizer tap was refused, for only the runtime may use it"


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    with Box(tmp_path_factory.mktemp("peers"), {"directives": True}) as running:
        yield running


def tap_of(box):
    _, _, command = processes()[box.pid_of("runtime")]
    return int(re.search(r"--url_tokenizer_model http://127\.0\.0\.1:(\d+)", command)[1])


def answer_to(port, request):
    """All that comes back; b"" also where the connection is reset over unread bytes."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
        try:
            client.sendall(request)
            client.shutdown(socket.SHUT_WR)
            return client.recv(65536)
        except TimeoutError:
            raise
        except OSError:
            return b""


def post(path, body, extra=b""):
    return b"POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n%s" % (
        path, extra, len(body), body)


@pytest.mark.parametrize("request_bytes", [
    post(b"/encode", b"[" * 120_000), post(b"/reset", b"[" * 120_000), post(b"/encode", b'{"text":"hi","uid":"x"}'),
    post(b"/decode", b'{"token_ids":[1],"uid":"x"}'), post(b"/encode", b"{}", b"Origin: http://evil.example\r\n"),
    b"GET /get_uid HTTP/1.1\r\nHost: rebound.example\r\n\r\n"],
    ids=["nested_encode", "nested_reset", "encode", "decode", "page", "rebound"])
def test_what_another_program_sends_to_the_tap_is_not_read_and_costs_nobody_anything(box, request_bytes):
    before = box.process.pid, box.pid_of("runtime"), box.pid_of("tokenizer")
    port = tap_of(box)
    for _ in range(3):
        assert answer_to(port, request_bytes) == b""
    assert box.say("[[text=as ever]]") == "as ever"
    assert box.process.poll() is None
    assert (box.process.pid, box.pid_of("runtime"), box.pid_of("tokenizer")) == before


def test_refusals_are_told_once_a_minute_and_counted(box):
    port = tap_of(box)
    for _ in range(20):
        answer_to(port, post(b"/encode", b"{}"))
    told = [datetime.fromisoformat(at).timestamp() for at in box.logged_times(rf"(?m)^(\S+) {WARNED}", 1)]
    assert all(later - earlier > 59 for earlier, later in itertools.pairwise(told)), "of this test and of those before it"
    counted = re.search(r'corral_intrusions_total\{[^}]*kind="tap"[^}]*\} (\d+)', box.get("/metrics").body.decode())
    assert int(counted[1]) >= 20


def test_connections_that_say_nothing_do_not_keep_the_runtime_out(box):
    port = tap_of(box)
    idle = []
    try:
        for _ in range(300):
            idle.append(socket.create_connection(("127.0.0.1", port), timeout=60))
        assert box.say("[[text=not kept out]]") == "not kept out"
    finally:
        for one in idle:
            one.close()


@pytest.mark.parametrize("shape", ["shell", "own_group"])
def test_a_runtime_behind_a_script_is_known_as_what_it_is(tmp_path, shape):
    """Its socket is held by a grandchild, and perhaps by one with a process group of its own."""
    sim = str(BIN / "corral-sim")
    flags = " ".join(f"'{word}'" for word in Box.runtime_flags(4))
    leave = "setsid --wait " if shape == "own_group" else ""
    with Box(tmp_path, {"directives": True, "timing": FAST}, runtime=["sh", "-c", f"{leave}{sim} runtime {flags}; exit $?"]) as box:
        assert box.say("[[text=through a script]]") == "through a script"
        assert answer_to(tap_of(box), post(b"/encode", b"[" * 1000)) == b""
        assert box.say("[[text=and again]]") == "and again"


def test_a_runtime_behind_a_script_that_is_killed_is_never_called_an_intruder(tmp_path):
    """It dies a moment after its script, and the next one connects only to see whether that can be done."""
    sim = str(BIN / "corral-sim")
    flags = " ".join(f"'{word}'" for word in Box.runtime_flags(4))
    fast = {"directives": True, "timing": {**FAST, "tokens_per_second": 400}}
    with Box(tmp_path, fast, runtime=["sh", "-c", f"{sim} runtime {flags}; exit $?"]) as box:
        for _ in range(3):
            old = services_of(box)["runtime"]["pid"]
            lines = iter(box.stream([{"role": "user", "content": "[[n=2000]]"}]))
            next(lines)
            os.kill(old, signal.SIGKILL)
            assert "error" in list(lines)[-1]
            wait_until(lambda: (now := services_of(box)["runtime"])["state"] == "ready" and now["pid"] != old, 30, "it is ready again")
        assert not re.search("to the tokenizer tap was refused", box.log()), box.log()[-3000:]


def crash_beside_idle_clients(folder):
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))  # of this process and of the box
    with Box(folder, {"directives": True}) as box:
        idle = [socket.create_connection(("127.0.0.1", box.port), timeout=60) for _ in range(225)]
        old = services_of(box)["runtime"]["pid"]
        os.kill(old, signal.SIGKILL)
        wait_until(lambda: (now := services_of(box)["runtime"])["state"] == "ready" and now["pid"] != old, 6, "the runtime is ready again")
        for one in idle:
            one.close()


def test_idle_clients_at_a_low_limit_of_open_files_keep_no_runtime_away(tmp_path):
    """What is kept from the public door is for the tap too: a runtime that crashed comes back as soon as without them."""
    alone = multiprocessing.get_context("fork").Process(target=crash_beside_idle_clients, args=(tmp_path,))
    alone.start()
    alone.join(600)
    assert alone.exitcode == 0
