"""kill -9 of each service in each phase: what the client sees, and that all runs afterwards."""

import json
import signal
import subprocess
import time

import pytest

from admin_cli import done
from harness import BIN, Box, compares_soon, descendants, ends_an_answer, listens, processes, strain, wait_until

SLOW_PREFILL = {"prefill_ms_per_chunk": 600}
SLOW_DECODE = {"tokens_per_second": 30}


def zombies(box):
    table = processes()
    return [p for p in descendants(box.process.pid, table) if table[p][1] == "Z"]


def all_well(box):
    assert box.say("[[text=all well]] afterwards") == "all well"
    wait_until(lambda: not zombies(box), 5, "no zombie")


def wait_phase(box, *phases):
    wait_until(lambda: box.runtime_state()["phase"] in phases, what=f"phase {phases}")


def restarted(box, service, old):
    return wait_until(lambda: (box.pid_of(service) or old) != old and box.pid_of(service), 30, f"a new {service}")


@pytest.mark.parametrize("tap", [True, False], ids=["tap", "no-tap"])
@pytest.mark.parametrize("service", ["runtime", "tokenizer"])
def test_killed_while_idle_is_restarted_without_any_request(tmp_path, service, tap):
    with Box(tmp_path, {"directives": True}, tap=tap) as box:
        runtime = box.pid_of("runtime")
        old = box.kill(service)
        restarted(box, service, old)
        box.wait_ready()
        assert box.logged(rf"WARN sim:latest/{service}: stopping \(process {old}\): ended by itself, killed by SIGKILL")
        # With the tap a tokenizer costs no reload of the model; without it the pair goes together.
        if service == "tokenizer":
            assert (box.pid_of("runtime") == runtime) is tap
        all_well(box)


@pytest.mark.parametrize("tap", [True, False], ids=["tap", "no-tap"])
@pytest.mark.parametrize("service", ["runtime", "tokenizer"])
def test_killed_in_prefill_the_same_request_is_answered_after_the_restart(tmp_path, service, tap):
    with Box(tmp_path, {"directives": True, "timing": SLOW_PREFILL}, tap=tap) as box:
        later = box.stream_later("[[text=answered in the end]] please")
        wait_phase(box, "prefill")
        box.kill(service)
        lines = list(later.open())
        assert lines[-1].get("done") is True, lines
        assert "".join(line["message"]["content"] for line in lines) == "answered in the end"
        all_well(box)


@pytest.mark.parametrize("how", ["killed", "stopped by its operator"])
def test_a_runtime_that_ends_while_its_first_test_waits_for_the_tokenizer_is_followed_by_another(tmp_path, how):
    """Where a prompt goes behind the cache, the first thing that a first test does is to have it tokenised."""
    with Box(tmp_path, {"directives": True}, model=compares_soon("")) as box:
        box.logged("answered the same behind its cache as anew", timeout=40)
        file = tmp_path / "scenario.json"
        before = file.read_text()
        # The probe comes before the first test.
        slow = {"slow_reply": {"on": True, "args": {"route": "/api/generate", "ms": 2000}}}
        file.write_text(json.dumps({**json.loads(before), "faults": slow}))
        old = restarted(box, "runtime", box.kill("runtime"))
        box.logged_times("Server running", 2, timeout=30)
        file.write_text(before)
        box.fault("tokenizer", "hang", "once", route="/reset", ms=30_000)
        wait_until(lambda: not box.control("tokenizer", cmd="faults")["active"], what="the first test waits")
        began = time.monotonic()
        if how == "killed":
            assert box.kill("runtime") == old
            restarted(box, "runtime", old)
        else:
            done(box, "stop", "sim")
        assert time.monotonic() - began < min(4 * strain(), 25), "nobody waits for what the tokenizer says to a runtime that is gone"
        if how != "killed":
            done(box, "start", "sim", "--wait")
        box.wait_ready(60)
        all_well(box)
        assert box.process.poll() is None


def test_runtime_killed_in_decode_gives_an_error_line_at_once(tmp_path):
    with Box(tmp_path, {"directives": True, "timing": SLOW_DECODE}) as box:
        ends_an_answer(box, strain())
        all_well(box)


