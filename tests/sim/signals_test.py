"""Signals and what remains of the process afterwards (docs/facts/vendor_ax.md#signals-observed)."""
import os
import signal
import socket
import time

import pytest

from simulated import lines_of, request, wait_for

PLAIN = {"tokenizer": {"family": "plain"}, "directives": True}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGKILL])
@pytest.mark.parametrize("busy", [False, True])
def test_most_signals_kill_at_once(pair, number, busy):
    p = pair({**PLAIN, "timing": {"tokens_per_second": 20}})
    if busy:
        p.reset()
        p.generate("[[never_end]]")
        wait_for(lambda: p.state()["phase"] == "decode", "decoding")
    p.runtime.send_signal(number)
    assert p.runtime.wait_exit() == -number
    assert b"AXCLWorker exit" not in p.runtime.out


def test_sigint_while_idle_unloads_and_ends_with_0(pair):
    p = pair({})
    begin = time.monotonic()
    p.runtime.send_signal(signal.SIGINT)
    assert p.runtime.wait_exit() == 0
    assert time.monotonic() - begin < 3
    assert lines_of(p.runtime.out).endswith("AXCLWorker exit with devid 0\n")


def test_sigint_in_a_generation_waits_for_its_end_with_the_port_closed(pair):
    p = pair({**PLAIN, "timing": {"tokens_per_second": 25}})
    p.reset()
    p.generate("[[n=30]]")
    wait_for(lambda: p.state()["phase"] == "decode", "decoding")
    p.runtime.send_signal(signal.SIGINT)

    def refused():
        try:
            request(p.port, "GET", "/api/generate_provider", seconds=0.2)
        except OSError:
            return True
        return False

    wait_for(refused, "the port is closed")
    assert p.runtime.process.poll() is None
    p.runtime.send_signal(signal.SIGINT)  # a second one changes nothing
    assert p.runtime.wait_exit() == 0
    assert b" eight nine ten\n\n" in p.runtime.out.replace(b"\r", b"")


def test_sigint_finishes_what_is_queued(pair):
    p = pair({**PLAIN, "timing": {"tokens_per_second": 50, "worker_delay_ms": 200}})
    p.reset()
    p.generate("[[n=9]]")
    p.runtime.send_signal(signal.SIGINT)
    assert p.runtime.wait_exit() == 0
    assert b" one two three four five six seven eight nine\n\n" in p.runtime.out


def test_sigint_with_a_silent_connection_takes_five_seconds(pair):
    p = pair({})
    p.poll()  # answered, so those that looked whether it listens are accepted too
    wait_for(lambda: p.state()["connections"] == 0, "they are gone")
    with socket.create_connection(("127.0.0.1", p.port)) as silent:
        wait_for(lambda: p.state()["silent"] == 1, "a thread waits for its request")
        begin = time.monotonic()
        p.runtime.send_signal(signal.SIGINT)
        assert p.runtime.wait_exit() == 0
        assert 3.5 < time.monotonic() - begin < 8
        silent.settimeout(2)
        assert silent.recv(100) == b""  # closed without an answer


def test_sigint_while_loading_is_ignored(pair):
    p = pair({"timing": {"load_ms": 500}}, wait=False)
    wait_for(lambda: b"axmodel ok" in p.runtime.out, "loading")
    p.runtime.send_signal(signal.SIGINT)
    p.port = p.runtime.wait_port()
    assert p.poll() == {"done": True, "response": ""}
    p.runtime.send_signal(signal.SIGINT)
    assert p.runtime.wait_exit() == 0


def test_sigterm_while_loading_kills(pair):
    p = pair({"timing": {"load_ms": 2000}}, wait=False)
    wait_for(lambda: b"axmodel ok" in p.runtime.out, "loading")
    p.runtime.send_signal(signal.SIGTERM)
    assert p.runtime.wait_exit() == -signal.SIGTERM


def test_sigpipe_and_a_reader_that_has_gone_do_no_harm(pair):
    p = pair(PLAIN)
    p.runtime.send_signal(signal.SIGPIPE)
    p.reset()
    assert p.run("[[n=6]]")[1] == " one two three four five six"


def test_an_unread_stdout_blocks_the_run_but_not_the_polls(pair):
    import fcntl
    p = pair(PLAIN, stdout="unread")
    out = p.runtime.process.stdout
    fcntl.fcntl(out.fileno(), 1031, 4096)  # F_SETPIPE_SZ
    p.post("/api/reset", {"system_prompt": "a"})
    p.idle()
    stuck = False
    for _ in range(6):
        p.post("/api/generate", {"prompt": "x" * 900 + "[[n=3]]"})
        try:
            wait_for(lambda: not p.state()["running"], "it ends", 1)
        except AssertionError:
            stuck = True
            break
    assert stuck
    assert p.poll()["done"] is False
    assert p.get("/api/stop").body == b'{"status": "ok"}'
    # A reset needs the log's lock, too: it is taken and never answered.
    assert request(p.port, "POST", "/api/generate", {"prompt": "x"}, seconds=1).status in (None, 400)
    os.set_blocking(out.fileno(), False)

    def drained():
        try:
            out.read()
        except OSError:
            pass
        return not p.state()["running"]

    wait_for(drained, "it goes on when read")


def test_a_stopped_engine_keeps_the_process_alive_after_sigint(pair):
    p = pair({**PLAIN, "timing": {"tokens_per_second": 100}})
    p.reset()
    p.runtime.fault("device_hang", after=3)
    p.generate("[[n=30]]")
    wait_for(lambda: p.state()["hangs"], "it hangs")
    assert p.get("/api/stop").status == 200
    assert p.poll()["done"] is False
    p.runtime.send_signal(signal.SIGINT)
    time.sleep(1)
    assert p.runtime.process.poll() is None
    p.runtime.send_signal(signal.SIGTERM)
    assert p.runtime.wait_exit() == -signal.SIGTERM
