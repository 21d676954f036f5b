"""axllm serve and the Axera build before it: one place that streams do not hold, zeros for usage, no cancel."""
import json
import os
import signal

import pytest

from chat_wire import ECHO, Stream, ask, content, events, finish, get, runs, scenario, streamed, user, wait_idle
from simulated import request, wait_for


@pytest.fixture
def axllm(start, folder):
    def begin(what=None, *flags, wait=True, config=None):
        with open(os.path.join(folder, "config.json"), "w") as f:
            json.dump(config or {"model_name": "qwen3", "port": 8000}, f)
        program = start("axllm", ["serve", folder, *flags], scenario=scenario() if what is None else what)
        if wait:
            program.wait_port()
        return program
    return begin


def test_start_order_and_banner(axllm):
    program = axllm()
    out = program.out.decode()
    assert out.index("LLM init start") < out.index("OpenAI API Server starting on http://0.0.0.0:")
    assert "Max concurrency: 1\nModels: qwen3\n" in out
    assert get(program.port, "/health").body == b'{\n  "concurrency": 0,\n  "max_concurrency": 1,\n  "status": "healthy"\n}'


def test_an_answer_without_thoughts_has_the_marks_around_it_where_thoughts_were_asked_for(axllm):
    program = axllm()
    for asked, said in ((True, "<think>\n one two\n</think>"), (False, " one two")):
        body = {"model": "qwen3", "messages": user("[[n=2]]"), "enable_thinking": asked}
        assert ask(program.port, body).json()["choices"][0]["message"]["content"] == said
        assert content(events(streamed(program.port, body).body)) == said


