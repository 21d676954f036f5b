"""A runtime that leaks with each answer."""

import os
import re
import resource
import time

import pytest

from admin_cli import model_of
from harness import Box, wait_until
from test_decay import expect_renewed_under_load

HOURS = '[models.clocks]\nrenew_after = "1s"\n'  # its hours are of two seconds
# At most twenty answers a second: however fast the machine, an hour takes no more than a sixth of what there is.
STEADY = {"directives": True, "timing": {"tokens_per_second": 60}}
LEAK = {**STEADY, "leak": {"descriptors_per_run": 2}}


def descriptors_of(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def limit_descriptors(pid, count):
    _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (count, hard))


def held(box, name):
    """What status says of it; nothing before the runtime has warmed up."""
    return next((each for each in model_of(box).get("growth", {}).get("resources", []) if each["name"] == name), None)


@pytest.mark.parametrize("profile", ["axera-poll", "llama-server"])
def test_descriptors_are_back_before_there_are_none_left(tmp_path, profile):
    with Box(tmp_path, LEAK, model=HOURS, profile=profile) as box:
        before = box.pid_of("runtime")
        at_first = descriptors_of(before)
        limit_descriptors(before, 500)
        told = []
        deadline = time.monotonic() + 400
        while "renewed once it has been idle" not in box.log():
            assert time.monotonic() < deadline, box.log()[-3000:]
            for _ in range(4):
                box.say("[[n=3]]")
            seen = held(box, "descriptors")
            if seen and seen["per_hour"] > 0:
                told.append(seen)
        assert told and told[-1]["limit"] == 500 and told[-1]["held"] > at_first + 24, told
        wait_until(lambda: re.search(r"event=runtime.renewed .*run out of descriptors", box.log()), 30, "it is renewed while idle")
        wait_until(lambda: model_of(box)["state"] == "ready", 30, "the new process is ready")
        after = box.pid_of("runtime")
        assert after != before and descriptors_of(after) <= at_first + 10
        deadline = time.monotonic() + 400
        while not held(box, "descriptors"):
            assert time.monotonic() < deadline, model_of(box)
            box.say("[[n=3]]")
        growth = model_of(box)["growth"]
        assert growth["renewals"] == 1 and growth["renewal_helps"], growth
        assert held(box, "descriptors")["given_back"] > 50, growth
        assert re.search(r'corral_backend_renewals_total\{[^}]*cause="growth"\} 1\b', box.get("/metrics").body.decode())


def test_where_nobody_lets_it_rest_it_is_renewed_between_two_answers(tmp_path):
    with Box(tmp_path, LEAK, model=HOURS) as box:
        before = box.pid_of("runtime")
        limit_descriptors(before, 500)
        expect_renewed_under_load(box, before, lambda: box.say("[[n=3]]"))


def test_memory_is_seen_to_grow_and_with_room_for_more_nothing_is_done(tmp_path):
    # 10 MiB an hour: a box of 2 GiB has room for days.
    with Box(tmp_path, {**STEADY, "leak": {"kib_per_run": 256}}, model=HOURS) as box:
        pid = box.pid_of("runtime")
        deadline = time.monotonic() + 400
        while not (held(box, "memory") or {}).get("per_hour"):
            assert time.monotonic() < deadline, model_of(box)
            for _ in range(4):
                box.say("[[n=3]]")
        with open(f"/proc/{pid}/status") as text:
            anonymous = 1024 * int(re.search(r"RssAnon:\s+(\d+)", text.read())[1])
        wait_until(lambda: abs(held(box, "memory")["held"] - anonymous) < anonymous / 4, 30, "the last look")
        seen = held(box, "memory")
        assert seen["hours_left"] is None and seen["limit"] > 2 * seen["held"], seen
        assert "runtime.grows" not in box.log() and box.pid_of("runtime") == pid


def test_a_steady_runtime_is_left_alone(tmp_path):
    with Box(tmp_path, STEADY, model=HOURS) as box:
        pid = box.pid_of("runtime")
        until = time.monotonic() + 12
        while time.monotonic() < until:
            box.say("[[n=3]]")
        assert {each["name"] for each in model_of(box)["growth"]["resources"]} == {"memory", "descriptors", "threads"}
        assert "runtime.grows" not in box.log() and box.pid_of("runtime") == pid
