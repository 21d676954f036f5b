"""vLLM, MindIE and fastllm: processes left behind, an own process group, an end by SIGABRT, progress for machines."""
import json
import os
import signal
import subprocess

import pytest

from chat_wire import ECHO, Stream, ask, content, events, finish, get, runs, scenario, status_of, streamed, user, wait_idle
from simulated import BINARY, request, wait_for


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as f:
        return [int(child) for child in f.read().split()]


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


@pytest.fixture
def vllm(start):
    left = []

    def begin(what=None, *flags, wait=True, env=None):
        program = start("vllm", ["serve", "/models/q", "--served-model-name", "q", "--host", "127.0.0.1", "--max-model-len", "300",
                                 *flags], scenario=scenario() if what is None else what, env=env)
        if wait:
            program.wait_port()
            left.extend(children(program.process.pid))
        return program
    yield begin
    for pid in left:
        if alive(pid):
            os.kill(pid, signal.SIGKILL)


def test_vllm_speaks_openai(vllm):
    program = vllm(scenario(ECHO))
    messages = [{"role": "system", "content": "s"}] + user("u")
    read = "<|im_start|>system\ns<|im_end|>\n<|im_start|>user\nu<|im_end|>\n<|im_start|>assistant\n"
    answer = ask(program.port, {"model": "q", "messages": messages, "top_k": 3}).json()
    assert answer["choices"][0]["message"]["content"] == read == runs(program)[-1]["kv_text"]
    assert answer["usage"]["prompt_tokens"] == len(runs(program)[-1]["kv_ids"])
    assert "INFO:     Application startup complete." in program.err
    assert get(program.port, "/health").body == b"" and get(program.port, "/v1/models").json()["data"][0]["max_model_len"] == 300
    program.ask(cmd="set", mode="text", directives=True)
    found = events(streamed(program.port, {"model": "q", "messages": user("[[n=7]]"), "stop": [" six"],
                                           "stream_options": {"include_usage": True}}).body)
    assert content(found) == " one two three four five" and finish(found) == ["stop"]
    assert found[1]["choices"][0]["delta"]["content"] == " one two three"  # several tokens in one event
    assert found[-2]["choices"] == [] and found[-2]["usage"]["completion_tokens"] == 6 and found[-1] == "[DONE]"
    found = events(streamed(program.port, {"model": "q", "messages": user("[[n=7]]"),
                                           "stream_options": {"include_usage": True, "continuous_usage_stats": True}}).body)
    assert [one["usage"]["completion_tokens"] for one in found if one != "[DONE]" and content([one])] == [3, 6, 7]  # not events


def test_vllm_refuses_in_its_words(vllm):
    program = vllm()
    def error(**body):
        answer = ask(program.port, {"model": "q", "messages": user("x"), **body})
        return answer.status, answer.json()["error"]["type"], answer.json()["error"]["message"]
    assert error(model="other")[:2] == (404, "NotFoundError")
    assert error(temperature=-1)[:2] == (400, "BadRequestError") and error(top_p=0)[0] == 400
    status, _, message = error(max_tokens=299)
    assert status == 400 and message.startswith("'max_tokens' or 'max_completion_tokens' is too large: 299. This model's"), message
    status, _, message = error(messages=user("word " * 400))
    assert status == 400 and message.startswith("This model's maximum context length is 300 tokens. However, you requested")


def test_vllm_batches_and_cancels(vllm):
    program = vllm(scenario(timing={"tokens_per_second": 60}), "--max-num-seqs", "2")
    body = {"model": "q", "messages": user("[[n=60]]"), "stream": True}
    streams = [Stream(program.port, "/v1/chat/completions", body) for _ in range(3)]
    wait_for(lambda: (program.state()["active"], program.state()["queued_jobs"]) == (2, 1), "two run, one waits")
    for stream in streams:
        stream.close()
    wait_idle(program)
    wait_for(lambda: len(runs(program)) == 3, "all have ended")
    assert {r["ended_by"] for r in runs(program)} == {"cancelled"}


