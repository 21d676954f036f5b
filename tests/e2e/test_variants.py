"""Models that clients make of others answer in their own way, and are there after a restart."""

import json

import pytest

from harness import MODEL, Box


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    folder = tmp_path_factory.mktemp("variants")
    with Box(folder, config=f'state_directory = "{folder / "state"}"') as running:
        yield running


def names(box):
    return {model["name"] for model in box.get("/api/tags").json["models"]}


def statuses(reply):
    return [json.loads(line) for line in reply.body.splitlines()]


def test_a_variant_speaks_with_its_own_system_text_also_after_a_restart(box):
    made = box.post("/api/create", {"model": "pirate", "from": "sim", "system": "You are a pirate.",
                                    "parameters": {"num_predict": 5},
                                    "messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "arr"}]})
    assert made.status == 200 and statuses(made)[-1] == {"status": "success"}, made.body
    for _ in range(2):
        assert names(box) == {MODEL, "pirate:latest"}
        shown = box.post("/api/show", {"model": "pirate"}).json
        assert shown["system"] == "You are a pirate." and shown["details"]["parent_model"] == MODEL
        said = box.post("/api/chat", {"model": "Pirate", "stream": False, "messages": [{"role": "user", "content": "who?"}]})
        assert said.status == 200 and said.json["model"] == "Pirate" and said.json["eval_count"] <= 5, said.body
        read = json.dumps(box.runs()[-1])
        assert "You are a pirate." in read and "arr" in read, read
        box.stop()
        box.start()
    assert box.request("DELETE", "/api/delete", {"model": "pirate"}).status == 200
    box.stop()
    box.start()
    assert names(box) == {MODEL}


def test_a_copy_is_a_second_name_and_the_configured_model_stays(box):
    assert box.post("/api/copy", {"source": "sim", "destination": "me/alias:x"}).status == 200
    assert box.post("/api/show", {"model": "me/alias:x"}).status == 200
    assert box.request("DELETE", "/api/delete", {"model": "sim"}).status == 403
    assert box.post("/api/create", {"model": "sim", "from": "me/alias:x"}).status == 403
    assert box.request("DELETE", "/api/delete", {"model": "me/alias:x"}).status == 200
    assert names(box) == {MODEL}


def test_context_goes_on_with_the_conversation(box):
    def generate(**more):
        reply = box.post("/api/generate", {"model": MODEL, "stream": False, **more})
        assert reply.status == 200, reply.body
        return reply.json

    first = generate(prompt="My name is Ada.")
    generate(prompt="Who am I?", context=first["context"])
    read = json.dumps(box.runs()[-1])
    assert "My name is Ada." in read and "Who am I?" in read, read
