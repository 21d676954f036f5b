"""The tool itself: its plan is the seed's alone, every fault can be drawn, and its checks can fail."""

import argparse
import collections
import dataclasses
import datetime
import io
import json
import pathlib
import random
import re
import subprocess
import sys

import clients
import faults
import life
import measure
import operator_faults
import page
import plan
import pytest
import report
import wire
from stage import MEANT, SANITIZER


def test_a_step_is_the_same_whoever_asks_and_whenever():
    first = [plan.step(7, number) for number in range(30)]
    again = [plan.step(7, number) for number in reversed(range(30))][::-1]
    assert first == again
    assert first != [plan.step(8, number) for number in range(30)]
    # Another interpreter with another hash seed too.
    code = "import sys, json; sys.path[:0] = sys.argv[1:]; import plan; print(json.dumps([plan.step(7, k) for k in range(30)]))"
    told = subprocess.run([sys.executable, "-B", "-c", code, *sys.path], capture_output=True, text=True, check=True,
                          env={**__import__("os").environ, "PYTHONHASHSEED": "123"})
    assert json.loads(told.stdout) == first


COURSES = [plan.USUAL, plan.Course("vllm-ascend", faults.table("vllm-ascend")), plan.Course(table=faults.table(plan.POLLED, twin=True), twin=True)]


@pytest.mark.parametrize("course", COURSES, ids=["polled", "streaming", "twin"])
def test_a_thousand_faults_meet_every_row_of_the_table(course):
    seen, requests, number = collections.Counter(), 0, 0
    while sum(seen.values()) - seen["nothing"] < 1000:
        step = plan.step(1, number, course)
        seen.update(one["fault"] for one in step["faults"])
        requests += len(step["clients"]) + 1
        number += 1
    assert set(seen) == {each.name for each in course.table}
    assert requests >= 5000


def test_the_short_form_meets_the_card_and_the_operator_early():
    build = (pathlib.Path(__file__).parent / "CMakeLists.txt").read_text()
    seed, jobs = int(re.search(r"--seed (\d+) --seconds", build)[1]), int(re.search(r"--jobs (\d+)", build)[1])
    seen = {one["fault"] for life in range(jobs) for number in range(30) for one in plan.step(seed, life * plan.LIFE + number)["faults"]}
    wanted = {name for name in faults.BY_NAME if name.startswith("device.")} | {"upgrade", "reload", "stop_start", "restart.services"}
    assert wanted <= seen


