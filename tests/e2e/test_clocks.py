"""Clocks that learn and signs of life: what hangs is found within twice the clock that the log names, what is only slow is left
alone, and whoever was late himself does not blame others."""

import json
import os
import re
import signal
import time

import pytest

from harness import FAST, Box, pause, service_manager, strain, wait_until

WORDS = " ".join(["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"] * 30)
SLACK = 4.0  # from the end of the clock to the word that the client reads

CLOCKS = """
[models.clocks]
call = "8s"
call_floor = "2s"
reset = "20s"
reset_floor = "2s"
prefill_base = "20s"
prefill_floor = "2s"
decode_stall = "20s"
decode_stall_floor = "2s"
scrub = "5s"
[models.restart]
first_backoff = "20ms"
max_backoff = "200ms"
intensity = 100
"""
LIFE = 'liveness = { interval = "300ms", timeout = "1500ms", failures = 2 }'


def with_keys(box, **keys):
    """Adds lines to the tables of the services."""
    text = box.config_file.read_text()
    for service, lines in keys.items():
        head = f"[models.services.{service}]\n"
        assert head in text
        text = text.replace(head, head + lines + "\n")
    box.config_file.write_text(text)
    return box


def make(folder, scenario=None, **keys):
    box = Box(folder, {"directives": True, **(scenario or {})}, model=CLOCKS)
    return with_keys(box, **keys)


def teach(box):
    """Enough gaps, calls and chunks for every clock of the engine."""
    box.control("runtime", cmd="set", timing={"tokens_per_second": 1500})
    for _ in range(6):
        assert box.say(f"[[text={WORDS}]] go on") == WORDS
    box.control("runtime", cmd="set", timing={"tokens_per_second": FAST["tokens_per_second"]})


def stated(text):
    """Name and seconds of the clock that ran out."""
    found = re.search(r"the (call|reset|prefill|decode) clock stood at ([\d.]+) s", text)
    assert found, text
    return found[1], float(found[2])


def new_pid(box, service, before, timeout=40):
    return wait_until(lambda: (now := box.pid_of(service)) and now != before and now, timeout, f"a new {service}")


@pytest.mark.parametrize("stopped", [True, False], ids=["stopped", "device_hang"])
def test_a_runtime_that_hangs_in_decode_is_found_within_twice_its_clock(tmp_path, stopped):
    with make(tmp_path) as box:
        teach(box)
        before = box.pid_of("runtime")
        if not stopped:
            box.fault("runtime", "device_hang", True, phase="decode", after=9)
        else:
            box.control("runtime", cmd="set", timing={"tokens_per_second": 60})
        stream = box.stream(f"[[text={WORDS}]] go on")
        lines, last_text = [], None
        for line in stream:
            lines.append(line)
            if line.get("message", {}).get("content"):
                last_text = time.monotonic()
                if stopped and len(lines) == 3:
                    os.kill(before, signal.SIGSTOP)
        found = time.monotonic() - last_text
        why = wait_until(lambda: re.findall(r'outcome=\S+ why="(.*)"', box.log()), what="the request's line")[-1]
        name, clock = stated(why)
        assert clock < 8, "it had learned"
        assert name == ("call" if stopped else "decode")
        assert found < 2 * clock + SLACK * strain(), lines[-1]
        assert "learned from" in why and "floor 2 s" in why, why
        assert "clock" not in lines[-1]["error"] and "ask again" in lines[-1]["error"], lines[-1]
        new_pid(box, "runtime", before)
        box.wait_ready()
        assert box.logged(r"runtime: stopping .*clock stood at"), "the reason of the restart says so too"
        assert box.say("[[text=well again]] go on") == "well again"


