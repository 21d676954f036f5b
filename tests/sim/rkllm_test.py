"""Rockchip's two demo servers: the gap in the busy flag, no cancel, ignored limits, status 0 on failures."""
import json
import os
import signal

import pytest

from chat_wire import Stream, ask, content, events, finish, get, runs, scenario, streamed, user, wait_idle
from simulated import wait_for

CHAT = "/rkllm_chat"


@pytest.fixture
def rkllm(start, folder):
    model = os.path.join(folder, "qwen3.rkllm")
    with open(model, "wb") as f:
        f.write(b"RKLLM")

    def begin(kind, what=None, wait=True, args=None):
        program = start(kind, args if args is not None else ["--rkllm_model_path", model, "--target_platform", "rk3588"],
                        scenario=scenario() if what is None else what)
        if wait:
            program.wait_port()
        return program
    return begin


def documents(body):
    return [json.loads(part) for part in body.decode().split("\n\n") if part]


def flask_text(body):
    found = documents(body)
    return "".join(c["delta"]["content"] for c in found[-1]["choices"]) if found else ""


def test_it_listens_only_after_the_load(rkllm):
    program = rkllm("rkllm-flask", scenario(timing={"load_ms": 60000}), wait=False)
    wait_for(lambda: b"loading rkllm model" in program.out, "it loads")
    assert program.state()["port"] == 0
    program.send_signal(signal.SIGTERM)
    assert program.wait_exit() == -signal.SIGTERM


def test_the_log_and_the_only_route(rkllm):
    program = rkllm("rkllm-flask")
    out = program.out.decode()
    assert out.index("=========init....===========") < out.index("rkllm init success!") < out.index(" * Running on http://")
    assert get(program.port, "/").status == 404 and get(program.port, CHAT).status == 405