def test_another_tokenizer_at_the_port_of_a_dead_one_is_not_believed(tmp_path):
    """Its ids would be of other words than the prompt's: this one writes /no_think behind each question."""
    soon = '[models.restart]\nbreaker_retry = "1s"\n'
    with Box(tmp_path, {"directives": True, "timing": {"reset_ms": 500}}, model=soon) as box:
        expected = box.say("[[echo]] which words?")
        later = box.stream_later("[[echo]] which words?")
        wait_phase(box, "reset")
        port = box.control("tokenizer", cmd="state")["port"]
        box.process.send_signal(signal.SIGSTOP)  # awake it would be quicker
        box.kill("tokenizer")
        wait_until(lambda: not listens(port), what="the dead one has let go of its port")
        environment = {"CORRAL_SIM_FAMILY": "qwen3", "CORRAL_SIM_CONTROL": box.socket_path("tokenizer")}
        other = subprocess.Popen([BIN / "corral-sim", "tokenizer", "--host", "127.0.0.1", "--port", str(port)], env=environment,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_until(lambda: listens(port), what="the other one listens")
            box.process.send_signal(signal.SIGCONT)
            box.logged(f"port {port} is already taken by corral-sim")
            # More than a prompt takes: it is asked again, or believed.
            wait_until(lambda: box.control("tokenizer", cmd="state")["requests"] >= 6, what="the other one was asked")
        finally:
            box.process.send_signal(signal.SIGCONT)
            other.kill()
            other.wait()
        lines = list(later.open())
        assert "".join(line["message"]["content"] for line in lines) == expected
        all_well(box)


def test_tokenizer_killed_between_two_pieces_does_not_end_the_answer(tmp_path):
    with Box(tmp_path, {"directives": True, "timing": SLOW_DECODE}) as box:
        runtime = box.pid_of("runtime")
        whole = "one two three four five six seven eight nine ten " * 3
        stream = box.stream(f"[[text={whole.strip()}]]")
        lines = iter(stream)
        got = [next(lines), next(lines)]
        box.kill("tokenizer")
        got += list(lines)
        assert got[-1].get("done") is True, got[-1]
        assert "".join(line["message"]["content"] for line in got) == whole.strip()
        assert box.pid_of("runtime") == runtime
        all_well(box)


def test_tokenizer_killed_in_decode_without_the_tap_is_an_error_line(tmp_path):
    with Box(tmp_path, {"directives": True, "timing": SLOW_DECODE}, tap=False) as box:
        stream = box.stream("[[never_end]]")
        lines = iter(stream)
        next(lines)
        box.kill("tokenizer")
        rest = list(lines)
        assert "error" in rest[-1], rest
        assert not any(line.get("done") for line in rest)
        all_well(box)


def test_a_request_that_waits_for_the_load_is_answered(tmp_path):
    box = Box(tmp_path, {"directives": True, "timing": {"load_ms": 1500}})
    box.start(wait_ready=False)
    try:
        assert box.get("/readyz").status == 503
        assert box.get("/healthz").status == 200
        assert box.say("[[text=patience]]") == "patience"
    finally:
        box.__exit__()


def test_a_hung_decode_is_found_and_the_runtime_replaced(tmp_path):
    clocks = '[models.clocks]\ndecode_stall = "1s"\nscrub = "1s"\n'
    with Box(tmp_path, {"directives": True, "timing": SLOW_DECODE}, model=clocks) as box:
        stream = box.stream("[[never_end]]")
        lines = iter(stream)
        next(lines)
        old = box.pid_of("runtime")
        box.fault("runtime", "device_hang", phase="decode")
        rest = list(lines)
        assert "error" in rest[-1]
        restarted(box, "runtime", old)
        box.wait_ready()
        all_well(box)


def test_a_stopped_runtime_process_is_replaced_and_the_waiting_request_answered(tmp_path):
    clocks = '[models.clocks]\ncall = "1s"\nreset = "2s"\nprefill_base = "2s"\nscrub = "1s"\n'
    with Box(tmp_path, {"directives": True}, model=clocks) as box:
        box.kill("runtime", signal.SIGSTOP)
        assert box.say("[[text=still answered]]") == "still answered"


def test_the_mute_wedge_of_the_decode_cache_is_repaired(tmp_path):
    with Box(tmp_path, {"directives": True, "tokenizer": {"family": "qwen3"}}) as box:
        runtime = box.pid_of("runtime")
        box.fault("tokenizer", "mute")
        assert box.say("[[text=can be heard]]") == "can be heard"
        assert box.pid_of("runtime") == runtime
        all_well(box)


def test_the_mute_wedge_is_repaired_without_the_tap(tmp_path):
    with Box(tmp_path, {"directives": True, "tokenizer": {"family": "qwen3"}}, tap=False) as box:
        box.fault("tokenizer", "mute")
        assert box.say("[[text=can be heard]]") == "can be heard"


FAULTS_OF_ONE_REQUEST = [
    ("runtime", "early_done", {"ms": 400}),
    ("runtime", "swallow_generate", {}),
    ("runtime", "swallow_reset", {}),
    ("runtime", "busy", {}),
    ("runtime", "truncated_reply", {"route": "/api/reset"}),
    ("runtime", "garbage_reply", {"route": "/api/generate", "level": "http"}),
    ("runtime", "status_reply", {"route": "/api/reset", "status": 500}),
    ("runtime", "drop_reply", {"route": "/api/generate"}),
    ("runtime", "kill_at", {"phase": "reset"}),
    ("runtime", "kill_at", {"phase": "encode"}),
    ("runtime", "kill_at", {"phase": "prefill"}),
    ("runtime", "slow_reply", {"route": "/api/reset", "ms": 700}),
    ("tokenizer", "drop_reply", {"route": "/encode"}),
    ("tokenizer", "status_reply", {"route": "/encode", "status": 500}),
    ("tokenizer", "garbage_reply", {"route": "/encode"}),
    ("tokenizer", "empty_reply", {"route": "/reset"}),
    ("tokenizer", "status_reply", {"route": "/reset", "status": 500}),
    ("tokenizer", "kill_at", {"phase": "encode"}),
    ("tokenizer", "kill_at", {"phase": "reset"}),
    ("tokenizer", "slow_reply", {"route": "/decode", "ms": 700}),
    ("tokenizer", "forget_uids", {}),
]


@pytest.mark.parametrize("service,fault,args", FAULTS_OF_ONE_REQUEST,
                         ids=[f"{s}-{f}-{'-'.join(map(str, a.values())).replace('/', '')}" for s, f, a in FAULTS_OF_ONE_REQUEST])
def test_one_fault_before_any_text_is_survived_with_the_right_answer(tmp_path, service, fault, args):
    clocks = '[models.clocks]\nprefill_base = "4s"\nreset = "4s"\nidle_grace = "500ms"\n'
    with Box(tmp_path, {"directives": True}, model=clocks) as box:
        box.say("[[text=before]] previous question")
        box.fault(service, fault, "once", **args)
        assert box.say("[[text=right]] the question") == "right"
        all_well(box)