def test_a_runtime_that_hangs_in_prefill_is_found_and_the_request_runs_again(tmp_path):
    with make(tmp_path) as box:
        teach(box)
        before = box.pid_of("runtime")
        box.fault("runtime", "device_hang", True, phase="prefill")
        begun = time.monotonic()
        assert box.say("[[text=here]] go on") == "here"
        took = time.monotonic() - begun
        reason = box.logged(r"runtime: stopping .*")[0]
        name, clock = stated(reason)
        assert name == "prefill" and "chunk" in reason, reason
        assert clock < 20 and took < 2 * clock + (SLACK + 3) * strain(), (took, reason)
        assert box.pid_of("runtime") != before


def test_a_clock_widens_for_one_prompt_after_another_and_not_for_one_that_hangs_again(tmp_path):
    box = Box(tmp_path, {"directives": True}, model=CLOCKS.replace('prefill_base = "20s"', 'prefill_base = "8s"'))
    with box:
        teach(box)
        for prompt in ("deadly", "another"):
            assert "2 times" in box.chat(f"[[hang=0]] [[text=never]] {prompt}").json["error"]
        reasons = wait_until(lambda: (found := re.findall(r"runtime: stopping .*clock stood.*\n", box.log()))[3:] and found,
                             what="the reasons of four restarts")
        clocks = [stated(reason)[1] for reason in reasons]
        assert clocks[0] == clocks[1] == clocks[2] < 8 <= clocks[3], clocks


def test_an_idle_runtime_that_is_stopped_is_found_and_replaced(tmp_path):
    with make(tmp_path, runtime=LIFE) as box:
        tokenizer = box.pid_of("tokenizer")
        before = box.kill("runtime", signal.SIGSTOP)
        new_pid(box, "runtime", before)
        assert box.logged(r"runtime: stopping .*no longer answers. OPTIONS /api/generate failed 2 times in a row")
        box.wait_ready()
        assert box.say("[[text=well again]] go on") == "well again"
        assert box.pid_of("tokenizer") == tokenizer


def test_an_idle_runtime_that_accepts_and_does_not_answer_is_found(tmp_path):
    with make(tmp_path, runtime=LIFE) as box:
        before = box.pid_of("runtime")
        box.fault("runtime", "block_pool", True, ms=60_000)
        new_pid(box, "runtime", before)
        box.wait_ready()
        assert box.logged("no longer answers")


def test_an_idle_tokenizer_that_is_stopped_is_found_and_the_model_stays_loaded(tmp_path):
    with make(tmp_path, tokenizer=LIFE) as box:
        runtime = box.pid_of("runtime")
        before = box.kill("tokenizer", signal.SIGSTOP)
        new_pid(box, "tokenizer", before)
        box.wait_ready()
        assert box.say("[[text=well again]] go on") == "well again"
        assert box.pid_of("runtime") == runtime


def test_a_busy_tokenizer_is_not_asked_for_signs_of_life(tmp_path):
    with make(tmp_path, tokenizer=LIFE) as box:
        before = box.pid_of("tokenizer")
        box.fault("tokenizer", "slow_reply", "once", route="/encode", ms=6000)
        assert box.say("[[text=slow but well]] go on") == "slow but well"
        assert box.pid_of("tokenizer") == before
        assert "no longer answers" not in box.log()


def test_a_load_that_stands_still_is_found_by_what_loads_took_before(tmp_path):
    keys = 'start_stall = "60s"\nstart_stall_floor = "2s"'
    with make(tmp_path, {"timing": {"load_ms": 600}}, runtime=keys) as box:
        scenario = json.loads((tmp_path / "scenario.json").read_text())
        scenario["timing"]["load_ms"] = 8000
        (tmp_path / "scenario.json").write_text(json.dumps(scenario))
        loading = new_pid(box, "runtime", box.kill("runtime"))
        pause.wait(0.5)
        os.kill(loading, signal.SIGSTOP)
        stopped = time.monotonic()
        scenario["timing"]["load_ms"] = 200
        (tmp_path / "scenario.json").write_text(json.dumps(scenario))
        new_pid(box, "runtime", loading)
        took = time.monotonic() - stopped
        reason = box.logged(r"runtime: stopping .*no sign of progress for .*")[0]
        clock = float(re.search(r"the clock of progress stood at ([\d.]+) s \(learned from 1 load", reason)[1])
        assert clock < 30 and took < 2 * clock + SLACK * strain(), (took, reason)
        box.wait_ready()