def test_an_answer_in_one_piece(rkllm):
    program = rkllm("rkllm-flask")
    answer = ask(program.port, {"messages": user("[[n=3]]"), "max_tokens": 1, "stop": ["two"]}, CHAT).json()
    assert answer == {"id": "rkllm_chat", "object": "rkllm_chat", "created": None, "choices": [
        {"index": 0, "message": {"role": "assistant", "content": " one two three"}, "logprobs": None, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": None, "completion_tokens": None, "total_tokens": None}}


@pytest.mark.parametrize("old", [False, True])
def test_a_stream_repeats_itself_by_the_character(rkllm, old):
    program = rkllm("rkllm-flask", scenario(chat={"http10": old}))
    stream = streamed(program.port, {"messages": user("[[text=a\u20ac\U0001f600]]")}, CHAT)
    assert stream.head.startswith("HTTP/1.0 200 OK" if old else "HTTP/1.1 200 OK") and "text/plain; charset=utf-8" in stream.head
    assert ("chunked" in stream.head) is not old
    found = documents(stream.body)
    assert [[c["delta"]["content"] for c in d["choices"]] for d in found] == [["a"], ["a", "\u20ac"], ["a", "\u20ac", "\U0001f600"]]
    assert all(c["finish_reason"] is None for c in found[-1]["choices"])


def test_only_the_first_message_counts_and_only_of_a_user(rkllm):
    program = rkllm("rkllm-flask", scenario({"mode": "echo"}))
    answer = ask(program.port, {"messages": user("first") + user("second")}, CHAT).json()["choices"][0]["message"]["content"]
    assert "first" in answer and "second" not in answer
    wait_idle(program)
    system_first = {"messages": [{"role": "system", "content": "s"}] + user("u")}
    assert ask(program.port, system_first, CHAT).json()["choices"] == []
    assert streamed(program.port, system_first, CHAT).head.startswith("HTTP/1.1 500")
    assert ask(program.port, {"prompt": "x"}, CHAT).json() == {"status": "error", "message": "Invalid JSON data!"}
    assert ask(program.port, {"messages": user("still there")}, CHAT).status == 200


def test_busy_holds_from_the_first_character_on(rkllm):
    program = rkllm("rkllm-flask", scenario(timing={"tokens_per_second": 40}))
    stream = Stream(program.port, CHAT, {"messages": user("[[n=20]]"), "stream": True})
    stream.read_until(b"choices")
    answer = ask(program.port, {"messages": user("[[n=1]]")}, CHAT)
    assert answer.status == 503 and answer.json()["message"] == "RKLLM_Server is busy! Maybe you can try again later."
    stream.read_all()
    assert flask_text(stream.body).count(" ") == 20 and program.state()["high_water"] == 1


def test_a_second_request_during_prefill_spoils_the_first(rkllm):
    # Long enough that both speak at the same time, however late the second one comes to speak.
    program = rkllm("rkllm-flask", scenario(timing={"prefill_ms_per_chunk": 1500, "tokens_per_second": 80}))
    first = Stream(program.port, CHAT, {"messages": user("[[text=" + "a" * 320 + "]]"), "stream": True})
    wait_for(lambda: program.state()["phase"] == "prefill", "the first is read")
    second = Stream(program.port, CHAT, {"messages": user("[[text=" + "b" * 320 + "]]"), "stream": True})
    first.read_all()
    second.read_all()
    assert program.state()["high_water"] == 2
    both = flask_text(first.body) + flask_text(second.body)
    assert sorted(both) == sorted("a" * 320 + "b" * 320)
    assert "b" in flask_text(first.body) or "a" in flask_text(second.body)


@pytest.mark.parametrize("kind, path", [("rkllm-flask", CHAT), ("rkllm-openai", "/v1/chat/completions")])
def test_nobody_can_cancel_and_the_rest_is_busy_until_the_end(rkllm, kind, path):
    program = rkllm(kind, scenario(timing={"tokens_per_second": 40}))
    stream = Stream(program.port, path, {"messages": user("[[n=40]]"), "stream": True})
    stream.read_until(b"choices")
    stream.close()
    assert ask(program.port, {"messages": user("[[n=1]]")}, path).status == 503
    wait_idle(program)
    assert (runs(program)[0]["output_tokens"], runs(program)[0]["ended_by"]) == (40, "eos")
    assert ask(program.port, {"messages": user("[[n=1]]")}, path).status == 200


@pytest.mark.parametrize("kind", ["rkllm-flask", "rkllm-openai"])
def test_failures_to_start_end_with_status_0(rkllm, kind):
    for args in (["--rkllm_model_path", "/nonexistent", "--target_platform", "rk3588"],):
        program = rkllm(kind, None, False, args)
        assert program.wait_exit() == 0 and b"Error: Please provide the correct rkllm model path" in program.out
    for fault, words in (("start_fail", b"load model file error"), ("start_oom", b"failed to malloc npu memory, size: ")):
        program = rkllm(kind, scenario(faults={fault: True}), False)
        assert program.wait_exit() == 0 and words in program.out and b"rkllm init failed" in program.out
    assert rkllm(kind, None, False, []).wait_exit() == 2
    program = rkllm(kind, scenario(faults={"start_port_taken": True}), False)
    assert program.wait_exit() == 1 and "Port 8080 is in use by another program" in program.err


def test_a_run_error_is_an_ordinary_end(rkllm):
    program = rkllm("rkllm-flask")
    program.fault("stream_error", "once", after=2)
    stream = streamed(program.port, {"messages": user("[[n=9]]")}, CHAT)
    assert flask_text(stream.body) == " one two" and stream.raw.endswith(b"0\r\n\r\n")
    wait_for(lambda: b"run error" in program.out, "the log says so")


def test_how_the_old_one_ends(rkllm):
    program = rkllm("rkllm-flask")
    program.send_signal(signal.SIGTERM)
    assert program.wait_exit() == -signal.SIGTERM
    program = rkllm("rkllm-flask")
    program.send_signal(signal.SIGINT)
    assert program.wait_exit() == 0 and b"releasing RKLLM model resources..." in program.out


@pytest.mark.parametrize("status, expected", [(0, 0), (134, -signal.SIGABRT), (139, -signal.SIGSEGV)])
def test_how_the_new_one_ends(rkllm, status, expected):
    program = rkllm("rkllm-openai", scenario(chat={"release_status": status}))
    program.send_signal(signal.SIGTERM)
    assert program.wait_exit() == expected
    assert b"Received interrupt signal, releasing RKLLM model resources..." in program.out


def test_the_new_one_forgets_the_system_text_and_the_history(rkllm):
    program = rkllm("rkllm-openai", scenario({"mode": "echo"}))
    talk = [{"role": "system", "content": "SYS"}] + user("first") + [{"role": "assistant", "content": "x"}] + user("last")
    ask(program.port, {"messages": talk})
    assert "last" in runs(program)[-1]["kv_text"]
    assert not [word for word in ("SYS", "first") if word in runs(program)[-1]["kv_text"]]
    # What is new is counted from the length of whatever request came before, whoever sent it.
    ask(program.port, {"messages": user("a") + user("b") + user("c") + user("d") + [{"role": "assistant", "content": "e"}]})
    assert runs(program)[-1]["kv_text"].split("user\n")[1].startswith("<|im_end|>")
    ask(program.port, {"messages": user("one flat message")})
    assert "one flat message" in runs(program)[-1]["kv_text"]


def test_the_new_one_streams_characters_and_counts_words(rkllm):
    program = rkllm("rkllm-openai")
    stream = streamed(program.port, {"messages": user("[[text=ab cd]]"), "max_tokens": 100, "stop": ["cd"]})
    assert stream.head.startswith("HTTP/1.0 200 OK") and "text/event-stream" in stream.head and "chunked" not in stream.head
    found = events(stream.body)
    pieces = [e["choices"][0]["delta"]["content"] for e in found[1:-2]]
    assert pieces == list("ab cd") and found[-2]["choices"][0]["delta"] == {"content": ""}
    assert len({e["id"] for e in found[:-1]}) == len(found) - 1
    assert finish(found) == ["stop"] and content(found) == "ab cd"
    usage = ask(program.port, {"messages": user("[[text=ab cd]] x y")}).json()["usage"]
    assert usage == {"prompt_tokens": 4, "completion_tokens": 2, "total_tokens": 6}
    assert ask(program.port, {"messages": user("x"), "max_tokens": None}).status == 500
    assert ask(program.port, {"prompt": "x"}).json()["error"]["type"] == "invalid_request_error"


def test_the_new_ones_probe_waits_behind_an_answer(rkllm):
    program = rkllm("rkllm-openai", scenario(timing={"tokens_per_second": 20}))
    stream = Stream(program.port, "/v1/chat/completions", {"messages": user("[[n=10]]"), "stream": True})
    stream.read_until(b"choices")
    answer = get(program.port, "/v1/models")
    assert answer.json()["data"][0]["id"] == "qwen3" and program.state()["active"] == 0
    stream.close()