def test_vllm_ends_a_run_that_its_engine_gave_up_as_aborted(vllm):
    program = vllm()
    program.fault("aborts")
    program.fault("stream_error", "once", after=2)
    found = events(streamed(program.port, {"model": "q", "messages": user("[[n=7]]")}).body)
    assert (content(found), finish(found), found[-1]) == (" one two", ["abort"], "[DONE]")


def test_vllm_leaves_its_engine_behind_when_killed(vllm, folder):
    device = os.path.join(folder, "device.json")
    program = vllm(env={"CORRAL_SIM_DEVICE": device})
    (engine,) = children(program.process.pid)
    with open(f"/proc/{engine}/cmdline") as f:
        assert f.read().startswith("VLLM::EngineCore")
    program.send_signal(signal.SIGKILL)
    program.process.wait(10)
    assert alive(engine)
    with open(device + ".held") as f:
        assert [entry["pid"] for entry in json.load(f)] == [engine]


def test_vllm_ends(vllm):
    program = vllm()
    (engine,) = children(program.process.pid)
    program.send_signal(signal.SIGTERM)
    assert program.wait_exit() == 0
    wait_for(lambda: not alive(engine), "the engine has ended too")
    program = vllm(scenario(chat={"stop_wait_ms": 5000}))
    (engine,) = children(program.process.pid)
    os.kill(engine, signal.SIGKILL)
    wait_for(lambda: get(program.port, "/health").status == 503, "the health of a dead engine")
    assert program.wait_exit() == 1 and "EngineCore encountered a fatal error" in program.err
    program = vllm(scenario(faults={"start_oom": True}), wait=False)
    assert program.wait_exit() == 1 and "NPU out of memory. Tried to allocate" in program.err


CONFIG = {"Version": "1.0.0",
          "ServerConfig": {"ipAddress": "127.0.0.1", "managementIpAddress": "127.0.0.2", "port": 0, "managementPort": 0,
                           "httpsEnabled": False, "fullTextEnabled": False},
          "BackendConfig": {"ModelDeployConfig": {"maxSeqLen": 600, "maxInputTokenLen": 300,
                                                  "ModelConfig": [{"modelName": "q", "modelWeightPath": "/m"}]},
                            "ScheduleConfig": {"maxBatchSize": 1, "maxIterTimes": 5}}}


@pytest.fixture
def mindie(start, folder):
    def begin(what=None, wait=True, config=CONFIG, args=None, env=None):
        path = os.path.join(folder, "config.json")
        with open(path, "w") as f:
            json.dump(config, f)
        program = start("mindie", args if args is not None else ["--config-file", path],
                        scenario=what or scenario(chat={"stop_wait_ms": 50}), env=env)
        if wait:
            program.wait_port()
        return program
    return begin


def test_mindie_has_two_planes(mindie):
    program = mindie()
    assert program.err.startswith(f"g_mainPid = {program.process.pid}\n") and b"Daemon start success!\n" in program.out
    manage = program.state()["management_port"]
    assert status_of("127.0.0.2", manage, "/v2/health/live") == (200, b"")
    assert status_of("127.0.0.2", manage, "/v2/health/ready") == (200, b"")
    assert status_of("127.0.0.2", manage, "/health/timed-3")[0] == 200 and runs(program)[-1]["messages"] == "simulated inference"
    assert os.getpgid(program.process.pid) == program.process.pid


