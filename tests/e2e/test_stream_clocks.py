"""The clocks of streaming chat servers: one that hangs is found within twice the clock that the log names, a slow one or a Corral
that was late itself costs nobody a restart, and a clock that was wrong is longer the next time."""

import re
import signal
import time

import pytest

from harness import Box, pause, strain, wait_until
from test_clocks import CLOCKS, SLACK, WORDS, new_pid, stated


def make(folder, profile="llama-server", clocks=CLOCKS):
    return Box(folder, {"directives": True}, model=clocks, profile=profile)


# Each event of this server repeats all before it.
FEWER = " ".join(WORDS.split()[:100])


def teach(box, words=WORDS):
    for _ in range(2):
        assert box.say(f"[[text={words}]] go on") == words


def reasons(box):
    return re.findall(r"runtime: stopping .*clock stood at.*", box.log())


@pytest.mark.parametrize("profile, words", [("llama-server", WORDS), ("rkllm-flask", FEWER)], ids=["llama-server", "rkllm-flask"])
def test_a_server_that_hangs_in_mid_answer_is_found_by_what_its_gaps_were(tmp_path, profile, words):
    with make(tmp_path, profile) as box:
        teach(box, words)
        before = box.pid_of("runtime")
        box.fault("runtime", "device_hang", True, phase="decode", after=9)
        lines, last_text = [], None
        for line in box.stream(f"[[text={words}]] go on"):
            lines.append(line)
            if line.get("message", {}).get("content"):
                last_text = time.monotonic()
        found = time.monotonic() - last_text
        why = wait_until(lambda: re.findall(r'outcome=\S+ why="(.*)"', box.log()), what="the request's line")[-1]
        name, clock = stated(why)
        assert name == "decode" and clock < 8 and found < 2 * clock + SLACK * strain(), lines[-1]
        assert "learned from" in why and "floor 2 s" in why, why
        assert "clock" not in lines[-1]["error"] and "ask again" in lines[-1]["error"], lines[-1]
        new_pid(box, "runtime", before)
        box.wait_ready()
        wait_until(lambda: reasons(box), what="the reason of the restart")
        assert len(reasons(box)) == 1
        assert box.say("[[text=well again]] go on") == "well again"


def test_a_clock_gets_longer_for_one_prompt_after_another_and_not_for_one_that_hangs_again(tmp_path):
    short = CLOCKS.replace('prefill_base = "20s"\nprefill_floor = "2s"', 'prefill_base = "2s"\nprefill_per_token = "0ms"\nprefill_ceiling = "60s"')
    with make(tmp_path, clocks=short) as box:
        for number in range(3):
            assert "2 times" in box.chat(f"[[hang=0]] [[text=never]] prompt {number}").json["error"]
        wait_until(lambda: len(reasons(box)) >= 6, what="a reason for each restart")
        assert [stated(reason)[1] for reason in reasons(box)] == [2, 2, 2, 2, 2, 4]


def test_a_server_that_is_slow_all_at_once_is_left_alone(tmp_path):
    with make(tmp_path) as box:
        teach(box)
        before = box.pid_of("runtime")
        box.control("runtime", cmd="set", timing={"tokens_per_second": 8, "prefill_ms_per_chunk": 1500})
        text = " ".join(WORDS.split()[:12])
        assert box.say(f"[[text={text}]] go on") == text
        assert box.pid_of("runtime") == before and reasons(box) == []


def test_a_corral_that_stood_still_itself_does_not_blame_the_server(tmp_path):
    with make(tmp_path, clocks=CLOCKS.replace('decode_stall_floor = "2s"', 'decode_stall_floor = "4s"')) as box:
        teach(box)
        before = box.pid_of("runtime")
        box.control("runtime", cmd="set", timing={"tokens_per_second": 60})
        text = " ".join(WORDS.split()[:60])
        got = ""
        for place, line in enumerate(box.stream(f"[[text={text}]] go on")):
            got += line.get("message", {}).get("content", "")
            if place == 3:
                box.fault("runtime", "device_hang", True, phase="decode")
                pause.wait(0.5)  # nothing is under way any more that could excuse it
                box.process.send_signal(signal.SIGSTOP)
                pause.wait(6)
                box.process.send_signal(signal.SIGCONT)
                pause.wait(0.2)
                box.fault("runtime", "device_hang", False)
        assert got == text and line["done"] is True, line
        wait_until(lambda: box.get("/readyz").json["queue"]["running"] == 0, what="it is over")
        assert box.pid_of("runtime") == before and reasons(box) == []
