"""Answers that nobody wants any more, on servers that can't be stopped: to be rid of one by a restart is Corral's choice and no failure of
the model. And prompts that hang or kill a runtime: each costs two processes, and not the model."""

import itertools
import os
import re
import signal
import time

import pytest

from admin_cli import done, services_of
from harness import MODEL, Box, strain, wait_until

RULE = '[models.restart]\nfirst_backoff = "60s"\nmax_backoff = "60s"\nintensity = 3\nintensity_window = "10m"\n'
CLOCKS = """
[models.clocks]
call = "8s"
reset = "20s"
reset_floor = "2s"
prefill_base = "3s"
prefill_floor = "2s"
decode_stall = "20s"
decode_stall_floor = "2s"
[models.restart]
first_backoff = "20ms"
max_backoff = "200ms"
intensity = 100
"""
WORDS = " ".join(["one", "two", "three", "four", "five"] * 60)


def bundles(box):
    return sorted((box.folder / "state-home" / "corral" / "crashes").glob("*.json"))


def ask(box, content, **more):
    """Status, body and seconds of a whole answer."""
    began = time.monotonic()
    reply = box.post("/api/chat", {"model": MODEL, "stream": False, "messages": [{"role": "user", "content": content}], **more})
    return reply.status, reply.json, time.monotonic() - began


@pytest.mark.parametrize("profile", ["rkllm-flask", "rkllm-gradio", "rkllm-openai", "axllm", "hailo-ollama", "rkllama"])
def test_clients_who_leave_don_t_break_a_server_that_can_t_be_stopped(tmp_path, profile):
    timing = {"tokens_per_second": 100, "load_ms": 300}
    with Box(tmp_path, {"directives": True, "timing": timing}, model=RULE, profile=profile) as box:
        assert box.say("[[text=warm]] up") == "warm"
        for number in range(4):
            stream = box.stream(f"[[never_end]] {number}")
            next(iter(stream))
            stream.close()
            left = time.monotonic()
            assert box.say("[[text=served]] at once") == "served"
            # The drain may take 30 s, and a start takes 0.3 s.
            assert time.monotonic() - left < min(15 * strain(), 28)
        box.wait_ready()
        assert bundles(box) == [] and "broken" not in box.log()
        assert box.logged_times("busy with an answer that was no longer wanted", 4)


def test_titles_of_three_tokens_don_t_break_a_server_without_limits(tmp_path):
    timing = {"tokens_per_second": 100, "load_ms": 300}
    with Box(tmp_path, {"directives": True, "timing": timing}, model=RULE, profile="rkllm-flask") as box:
        for number in range(4):
            status, answer, took = ask(box, f"[[text={WORDS}]] title {number}", options={"num_predict": 3})
            assert status == 200 and answer["done_reason"] == "length" and took < min(15 * strain(), 28)
        box.wait_ready()
        assert bundles(box) == [] and "broken" not in box.log()


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
def test_a_prompt_that_hangs_the_engine_costs_two_short_clocks_and_is_refused_afterwards(tmp_path, stream):
    """The drill: the engine hangs in the midst of each answer to the deadly prompt."""
    with Box(tmp_path, {"directives": True}, model=CLOCKS) as box:
        for _ in range(6):
            assert box.say(f"[[text={WORDS}]] go on") == WORDS
        deadly = f"[[hang=9]] [[text={WORDS}]] deadly"
        began = time.monotonic()
        if stream:
            lines = [line for line in box.stream(deadly)]
            assert "error" in lines[-1]
        else:
            status, answer, _ = ask(box, deadly)
            assert status == 500 and "hung 2 times" in answer["error"], answer
        took = time.monotonic() - began
        told = box.logged_times(r"stopping .*the decode clock stood at ([\d.]+) s", 1 if stream else 2)
        clocks = [float(each) for each in told]
        print(f"drill: {'stream' if stream else 'whole'} {took:.1f} s, clocks {clocks}, loads {len(clocks)}")
        assert len(clocks) == (1 if stream else 2) and max(clocks) == min(clocks) < 8, clocks
        assert took < 2 * max(clocks) + 6 * strain()
        if stream:
            assert "error" in [line for line in box.stream(deadly)][-1]
        box.wait_ready()
        starts = services_of(box)["runtime"]["starts"]
        for _ in range(3):  # as a client library does by itself
            status, answer, took = ask(box, deadly, options={"seed": 7})
            assert status == 400 and "refused for another" in answer["error"] and took < 2 * strain(), (status, answer, took)
        openai = box.post("/v1/chat/completions", {"model": MODEL, "messages": [{"role": "user", "content": deadly}]})
        assert openai.status == 400 and "ask the operator to restart" in openai.json["error"]["message"], openai.body
        assert services_of(box)["runtime"]["starts"] == starts
        done(box, "restart", "--wait")
        assert "error" in list(box.stream(deadly))[-1], "an operator's word lets it run again"