@pytest.mark.parametrize("start", [0, 41])
def test_the_parts_of_a_run_are_its_steps_in_order_each_in_its_own_life(start):
    parts = list(plan.parts(7, start, 300))
    steps = [number for first, behind in parts for number in range(first, behind)]
    assert steps == list(range(start, steps[-1] + 1))
    assert all(first // plan.LIFE == (behind - 1) // plan.LIFE for first, behind in parts)
    counts = [sum(one["fault"] != "nothing" for one in plan.step(7, number)["faults"]) for number in steps]
    assert sum(counts) >= 300 > sum(counts[:-1])


def test_names_are_unique_and_arguments_are_data():
    both = {each.name: each for each in [*faults.FAULTS, *faults.STREAMING]}
    assert all(len({each.name for each in table}) == len(table) for table in (faults.FAULTS, faults.STREAMING)) and faults.BY_NAME == both
    for number in range(300):
        step = plan.step(3, number, COURSES[number % len(COURSES)])
        assert json.loads(json.dumps(step)) == step
        assert all(one["fault"] in plan.shown(step) for one in step["faults"])


@pytest.mark.parametrize("row", [f"F{n}" for n in range(1, 23) if n not in (3, 11, 13, 19, 20)])
def test_the_rows_of_the_catalogue_are_covered(row):
    """F11, F19 and F20 come from clients and never reach the runtime."""
    number = int(row[1:])

    def covers(text):
        spans = re.findall(r"F(\d+)b?(?:-F(\d+))?", text)
        return any(int(low) <= number <= int(high or low) for low, high in spans)

    assert any(covers(fault.rows) for fault in faults.FAULTS), row


def ndjson(*lines):
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def piece(text, done=False):
    return {"message": {"role": "assistant", "content": text}, "done": done}


def sse(*events):
    return b"".join((f"event: {name}\n" if name else "").encode() + b"data: " +
                    (data if isinstance(data, str) else json.dumps(data)).encode() + b"\n\n" for name, data in events)


def delta(text, reason=None):
    return {"choices": [{"delta": {"content": text}, "finish_reason": reason}]}


STREAMS = [
    ("chat", ndjson(piece("a"), piece("b"), piece("", True)), "done", "ab"),
    ("chat", b"    " + ndjson(piece("a"), piece("", True)), "done", "a"),
    ("chat", ndjson(piece("a"), {"error": "gone"}), "error", "a"),
    ("chat", ndjson(piece("a")), "0 ends", "a"),
    ("chat", ndjson(piece("a", True), piece("", True)), "2 ends", "a"),
    ("chat", ndjson(piece("a", True), {"error": "late"}), "2 ends", "a"),
    ("chat", ndjson(piece("", True), piece("late")), "goes on after its end", "late"),
    ("chat", b'{"message": {"con', "not understood", ""),
    ("openai", sse(("", delta("a")), ("", delta("", "stop")), ("", "[DONE]")), "done", "a"),
    ("openai", sse(("", delta("a")), ("", {"error": {"message": "x"}})), "error", "a"),
    ("openai", sse(("", delta("a")), ("", "[DONE]")), "0 finish reasons", "a"),
    ("openai", sse(("", delta("a")), ("", {"error": {"message": "x"}}), ("", "[DONE]")), "2 ends", "a"),
    ("anthropic", sse(("content_block_delta", {"delta": {"text": "a"}}), ("ping", {}), ("message_stop", {})), "done", "a"),
    ("anthropic", sse(("content_block_delta", {"delta": {"text": "a"}}), ("error", {"error": {"message": "x"}})), "error", "a"),
    ("anthropic", sse(("content_block_delta", {"delta": {"text": "a"}})), "0 ends", "a"),
    ("responses", sse(("x", {"type": "response.output_text.delta", "delta": "a"}), ("x", {"type": "response.completed"})), "done", "a"),
    ("responses", sse(("x", {"type": "response.failed"}), ("x", {"type": "response.completed"})), "2 ends", ""),
    ("responses", sse(("x", {"type": "response.failed"}), ("error", {"type": "error"})), "error", ""),
    ("responses", sse(("x", {"type": "response.completed"}), ("error", {"type": "error"})), "2 ends", ""),
]


@pytest.mark.parametrize("form,data,end,text", STREAMS)
def test_a_stream_without_exactly_one_proper_end_is_seen(form, data, end, text):
    answer = wire.judge(form, True, 200, data)
    assert (answer.end, answer.text) == (end, text)


def outcome(text, end="done", shape="echo", label="1x2", expected="say mark-1x2- now"):
    return clients.Outcome(label, "whole", "chat", wire.Answer(end, text, 200), expected, shape)


def test_foreign_text_wrong_text_and_a_wrong_beginning_are_seen():
    assert clients.strange(outcome("say mark-1x2- now"), False) == ""
    assert clients.strange(outcome("say mark-1x2-", "error"), False) == ""
    assert "foreign" in clients.strange(outcome("say mark-1x2- now mark-1x3-"), False)
    assert "foreign" in clients.strange(outcome("mark-9x9-", "cut"), True)
    assert "foreign" in clients.strange(outcome("mark-17x1-", label="317x2"), True)
    assert clients.strange(outcome("mark-7x2-", label="317x2"), True) == "", "a piece of its own mark is missing"
    assert "foreign" in clients.strange(outcome("mark-7x2-", label="317x2"), False)
    assert "expected" in clients.strange(outcome("say mark-1x2-"), False)
    assert "expected" in clients.strange(outcome("mark-1x2-", "error"), False)
    assert clients.strange(outcome("say"), True) == ""
    assert clients.strange(outcome(" one two three f", shape="long", expected=None), False) == ""
    assert "expected" in clients.strange(outcome(" one three", shape="long", expected=None), False)


def test_a_text_without_its_middle_is_what_the_client_asked_and_nothing_else():
    told = "mark-1x2- [... 9 bytes of this text were left out ...] end".replace("- [", "-\n[").replace("] e", "]\n e")
    big = lambda text, end="done": dataclasses.replace(outcome(text, end, expected="mark-1x2- word word end"), kind="big")
    assert clients.strange(big(told), False) == ""
    assert clients.strange(big(told[:14], "error"), False) == ""
    assert clients.strange(big(told[:-2], "error"), False) == ""
    assert "expected" in clients.strange(big(told.replace(" end", " and")), False)
    assert "expected" in clients.strange(big("mark-1x2- worse"), False)


def log_of(*lines):
    """Of (second, service, state); state "look" is a start that begins with a look at the device."""
    stamp = lambda at: datetime.datetime.fromtimestamp(1000 + at, datetime.timezone.utc).isoformat(timespec="milliseconds")
    told = lambda state: "starting: because" if state == "look" else f"{state} (process 7): because"
    return [f"{stamp(at)} INFO sim:latest/{service}: {told(state)}" for at, service, state in lines]


LOAD = {"tokenizer": 0.1, "runtime": 1.0}


def test_a_restart_is_measured_from_the_kill():
    lines = log_of((0, "runtime", "ready"), (5.002, "runtime", "stopping"), (5.006, "runtime", "starting"), (6.25, "runtime", "ready"))
    one = measure.restart(lines, ["runtime"], 1005.0, LOAD)
    assert (one.to_act, one.seen_to_act, one.to_ready, one.beyond) == pytest.approx((0.006, 0.004, 1.25, 0.25), abs=0.0005)
    assert one.first


def test_a_restart_of_both_waits_for_both():
    lines = log_of((5.002, "tokenizer", "stopping"), (5.003, "runtime", "stopping"), (5.004, "runtime", "waiting"),
                   (5.005, "tokenizer", "starting"), (5.1, "tokenizer", "ready"), (5.2, "runtime", "starting"), (6.5, "runtime", "ready"))
    one = measure.restart(lines, ["tokenizer", "runtime"], 1005.0, LOAD)
    assert one.beyond == pytest.approx(0.4, abs=0.0005) and one.first
    assert one.seen_to_act == pytest.approx(0.003, abs=0.0005)


def test_a_look_at_the_device_is_part_of_the_one_start():
    lines = log_of((0, "runtime", "ready"), (5.002, "runtime", "stopping"), (5.006, "runtime", "look"), (5.1, "runtime", "starting"),
                   (6.25, "runtime", "ready"))
    one = measure.restart(lines, ["runtime"], 1005.0, LOAD)
    assert (one.to_act, one.beyond) == pytest.approx((0.006, 0.25), abs=0.0005) and one.first


@pytest.mark.parametrize("lines", [
    [(5.002, "runtime", "stopping"), (5.003, "runtime", "waiting"), (5.2, "runtime", "starting"), (6.25, "runtime", "ready")],
    [(5.002, "runtime", "stopping"), (5.003, "runtime", "starting"), (5.2, "runtime", "stopping"), (5.3, "runtime", "starting"),
     (6.25, "runtime", "ready")]])
def test_a_restart_with_a_pause_or_a_failed_start_is_not_a_first_one(lines):
    assert not measure.restart(log_of(*lines), ["runtime"], 1005.0, LOAD).first


def test_where_the_lines_do_not_tell_nothing_is_measured():
    assert measure.restart([], ["runtime"], 1005.0, LOAD) is None
    on_its_way = log_of((4.9, "runtime", "starting"), (5.5, "runtime", "ready"))
    assert measure.restart(on_its_way, ["runtime"], 1005.0, LOAD) is None


def test_tallies_add_up_to_one_report(tmp_path, monkeypatch):
    one, other = life.empty_tally(), life.empty_tally()
    one.update(faults=3, ends={"done": 2}, step_seconds={"0": 1.5}, error_after_kill=[0.02])
    other.update(faults=4, ends={"done": 1, "lost": 1}, step_seconds={"60": 2.5}, error_after_kill=[0.3],
                 violations=[{"step": 60, "kind": "lost", "what": "x"}])
    total = report.added(report.added(life.empty_tally(), one), other)
    (tmp_path / "corral").write_bytes(b"....__asan_init....")
    monkeypatch.setattr(report.harness, "BIN", tmp_path)
    told = report.report(argparse.Namespace(profile="axera-poll", seed=1, start=0, jobs=2, slack=1, margin=4), total, 10)
    assert (told["faults"], told["ends"], told["last_step"], told["sanitizers"]) == (7, {"done": 3, "lost": 1}, 60, True)
    assert told["violations_found"] == 1 and told["checks"]["lost"] == 1 and told["checks"]["zombie"] == 0
    assert told["kill_to_error_at_a_client_with_text_seconds"]["within_100ms"] == "1 of 2"


@pytest.mark.parametrize("line,meant", [
    ("==7==ERROR: LeakSanitizer: detected memory leaks", False),
    ("src/a.cpp:7:3: runtime error: signed integer overflow", False),
    ("T DEBUG sim:latest/runtime: ==7==ERROR: AddressSanitizer: heap-use-after-free on address", False),
    ("T DEBUG sim:latest/runtime: ==7==ERROR: AddressSanitizer: SEGV on unknown address", True),
    ("T DEBUG sim:latest/runtime: AddressSanitizer can not provide additional info.", True),
    ("==7==ERROR: AddressSanitizer: SEGV on unknown address", False)])
def test_reports_of_sanitizers_are_seen_and_meant_deaths_are_not_taken_for_them(line, meant):
    assert SANITIZER.search(line)
    assert bool(MEANT.search(line)) == meant


def runs_that_read(text, tap, fault):
    one = life.Life(argparse.Namespace(slack=1), ".", "")
    one.stage = argparse.Namespace(settings={"tap": tap}, new_runs=lambda: [{"kv_text": text}])
    one.check_runs({"faults": [{"fault": fault}]})


AGAIN = "<|im_start|>system\nmark-1x1-<|im_end|>\n<|im_start|>user\nmark-1x0-<|im_end|>\n"


@pytest.mark.parametrize("text,tap,fault", [(AGAIN, True, "tokenizer.hang"), (AGAIN, False, "kill.runtime"),
                                            (AGAIN + "<|im_start|>user\nmark-1x1-<|im_end|>\n", False, "tokenizer.hang")])
def test_a_model_that_read_two_conversations_is_seen(text, tap, fault):
    with pytest.raises(life.Violation):
        runs_that_read(text, tap, fault)


def test_a_prompt_that_is_read_again_without_the_tap_is_the_runtimes_own():
    runs_that_read(AGAIN, False, "tokenizer.hang")
    runs_that_read(AGAIN.replace("1x0", "1x1"), True, "nothing")


def an_upgrade(log, monkeypatch, alone=True, runtime=7):
    monkeypatch.setattr(operator_faults, "await_over", lambda stage: None)
    monkeypatch.setattr(operator_faults, "services", lambda stage: {"runtime": runtime})
    stage = argparse.Namespace(alone=alone, keeps_processes=True, log_from=lambda begin: log)
    operator_faults.check_upgrade(stage, {}, {"log": 0, "services": {"runtime": 7}})


LATE = "ERROR the upgrade was given up, and all goes on as before: 1 running and 0 waiting requests did not end within 6 s"


def test_an_upgrade_is_done_or_given_up_for_a_long_answer(monkeypatch):
    an_upgrade("the upgrade is done: 1 of 1 models stayed loaded event=upgrade.done kept=1/1", monkeypatch)
    an_upgrade(LATE, monkeypatch)
    an_upgrade("nothing yet", monkeypatch, alone=False, runtime=8)


@pytest.mark.parametrize("log,runtime", [("", 7), (LATE.replace("did not end", "began"), 7), ("event=upgrade.done", 8)])
def test_what_else_becomes_of_an_upgrade_is_seen(monkeypatch, log, runtime):
    with pytest.raises(life.Violation):
        an_upgrade(log, monkeypatch, runtime=runtime)


def test_a_leak_has_a_slope_and_noise_has_none():
    dice = random.Random(1)
    noise = [(at * 7, 20000 + dice.randint(-300, 300)) for at in range(3000)]
    flat = measure.slope(noise)
    assert flat["low"] < 0 < flat["high"] < 5
    leak = measure.slope([(at, kb + at / 50) for at, kb in noise])  # 20 kB in 1,000 requests
    assert leak["low"] < 20 < leak["high"] and leak["high"] - leak["low"] < 8
    assert measure.slope(noise[:5]) is None


def test_one_life_is_not_ended_by_a_fault():
    gone = {each.name for each in faults.FAULTS} - {each.name for each in faults.table(plan.POLLED, one_life=True)}
    assert gone == {"crash.corral", "restart.corral", "upgrade"}


def test_what_an_operator_must_undo_is_undone_after_the_other_fault(monkeypatch):
    done = []
    row = lambda name, last: faults.Fault(name, "-", None, lambda stage, args: done.append(name), heals_last=last,
                                          heal=lambda stage, args, _: done.append(f"{name} over"))
    monkeypatch.setattr(faults, "BY_NAME", {"a": row("a", True), "b": row("b", False)})
    one = life.Life(argparse.Namespace(slack=1), ".", "")
    one.stage = argparse.Namespace(missing={}, pause=lambda seconds: None)
    one.inject({"faults": [{"fault": "a", "args": {}, "at": 0, "hold": 0.1}, {"fault": "b", "args": {}, "at": 0.5, "hold": 3}]}, 0)
    assert done == ["a", "b", "b over", "a over"]


# -- the open page ----------------------------------------------------------------------------------------------------


def a_page(*looks):
    """With the heap of each look: (seconds, MB)."""
    made = page.Page("nowhere")
    made.heaps = [(seconds, int(megabytes * 1e6), 200, 30) for seconds, megabytes in looks]
    return made


def an_hour(last):
    return [(4, 2), *((second, 3) for second in range(60, 3300, 60)), *((second, last) for second in range(3300, 3601, 60))]


def test_a_heap_that_stays_is_no_leak():
    assert a_page(*an_hour(3.2)).excess() == ""
    # One look among the others meets what is about to go.
    assert a_page(*an_hour(3), (3650, 9)).excess() == ""
    assert a_page((4, 2), (60, 8)).excess() == ""


@pytest.mark.parametrize("looks", [an_hour(3.4), [(4, 2), (60, 12)], []])
def test_a_heap_that_grows_is_told(looks):
    assert "heap" in a_page(*looks).excess()


def test_what_the_page_must_never_do_is_a_violation():
    made = a_page()
    made.faults = ["exception: x is not a function"]
    with pytest.raises(life.Violation, match="x is not a function"):
        made.check()


def test_a_page_without_connection_and_a_browser_that_ended_are_violations():
    for answer, told in (({"live": False}, "no connection"), ({}, "has ended")):
        made = a_page()
        made.process = argparse.Namespace(stdin=io.StringIO())
        made.answers.put(answer)
        with pytest.raises(life.Violation, match=told):
            made.check()
