"""Every fault of the table does what the table says, at run time."""
import signal
import socket
import time

import pytest

from simulated import control, exchange, lines_of, request, wait_for

PLAIN = {"tokenizer": {"family": "plain"}, "directives": True}
CONTEXT = "error: SetKVCache failed: %d,the context may be full,please reset"


@pytest.mark.parametrize("phase, number", [("reset", "SEGV"), ("encode", "KILL"), ("prefill", "ABRT"), ("decode", "SEGV")])
def test_kill_at_a_phase_of_the_runtime(pair, phase, number):
    p = pair(PLAIN)
    p.reset()
    p.runtime.fault("kill_at", phase=phase, signal=number)
    p.post("/api/reset", {}) if phase == "reset" else p.generate_and_die("[[n=9]]")
    assert p.runtime.wait_exit() == -getattr(signal, f"SIG{number}")


def test_kill_at_a_token(pair):
    p = pair(PLAIN)
    p.reset()
    p.runtime.fault("kill_at", phase="decode", after=7)
    p.generate_and_die("[[n=30]]")
    assert p.runtime.wait_exit() == -signal.SIGSEGV
    assert lines_of(p.runtime.out).endswith(" one two three four five six")


def test_kill_now_and_exit_with_a_status(pair):
    p = pair(PLAIN)
    p.runtime.fault("kill_at", exit=3)
    assert p.runtime.wait_exit() == 3
    p.tokenizer.fault("kill_at", signal="KILL")
    assert p.tokenizer.wait_exit() == -signal.SIGKILL


@pytest.mark.parametrize("phase", ["encode", "decode", "reset", "get_uid"])
def test_kill_the_tokenizer_at_a_route(pair, phase):
    p = pair(PLAIN)
    p.tokenizer.fault("kill_at", phase=phase, signal="KILL")
    if phase == "get_uid":
        request(p.tokenizer.port, "GET", "/get_uid")
    else:
        if phase == "reset":
            p.post("/api/reset", {})
        else:
            p.reset()
            p.generate_and_die("[[n=9]]")
        assert p.runtime.wait_exit() == -signal.SIGSEGV
    assert p.tokenizer.wait_exit() == -signal.SIGKILL