def test_after_a_hang_those_who_wait_are_served_first(tmp_path):
    with Box(tmp_path, {"directives": True}, model=CLOCKS) as box:
        box.fault("runtime", "device_hang", True, phase="prefill")
        hangs = box.stream_later("[[text=in the end]] hangs")
        wait_until(lambda: box.runtime_state()["phase"] == "prefill", what="it hangs")
        others = [box.stream_later(f"[[text=waited {number}]] please") for number in range(3)]
        wait_until(lambda: box.get("/readyz").json["queue"]["waiting"] == 3, what="three wait")
        lines = list(hangs.open())
        assert "".join(line["message"]["content"] for line in lines) == "in the end"
        for number, other in enumerate(others):
            assert "".join(line["message"]["content"] for line in other.open()) == f"waited {number}"
        ends = wait_until(lambda: len(all_ := re.findall(r" tries=(\d) format_tries", box.log())) >= 4 and all_, what="four ends")
        assert ends == ["1", "1", "1", "2"], ends


def test_whoever_leaves_a_hung_runtime_frees_it_within_seconds(tmp_path):
    with Box(tmp_path, {"directives": True}, model=CLOCKS.replace('decode_stall_floor = "2s"', "")) as box:
        assert box.say("[[text=well]] first") == "well"
        stream = box.stream("[[hang=9]] [[never_end]] leaves")
        next(iter(stream))
        wait_until(lambda: "device_hang" in box.control("runtime", cmd="faults")["active"], what="it hangs")
        stream.close()
        left = time.monotonic()
        assert box.say("[[text=next one]] please") == "next one"
        took = time.monotonic() - left
        print(f"drill: left a hung run, the next answer after {took:.1f} s")
        assert took < min(9 * strain(), 14), "a scrub is 15 s"


def test_a_prompt_that_kills_the_runtime_opens_no_breaker(tmp_path):
    rule = RULE.replace("60s", "20ms").replace("intensity = 3", "intensity = 4")
    with Box(tmp_path, {"directives": True}, model=rule) as box:
        statuses = [ask(box, "[[die=2]] [[never_end]] deadly")[0] for _ in range(4)]
        assert statuses == [500, 400, 400, 400], statuses
        wait_until(lambda: services_of(box)["runtime"]["starts"] == 3, what="the start after the second death, and no other")
        assert box.say("[[text=all others]] go on") == "all others"


SIGNALS = {"killed": signal.SIGKILL, "halted": signal.SIGSTOP, "terminated": signal.SIGTERM}


@pytest.mark.parametrize("profile, deed", [
    *itertools.product(["axera-poll", "llama-server"], ["killed", "halted", "restarted"]),
    ("axllm", "terminated"),  # which catches it, and ends with status 0
])
def test_a_prompt_is_not_guilty_of_what_others_do_to_its_runtime(tmp_path, profile, deed):
    def do(box):
        pid = services_of(box)["runtime"]["pid"]
        if deed == "restarted":
            done(box, "restart", "sim/runtime")
        else:
            os.kill(pid, SIGNALS[deed])

    clocks = CLOCKS.replace('decode_stall = "20s"', 'decode_stall = "3s"')
    with Box(tmp_path, {"directives": True}, model=clocks, profile=profile) as box:
        for _ in range(3):
            stream = box.stream("[[never_end]] innocent")
            assert "error" not in next(iter(stream))
            do(box)
            last = list(stream)[-1]
            assert "error" in last, last
            box.wait_ready()
        stream = box.stream("[[never_end]] innocent")
        assert "error" not in next(iter(stream))
        stream.close()


def test_one_client_with_many_deadly_prompts_does_not_take_the_model_from_all(tmp_path):
    rule = '[models.restart]\nfirst_backoff = "20ms"\nmax_backoff = "200ms"\nintensity = 3\nbreaker_retry = "1h"\n'
    with Box(tmp_path, {"directives": True}, model=rule) as box:
        for number in range(4):
            assert ask(box, f"[[die=2]] [[never_end]] deadly {number}")[0] == 500
        assert services_of(box)["runtime"]["starts"] >= 8
        assert box.say("[[text=all others]] go on") == "all others"
        assert "failed too often" not in box.log()
