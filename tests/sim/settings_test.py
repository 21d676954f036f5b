"""Scenario file, environment, control socket, and the documentation that names them."""
import json
import os
import re
import subprocess

import pytest

from simulated import BINARY, control, wait_for

DOCS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "simulator.md")
PLAIN = {"tokenizer": {"family": "plain"}, "directives": True}


def docs():
    with open(DOCS) as f:
        return f.read()


@pytest.mark.parametrize("kind", ["runtime", "tokenizer"])
@pytest.mark.parametrize("scenario, text", [
    ({"mod": "echo"}, "unknown key 'mod'; nearest is 'mode'"),
    ({"timing": {"token_per_second": 5}}, "unknown key 'timing.token_per_second'; nearest is 'tokens_per_second'"),
    ({"mode": "ecko"}, "value of 'mode' must be a known word; nearest is 'echo'"),
    ({"timing": {"burst": 0}}, "value of 'timing.burst' must be between"),
    ({"timing": {"load_ms": "fast"}}, "value of 'timing.load_ms' must be an integer"),
    ({"geometry": {"groups": [5, 3]}}, "value of 'geometry.groups' must be a rising list"),
    ({"faults": {"kill": True}}, "unknown fault 'kill'; nearest is 'kill_at'"),
    ({"faults": {"kill_at": {"args": {"fase": "load"}}}}, "fault 'kill_at' has no argument 'fase'; nearest is 'phase'"),
    ({"faults": {"hang": {"once": True}}}, "fault 'hang' has no key 'once'"),
    ({"faults": {"hang": "always"}}, "'on' must be true, false"),
    ([], "a scenario must be a JSON object"),
])
def test_a_bad_scenario_is_refused_with_the_nearest_key(start, package, kind, scenario, text):
    program = start(kind, ["--devices", "0", *package.flags] if kind == "runtime" else [], scenario=scenario,
                    cwd=package.folder)
    assert program.wait_exit() == 2
    assert text in program.err and program.err.count("\n") == 1


def test_the_environment_wins_over_the_file_and_is_checked(start):
    program = start("tokenizer", scenario={"mode": "echo", "tokenizer": {"family": "plain"}},
                    env={"CORRAL_SIM_MODE": "tool", "CORRAL_SIM_TOKENS_PER_SECOND": "12.5", "CORRAL_SIM_LOAD_MS": "7",
                         "CORRAL_SIM_PREFILL_MS": "3.5", "CORRAL_SIM_FAMILY": "qwen2.5", "CORRAL_SIM_BUILD": "ax650"})
    program.wait_port()
    s = program.ask(cmd="get")["scenario"]
    assert (s["mode"], s["build"], s["tokenizer"]["family"]) == ("tool", "ax650", "qwen2.5")
    assert (s["timing"]["tokens_per_second"], s["timing"]["load_ms"], s["timing"]["prefill_ms_per_chunk"]) == (12.5, 7, 3.5)
    wrong = start("tokenizer", env={"CORRAL_SIM_LOAD_MS": "soon"})
    assert wrong.wait_exit() == 2 and "CORRAL_SIM_LOAD_MS" in wrong.err
    wrong = start("tokenizer", env={"CORRAL_SIM_SCENARIO": "/nonexistent/scenario.json"})
    assert wrong.wait_exit() == 2 and "cannot be read" in wrong.err


def test_the_documented_defaults_are_the_real_ones(start):
    program = start("tokenizer")
    program.wait_port()
    documented = json.loads(re.search(r"Defaults:\n\n```json\n(.*?)```", docs(), re.S).group(1))
    assert documented.pop("faults") == {}
    assert program.ask(cmd="get")["scenario"] == documented


def test_the_documented_faults_are_those_of_the_program():
    table = subprocess.run([BINARY, "faults"], capture_output=True, text=True, check=True).stdout
    assert table in docs()
    rows = set(re.findall(r"\bF\d+b?\b", table))
    assert {f"F{n}" for n in range(1, 23)} | {"F2b", "F8b"} <= rows