def test_freeze_and_wake(pair):
    p = pair(PLAIN)
    control(p.runtime.socket, {"cmd": "fault", "name": "freeze", "on": "once"})

    def stopped():
        with open(f"/proc/{p.runtime.process.pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] == "T"

    wait_for(stopped, "it is stopped")
    with socket.create_connection(("127.0.0.1", p.port), 2):  # the kernel still accepts
        pass
    p.runtime.send_signal(signal.SIGCONT)
    wait_for(lambda: p.poll()["done"], "it answers again")


def test_replies_hung_slow_dropped_cut_and_garbled(pair):
    p = pair(PLAIN)
    poll = "/api/generate_provider"
    p.runtime.fault("hang", "once", route=poll)
    assert request(p.port, "GET", poll, seconds=0.4).raw == b""
    assert p.get("/api/stop").status == 200
    p.runtime.fault("hang", "once", route=poll, ms=100)
    assert request(p.port, "GET", poll).raw == b""
    p.runtime.fault("slow_reply", "once", route=poll, ms=300)
    begin = time.monotonic()
    assert p.poll()["done"] and time.monotonic() - begin > 0.29
    p.runtime.fault("drop_reply", "once", route=poll)
    assert p.get("/api/stop").status == 200  # another route
    assert p.get(poll).raw == b""
    p.runtime.fault("truncated_reply", "once", route=poll)
    cut = p.get(poll)
    assert cut.headers["Content-Length"] == "27" and cut.body == b'{"done":true,'
    p.runtime.fault("garbage_reply", "once", route=poll)
    assert p.get(poll).status == 200 and not p.runtime.ask(cmd="faults")["active"]
    p.runtime.fault("garbage_reply", "once", route=poll, level="http")
    assert p.get(poll).status is None
    p.runtime.fault("status_reply", 2, route=poll, status=503, body="{}")
    assert [p.get(poll).status for _ in range(3)] == [503, 503, 200]
    p.runtime.fault("empty_reply", "once", route=poll)
    empty = p.get(poll)
    assert empty.status == 200 and empty.body == b""


def test_the_same_on_the_tokenizer(pair):
    p = pair(PLAIN)
    port = p.tokenizer.port
    p.tokenizer.fault("truncated_reply", "once", route="/get_uid")
    assert request(port, "GET", "/get_uid").body.startswith(b'{"uid": "') and not request(port, "GET", "/x").body == b""
    p.tokenizer.fault("garbage_reply", "once", level="http")
    assert request(port, "GET", "/get_uid").status is None
    p.tokenizer.fault("garbage_reply", "once")
    assert request(port, "GET", "/get_uid").body == b"not json"
    p.tokenizer.fault("empty_reply", "once")
    assert request(port, "GET", "/get_uid").raw.endswith(b"\r\n\r\n")
    p.tokenizer.fault("hang", "once", ms=100)
    assert request(port, "GET", "/get_uid").raw == b""
    assert request(port, "GET", "/get_uid").status == 200


def test_swallowed_requests_and_lost_stops(pair):
    p = pair({**PLAIN, "timing": {"tokens_per_second": 100}})
    p.reset("one")
    p.runtime.fault("swallow_reset", "once")
    assert p.post("/api/reset", {"system_prompt": "two"}).status == 200
    p.runtime.fault("swallow_generate", "once")
    p.generate("[[text=GONE]]")
    p.idle()
    assert p.runs() == [] and p.poll() == {"done": True, "response": ""}
    assert p.run("[[n=1]]")[0]["system_text"] == "<|im_start|>system\none<|im_end|>\n"
    p.runtime.fault("stop_lost", "once")
    p.generate("[[n=30]]")
    wait_for(lambda: p.state()["phase"] == "decode", "decoding")
    p.get("/api/stop")
    wait_for(lambda: len(p.runs()) == 2, "the run ends")
    assert p.runs()[1]["ended_by"] == "eos"


def test_busy_stale_text_and_context_full(pair):
    p = pair(PLAIN)
    p.runtime.fault("busy", 3)
    for path, body in (("reset", {}), ("generate", {"prompt": "x"}),
                       ("chat", {"messages": [{"role": "user", "content": "x"}]})):
        assert p.post(f"/api/{path}", body).body == b'{"error": "llm is running"}'
    p.runtime.fault("stale_text", "once", text="OLD ")
    assert p.poll() == {"done": True, "response": "OLD "}
    p.runtime.fault("stale_text", text="OLD ")
    p.poll()
    p.reset()
    assert p.run("[[text=NEW]]")[1] == "OLD NEW"
    control(p.runtime.socket, {"cmd": "fault", "name": "stale_text", "on": False})
    p.reset()
    p.runtime.fault("context_full", "once")
    assert p.run("[[n=3]]")[1] == CONTEXT


def test_engine_faults(pair):
    p = pair({**PLAIN, "timing": {"tokens_per_second": 200}})
    p.reset()
    p.runtime.fault("engine_error", after=4)
    record, text = p.run("[[n=12]]")
    assert text.startswith(" one two three") and record["ended_by"] == "eos" and text != record["kv_text"]
    assert not text.startswith(" one two three four five six")
    assert lines_of(p.runtime.out).count("inference][ 526]: AX_ENGINE_Execute\n") >= 4
    p.runtime.fault("engine_error", text="empty")
    p.reset()
    assert p.run("[[n=12]]")[1] == ""
    control(p.runtime.socket, {"cmd": "fault", "name": "engine_error", "on": False})
    p.runtime.fault("never_end")
    p.reset()
    p.generate("[[n=3]]")
    wait_for(lambda: p.count("piece") > 20, "it goes on beyond its plan")
    p.get("/api/stop")
    p.idle()


def test_a_hung_device_and_its_recovery(pair):
    p = pair({**PLAIN, "timing": {"tokens_per_second": 200}})
    for phase in ("decode", "prefill", "reset"):
        p.reset()
        p.poll()
        p.runtime.fault("device_hang", phase=phase)
        if phase == "reset":
            p.post("/api/reset", {})
        else:
            p.generate("[[n=6]]")
        wait_for(lambda: p.state()["hangs"], f"it hangs in {phase}")
        assert p.state()["phase"] == phase
        p.get("/api/stop")
        time.sleep(0.1)
        assert p.poll()["done"] is False
        control(p.runtime.socket, {"cmd": "fault", "name": "device_hang", "on": False})
        p.idle()


def test_a_slow_device_and_failed_encode_and_decode_without_a_tokenizer_fault(pair):
    p = pair({**PLAIN, "timing": {"tokens_per_second": 100}})
    p.reset()
    p.run("[[text=FIRST]]")
    p.runtime.fault("encode_failed", "once")
    assert p.run("[[text=SECOND]]")[1] == "FIRST"
    p.reset()
    p.runtime.fault("decode_failed", "once")
    begin = time.monotonic()
    assert p.run("[[n=6]]")[1] == " four five six"
    assert time.monotonic() - begin > 1.9
    p.reset()
    p.runtime.fault("device_slow", factor=10)
    begin = time.monotonic()
    p.run("[[n=4]]")
    assert time.monotonic() - begin > 0.35


def test_a_blocked_pool(pair):
    p = pair()
    p.runtime.fault("block_pool", "once", ms=700)
    begin = time.monotonic()
    assert exchange(p.port, b"GET /api/stop HTTP/1.1\r\nHost: a\r\n\r\n").status == 200
    assert time.monotonic() - begin > 0.4