def test_mindie_answers_with_its_own_figures_and_cap(mindie):
    plain = mindie()
    assert "prefill_time" not in ask(plain.port, {"model": "q", "messages": user("[[n=1]]")}).json()
    program = mindie(env={"MINDIE_LLM_BENCHMARK_ENABLE": "1"})
    answer = ask(program.port, {"model": "q", "messages": user("[[n=9]]"), "max_tokens": 8})
    body = answer.json()
    assert body["choices"][0]["finish_reason"] == "length" and body["usage"]["completion_tokens"] == 5
    assert len(body["decode_time_arr"]) == 5 and body["prefill_time"] > 0 and answer.headers["Connection"] == "close"
    found = events(streamed(program.port, {"model": "q", "messages": user("[[n=4]]")}).body)
    assert found[-2]["usage"]["completion_tokens"] == 4 and content(found) == " one two three four"
    assert found[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    empty = [*user("x"), {"role": "assistant", "content": ""}, *user("y")]
    assert ask(program.port, {"model": "q", "messages": empty}).status == 422
    answer = ask(program.port, {"model": "other", "messages": user("x")})
    assert answer.status == 422 and set(answer.json()) == {"error", "error_type"}
    assert ask(program.port, {"model": "q", "messages": user("word " * 400)}).status == 422


def test_mindie_repeats_the_whole_text_when_told_to(mindie):
    config = json.loads(json.dumps(CONFIG))
    config["ServerConfig"]["fullTextEnabled"] = True
    program = mindie(config=config)
    found = events(streamed(program.port, {"model": "q", "messages": user("[[n=4]]")}).body)
    assert [e["choices"][0]["delta"].get("content") for e in found[1:-2]] == [" one two three", " one two three four"]


def test_mindie_is_busy(mindie):
    program = mindie(scenario(timing={"tokens_per_second": 5}))
    stream = Stream(program.port, "/v1/chat/completions", {"model": "q", "messages": user("[[n=5]]"), "stream": True})
    wait_for(lambda: program.state()["active"] == 1, "one runs")
    manage = program.state()["management_port"]
    assert ask(program.port, {"model": "q", "messages": user("x")}).status == 503
    assert status_of("127.0.0.2", manage, "/v2/health/live") == (200, b'{"message":"Service is alive but busy"}')
    assert status_of("127.0.0.2", manage, "/v2/health/ready")[0] == 503
    stream.close()
    wait_idle(program)


def test_mindie_ends_by_sigabrt_and_tells_its_parent(mindie, folder):
    program = mindie()
    program.send_signal(signal.SIGTERM)
    assert program.wait_exit() == -signal.SIGABRT
    assert "Daemon is killing, please wait about 15 seconds...\nAll subprocesses exited gracefully.\n" in program.err
    # The first signal that the parent gets is sent by hand (si_code 0), not by the kernel at the child's death.
    path = os.path.join(folder, "config.json")
    script = ("import signal,subprocess,sys\n"
              "signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})\n"
              "c=subprocess.Popen(sys.argv[1:],stdout=subprocess.PIPE)\n"
              "while b'Daemon start success!' not in c.stdout.readline(): pass\n"
              "c.terminate()\ninfo=signal.sigwaitinfo({signal.SIGCHLD})\n"
              "print(info.si_code, info.si_pid == c.pid, c.wait())\n")
    scenario_file = os.path.join(folder, "own.json")
    with open(scenario_file, "w") as f:
        json.dump({"chat": {"stop_wait_ms": 50}, "timing": {"load_ms": 0}}, f)
    done = subprocess.run(["/usr/bin/python3", "-c", script, BINARY, "mindie", "--config-file", path], capture_output=True, text=True,
                          env={"CORRAL_SIM_SCENARIO": scenario_file, "CORRAL_SIM_PORT": "0"}, timeout=30)
    assert done.stdout == f"0 True {-signal.SIGABRT}\n", done.stderr


def test_mindie_does_not_start(mindie, folder):
    for what, args in ((scenario(faults={"start_fail": True}), None), (None, ["--config-file", "/nonexistent"])):
        program = mindie(what, wait=False, args=args)
        assert program.wait_exit() == -signal.SIGKILL and b"Failed to init endpoint!" in program.out
    assert mindie(wait=False, args=["--wrong"]).wait_exit() == 255
    done = subprocess.run([BINARY, "mindie", "--config-file", os.path.join(folder, "config.json")], start_new_session=True,
                          capture_output=True, text=True, env={"CORRAL_SIM_PORT": "0"}, timeout=20)
    assert done.returncode == 255 and done.stderr == "Failed to set process group. errno is 1\n"


@pytest.fixture
def ftllm(start):
    def begin(what=None, *flags, wait=True, env=None):
        program = start("fastllm", ["server", "/models/q", "--model_name", "q", *flags],
                        scenario=scenario() if what is None else what, env=env)
        if wait:
            program.wait_port()
        return program
    return begin


def test_ftllm_tells_its_progress(ftllm):
    program = ftllm(None, "--startup-progress", "ndjson")
    wait_for(lambda: "startup.ready" in program.err, "the last event")
    found = [json.loads(line.removeprefix("FTLLM_PROGRESS ")) for line in program.err.splitlines() if line.startswith("FTLLM")]
    assert [e["sequence"] for e in found] == list(range(1, len(found) + 1))
    stages = list(dict.fromkeys(e["stage"] for e in found))
    assert stages == ["initializing", "tokenizer", "weights_prepare", "weights_load", "weights_finalize", "warmup",
                      "server_starting", "ready"]


def test_ftllm_answers(ftllm):
    program = ftllm(None, "--api_key", "k")
    assert (get(program.port, "/v1/models").status, get(program.port, "/v1/models").json()) == (401, {"error": "Unauthorized"})
    key = {"Authorization": "Bearer k"}
    found = events(streamed(program.port, {"model": "q", "messages": user("[[n=4]]")}, headers=key).body)
    assert finish(found) == ["stop"] and found[-2]["usage"]["completion_tokens"] == 4 and found[-1] == "[DONE]"
    stream = streamed(program.port, {"model": "x", "messages": user("y")}, headers=key)
    assert json.loads(stream.body) == {"object": "error", "message": "The model `x` does not exist.",
                                       "type": "NotFoundError", "code": 404}
    program.fault("stream_error", "once", after=1)
    found = events(streamed(program.port, {"model": "q", "messages": user("[[n=4]]")}, headers=key).body)
    assert found[-2]["error"]["object"] == "error" and found[-1] == "[DONE]"


def test_ftllm_refuses_a_long_prompt_inside_the_stream(ftllm):
    program = ftllm(None, "--max_context_length", "100")
    long = {"model": "q", "messages": user("word " * 150)}
    found = events(streamed(program.port, long).body)
    assert found[-2]["error"]["type"] == "context_length_exceeded" and found[-1] == "[DONE]"
    assert ask(program.port, long).status == 400


def test_ftllm_ends(ftllm):
    program = ftllm()
    assert request(program.port, "POST", "/v1/cancel", {}).status == 403
    program.send_signal(signal.SIGTERM)
    assert program.wait_exit() == 0
    assert ftllm(scenario(faults={"start_fail": True}), wait=False).wait_exit() == -signal.SIGABRT


def busy_percent(device):
    try:
        with open(device + ".busy") as f:
            return sum(entry["npu"] for entry in json.load(f))
    except (FileNotFoundError, ValueError):
        return 0


def processor_ticks(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


@pytest.mark.parametrize("device_flag, npu, burns", [("cuda", 78, False), ("ascend", 0, True)])
def test_an_unknown_device_name_means_the_processor_without_a_word(ftllm, folder, device_flag, npu, burns):
    device = os.path.join(folder, "device.json")
    program = ftllm(scenario(timing={"tokens_per_second": 20}), "--device", device_flag, "-t", "2",
                    env={"CORRAL_SIM_DEVICE": device})
    assert busy_percent(device) == 0
    stream = Stream(program.port, "/v1/chat/completions", {"model": "q", "messages": user("[[n=400]]"), "stream": True})
    stream.read_until(b" one")
    assert busy_percent(device) == npu
    if burns:
        before = processor_ticks(program.process.pid)
        wait_for(lambda: processor_ticks(program.process.pid) - before >= 10, "processor time is used")
    else:
        assert processor_ticks(program.process.pid) < 50
    stream.close()
    wait_idle(program)
    wait_for(lambda: busy_percent(device) == 0, "the counter falls back")