def test_answers_have_the_role_in_each_event_and_no_usage(axllm):
    program = axllm()
    found = events(streamed(program.port, {"model": "qwen3", "messages": user("[[n=3]]"), "max_tokens": 2, "stop": ["one"]}).body)
    assert content(found) == " one two" and finish(found) == ["stop"] and found[-1] == "[DONE]"
    assert all(e["choices"][0]["delta"]["role"] == "assistant" for e in found[:-2])
    assert found[-2]["choices"][0]["delta"] == {} and len({e["id"] for e in found[:-1]}) == len(found) - 1
    answer = ask(program.port, {"model": "qwen3", "messages": user("[[n=3]]")}).json()
    assert answer["usage"] == {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    assert "ttft: " in program.out.decode() and "hit eos,decode avg " in program.out.decode()


def test_the_model_reads_exactly_the_conversation(axllm):
    program = axllm(scenario(ECHO))
    messages = [{"role": "system", "content": "s"}] + user("u")
    read = "<|im_start|>system\ns<|im_end|>\n<|im_start|>user\nu<|im_end|>\n<|im_start|>assistant\n"
    answer = ask(program.port, {"model": "qwen3", "messages": messages}, "/chat/completions").json()
    assert answer["choices"][0]["message"]["content"] == read == runs(program)[-1]["kv_text"]


def test_what_it_refuses(axllm):
    program = axllm(config={"model_name": "qwen3", "max_token_len": 100})
    def error(body):
        answer = ask(program.port, body)
        return answer.status, answer.json()["error"]["message"]
    assert error({"messages": user("x")}) == (400, "Missing 'model' field")
    assert error({"model": "y", "messages": []}) == (400, "Model 'y' is not available. Available models: qwen3")
    assert error({"model": "qwen3", "messages": user("x"), "temperature": "hot"})[0] == 500
    status, message = error({"model": "qwen3", "messages": user("word " * 200)})
    assert status == 400 and "长度上限" in message
    program.fault("stream_error", "once")
    answer = ask(program.port, {"model": "qwen3", "messages": user("x")})
    assert answer.status == 400 and answer.json()["choices"][0]["message"]["content"] == ""


def test_the_place_is_held_by_whole_answers_only(axllm):
    slow = scenario(timing={"tokens_per_second": 20}, chat={"busy_wait_ms": 100})
    program = axllm(slow)
    stream = Stream(program.port, "/v1/chat/completions", {"model": "qwen3", "messages": user("[[n=30]]"), "stream": True})
    stream.read_until(b" one")
    assert get(program.port, "/health").json()["concurrency"] == 0
    whole = Stream(program.port, "/v1/chat/completions", {"model": "qwen3", "messages": user("[[n=30]]")})
    wait_for(lambda: get(program.port, "/health").json()["concurrency"] == 1, "the second has the place")
    answer = ask(program.port, {"model": "qwen3", "messages": user("x")})
    assert answer.status == 503 and answer.json()["error"] == {"code": "rate_limit_exceeded", "type": "rate_limit_exceeded",
                                                               "message": "Rate limit exceeded"}
    stream.close()
    whole.close()


def test_a_second_request_waits_in_present_builds(axllm):
    program = axllm(scenario(timing={"tokens_per_second": 60}))
    whole = Stream(program.port, "/v1/chat/completions", {"model": "qwen3", "messages": user("[[n=30]]")})
    wait_for(lambda: get(program.port, "/health").json()["concurrency"] == 1, "the first has the place")
    answer = ask(program.port, {"model": "qwen3", "messages": user("[[text=second]]")})
    assert answer.status == 200 and answer.json()["choices"][0]["message"]["content"] == "second"
    whole.close()


def test_it_tells_its_sizes_and_refuses_beyond_them(axllm):
    program = axllm(config={"model_name": "qwen3", "max_token_len": 200, "prefill_max_token_num": 100})
    told = get(program.port, "/v1/models").json()["data"][0]
    assert (told["max_token_len"], told["prefill_max_token_num"]) == (200, 100)
    long = {"model": "qwen3", "messages": user("word " * 150)}
    assert ask(program.port, long).status == 400
    assert events(streamed(program.port, long).body)[-2]["error"]["type"] == "model_error"


def test_an_answer_that_breaks_off_ends_like_a_whole_one(axllm):
    program = axllm()
    program.fault("stream_error", "once", after=2)
    found = events(streamed(program.port, {"model": "qwen3", "messages": user("[[n=9]]")}).body)
    assert (content(found), finish(found), found[-1]) == (" one two", ["stop"], "[DONE]")
    assert "Returning user-facing chat error: " in program.out.decode()
    program.fault("stream_error", "once", after=0)
    found = events(streamed(program.port, {"model": "qwen3", "messages": user("[[n=9]]")}).body)
    assert "error" in found[-2], found


def test_a_model_of_vectors_makes_nothing_else(axllm):
    program = axllm(config={"model_name": "qwen3", "is_embedding": True})
    made = ask(program.port, {"model": "qwen3", "input": ["one", "two"], "encoding_format": "base64"}, "/v1/embeddings").json()
    assert [one["index"] for one in made["data"]] == [0, 1] and all(isinstance(x, float) for x in made["data"][0]["embedding"])
    assert ask(program.port, {"model": "qwen3", "messages": user("x")}).status == 400
    chats = axllm()
    assert ask(chats.port, {"model": "qwen3", "input": ["one"]}, "/v1/embeddings").status == 400


def test_leaving_does_not_end_a_run(axllm):
    program = axllm(scenario(timing={"tokens_per_second": 60}))
    stream = Stream(program.port, "/v1/chat/completions", {"model": "qwen3", "messages": user("[[n=30]]"), "stream": True})
    stream.read_until(b" one")
    stream.close()
    wait_idle(program)
    assert (runs(program)[-1]["output_tokens"], runs(program)[-1]["ended_by"]) == (30, "eos")


def test_the_time_limit_ends_a_stream_without_a_finish(axllm):
    program = axllm(None, "--server_timeout_ms", "150")
    program.fault("device_hang", phase="decode", after=2)
    body = {"model": "qwen3", "messages": user("[[n=9]]")}
    found = events(streamed(program.port, body).body)
    assert (content(found), finish(found), found[-1]) == (" one two", [], "[DONE]")
    answer = ask(program.port, body)
    assert answer.status == 504 and answer.json()["error"]["message"] == "Request timeout"
    assert program.state()["running"] is True


def test_ends(axllm, start):
    program = axllm()
    program.send_signal(signal.SIGHUP)
    assert program.wait_exit() == 0
    program = axllm(scenario(faults={"start_port_taken": True}), wait=False)
    assert program.wait_exit() == 255 and b" is unavailable: Address already in use" in program.out
    assert start("axllm", ["serve"]).wait_exit() == 255
    assert start("axllm", ["serve", "/nonexistent"]).wait_exit() == 255
    for fault in ("start_fail", "start_oom"):
        assert axllm(scenario(faults={fault: True}), wait=False).wait_exit() == 255


@pytest.fixture
def axera(start):
    def begin(build, what=None):
        program = start("axera-sse", ["--build", build, "--axmodel_num", "28"], scenario=scenario() if what is None else what)
        program.wait_port()
        return program
    return begin


MODEL = "AXERA-TECH/Qwen3-1.7B"


def test_the_early_build_takes_an_array_and_forgets(axera):
    program = axera("355e18a", scenario({"mode": "echo"}))
    for word in ("first", "second"):
        ask(program.port, {"model": MODEL, "messages": [{"role": "system", "content": "s"}] + user(word)})
    assert "first" not in runs(program)[-1]["kv_text"] and "second" in runs(program)[-1]["kv_text"]
    found = events(streamed(program.port, {"model": MODEL, "messages": user("x")}).body)
    assert found[0]["choices"][0]["delta"] == {"role": "assistant"} and found[0]["id"].startswith("cmpl-")
    assert finish(found) == ["stop"] and found[-1] == "[DONE]"
    answer = ask(program.port, {"model": MODEL, "messages": user("x")})
    assert "usage" not in answer.json()
    assert ask(program.port, {"messages": user("x")}).status == 500
    assert request(program.port, "POST", "/v1/reset", {}).status == 404
    assert get(program.port, "/v1/models").json()["data"][0]["owned_by"] == "owner"
    assert get(program.port, "/v1/models/other").json()["error"]["code"] == "model_not_found"


def test_the_late_build_takes_one_object_and_remembers(axera):
    program = axera("0aafb9c")
    one = {"model": MODEL, "messages": {"role": "user", "content": "[[text=a1\u20ac]]"}}
    usage = ask(program.port, one).json()["usage"]
    assert usage["completion_tokens"] == 5
    ask(program.port, {"model": MODEL, "messages": {"role": "user", "content": "[[n=1]] q2"}})
    assert "[[text=" in runs(program)[-1]["kv_text"] and "a1\u20ac" in runs(program)[-1]["kv_text"]
    assert ask(program.port, {"model": MODEL, "messages": user("x")}).status == 500
    assert request(program.port, "POST", "/v1/reset", {"system_prompt": "S"}).status == 200
    ask(program.port, {"model": MODEL, "messages": {"role": "user", "content": "[[n=1]] q3"}})
    assert runs(program)[-1]["kv_text"].startswith("<|im_start|>system\nS<|im_end|>") and "q2" not in runs(program)[-1]["kv_text"]


def test_busy_stop_and_leaving(axera):
    program = axera("355e18a", scenario(timing={"tokens_per_second": 60}))
    body = {"model": MODEL, "messages": user("[[never_end]]"), "max_tokens": 1}
    stream = Stream(program.port, "/v1/chat/completions", {**body, "stream": True})
    stream.read_until(b" one")
    answer = ask(program.port, body)
    assert (answer.status, answer.json()) == (400, {"error": "LLM is running"})
    stream.close()
    assert ask(program.port, body).status == 400
    assert get(program.port, "/v1/stop").status == 200
    wait_idle(program)
    assert b"req.method:GET req.path:/v1/stop \n" in program.out
