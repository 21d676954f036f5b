"""The calls of the `ollama` command (docs/facts/ollama_wire.md#clients): run, list, ps, show, stop, cp, rm, pull."""

import json

import pytest

from harness import Box, Stream, wait_until

AGENT = {"User-Agent": "ollama/0.33.0 (amd64 linux) Go/go1.24.1", "Content-Type": "application/json", "Accept": "application/json"}
STREAM = {**AGENT, "Accept": "application/x-ndjson"}


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    with Box(tmp_path_factory.mktemp("run"), {"directives": True}, family="qwen3",
             model='capabilities = ["completion", "thinking", "tools"]') as running:
        yield running


def post(box, path, body, headers=AGENT):
    return box.request("POST", path, body, headers)


def stream(box, path, body):
    connection = box.connect()
    connection.request("POST", path, json.dumps(body), STREAM)
    answer = Stream(connection, connection.getresponse())
    assert answer.status == 200
    return list(answer)


def begin(box):
    """Before every command."""
    alive = box.request("HEAD", "/", headers=AGENT)
    assert alive.status == 200


def show(box, name):
    return post(box, "/api/show", {"model": "", "system": "", "template": "", "verbose": False, "options": None, "name": name})


def say(box, messages, text):
    messages.append({"role": "user", "content": text})
    lines = stream(box, "/api/chat", {"model": "sim", "messages": messages, "format": None, "options": {}, "think": True})
    assert lines[-1]["done"] and lines[-1]["eval_count"] > 0 and lines[-1]["eval_duration"] > 0
    answer = "".join(line["message"]["content"] for line in lines)
    messages.append({"role": "assistant", "content": answer, "thinking": "".join(line["message"].get("thinking", "") for line in lines)})
    return answer


def test_run_interactively(box):
    begin(box)
    shown = show(box, "sim")
    assert shown.status == 200 and "completion" in shown.json["capabilities"] and shown.json["model_info"]
    load = post(box, "/api/generate", {"model": "sim", "prompt": "", "suffix": "", "system": "", "template": "", "options": {}, "keep_alive": "5m0s"}, STREAM)
    assert load.json["done_reason"] == "load"
    messages = [{"role": "system", "content": "You are brief."}]
    assert say(box, messages, r"[[text=<think>\nhm\n</think>\n\nfirst]]") == "first"
    assert messages[-1]["thinking"] == "hm"
    assert say(box, messages, "And then? [[text=second]]") == "second"
    prompt = box.runs()[-1]["kv_text"]
    assert prompt.index("You are brief.") < prompt.index("first") < prompt.index("And then?")
    assert "<|im_start|>assistant\nfirst<|im_end|>" in prompt, "old thinking is not repeated"


def test_run_once(box):
    begin(box)
    assert show(box, "sim").status == 200
    lines = stream(box, "/api/generate", {"model": "sim", "prompt": "[[text=once]]", "suffix": "", "system": "", "template": "", "options": {}})
    assert "".join(line["response"] for line in lines) == "once" and lines[-1]["done_reason"] == "stop"


def test_run_of_a_model_that_is_not_here(box):
    begin(box)
    assert show(box, "llama3.2").status == 404
    lines = stream(box, "/api/pull", {"model": "", "insecure": False, "name": "llama3.2"})
    assert lines[0] == {"status": "pulling manifest"} and "corral import" in lines[-1]["error"]


def test_list_and_ps(box):
    begin(box)
    post(box, "/api/generate", {"model": "sim"})
    for path in ("/api/tags", "/api/ps"):
        first = box.request("GET", path, headers=AGENT).json["models"][0]
        assert first["name"] == "sim:latest" and len(first["digest"]) == 64 and first["size"] > 0


def test_save_show_copy_and_remove(box):
    begin(box)
    lines = stream(box, "/api/create", {"model": "brief", "from": "sim", "system": "You are brief.", "parameters": {"temperature": 0.5, "stop": ["###"]},
                                        "messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}]})
    assert lines[-1] == {"status": "success"}
    shown = show(box, "brief").json
    assert shown["system"] == "You are brief." and '"###"' in shown["parameters"]
    assert "FROM sim" in shown["modelfile"] and "SYSTEM" in shown["modelfile"]
    assert post(box, "/api/copy", {"source": "brief", "destination": "short"}).status == 200
    assert stream(box, "/api/generate", {"model": "short", "prompt": "[[text=ok]]"})[0]["response"] == "ok"
    prompt = box.runs()[-1]["kv_text"]
    assert prompt.index("You are brief.") < prompt.index("hi") < prompt.index("ho")
    for name in ("brief", "short"):
        assert show(box, name).status == 200
        post(box, "/api/generate", {"model": name, "keep_alive": "0s"})
        assert box.request("DELETE", "/api/delete", {"model": "", "name": name}, AGENT).status == 200
    assert [m["name"] for m in box.get("/api/tags").json["models"]] == ["sim:latest"]


def test_variants_outlive_a_restart(tmp_path):
    state = tmp_path / "state"
    config = f'state_directory = "{state}"'
    with Box(tmp_path / "box", {"directives": True}, config=config) as box:
        assert post(box, "/api/create", {"model": "kept", "from": "sim", "system": "Kept.", "stream": False}).status == 200
    with Box(tmp_path / "box", {"directives": True}, config=config) as box:
        assert show(box, "kept").json["system"] == "Kept."


def test_stop(box):
    begin(box)
    post(box, "/api/generate", {"model": "sim"})
    assert show(box, "sim").status == 200
    assert post(box, "/api/generate", {"model": "sim", "prompt": "", "keep_alive": "0s"}).json["done_reason"] == "unload"
    wait_until(lambda: box.get("/api/ps").json["models"] == [], 20, "ps is empty")
    wait_until(lambda: box.pid_of("runtime") is None, 20, "the runtime has ended")
    assert "not found" in post(box, "/api/generate", {"model": "nosuch", "keep_alive": "0s"}).json["error"]
    lines = stream(box, "/api/generate", {"model": "sim", "prompt": "[[text=back]]"})
    assert "".join(line["response"] for line in lines) == "back"
