"""How likely each token was, from the runtimes that tell it, in every format that has a place for it."""

import contextlib
import json

import pytest

from harness import MODEL, Box, Elsewhere

TEXT = "[[text=Ten green bottles hang on the wall, \u00e9t\u00e9.]]"
PLAIN = "Ten green bottles."  # whose tokens are whole characters, as the old shape can only have them
ANSWER = "Ten green bottles hang on the wall, \u00e9t\u00e9."


@pytest.fixture(scope="module", params=["llama-server", "vllm-ascend", "ollama-remote"])
def box(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("box")
    profile = "llama-server" if request.param == "ollama-remote" else request.param
    with contextlib.ExitStack() as boxes:
        out = boxes.enter_context(Box(folder / "there", {"directives": True}, profile=profile))
        if request.param == "ollama-remote":
            out = boxes.enter_context(Elsewhere(folder / "here", out))
        yield out


def check(tokens, likeliest, text=ANSWER):
    assert b"".join(bytes(token["bytes"]) for token in tokens).decode() == text
    for token in tokens:
        assert list(token)[:3] == ["token", "logprob", "bytes"] and token["logprob"] <= 0
        others = token.get("top_logprobs", [])
        assert len(others) == likeliest and ("top_logprobs" in token) == (likeliest > 0)
        assert [other["logprob"] for other in others] == sorted((other["logprob"] for other in others), reverse=True)
        assert not others or others[0] == {key: token[key] for key in ("token", "logprob", "bytes")}


def ollama(box, path, stream, **more):
    asked = {"prompt": TEXT} if path == "/api/generate" else {"messages": [{"role": "user", "content": TEXT}]}
    reply = box.post(path, {"model": MODEL, "stream": stream, **asked, **more})
    assert reply.status == 200, reply.body
    return [json.loads(line) for line in reply.body.decode().splitlines()]


@pytest.mark.parametrize("likeliest", [0, 3, 20])
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("path", ["/api/chat", "/api/generate"])
def test_each_token_comes_with_its_chance(box, path, stream, likeliest):
    lines = ollama(box, path, stream, logprobs=True, top_logprobs=likeliest)
    check([token for line in lines for token in line.get("logprobs", [])], likeliest)
    keys = list(lines[-1] if not stream else lines[0])
    assert keys.index("logprobs") == (keys.index("done_reason") + 1 if path == "/api/chat" and not stream else len(keys) - 1)


def test_a_prompt_taken_to_the_token_has_them_too(box):
    [line] = ollama(box, "/api/generate", False, logprobs=True, top_logprobs=2, raw=True, prompt=f"[[text={PLAIN}]]")
    check(line["logprobs"], 2, PLAIN)


def test_nobody_who_did_not_ask_gets_any(box):
    for path in ("/api/chat", "/api/generate"):
        assert not any("logprobs" in line for line in ollama(box, path, True, top_logprobs=5))
    reply = box.post("/v1/chat/completions", {"model": MODEL, "messages": [{"role": "user", "content": TEXT}]})
    assert "logprobs" not in reply.json["choices"][0]


# The cases of Ollama's own suite (integration/structured_output_test.go).
@pytest.mark.parametrize("path, stream, form, text", [
    ("/api/generate", True, "json", "{}"), ("/api/generate", False, None, None), ("/api/generate", True, None, None),
    ("/api/chat", False, None, None)])
def test_a_value_of_a_format_has_its_chances(box, path, stream, form, text):
    schema = {"type": "object", "required": ["color", "count"], "additionalProperties": False,
              "properties": {"color": {"type": "string", "enum": ["blue", "violet"]}, "count": {"type": "integer", "minimum": 1, "maximum": 3}}}
    text = text or '{"color": "blue", "count": 2}'
    asked = {"prompt": f"[[text={text}]]"} if path == "/api/generate" else {"messages": [{"role": "user", "content": f"[[text={text}]]"}]}
    lines = ollama(box, path, stream, format=form or schema, think=False, logprobs=True, top_logprobs=20,
                   options={"temperature": 0, "seed": 23, "num_predict": 96}, **asked)
    assert "".join(line.get("response", "") or line.get("message", {}).get("content", "") for line in lines) == text
    if not isinstance(box, Elsewhere):  # another Corral tells them behind the value, where it is read no further
        check([token for line in lines for token in line.get("logprobs", [])], 20, text)


def test_what_a_stop_takes_away_is_not_told(box):
    for stream in (True, False):
        lines = ollama(box, "/api/chat", stream, logprobs=True, options={"stop": [" hang on"]})
        assert "".join(line["message"]["content"] for line in lines) == "Ten green bottles"
        check([token for line in lines for token in line.get("logprobs", [])], 0, "Ten green bottles")


def test_openais_chat_has_them_in_the_choice(box):
    asked = {"model": MODEL, "messages": [{"role": "user", "content": TEXT}], "logprobs": True, "top_logprobs": 4}
    choice = box.post("/v1/chat/completions", asked).json["choices"][0]
    assert list(choice) == ["index", "message", "finish_reason", "logprobs"]
    check(choice["logprobs"]["content"], 4)
    events = box.post("/v1/chat/completions", {**asked, "stream": True}).body.decode().split("\n\n")
    chunks = [json.loads(event[6:])["choices"][0] for event in events if event.startswith("data: {")]
    check([token for chunk in chunks if "logprobs" in chunk for token in chunk["logprobs"]["content"]], 4)


def test_openais_completions_have_them_in_the_old_shape(box):
    asked = {"model": MODEL, "prompt": f"[[text={PLAIN}]]", "logprobs": 2}
    told = box.post("/v1/completions", asked).json["choices"][0]["logprobs"]
    assert list(told) == ["tokens", "token_logprobs", "top_logprobs", "text_offset"]
    assert {len(told[key]) for key in told} == {len(told["tokens"])} and all(len(top) == 2 for top in told["top_logprobs"])
    assert told["text_offset"][0] == 0 and told["text_offset"] == sorted(told["text_offset"])
    events = box.post("/v1/completions", {**asked, "stream": True}).body.decode().split("\n\n")
    chunks = [json.loads(event[6:])["choices"][0] for event in events if event.startswith("data: {")]
    offsets = [at for chunk in chunks if "logprobs" in chunk for at in chunk["logprobs"]["text_offset"]]
    assert offsets == told["text_offset"]


def test_tokens_of_thinking_that_the_answer_has_no_place_for_are_not_told(tmp_path):
    model = 'capabilities = ["completion", "thinking"]'
    with Box(tmp_path, {"directives": True}, profile="llama-server", family="qwen3", model=model) as box:
        prompt = f"[[text=<think>\\nHm, so\\n</think>\\n\\n{PLAIN}]]"
        for stream in (False, True):
            reply = box.post("/v1/completions", {"model": MODEL, "prompt": prompt, "logprobs": 1, "stream": stream})
            lines = reply.body.decode().split("\n\n")
            objects = [json.loads(line[6:]) for line in lines if line.startswith("data: {")] if stream else [reply.json]
            choices = [each["choices"][0] for each in objects]
            told = [each["logprobs"] for each in choices if "logprobs" in each]
            assert "".join(each["text"] for each in choices) == PLAIN
            assert "".join(token for each in told for token in each["tokens"]) == PLAIN, reply.body
            assert told[0]["text_offset"][0] == 0
            off = [token for line in ollama(box, "/api/generate", stream, prompt=prompt, think=False, logprobs=True)
                   for token in line.get("logprobs", [])]
            assert "".join(token["token"] for token in off) == PLAIN, off
            on = [token for line in ollama(box, "/api/generate", stream, prompt=prompt, think=True, logprobs=True)
                  for token in line.get("logprobs", [])]
            assert "Hm" in "".join(token["token"] for token in on), on


def test_more_of_the_likeliest_than_ollama_gives_are_refused(box):
    for path, more in (("/api/chat", {"top_logprobs": 21}), ("/api/generate", {"top_logprobs": -1}),
                       ("/v1/chat/completions", {"top_logprobs": 21}), ("/v1/completions", {"logprobs": 21})):
        refused = box.post(path, {"model": MODEL, "prompt": "x", "messages": [{"role": "user", "content": "x"}], **more})
        assert refused.status == 400 and b"top_logprobs must be between 0 and 20" in refused.body


def test_responses_say_where_to_ask_for_them(box):
    refused = box.post("/v1/responses", {"model": MODEL, "input": "x", "include": ["message.output_text.logprobs"]})
    assert (refused.status, refused.json["error"]["message"]) == (
        400, "logprobs is not supported in responses: ask /v1/chat/completions for them")