def test_set_changes_what_follows_and_refuses_what_is_fixed(pair):
    p = pair(PLAIN)
    p.reset()
    assert p.run("[[n=5]]")[1] == " one two three four five"
    p.runtime.ask(cmd="set", directives=False, mode="echo", timing={"tokens_per_second": 100000, "burst": 1})
    p.reset()
    record, text = p.run("[[n=5]]")
    assert text == record["kv_text"]
    for refused in ({"geometry": {"chunk": 5}}, {"build": "ax650"}, {"cards": 2}):
        answer = control(p.runtime.socket, {"cmd": "set", **refused})
        assert not answer["ok"] and "is fixed at the start" in answer["error"]
    answer = control(p.runtime.socket, {"cmd": "set", "timing": {"bust": 5}})
    assert answer == {"ok": False, "error": "unknown key 'timing.bust'; nearest is 'burst'"}


def test_mistakes_on_the_control_socket_are_answered(pair):
    p = pair()
    for raw, text in (({"cmd": "stat"}, "unknown command 'stat'; nearest is 'state'"),
                      ({"cmd": "fault", "name": "mute"}, "fault 'mute' belongs to the other program"),
                      ([], "a command must be a JSON object")):
        answer = control(p.runtime.socket, raw)
        assert not answer["ok"] and text in answer["error"]


def test_the_control_command_prints_the_answer(pair):
    p = pair()
    done = subprocess.run([BINARY, "control", p.runtime.socket, '{"cmd":"state"}'], capture_output=True, text=True)
    assert done.returncode == 0 and json.loads(done.stdout)["program"] == "runtime"
    done = subprocess.run([BINARY, "control", p.runtime.socket, '{"cmd":"nope"}'], capture_output=True, text=True)
    assert done.returncode == 1 and "unknown command" in done.stdout
    done = subprocess.run([BINARY, "control", "/nonexistent.sock", "{}"], capture_output=True, text=True)
    assert done.returncode == 1 and "No such file" in done.stderr


def test_state_and_trace_tell_what_happened(pair):
    p = pair({**PLAIN, "timing": {"tokens_per_second": 200}})
    p.reset()
    p.run("[[n=6]]")
    p.get("/api/stop")
    state = p.state()
    assert (state["phase"], state["running"], state["generates"], state["resets"], state["stops"]) == ("idle", False, 1, 1, 1)
    assert state["polls"] == 1 and state["last_poll_ns"] > 0 and state["queue_bytes"] == 0
    events = p.runtime.ask(cmd="trace")["events"]
    assert [e["what"] for e in events] == ["reset_begin", "reset_end", "generate", "run_begin", "piece", "piece", "run_end",
                                           "poll", "stop"]
    stamps = [e["ns"] for e in events]
    assert stamps == sorted(stamps)
    assert p.runtime.ask(cmd="trace", since=events[-2]["seq"])["events"] == events[-1:]
    assert p.runtime.ask(cmd="runs", since=1)["runs"] == []


def test_the_package_holds_what_the_runtime_reads(package):
    assert os.path.getsize(package.path("model", "model.embed_tokens.weight.bfloat16.bin")) == 151936 * 8 * 2
    assert os.path.getsize(package.path("config.json")) == 0
    with open(package.path("post_config.json")) as f:
        assert len(json.load(f)) == 9
    assert sorted(f for f in os.listdir(package.path("model")) if "_l" in f) == [
        f"sim_p128_l{i}_together.axmodel" for i in range(4)]
    done = subprocess.run([BINARY, "package", "/tmp", "--layer", "3"], capture_output=True, text=True)
    assert done.returncode == 2 and "nearest is --layers" in done.stderr


def test_geometry_comes_from_the_package_unless_the_scenario_gives_one(pair):
    p = pair({}, package_options=("--max-token-len", "300", "--groups", "64,128"))
    assert b"max_token_len : 300" in p.runtime.out and b"prefill_max_token_num : 128" in p.runtime.out
    p.runtime.end()
    p.tokenizer.end()
    q = pair({"geometry": {"max_token_len": 500}})
    assert b"max_token_len : 500" in q.runtime.out
    wait_for(lambda: q.state()["ready"], "ready")
