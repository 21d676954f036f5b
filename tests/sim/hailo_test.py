"""hailo-ollama: errors with status 200, one context that goes on for whoever begins alike, and no way to stop a run."""
import json
import os
import signal
import threading

import pytest

from chat_wire import Stream, ask, get, runs, scenario, user, wait_idle
from simulated import wait_for

NAME = "qwen2.5-instruct:1.5b"


@pytest.fixture
def hailo(start, folder):
    def begin(what=None, wait=True, config=None, env=None):
        models = os.path.join(folder, "share", "hailo-ollama", "models")
        manifest = os.path.join(models, "manifests", *NAME.split(":"))
        for one in (manifest, os.path.join(models, "blob"), os.path.join(folder, "etc", "hailo-ollama")):
            os.makedirs(one, exist_ok=True)
        with open(os.path.join(manifest, "manifest.json"), "w") as f:
            json.dump({"hef_h10h": "ab"}, f)
        open(os.path.join(models, "blob", "sha256_ab"), "w").close()
        with open(os.path.join(folder, "etc", "hailo-ollama", "hailo-ollama.json"), "w") as f:
            json.dump(config or {"server": {"host": "0.0.0.0", "port": 8000}}, f)
        environment = {"XDG_DATA_HOME": os.path.join(folder, "share"), "XDG_CONFIG_HOME": os.path.join(folder, "etc"), **(env or {})}
        program = start("hailo-ollama", scenario=scenario() if what is None else what, env=environment)
        if wait:
            program.wait_port()
        return program
    return begin


def chat(program, messages, **more):
    return ask(program.port, {"model": NAME, "messages": messages, "stream": False, **more}, "/api/chat")


def lines(body):
    return [json.loads(line) for line in body.decode().split("\r\n") if line]


def test_what_it_says_of_itself(hailo):
    program = hailo()
    assert get(program.port, "/").body == b"hailo-ollama is running"
    assert get(program.port, "/api/version").json() == {"version": "0.5.1"}
    listed = get(program.port, "/api/tags").json()["models"]
    assert [one["name"] for one in listed] == [NAME] and "digest" not in listed[0]
    assert get(program.port, "/api/ps").json() == {"models": []}, "nothing is loaded before a request"
    assert get(program.port, "/api/embed").status == 404


@pytest.mark.parametrize("old", [False, True], ids=["present", "5.1.1"])
def test_an_unknown_model_is_an_error(hailo, old):
    program = hailo(scenario(faults={"errors_200": old}))
    for path in ("/api/chat", "/api/generate", "/v1/chat/completions"):
        answer = ask(program.port, {"model": "qwen9:1b", "messages": user("x"), "prompt": "x"}, path)
        assert (answer.status, answer.json()) == (200 if old else 404, {"error": "model 'qwen9:1b' not found"}), path
    answer = ask(program.port, {"model": NAME, "messages": user("x"), "stream": True})
    assert (answer.status, answer.json()["error"][:23]) == (200 if old else 400, "streaming not supported")


def test_fields_have_one_type_each(hailo):
    program = hailo()
    for more in ({"keep_alive": "300s"}, {"format": {"type": "object"}}, {"options": {"num_predict": "many"}}):
        answer = chat(program, user("[[n=1]]"), **more)
        assert answer.status == 500 and b"message=" in answer.body, more
    assert chat(program, user("[[n=1]]"), keep_alive=-1, options={"seed": 1, "mirostat": 2}).status == 200


def test_a_stream_ends_in_a_line_that_counts_what_was_written(hailo):
    program = hailo()
    stream = Stream(program.port, "/api/chat", {"model": NAME, "messages": user("[[n=9]]"), "options": {"num_predict": 2, "stop": ["one"]}})
    stream.read_all()
    said = lines(stream.body)
    assert "".join(one["message"]["content"] for one in said) == " one two"
    last = said[-1]
    assert (last["done"], last["done_reason"], last["eval_count"]) == (True, "length", 2) and "prompt_eval_count" not in last


def test_a_model_is_loaded_by_its_first_request_and_goes_when_told(hailo):
    program = hailo()
    assert "loads" not in program.state()
    chat(program, user("[[n=1]]"))
    chat(program, user("[[n=1]]"))
    assert program.state()["loads"] == 1
    answer = ask(program.port, {"model": NAME, "keep_alive": 0, "stream": False}, "/api/generate")
    assert answer.json()["done_reason"] == "unload"
    chat(program, user("[[n=1]]"))
    assert program.state()["loads"] == 2
    program.fault("start_oom", "once")
    ask(program.port, {"model": NAME, "keep_alive": 0}, "/api/generate")
    answer = chat(program, user("x"))
    assert answer.status == 500 and b"HAILO_OUT_OF_PHYSICAL_DEVICES" in answer.body
    assert get(program.port, "/api/version").status == 200


def test_it_goes_on_behind_whoever_began_alike(hailo):
    program = hailo()
    first = user("[[text=said before]] hello")
    said = chat(program, first).json()["message"]["content"]
    longer = first + [{"role": "assistant", "content": said}] + user("[[n=1]] more")
    chat(program, longer)
    read = runs(program)[-1]["kv_text"]
    assert said == "said before" and read.count(said) == 2 and read.endswith("more<|im_end|>\n<|im_start|>assistant\n")


def test_an_answer_whose_client_left_is_read_by_the_next_who_begins_alike(hailo):
    program = hailo(scenario(timing={"tokens_per_second": 60}))
    stream = Stream(program.port, "/api/chat", {"model": NAME, "messages": user("[[text=the secret of Alice]]")})
    stream.read_until(b'"content":"t"')
    stream.close()
    wait_idle(program)
    assert runs(program)[-1]["ended_by"] == "eos", "nothing stops a run"
    chat(program, user("[[text=the secret of Alice]]") + [{"role": "assistant", "content": "x"}] + user("[[n=1]]"))
    assert runs(program)[-1]["kv_text"].count("the secret of Alice") == 2, "the text of the prompt, and the answer that was left"


def test_a_second_request_waits(hailo):
    program = hailo(scenario(timing={"tokens_per_second": 60}))
    stream = Stream(program.port, "/api/chat", {"model": NAME, "messages": user("[[n=20]]")})
    stream.read_until(b" one")
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(chat(program, user("[[text=second]]")).json()))
    waiting.start()
    assert get(program.port, "/api/version").status == 200, "answered meanwhile"
    stream.read_all()
    waiting.join(15)
    assert answers[0]["message"]["content"] == "second" and program.state()["high_water"] == 1


def test_ends(hailo):
    program = hailo(scenario(timing={"tokens_per_second": 60}))
    stream = Stream(program.port, "/api/chat", {"model": NAME, "messages": user("[[n=10]]")})
    stream.read_until(b" one")
    program.send_signal(signal.SIGTERM)
    wait_for(lambda: b"please wait for server shutdown" in program.out, "it takes the signal")
    assert lines(Stream.read_all(stream) and stream.body)[-1]["done"] is True
    stream.close()
    assert program.wait_exit() == 0
    lost = hailo(wait=False, env={"XDG_DATA_HOME": "/nonexistent", "XDG_DATA_DIRS": "/nonexistent"})
    assert lost.wait_exit() == -signal.SIGABRT and "hailo-ollama directory not found" in lost.err
