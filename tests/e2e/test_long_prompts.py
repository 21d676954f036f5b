"""Requests that are longer than the model reads: what clients send first still gets an answer, and everybody sees what was left out."""

import json

import pytest

import client_requests
from harness import Box

ASKED = "What is a corral? [[text=A pen for livestock.]]"
CLIENTS = ["open_webui", "aider", "cline", "home_assistant", "home_assistant_first", "agent"]
TOOLS = 'capabilities = ["completion", "tools"]'


@pytest.fixture(scope="module", params=[True, False], ids=["tap", "no_tap"])
def box(tmp_path_factory, request):
    with Box(tmp_path_factory.mktemp("box"), {"directives": True}, model=TOOLS, tap=request.param) as running:
        yield running


def ask(box, client, **more):
    return box.post("/api/chat", {"model": "sim", "stream": False, **getattr(client_requests, client)(ASKED), **more})


@pytest.mark.parametrize("client", CLIENTS)
def test_the_first_chat_of_a_client_is_answered(box, client):
    assert len(json.dumps(getattr(client_requests, client)(ASKED))) > 8_000
    reply = ask(box, client)
    assert reply.status == 200, reply.body
    assert reply.json["message"]["content"] == "A pen for livestock."
    assert "=" in reply.headers["Corral-Shortened"]
    assert reply.json["prompt_eval_count"] > 640, "the room is used"


def test_every_format_is_answered_and_streams_say_it_too(box):
    body = {"model": "sim", "stream": True, "max_tokens": 50, **client_requests.continue_cli(ASKED)}
    reply = box.post("/v1/chat/completions", body)
    assert reply.status == 200 and "Corral-Shortened" in reply.headers, reply.headers
    system, user = client_requests.agent(ASKED)["messages"]
    reply = box.post("/v1/messages", {"model": "sim", "max_tokens": 50, "system": system["content"], "messages": [user]})
    assert reply.status == 200 and reply.json["content"][0]["text"] == "A pen for livestock.", reply.body
    assert "text-bytes=" in reply.headers["Corral-Shortened"]


def test_the_log_and_readyz_name_the_client(box):
    ask(box, "open_webui")
    assert box.logged("event=request.shortened")
    warnings = box.get("/readyz").json["warnings"]
    assert any("127.0.0.1" in one and "tools=" in one for one in warnings), warnings


def test_truncate_false_is_refused_with_the_tokens_of_each_part(box):
    resets = box.runtime_state()["resets"]
    reply = ask(box, "open_webui", truncate=False)
    assert reply.status == 400
    for part in ("system text ", "tools ", "turns "):
        assert part in reply.json["error"], reply.json["error"]
    assert "there is room for" in reply.json["error"] or "no room for a turn" in reply.json["error"]
    assert box.runtime_state()["resets"] == resets, "it was not even reset"


def test_called_tools_stay_and_the_newest_turn_too(box):
    reply = ask(box, "home_assistant")
    assert reply.status == 200 and "tools=" in reply.headers["Corral-Shortened"]
    run = json.dumps(box.runs()[-1])
    assert "What is a corral?" in run and "HassTurnOn" in run


def test_a_model_that_refuses_long_prompts(tmp_path):
    with Box(tmp_path, {"directives": True}, model=TOOLS + '\noversize = "refuse"') as box:
        reply = ask(box, "aider")
        assert reply.status == 400 and "tokens long" in reply.json["error"]
        assert box.say("[[text=short]]") == "short"