def test_a_slow_runtime_is_left_alone(tmp_path):
    with make(tmp_path) as box:
        teach(box)
        before = box.pid_of("runtime")
        box.fault("runtime", "device_slow", True, factor=5)
        box.control("runtime", cmd="set", timing={"tokens_per_second": 150})
        assert box.say(f"[[text={' '.join(WORDS.split()[:60])}]] go on") == " ".join(WORDS.split()[:60])
        assert box.pid_of("runtime") == before


def test_a_runtime_that_comes_in_bursts_is_left_alone(tmp_path):
    with make(tmp_path) as box:
        teach(box)
        before = box.pid_of("runtime")
        box.control("runtime", cmd="set", timing={"tokens_per_second": 100})
        text = " ".join(WORDS.split()[:120])
        stream, got = box.stream(f"[[text={text}]] go on"), ""
        for place, line in enumerate(stream):
            got += line.get("message", {}).get("content", "")
            if place in (3, 8, 13):
                os.kill(before, signal.SIGSTOP)
                pause.wait(0.8)
                os.kill(before, signal.SIGCONT)
        assert got == text and line["done"] is True
        assert box.pid_of("runtime") == before


@pytest.mark.parametrize("whole_box", [False, True])
def test_who_was_stopped_himself_does_not_blame_the_runtime(tmp_path, whole_box):
    with make(tmp_path, runtime=LIFE, tokenizer=LIFE) as box:
        teach(box)
        before = box.pid_of("runtime"), box.pid_of("tokenizer")
        box.control("runtime", cmd="set", timing={"tokens_per_second": 60})
        text = " ".join(WORDS.split()[:60])
        stream, got = box.stream(f"[[text={text}]] go on"), ""
        for place, line in enumerate(stream):
            got += line.get("message", {}).get("content", "")
            if place == 3:
                frozen = [box.process.pid, *(before if whole_box else [])]
                for pid in frozen:
                    os.kill(pid, signal.SIGSTOP)
                pause.wait(5)
                for pid in reversed(frozen):
                    os.kill(pid, signal.SIGCONT)
        assert got == text and line["done"] is True, line
        pause.wait(3)
        assert (box.pid_of("runtime"), box.pid_of("tokenizer")) == before
        assert "no longer answers" not in box.log()
        assert box.say(f"[[text={text}]] go on") == text, "nothing is held against the prompt"


@pytest.mark.parametrize("mode, first, second", [("always", 1, 1), ("after-restart", 0, 1), ("never", 0, 0)])
def test_the_canary_sings_when_it_should(tmp_path, mode, first, second):
    with make(tmp_path, runtime=f'canary = "{mode}"') as box:
        assert len(box.runs()) == first
        new_pid(box, "runtime", box.kill("runtime"))
        box.wait_ready()
        assert len(box.runs()) == second
        assert box.say("[[text=well]] go on") == "well"


def test_systemd_is_told_how_long_a_load_will_take(tmp_path):
    with service_manager() as (systemd, path):
        box = make(tmp_path, {"timing": {"load_ms": 4000}})
        told, left = "", []
        try:
            box.start(wait_ready=False, environment={"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "400000"})
            while "sim:latest ready" not in told:
                told += systemd.recv(4096).decode() + "\n"
                left += [model["left_seconds"] for model in box.get("/readyz").json["models"] if "left_seconds" in model]
            assert re.search(r"STATUS=loading sim:latest \d+ %, about \d+ s left\n", told), told
            assert left and all(1 <= seconds <= 60 for seconds in left), left
        finally:
            box.__exit__()
