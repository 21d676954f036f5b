"""Rows F14 to F18 of the failure catalogue: files, device, port and connections. What a bad program file, a bad layer, an absent
card, and a foreign listener look like at a start is in test_startup_faults.py.

F16 cannot be shown in full: a device call that not even SIGKILL ends needs a kernel driver."""

import re
import signal
import socket

import pytest

from catalogue import CLOCKS, Row, check, names, pids
from harness import Box, wait_until

STALLED = r"runtime: stopping .*The runtime did not begin to answer in its time"

DEVICE_FAILED = r"runtime: printed what may mean: The device failed while computing"

ROWS = [
    # F15: the device computes nonsense. The runtime goes on as if nothing had happened; its line is not kept, because what it
    # prints while it serves may be anybody's words, but the log says what such a line may mean. Only an answer without any text is seen.
    Row("F15", "runtime", "engine_error", {"after": 0, "text": "garbage"}, client="garbage", log=DEVICE_FAILED),
    Row("F15", "runtime", "engine_error", {"after": 0, "text": "garbage"}, tap=False, client="garbage", log=DEVICE_FAILED),
    Row("F15", "runtime", "engine_error", {"after": 0, "text": "empty"}, tap=False, log=r"The runtime ran the prompt but gave no text",
        state="both"),
    # F16: the card is gone and a device call never returns.
    Row("F16", "runtime", "device_hang", {"phase": "prefill"}, on=True, log=STALLED, state="runtime", slowest=30),
    Row("F16", "runtime", "device_hang", {"phase": "prefill"}, on=True, tap=False, log=STALLED, state="runtime", slowest=30),
    Row("F16", "runtime", "device_hang", {"phase": "reset"}, on=True, log=r"runtime: stopping .*did not finish a reset in its time",
        state="runtime", slowest=30),
    Row("F16", "runtime", "device_hang", {"phase": "decode", "after": 6}, on=True, client="error",
        said="hung in the middle of this answer. Corral starts it again", log=r"outcome=decode-stalled", state="runtime", slowest=30),
    Row("F16", "runtime", "freeze", {"phase": "prefill"}, log=r"runtime: stopping .*The runtime took a call and did not answer it",
        state="runtime", slowest=30),
    # F18: every worker thread of its server is held, for shorter and for longer than a call may take.
    Row("F18", "runtime", "block_pool", {"ms": 1000}),
    Row("F18", "runtime", "block_pool", {"ms": 4000}, log=r"runtime: stopping .*The runtime took a call and did not answer it",
        state="runtime", slowest=30),
]


@pytest.mark.parametrize("row", ROWS, ids=names(ROWS))
def test_device_row(tmp_path, row):
    check(tmp_path, row)


@pytest.mark.parametrize("tap", [True, False], ids=["tap", "no_tap"])
@pytest.mark.parametrize("fault", ["start_layer_missing", "start_layer_lfs"])
def test_F14_a_runtime_without_a_layer_listens_and_is_never_ready(tmp_path, fault, tap):
    restart = '[models.restart]\nfirst_backoff = "10ms"\nmax_backoff = "50ms"\nintensity = 2\n'
    box = Box(tmp_path, {"directives": True, "faults": {fault: True}}, model=restart, tap=tap).start(wait_ready=False)
    try:
        def broken():
            model = box.get("/readyz").json["models"][0]
            return model["state"] == "broken" and model["reason"]

        reason = wait_until(broken, 40, "broken with a reason")
        assert "layer" in reason.lower() or "model file" in reason.lower(), reason
        refused = box.chat("hello")
        assert refused.status == 503 and "does not start" in refused.json["error"]
        cause = re.split(r"[.;]", reason.partition(": ")[2])[0]
        assert "odel file" in cause and box.logged(f'outcome=backend-broken why="failed too often.*{re.escape(cause)}'), reason
        assert not re.search(r"/runtime: .* event=service\.ready", box.log())
    finally:
        box.__exit__()


def test_F17_the_port_is_taken_when_the_runtime_comes_back(tmp_path):
    """It prints that it runs, and exits with 0."""
    restart = '[models.restart]\nfirst_backoff = "10ms"\nmax_backoff = "100ms"\nintensity = 100\nbreaker_retry = "500ms"\n'
    with Box(tmp_path, {"directives": True, "timing": {"load_ms": 400}}, model=restart) as box:
        port = box.runtime_state()["port"]
        box.kill("runtime")
        with socket.socket() as holder:
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)

            def taken():
                try:
                    holder.bind(("127.0.0.1", port))
                    return True
                except OSError:
                    return False

            wait_until(taken, 5, "the port is ours")
            holder.listen()
            wait_until(lambda: "port" in box.get("/readyz").json["models"][0]["reason"], 20, "the port is named")
            assert box.get("/readyz").status == 503
        box.wait_ready()
        assert box.say("[[text=my port]]") == "my port"


def test_F17_another_process_on_the_same_port_gets_no_prompt(tmp_path):
    with Box(tmp_path, {"directives": True}, model=CLOCKS) as box:
        port = box.runtime_state()["port"]
        with socket.socket() as thief:
            thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            try:
                thief.bind(("127.0.0.1", port))
            except OSError:
                return  # the guarded runtime shares its port with nobody
            thief.listen()
            later = box.stream_later("[[text=only mine]] the secret question")
            wait_until(lambda: "also listened on" in box.log(), 30, "the thief is named in the log")
            thief.settimeout(0.2)
            heard = b""
            try:
                while True:
                    connection, _ = thief.accept()
                    connection.settimeout(0.2)
                    heard += connection.recv(65536)
                    connection.close()
            except (TimeoutError, OSError):
                pass
            assert b"secret" not in heard
        box.wait_ready(40)
        lines = list(later.open())
        assert lines[-1].get("done") is True, lines
        assert "".join(line["message"]["content"] for line in lines) == "only mine"


def test_F18_corral_never_holds_the_pool_itself(tmp_path):
    with Box(tmp_path, {"directives": True}) as box:
        for number in range(5):
            box.say(f"[[text=answer {number}]]")
        state = box.runtime_state()
        assert state["connections_high_water"] <= 3 and state["connections"] <= 1


def test_F18_idle_connections_of_others_to_the_runtime(tmp_path):
    """They hold its eight threads for five seconds; a call of ten seconds outlasts them."""
    with Box(tmp_path, {"directives": True}) as box:
        before = pids(box)
        port = box.runtime_state()["port"]
        idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(8)]
        assert box.say("[[text=late but right]]") == "late but right"
        assert pids(box) == before
        for one in idle:
            one.close()


def test_F16_a_stopped_process_is_killed_though_it_hears_no_signal(tmp_path):
    with Box(tmp_path, {"directives": True}, model=CLOCKS) as box:
        old = box.kill("runtime", signal.SIGSTOP)
        assert box.say("[[text=from another process]]") == "from another process"
        assert box.pid_of("runtime") != old
        assert box.logged("took a call and did not answer it")
